package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"destring/alerting"
	"destring/alerting/slack"
	"destring/rules"
	"destring/rules/detect"
	"destring/rules/redact"
)

// openAlerting makes what tells people: it reads matches from the spool, and says them to its exits.
func (h *house) openAlerting(master []byte, set *detect.Set) error {
	c := h.config
	reader, err := h.spool.Reader(readerAlerts)
	if err != nil {
		return err
	}
	if h.memory, err = openMemoryFile(c.alertMemory(), deriveKey(master, "correlations")); err != nil {
		return err
	}
	h.matches = newSpoolMatches(reader, h.memory, []string{c.Kafka.Topic, c.Kafka.AuditTopic}, set, h.log)
	if h.journal, err = alerting.OpenFileJournal(c.alertJournal(), deriveKey(master, "alert journal")); err != nil {
		return err
	}
	h.audit = newAuditQueue(h.state)
	options, client, err := c.alertOptions(h.dry, alerting.NewRecords(keeper, h.keep))
	if err != nil {
		return &exitError{exitConfig, err}
	}
	h.slack = client
	options.Journal, options.Log, options.Metrics = h.journal, h.log, alerting.NewMetrics(h.metrics)
	options.Audit, options.Redact = func(d alerting.Decision) { h.audit.add(d.Statement()) }, c.strictly(master)
	if h.alerter, err = alerting.New(options); err != nil {
		return err
	}
	if damage := h.journal.Damage(); damage != nil {
		h.log.Error("alerts: the journal was damaged; what could be read of it is kept", "error", damage)
	}
	return nil
}

// alertOptions are what the configuration says of alerts, checked, and the client of Slack, nil without a bot
// token. wrap takes the exits beside records.
func (c *Config) alertOptions(wrap func([]alerting.Sink) []alerting.Sink, records alerting.Sink) (alerting.Options, *slack.Client, error) {
	a := &c.Alerts
	o := alerting.Options{GroupWait: a.GroupWait, GroupWaitHigh: a.GroupWaitHigh, Repeat: a.Repeat, Quiet: a.Quiet, Storm: a.Storm}
	exits, err := c.exits()
	if err != nil {
		return o, nil, err
	}
	routes, err := c.routes()
	if err != nil {
		return o, nil, err
	}
	if o.Silences, err = c.silences(); err != nil {
		return o, nil, err
	}
	for _, by := range a.GroupBy {
		o.GroupBy = append(o.GroupBy, alerting.GroupBy(by))
	}
	o.Sinks, o.Routes = append(wrap(exits.sinks), records), withKeeper(routes)
	return o, exits.slack, o.Check()
}

// checkAlerts tells what would keep serve from raising alerts. It asks nobody.
func (c *Config) checkAlerts() error {
	_, _, err := c.alertOptions(func(sinks []alerting.Sink) []alerting.Sink { return sinks }, alerting.NewRecords(keeper, nil))
	return err
}

// keeper is the exit that makes a record of every alert on kafka.alerts_topic.
const keeper = "kafka"

// withKeeper gives every alert a record, whatever the routes say.
func withKeeper(routes []alerting.Route) []alerting.Route {
	if len(routes) == 0 {
		return nil // every alert to every exit
	}
	return append([]alerting.Route{{Sinks: []string{keeper}, Continue: true}}, routes...)
}

// exits are where alerts go beside Kafka.
type exits struct {
	sinks []alerting.Sink
	slack *slack.Client // nil without a bot token
}

func (c *Config) exits() (exits, error) {
	var e exits
	first, err := c.slack()
	if err != nil {
		return e, err
	}
	if channel, ok := first.(*slack.Channel); ok {
		e.slack = channel.Client()
		for name, id := range c.channels() {
			e.sinks = append(e.sinks, e.slack.Channel(name, id))
		}
	} else if first != nil {
		e.sinks = append(e.sinks, first)
	}
	return e, c.addWebhook(&e)
}

// slack is the exit of alerts.slack, nil when it is not configured: a channel by the bot token, or an
// incoming webhook.
func (c *Config) slack() (alerting.Sink, error) {
	s := &c.Alerts.Slack
	token, err := c.secretFrom(s.Token, s.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("alerts.slack.token_file: %w", err)
	}
	hook, err := c.secretFrom(s.WebhookURL, s.WebhookURLFile)
	if err != nil {
		return nil, fmt.Errorf("alerts.slack.webhook_url_file: %w", err)
	}
	switch {
	case hook != "":
		return slack.NewWebhook(slack.WebhookConfig{Name: "slack", URL: hook, Hosts: s.Hosts, Layout: c.slackLayout()})
	case token != "":
		client, err := c.slackClient(token)
		if err != nil {
			return nil, err
		}
		return client.Channel("slack", s.Channel), nil
	}
	return nil, nil
}

func (c *Config) slackClient(token string) (*slack.Client, error) {
	s := &c.Alerts.Slack
	app, err := c.secretFrom(s.AppToken, s.AppTokenFile)
	if err != nil {
		return nil, fmt.Errorf("alerts.slack.app_token_file: %w", err)
	}
	return slack.New(slack.Config{Token: token, AppToken: app, APIURL: s.APIURL, Hosts: s.Hosts, Users: s.Users, Layout: c.slackLayout()})
}

