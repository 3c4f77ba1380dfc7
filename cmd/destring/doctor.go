package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

func newDoctor() *cobra.Command {
	var f controlFlags
	var format string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at a running relay and all around it; one line each, with the fix",
		Long: `doctor checks what validate does, and the system that runs: whether the relay answers and
serves the certificate that is on the disk, its spool, its files and their modes, the clock,
the brokers and topics, who can read them, and whether Slack takes the token. It changes
nothing and posts nothing. Run it as the relay's user. Exit code 1 when there is a fault.`,
		Example: "  destring doctor -c /etc/destring/destring.yaml\n  destring doctor -c destring.yaml -o json | jq '.[] | select(.level != \"ok\")'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.config == "" {
				return usageError("doctor needs a configuration: -c destring.yaml")
			}
			if format != "text" && format != "json" {
				return usageError("-o %s: must be text or json", format)
			}
			u := examine(cmd.Context(), &f, time.Now())
			var err error
			if format == "json" {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(u.Lines)
			} else {
				err = u.print(cmd.OutOrStdout())
			}
			if err == nil && u.count(levelFault) > 0 {
				return &exitError{code: exitFindings}
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	f.add(cmd)
	return cmd
}

// examine makes every check. Faults of the configuration end it: what follows rests on it.
func examine(ctx context.Context, f *controlFlags, now time.Time) *checkup {
	u := &checkup{}
	c, err := loadConfig(f.config, f.sets, cmdEnviron())
	if err != nil {
		faults, ok := errors.AsType[Faults](err)
		if !ok {
			faults = Faults{{Message: err.Error()}}
		}
		for _, fault := range faults {
			u.add(levelFault, "config", "", "%s", fault)
		}
		return u
	}
	u.add(levelOK, "config", "", "%s has no faults", f.config)
	for _, w := range c.warnings() {
		u.add(levelWarning, "config", "", "%s", w)
	}
	c.checkPolicy(u)
	c.certificates(u, now)
	c.checkModes(u)
	c.checkDisk(u)
	checkClock(u)
	c.checkRelay(ctx, u, now)
	c.checkOutside(ctx, u)
	return u
}

// checkPolicy makes the rules and the redaction as the relay would at its next start.
func (c *Config) checkPolicy(u *checkup) {
	set, err := c.ruleSet()
	if err == nil {
		_, err = c.engine(randomKey(), set)
	}
	if err != nil {
		u.add(levelFault, "rules", "destring rules lint names every fault", "%v", err)
		return
	}
	u.add(levelOK, "rules", "", "%s in %s", plural(len(set.Rules()), "rule"), map[bool]string{true: "the binary", false: "the binary and rules.dirs"}[len(c.Rules.Dirs) == 0])
}

// checkOutside asks Kafka and Slack. Nothing is posted.
func (c *Config) checkOutside(ctx context.Context, u *checkup) {
	if len(c.Kafka.Brokers) == 0 {
		u.add(levelNote, "kafka", "set kafka.brokers, unless serve runs with --stdout", "no brokers are configured")
	} else if k, err := c.kafka(); err != nil {
		u.add(levelFault, "kafka", "", "%v", err)
	} else {
		u.kafka(inspectKafka(ctx, k))
	}
	if err := c.checkAlerts(); err != nil {
		u.add(levelFault, "alerts", "", "%v", err)
		return
	}
	said, err := c.checkSlack(ctx)
	if err != nil {
		u.add(levelFault, "alerts.slack", "make a token under Features → OAuth & Permissions of the Slack app, with the scope chat:write, and write it to alerts.slack.token_file", "%v", err)
		return
	}
	u.add(map[bool]string{true: levelOK, false: levelNote}[said == slackGood], "alerts.slack", "", "%s", said)
}
