package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"destring/relay"
	"destring/rules"
	"destring/rules/detect"
)

// reloadable are the keys, or groups of keys, that take effect at a reload. The others need a restart.
var reloadable = []string{"peers", "redact", "rules", "log.level",
	"listen.syslog_tls.cert_file", "listen.syslog_tls.key_file", "listen.syslog_tls.client_ca_file", "listen.syslog_tls.crl_file", "listen.syslog_tls.client_auth", "listen.syslog_tls.permitted_peers",
	"listen.relp.cert_file", "listen.relp.key_file", "listen.relp.client_ca_file", "listen.relp.crl_file", "listen.relp.client_auth", "listen.relp.permitted_peers"}

// reloaded is what a reload did.
type reloaded struct {
	Changed []string `json:"changed"`           // keys that took effect
	Restart []string `json:"restart,omitempty"` // keys that changed in the file and wait for a restart
}

// reload reads the configuration again. All that is new is made before anything is put in place:
// an error leaves everything as it was.
func (h *house) reload() (reloaded, error) {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	next, err := loadConfig(h.config.file, h.sets, cmdEnviron())
	if err != nil {
		return reloaded{}, err
	}
	next.Spool.Dir = h.config.Spool.Dir // serve --stdout may have made it
	done := reloaded{Changed: []string{}}
	var changed []configField
	for _, f := range configFields(reflect.TypeFor[Config]()) {
		if reflect.DeepEqual(f.of(next).Interface(), f.of(h.config).Interface()) {
			continue
		}
		if slices.ContainsFunc(reloadable, func(k string) bool { return f.Key == k || strings.HasPrefix(f.Key, k+".") }) {
			done.Changed = append(done.Changed, f.Key)
			changed = append(changed, f)
		} else {
			done.Restart = append(done.Restart, f.Key)
		}
	}
	if err := h.refit(next); err != nil {
		return reloaded{}, err
	}
	for _, f := range changed { // nobody but a reload reads these after the start
		f.of(h.config).Set(f.of(next))
	}
	return done, nil
}

// refit puts what can change into place: engine and certificates.
func (h *house) refit(next *Config) error {
	next.maxRecord = h.config.maxRecord
	next.Environment, next.Name = h.config.Environment, h.config.Name // they wait for a restart
	set, err := next.ruleSet()
	if err != nil {
		return err
	}
	engine, err := next.engine(h.master, set)
	if err != nil {
		return err
	}
	read, err := next.celeryOptions()
	if err != nil {
		return err
	}
	var apply []func() error
	for i, name := range h.door.names {
		d := &next.Listen.SyslogTLS
		if name == "relp" {
			d = &next.Listen.RELP
		}
		security, err := next.security(d)
		if err == nil {
			err = security.Check()
		}
		if err != nil {
			return fmt.Errorf("listen.%s: %w", name, err)
		}
		apply = append(apply, func() error {
			if err := h.door.listeners[i].Reload(security); err != nil {
				return err
			}
			h.door.shows(name, security)
			return nil
		})
	}
	for _, put := range apply { // they were checked: what fails here fails before anything else is put in place
		if err := put(); err != nil {
			return err
		}
	}
	h.relay.Use(relay.Policy{Engine: engine, Celery: read})
	h.matches.Use(set)
	h.level.Set(next.logLevel())
	h.set = set
	return nil
}

// renew makes the engine again by the configuration and the rules in force: an entry of the redaction
// policy has ended. The file is not read, so a mistake that stands in it cannot keep the entry alive.
func (h *house) renew() error {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	engine, err := h.config.engine(h.master, h.set)
	if err != nil {
		return err
	}
	read, err := h.config.celeryOptions()
	if err != nil {
		return err
	}
	h.relay.Use(relay.Policy{Engine: engine, Celery: read})
	h.log.Info("relay: an entry of the redaction policy has ended")
	return nil
}

// reloadOnSignal reloads at SIGHUP until ctx ends.
func (h *house) reloadOnSignal(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-hup:
			_, _ = h.reloadAndSay() // it is in the log
		case <-ctx.Done():
			return nil
		}
	}
}

// expirePolicy ends entries of the redaction policy when their time has come, until ctx ends.
func (h *house) expirePolicy(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if end := h.relay.Engine().NextExpiry(); !end.IsZero() && !now.Before(end) {
				if err := h.renew(); err != nil {
					h.log.Error("relay: an entry of the redaction policy has ended and the policy cannot be made again", "error", err)
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// reloadAndSay reloads, and logs what came of it; systemd is told while it lasts.
func (h *house) reloadAndSay() (reloaded, error) {
	h.notify("RELOADING=1")
	defer h.notify("READY=1")
	done, err := h.reload()
	if err != nil {
		h.log.Error("relay: the new configuration is refused, the old one stays", "error", err.Error())
		h.state(rules.Statement{Topic: rules.Audit, Action: "reload-refused", Time: time.Now().UnixNano(), Severity: rules.Medium, Message: "A new configuration was refused; the old one stays.",
			Fields: []rules.Field{rules.String("destring.signal", signalOfRefusal(err))}})
		return done, err
	}
	h.log.Info("relay: reloaded", "changed", done.Changed)
	h.state(rules.Statement{Topic: rules.Audit, Action: "reloaded", Time: time.Now().UnixNano(), Message: "The configuration was read again.",
		Fields: []rules.Field{rules.String("destring.signal", "config-changed"), rules.Strings("destring.config.changed", done.Changed...)}})
	if len(done.Restart) > 0 {
		h.log.Warn("relay: these keys changed and wait for a restart", "keys", done.Restart)
	}
	return done, nil
}

// signalOfRefusal tells rules that have mistakes from the rest of the configuration.
func signalOfRefusal(err error) string {
	var refused *detect.LoadError
	if errors.As(err, &refused) {
		return "rules-refused"
	}
	return "config-refused"
}

func (h *house) serveReload(w http.ResponseWriter, _ *http.Request) {
	done, err := h.reloadAndSay()
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err)
		return
	}
	answer(w, done)
}

func newReload() *cobra.Command {
	var file string
	var sets []string
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the running relay read its configuration again, and wait for the outcome",
		Long: `reload makes the running relay read its configuration, certificates, CRLs and rules again, as
SIGHUP does, and tells what came of it. Connections live on. A configuration that
is wrong changes nothing: exit code 78 and every fault.`,
		Example: "  destring reload -c /etc/destring/destring.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file, sets, cmdEnviron())
			if err != nil {
				return err
			}
			var done reloaded
			if err := newControlClient(c.controlSocket()).ask(cmd.Context(), http.MethodPost, "/v1/reload", nil, &done); err != nil {
				return &exitError{exitConfigOrFailure(err), fmt.Errorf("the old configuration stays: %w", err)}
			}
			what := "nothing changed but certificates and rules were read again"
			if len(done.Changed) > 0 {
				what = "changed: " + strings.Join(done.Changed, ", ")
			}
			fmt.Fprintln(cmd.OutOrStdout(), "reloaded;", what)
			if len(done.Restart) > 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "these wait for a restart:", strings.Join(done.Restart, ", "))
			}
			return nil
		},
	}
	addConfigFlags(cmd, &file, &sets)
	return cmd
}

// exitConfigOrFailure tells a refused configuration from a relay that is not there.
func exitConfigOrFailure(err error) int {
	var refused *refusedError
	if errors.As(err, &refused) {
		return exitConfig
	}
	return exitFailure
}
