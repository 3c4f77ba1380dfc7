package celery_test

import (
	"strings"
	"testing"

	"destring/relay/celery"
	"destring/rules/event"
)

// hop is one message as it stands behind its syslog header.
type hop struct {
	format  event.Format
	framing event.Framing
	app     string
	pid     string
	flags   event.Flags
	text    string
}

func (h hop) event() *event.Event {
	ev := new(event.Event)
	ev.Reset()
	ev.Syslog.Format, ev.Syslog.Framing, ev.Flags = h.format, h.framing, h.flags
	ev.Syslog.AppName, ev.Syslog.ProcID = event.NewText([]byte(h.app)), event.NewText([]byte(h.pid))
	ev.Message = event.NewText([]byte(h.text))
	return ev
}

var (
	rsyslog = hop{format: event.FormatRFC5424, framing: event.FramingLF, app: "celery", pid: "812"}
	old     = hop{format: event.FormatRFC3164, framing: event.FramingLF, app: "celery", pid: "812"}
	handler = hop{format: event.FormatRFC5424, framing: event.FramingLF, app: "shop.tasks", pid: "812"}
	counted = hop{format: event.FormatRFC5424, framing: event.FramingOctet, app: "shop.tasks", pid: "812"}
	stdlib  = hop{format: event.FormatBare, framing: event.FramingNUL}
	imfile  = hop{format: event.FormatRFC5424, framing: event.FramingLF, app: "celery"}
)

func (h hop) says(text string) hop { h.text = text; return h }

func TestEscapesOfTheTransportAreUndone(t *testing.T) {
	const (
		real      = celeryHead + "boom\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'"
		octal     = celeryHead + "boom#012Traceback (most recent call last):#012  File \"a.py\", line 1, in f#012KeyError: 'x'"
		backslash = celeryHead + `boom\nTraceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 'x'`
	)
	for _, c := range []struct {
		name string
		opt  celery.Options
		hops []hop
		want string // of the last one
	}{
		{"rsyslog writes a line feed as #012", celery.Options{}, []hop{rsyslog.says(" " + octal)}, real},
		{"and every control character", celery.Options{}, []hop{rsyslog.says(" " + celeryHead + "tab#011esc#033[31m")}, celeryHead + "tab\tesc\x1b[31m"},
		{"but no printable one", celery.Options{}, []hop{rsyslog.says(" " + celeryHead + "order #101 and #377")}, celeryHead + "order #101 and #377"},
		{"in the old format too", celery.Options{}, []hop{old.says(octal)}, real},
		{"an rsyslog that was told not to escape shows itself", celery.Options{}, []hop{rsyslog.says(" " + real), rsyslog.says(" " + celeryHead + "a #012 literal")}, celeryHead + "a #012 literal"},
		{"lines that were joined are raw ones", celery.Options{}, []hop{{format: old.format, framing: old.framing, pid: "1", flags: event.Continued, text: real}, old.says(celeryHead + "a #012 literal")}, celeryHead + "a #012 literal"},
		{"rfc5424-logging-handler writes the two characters", celery.Options{}, []hop{handler.says(backslash)}, real},
		{"but not inside of a repr", celery.Options{}, []hop{handler.says(celeryHead + `result: 'a\nb'\nnext`)}, celeryHead + `result: 'a\nb'` + "\nnext"},
		{"billiard's triple quotes are no repr", celery.Options{}, []hop{handler.says(celeryHead + `x: \n"""\nTraceback\n"""`)}, celeryHead + "x: \n\"\"\"\nTraceback\n\"\"\""},
		{"imfile shows it by a traceback", celery.Options{}, []hop{imfile.says(" " + backslash), imfile.says(" " + celeryHead + `a\nb`)}, celeryHead + "a\nb"},
		{"a traceback in a repr shows nothing", celery.Options{}, []hop{imfile.says(" " + celeryHead + `failed: 'x\nTraceback (most recent call last):\n  File "a"'`), imfile.says(" " + celeryHead + `C:\new`)}, celeryHead + `C:\new`},
		{"octet counting escapes nothing", celery.Options{}, []hop{counted.says(celeryHead + `a\nb #012`)}, celeryHead + `a\nb #012`},
		{"NUL framing escapes nothing", celery.Options{}, []hop{stdlib.says(octal)}, octal},
		{"JSON has escapes of its own", celery.Options{}, []hop{handler.says(`{"message": "a\nb #012", "level": "INFO"}`)}, `{"message": "a\nb #012", "level": "INFO"}`},
		{"a declared form is not learned", celery.Options{Transport: celery.Raw}, []hop{rsyslog.says(" " + octal)}, octal},
		{"a declared form is undone wherever it stands", celery.Options{Transport: celery.Octal}, []hop{stdlib.says(octal)}, real},
		{"rsyslog's templates put a space before and a line feed behind", celery.Options{}, []hop{{format: event.FormatRFC5424, framing: event.FramingOctet, app: "celery", pid: "1", text: " " + real + "\n"}}, real},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := celery.NewReader(c.opt)
			var last *event.Event
			for _, h := range c.hops {
				last = h.event()
				r.Read(last)
			}
			if got := string(last.Message.Reveal()); got != c.want {
				t.Errorf("\n got  %q\n want %q", got, c.want)
			}
			if changed := strings.TrimSpace(c.hops[len(c.hops)-1].text) != c.want; changed != last.Flags.Has(event.Unescaped) {
				t.Errorf("Unescaped is %v", last.Flags.Has(event.Unescaped))
			}
		})
	}
}

