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
	line := lineEnd(text)
	msgEnd, pairsAt, logger := trailer(text[:line])
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
	if line < len(text) && c.Error.Traceback.Empty() {
		c.Error.Traceback = span(at+line+1, int(body.End))
	}
	if !m.exceptionText.Empty() {
		c.Error.Traceback = m.exceptionText
	}
	ev.Inner, r.text = event.NewText(r.inner), r.inner
	c.Format = "structlog"
	return span(at, at+msgEnd)
}

// trailer finds the end of the event, where the members begin, and the logger between them; pairsAt is -1 when
// there is neither.
func trailer(line []byte) (msgEnd, pairsAt int, logger event.Span) {
	for i := 0; i < len(line); i++ {
		if line[i] != ' ' {
			continue
		}
		start := i
		for i < len(line) && line[i] == ' ' {
			i++
		}
		if i == len(line) {
			return start, i, logger
		}
		if line[i] == '[' {
			if n := bracketedName(line[i:]); n > 0 {
				return start, i + n, span(i+1, i+n-1)
			}
		}
		if keyEnd(line[i:]) > 0 && i-start > 1 {
			return start, i, logger
		}
		if keyEnd(line[i:]) > 0 && onlyPairs(line[i:]) {
			return start, i, logger
		}
		i--
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

// onlyPairs reports whether b is key=value members: every word up to the first quote has its "=".
func onlyPairs(b []byte) bool {
	for len(b) > 0 {
		k := keyEnd(b)
		if k == 0 {
			return false
		}
		b = b[k+1:]
		if len(b) > 0 && bytes.IndexByte([]byte("'\"{[(<"), b[0]) >= 0 {
			return true
		}
		i := bytes.IndexByte(b, ' ')
		if i < 0 {
			return true
		}
		b = bytes.TrimLeft(b[i:], " ")
	}
	return true
}
