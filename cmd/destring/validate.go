package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"destring/relay/kafka"
)

func newValidate() *cobra.Command {
	var file string
	var sets []string
	var offline bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check a configuration; exit code 78 and every fault when it is wrong",
		Long: `validate reads the configuration and everything that it names: certificates (time, key,
use, chain), keys and their modes, rules. Unless --offline it also asks Kafka whether the
topics are there and may be written to, and Slack whether the token is good. Nothing is posted.`,
		Example: "  destring validate -c /etc/destring/destring.yaml\n  destring validate -c destring.yaml --offline      # in CI",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError("validate needs a configuration: -c destring.yaml")
			}
			c, err := loadConfig(file, sets, cmdEnviron())
			if err != nil {
				return err
			}
			warnings, err := c.validate(cmd.Context(), offline)
			for _, w := range warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), "destring: warning: "+w)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", file)
			return err
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "do not ask Kafka and Slack")
	addConfigFlags(cmd, &file, &sets)
	return cmd
}

// validate checks what the file alone cannot tell: that certificates and keys are good and
// belong together, that the policy and the rules can be made, and, unless offline, that Kafka and
// Slack answer. The warnings are what works and yet is not good.
func (c *Config) validate(ctx context.Context, offline bool) (warnings []string, err error) {
	var faults Faults
	add := func(key string, err error) {
		if err != nil {
			faults = append(faults, Fault{Key: key, Message: err.Error(), File: c.file})
		}
	}
	var u checkup
	sort := func() {
		for _, d := range u.Lines {
			switch d.Level {
			case levelFault:
				add(d.Subject, errors.New(d.String()))
			case levelWarning:
				warnings = append(warnings, d.Subject+": "+d.String())
			}
		}
	}
	c.certificates(&u, time.Now())
	sort()
	set, err := c.ruleSet()
	add("rules", err)
	_, err = c.engine(randomKey(), set)
	add("redact", err)
	if err = c.checkAlerts(); err != nil {
		add("alerts", err)
	} else if !offline {
		_, err = c.checkSlack(ctx)
		add("alerts.slack", err)
	}
	if c.Spool.Dir == "" {
		add("spool.dir", errors.New("must not be empty (only serve --stdout does without)"))
	}
	if len(c.Kafka.Brokers) == 0 {
		add("kafka.brokers", errors.New("must not be empty (set kafka.brokers or DESTRING_KAFKA_BROKERS)"))
	} else {
		k, err := c.kafka()
		add("kafka", err)
		if err == nil && !offline {
			u.Lines = nil
			u.kafka(inspectKafka(ctx, k))
			sort()
		}
	}
	return append(warnings, c.warnings()...), faults.err()
}

// checkTimeout bounds the check of one other system.
const checkTimeout = 15 * time.Second

// slackGood is the one good answer of checkSlack.
const slackGood = "the token is good (auth.test); nothing was posted"

// checkSlack asks Slack whether the token is good (auth.test). Nothing is posted: whether a
// webhook is good cannot be told without. It returns what was found, in words.
func (c *Config) checkSlack(ctx context.Context) (string, error) {
	sink, err := c.slack()
	if err != nil {
		return "", err
	}
	if sink == nil {
		return "not configured: alerts go to Kafka alone", nil
	}
	token, err := c.secretFrom(c.Alerts.Slack.Token, c.Alerts.Slack.TokenFile)
	if err != nil || token == "" {
		return "a webhook is set; it cannot be checked without posting, and nothing was posted", err
	}
	client, err := c.slackClient(token)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return slackGood, client.Check(ctx)
}

// inspectKafka asks the cluster whether it is there, has the topics or lets us make them, and who
// can read them.
func inspectKafka(ctx context.Context, k kafka.Config) []kafka.Finding {
	ctx, cancel := context.WithTimeout(ctx, 2*checkTimeout)
	defer cancel()
	return kafka.Inspect(ctx, k)
}

// warnings are what works and yet is not good.
func (c *Config) warnings() []string {
	var all []string
	if c.Spool.Dir != "" && sameDevice(c.path(c.Spool.Dir), c.spoolKeyFile()) {
		all = append(all, fmt.Sprintf("spool.key_file: %s is on the same file system as spool.dir: a copy of the disk has both; give the key by a systemd credential or keep it elsewhere", c.spoolKeyFile()))
	}
	if c.Kafka.AllowPlaintext && !c.Kafka.secured() {
		all = append(all, "kafka.allow_plaintext: records travel unencrypted; everybody on the way can read and change them")
	}
	if c.Listen.Plain.AllowPlaintext {
		all = append(all, "listen.plain.allow_plaintext: everybody on the network can send and forge log records")
	}
	for key, d := range map[string]*Door{"listen.syslog_tls": &c.Listen.SyslogTLS, "listen.relp": &c.Listen.RELP} {
		if d.Address != "" && d.ClientAuth != "require" {
			all = append(all, key+".client_auth: senders without a certificate are let in; nothing proves who they are")
		}
	}
	return all
}

// sameDevice reports whether the folders of two paths, as far as they exist, are on one file system.
func sameDevice(a, b string) bool {
	da, oka := deviceOf(a)
	db, okb := deviceOf(b)
	return oka && okb && da == db
}

func deviceOf(path string) (uint64, bool) {
	for {
		info, err := os.Stat(path)
		if err == nil {
			st, ok := info.Sys().(*syscall.Stat_t)
			if !ok {
				return 0, false
			}
			return uint64(st.Dev), true
		}
		parent := filepath.Dir(path)
		if parent == path {
			return 0, false
		}
		path = parent
	}
}
