package celery

import (
	"bytes"

	"destring/rules/event"
	"destring/rules/repr"
)

// loggerName is the name of the logger where it is known: from the line, or from an APP-NAME that is one.
func (r *Reader) loggerName(ev *event.Event) []byte {
	if ev.Celery.LoggerIsAppName {
		return ev.Syslog.AppName.Reveal()
	}
	return r.text[ev.Celery.Logger.Start:ev.Celery.Logger.End]
}

// isCelery reports whether a logger is Celery's or one of its libraries'.
func isCelery(name []byte) bool {
	return bytes.HasPrefix(name, []byte("celery.")) || bytes.HasPrefix(name, []byte("kombu.")) || bytes.HasPrefix(name, []byte("amqp")) ||
		string(name) == "multiprocessing" || string(name) == "celery" || string(name) == "kombu"
}

// redirected is the logger of printed text.
const redirected = "celery.redirected"

// appName finds out whether APP-NAME is the logger's name, as rfc5424-logging-handler sends it: it is so on a connection
// where one of Celery's own loggers was seen there.
func (r *Reader) appName(ev *event.Event) {
	if ev.Syslog.Format != event.FormatRFC5424 || ev.Syslog.AppName.Empty() {
		return
	}
	name := ev.Syslog.AppName.Reveal()
	if !r.wire.loggerInAppName {
		r.wire.loggerInAppName = isOurs(ev) || len(name) > len("celery.") && isCelery(name) && bytes.IndexByte(name, '.') > 0
	}
	ev.Celery.LoggerIsAppName = r.wire.loggerInAppName
}

// isOurs recognises the handler that deploy/celery ships: it says so in the SD-ID "origin"
// (RFC 5424 §7.2.3), so that the first message is read like all others.
func isOurs(ev *event.Event) bool {
	for _, p := range ev.Syslog.Params {
		if string(p.Element.Reveal()) == "origin" && string(p.Name.Reveal()) == "software" && string(p.Value.Reveal()) == "destring_celery" {
			return true
		}
	}
	return false
}

// byLogger names what only the logger tells.
func (r *Reader) byLogger(ev *event.Event, msg []byte) {
	c := &ev.Celery
	switch string(r.loggerName(ev)) {
	case redirected:
		c.Kind = Stdout
	case "py.warnings":
		c.Kind = PythonWarning
	case "celery.worker.control":
		if c.Level == event.LevelWarning { // the text is the sender's
			c.Kind = ControlShutdown
		}
	case "":
		switch {
		case c.Level != event.LevelWarning && c.Level != event.LevelNone, !isWarning(msg):
		case bytes.Contains(msg, []byte("SecurityWarning: You're running the worker with superuser privileges")):
			c.Kind = WorkerRunsAsRoot
		case c.Level == event.LevelWarning:
			c.Kind = PythonWarning
		}
	}
}

// isWarning recognises warnings.formatwarning: "/path/module.py:427: DeprecationWarning: …".
func isWarning(msg []byte) bool {
	i := bytes.Index(msg, []byte("Warning: "))
	if i < 0 || i > 512 {
		return false
	}
	j := bytes.Index(msg[:i], []byte(".py:"))
	if j < 0 || bytes.IndexByte(msg[:i], '\n') >= 0 {
		return false
	}
	n := j + len(".py:")
	for n < i && nameClass[msg[n]]&inDigit != 0 {
		n++
	}
	return n > j+len(".py:") && bytes.HasPrefix(msg[n:], colonSpace)
}

// taskPrefix reads what a task formatter puts before a task's own messages: "name[id]: " is Celery's, with ??? for both outside
// of a task; "[name(id)] " and "[name id] " are of its documentation and of many projects.
func (r *Reader) taskPrefix(c *event.Celery, body event.Span) {
	if !c.Task.ID.Empty() || !c.Task.Name.Empty() {
		return
	}
	text := r.text[body.Start:body.End]
	open := 0
	if len(text) > 0 && (text[0] == '[' || text[0] == '(') {
		open = 1
	}
	n := open
	for n < len(text) && n < 256 && text[n] > ' ' && text[n] != '[' && text[n] != '(' && text[n] != ']' {
		n++
	}
	if n == open || n+1 >= len(text) || n == 256 || open == 0 && text[n] == ' ' {
		return
	}
	at, end := n+1, 0
	switch {
	case isUUID(text[at:]):
		end = at + uuidLen
	case bytes.HasPrefix(text[at:], []byte("???")):
		end = at + 3
	default:
		return
	}
	rest := bytes.TrimLeft(text[end:], "])")
	if len(rest) == len(text)-end || len(rest) > 0 && rest[0] != ':' && rest[0] != ' ' {
		return
	}
	if text[at] != '?' {
		c.Task.Name, c.Task.ID = span(int(body.Start)+open, int(body.Start)+n), span(int(body.Start)+at, int(body.Start)+end)
	}
	c.Body.Start = body.End - uint32(len(bytes.TrimPrefix(bytes.TrimPrefix(rest, []byte(":")), []byte(" "))))
}

// bodyMembers looks for a task in a message that is a JSON object, as structlog's renderer leaves it to a text formatter. It
// names no kind: the object is the application's text.
func (r *Reader) bodyMembers(c *event.Celery, body event.Span) {
	text := r.text[body.Start:body.End]
	if !isObject(text) || !c.Task.ID.Empty() {
		return
	}
	var walk repr.Reader
	var t repr.Token
	walk.Reset(text, 0)
	for n := 0; n < 256 && walk.Next(&t) && walk.Depth() > 0; n++ {
		if t.Kind != repr.String || t.Depth != 1 || t.Escaped || noTask(t.Text.Of(text)) {
			continue
		}
		switch string(t.Key.Of(text)) {
		case "task_id":
			c.Task.ID = offset(t.Text, body.Start)
		case "task_name", "task":
			c.Task.Name = offset(t.Text, body.Start)
		}
	}
}
