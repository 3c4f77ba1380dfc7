package celery_test

import (
	"fmt"
	"strings"
	"testing"

	"destring/relay/celery"
	"destring/rules/event"
)

// told reads one line on a new connection and writes what it says as "kind key=value …", in a fixed order, leaving
// out what it does not say.
func told(line string, opt celery.Options) string {
	var ev event.Event
	ev.Reset()
	ev.Message = event.NewText([]byte(line))
	celery.NewReader(opt).Read(&ev)
	return facts(&ev)
}

func facts(ev *event.Event) string {
	c, text := &ev.Celery, ev.Facts()
	out := []string{string(c.Kind)}
	if c.Kind == "" {
		out[0] = "-"
	}
	add := func(key string, s event.Span) {
		if !s.Empty() {
			out = append(out, key+"="+string(text.Slice(s).Reveal()))
		}
	}
	out = append(out, "level="+c.Level.String())
	add("process", c.Process)
	add("logger", c.Logger)
	add("task", c.Task.Name)
	add("id", c.Task.ID)
	if c.Task.State != "" {
		out = append(out, "state="+c.Task.State)
	}
	if c.Task.HasRuntime {
		out = append(out, fmt.Sprint("runtime=", c.Task.Runtime))
	}
	add("result", c.Task.Result)
	add("args", c.Task.Args)
	add("kwargs", c.Task.Kwargs)
	add("eta", c.Task.ETA)
	add("worker", c.Worker)
	add("queue", c.Queue)
	add("broker", c.Broker)
	if c.PID != 0 {
		out = append(out, fmt.Sprint("pid=", c.PID))
	}
	if c.IDs != 0 {
		out = append(out, fmt.Sprint("ids=", c.IDs))
	}
	add("error", c.Error.Type)
	add("message", c.Error.Message)
	for _, f := range c.Frames[max(len(c.Frames)-1, 0):] {
		out = append(out, fmt.Sprintf("frame=%s:%d:%s", text.Slice(f.File).Reveal(), f.Line, text.Slice(f.Function).Reveal()))
	}
	return strings.Join(out, " ")
}

const (
	id    = "7c1f0c7e-52a1-4a7c-9a58-2d1f5a0b9e11"
	stamp = "2026-03-07 09:15:42,118"
)

