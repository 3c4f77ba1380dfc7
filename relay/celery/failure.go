package celery

import (
	"bytes"

	"destring/rules/event"
	"destring/rules/repr"
)

// exception reads the repr of an exception, ConnectionError('…'), with what Celery may put before it ("Retry in 1s: ").
func (r *Reader) exception(c *event.Celery, s event.Span) {
	text := r.text[s.Start:s.End]
	at := 0
	if bytes.HasPrefix(text, []byte("Retry ")) {
		if i := bytes.Index(text, colonSpace); i > 0 {
			at = i + 2
		}
	}
	var walk repr.Reader
	var t repr.Token
	walk.Reset(text, at)
	if !walk.Next(&t) {
		return
	}
	if t.Kind != repr.Open || t.Shape != repr.Call || t.Start != at {
		c.Error.Message = span(int(s.Start)+at, int(s.End))
		return
	}
	c.Error.Type = offset(t.Text, s.Start)
	if !walk.Next(&t) || t.Kind == repr.Close {
		return
	}
	if t.Kind == repr.String {
		c.Error.Message = offset(t.Text, s.Start)
		return
	}
	end := len(text)
	if end > 0 && text[end-1] == ')' {
		end--
	}
	if t.Start < end {
		c.Error.Message = span(int(s.Start)+t.Start, int(s.Start)+end)
	}
}

func offset(s repr.Span, by uint32) event.Span {
	return event.Span{Start: uint32(s.Start) + by, End: uint32(s.End) + by}
}

// byException tells apart what one wording says of several causes.
func (r *Reader) byException(c *event.Celery) {
	kind, message := r.text[c.Error.Type.Start:c.Error.Type.End], r.text[c.Error.Message.Start:c.Error.Message.End]
	if i := bytes.LastIndexByte(kind, '.'); i >= 0 {
		kind = kind[i+1:]
	}
	switch string(kind) {
	case "WorkerLostError":
		c.Kind = WorkerLost
	case "TimeLimitExceeded", "SoftTimeLimitExceeded":
		c.Kind = TaskHardTimeout
	case "Terminated":
		c.Kind, c.Task.State = TaskTerminated, stateRevoked
	case "ContentDisallowed":
		c.Kind = ContentDisallowed
	case "SecurityError":
		c.Kind = SecurityError
	case "DecodeError":
		if bytes.HasPrefix(message, []byte("SecurityError(")) {
			c.Kind = SecurityError
		}
		if bytes.HasPrefix(message, []byte("ContentDisallowed(")) {
			c.Kind = ContentDisallowed
		}
	}
}

func (r *Reader) byReason(c *event.Celery) {
	if bytes.HasPrefix(r.text[c.Error.Message.Start:c.Error.Message.End], []byte("Refusing to deserialize ")) {
		c.Kind = ContentDisallowed
	}
}

// What is printed below the body of a task that nobody knows.
var (
	headersBelow  = []byte("\nThe full contents of the message headers:\n")
	deliveryBelow = []byte("\nThe delivery info for this task is:\n")
)

// unregistered reads the headers and the delivery info of a task that nobody knows.
func (r *Reader) unregistered(c *event.Celery, msg event.Span) {
	text := r.text[msg.Start:msg.End]
	r.fields(text, headersBelow, func(key string, t *repr.Token) {
		switch key {
		case "id":
			c.Task.ID = offset(t.Text, msg.Start)
		case "argsrepr":
			c.Task.Args = offset(t.Text, msg.Start)
		case "kwargsrepr":
			c.Task.Kwargs = offset(t.Text, msg.Start)
		case "eta":
			if t.Kind == repr.String {
				c.Task.ETA = offset(t.Text, msg.Start)
			}
		case "retries":
			c.Task.Retries = int32(min(number(t.Text.Of(text)), 1<<30))
		}
	})
	r.fields(text, deliveryBelow, func(key string, t *repr.Token) {
		if key == "routing_key" {
			c.Queue = offset(t.Text, msg.Start)
		}
	})
}

// maxFields bounds the members of a printed dict that are looked at.
const maxFields = 96

// fields calls take with the scalars of the dict that stands behind heading.
func (r *Reader) fields(text, heading []byte, take func(key string, t *repr.Token)) {
	at := bytes.Index(text, heading)
	if at < 0 {
		return
	}
	var walk repr.Reader
	var t repr.Token
	walk.Reset(text, at+len(heading))
	for n := 0; n < maxFields && walk.Next(&t); n++ {
		if t.Depth == 1 && !t.Key.Empty() && t.Kind != repr.Open {
			take(string(t.Key.Of(text)), &t)
		}
		if walk.Depth() == 0 {
			return
		}
	}
}

// number reads digits; what is none is 0.
func number(b []byte) (n int64) {
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<40 {
			return n
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// applied reads the arguments of the pool's apply: ('name', 'id', {headers}, b'body', …). The headers have those of the
// task, as reprs; a long line is cut behind them.
func (r *Reader) applied(c *event.Celery, s event.Span) {
	text := r.text[s.Start:s.End]
	var walk repr.Reader
	var t repr.Token
	walk.Reset(text, 0)
	for n := 0; n < maxFields && walk.Next(&t); n++ {
		if t.Kind != repr.String || t.Depth > 2 {
			continue
		}
		switch {
		case n == 1:
			c.Task.Name = offset(t.Text, s.Start)
		case n == 2:
			c.Task.ID = offset(t.Text, s.Start)
		case t.Depth == 2 && string(t.Key.Of(text)) == "argsrepr":
			c.Task.Args = offset(t.Text, s.Start)
		case t.Depth == 2 && string(t.Key.Of(text)) == "kwargsrepr":
			c.Task.Kwargs = offset(t.Text, s.Start)
			return
		}
	}
}

// brokerURI gives s when its password is masked or there is none, as Celery writes it; else what follows the credentials.
func brokerURI(text []byte, s event.Span) event.Span {
	scheme := bytes.Index(text, []byte("://"))
	at := bytes.LastIndexByte(text, '@')
	if scheme < 0 || at < scheme {
		return s
	}
	user := text[scheme+3 : at]
	colon := bytes.IndexByte(user, ':')
	if colon < 0 || len(bytes.Trim(user[colon+1:], "*")) == 0 {
		return s
	}
	return span(int(s.Start)+at+1, int(s.End))
}
