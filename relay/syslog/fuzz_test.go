package syslog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"destring/relay/syslog"
	"destring/rules/event"
)

// seed adds every case of testdata that begins with one of the prefixes.
func seed(f *testing.F, prefixes ...string) {
	for _, prefix := range prefixes {
		files, _ := filepath.Glob("testdata/" + prefix + "*/in.bin")
		for _, file := range files {
			in, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(in)
		}
	}
}

// FuzzParse holds whatever comes to what Parse promises.
func FuzzParse(f *testing.F) {
	seed(f, "")
	faults := map[event.Fault]bool{"": true}
	for _, fault := range syslog.Faults() {
		faults[fault] = true
	}
	var p syslog.Parser
	ev := new(event.Event)
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, framing := range []event.Framing{event.FramingOctet, event.FramingLF, event.FramingDatagram} {
			ev.Reset()
			ev.Syslog.Framing = framing
			p.Parse(in, receivedAt, ev)
			holds(t, in, ev)
			if !faults[ev.Fault] {
				t.Errorf("fault %q is not in Faults", ev.Fault)
			}
		}
	})
}

func holds(t *testing.T, in []byte, ev *event.Event) {
	t.Helper()
	h, message := &ev.Syslog, ev.Message.Reveal()
	if h.Facility > 23 || h.Severity > 7 || (h.Facility < 0) != (h.Severity < 0) {
		t.Errorf("facility %d, severity %d", h.Facility, h.Severity)
	}
	if len(h.Params) > syslog.MaxParams || ev.Fault != "" && len(h.Params) > 0 {
		t.Errorf("%d parameters, fault %q", len(h.Params), ev.Fault)
	}
	texts := []event.Text{ev.Message, h.Hostname, h.AppName, h.ProcID, h.MsgID}
	for _, q := range h.Params {
		texts = append(texts, q.Element, q.Name, q.Value)
	}
	for _, text := range texts {
		if !utf8.Valid(text.Reveal()) {
			t.Errorf("%q is no UTF-8", text.Reveal())
		}
	}
	if utf8.Valid(in) == ev.Flags.Has(event.InvalidUTF8) && h.Framing != event.FramingDatagram {
		t.Errorf("flags %v", ev.Flags)
	}
	frame := bytes.ToValidUTF8(in, nil)
	switch {
	case !utf8.Valid(in) || h.Framing == event.FramingDatagram:
	case ev.Fault != "" && !bytes.Equal(message, bytes.TrimPrefix(frame, []byte("\uFEFF"))):
		t.Errorf("fault %q left %q of the frame", ev.Fault, message)
	case !bytes.HasSuffix(frame, message):
		t.Errorf("the message %q is not the end of the frame", message)
	}
}

// FuzzAgainstGoSyslog holds what a strict parser of RFC 5424 understands to what Parse makes of it.
func FuzzAgainstGoSyslog(f *testing.F) {
	seed(f, "rfc5424-", "pri-")
	strict := rfc5424.NewParser()
	var p syslog.Parser
	ev := new(event.Event)
	f.Fuzz(func(t *testing.T, in []byte) {
		if !utf8.Valid(in) || bytes.Contains(in, []byte("\uFEFF")) {
			return // the two differ on purpose
		}
		parsed, err := strict.Parse(in)
		if err != nil || parsed == nil {
			return
		}
		want := parsed.(*rfc5424.SyslogMessage)
		ev.Reset()
		p.Parse(in, receivedAt, ev)
		h := &ev.Syslog
		if want.Version > 255 {
			return // none is assigned
		}
		if ev.Fault != "" || h.Format != event.FormatRFC5424 {
			t.Fatalf("%q: fault %q, format %v", in, ev.Fault, h.Format)
		}
		for _, c := range []struct {
			name string
			got  event.Text
			want *string
		}{{"hostname", h.Hostname, want.Hostname}, {"app-name", h.AppName, want.Appname}, {"procid", h.ProcID, want.ProcID}, {"msgid", h.MsgID, want.MsgID}, {"message", ev.Message, want.Message}} {
			if c.want == nil {
				c.want = new(string)
			}
			if string(c.got.Reveal()) != *c.want {
				t.Errorf("%q: %s %q, want %q", in, c.name, c.got.Reveal(), *c.want)
			}
		}
		if int(h.Facility) != int(*want.Facility) || int(h.Severity) != int(*want.Severity) || uint16(h.Version) != want.Version {
			t.Errorf("%q: facility %d, severity %d, version %d", in, h.Facility, h.Severity, h.Version)
		}
		if want.Timestamp != nil && want.Timestamp.Year() > 1678 && want.Timestamp.Year() < 2261 && (!h.HasTime || h.Time != want.Timestamp.UnixNano()) {
			t.Errorf("%q: time %d, want %v", in, h.Time, want.Timestamp)
		}
		sameData(t, in, h.Params, want.StructuredData)
	})
}

