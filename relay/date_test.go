package relay_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones of this test, whatever the machine has

	"destring/relay"
	"destring/rules/event"
)

func instant(t *testing.T, s string) int64 {
	t.Helper()
	x, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return x.UnixNano()
}

func TestTheBestClockDatesAnEvent(t *testing.T) {
	zone := func(name string) *time.Location {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	const received = "2026-11-25T10:00:07Z"
	for _, c := range []struct {
		name           string
		header, line   string // what the clock shows, as if in UTC; empty: none
		headerHasZone  bool
		lineHasZone    bool
		peer, relay    *time.Location
		want, wantFrom string
	}{
		{"a header with a zone is believed before all", "2026-11-25T10:00:00.5Z", "2026-11-25T11:00:00.123Z", true, false, zone("Europe/Berlin"), time.UTC, "2026-11-25T10:00:00.5Z", "header"},
		{"a line with a zone is believed before a header without", "2026-11-25T11:00:00Z", "2026-11-25T10:00:00.123Z", false, true, nil, zone("Europe/Berlin"), "2026-11-25T10:00:00.123Z", "line"},
		{"the line has milliseconds where the header has seconds", "2026-11-25T10:00:00Z", "2026-11-25T10:00:00.123Z", false, false, nil, time.UTC, "2026-11-25T10:00:00.123Z", "line"},
		{"a clock without zone hangs in the relay's", "", "2026-11-25T11:00:00.123Z", false, false, nil, zone("Europe/Berlin"), "2026-11-25T10:00:00.123Z", "line"},
		{"the peer's zone goes before the relay's", "", "2026-11-25T05:00:00.123Z", false, false, zone("America/New_York"), zone("Europe/Berlin"), "2026-11-25T10:00:00.123Z", "line"},
		{"a header without zone hangs there too", "2026-11-25T15:30:00Z", "", false, false, zone("Asia/Kolkata"), time.UTC, "2026-11-25T10:00:00Z", "header"},
		{"after midnight of New Year in the east it is last year in UTC", "", "2027-01-01T00:30:00.001Z", false, false, zone("Europe/Berlin"), time.UTC, "2026-12-31T23:30:00.001Z", "line"},
		{"before midnight of New Year in the west it is next year in UTC", "2026-12-31T23:30:00Z", "", false, false, zone("America/New_York"), time.UTC, "2027-01-01T04:30:00Z", "header"},
		{"summer time counts on the day of the event", "", "2026-07-01T12:00:00Z", false, false, zone("Europe/Berlin"), time.UTC, "2026-07-01T10:00:00Z", "line"},
		{"an hour that the clocks leave out is the one after it", "", "2026-03-29T02:30:00Z", false, false, zone("Europe/Berlin"), time.UTC, "2026-03-29T01:30:00Z", "line"},
		{"of an hour that comes twice it is the one nearer to the receipt", "", "2026-10-25T02:30:00Z", false, false, zone("Europe/Berlin"), time.UTC, "2026-10-25T01:30:00Z", "line"},
		{"without any clock it is the receipt's", "", "", false, false, zone("Europe/Berlin"), time.UTC, received, "receipt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := &event.Event{Received: instant(t, received), Peer: &event.Peer{Zone: c.peer}}
			if c.header != "" {
				ev.Syslog.HasTime, ev.Syslog.TimeHasZone, ev.Syslog.Time = true, c.headerHasZone, instant(t, c.header)
			}
			if c.line != "" {
				ev.Celery.HasTime, ev.Celery.TimeHasZone, ev.Celery.Time = true, c.lineHasZone, instant(t, c.line)
			}
			relay.Date(ev, c.relay)
			from := map[event.TimeSource]string{event.TimeHeader: "header", event.TimeLine: "line", event.TimeReceipt: "receipt"}[ev.TimestampFrom]
			if got := time.Unix(0, ev.Timestamp).UTC().Format(time.RFC3339Nano); got != c.want || from != c.wantFrom {
				t.Errorf("dated %s by the %s, want %s by the %s", got, from, c.want, c.wantFrom)
			}
		})
	}
}
