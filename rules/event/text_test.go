package event_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"destring/rules/event"
)

const planted = "hunter2-is-the-password"

// holder hides an Event in an unexported field, where fmt calls no method.
type holder struct {
	hidden event.Event
	Shown  *event.Event
	list   []event.Text
}

func rawEvent() event.Event {
	text := event.NewText([]byte(planted))
	e := event.Event{Message: text, Inner: text}
	e.Syslog.Hostname, e.Syslog.AppName, e.Syslog.ProcID, e.Syslog.MsgID = text, text, text, text
	e.Syslog.Params = []event.Param{{Element: text, Name: text, Value: text}}
	return e
}

func TestRawTextDoesNotPrintItself(t *testing.T) {
	e := rawEvent()
	h := holder{hidden: e, Shown: &e, list: []event.Text{e.Message}}
	values := map[string]any{"text": e.Message, "pointer": &e.Message, "event": e, "event pointer": &e, "holder": h, "holder pointer": &h,
		"map": map[string]event.Text{"k": e.Message}, "slice": []event.Text{e.Message}, "any": []any{e.Message}}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%T", "%p", "%10.3s", "%b", "%c", "%U"} {
			shows(t, name+" "+verb, []byte(fmt.Sprintf(verb, v)))
		}
		shows(t, name+" Sprint", []byte(fmt.Sprint(v)))
		if out, err := json.Marshal(v); err == nil {
			shows(t, name+" json", out)
		}
		if out, err := xml.Marshal(v); err == nil {
			shows(t, name+" xml", out)
		}
		var buf bytes.Buffer
		_ = gob.NewEncoder(&buf).Encode(v)
		slog.New(slog.NewTextHandler(&buf, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&buf, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		log.New(&buf, "", 0).Println(v, errors.Join(fmt.Errorf("wrapped: %v", v)))
		shows(t, name+" logs", buf.Bytes())
	}
}

// shows fails when out holds the planted text, plain, as decimal bytes or as hex.
func shows(t *testing.T, how string, out []byte) {
	t.Helper()
	for _, form := range []string{planted, planted[:8], fmt.Sprint([]byte(planted))[1:20], fmt.Sprintf("%x", planted[:8]), fmt.Sprintf("% x", planted[:8]), fmt.Sprintf("%X", planted[:8])} {
		if bytes.Contains(out, []byte(form)) {
			t.Errorf("%s shows the raw text: %s", how, out)
		}
	}
}

// The panics run in a process of their own, for a panic prints by itself.
func TestPanickingWithRawTextShowsNothing(t *testing.T) {
	if how := os.Getenv("EVENT_PANIC_WITH"); how != "" {
		e := rawEvent()
		h := holder{hidden: e, Shown: &e}
		panic(map[string]any{"text": e.Message, "event": e, "holder": h, "error": fmt.Errorf("broken: %v", h), "string": fmt.Sprint(e)}[how])
	}
	for _, how := range []string{"text", "event", "holder", "error", "string"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanickingWithRawTextShowsNothing$")
		cmd.Env = append(os.Environ(), "EVENT_PANIC_WITH="+how, "GOTRACEBACK=crash")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic") {
			t.Fatalf("%s: the child did not panic: %v\n%s", how, err, out)
		}
		shows(t, "panic with "+how, out)
	}
}

func TestASpanOutsideOfTheTextGivesWhatIsInside(t *testing.T) {
	text := event.NewText([]byte("abcdef"))
	for _, c := range []struct {
		span event.Span
		want string
	}{{event.Span{Start: 1, End: 3}, "bc"}, {event.Span{Start: 4, End: 99}, "ef"}, {event.Span{Start: 9, End: 99}, ""}, {event.Span{Start: 3, End: 1}, ""}} {
		if got := string(text.Slice(c.span).Reveal()); got != c.want {
			t.Errorf("Slice(%v) = %q, want %q", c.span, got, c.want)
		}
	}
}

func TestAResetEventSaysNothing(t *testing.T) {
	e := rawEvent()
	e.Reset()
	if e.Syslog.Facility != -1 || e.Syslog.Severity != -1 || e.Celery.Task.Retries != -1 || !e.Message.Empty() || len(e.Syslog.Params) != 0 {
		t.Errorf("after Reset: %+v", e)
	}
}
