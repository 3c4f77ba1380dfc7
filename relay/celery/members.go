package celery

import (
	"bytes"
	"strconv"

	"destring/rules/event"
	"destring/rules/repr"
)

// scope is the object that a member of a structured line stands in.
type scope uint8

const (
	top       scope = iota
	data            // extra={'data': …} of Celery's own records, their args, and what loguru binds
	record          // loguru's record
	logObject       // "log": {…} of ECS, loguru's "level"
	processObject
	errorObject
	timeObject
	taskObject
	frameObject
	foreign // an object that says nothing to us
)

// members collects what a structured line says, by rank where several members say the same.
type members struct {
	message, levelName, logger, process, exceptionText event.Span
	messageRank, levelRank, loggerRank                 uint8
	hasTime, hasLevel                                  bool
	broken                                             bool // the object's quotes are not escaped

	// What stood under data. It counts only in a record of Celery's: an application may log data of its own.
	task      event.Task
	worker    event.Span
	traceback event.Span
	rendered  event.Span
}

// maxKey bounds the keys that are looked at.
const maxKey = 24

// plainKey writes key in lower case without @, _ and -, so that levelName, level_name and levelname are one.
func plainKey(dst *[maxKey]byte, key []byte) []byte {
	if len(key) > maxKey+8 {
		return nil
	}
	out := dst[:0]
	for _, c := range key {
		switch {
		case c == '_' || c == '-' || c == '@':
			continue
		case c >= 'A' && c <= 'Z':
			c += 32
		}
		if len(out) == maxKey {
			return nil
		}
		out = append(out, c)
	}
	return out
}

// inside returns the scope of the object under key in s.
func inside(s scope, key []byte) scope {
	switch string(key) {
	case "data", "args", "extra", "context", "contextvars", "labels", "celery":
		if s == top || s == record || s == data {
			return data
		}
	case "record":
		return record
	case "log", "level":
		return logObject
	case "process":
		return processObject
	case "error", "exception", "exc", "excinfo":
		return errorObject
	case "time":
		return timeObject
	case "task":
		return taskObject
	case "frames":
		return frameObject
	}
	return foreign
}

// member takes one value. Text is its span in r.inner, decoded.
func (r *Reader) member(c *event.Celery, m *members, s scope, key []byte, kind repr.Kind, v event.Span) {
	if kind == repr.Constant || v.Empty() {
		return
	}
	text := r.inner[v.Start:v.End]
	switch s {
	case top, record:
		r.topMember(c, m, key, kind, v, text)
	case data:
		switch {
		case dataMember(m, key, v, text):
		case string(key) == "processname":
			m.process = v
		default:
			r.taskMember(c, key, v, text)
		}
	case taskObject:
		switch string(key) {
		case "id", "uuid":
			c.Task.ID = v
		case "name":
			c.Task.Name = v
		}
	case frameObject:
		frameMember(c, key, v, text)
	case logObject:
		switch string(key) {
		case "level", "name":
			m.setLevel(c, text, v, 3)
		case "logger":
			m.setLogger(v, 3)
		}
	case processObject:
		switch string(key) {
		case "name":
			m.process = v
		case "pid", "id":
			setPID(c, text)
		}
	case timeObject:
		if string(key) == "repr" || string(key) == "timestamp" && !m.hasTime {
			m.setTime(c, kind, text)
		}
	case errorObject:
		errorMember(c, m, key, v)
	}
}

func (r *Reader) topMember(c *event.Celery, m *members, key []byte, kind repr.Kind, v event.Span, text []byte) {
	switch string(key) {
	case "message", "fields.message":
		m.setMessage(v, 4)
	case "msg":
		m.setMessage(v, 3)
	case "event":
		m.setMessage(v, 2)
	case "text": // loguru's record as its format renders it, with the traceback
		m.rendered = v
		m.setMessage(v, 1)
	case "log.original", "body", "shortmessage":
		m.setMessage(v, 1)
	case "levelname", "log.level":
		m.setLevel(c, text, v, 3)
	case "level", "severity", "loglevel", "lvl", "severitytext":
		m.setLevel(c, text, v, 2)
	case "levelno":
		m.setLevel(c, text, v, 1)
	case "name", "logger", "loggername", "log.logger", "channel":
		if len(key) > 4 || m.loggerRank == 0 {
			m.setLogger(v, 2)
		}
	case "processname", "process.name", "proc":
		m.process = v
	case "process", "pid", "processid", "process.pid":
		if kind == repr.Number || isDigits(text) {
			setPID(c, text)
		} else if m.process.Empty() {
			m.process = v
		}
	case "timestamp", "asctime", "time", "ts", "datetime", "date", "created", "t":
		if !m.hasTime {
			m.setTime(c, kind, text)
		}
	case "excinfo", "exception", "exctext", "traceback", "stacktrace", "error.stacktrace", "stack":
		m.exceptionText = v
	case "error.type", "exctype", "exceptiontype":
		c.Error.Type = v
	case "error.message", "excvalue", "exceptionmessage":
		c.Error.Message = v
	default:
		r.taskMember(c, key, v, text)
	}
}

