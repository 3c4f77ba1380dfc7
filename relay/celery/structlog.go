package celery

import (
	"bytes"

	"destring/rules/event"
)

// structlog reads what structlog's ConsoleRenderer writes behind time and level: the event padded with spaces, the
// logger in brackets, then key=value.
//
//	2026-11-23T00:08:12.807123Z [info     ] mingle: all alone   [celery.worker.consumer.mingle] request_id=7
//
// Inner becomes the facts: the event, then the members.
func (r *Reader) structlog(ev *event.Event, body event.Span) event.Span {
	text := r.text[body.Start:body.End]
	msg, trace := splitTraceback(r.text, body)
	line := msg.Len() // a result may hold line breaks, the members stand behind it
	msgEnd, pairsAt, logger := r.trailer(text[:line], int(body.Start))
	if first := lineEnd(text); pairsAt < 0 && first < line { // a traceback that begins with its cause
		line = first
		msgEnd, pairsAt, logger = r.trailer(text[:line], int(body.Start))
	}
	if pairsAt < 0 {
		return body
	}
	c := &ev.Celery
	if ev.Inner.Empty() { // else the colours were taken out: Inner is a copy already, and what is appended stands behind it
		r.inner = append(append(r.inner[:0], r.text...), '\n')
	} else {
		r.inner = append(r.inner, '\n')
	}
	var m members
	at := int(body.Start)
	r.keyValues(c, &m, at+pairsAt, at+line)
	if !logger.Empty() {
		c.Logger = span(at+int(logger.Start), at+int(logger.End))
	}
	if m.loggerRank > 0 && c.Logger.Empty() {
		c.Logger = m.logger
	}
	if !m.process.Empty() {
		c.Process = m.process
	}
	if c.Error.Traceback.Empty() {
		c.Error.Traceback = trace
	}
	if !m.exceptionText.Empty() {
		c.Error.Traceback = m.exceptionText
	}
	ev.Inner, r.text = event.NewText(r.inner), r.inner
	c.Format = "structlog"
	return span(at, at+msgEnd)
}

// maxTrailers bounds how many beginnings of members are tried.
const maxTrailers = 16

// trailer finds the end of the event, where the members begin, and the logger between them; pairsAt is -1 when there
// is neither. The event is the sender's and may hold what looks like a logger, so the first place counts from which on
// nothing but members follows.
func (r *Reader) trailer(line []byte, base int) (msgEnd, pairsAt int, logger event.Span) {
	tried := 0
	for i := 0; i < len(line) && tried < maxTrailers; {
		gap := bytes.IndexByte(line[i:], ' ')
		if gap < 0 {
			break
		}
		start := i + gap
		for i = start; i < len(line) && line[i] == ' '; i++ {
		}
		n := 0
		if i < len(line) && line[i] == '[' {
			n = bracketedName(line[i:])
		}
		if n == 0 && keyEnd(line[i:]) == 0 && i < len(line) {
			continue
		}
		tried++
		if r.onlyPairs(base+i+n, base+len(line)) {
			if n > 0 {
				logger = span(i+1, i+n-1)
			}
			return start, i + n, logger
		}
	}
	return 0, -1, logger
}

// bracketedName returns the length of "[dotted.name]" when the end or members follow it.
func bracketedName(b []byte) int {
	n := 1
	for n < len(b) && (nameClass[b[n]]&inName != 0 || b[n] == '-') {
		n++
	}
	if n == 1 || n >= len(b) || b[n] != ']' {
		return 0
	}
	rest := bytes.TrimLeft(b[n+1:], " ")
	if len(rest) > 0 && keyEnd(rest) == 0 {
		return 0
	}
	return n + 1
}

// onlyPairs reports whether the text from pos to end is key=value members and nothing else.
func (r *Reader) onlyPairs(pos, end int) bool {
	for {
		for pos < end && r.text[pos] == ' ' {
			pos++
		}
		if pos == end {
			return true
		}
		k := keyEnd(r.text[pos:end])
		if k == 0 {
			return false
		}
		_, pos = r.valueEnd(pos+k+1, end)
	}
}
