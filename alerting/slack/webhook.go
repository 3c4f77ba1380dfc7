package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/slack-go/slack"

	"destring/alerting"
)

// Webhook is the Sink of an incoming webhook: it can post, nothing else. Slack tells it no
// message id, so nothing is edited and a message whose answer was lost may come twice.
type Webhook struct {
	name   string
	url    func() string // a function prints as an address, whoever prints it
	egress *alerting.Egress
	layout Layout
}

// WebhookConfig is what a Webhook is made of.
type WebhookConfig struct {
	Name    string
	URL     string        // a secret
	Hosts   []string      // further allowed hosts
	Timeout time.Duration // 10 s
	Layout  Layout
}

// NewWebhook makes a Webhook. Its errors do not repeat the URL.
func NewWebhook(c WebhookConfig) (*Webhook, error) {
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if err := c.Layout.check(); err != nil {
		return nil, err
	}
	e := alerting.NewEgress(c.Timeout, append(hosts[:len(hosts):len(hosts)], c.Hosts...)...)
	if err := e.Check(c.URL); err != nil {
		return nil, fmt.Errorf("slack: webhook_url: %w", err)
	}
	return &Webhook{c.Name, func() string { return c.URL }, e, c.Layout}, nil
}

// Format keeps the URL out of whatever prints w, with any verb.
func (w Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Slack webhook "+w.name) }

// Name implements alerting.Sink.
func (w *Webhook) Name() string { return w.name }

// Traits implements alerting.Sink.
func (w *Webhook) Traits() alerting.Traits { return alerting.Traits{} }

// body is slack.WebhookMessage with what that lacks.
type body struct {
	slack.WebhookMessage
	LinkNames bool `json:"link_names"`
}

// Deliver implements alerting.Sink.
func (w *Webhook) Deliver(ctx context.Context, m *alerting.Message) (alerting.Ref, error) {
	said := w.layout.of(m)
	off := false
	b := body{WebhookMessage: slack.WebhookMessage{Text: said.text, Parse: "none", UnfurlLinks: &off, UnfurlMedia: &off}}
	if len(said.blocks) > 0 {
		b.Blocks = &slack.Blocks{BlockSet: said.blocks}
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return alerting.Ref{}, &alerting.DeliveryError{Outcome: alerting.Rejected, Reason: "the message cannot be encoded"}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url(), bytes.NewReader(raw))
	if err != nil {
		return alerting.Ref{}, &alerting.DeliveryError{Outcome: alerting.Retry, Reason: "the webhook's URL is not usable"}
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := w.egress.Do(r)
	if err != nil {
		return alerting.Ref{}, alerting.WithoutURL(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	switch {
	case resp.StatusCode == http.StatusOK && string(answer) == "ok":
		return alerting.Ref{}, nil
	case resp.StatusCode == http.StatusOK:
		return alerting.Ref{}, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "Slack's answer was not understood"}
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 || err != nil || !code.Match(bytes.TrimSpace(answer)):
		return alerting.Ref{}, byStatus(resp.StatusCode, alerting.RetryAfter(resp.Header, time.Now()))
	}
	e := byCode(string(answer))
	if e.Outcome == alerting.Gone { // a webhook edits nothing
		e = &alerting.DeliveryError{Outcome: alerting.Retry, After: time.Minute, Reason: e.Reason}
	}
	return alerting.Ref{}, e
}
