package celery

import (
	"bytes"

	"destring/rules/event"
)

// word takes a word by what it looks like.
func (h *header) word(w, rest []byte) bool {
	at := span(h.pos, h.pos+len(w))
	next := h.pos + len(w)
	switch {
	case h.loose > 0 && len(w) == uuidLen && isUUID(w): // an id in a sentence
		h.loose++
		h.strange = true
	case len(w) == uuidLen && isUUID(w):
		h.id = at
	case !h.level && h.isLevel(w, rest):
		h.level = true
		h.padded = h.opened == '[' && (len(rest) > 0 && (rest[0] == ' ' || rest[0] == ']')) && w[0] >= 'a'
	case isProcess(w):
		h.process = at
	case isThread(w), noTask(w):
	case isDigits(w):
		if !h.pid && len(w) <= 7 && h.opened != ':' {
			h.pid = true
			setPID(h.c, w)
		}
	case h.loose == 0 && h.isTask(w, rest), h.id.End > 0 && h.name.Empty() && int(h.id.End)+4 > h.pos && isIdentifierPath(w) && h.bounded(rest):
		h.name = at
	case isCelery(w):
		h.logger = at
	case !h.logger.Empty() && len(rest) > 1 && rest[0] == ':' && rest[1] == ' ':
		return false // "pidbox: Connected to …" behind the logger is the message
	case plainName(w) && (h.bounded(rest) || bytes.IndexByte(w, '.') > 0 && functionFollows(rest)):
		if h.logger.Empty() && h.loose == 0 && !h.looksLikeFunction(rest) {
			h.logger = at
		}
	default:
		h.loose++
		h.strange = h.strange || !isModule(w)
		if h.loose > maxLoose {
			return false
		}
	}
	h.pos = next
	return true
}

// isLevel sets the level when w is one. Without a time before it, a level must be set off from the text: "Error in x" is a
// sentence.
func (h *header) isLevel(w, rest []byte) bool {
	lv := level(w)
	if lv == event.LevelNone {
		if len(w) != 1 || h.opened != '[' && (h.started || h.time || !timeFollows(rest)) {
			return false
		}
		switch w[0] { // tornado's [I 261123 00:08:12 module:line]
		case 'D':
			lv = event.LevelDebug
		case 'I':
			lv = event.LevelInfo
		case 'W':
			lv = event.LevelWarning
		case 'E':
			lv = event.LevelError
		case 'C':
			lv = event.LevelCritical
		default:
			return false
		}
	}
	if isDigits(w) || h.loose > 0 && h.opened == 0 && !bytes.HasPrefix(rest, []byte(":")) {
		return false
	}
	if !h.time && h.opened == 0 {
		trimmed := bytes.TrimLeft(rest, " ")
		if !timeFollows(rest) && (len(trimmed) == 0 || bytes.IndexByte([]byte(":|]-[("), trimmed[0]) < 0) && !isCelery(trimmed) {
			return false
		}
	}
	h.c.Level = lv
	return true
}

// isModule recognises the modules that log Celery's messages, as %(module)s and %(filename)s write them.
func isModule(w []byte) bool {
	switch string(bytes.TrimSuffix(w, []byte(".py"))) {
	case "strategy", "trace", "request", "consumer", "connection", "mingle", "gossip", "control", "worker", "beat", "state", "pidbox", "autoscale", "bootsteps",
		"redis", "rpc", "base", "builtins", "asynchronous", "prefork", "asynpool", "signal", "dispatch", "message", "mixins", "url", "log", "pool", "process", "loops", "components", "tasks", "virtual":
		return true
	}
	return false
}

func timeFollows(rest []byte) bool {
	_, _, n := anyClock(bytes.TrimLeft(rest, " [("))
	return n > 0
}

// isTask reports whether w is a name with a task's id: name[id], name(id), [name id], name id with a mark behind it.
// "Deleting 7c1f…" is a sentence.
func (h *header) isTask(w, rest []byte) bool {
	if !isIdentifierPath(w) || len(rest) < uuidLen+1 {
		return false
	}
	id := bytes.TrimLeft(rest, " ([:/|,-]")
	if !isUUID(id) {
		return false
	}
	if rest[0] != ' ' || h.opened == '[' || h.opened == '(' {
		return true
	}
	behind := bytes.TrimLeft(id[uuidLen:], " ")
	return bytes.IndexByte(w, '.') > 0 && len(behind) > 0 && bytes.IndexByte([]byte(":])|-"), behind[0]) >= 0
}

