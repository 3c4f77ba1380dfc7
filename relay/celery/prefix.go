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
	strange          bool // a loose word is no module of Celery's: a message behind it is somebody's sentence
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
	name := h.text[h.logger.Start:h.logger.End]
	if h.pos >= h.msgEnd || !unknownLogger(name) && !isCelery(name) || h.strange && !isCelery(name) {
		return false
	}
	text := h.text[h.pos:h.msgEnd]
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
