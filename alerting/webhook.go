package alerting

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Webhook is the Sink that posts JSON to any URL, signed.
//
// Destring-Signature is "v1=" and the hex HMAC-SHA256 of the timestamp, a dot and the body;
// Destring-Timestamp is in seconds since 1970: receivers refuse old ones. Destring-Key is the
// same over every retry of a message, so receivers can drop what comes twice. Any 2xx is taken for a yes.
type Webhook struct {
	name   string
	url    func() string // functions print as addresses, whoever prints them
	secret func() []byte
	encode func(*Message) ([]byte, error)
	egress *Egress
}

// WebhookConfig is what a Webhook is made of.
type WebhookConfig struct {
	Name   string
	URL    string   // a secret
	Secret []byte   // of the HMAC, at least 16 bytes
	Hosts  []string // further allowed hosts; the URL's own is allowed
	// Encode makes the body; EncodeJSON when nil, EncodeOCSF for OCSF findings.
	Encode  func(*Message) ([]byte, error)
	Timeout time.Duration // 10 s
}

// NewWebhook makes a Webhook. Its errors do not repeat the URL.
func NewWebhook(c WebhookConfig) (*Webhook, error) {
	if len(c.Secret) < 16 {
		return nil, fmt.Errorf("alerting: webhook %s: its secret has %d bytes, want at least 16", c.Name, len(c.Secret))
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Encode == nil {
		c.Encode = EncodeJSON
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("alerting: webhook %s: it is no URL", c.Name)
	}
	e := NewEgress(c.Timeout, append(c.Hosts, u.Host)...)
	if err := e.check(u); err != nil {
		return nil, fmt.Errorf("alerting: webhook %s: %w", c.Name, err)
	}
	secret := bytes.Clone(c.Secret)
	return &Webhook{c.Name, func() string { return c.URL }, func() []byte { return secret }, c.Encode, e}, nil
}

// Format keeps the URL and the secret out of whatever prints w, with any verb.
func (w Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "webhook "+w.name) }

// Name implements Sink.
func (w *Webhook) Name() string { return w.name }

// Traits implements Sink.
func (w *Webhook) Traits() Traits { return Traits{Edits: true, Keeper: true} }

// Deliver implements Sink.
func (w *Webhook) Deliver(ctx context.Context, m *Message) (Ref, error) {
	body, err := w.encode(m)
	if err != nil {
		return Ref{}, &DeliveryError{Outcome: Rejected, Reason: err.Error()}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url(), bytes.NewReader(body))
	if err != nil {
		return Ref{}, &DeliveryError{Outcome: Retry, Reason: "the URL is not usable"}
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Destring-Timestamp", stamp)
	r.Header.Set("Destring-Signature", "v1="+Sign(w.secret(), stamp, body))
	r.Header.Set("Destring-Key", m.Key)
	resp, err := w.egress.Do(r)
	if err != nil {
		return Ref{}, WithoutURL(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be used again
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 2:
		return Ref{}, nil
	case resp.StatusCode == http.StatusRequestEntityTooLarge, resp.StatusCode == http.StatusUnprocessableEntity:
		return Ref{}, &DeliveryError{Outcome: Rejected, Reason: "HTTP status " + strconv.Itoa(resp.StatusCode)}
	}
	return Ref{}, &DeliveryError{Outcome: Retry, After: RetryAfter(resp.Header, time.Now()), Reason: "HTTP status " + strconv.Itoa(resp.StatusCode)}
}

// Sign returns the hex HMAC-SHA256 that a receiver compares with Destring-Signature.
func Sign(secret []byte, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(stamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// hook is the body of EncodeJSON.
type hook struct {
	Version    int        `json:"version"`
	Key        string     `json:"key"`
	Kind       string     `json:"kind"`
	AlertID    string     `json:"alert_id,omitempty"`
	Status     string     `json:"status,omitempty"`
	Level      string     `json:"level,omitempty"`
	Title      string     `json:"title"`
	RuleID     string     `json:"rule_id,omitempty"`
	RuleVer    string     `json:"rule_version,omitempty"`
	Techniques []string   `json:"techniques,omitempty"`
	Count      int64      `json:"count,omitempty"`
	First      *time.Time `json:"first_seen,omitempty"`
	Last       *time.Time `json:"last_seen,omitempty"`
	Detector   string     `json:"detector,omitempty"`
	SecretKey  string     `json:"secret_key,omitempty"`
	Fp         string     `json:"fingerprint,omitempty"`
	Tasks      []string   `json:"tasks,omitempty"`
	Workers    []string   `json:"workers,omitempty"`
	TaskID     string     `json:"task_id,omitempty"`
	EventID    string     `json:"event_id,omitempty"`
	Peer       string     `json:"peer,omitempty"`
	PeerFp     string     `json:"peer_fingerprint,omitempty"`
	Host       string     `json:"host,omitempty"`
	Env        string     `json:"environment,omitempty"`
	Sample     string     `json:"sample,omitempty"`
	Silence    string     `json:"silence,omitempty"`
	Runbook    string     `json:"runbook,omitempty"`
	Steps      []string   `json:"steps,omitempty"`
	Lines      []string   `json:"lines,omitempty"`
}

// EncodeJSON is the webhook's own body: flat, snake case, RFC 3339 times.
func EncodeJSON(m *Message) ([]byte, error) {
	switch {
	case m.Digest != nil:
		return json.Marshal(hook{Version: 1, Key: m.Key, Kind: "digest", Title: m.Digest.Title(), Count: m.Digest.Events, Lines: m.Digest.Lines})
	case m.Notice != nil:
		return json.Marshal(hook{Version: 1, Key: m.Key, Kind: "notice", Title: m.Notice.Text})
	case m.Alert == nil:
		return nil, errors.New("nothing to say")
	}
	a := m.Alert
	return json.Marshal(hook{Version: 1, Key: m.Key, Kind: "alert", AlertID: a.ID, Status: a.Status.String(), Level: a.Level.String(), Title: a.Title(),
		RuleID: a.Match.RuleID(), RuleVer: a.Match.Rule.Version, Techniques: a.techniqueIDs(), Count: a.Count, First: &a.First, Last: &a.Last,
		Detector: a.Match.Finding.Detector, SecretKey: a.Match.Finding.Key, Fp: a.Match.Finding.Fingerprint, Tasks: a.Tasks, Workers: a.Workers,
		TaskID: a.Match.TaskID, EventID: a.Match.EventID, Peer: a.Match.Peer, PeerFp: a.Match.PeerFingerprint, Host: a.Match.Host, Env: a.Match.Environment,
		Sample: a.Match.Sample, Silence: a.Silence, Runbook: a.Match.Rule.Runbook, Steps: Steps(&a.Match.Finding)})
}
