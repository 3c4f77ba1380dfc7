package celery_test

import (
	"testing"

	"destring/relay/celery"
	"destring/rules/event"
)

func TestASpaceThatIsTheTextsOwnStays(t *testing.T) {
	for _, c := range []struct {
		name string
		hops []hop
		want string // of the last one
	}{
		{"a text with a space first", []hop{rsyslog.says(" indented")}, " indented"},
		{"a text with two", []hop{rsyslog.says("  indented")}, "  indented"},
		{"nothing but a space", []hop{rsyslog.says(" ")}, " "},
		{"behind a record without", []hop{rsyslog.says(celeryHead + "x"), rsyslog.says(" indented")}, " indented"},
		{"rsyslog's own words begin like a record", []hop{rsyslog.says(` [origin software="rsyslogd"] start`), rsyslog.says(" indented")}, "indented"},
		{"an indented text shows nothing of the sender", []hop{rsyslog.says(" indented"), rsyslog.says(" " + celeryHead + "x")}, celeryHead + "x"},
		{"a level begins a record", []hop{rsyslog.says(" WARNING:shop: x")}, "WARNING:shop: x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := celery.NewReader(celery.Options{})
			var last *event.Event
			for _, h := range c.hops {
				last = h.event()
				r.Read(last)
			}
			if got := string(last.Message.Reveal()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAByteOrderMarkShowsTheHandlerThatEscapes(t *testing.T) {
	for _, bom := range []bool{true, false} {
		h := handler
		h.app = "shop" // without a dot a logger's name may be any program's
		ev := h.says(celeryHead + `two\nlines`).event()
		ev.Syslog.BOM = bom
		celery.NewReader(celery.Options{}).Read(ev)
		want := celeryHead + `two\nlines`
		if bom {
			want = celeryHead + "two\nlines"
		}
		if got := string(ev.Message.Reveal()); got != want {
			t.Errorf("BOM %v: got %q, want %q", bom, got, want)
		}
	}
}

func TestNoTimeIsReadOutOfABrokenHeader(t *testing.T) {
	ev := hop{text: "<13>1 2026-05-01T12:00:00Z host"}.event()
	ev.Fault = "header-cut-short"
	celery.NewReader(celery.Options{}).Read(ev)
	if ev.Celery.HasTime {
		t.Error("the time of a header that was not understood became the message's")
	}
}

func TestADateThatDoesNotExistIsNoTime(t *testing.T) {
	for line, want := range map[string]bool{
		"[2026-02-30 10:00:00,123: INFO/MainProcess] x": false, "[2026-02-29 10:00:00,123: INFO/MainProcess] x": false, "[2026-04-31 10:00:00,123: INFO/MainProcess] x": false,
		"[2024-02-29 10:00:00,123: INFO/MainProcess] x": true, "[2026-12-31 10:00:00,123: INFO/MainProcess] x": true,
	} {
		ev := hop{text: line}.event()
		celery.NewReader(celery.Options{}).Read(ev)
		if ev.Celery.HasTime != want {
			t.Errorf("%s: a time is %v, want %v", line, ev.Celery.HasTime, want)
		}
	}
}
