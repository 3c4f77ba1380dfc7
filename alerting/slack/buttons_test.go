package slack_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"destring/alerting"
	"destring/alerting/slack"
)

// socketSlack adds Socket Mode to the fake: it sends envelopes and waits for their confirmation.
type socketSlack struct {
	*fakeSlack
	envelopes chan string
	confirmed chan string
	whispers  chan map[string]string
}

var testAppToken = "xa" + "pp-1-A0-" + "not0a0real0token"

func newSocketSlack(t *testing.T) *socketSlack {
	f := &socketSlack{newFakeSlack(t), make(chan string, 8), make(chan string, 8), make(chan map[string]string, 8)}
	mux := f.Config.Handler.(*http.ServeMux)
	mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+testAppToken {
			answer(w, map[string]any{"ok": false, "error": "invalid_auth"})
			return
		}
		answer(w, map[string]any{"ok": true, "url": "ws" + strings.TrimPrefix(f.URL, "http") + "/socket"})
	})
	mux.HandleFunc("/api/chat.postEphemeral", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		f.whispers <- map[string]string{"user": r.Form.Get("user"), "channel": r.Form.Get("channel"), "blocks": r.Form.Get("blocks"), "thread": r.Form.Get("thread_ts")}
		answer(w, map[string]any{"ok": true, "message_ts": "1.1"})
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","num_connections":1}`))
		for e := range f.envelopes {
			if e == "disconnect" {
				_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"disconnect","reason":"refresh_requested"}`))
				return
			}
			_ = conn.WriteMessage(websocket.TextMessage, []byte(e))
			var back struct {
				EnvelopeID string `json:"envelope_id"`
			}
			if conn.ReadJSON(&back) != nil {
				return
			}
			f.confirmed <- back.EnvelopeID
		}
	})
	t.Cleanup(func() { close(f.envelopes) })
	return f
}

func envelope(id, user, action, value string) string {
	payload := map[string]any{"type": "block_actions", "user": map[string]any{"id": user, "name": "<!channel>"}, "channel": map[string]any{"id": "C0SOC0001"},
		"message": map[string]any{"ts": "1700000000.000100"}, "actions": []any{map[string]any{"type": "button", "action_id": action, "value": value, "block_id": "b"}}}
	raw, _ := json.Marshal(map[string]any{"type": "interactive", "envelope_id": id, "accepts_response_payload": false, "payload": payload})
	return string(raw)
}

// ledger is an Alerts that writes down what it was asked.
type ledger struct {
	mu   sync.Mutex
	list []string
}

func (l *ledger) add(s ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, strings.Join(s, " "))
}

func (l *ledger) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return ""
	}
	return l.list[len(l.list)-1]
}

func (l *ledger) Ack(id, by, note string) error {
	l.add("ack", id, by)
	if id == strings.Repeat("0", 16) {
		return alerting.ErrNotFound
	}
	return nil
}

func (l *ledger) SilenceAlert(id string, d time.Duration, by, reason string) (alerting.Silence, error) {
	l.add("silence", id, d.String(), by)
	return alerting.Silence{ID: "abc123", End: at.Add(d)}, nil
}

func (l *ledger) FalsePositive(id, by string) (alerting.Proposal, error) {
	l.add("false", id, by)
	return alerting.Proposal{Allow: "allow:\n  - rule: \"x\"\n", Test: `{"id":"1"}`}, nil
}

func (l *ledger) Denied(by, what string) { l.add("denied", by, what) }

func TestButtonsActForThoseWhoMayAndAreOnRecordForOthers(t *testing.T) {
	f := newSocketSlack(t)
	c, err := slack.New(slack.Config{Token: testToken, AppToken: testAppToken, Users: []string{"U0ANALYST1"}, APIURL: f.URL + "/api/", Layout: layout()})
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- c.Listen(ctx, l, slog.New(slog.DiscardHandler)) }()
	const alert = "a1b2c3d4e5f60718"
	for i, b := range []struct{ user, action, value, want, whisper string }{
		{"U0ANALYST1", "destring_ack", alert, "ack " + alert + " slack:U0ANALYST1", "Acknowledged"},
		{"U0ANALYST1", "destring_silence_1h", alert, "silence " + alert + " 1h0m0s slack:U0ANALYST1", "silence expire abc123"},
		{"disconnect", "", "", "", ""},
		{"U0ANALYST1", "destring_silence_24h", alert, "silence " + alert + " 24h0m0s slack:U0ANALYST1", "until 2026-11-26"},
		{"U0ANALYST1", "destring_false_positive", alert, "false " + alert + " slack:U0ANALYST1", "allow:"},
		{"U0STRANGER", "destring_ack", alert, "denied slack:U0STRANGER clicked destring_ack on alert " + alert + " without being allowed to", "not among those"},
		{"U0ANALYST1", "destring_ack", strings.Repeat("0", 16), "ack 0000000000000000 slack:U0ANALYST1", "not found"},
		{"U0ANALYST1", "something else", alert, "ack 0000000000000000 slack:U0ANALYST1", "not known"},
		{"U0ANALYST1", "destring_ack", "'; drop", "ack 0000000000000000 slack:U0ANALYST1", ""},
		{"<!channel>", "destring_ack", alert, "ack 0000000000000000 slack:U0ANALYST1", ""},
	} {
		if b.user == "disconnect" { // Slack asks to connect again every few hours
			f.envelopes <- "disconnect"
			continue
		}
		id := string(rune('a' + i))
		f.envelopes <- envelope(id, b.user, b.action, b.value)
		select {
		case got := <-f.confirmed:
			if got != id {
				t.Fatalf("envelope %s was confirmed, want %s", got, id)
			}
		case <-ctx.Done():
			t.Fatalf("click %d was not confirmed", i)
		}
		if got := l.last(); got != b.want {
			t.Errorf("click %d: %q, want %q", i, got, b.want)
		}
		if b.whisper == "" {
			continue
		}
		if w := <-f.whispers; w["user"] != b.user || w["thread"] == "" || !strings.Contains(w["blocks"], b.whisper) {
			t.Errorf("click %d: the person is told %v, want %q", i, w, b.whisper)
		}
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("Listen: %v", err)
	}
}

func TestButtonsAreShownOnlyWhenSomebodyListens(t *testing.T) {
	f := newSocketSlack(t)
	c, err := slack.New(slack.Config{Token: testToken, AppToken: testAppToken, Users: []string{"U0ANALYST1"}, APIURL: f.URL + "/api/", Layout: layout()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Channel("soc", "C0SOC0001").Deliver(t.Context(), about(leak())); err != nil {
		t.Fatal(err)
	}
	got := f.all()[0]
	golden(t, "buttons.txt", []byte(rendition(got)))
	if plain := sent(t, about(leak())); strings.Contains(rendition(plain), "[ Acknowledge ]") {
		t.Error("there are buttons that nobody listens to")
	}
	for name, c := range map[string]slack.Config{"nobody may press": {Token: testToken, AppToken: testAppToken}, "a user's name": {Token: testToken, AppToken: testAppToken, Users: []string{"@kim"}}, "no token": {}} {
		if _, err := slack.New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
