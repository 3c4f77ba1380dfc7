package celery

import (
	"bytes"

	"destring/rules/event"
	"destring/rules/repr"
)

// pairs reads a line of key=value members: logfmt, structlog's LogfmtRenderer and KeyValueRenderer. It is one when it has a
// message and a level or a time among them.
func (r *Reader) pairs(ev *event.Event, start, end int) (event.Span, bool) {
	text := r.text
	if keyEnd(text[start:end]) == 0 {
		return event.Span{}, false
	}
	c := &ev.Celery
	saved := *c
	m := members{task: event.Task{Retries: -1}}
	stop := r.keyValues(c, &m, start, end)
	if m.message.Empty() || !m.hasLevel && !m.hasTime || len(bytes.TrimSpace(text[stop:end])) > 0 && text[stop] != '\n' {
		*c, r.inner = saved, r.inner[:0]
		return event.Span{}, false
	}
	if stop < end { // a traceback on the lines behind
		at := len(r.inner)
		r.inner = append(append(r.inner, bytes.TrimLeft(text[stop:end], "\n")...), '\n')
		if m.exceptionText.Empty() {
			m.exceptionText = span(at, len(r.inner)-1)
		}
	}
	c.Format = "logfmt"
	return r.structured(ev, &m), true
}

// keyEnd returns the length of the key at the beginning of b that "=" follows, 0 for none.
func keyEnd(b []byte) int {
	n := 0
	for n < len(b) && n < 64 && (nameClass[b[n]]&inName != 0 || b[n] == '-' || b[n] == '@') {
		n++
	}
	if n == 0 || n >= len(b) || b[n] != '=' || nameClass[b[0]]&inDigit != 0 {
		return 0
	}
	return n
}

// keyValues reads key=value members from pos on and returns where they end. Values are bare up to a space, quoted, or the repr
// of a container.
func (r *Reader) keyValues(c *event.Celery, m *members, pos, end int) int {
	var keys [maxKey]byte
	for n := 0; n < maxMembers; n++ {
		for pos < end && r.text[pos] == ' ' {
			pos++
		}
		k := keyEnd(r.text[pos:end])
		if k == 0 {
			break
		}
		key := plainKey(&keys, r.text[pos:pos+k])
		pos += k + 1
		var v event.Span
		var kind repr.Kind
		v, kind, pos = r.value(pos, end)
		r.member(c, m, top, key, kind, v)
	}
	return pos
}

// value copies the value at pos to Inner and returns its span there and where it ends.
func (r *Reader) value(pos, end int) (event.Span, repr.Kind, int) {
	kind, stop := r.valueEnd(pos, end)
	if kind == repr.String {
		var walk repr.Reader
		var t repr.Token
		walk.Reset(r.text[:end], pos)
		walk.Next(&t)
		return r.take(&t), kind, stop
	}
	return r.copy(pos, stop), kind, stop
}

// maxValue bounds the repr of a container that is read as one value.
const maxValue = 64 << 10

// valueEnd tells what the value at pos is and where it ends.
func (r *Reader) valueEnd(pos, end int) (repr.Kind, int) {
	if pos < end {
		switch r.text[pos] {
		case '\'', '"':
			var walk repr.Reader
			var t repr.Token
			walk.Reset(r.text[:end], pos)
			if walk.Next(&t) && t.Kind == repr.String {
				return repr.String, t.End
			}
		case '{', '[', '(', '<':
			if stop, whole := repr.Skip(r.text[:min(end, pos+maxValue)], pos); whole {
				return repr.Word, stop
			}
		}
	}
	stop := pos
	for stop < end && r.text[stop] != ' ' && r.text[stop] != '\n' {
		stop++
	}
	switch {
	case string(r.text[pos:stop]) == "None":
		return repr.Constant, stop
	case stop > pos && nameClass[r.text[pos]]&inDigit != 0:
		return repr.Number, stop
	}
	return repr.Word, stop
}

// copy appends a part of the text to Inner as it stands.
func (r *Reader) copy(pos, end int) event.Span {
	at := len(r.inner)
	r.inner = append(r.inner, r.text[pos:end]...)
	r.inner = append(r.inner, '\n')
	return span(at, at+end-pos)
}
