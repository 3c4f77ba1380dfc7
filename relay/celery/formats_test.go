package celery_test

import (
	"strings"
	"testing"

	"destring/relay/celery"
	"destring/rules/event"
)

const received = "Task a.b[" + id + "] received"

// Every form is read without being declared.
func TestFormatsAreRecognised(t *testing.T) {
	const want = "task-received level=info task=a.b id=" + id + " state=RECEIVED"
	for name, line := range map[string]string{
		"Celery's own":                   "[" + stamp + ": INFO/MainProcess] " + received,
		"Celery's own in colour":         "\x1b[1;34m[" + stamp + ": INFO/MainProcess] " + received + "\x1b[0m",
		"Django's verbose":               "INFO " + stamp + " strategy 4132 139872304 " + received,
		"brackets and an English date":   "[07/Mar/2026 09:15:42] INFO [celery.worker.strategy:161] " + received,
		"pipes":                          stamp + " | INFO     | celery.worker.strategy | MainProcess | " + received,
		"basicConfig":                    "INFO:celery.worker.strategy:" + received,
		"dashes":                         stamp + " - celery.worker.strategy - INFO - " + received,
		"gunicorn's":                     "[2026-03-07 09:15:42 +0000] [4132] [INFO] " + received,
		"tornado's":                      "[I 260307 09:15:42 strategy:161] " + received,
		"multiprocessing's":              "[INFO/MainProcess] " + received,
		"braces and stars":               stamp + " *INFO* {MainProcess} " + received,
		"semicolons":                     stamp + ";INFO;celery.worker.strategy;MainProcess;" + received,
		"tabs":                           stamp + "\tINFO\tcelery.worker.strategy\t" + received,
		"a header of key=value":          stamp + " level=INFO logger=celery.worker.strategy pid=12 " + received,
		"loguru":                         "2026-03-07 09:15:42.118 | INFO     | celery.worker.strategy:task_message_handler:161 - " + received,
		"loguru in colour":               "\x1b[32m2026-03-07 09:15:42.118\x1b[0m | \x1b[1mINFO    \x1b[0m | \x1b[36mcelery.worker.strategy\x1b[0m:\x1b[36mf\x1b[0m:\x1b[36m161\x1b[0m - \x1b[1m" + received + "\x1b[0m",
		"loguru JSON":                    `{"text": "x", "record": {"elapsed": {"repr": "0:00:01"}, "exception": null, "extra": {}, "level": {"icon": "i", "name": "INFO", "no": 20}, "message": "` + received + `", "name": "celery.worker.strategy", "process": {"id": 12, "name": "MainProcess"}, "time": {"repr": "2026-03-07 09:15:42.118+00:00", "timestamp": 1.7}}}`,
		"structlog's console":            "2026-03-07T09:15:42.118Z [info     ] " + received + " [celery.worker.strategy] process=MainProcess",
		"structlog JSON":                 `{"event": "` + received + `", "level": "info", "logger": "celery.worker.strategy", "timestamp": "2026-03-07T09:15:42.118Z"}`,
		"structlog key=value":            `timestamp='2026-03-07T09:15:42.118Z' level='info' event='` + received + `' logger='celery.worker.strategy'`,
		"logfmt":                         `ts=2026-03-07T09:15:42.118Z level=info msg="` + received + `" logger=celery.worker.strategy`,
		"ECS":                            `{"@timestamp":"2026-03-07T09:15:42.118Z","log.level":"info","message":"` + received + `","ecs":{"version":"1.6.0"},"log":{"logger":"celery.worker.strategy","origin":{"file":{"line":161}}},"process":{"name":"MainProcess","pid":12}}`,
		"logstash":                       `{"@timestamp": "2026-03-07T09:15:42.118Z", "@version": "1", "message": "` + received + `", "level": "INFO", "logger_name": "celery.worker.strategy"}`,
		"GELF":                           `{"version":"1.1","host":"h","short_message":"` + received + `","timestamp":1772874942.118,"level":6,"_logger":"celery.worker.strategy"}`,
		"JSON with every attribute":      `{"name": "celery.worker.strategy", "msg": "Task %(name)s[%(id)s] received", "args": {"id": "` + id + `", "name": "a.b"}, "levelname": "INFO", "levelno": 20, "taskName": null, "processName": "MainProcess", "process": 12, "asctime": "` + stamp + `", "message": "` + received + `"}`,
		"Docker's json-file around it":   `{"log":"[` + stamp + `: INFO/MainProcess] ` + received + `\n","stream":"stderr","time":"2026-03-07T09:15:42.2Z"}`,
		"the CRI around it":              "2026-03-07T09:15:42.118123456Z stderr F [" + stamp + ": INFO/MainProcess] " + received,
		"journald's JSON around it":      `{"__REALTIME_TIMESTAMP":"1772874942118000","_PID":"12","PRIORITY":"6","MESSAGE":"[` + stamp + `: INFO/MainProcess] ` + received + `"}`,
		"a short level":                  stamp + " INF MainProcess " + received,
		"no header at all but the level": "INFO: " + received,
	} {
		t.Run(name, func(t *testing.T) {
			got := told(line, celery.Options{})
			for _, word := range strings.Fields(want) {
				if !strings.Contains(" "+got+" ", " "+word+" ") {
					t.Errorf("\n in   %q\n got  %s\n lacks %s", line, got, word)
				}
			}
		})
	}
}

