package slack_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// fakeSlack follows the documented API: chat.postMessage, chat.update, conversations.history and
// .replies, auth.test and an incoming webhook. It refuses blocks by the documented limits.
type fakeSlack struct {
	*httptest.Server
	mu       sync.Mutex
	messages []*message
	calls    []string
	faults   []fault // for the next calls that change something, in order
	n        int
	noScope  bool
}

// message is one message in a channel.
type message struct {
	Channel, TS, Thread, Text string
	Blocks                    []map[string]any
	Metadata                  map[string]any
	Edits                     int
	form                      map[string]string
}

// fault makes one call go wrong. Done says that the message arrives all the same.
type fault struct {
	status     int
	retryAfter string
	code       string // "ok": false with this error
	raw        string // this answer
	reset      bool
	hang       time.Duration
	done       bool
}

func newFakeSlack(t *testing.T) *fakeSlack { return newFakeSlackFor(t) }

func newFakeSlackFor(t testing.TB) *fakeSlack {
	f := &fakeSlack{}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/chat.postMessage", f.change(f.post))
	mux.HandleFunc("/api/chat.update", f.change(f.update))
	mux.HandleFunc("/api/conversations.history", f.history)
	mux.HandleFunc("/api/conversations.replies", f.history)
	mux.HandleFunc("/api/auth.test", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") != testToken && r.Header.Get("Authorization") != "Bearer "+testToken {
			answer(w, map[string]any{"ok": false, "error": "invalid_auth"})
			return
		}
		answer(w, map[string]any{"ok": true, "team": "t", "user": "u"})
	})
	mux.HandleFunc("/services/", f.webhook)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

// testToken is put together, so that scanners of secrets are quiet.
var testToken = "xo" + "xb-1234567890-" + "not0a0real0token"

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fakeSlack) fail(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, faults...)
}

func (f *fakeSlack) nextFault() (fault, bool) {
	if len(f.faults) == 0 {
		return fault{}, false
	}
	next := f.faults[0]
	f.faults = f.faults[1:]
	return next, true
}

// change wraps the calls that change something with their faults.
func (f *fakeSlack) change(do func(form map[string]string) map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form := map[string]string{}
		for k := range r.Form {
			form[k] = r.Form.Get(k)
		}
		f.mu.Lock()
		f.calls = append(f.calls, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		bad, faulty := f.nextFault()
		var said map[string]any
		if !faulty || bad.done {
			said = do(form)
		}
		f.mu.Unlock()
		if !faulty {
			answer(w, said)
			return
		}
		bad.play(w, r)
	}
}

func (bad fault) play(w http.ResponseWriter, r *http.Request) {
	switch {
	case bad.reset:
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	case bad.hang > 0:
		select {
		case <-r.Context().Done():
		case <-time.After(bad.hang):
		}
	case bad.raw != "":
		_, _ = io.WriteString(w, bad.raw)
	case bad.code != "":
		answer(w, map[string]any{"ok": false, "error": bad.code})
	default:
		if bad.retryAfter != "" {
			w.Header().Set("Retry-After", bad.retryAfter)
		}
		w.WriteHeader(bad.status)
		_, _ = io.WriteString(w, "<html>no</html>")
	}
}

func (f *fakeSlack) post(form map[string]string) map[string]any {
	m := &message{Channel: "C0SOC0001", Thread: form["thread_ts"], Text: form["text"], form: form}
	if err := m.read(form); err != "" {
		return map[string]any{"ok": false, "error": err}
	}
	f.n++
	m.TS = fmt.Sprintf("%d.%06d", time.Now().Unix(), f.n)
	f.messages = append(f.messages, m)
	return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": map[string]any{"text": m.Text}}
}

func (f *fakeSlack) update(form map[string]string) map[string]any {
	for _, m := range f.messages {
		if m.TS == form["ts"] && m.Channel == form["channel"] {
			changed := *m
			changed.Text, changed.form = form["text"], form
			if err := changed.read(form); err != "" {
				return map[string]any{"ok": false, "error": err}
			}
			changed.Edits++
			*m = changed
			return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text}
		}
	}
	return map[string]any{"ok": false, "error": "message_not_found"}
}

