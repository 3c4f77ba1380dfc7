package celery

import (
	"bytes"

	"destring/rules/event"
)

// Bounds of what is looked at as the part of a line before its message.
const (
	maxPrefix = 400
	maxTokens = 24
	maxLoose  = 5 // words that may be a function's, a module's or a thread's name
)

// header is the reading of a line whose format nobody declared: a time, a level, names and numbers in some order with
// some marks between them. Where one of Celery's own messages begins, the header ends.
type header struct {
	r      *Reader
	c      *event.Celery
	text   []byte
	pos    int
	msgEnd int // of the text without its traceback
	stop   int // of the header at most: the first line, maxPrefix
	body   int // where the message begins if nothing better is found

	time, level, pid bool
	started          bool // a token was read
	process, logger  event.Span
	name, id         event.Span
	loose            int
	opened           byte // the bracket before the token, if any
	padded           bool // the level is padded inside of brackets, as structlog writes it
}

// prefix reads a header that follows no known format.
func (r *Reader) prefix(ev *event.Event, start, end int) (event.Span, bool) {
	text := r.text
	line := start + lineEnd(text[start:end])
	coloured := bytes.IndexByte(text[start:min(line, start+maxPrefix)], 0x1b) >= 0
	if coloured {
		r.inner = stripColours(r.inner[:0], text[start:end])
		text, start, end = r.inner, 0, len(r.inner)
		line = lineEnd(text)
	}
	c := &ev.Celery
	h := header{r: r, c: c, text: text, pos: start, stop: min(line, start+maxPrefix), body: start}
	saved := *c
	msg, _ := splitTraceback(text, span(start, end))
	h.msgEnd = int(msg.End)
	if matched := h.read(); !h.time && !h.level && !matched {
		*c, r.inner = saved, r.inner[:0]
		return event.Span{}, false
	}
	if coloured {
		ev.Inner, r.text = event.NewText(r.inner), r.inner
	}
	c.Format = "text"
	c.Process, c.Task.Name, c.Task.ID = h.process, h.name, h.id
	if !unknownLogger(text[h.logger.Start:h.logger.End]) {
		c.Logger, c.LoggerIsAppName = h.logger, false
	}
	body := span(h.body, end)
	if h.time && h.padded {
		return r.structlog(ev, body), true
	}
	return body, true
}

// stripColours copies b without its colour sequences.
func stripColours(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, 0x1b)
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		n := sgr(b[i:])
		if n == 0 {
			dst, n = append(dst, b[i]), 1
		}
		b = b[i+n:]
	}
}

// read takes token after token until one of Celery's messages begins, which it reports, or a word of another text.
func (h *header) read() bool {
	for n := 0; n < maxTokens; n++ {
		for h.pos < h.stop && h.text[h.pos] == ' ' {
			h.pos++
		}
		if h.known() && h.message() {
			return true
		}
		if h.pos >= h.stop || h.time && h.padded { // structlog's event follows its level at once
			break
		}
		if c := h.text[h.pos]; (separator(c) || h.braced(c)) && !(c == '-' && h.pos+1 < h.stop && h.text[h.pos+1] == '-') {
			h.opened = c
			h.pos++
			n--
			if h.loose == 0 {
				h.body = h.pos
			}
			continue
		}
		if !h.token() {
			break
		}
		h.opened, h.started = 0, true
		if h.loose == 0 {
			h.body = h.pos
		}
	}
	h.trimBody()
	return false
}

// known reports whether what was read so far is the beginning of a log line and not of a sentence: a time, a level, or nothing
// but the name of a process or of one of Celery's loggers.
func (h *header) known() bool {
	return h.time || h.level || h.loose == 0 && (!h.process.Empty() || isCelery(h.text[h.logger.Start:h.logger.End]))
}

// trimBody takes what closes the header off: brackets, one mark, spaces.
func (h *header) trimBody() {
	for h.body < h.stop && bytes.IndexByte([]byte(" ])>"), h.text[h.body]) >= 0 {
		h.body++
	}
	if !h.padded && h.body+1 < h.stop && bytes.IndexByte([]byte(":|-"), h.text[h.body]) >= 0 && h.text[h.body+1] == ' ' {
		h.body++
	}
	for h.body < h.stop && (h.text[h.body] == ' ' || h.text[h.body] == '\t') {
		h.body++
	}
}

// braced reports whether c is the brace before or behind one word: {MainProcess}.
func (h *header) braced(c byte) bool {
	if c == '}' {
		return h.started
	}
	if c != '{' {
		return false
	}
	n := h.pos + 1
	for n < h.stop && (nameClass[h.text[n]]&inName != 0 || h.text[n] == '-') {
		n++
	}
	return n > h.pos+1 && n < h.stop && h.text[n] == '}'
}

func separator(c byte) bool {
	switch c {
	case '[', ']', '(', ')', '<', '>', '|', '-', ':', '/', ',', ';', '\t', '=', '*', '#', '~', '.', '@', '+':
		return true
	}
	return false
}

// message reports whether one of Celery's messages begins here.
func (h *header) message() bool {
	if h.pos >= h.msgEnd {
		return false
	}
	text := h.text[h.pos:h.msgEnd]
	if name := h.text[h.logger.Start:h.logger.End]; !unknownLogger(name) && !isCelery(name) {
		return false
	}
	t := h.r.book.find(text, h.c.Level, &h.r.found)
	if t == nil || !h.r.plausible(t, text, h.c) {
		return false
	}
	h.body = h.pos
	return true
}

// token reads one word of the header. It reports false where the message must have begun.
func (h *header) token() bool {
	b := h.text[h.pos:h.stop]
	if !h.time && (nameClass[b[0]]&inDigit != 0 || b[0] >= 'A' && b[0] <= 'Z') {
		if ns, zone, n := anyClock(b); n > 0 {
			h.c.Time, h.c.TimeHasZone, h.c.HasTime = ns, zone, ns != 0
			h.time = true
			h.pos += n
			return true
		}
	}
	if b[0] == '?' {
		for h.pos < h.stop && h.text[h.pos] == '?' {
			h.pos++
		}
		return true
	}
	if k := keyEnd(b); k > 0 {
		return h.keyed(b[:k])
	}
	if k := bytes.IndexByte(b[:min(len(b), maxKey)], ':'); k > 0 && (h.time || h.level) && isField(b[:k]) {
		return h.keyed(b[:k])
	}
	n := 0
	for n < len(b) && (nameClass[b[n]]&inName != 0 || b[n] == '-' || b[n] >= 0x80) {
		n++
	}
	for n > 1 && (b[n-1] == '-' || b[n-1] == '.') {
		n--
	}
	if n == 0 {
		return false
	}
	return h.word(b[:n], b[n:])
}

// word takes a word by what it looks like.
func (h *header) word(w, rest []byte) bool {
	at := span(h.pos, h.pos+len(w))
	next := h.pos + len(w)
	switch {
	case h.loose > 0 && len(w) == uuidLen && isUUID(w): // an id in a sentence
		h.loose++
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
