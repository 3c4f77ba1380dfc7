package syslog_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"destring/relay/syslog"
	"destring/rules/event"
)

// reading is what a case's want.json says of its in.bin.
type reading struct {
	Framing  string      `json:"framing"` // how it came in; octet when empty
	Format   string      `json:"format"`
	Facility *int8       `json:"facility"` // absent: none
	Severity *int8       `json:"severity"`
	Version  uint8       `json:"version"`
	Time     string      `json:"time"` // with a Z when the header says the zone
	Hostname string      `json:"hostname"`
	AppName  string      `json:"app_name"`
	ProcID   string      `json:"procid"`
	MsgID    string      `json:"msgid"`
	Params   [][3]string `json:"params"` // element, name, value
	Message  string      `json:"message"`
	Fault    event.Fault `json:"fault"`
	Flags    []string    `json:"flags"`
}

var framings = map[string]event.Framing{"": event.FramingOctet, "lf": event.FramingLF, "nul": event.FramingNUL, "datagram": event.FramingDatagram}

// readingOf writes an event as a case does.
func readingOf(ev *event.Event, framing string) reading {
	h := &ev.Syslog
	r := reading{Framing: framing, Format: h.Format.String(), Version: h.Version, Hostname: string(h.Hostname.Reveal()), AppName: string(h.AppName.Reveal()),
		ProcID: string(h.ProcID.Reveal()), MsgID: string(h.MsgID.Reveal()), Message: string(ev.Message.Reveal()), Fault: ev.Fault}
	if h.Facility >= 0 {
		r.Facility = &h.Facility
	}
	if h.Severity >= 0 {
		r.Severity = &h.Severity
	}
	if h.HasTime {
		r.Time = time.Unix(0, h.Time).UTC().Format("2006-01-02T15:04:05.999999999")
		if h.TimeHasZone {
			r.Time += "Z"
		}
	}
	for _, q := range h.Params {
		r.Params = append(r.Params, [3]string{string(q.Element.Reveal()), string(q.Name.Reveal()), string(q.Value.Reveal())})
	}
	for i := range ev.Flags.Len() {
		r.Flags = append(r.Flags, ev.Flags.Name(i))
	}
	return r
}

func TestCases(t *testing.T) {
	dirs, _ := filepath.Glob("testdata/*/in.bin")
	if len(dirs) < 200 {
		t.Fatalf("only %d cases found", len(dirs))
	}
	// One parser and one event for all of them: what one message leaves behind must not show in the next.
	var p syslog.Parser
	ev := new(event.Event)
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want reading
			decodeStrictly(t, filepath.Join(dir, "want.json"), &want)
			before := bytes.Clone(in)
			ev.Reset()
			ev.Syslog.Framing = framings[want.Framing]
			p.Parse(in, receivedAt, ev)
			got := readingOf(ev, want.Framing)
			if !reflect.DeepEqual(got, want) {
				g, _ := json.Marshal(got)
				w, _ := json.Marshal(want)
				t.Errorf("%q\n got %s\nwant %s", in, g, w)
			}
			if !bytes.Equal(in, before) {
				t.Error("the frame was changed")
			}
		})
	}
}

func decodeStrictly(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
