package syslog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"destring/relay/syslog"
	"destring/rules/event"
)

// receivedAt is when the messages of the tests come in, unless they say otherwise.
var receivedAt = time.Date(2026, 5, 2, 10, 0, 0, 0, time.UTC).UnixNano()

func parseAt(frame string, received time.Time) *event.Event {
	var p syslog.Parser
	ev := new(event.Event)
	ev.Reset()
	p.Parse([]byte(frame), received.UnixNano(), ev)
	return ev
}

func TestTheYearIsTheOneInWhichTheMessageCanHaveBeenSent(t *testing.T) {
	for _, c := range []struct{ received, stamp, want string }{
		{"2027-01-01T00:00:01Z", "Dec 31 23:59:59", "2026-12-31T23:59:59Z"},
		{"2026-12-31T23:59:59Z", "Jan  1 00:00:01", "2027-01-01T00:00:01Z"},
		{"2026-12-31T12:00:00Z", "Jan  1 01:00:00", "2027-01-01T01:00:00Z"}, // a zone 13 hours ahead
		{"2027-01-01T11:00:00Z", "Dec 31 23:00:00", "2026-12-31T23:00:00Z"}, // a zone 12 hours behind
		{"2027-01-01T00:00:00Z", "Jan  1 00:00:00", "2027-01-01T00:00:00Z"},
		{"2026-11-25T00:00:00Z", "May  1 20:51:40", "2026-05-01T20:51:40Z"},
		{"2026-03-01T00:00:00Z", "Oct 11 22:14:15", "2025-10-11T22:14:15Z"},
		{"2026-12-30T00:00:00Z", "Jan 15 00:00:00", "2027-01-15T00:00:00Z"},
		{"2026-12-10T00:00:00Z", "Jan 20 00:00:00", "2026-01-20T00:00:00Z"},
		{"2028-02-29T12:00:00Z", "Feb 29 11:59:59", "2028-02-29T11:59:59Z"},
		{"2027-03-01T00:00:00Z", "Feb 29 23:59:59", "2024-02-29T23:59:59Z"},
		{"2028-01-30T00:00:00Z", "Feb 29 00:00:00", "2028-02-29T00:00:00Z"},
	} {
		received, err := time.Parse(time.RFC3339, c.received)
		if err != nil {
			t.Fatal(err)
		}
		h := parseAt("<13>"+c.stamp+" host app: x", received).Syslog
		if got := time.Unix(0, h.Time).UTC().Format(time.RFC3339); got != c.want || !h.HasTime || h.TimeHasZone {
			t.Errorf("%s received %s is %s, want %s", c.stamp, c.received, got, c.want)
		}
	}
}

