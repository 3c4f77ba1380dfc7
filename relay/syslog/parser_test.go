package syslog_test

import (
	"testing"
	"time"

	"destring/relay/syslog"
	"destring/rules/event"
)

var receivedAt = time.Date(2026, 5, 2, 10, 0, 0, 0, time.UTC).UnixNano()

func parse(frame string) *event.Event {
	var p syslog.Parser
	ev := new(event.Event)
	ev.Reset()
	p.Parse([]byte(frame), receivedAt, ev)
	return ev
}

func TestTheExamplesOfRFC5424AreReadWhole(t *testing.T) {
	ev := parse("<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"Appli\\\"cation\" eventID=\"1011\"] \xEF\xBB\xBFAn application event log entry...")
	h := ev.Syslog
	if h.Format != event.FormatRFC5424 || h.Facility != 20 || h.Severity != 5 || string(h.Hostname.Reveal()) != "mymachine.example.com" ||
		string(h.AppName.Reveal()) != "evntslog" || !h.ProcID.Empty() || string(h.MsgID.Reveal()) != "ID47" || len(h.Params) != 3 ||
		string(h.Params[1].Value.Reveal()) != `Appli"cation` || string(ev.Message.Reveal()) != "An application event log entry..." {
		t.Errorf("%+v %q", h, ev.Message.Reveal())
	}
	if want := time.Date(2003, 10, 11, 22, 14, 15, 3e6, time.UTC).UnixNano(); h.Time != want || !h.TimeHasZone {
		t.Errorf("time %d, want %d", h.Time, want)
	}
}

func TestCelerysOwnLineIsNeverCutUpAsATag(t *testing.T) {
	for _, header := range []string{"<14>", "<14>May  1 20:51:40 ", "<14>May  1 20:51:40 shop-a ", "<14>2026-05-01T20:51:40.123456+00:00 shop-a ", "<14>May  1 20:51:40 shop-a celery[12]: "} {
		for _, line := range []string{
			"[2026-05-01 20:51:40,807: INFO/MainProcess] Connected to redis://:**@127.0.0.1:6399/0",
			"Task shop.tasks.add[2cc20ac6-1679-49db-adc9-a5c368721778] received",
			"shop.tasks.add[2cc20ac6-1679-49db-adc9-a5c368721778]: Adding",
		} {
			if header == "<14>May  1 20:51:40 " && line[0] == 's' {
				continue
			}
			if got := string(parse(header + line).Message.Reveal()); got != line {
				t.Errorf("%s%s gives %q", header, line, got)
			}
		}
	}
}