// channels are the channels of Slack by the name of their exit.
func (c *Config) channels() map[string]string {
	all := map[string]string{"slack": c.Alerts.Slack.Channel}
	for _, r := range c.Alerts.Routes {
		for _, to := range r.To {
			if channel, ok := strings.CutPrefix(to, "slack:"); ok {
				all[to] = channel
			}
		}
	}
	return all
}

func (c *Config) addWebhook(e *exits) error {
	w := &c.Alerts.Webhook
	url, err := c.secretFrom(w.URL, w.URLFile)
	if err != nil {
		return fmt.Errorf("alerts.webhook.url_file: %w", err)
	}
	key, err := c.secretFrom(w.Secret, w.SecretFile)
	if err != nil {
		return fmt.Errorf("alerts.webhook.secret_file: %w", err)
	}
	if url == "" {
		return nil
	}
	encode := alerting.EncodeJSON
	if c.Alerts.Format == "ocsf" {
		encode = alerting.EncodeOCSF
	}
	sink, err := alerting.NewWebhook(alerting.WebhookConfig{Name: "webhook", URL: url, Secret: []byte(key), Encode: encode})
	if err != nil {
		return fmt.Errorf("alerts.webhook: %w", err)
	}
	e.sinks = append(e.sinks, sink)
	return nil
}

// dry puts stand-ins for the exits when nothing is to be sent.
func (h *house) dry(sinks []alerting.Sink) []alerting.Sink {
	if !h.config.Alerts.DryRun {
		return sinks
	}
	for i, s := range sinks {
		sinks[i] = alerting.NewDryRun(s, func(line string) { h.log.Info("alerts: dry run", "message", line) })
	}
	return sinks
}

// routes are the routes of the configuration. Every exit that they name must be there.
func (c *Config) routes() ([]alerting.Route, error) {
	var all []alerting.Route
	for i, r := range c.Alerts.Routes {
		match, err := parseMatchers(r.Match)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		for _, to := range r.To {
			if to != "webhook" && to != "slack" && !strings.HasPrefix(to, "slack:") {
				return nil, fmt.Errorf("entry %d: there is no exit %q: write slack, slack:CHANNEL or webhook", i+1, to)
			}
		}
		if len(r.To) == 0 {
			return nil, fmt.Errorf("entry %d: to: must not be empty", i+1)
		}
		all = append(all, alerting.Route{Match: match, Sinks: slices.Clone(r.To), Continue: r.Continue})
	}
	return all, nil
}

func (c *Config) silences() ([]alerting.Silence, error) {
	var all []alerting.Silence
	for i, s := range c.Alerts.Silences {
		match, err := parseMatchers(s.Match)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if len(match) == 0 || s.Until == "" || s.Author == "" || s.Reason == "" {
			return nil, fmt.Errorf("entry %d: match, until, author and reason must be set", i+1)
		}
		end, err := parseEnd(s.Until)
		if err != nil {
			return nil, fmt.Errorf("entry %d: until: %w", i+1, err)
		}
		all = append(all, alerting.Silence{Match: match, End: end, Author: s.Author, Reason: s.Reason})
	}
	return all, nil
}

func parseMatchers(texts []string) ([]alerting.Matcher, error) {
	var all []alerting.Matcher
	for _, text := range texts {
		m, err := alerting.ParseMatcher(text)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// listen takes the clicks on Slack's buttons until ctx ends, when there are any.
func (h *house) listen(ctx context.Context) error {
	s := &h.config.Alerts.Slack
	if h.slack == nil || s.AppToken.Empty() && s.AppTokenFile == "" {
		return nil
	}
	return h.slack.Listen(ctx, h.alerter, h.log)
}

// keep stores a record of an alert and returns once it is durable.
func (h *house) keep(ctx context.Context, s rules.Statement) error {
	if err := h.relay.State(s); err != nil {
		return err
	}
	return h.spool.Flush(ctx)
}

// strictly is the second redaction of a sample, under the strict profile.
func (c *Config) strictly(master []byte) func(string) string {
	strict, err := redact.New(redact.Options{Profile: redact.Strict, Key: deriveKey(master, "fingerprint "+c.Environment)})
	if err != nil {
		return func(string) string { return "" } // fail closed: no sample
	}
	return func(s string) string {
		var scratch redact.Scratch
		return string(strict.Redact(&scratch, []byte(s), nil).Text)
	}
}

// slackLayout is what a post says of this relay.
func (c *Config) slackLayout() slack.Layout {
	return slack.Layout{Relay: c.observer(), Version: readBuildInfo().Version, Brokers: c.Kafka.Brokers, Mentions: map[rules.Severity][]string{rules.Critical: c.Alerts.Slack.Mention}}
}

// observer is the name of this relay.
func (c *Config) observer() string {
	if c.Name != "" {
		return c.Name
	}
	name, _ := os.Hostname() // a relay without a name is published without one
	return name
}
