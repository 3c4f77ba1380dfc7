package celery

import (
	"bytes"

	"destring/rules/event"
)

// Options say what is known of a peer. The zero Options recognise.
type Options struct {
	// Formats are the line formats that the peer was declared to use, tried in order before
	// all that is recognised. See Compile.
	Formats []*Format
	// Transport is how the peer's forwarder writes what does not fit on a line.
	// Auto learns it from the connection.
	Transport Transport
}

// Reader reads the messages of one connection as lines of Celery. It is used by one
// goroutine.
type Reader struct {
	opt  Options
	book *book

	text  []byte // the facts: Message, or inner when the line is structured
	inner []byte // scratch of Event.Inner
	found found

	wire   wire
	groups groups
}

// NewReader returns the Reader of a new connection.
func NewReader(opt Options) *Reader {
	return &Reader{opt: opt, book: templates(), wire: wire{declared: opt.Transport}}
}

// Read undoes the escapes of the transport in ev.Message and fills ev.Inner, ev.Celery and ev.Flags.
// What it points into is valid until the next Read. It never fails: a line that is not Celery's is an
// event whose Celery.Kind is empty.
func (r *Reader) Read(ev *event.Event) {
	r.trim()
	r.unwrap(ev)
	r.text, r.inner = ev.Message.Reveal(), r.inner[:0]
	c := &ev.Celery
	r.appName(ev)
	if len(r.text) > 0 {
		body := r.line(ev)
		c.Body = body
		if c.Kind == "" {
			r.message(ev, body)
		}
	}
	if ev.Fault != "" { // the text is a broken header: no time in it is the message's for certain
		c.Time, c.HasTime, c.TimeHasZone = 0, false, false
	}
	r.flag(ev)
	r.group(ev)
}

// maxScratch is how much scratch a connection keeps between messages: one long line must not hold a megabyte for
// as long as the connection lives.
const maxScratch = 128 << 10

func (r *Reader) trim() {
	if cap(r.inner) > maxScratch {
		r.inner = nil
	}
	if cap(r.wire.scratch) > maxScratch {
		r.wire.scratch = nil
	}
}

// line reads what stands before the message and returns the span of the message on r.text.
func (r *Reader) line(ev *event.Event) event.Span {
	text := r.text
	start, end := colours(text)
	for _, f := range r.opt.Formats {
		if body, ok := f.match(text, start, end, &ev.Celery); ok {
			return body
		}
	}
	if text[start] == '{' {
		if body, ok := r.json(ev); ok {
			return body
		}
	}
	if body, ok := defaultPrefix(text, start, end, &ev.Celery); ok {
		return body
	}
	if body, ok := r.pairs(ev, start, end); ok {
		return body
	}
	if body, ok := r.prefix(ev, start, end); ok {
		return body
	}
	return span(start, end)
}

// defaultPrefix reads Celery's own format, which most lines have:
// [%(asctime)s: %(levelname)s/%(processName)s] %(message)s
func defaultPrefix(text []byte, start, end int, c *event.Celery) (event.Span, bool) {
	if text[start] != '[' {
		return event.Span{}, false
	}
	ns, zone, n := clock(text[start+1 : end])
	pos := start + 1 + n
	if n == 0 || !bytes.HasPrefix(text[pos:end], colonSpace) {
		return event.Span{}, false
	}
	pos += 2
	slash := bytes.IndexByte(text[pos:min(end, pos+16)], '/')
	if slash < 0 {
		return event.Span{}, false
	}
	lv := level(text[pos : pos+slash])
	if lv == event.LevelNone {
		return event.Span{}, false
	}
	pos += slash + 1
	closing := bytes.IndexByte(text[pos:min(end, pos+128)], ']')
	if closing < 0 {
		return event.Span{}, false
	}
	c.Format, c.Level, c.Time, c.HasTime, c.TimeHasZone = "celery", lv, ns, true, zone
	c.Process = span(pos, pos+closing)
	pos += closing + 1
	if pos < end && text[pos] == ' ' {
		pos++
	}
	return span(pos, end), true
}

var colonSpace = []byte(": ")
