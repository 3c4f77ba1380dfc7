package celery_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"destring/relay/celery"
	"destring/rules/event"
)

// hostile are patterns that are repeated to a line of 1 MiB. Each is made to be read again and again by a reader that looks ahead.
var hostile = map[string]string{
	"letters": "a", "spaces": " ", "brackets": "[", "json depth": `{"a":`, "json members": `"a":1,`, "json without commas": `"a":"b" `, "quotes": `"`, "carriage returns": "\r", "line feeds": "\n",
	"task references": "Task a[", "task endings": "] succeeded in ", "key value": "a=b ", "keys": "a=", "structlog trailers": " [a.b] c=", "octal": "#012", "backslashes": `\n'`, "colours": "\x1b[1m",
	"tracebacks": "Traceback (most recent call last):\n", "frames": "  File \"a\", line 1, in b\n", "uuids": id + " ", "separators": "|-", "words": "a.b: ", "bidi": "\u202e", "invalid utf-8": "\xff", "apostrophes": "n't ",
	"calls": "a(", "angles": "<", "mixed closers": "{[(<}", "header lines": "\n[" + stamp + ": INFO/MainProcess] ",
}

// fronts are put before the pattern so that every reader of lines gets it.
var fronts = map[string]string{
	"bare": "", "celery": "[" + stamp + ": INFO/MainProcess] ", "task": "[" + stamp + ": INFO/MainProcess] Task ", "json": `{"message": "x", "b": [`, "structlog": "2026-03-07T09:15:42Z [info     ] ", "pipes": stamp + " | INFO | ",
	"colour": "\x1b[1m" + stamp + " INFO \x1b[0m", "unregistered": "[" + stamp + ": ERROR/MainProcess] Received unregistered task of type 'x'.\nThe message has been ignored and discarded.\n\nThe full contents of the message headers:\n{'id': ",
	"retry": "[" + stamp + ": INFO/MainProcess] Task a.b[" + id + "] retry: Retry in 1s: ", "docker": `{"log":"`, "rsyslog": " [" + stamp + ": INFO/MainProcess] ", "logfmt": "level=info msg=",
}

// BenchmarkHostile must stay below 50 ms for each line of 1 MiB.
func BenchmarkHostile(b *testing.B) {
	for front, head := range fronts {
		for name, pattern := range hostile {
			line := head + strings.Repeat(pattern, (1<<20)/len(pattern))
			b.Run(front+"/"+name, func(b *testing.B) {
				var ev event.Event
				r := celery.NewReader(celery.Options{})
				for b.Loop() {
					readWire(r, &ev, line)
				}
			})
		}
	}
}

// readWire reads line as if it had come in an LF frame with a header of RFC 5424, where escapes are undone.
func readWire(r *celery.Reader, ev *event.Event, line string) {
	ev.Reset()
	ev.Syslog.Format, ev.Syslog.Framing = event.FormatRFC5424, event.FramingLF
	ev.Syslog.AppName = event.NewText([]byte("shop.tasks")) // as rfc5424-logging-handler, unless a space comes first, as from rsyslog
	ev.Syslog.ProcID = event.NewText([]byte("12"))
	ev.Message = event.NewText([]byte(line))
	r.Read(ev)
}

func FuzzRead(f *testing.F) {
	for _, head := range fronts {
		for _, pattern := range hostile {
			f.Add(head + pattern + pattern)
		}
	}
	format, err := celery.Compile("%(asctime)s | %(levelname)-8s | %(name)s | %(message)s [%(task_id)s]", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, opt := range []celery.Options{{}, {Formats: []*celery.Format{format}, Transport: celery.Backslash}, {Transport: celery.Octal}} {
			var ev event.Event
			r := celery.NewReader(opt)
			for range 2 { // the second time with what was learned
				readWire(r, &ev, line)
				inBounds(t, &ev)
			}
		}
	})
}

// inBounds fails when a span of ev lies outside of the facts.
func inBounds(t *testing.T, ev *event.Event) {
	c, n := &ev.Celery, uint32(ev.Facts().Len())
	spans := []event.Span{c.Body, c.Process, c.Logger, c.Worker, c.Queue, c.Broker, c.Task.Name, c.Task.ID, c.Task.ETA, c.Task.Args, c.Task.Kwargs, c.Task.Result, c.Error.Type, c.Error.Message, c.Error.Traceback}
	for _, f := range c.Frames {
		spans = append(spans, f.File, f.Function)
	}
	for i, s := range spans {
		if s.Start > s.End || s.End > n {
			t.Fatalf("span %d is %v in a text of %d bytes", i, s, n)
		}
	}
	if !utf8.ValidString(string(c.Kind)) || c.Task.State != strings.ToUpper(c.Task.State) {
		t.Fatalf("kind %q, state %q", c.Kind, c.Task.State)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range [][3]string{
		{"[%(asctime)s: %(levelname)s/%(processName)s] %(message)s", "", "[" + stamp + ": INFO/MainProcess] x"},
		{"{levelname} {asctime} {module} {process:d} {message}", "%d/%b/%Y %H:%M:%S", "INFO 07/Mar/2026 09:15:42 m 12 x"},
		{"$levelname $message", "", "INFO x"}, {"<green>{time:YYYY}</green> | {message}", "", stamp + " | x"}, {"%", "%", ""}, {"%(a)s%(message)s", "", ""},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, format, datefmt, line string) {
		compiled, err := celery.Compile(format, datefmt)
		if err != nil {
			return
		}
		var ev event.Event
		readWire(celery.NewReader(celery.Options{Formats: []*celery.Format{compiled}}), &ev, line)
		inBounds(t, &ev)
	})
}