func TestAContainersWrapperIsTakenOff(t *testing.T) {
	const line = celeryHead + "said \"x\"\ty"
	for name, in := range map[string]string{
		"Docker":   `{"log":"` + celeryHead + `said \"x\"\ty\n","stream":"stdout","attrs":{"tag":"w"},"time":"2026-03-07T09:15:42.2Z"}`,
		"CRI":      "2026-03-07T09:15:42.118123456Z stdout F " + line,
		"CRI cut":  "2026-03-07T09:15:42.118123456+01:00 stderr P " + line,
		"journald": `{"_PID":"77","__REALTIME_TIMESTAMP":"1","MESSAGE":"` + celeryHead + `said \"x\"\ty","_BOOT_ID":"b"}`,
	} {
		ev := stdlib.says(in).event()
		celery.NewReader(celery.Options{}).Read(ev)
		if got := string(ev.Message.Reveal()); got != line || !ev.Flags.Has(event.Unescaped) {
			t.Errorf("%s: %q, flags %b", name, got, ev.Flags)
		}
	}
	for name, in := range map[string]string{
		"an application's object with a log":      `{"log":"x","level":"info"}`,
		"a time that is not followed by a stream": "2026-03-07T09:15:42.118Z INFO F x",
	} {
		ev := stdlib.says(in).event()
		celery.NewReader(celery.Options{}).Read(ev)
		if got := string(ev.Message.Reveal()); got != in {
			t.Errorf("%s was taken apart to %q", name, got)
		}
	}
}

func TestAPPNAMEIsTheLoggerWhereTheHandlerSendsIt(t *testing.T) {
	r := celery.NewReader(celery.Options{})
	for _, c := range []struct {
		app, text string
		logger    bool
		kind      event.Kind
	}{
		{"shop.tasks", celeryHead + received, false, celery.TaskReceived}, // not yet known
		{"celery.worker.strategy", celeryHead + received, true, celery.TaskReceived},
		{"shop.tasks", celeryHead + received, true, ""},
		{"celery.redirected", celeryHead + received, true, celery.Stdout},
		{"py.warnings", celeryHead + "x", true, celery.PythonWarning},
	} {
		h := counted.says(c.text)
		h.app = c.app
		ev := h.event()
		r.Read(ev)
		if ev.Celery.LoggerIsAppName != c.logger || ev.Celery.Kind != c.kind {
			t.Errorf("%s: logger %v, kind %q; want %v, %q", c.app, ev.Celery.LoggerIsAppName, ev.Celery.Kind, c.logger, c.kind)
		}
	}
	ev := rsyslog.says(" " + celeryHead + received).event()
	celery.NewReader(celery.Options{}).Read(ev)
	if ev.Celery.LoggerIsAppName {
		t.Error("the tag celery of rsyslog was taken for a logger")
	}
}