// A format string that looks like JSON does not escape what it is filled with.
func TestJSONByAFormatStringIsRead(t *testing.T) {
	const head = `{"time": "` + stamp + `", "level": "INFO", "process": "ForkPoolWorker-1", "message": "`
	const traceback = "\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\nKeyError: 'k'"
	for line, want := range map[string]string{
		head + "Task a.b[" + id + "] succeeded in 0.5s: {'k': \"it's\"}" + `"}`: "task-succeeded level=info process=ForkPoolWorker-1 task=a.b id=" + id + " state=SUCCESS runtime=0.5 result={'k': \"it's\"}",
		head + received + `"}`:            "task-received level=info process=ForkPoolWorker-1 task=a.b id=" + id + " state=RECEIVED",
		head + `boom"}` + traceback:       "- level=info process=ForkPoolWorker-1 error=KeyError message='k' frame=/srv/a.py:3:f",
		head + `boom "x" y"}` + traceback: "- level=info process=ForkPoolWorker-1 error=KeyError message='k' frame=/srv/a.py:3:f",
	} {
		if got := told(line, celery.Options{}); got != want {
			t.Errorf("\n in   %q\n got  %q\n want %q", line, got, want)
		}
	}
}

func TestATaskIsReadFromTheFormatsOfProjects(t *testing.T) {
	for name, line := range map[string]string{
		"Celery's":                  "[" + stamp + ": INFO/ForkPoolWorker-3] a.b[" + id + "]: paid",
		"its documentation's":       "[" + stamp + ": INFO/ForkPoolWorker-3] [a.b(" + id + ")] paid",
		"name and id in brackets":   stamp + " INFO ForkPoolWorker-3 [a.b " + id + "] paid",
		"id before name":            "[" + stamp + "] [INFO] [ForkPoolWorker-3] " + id + " a.b: paid",
		"two brackets":              stamp + " INFO [ForkPoolWorker-3] [" + id + "] [a.b] - paid",
		"key=value":                 stamp + " level=INFO process=ForkPoolWorker-3 task=a.b task_id=" + id + " paid",
		"structlog":                 "2026-03-07T09:15:42Z [info     ] paid                           [shop] process=ForkPoolWorker-3 task=a.b task_id=" + id,
		"context of ECS":            `{"message": "paid", "log.level": "info", "process": {"name": "ForkPoolWorker-3"}, "celery": {"task_id": "` + id + `", "task_name": "a.b"}}`,
		"JSON behind Celery's own":  "[" + stamp + `: INFO/ForkPoolWorker-3] {"event": "paid", "task_id": "` + id + `", "task_name": "a.b"}`,
		"loguru's extra":            `{"text": "x", "record": {"extra": {"task_id": "` + id + `", "task_name": "a.b"}, "level": {"name": "INFO"}, "message": "paid", "process": {"id": 2, "name": "ForkPoolWorker-3"}}}`,
		"python-json-logger's keys": `{"message": "paid", "levelname": "INFO", "processName": "ForkPoolWorker-3", "taskName": "Task-4", "task_name": "a.b", "task_id": "` + id + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := told(line, celery.Options{}), "- level=info process=ForkPoolWorker-3 task=a.b id="+id; got != want && strings.ReplaceAll(got, " logger=shop", "") != want && strings.ReplaceAll(got, " pid=2", "") != want {
				t.Errorf("\n in   %q\n got  %s\n want %s", line, got, want)
			}
		})
	}
}

