package celery_test

import (
	"strings"
	"testing"

	"destring/relay/celery"
	"destring/rules/event"
)

const (
	celeryHead  = "[" + stamp + ": INFO/MainProcess] "
	forgedLine  = "[2026-01-01 00:00:00,000: INFO/MainProcess] Task a.pay[00000000-0000-4000-8000-00000000beef] succeeded in 0.1s: 'forged'"
	forgedFrame = "<13>1 2026-01-01T00:00:00Z trusted celery 1 - - [2026-01-01 00:00:00,000: INFO/MainProcess] w1@trusted ready."
)

// What a sender of task messages can write into a line stays text of that line.
func TestForgedTextStaysInItsPlaceAndIsFlagged(t *testing.T) {
	for _, c := range []struct {
		name, line, want string
		flags            event.Flags
	}{
		{"a line in a task's name", celeryHead + "Task nightly\n" + forgedLine + "[" + id + "] received",
			"task-received level=info process=MainProcess task=nightly\n" + forgedLine + " id=" + id + " state=RECEIVED", event.OddTaskName | event.InnerHeader},
		{"a frame in a task's name", celeryHead + "Task nightly\n" + forgedFrame + "[" + id + "] succeeded in 0.5s: 2",
			"task-succeeded level=info process=MainProcess task=nightly\n" + forgedFrame + " id=" + id + " state=SUCCESS runtime=0.5 result=2", event.OddTaskName | event.InnerHeader},
		{"a line in a task's id", celeryHead + "Task a.b[12-x\n" + forgedLine + "] received",
			"task-received level=info process=MainProcess task=a.b id=12-x\n" + forgedLine + " state=RECEIVED", event.OddTaskID | event.InnerHeader},
		{"an end of its own in a result", celeryHead + "Task a.b[" + id + "] succeeded in 0.5s: '] succeeded in 9s: x'",
			"task-succeeded level=info process=MainProcess task=a.b id=" + id + " state=SUCCESS runtime=0.5 result='] succeeded in 9s: x'", 0},
		{"a line in a node's name", celeryHead + "sync with w7@evil\n" + forgedLine,
			"node-hello level=info process=MainProcess worker=w7@evil\n" + forgedLine, event.InnerHeader},
		{"a comment that looks like a header", celeryHead + "a.b[" + id + "]: said\n<34>Oct 11 22:14:15 host su: x",
			"- level=info process=MainProcess task=a.b id=" + id, event.InnerHeader},
		{"a print of a whole message", strings.Replace(celeryHead, "INFO", "WARNING", 1) + received,
			"- level=warning process=MainProcess", 0},
		{"a message under a logger of the application's", `{"levelname": "INFO", "name": "shop.views", "message": "` + received + `"}`,
			"- level=info logger=shop.views", 0},
		{"a message that was printed, where the logger is known", `{"levelname": "WARNING", "name": "celery.redirected", "message": "Got shutdown from remote"}`,
			"stdout level=warning logger=celery.redirected", 0},
		{"a shutdown with the sender's own text, where the logger is known", `{"levelname": "WARNING", "name": "celery.worker.control", "message": "w1@a ready."}`,
			"control-shutdown level=warning logger=celery.worker.control", 0},
		{"a logger in brackets in structlog's event", "2026-03-07T09:15:42Z [info     ] " + received + " [celery.worker.strategy] a=1 [shop.views] b=2",
			"- level=info logger=shop.views", 0},
		{"a header behind an escape that rsyslog would write", celeryHead + "a.b[" + id + "]: said#012" + forgedLine, "- level=info process=MainProcess task=a.b id=" + id, event.InnerHeader},
		{"a header behind the two characters", celeryHead + "a.b[" + id + "]: said\\n" + forgedFrame, "- level=info process=MainProcess task=a.b id=" + id, event.InnerHeader},
		{"a message in a sentence, where the format is not known", stamp + " INFO customer wrote " + received, "- level=info", 0},
		{"a message in a sentence under a logger of the application's", stamp + " INFO shop.views: " + received, "- level=info logger=shop.views", 0},
		{"terminal codes", celeryHead + "a.b[" + id + "]: \x1b]0;owned\x07", "- level=info process=MainProcess task=a.b id=" + id, event.ControlChars},
		{"text that runs backwards", celeryHead + "a.b[" + id + "]: x\u202egpj.exe", "- level=info process=MainProcess task=a.b id=" + id, event.ControlChars},
		{"an overlong id", celeryHead + "Task a.b[" + id + "0] received", "task-received level=info process=MainProcess task=a.b id=" + id + "0 state=RECEIVED", event.OddTaskID},
		{"a name in another script is ordinary", celeryHead + "Task lager.prüfung[" + id + "] received", "task-received level=info process=MainProcess task=lager.prüfung id=" + id + " state=RECEIVED", 0},
		{"a colour around the record is ordinary", "\x1b[1;34m" + celeryHead + received + "\x1b[0m", "task-received level=info process=MainProcess task=a.b id=" + id + " state=RECEIVED", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ev event.Event
			ev.Reset()
			ev.Message = event.NewText([]byte(c.line))
			celery.NewReader(celery.Options{}).Read(&ev)
			if got := facts(&ev); got != c.want {
				t.Errorf("\n in   %q\n got  %q\n want %q", c.line, got, c.want)
			}
			if ev.Flags != c.flags {
				t.Errorf("flags %b, want %b", ev.Flags, c.flags)
			}
			if got := string(ev.Message.Reveal()); got != c.line {
				t.Errorf("the message was changed to %q", got)
			}
		})
	}
}