func TestInstantPlacesAClockOnTheWallInItsZone(t *testing.T) {
	zone := func(name string) *time.Location {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return loc
	}
	berlin, york, kolkata := zone("Europe/Berlin"), zone("America/New_York"), zone("Asia/Kolkata")
	for _, c := range []struct {
		name, wall, received string
		zone                 *time.Location
		want                 string
	}{
		{"no zone is UTC", "2026-05-01T20:51:40Z", "2026-05-01T20:51:40Z", nil, "2026-05-01T20:51:40Z"},
		{"UTC", "2026-05-01T20:51:40Z", "2026-05-01T20:51:40Z", time.UTC, "2026-05-01T20:51:40Z"},
		{"east", "2026-05-01T20:51:40Z", "2026-05-01T18:51:41Z", berlin, "2026-05-01T18:51:40Z"},
		{"half an hour", "2026-05-01T20:51:40.5Z", "2026-05-01T15:21:41Z", kolkata, "2026-05-01T15:21:40.5Z"},
		{"west in winter", "2026-12-31T23:59:59Z", "2027-01-01T05:00:00Z", york, "2027-01-01T04:59:59Z"},
		{"the hour that comes twice, the first time", "2026-10-25T02:30:00Z", "2026-10-25T00:30:01Z", berlin, "2026-10-25T00:30:00Z"},
		{"the hour that comes twice, the second time", "2026-10-25T02:30:00Z", "2026-10-25T01:30:01Z", berlin, "2026-10-25T01:30:00Z"},
		{"just before it", "2026-10-25T01:59:59Z", "2026-10-25T00:00:00Z", berlin, "2026-10-24T23:59:59Z"},
		{"just behind it", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z", berlin, "2026-10-25T02:00:00Z"},
		{"the hour that is left out", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z", berlin, "2026-03-29T01:30:00Z"},
		{"just before the hour that is left out", "2026-03-29T01:59:59Z", "2026-03-29T01:00:00Z", berlin, "2026-03-29T00:59:59Z"},
		{"just behind the hour that is left out", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z", berlin, "2026-03-29T01:00:00Z"},
	} {
		wall, _ := time.Parse(time.RFC3339, c.wall)
		received, _ := time.Parse(time.RFC3339, c.received)
		if got := time.Unix(0, syslog.Instant(wall.UnixNano(), received.UnixNano(), c.zone)).UTC().Format(time.RFC3339Nano); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCelerysOwnLineIsNeverCutUpAsATag(t *testing.T) {
	for _, header := range []string{"<14>", "<14>May  1 20:51:40 ", "<14>May  1 20:51:40 shop-a ", "<14>May  1 20:51:40.123 shop-a ", "<14>2026-05-01T20:51:40.123456+00:00 shop-a ",
		"<14>May  1 20:51:40 shop-a celery[12]: ", "<14>May  1 20:51:40 shop-a celery: ", "<14>celery[12]: ", "<14>1 - shop-a celery 12 - - "} {
		for _, text := range []string{
			"[2026-05-01 20:51:40,807: INFO/MainProcess] Connected to redis://:**@127.0.0.1:6399/0",
			"[2026-05-01 20:51:40,807: ERROR/ForkPoolWorker-3] shop.tasks.add[2cc20ac6-1679-49db-adc9-a5c368721778]: Adding",
			"Task shop.tasks.add[2cc20ac6-1679-49db-adc9-a5c368721778] received",
			"shop.tasks.add[2cc20ac6-1679-49db-adc9-a5c368721778]: Adding",
			"shop.tasks.add[order-77]: Adding",
			"???[???]: outside of a task",
			"w1@shop-a ready.",
			"mingle: all alone",
			"beat: Starting...",
			"consumer: Cannot connect to redis://:**@127.0.0.1:6399/0: Error 111.\nTrying again in 2.00 seconds... (1/100)\n",
			"Scheduler: Sending due task heartbeat (shop.tasks.heartbeat)",
			"\x1b[1;33m[2026-05-01 20:51:40,807: WARNING/MainProcess] Restoring 2 unacknowledged message(s)\x1b[0m",
		} {
			ev := parseAt(header+text, time.Unix(0, receivedAt))
			if got := string(ev.Message.Reveal()); got != text || ev.Fault != "" {
				t.Errorf("%s%s gives %q, fault %q", header, text, got, ev.Fault)
			}
		}
	}
}

// A line without PRI from a sender that writes PRIs is the rest of a message.
func TestInLinesNothingWithoutPRIBecomesAHeaderOnceAPRIWasSeen(t *testing.T) {
	const forged = "May  1 00:00:00 trusted-host celery[1]: forged"
	var p syslog.Parser
	ev := new(event.Event)
	parse := func(frame string, framing event.Framing) *event.Event {
		ev.Reset()
		ev.Syslog.Framing = framing
		p.Parse([]byte(frame), receivedAt, ev)
		return ev
	}
	if h := parse(forged, event.FramingLF).Syslog; h.Hostname.Empty() {
		t.Error("a sender without PRIs has no host")
	}
	parse("<14>x", event.FramingLF)
	if got := parse(forged, event.FramingLF); !got.Syslog.Hostname.Empty() || got.Syslog.HasTime || string(got.Message.Reveal()) != forged {
		t.Errorf("the line became %+v", got.Syslog)
	}
	if h := parse(forged, event.FramingOctet).Syslog; h.Hostname.Empty() {
		t.Error("a counted message, which is whole, has no host")
	}
}

func TestStructuredDataIsBounded(t *testing.T) {
	message := func(n int) string {
		var sd strings.Builder
		for i := range n {
			fmt.Fprintf(&sd, `[e%d k="v\""]`, i)
		}
		return "<13>1 - host app - - " + sd.String() + " text"
	}
	ev := parseAt(message(syslog.MaxParams), time.Unix(0, receivedAt))
	if ev.Fault != "" || len(ev.Syslog.Params) != syslog.MaxParams || string(ev.Message.Reveal()) != "text" {
		t.Errorf("%d parameters: fault %q, %d kept", syslog.MaxParams, ev.Fault, len(ev.Syslog.Params))
	}
	for i, q := range ev.Syslog.Params {
		if string(q.Element.Reveal()) != fmt.Sprintf("e%d", i) || string(q.Value.Reveal()) != `v"` {
			t.Fatalf("parameter %d is %s %q", i, q.Element.Reveal(), q.Value.Reveal())
		}
	}
	for name, frame := range map[string]string{"parameters": message(syslog.MaxParams + 1), "elements without any": "<13>1 - host app - - " + strings.Repeat("[e]", syslog.MaxParams+1)} {
		ev := parseAt(frame, time.Unix(0, receivedAt))
		if ev.Fault != syslog.TooManyParams || len(ev.Syslog.Params) != 0 || string(ev.Message.Reveal()) != frame {
			t.Errorf("too many %s: fault %q, %d kept", name, ev.Fault, len(ev.Syslog.Params))
		}
	}
}

func TestAMessageOfOneMebibyteIsReadInEveryForm(t *testing.T) {
	text := strings.Repeat("x", 1<<20)
	for _, header := range []string{"", "<13>", "<13>May  1 20:51:40 host app[1]: ", "<13>1 - host app - - - ", `<13>1 - host app - - [a b="\""] `} {
		if ev := parseAt(header+text, time.Unix(0, receivedAt)); ev.Message.Len() != len(text) || ev.Fault != "" {
			t.Errorf("%s: %d bytes, fault %q", header, ev.Message.Len(), ev.Fault)
		}
	}
	ev := parseAt(`<13>1 - host app - - [a b="`+strings.Repeat(`\"`, 1<<19)+`"] x`, time.Unix(0, receivedAt))
	if ev.Fault != "" || ev.Syslog.Params[0].Value.Len() != 1<<19 {
		t.Errorf("a long value: fault %q", ev.Fault)
	}
}

func TestNothingOfOneMessageShowsInTheNext(t *testing.T) {
	var p syslog.Parser
	ev := new(event.Event)
	for range 2 {
		ev.Reset()
		p.Parse([]byte(`<165>1 2026-05-01T20:51:40Z host app 7 ID [a b="\"c"] text`), receivedAt, ev)
		p.Parse([]byte("<14>text"), receivedAt, ev) // without Reset between
		if h := ev.Syslog; h.HasTime || h.Version != 0 || len(h.Params) != 0 || !h.Hostname.Empty() || !h.AppName.Empty() || !h.ProcID.Empty() || !h.MsgID.Empty() || ev.Fault != "" {
			t.Errorf("%+v %q", h, ev.Fault)
		}
	}
}

func TestParsingDoesNotAllocate(t *testing.T) {
	var p syslog.Parser
	ev := new(event.Event)
	for _, frame := range []string{
		`<14>1 2026-05-01T20:51:40.123456+00:00 shop-a celery 7 - [a b="c\"d"] text`,
		"<14>May  1 20:51:40 shop-a celery[7]: text", "<14>2026-05-01T20:51:40Z shop-a celery[7]: text",
		"<189>29: router: *May  1 20:51:40.1: %SYS-5-CONFIG_I: text", "<14>text", "text", "<14>caf\xe9",
	} {
		in := []byte(frame)
		if n := testing.AllocsPerRun(100, func() { p.Parse(in, receivedAt, ev) }); n > 0 {
			t.Errorf("%s: %v allocations", frame, n)
		}
	}
}