// bounded reports whether the word is set off as a field: in brackets, or with a mark behind it.
func (h *header) bounded(rest []byte) bool {
	if len(rest) == 0 {
		return false
	}
	switch rest[0] {
	case ':', '|', ']', ')', '/', '>', '}', '[', ';':
		return true
	case ' ':
		trimmed := bytes.TrimLeft(rest, " ")
		return h.opened == '[' || h.opened == '(' || len(trimmed) > 1 && (trimmed[0] == '|' || trimmed[0] == '-' && trimmed[1] == ' ' || trimmed[0] == ']' || trimmed[0] == '[')
	}
	return h.opened == '[' || h.opened == '('
}

// functionFollows reports whether name:123 is the next word.
func functionFollows(b []byte) bool {
	b = bytes.TrimLeft(b, " ")
	n := 0
	for n < len(b) && nameClass[b[n]]&inName != 0 {
		n++
	}
	return n > 0 && n+1 < len(b) && b[n] == ':' && nameClass[b[n+1]]&inDigit != 0
}

// looksLikeFunction reports whether a line number follows: module:123.
func (h *header) looksLikeFunction(rest []byte) bool {
	return len(rest) > 1 && rest[0] == ':' && nameClass[rest[1]]&inDigit != 0
}

// isField recognises the names of fields that are written with a colon: "task_id: 7c1f…", "pid:12".
func isField(key []byte) bool {
	switch string(key) {
	case "task_id", "task_name", "pid", "PID", "process", "logger", "level", "thread":
		return true
	}
	return false
}

// keyed takes "pid=12", "task_id=…" in a header.
func (h *header) keyed(key []byte) bool {
	var room [maxKey]byte
	start := h.pos + len(key) + 1
	if start+1 < h.stop && h.text[start] == ' ' && nameClass[h.text[start+1]]&inName != 0 && h.text[start-1] == ':' {
		start++
	}
	end := start
	for end < h.stop && bytes.IndexByte([]byte(" ],)|;"), h.text[end]) < 0 {
		end++
	}
	v := h.text[start:end]
	switch string(plainKey(&room, key)) {
	case "level", "levelname", "severity", "lvl":
		if lv := level(v); lv != event.LevelNone && !h.level {
			h.c.Level, h.level = lv, true
		}
	case "pid", "process", "processid":
		if isDigits(v) {
			setPID(h.c, v)
		} else {
			h.process = span(start, end)
		}
	case "processname", "proc":
		h.process = span(start, end)
	case "worker":
		if isNode(v) {
			h.c.Worker = span(start, end)
		}
	case "logger", "name", "loggername":
		h.logger = span(start, end)
	case "task", "taskname":
		if !noTask(v) {
			h.name = span(start, end)
		}
	case "taskid":
		if !noTask(v) {
			h.id = span(start, end)
		}
	case "thread", "threadname", "module", "func", "funcname", "line", "lineno", "host", "hostname", "file", "filename":
	default:
		return false
	}
	h.pos = end
	return true
}

// isProcess recognises the names that multiprocessing and billiard give to processes.
func isProcess(w []byte) bool {
	if string(w) == "MainProcess" {
		return true
	}
	i := bytes.LastIndexByte(w, '-')
	if i < 0 {
		return false
	}
	kind := w[:i]
	if !bytes.HasSuffix(kind, []byte("PoolWorker")) && !bytes.HasSuffix(kind, []byte("Process")) {
		return false
	}
	for _, c := range w[i+1:] {
		if nameClass[c]&inDigit == 0 && c != ':' {
			return false
		}
	}
	return i+1 < len(w)
}

func isThread(w []byte) bool {
	return string(w) == "MainThread" || bytes.HasPrefix(w, []byte("Thread-")) || bytes.HasPrefix(w, []byte("ThreadPoolExecutor-")) ||
		bytes.HasPrefix(w, []byte("Dummy-")) || bytes.HasPrefix(w, []byte("DummyThread-"))
}
