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
		Use:     "validate",
		Short:   "Check a configuration; exit code 78 and every fault when it is wrong",
		Example: "  destring validate -c /etc/destring/destring.yaml --offline",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError("validate needs a configuration: -c destring.yaml")
			}
			c, err := loadConfig(file, sets, cmdEnviron())
			if err != nil {
				return err
			}
			if err := c.validate(cmd.Context(), offline); err != nil {
				return err
			}
			for _, w := range c.warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), "destring: warning: "+w)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", file)
			return err
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "do not ask Kafka")
	addConfigFlags(cmd, &file, &sets)
	return cmd
}

// validate checks what the file alone cannot tell: that certificates and keys are good and
// belong together, that the policy can be made, and, unless offline, that Kafka answers.
func (c *Config) validate(ctx context.Context, offline bool) error {
	var faults Faults
	add := func(key string, err error) {
		if err != nil {
			faults = append(faults, Fault{Key: key, Message: err.Error(), File: c.file})
		}
	}
	for key, d := range map[string]*Door{"listen.syslog_tls": &c.Listen.SyslogTLS, "listen.relp": &c.Listen.RELP} {
		if d.Address != "" {
			s, err := c.security(d)
			if err == nil {
				err = s.Check()
			}
			add(key, err)
		}
	}
	set, err := c.ruleSet()
	add("rules", err)
	_, err = c.engine(randomKey(), set)
	add("redact", err)
	_, err = c.slack()
	add("alerts.slack", err)
	if c.Spool.Dir == "" {
		add("spool.dir", errors.New("must not be empty (only serve --stdout does without)"))
	}
	if len(c.Kafka.Brokers) == 0 {
		add("kafka.brokers", errors.New("must not be empty (set kafka.brokers or DESTRING_KAFKA_BROKERS)"))
	} else {
		k, err := c.kafka()
		if err == nil && !offline {
			err = checkKafka(ctx, k)
		}
		add("kafka", err)
	}
	return faults.err()
}

// checkKafka asks the cluster whether it is there and has the topics, or lets us make them.
func checkKafka(ctx context.Context, k kafka.Config) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return kafka.Check(ctx, k)
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
