package celery

import (
	"bytes"

	"destring/rules/event"
	"destring/rules/repr"
)

// maxMembers bounds the values of a structured line that are copied to Inner.
const maxMembers = 4096

// json reads a line that is one JSON object with a message in it, from python-json-logger, structlog,
// loguru, ecs-logging or a formatter of one's own. The values stand in Inner afterwards.
func (r *Reader) json(ev *event.Event) (event.Span, bool) {
	var (
		walk   repr.Reader
		t      repr.Token
		m      = members{task: event.Task{Retries: -1}}
		keys   [maxKey]byte
		scopes [repr.MaxDepth + 1]scope
	)
	start := bytes.IndexByte(r.text, '{')
	walk.Reset(r.text, start)
	if !walk.Next(&t) || !jsonKeyFollows(r.text, walk.Pos()) {
		return event.Span{}, false
	}
	c := &ev.Celery
	saved := *c
	for n := 0; n < maxMembers && walk.Depth() > 0 && walk.Next(&t); n++ {
		key := plainKey(&keys, t.Key.Of(r.text))
		depth := min(t.Depth, repr.MaxDepth)
		here := scopes[depth-min(depth, 1)]
		switch t.Kind {
		case repr.Open:
			if scopes[depth] = inside(here, key); t.Key.Empty() {
				scopes[depth] = here // an element of a list
			}
		case repr.Close:
		default:
			if end := r.unescaped(&t, &m); end > 0 {
				r.member(c, &m, here, key, t.Kind, r.copy(t.Text.Start, end))
				walk.Reset(r.text, len(r.text))
				continue
			}
			r.member(c, &m, here, key, t.Kind, r.take(&t))
		}
	}
	if m.message.Empty() && !m.hasLevel || !r.below(walk.Pos(), &m) {
		*c, r.inner = saved, r.inner[:0]
		return event.Span{}, false
	}
	c.Format = "json"
	return r.structured(ev, &m), true
}

// unescaped returns where a string really ends that a format string like {"message": "%(message)s"} wrote without
// escaping its quotes: at the end of the object, for such a format has the message last. It is 0 for a string that is
// well closed.
func (r *Reader) unescaped(t *repr.Token, m *members) int {
	if t.Kind != repr.String || t.Depth != 1 || m.broken {
		return 0
	}
	next := t.End
	for next < len(r.text) && r.text[next] == ' ' {
		next++
	}
	if next == len(r.text) || bytes.IndexByte([]byte(",}:\r\n\t"), r.text[next]) >= 0 {
		return 0
	}
	m.broken = true // looked at once: the look goes to the end of the line
	_, end := colours(r.text)
	if msg, _ := splitTraceback(r.text, span(0, end)); bytes.HasSuffix(r.text[:msg.End], []byte(`"}`)) && int(msg.End)-2 > t.Text.Start {
		return int(msg.End) - 2
	}
	return 0
}

// below takes the traceback that logging writes on the lines below such an object. It reports false where
// something else follows: the line is no object.
func (r *Reader) below(pos int, m *members) bool {
	_, end := colours(r.text)
	if pos >= end || len(bytes.TrimSpace(r.text[pos:end])) == 0 {
		if msg, trace := splitTraceback(r.text, span(0, end)); pos == len(r.text) && !trace.Empty() && m.exceptionText.Empty() && bytes.HasSuffix(r.text[:msg.End], []byte("}")) {
			m.exceptionText = r.copy(int(trace.Start), int(trace.End))
		}
		return true
	}
	if r.text[pos] != '\n' {
		return false
	}
	if m.exceptionText.Empty() {
		m.exceptionText = r.copy(pos+1, end)
	}
	return true
}

// jsonKeyFollows tells a JSON object from the repr of a dict.
func jsonKeyFollows(b []byte, pos int) bool {
	for pos < len(b) && (b[pos] == ' ' || b[pos] == '\n' || b[pos] == '\t' || b[pos] == '\r') {
		pos++
	}
	return pos < len(b) && b[pos] == '"'
}

// take appends the text of t to Inner.
func (r *Reader) take(t *repr.Token) event.Span {
	at := len(r.inner)
	r.inner = repr.AppendText(r.inner, r.text, t)
	end := len(r.inner)
	r.inner = append(r.inner, '\n')
	return span(at, end)
}

// structured makes Inner the facts and returns the message.
func (r *Reader) structured(ev *event.Event, m *members) event.Span {
	c := &ev.Celery
	ev.Inner = event.NewText(r.inner)
	r.text = r.inner
	c.Process = m.process
	if !unknownLogger(r.text[m.logger.Start:m.logger.End]) {
		c.Logger, c.LoggerIsAppName = m.logger, false
	}
	m.settle(c, r.text)
	switch {
	case !m.exceptionText.Empty():
		c.Error.Traceback = m.exceptionText
	case c.Error.Traceback.Empty() && !m.rendered.Empty():
		_, c.Error.Traceback = splitTraceback(r.text, m.rendered)
	}
	return m.message
}

// unknownLogger reports whether name says nothing: loguru's InterceptHandler gives the name of the module that called it.
func unknownLogger(name []byte) bool {
	switch string(name) {
	case "", "root", "logging", "__main__":
		return true
	}
	return false
}
