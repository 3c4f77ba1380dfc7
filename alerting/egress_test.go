package alerting_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
)

const hookPath = "/in/SECRETPART"

// receiver is a webhook's other end.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies [][]byte
	heads  []http.Header
	reply  func(w http.ResponseWriter, r *http.Request)
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.bodies, r.heads = append(r.bodies, body), append(r.heads, q.Header)
		reply := r.reply
		r.mu.Unlock()
		if reply != nil {
			reply(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func webhook(t *testing.T, r *receiver) *alerting.Webhook {
	t.Helper()
	w, err := alerting.NewWebhook(alerting.WebhookConfig{Name: "hook", URL: r.URL + hookPath, Secret: []byte("0123456789abcdef"), Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func anAlert() *alerting.Message {
	m := match(rules.Critical)
	return &alerting.Message{Act: alerting.Post, Key: "k1", Began: time.Now(), Alert: &alerting.Alert{ID: "a1b2c3d4e5f60718", Level: rules.Critical, Count: 3, First: m.Time, Last: m.Time, Match: m}}
}

func TestAWebhookIsSignedWithItsTime(t *testing.T) {
	r := newReceiver(t)
	if _, err := webhook(t, r).Deliver(t.Context(), anAlert()); err != nil {
		t.Fatal(err)
	}
	head, body := r.heads[0], r.bodies[0]
	if want := "v1=" + alerting.Sign([]byte("0123456789abcdef"), head.Get("Destring-Timestamp"), body); head.Get("Destring-Signature") != want {
		t.Errorf("signature %q, want %q", head.Get("Destring-Signature"), want)
	}
	if head.Get("Destring-Key") != "k1" {
		t.Errorf("key %q", head.Get("Destring-Key"))
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil || got["alert_id"] != "a1b2c3d4e5f60718" || got["level"] != "critical" || got["count"] != 3.0 || got["fingerprint"] != "9c1f22aa" {
		t.Errorf("body %s, %v", body, err)
	}
	// as Python's hmac module has it
	if got, want := alerting.Sign([]byte("0123456789abcdef"), "1700000000", []byte(`{"a":1}`)), "9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23"; got != want {
		t.Errorf("Sign: %s, want %s", got, want)
	}
}

func TestAWebhookIsSaidToHaveItOnlyByA2xx(t *testing.T) {
	r := newReceiver(t)
	w := webhook(t, r)
	for name, c := range map[string]struct {
		reply func(w http.ResponseWriter, r *http.Request)
		want  alerting.Outcome
		after time.Duration
	}{
		"429":      {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "9"); w.WriteHeader(429) }, alerting.Retry, 9 * time.Second},
		"500":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, alerting.Retry, 0},
		"redirect": {func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "http://169.254.169.254/", 302) }, alerting.Retry, 0},
		"413":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(413) }, alerting.Rejected, 0},
		"hang":     {func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }, alerting.Unknown, 0},
		"reset": {func(w http.ResponseWriter, _ *http.Request) {
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = c.Close()
			}
		}, alerting.Unknown, 0},
	} {
		r.mu.Lock()
		r.reply = c.reply
		r.mu.Unlock()
		_, err := w.Deliver(t.Context(), anAlert())
		var d *alerting.DeliveryError
		if !errors.As(err, &d) || d.Outcome != c.want || d.After != c.after {
			t.Errorf("%s: %v, want %s after %s", name, err, c.want, c.after)
		}
		if err != nil && strings.Contains(err.Error(), "SECRETPART") {
			t.Errorf("%s: the error shows the URL: %v", name, err)
		}
	}
}

func TestNoErrorOfHTTPShowsItsURL(t *testing.T) {
	secret := "https://hooks.example/SECRETPART"
	for _, inner := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, errors.New("x " + secret), fmt.Errorf("wrapped: %w", &url.Error{Op: "Post", URL: secret, Err: io.EOF})} {
		err := alerting.WithoutURL(&url.Error{Op: "Post", URL: secret, Err: inner})
		if strings.Contains(err.Error(), "SECRETPART") {
			t.Errorf("%v", err)
		}
	}
	for _, raw := range []string{secret + "\x7f", "http://[::1", "https://user:SECRETPART@hooks.example/", "ftp://hooks.example/SECRETPART", "https:///SECRETPART", "http://hooks.example/SECRETPART", "https://192.168.0.1:x/SECRETPART"} {
		for _, hosts := range [][]string{nil, {"hooks.example"}} {
			if err := alerting.NewEgress(time.Second, hosts...).Check(raw); err == nil || strings.Contains(err.Error(), "SECRETPART") {
				t.Errorf("%q: %v", raw, err)
			}
		}
		if _, err := alerting.NewWebhook(alerting.WebhookConfig{Name: "w", URL: raw, Secret: make([]byte, 16)}); err == nil || strings.Contains(err.Error(), "SECRETPART") {
			t.Errorf("webhook %q: %v", raw, err)
		}
	}
}

func TestANameThatResolvesToThisMachineIsNotConnectedTo(t *testing.T) {
	e := alerting.NewEgress(5*time.Second, "localhost")
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://localhost:1/SECRETPART", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Do(q)
	if err == nil || !strings.Contains(err.Error(), "this machine") || strings.Contains(err.Error(), "SECRETPART") {
		t.Errorf("%v", err)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{"": 0, "5": 5 * time.Second, "-5": 0, "x": 0, "999999": time.Hour, "Wed, 25 Nov 2026 10:00:30 GMT": 30 * time.Second, "Wed, 25 Nov 2026 09:00:30 GMT": 0} {
		if got := alerting.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestAWebhookNeedsASecretThatCannotBeGuessed(t *testing.T) {
	if _, err := alerting.NewWebhook(alerting.WebhookConfig{Name: "w", URL: "https://siem.example/x", Secret: []byte("short")}); err == nil {
		t.Error("a secret of 5 bytes is accepted")
	}
}
