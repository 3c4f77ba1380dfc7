package celery

import (
	"bytes"
	"strconv"

	"destring/rules/event"
)

var tracebackLine = []byte("Traceback (most recent call last):")

// message finds out which of Celery's messages the body is and what it says. A body that is none may
// still begin with the name and id of the task that wrote it.
func (r *Reader) message(ev *event.Event, body event.Span) {
	c := &ev.Celery
	msg, trace := splitTraceback(r.text, body)
	if c.Error.Traceback.Empty() {
		c.Error.Traceback = trace
	}
	text := r.text[msg.Start:msg.End]
	if name := r.loggerName(ev); len(name) == 0 || isCelery(name) {
		t := r.book.find(text, c.Level, &r.found)
		if t != nil && (string(name) != redirected || t.kind == LoggingError) && r.plausible(t, text, c) {
			r.apply(t, c, msg)
		}
	}
	if c.Kind == "" {
		r.byLogger(ev, text)
		r.taskPrefix(c, body)
		r.bodyMembers(c, c.Body)
	}
	if !c.Error.Traceback.Empty() {
		r.frames(c)
	}
}

// splitTraceback cuts the traceback off that logging put behind the message.
func splitTraceback(text []byte, body event.Span) (msg, trace event.Span) {
	b := text[body.Start:body.End]
	n := len(b)
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		if j := bytes.Index(b, tracebackLine); j >= 0 && (j == 0 || b[j-1] == '\n') {
			n, trace = max(j-1, 0), span(int(body.Start)+j, int(body.End))
		}
	}
	for n > 0 && (b[n-1] == '\n' || b[n-1] == '\r') {
		n--
	}
	return span(int(body.Start), int(body.Start)+n), trace
}

// plausible looks at what the holes hold where the literals alone are everyday words.
func (r *Reader) plausible(t *template, msg []byte, c *event.Celery) bool {
	for i, h := range t.holes {
		s := msg[r.found[i].Start:r.found[i].End]
		switch h {
		case broker:
			if !bytes.Contains(s, []byte("://")) {
				return false
			}
		case worker:
			if i := bytes.IndexAny(s, "@ \n"); i <= 0 || s[i] != '@' {
				return false
			}
		case taskRuntime:
			if len(s) == 0 || nameClass[s[0]]&inDigit == 0 || !isFloat(s) {
				return false
			}
		case taskID:
			if t.kind == ControlTerminate && c.Logger.Empty() && !isUUID(s) {
				return false
			}
		}
	}
	return true
}

// apply writes what the template found into c. Spans move from msg to the facts.
func (r *Reader) apply(t *template, c *event.Celery, msg event.Span) {
	c.Kind, c.Task.State = t.kind, t.state
	for i, h := range t.holes {
		s := span(int(msg.Start+r.found[i].Start), int(msg.Start+r.found[i].End))
		text := r.text[s.Start:s.End]
		switch h {
		case taskName:
			c.Task.Name = s
		case taskID:
			c.Task.ID = s
		case quotedTask:
			c.Task.Name = unquoted(text, s)
		case taskRuntime:
			c.Task.Runtime, c.Task.HasRuntime = seconds(text)
		case taskResult:
			c.Task.Result = s
		case taskETA:
			c.Task.ETA = s
		case worker:
			c.Worker = s
		case queue:
			c.Queue = s
		case broker:
			c.Broker = brokerURI(text, s)
		case processID:
			if n, err := strconv.ParseInt(string(text), 10, 32); err == nil {
				c.PID = int32(n)
			}
		case idList:
			c.IDs = int32(min(bytes.Count(text, []byte{','})+1, 1<<30))
			if c.IDs == 1 {
				c.Task.ID = s
			}
		case exception:
			r.exception(c, s)
		case reason:
			c.Error.Message = s
		case apply:
			r.applied(c, s)
		}
	}
	switch t.kind {
	case TaskHandlerError, DecodeError:
		r.byException(c)
	case InvalidMessage:
		r.byReason(c)
	case UnregisteredTask:
		r.unregistered(c, msg)
	}
}

// unquoted takes the quotes of a repr off.
func unquoted(text []byte, s event.Span) event.Span {
	if n := len(text); n >= 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] {
		return event.Span{Start: s.Start + 1, End: s.End - 1}
	}
	return s
}

// seconds reads a float as Python prints it.
func seconds(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil && f >= 0 && f < 1e12
}

// isFloat reports whether b is made of what Python prints a float with.
func isFloat(b []byte) bool {
	for _, c := range b {
		if nameClass[c]&inDigit == 0 && c != '.' && c != 'e' && c != '-' && c != '+' {
			return false
		}
	}
	return len(b) <= 32
}