func TestReader(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"a task is received", "[" + stamp + ": INFO/MainProcess] Task billing.jobs.invoice[" + id + "] received",
			"task-received level=info process=MainProcess task=billing.jobs.invoice id=" + id + " state=RECEIVED"},
		{"a task succeeds", "[" + stamp + ": INFO/ForkPoolWorker-3] Task billing.jobs.invoice[" + id + "] succeeded in 0.25s: {'total': 3}",
			"task-succeeded level=info process=ForkPoolWorker-3 task=billing.jobs.invoice id=" + id + " state=SUCCESS runtime=0.25 result={'total': 3}"},
		{"a task fails with a traceback", "[" + stamp + ": ERROR/ForkPoolWorker-3] Task a.b[" + id + "] raised unexpected: ValueError('no such bank')\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 7, in b\n    pay()\n  File \"/srv/pay.py\", line 31, in pay\n    raise ValueError('no such bank')\nValueError: no such bank",
			"task-failed level=error process=ForkPoolWorker-3 task=a.b id=" + id + " state=FAILURE error=ValueError message=no such bank frame=/srv/pay.py:31:pay"},
		{"a task's own log", "[" + stamp + ": INFO/ForkPoolWorker-3] a.b[" + id + "]: paid",
			"- level=info process=ForkPoolWorker-3 task=a.b id=" + id},
		{"python-json-logger", `{"asctime": "` + stamp + `", "levelname": "INFO", "name": "celery.app.trace", "processName": "ForkPoolWorker-1", "process": 77, "message": "Task a.b[` + id + `] succeeded in 1.5s: 'x\"y'", "data": {"args": "(1,)", "kwargs": "{'k': 2}"}}`,
			`task-succeeded level=info process=ForkPoolWorker-1 logger=celery.app.trace task=a.b id=` + id + ` state=SUCCESS runtime=1.5 result='x"y' args=(1,) kwargs={'k': 2} pid=77`},
		{"data that an application logs is no task", `{"message": "saved", "level": "INFO", "name": "shop.views", "data": {"id": 5, "name": "ann", "args": "x", "runtime": 2}}`,
			"- level=info logger=shop.views"},
		{"structlog's tracebacks as objects", `{"event": "boom", "level": "error", "exception": [{"exc_type": "KeyError", "exc_value": "'k'", "frames": [{"filename": "/srv/a.py", "lineno": 3, "name": "f", "locals": {"name": "x"}}]}]}`,
			"- level=error error=KeyError message='k' frame=/srv/a.py:3:f"},
		{"ECS's error", `{"@timestamp":"2026-03-07T09:15:42.118Z","log.level":"error","message":"boom","error":{"type":"KeyError","message":"'k'","stack_trace":"  File \"/srv/a.py\", line 3, in f\n    x\n"}}`,
			"- level=error error=KeyError message='k' frame=/srv/a.py:3:f"},
		{"loguru's exception", `{"text": "x | boom\nTraceback (most recent call last):\n\n> File \"/srv/a.py\", line 3, in f\n    x\n\nKeyError: 'k'\n", "record": {"exception": {"type": "KeyError", "value": "'k'", "traceback": true}, "level": {"name": "ERROR"}, "message": "boom"}}`,
			"- level=error error=KeyError message='k' frame=/srv/a.py:3:f"},
		{"JSON that was cut on its way", `{"levelname": "INFO", "name": "celery.worker.strategy", "message": "Task a.b[` + id + `] received", "data": {"args": "('x`,
			"task-received level=info logger=celery.worker.strategy task=a.b id=" + id + " state=RECEIVED args=('x"},
		{"text that is nobody's", "hello world", "- level="},
		{"nothing", "", "- level="},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := told(c.line, celery.Options{}); got != c.want {
				t.Errorf("\n in   %s\n got  %s\n want %s", c.line, got, c.want)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for name, line := range map[string]string{
		"received":  "[" + stamp + ": INFO/MainProcess] Task billing.jobs.invoice[" + id + "] received",
		"succeeded": "[" + stamp + ": INFO/ForkPoolWorker-3] Task billing.jobs.invoice[" + id + "] succeeded in 0.04363709299991s: {'total': 39.0}",
		"app":       "[" + stamp + ": INFO/ForkPoolWorker-3] billing.jobs.invoice[" + id + "]: Order O-1 priced: 2 lines, total 39.00 EUR",
		"json":      `{"timestamp": "` + stamp + `", "level": "INFO", "name": "celery.worker.strategy", "processName": "MainProcess", "process": 4132, "message": "Task billing.jobs.invoice[` + id + `] received", "data": {"id": "` + id + `", "name": "billing.jobs.invoice", "args": "('O-0', [[2, 9.5], [1, 20.0]])", "kwargs": "{}", "eta": null}}`,
		"pipes":     stamp + " | INFO     | celery.worker.strategy | MainProcess | Task billing.jobs.invoice[" + id + "] received",
		"structlog": "2026-03-07T09:15:42.118Z [info     ] Task billing.jobs.invoice[" + id + "] received [celery.worker.strategy] process=MainProcess",
		"traceback": "[" + stamp + ": ERROR/ForkPoolWorker-3] Task a.b[" + id + "] raised unexpected: ValueError('no such bank')\nTraceback (most recent call last):\n" + strings.Repeat("  File \"/srv/shop/payments/bank.py\", line 31, in pay\n    raise ValueError('no such bank')\n", 10) + "ValueError: no such bank",
	} {
		b.Run(name, func(b *testing.B) {
			var ev event.Event
			r := celery.NewReader(celery.Options{})
			text := event.NewText([]byte(line))
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				ev.Reset()
				ev.Message = text
				r.Read(&ev)
			}
		})
	}
}

func without(s, part string) string { return strings.Replace(s, part, "", 1) }