func TestADeclaredFormatIsReadAsItIsWritten(t *testing.T) {
	for _, c := range []struct{ name, format, datefmt, line, want string }{
		{"fields in an order of their own", "%(message)s <%(task_name)s %(task_id)s> %(levelname)s", "", "paid <a.b " + id + "> INFO", "- level=info task=a.b id=" + id},
		{"no task is no task", "%(levelname)s %(task_name)s %(task_id)s %(message)s", "", "INFO ??? ??? paid", "- level=info"},
		{"padding", "%(levelname)-8s|%(processName)12s| %(message)s", "", "INFO    | MainProcess| " + received, "task-received level=info process=MainProcess task=a.b id=" + id + " state=RECEIVED"},
		{"braces", "{levelname} {asctime} {module} {process:d} {thread:d} {message}", "", "ERROR " + stamp + " mod 12 99 boom", "- level=error pid=12"},
		{"dollars", "$levelname ${processName}: $message", "", "WARNING MainProcess: x", "- level=warning process=MainProcess"},
		{"loguru's own", "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> | <level>{level: <8}</level> | <cyan>{name}</cyan>:<cyan>{function}</cyan>:<cyan>{line}</cyan> - <level>{message}</level>", "",
			"2026-03-07 09:15:42.118 | INFO     | shop.pay:run:7 - paid", "- level=info logger=shop.pay"},
		{"colorlog's", "%(log_color)s%(levelname)s%(reset)s %(message)s", "", "\x1b[32mINFO\x1b[0m paid", "- level=info"},
		{"a date format", "%(asctime)s %(levelname)s %(message)s", "%d.%m.%Y %H:%M", "07.03.2026 09:15 INFO paid", "- level=info"},
		{"a percent sign", "100%% %(levelname)s %(message)s", "", "100% INFO paid", "- level=info"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := celery.Compile(c.format, c.datefmt)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(c.line, celery.Options{Formats: []*celery.Format{f}}); got != c.want {
				t.Errorf("\n got  %s\n want %s", got, c.want)
			}
		})
	}
}

func TestALineInAnotherFormatThanTheDeclaredOneIsStillRead(t *testing.T) {
	f, err := celery.Compile("%(levelname)s | %(message)s", "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told("["+stamp+": INFO/MainProcess] "+received, celery.Options{Formats: []*celery.Format{f}}), "task-received level=info process=MainProcess task=a.b id="+id+" state=RECEIVED"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAFormatThatCannotBeReadBackIsRefused(t *testing.T) {
	for name, c := range map[string][3]string{
		"no message":          {"%(levelname)s", "", "no %(message)s"},
		"two names in a row":  {"%(name)s%(message)s", "", "cannot be told apart"},
		"a broken conversion": {"%(levelname) %(message)", "", "no conversion"},
		"a lone percent":      {"% %(message)s", "", "without (name)"},
		"an open brace":       {"{message} {levelname", "", "without }"},
		"a date directive":    {"%(message)s", "%Q", "unknown directive %Q"},
		"a date that ends":    {"%(message)s", "%", "ends in %"},
	} {
		if _, err := celery.Compile(c[0], c[1]); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheTimeOfALineIsRead(t *testing.T) {
	const wall = 1772874942 // 2026-03-07 09:15:42 as if it were UTC
	for line, want := range map[string]struct {
		ns   int64
		zone bool
	}{
		"[2026-03-07 09:15:42,118: INFO/MainProcess] x":                       {wall*1e9 + 118e6, false},
		"2026-03-07T09:15:42.118Z INFO x":                                     {wall*1e9 + 118e6, true},
		"2026-03-07T10:15:42.118+01:00 INFO x":                                {wall*1e9 + 118e6, true},
		"[07/Mar/2026 09:15:42] INFO [m:1] x":                                 {wall * 1e9, false},
		"Sat, 07 Mar 2026 09:15:42 +0000 INFO x":                              {wall * 1e9, true},
		"03/07/2026 09:15:42 AM INFO: x":                                      {wall * 1e9, false},
		`{"timestamp": 1772874942.118, "level": "info", "message": "x"}`:      {wall*1e9 + 118e6, true},
		`{"timestamp": 1772874942118, "level": "info", "message": "x"}`:       {wall*1e9 + 118e6, true},
		`{"asctime": "2026-03-07 09:15:42,118", "level":"info", "event":"x"}`: {wall*1e9 + 118e6, false},
		"09:15:42,118 INFO MainProcess x":                                     {0, false},
		"INFO: x":                                                             {0, false},
	} {
		var ev event.Event
		ev.Reset()
		ev.Message = event.NewText([]byte(line))
		celery.NewReader(celery.Options{}).Read(&ev)
		if c := ev.Celery; c.Time != want.ns || c.TimeHasZone != want.zone || c.HasTime != (want.ns != 0) {
			t.Errorf("%s: %d zone %v has %v, want %d zone %v", line, c.Time, c.TimeHasZone, c.HasTime, want.ns, want.zone)
		}
	}
}

func TestALineThatSaysNoLevelIsStillRead(t *testing.T) {
	for line, want := range map[string]string{
		"[celery.worker.strategy] " + received:                   "task-received level= logger=celery.worker.strategy task=a.b id=" + id + " state=RECEIVED",
		"MainProcess: " + received:                               "task-received level= process=MainProcess task=a.b id=" + id + " state=RECEIVED",
		received:                                                 "task-received level= task=a.b id=" + id + " state=RECEIVED",
		stamp + " INFO order shipped " + id:                      "- level=info",
		stamp + " INFO - removing a.b[" + id + "] from the list": "- level=info",
		"celery is fine, MainProcess too":                        "- level=",
	} {
		if got := told(line, celery.Options{}); got != want {
			t.Errorf("\n in   %q\n got  %q\n want %q", line, got, want)
		}
	}
}