func sameData(t *testing.T, in []byte, params []event.Param, want *map[string]map[string]string) {
	t.Helper()
	got := map[string]map[string]string{}
	for _, q := range params {
		id := string(q.Element.Reveal())
		if got[id] == nil {
			got[id] = map[string]string{}
		}
		if name := string(q.Name.Reveal()); name != "" {
			got[id][name] = string(q.Value.Reveal())
		}
	}
	if want == nil {
		want = &map[string]map[string]string{}
	}
	for id, values := range *want {
		for name, value := range values {
			if got[id][name] != value {
				t.Errorf("%q: [%s %s=%q], want %q", in, id, name, got[id][name], value)
			}
		}
	}
	if len(got) != len(*want) {
		t.Errorf("%q: %d elements, want %d", in, len(got), len(*want))
	}
}

// FuzzRFC5424ComesApartAsItWasPutTogether writes a message by the rules of RFC 5424 and reads it.
func FuzzRFC5424ComesApartAsItWasPutTogether(f *testing.F) {
	f.Add("shop-a", "celery", "7", "ID", "app@32473", "env", `pr"o\d]`, "text")
	f.Add("h", "-", "--", "x", "a", "b", `\\"`, " [text] with\nlines")
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)
	var p syslog.Parser
	ev := new(event.Event)
	f.Fuzz(func(t *testing.T, host, app, proc, id, element, name, value, text string) {
		fields := []string{word(host, ""), word(app, ""), word(proc, ""), word(id, "")}
		element, name = word(element, `="]`), word(name, `="]`)
		value, text = strings.ToValidUTF8(value, ""), strings.TrimPrefix(strings.ToValidUTF8(text, ""), "\uFEFF")
		if strings.HasPrefix(text, "\uFEFF") {
			return
		}
		frame := "<13>1 2026-05-01T20:51:40.123456789+02:00 " + strings.Join(fields, " ") + " [" + element + " " + name + `="` + escape.Replace(value) + `"] ` + text
		ev.Reset()
		p.Parse([]byte(frame), receivedAt, ev)
		got := readingOf(ev, "")
		for i, field := range []string{got.Hostname, got.AppName, got.ProcID, got.MsgID} {
			if field != fields[i] && (field != "" || fields[i] != "-") {
				t.Errorf("%q: field %d is %q", frame, i, field)
			}
		}
		if got.Fault != "" || got.Message != text || got.Time != "2026-05-01T18:51:40.123456789Z" || len(got.Params) != 1 || got.Params[0] != [3]string{element, name, value} {
			t.Errorf("%q gives %+v", frame, got)
		}
	})
}

// FuzzRFC3164ComesApartAsItWasPutTogether does so with a header of RFC 3164 and any text.
func FuzzRFC3164ComesApartAsItWasPutTogether(f *testing.F) {
	f.Add("shop-a", "celery", uint16(7), "[2026-05-01 20:51:40,807: INFO/MainProcess] Task a.b[x] received")
	f.Add("192.0.2.1", "postfix/smtp", uint16(0), "mingle: all alone")
	var p syslog.Parser
	ev := new(event.Event)
	f.Fuzz(func(t *testing.T, host, name string, pid uint16, text string) {
		text = strings.ToValidUTF8(text, "")
		if strings.HasPrefix(text, "\uFEFF") || !plain.MatchString(host) || !plain.MatchString(name) || strings.EqualFold(host, "UTC") || host == "GMT" || host == "Task" {
			return
		}
		if _, err := time.Parse("2006", host); err == nil {
			return // a year
		}
		for _, stamp := range []string{"May  1 20:51:40", "May 01 20:51:40.123", "2026-05-01T20:51:40.123456+02:00", "May  1 2026 20:51:40"} {
			frame := fmt.Sprintf("<13>%s %s %s[%d]: %s", stamp, host, name, pid, text)
			ev.Reset()
			p.Parse([]byte(frame), receivedAt, ev)
			if got := readingOf(ev, ""); got.Hostname != host || got.AppName != name || got.ProcID != fmt.Sprint(pid) || got.Message != text || got.Time == "" || got.Fault != "" {
				t.Errorf("%q gives %+v", frame, got)
			}
		}
	})
}

var plain = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,40}$`)

// word makes s a field of a header: what must not stand in one is left out.
func word(s, not string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7F || strings.ContainsRune(not, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if s == "" {
		return "x"
	}
	return s
}
