package celery

import (
	"bytes"

	"destring/rules/event"
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

// mayBeCelery reports whether the logger, where it is known, is one that Celery's messages come from.
func (r *Reader) mayBeCelery(ev *event.Event) bool {
	name := r.loggerName(ev)
	return len(name) == 0 || isCelery(name)
}

// appName finds out whether APP-NAME is the logger's name, as rfc5424-logging-handler sends it: it is so on a connection
// where one of Celery's own loggers was seen there.
func (r *Reader) appName(ev *event.Event) {
	if ev.Syslog.Format != event.FormatRFC5424 || ev.Syslog.AppName.Empty() {
		return
	}
	name := ev.Syslog.AppName.Reveal()
	if !r.wire.loggerInAppName {
		r.wire.loggerInAppName = len(name) > len("celery.") && isCelery(name) && bytes.IndexByte(name, '.') > 0
	}
	ev.Celery.LoggerIsAppName = r.wire.loggerInAppName
}

// byLogger names what only the logger tells.
func (r *Reader) byLogger(ev *event.Event, msg []byte) {
	c := &ev.Celery
	switch string(r.loggerName(ev)) {
	case "celery.redirected":
		c.Kind = Stdout
	case "py.warnings":
		c.Kind = PythonWarning
	case "celery.worker.control":
		if c.Level == event.LevelWarning { // the text is the sender's
			c.Kind = ControlShutdown
		}
	case "":
		if c.Level == event.LevelWarning && isWarning(msg) {
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

// taskPrefix reads what Celery's TaskFormatter puts before a task's own messages, "name[id]: ", with ??? for both outside of
// a task.
func (r *Reader) taskPrefix(c *event.Celery, body event.Span) {
	text := r.text[body.Start:body.End]
	open := bytes.IndexByte(text[:min(len(text), 256)], '[')
	if open <= 0 || !plainName(text[:open]) {
		return
	}
	closing := -1
	switch {
	case isUUID(text[open+1:]):
		closing = open + 1 + uuidLen
	case bytes.HasPrefix(text, []byte("???[???]")):
		closing = len("???[???")
	default:
		return
	}
	if !bytes.HasPrefix(text[closing:], []byte("]: ")) {
		return
	}
	if text[0] != '?' {
		c.Task.Name, c.Task.ID = span(int(body.Start), int(body.Start)+open), span(int(body.Start)+open+1, int(body.Start)+closing)
	}
	c.Body.Start = body.Start + uint32(closing) + 3
}