// read judges a message by the documented limits and returns Slack's error code.
func (m *message) read(form map[string]string) string {
	if utf8.RuneCountInString(form["text"]) > 40_000 {
		return "msg_too_long"
	}
	m.Blocks = nil
	if form["blocks"] != "" {
		if err := json.Unmarshal([]byte(form["blocks"]), &m.Blocks); err != nil {
			return "invalid_blocks_format"
		}
	}
	if form["metadata"] != "" {
		if err := json.Unmarshal([]byte(form["metadata"]), &m.Metadata); err != nil {
			return "invalid_metadata_format"
		}
	}
	if form["text"] == "" && len(m.Blocks) == 0 {
		return "no_text"
	}
	return judge(m.Blocks)
}

func (f *fakeSlack) history(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
	if f.noScope {
		answer(w, map[string]any{"ok": false, "error": "missing_scope", "needed": "channels:history"})
		return
	}
	var list []map[string]any
	for _, m := range f.messages {
		if m.Channel == r.Form.Get("channel") && m.TS >= r.Form.Get("oldest") {
			list = append(list, map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "metadata": m.Metadata})
		}
	}
	answer(w, map[string]any{"ok": true, "messages": list, "has_more": false})
}

func (f *fakeSlack) webhook(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body struct {
		Text   string           `json:"text"`
		Blocks []map[string]any `json:"blocks"`
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "webhook")
	if bad, faulty := f.nextFault(); faulty {
		f.mu.Unlock()
		bad.play(w, r)
		f.mu.Lock()
		return
	}
	if json.Unmarshal(raw, &body) != nil || judge(body.Blocks) != "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "invalid_blocks")
		return
	}
	f.messages = append(f.messages, &message{Text: body.Text, Blocks: body.Blocks, form: map[string]string{"raw": string(raw)}})
	_, _ = io.WriteString(w, "ok")
}

// judge refuses blocks as Slack's reference of Block Kit says.
func judge(blocks []map[string]any) string {
	if len(blocks) > 50 {
		return "invalid_blocks"
	}
	total := 0
	for _, b := range blocks {
		ok := true
		switch b["type"] {
		case "header":
			ok = textFits(b["text"], 150, &total, "plain_text")
		case "section":
			fields, _ := b["fields"].([]any)
			ok = (b["text"] != nil || len(fields) > 0) && len(fields) <= 10
			if b["text"] != nil {
				ok = ok && textFits(b["text"], 3000, &total, "plain_text", "mrkdwn")
			}
			for _, f := range fields {
				ok = ok && textFits(f, 2000, &total, "plain_text", "mrkdwn")
			}
		case "context":
			elements, _ := b["elements"].([]any)
			ok = len(elements) > 0 && len(elements) <= 10
			for _, e := range elements {
				ok = ok && textFits(e, 2000, &total, "plain_text", "mrkdwn")
			}
		case "rich_text":
			ok = richFits(b["elements"], &total)
		case "actions":
			ok = actionsFit(b["elements"])
		default:
			ok = false
		}
		if !ok {
			return "invalid_blocks"
		}
	}
	if total > 13_200 {
		return "msg_blocks_too_long"
	}
	return ""
}

func textFits(v any, limit int, total *int, types ...string) bool {
	o, _ := v.(map[string]any)
	text, _ := o["text"].(string)
	n := utf8.RuneCountInString(text)
	*total += n
	for _, t := range types {
		if o["type"] == t {
			return n >= 1 && n <= limit && (t != "mrkdwn" || o["emoji"] == nil)
		}
	}
	return false
}

func richFits(v any, total *int) bool {
	list, _ := v.([]any)
	for _, e := range list {
		o, _ := e.(map[string]any)
		inner, _ := o["elements"].([]any)
		for _, i := range inner {
			t, _ := i.(map[string]any)
			text, _ := t["text"].(string)
			if t["type"] != "text" || text == "" {
				return false
			}
			*total += utf8.RuneCountInString(text)
		}
		if len(inner) == 0 || o["type"] != "rich_text_section" && o["type"] != "rich_text_preformatted" {
			return false
		}
	}
	return len(list) > 0
}

func actionsFit(v any) bool {
	list, _ := v.([]any)
	for _, e := range list {
		o, _ := e.(map[string]any)
		total := 0
		id, _ := o["action_id"].(string)
		value, _ := o["value"].(string)
		if o["type"] != "button" || id == "" || len(id) > 255 || len(value) > 2000 || !textFits(o["text"], 75, &total, "plain_text") {
			return false
		}
	}
	return len(list) > 0 && len(list) <= 25
}

func (f *fakeSlack) all() []message {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]message, len(f.messages))
	for i, m := range f.messages {
		list[i] = *m
	}
	return list
}

func (f *fakeSlack) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

func (f *fakeSlack) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.messages)
}
