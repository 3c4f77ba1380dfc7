package main

import (
	"context"
	"fmt"
	"os"

	"destring/alerting"
	"destring/alerting/slack"
	"destring/relay/kafka"
	"destring/rules"
	"destring/rules/detect"
	"destring/rules/redact"
)

// The functions here make what the rooms want of the configuration, each for one room.

// kafka is the way to the brokers and the topics.
func (c *Config) kafka() (kafka.Config, error) {
	k := &c.Kafka
	cfg := kafka.Config{Connection: kafka.Connection{Brokers: k.Brokers, AllowPlaintext: k.AllowPlaintext}, NoCreate: !k.CreateTopics}
	if k.secured() {
		cfg.TLS = &kafka.TLS{CAFile: c.path(k.TLS.CAFile), CertFile: c.path(k.TLS.CertFile), KeyFile: c.path(k.TLS.KeyFile), ServerName: k.TLS.ServerName}
	}
	if k.SASL.Mechanism != "none" {
		password, err := c.secretFrom(k.SASL.Password, k.SASL.PasswordFile)
		if err != nil {
			return cfg, fmt.Errorf("kafka.sasl.password_file: %w", err)
		}
		mechanism := map[string]string{"plain": kafka.Plain, "scram-sha-256": kafka.ScramSHA256, "scram-sha-512": kafka.ScramSHA512}[k.SASL.Mechanism]
		cfg.SASL = &kafka.SASL{Mechanism: mechanism, User: k.SASL.Username, Password: password}
	}
	for i, name := range c.topics() {
		topic := kafka.Topic{Name: name, Partitions: 1}
		if rules.Topic(i) == rules.Logs {
			topic.Partitions = int32(k.Partitions)
		}
		cfg.Topics = append(cfg.Topics, topic)
	}
	return cfg, cfg.Connection.Validate()
}

// openAlerting makes what tells people.
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
	sinks := []alerting.Sink{alerting.NewRecords("kafka", h.keep)}
	if s, err := c.slack(); err != nil {
		return &exitError{exitConfig, err}
	} else if s != nil {
		sinks = append(sinks, s)
	}
	h.alerter, err = alerting.New(alerting.Options{Sinks: sinks, Journal: h.journal, Audit: func(d alerting.Decision) { h.audit.add(d.Statement()) },
		GroupWait: c.Alerts.GroupWait, GroupWaitHigh: c.Alerts.GroupWaitHigh, Repeat: c.Alerts.Repeat, Quiet: c.Alerts.Quiet, Storm: c.Alerts.Storm,
		Redact: c.strictly(master), Metrics: alerting.NewMetrics(h.metrics), Log: h.log})
	return err
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

// slack makes the sink of alerts.slack, nil when it is not configured.
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
	if token == "" && hook == "" {
		return nil, nil
	}
	if hook != "" {
		return slack.NewWebhook(slack.WebhookConfig{Name: "slack", URL: hook, Layout: c.slackLayout()})
	}
	client, err := c.slackClient(token)
	if err != nil {
		return nil, err
	}
	return client.Channel("slack", s.Channel), nil
}

func (c *Config) slackClient(token string) (*slack.Client, error) {
	return slack.New(slack.Config{Token: token, APIURL: c.Alerts.Slack.APIURL, Layout: c.slackLayout()})
}

// slackLayout is what a post says of this relay.
func (c *Config) slackLayout() slack.Layout {
	return slack.Layout{Relay: c.observer(), Version: readBuildInfo().Version, Brokers: c.Kafka.Brokers}
}

// observer is the name of this relay.
func (c *Config) observer() string {
	if c.Name != "" {
		return c.Name
	}
	name, _ := os.Hostname() // a relay without a name is published without one
	return name
}