// taskMember takes what task formatters and context variables call a task.
func (r *Reader) taskMember(c *event.Celery, key []byte, v event.Span, text []byte) {
	switch string(key) {
	case "taskid", "celerytaskid", "celery.taskid", "celery.task.id", "task.id", "currenttaskid":
		if !noTask(text) {
			c.Task.ID = v
		}
	case "taskname", "task", "celerytaskname", "celery.taskname", "celery.task.name", "celerytask", "task.name":
		// Python 3.12 has an attribute taskName of its own: the asyncio task, "Task-1".
		if !noTask(text) && !(bytes.HasPrefix(text, []byte("Task-")) && isDigits(text[5:])) {
			c.Task.Name = v
		}
	case "queue", "routingkey":
		c.Queue = v
	}
}

// dataMember takes what Celery's own records carry beside the message.
func dataMember(m *members, key []byte, v event.Span, text []byte) bool {
	switch string(key) {
	case "id":
		m.task.ID = v
	case "name":
		m.task.Name = v
	case "args":
		m.task.Args = v
	case "kwargs":
		m.task.Kwargs = v
	case "returnvalue":
		m.task.Result = v
	case "eta":
		m.task.ETA = v
	case "hostname":
		m.worker = v
	case "traceback":
		m.traceback = v
	case "runtime":
		m.task.Runtime, m.task.HasRuntime = seconds(text)
	case "retries":
		if n, err := strconv.ParseInt(string(text), 10, 32); err == nil {
			m.task.Retries = int32(n)
		}
	default:
		return false
	}
	return true
}

// settle moves what stood under data into c when the record is Celery's: by its logger, or, where the logger is not
// known, by a task id that is one.
func (m *members) settle(c *event.Celery, text []byte) {
	logger := text[c.Logger.Start:c.Logger.End]
	if len(logger) == 0 && !isUUID(text[m.task.ID.Start:m.task.ID.End]) || len(logger) > 0 && !isCelery(logger) {
		return
	}
	for _, f := range [...]struct{ to, from *event.Span }{
		{&c.Task.ID, &m.task.ID}, {&c.Task.Name, &m.task.Name}, {&c.Task.Args, &m.task.Args}, {&c.Task.Kwargs, &m.task.Kwargs},
		{&c.Task.Result, &m.task.Result}, {&c.Task.ETA, &m.task.ETA}, {&c.Worker, &m.worker}, {&c.Error.Traceback, &m.traceback},
	} {
		if !f.from.Empty() {
			*f.to = *f.from
		}
	}
	if m.task.HasRuntime {
		c.Task.Runtime, c.Task.HasRuntime = m.task.Runtime, true
	}
	c.Task.Retries = max(c.Task.Retries, m.task.Retries)
}

// frameMember takes a frame of structlog's dict_tracebacks: filename, then lineno, then name.
func frameMember(c *event.Celery, key []byte, v event.Span, text []byte) {
	if string(key) == "filename" && len(c.Frames) < maxFrames {
		c.Frames = append(c.Frames, event.Frame{File: v})
		return
	}
	if len(c.Frames) == 0 {
		return
	}
	last := &c.Frames[len(c.Frames)-1]
	switch string(key) {
	case "lineno":
		last.Line = int32(min(number(text), 1<<30))
	case "name":
		last.Function = v
	}
}

func errorMember(c *event.Celery, m *members, key []byte, v event.Span) {
	switch string(key) {
	case "type", "exctype":
		c.Error.Type = v
	case "message", "value", "excvalue":
		c.Error.Message = v
	case "stacktrace", "traceback":
		m.exceptionText = v
	}
}

// noTask reports whether a formatter wrote this for want of a task.
func noTask(b []byte) bool {
	switch string(b) {
	case "???", "-", "None", "null", "", "N/A", "n/a":
		return true
	}
	return false
}

func (m *members) setMessage(v event.Span, rank uint8) {
	if rank > m.messageRank {
		m.message, m.messageRank = v, rank
	}
}

func (m *members) setLogger(v event.Span, rank uint8) {
	if rank >= m.loggerRank {
		m.logger, m.loggerRank = v, rank
	}
}

func (m *members) setLevel(c *event.Celery, text []byte, v event.Span, rank uint8) {
	lv := level(text)
	if lv == event.LevelNone {
		lv = severity(text)
	}
	if lv != event.LevelNone && rank > m.levelRank {
		c.Level, m.levelName, m.levelRank, m.hasLevel = lv, v, rank, true
	}
}

func (m *members) setTime(c *event.Celery, kind repr.Kind, text []byte) {
	if ns, zone, n := clock(text); n > 0 {
		c.Time, c.TimeHasZone, c.HasTime, m.hasTime = ns, zone, true, true
		return
	}
	if kind != repr.Number {
		return
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil && f > 1e8 && f < 1e20 {
		for f > 1e11 { // milliseconds, microseconds, nanoseconds
			f /= 1e3
		}
		c.Time, c.TimeHasZone, c.HasTime, m.hasTime = int64(f*1e6)*1e3, true, true, true
	}
}

func setPID(c *event.Celery, text []byte) {
	if n, err := strconv.ParseInt(string(text), 10, 32); err == nil && n > 0 {
		c.PID = int32(n)
	}
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
