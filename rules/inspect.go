package rules

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"destring/rules/detect"
	"destring/rules/event"
	"destring/rules/record"
	"destring/rules/redact"
)

// Inspector makes clean records of the events of one connection. It holds what is
// carried from one message to the next: scratch space, and what redaction
// remembers of a secret that is cut over several messages. One goroutine
// uses it.
type Inspector struct {
	engine  *Engine
	scratch redact.Scratch
	peerOf  *event.Peer
	peer    *record.Peer
	head    [4]headText
	matcher *detect.Matcher // nil without rules
	record  record.Record
	clean   Clean
	keep    []event.Span
	pair    []byte // name="value" of a parameter
	values  values
	buf     []byte // clean copies of texts, for the time of one record
}

// NewInspector makes the Inspector of a connection.
func (e *Engine) NewInspector() *Inspector {
	in := &Inspector{engine: e}
	if e.judge != nil {
		in.matcher = e.judge.set.NewMatcher()
	}
	return in
}

// Use goes over to another engine, between two messages: a reload.
func (in *Inspector) Use(e *Engine) {
	if in.engine != e {
		scratch := in.scratch // what is remembered of secrets that are cut in pieces
		*in = *e.NewInspector()
		in.scratch = scratch
	}
}

// Work returns how many bytes redaction looked at since the last call.
func (in *Inspector) Work() int { return in.scratch.Work() }

// Inspect returns the clean record of ev; it is valid until the next call. It never
// fails: what it cannot judge, a panic of a detector among it, is withheld whole.
func (in *Inspector) Inspect(ev *event.Event) (c *Clean) {
	defer func() {
		if recover() != nil {
			// The value of the panic may hold text: it is not looked at.
			c = in.withhold(ev, "panic")
		}
	}()
	in.begin(ev)
	in.texts(ev)
	return in.finish(ev)
}

// begin sets what needs no judging.
func (in *Inspector) begin(ev *event.Event) {
	if in.peerOf != ev.Peer || in.peer == nil {
		in.setPeer(ev.Peer)
	}
	r := &in.record
	*r = record.Record{Params: r.Params[:0], Findings: r.Findings[:0], Rules: r.Rules[:0], Frames: r.Frames[:0]}
	in.clean.findings = in.clean.findings[:0]
	in.buf = in.buf[:0]
	if cap(in.buf) > maxBuf {
		in.buf = nil
	}
	r.Peer = in.peer
	r.Timestamp, r.TimestampSource, r.Received = ev.Timestamp, ev.TimestampFrom, ev.Received
	r.Fault, r.Flags = ev.Fault, ev.Flags
	r.Format, r.Framing, r.SyslogVers = ev.Syslog.Format, ev.Syslog.Framing, ev.Syslog.Version
	r.Facility, r.Severity = ev.Syslog.Facility, ev.Syslog.Severity
	ce := &ev.Celery
	r.Level, r.Kind, r.LineForm, r.PID, r.IDs = ce.Level, ce.Kind, ce.Format, ce.PID, ce.IDs
	if r.PID == 0 {
		r.PID = decimal(ev.Syslog.ProcID)
	}
	r.State, r.Runtime, r.HasRuntime, r.Retries = ce.Task.State, ce.Task.Runtime, ce.Task.HasRuntime, ce.Task.Retries
	r.ID = in.hold(func(dst []byte) []byte { return ev.ID.AppendHex(dst) })
	if ev.HasHash {
		r.Hash = in.hold(func(dst []byte) []byte { return hex.AppendEncode(dst, ev.Hash[:]) })
	}
	if ce.Group != (event.ID{}) {
		r.Group = in.hold(func(dst []byte) []byte { return ce.Group.AppendHex(dst) })
	}
}

// decimal reads a process id, 0 when t is none.
func decimal(t event.Text) int32 {
	if t.Len() == 0 || t.Len() > 9 {
		return 0
	}
	var n int32
	for _, c := range t.Reveal() {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int32(c-'0')
	}
	return n
}

// maxBuf is how much scratch space is kept from record to record, in bytes.
const maxBuf = 256 << 10

// hold gives a text a place in the scratch space that lives as long as the record.
func (in *Inspector) hold(add func([]byte) []byte) []byte {
	if cap(in.buf)-len(in.buf) < 256 {
		in.buf = make([]byte, 0, max(4096, 2*cap(in.buf))) // the old one lives on in the record
	}
	at := len(in.buf)
	in.buf = add(in.buf)
	return in.buf[at:len(in.buf):len(in.buf)]
}

func (in *Inspector) setPeer(p *event.Peer) {
	in.peerOf = p
	if p == nil {
		p = &event.Peer{}
	}
	in.peer = record.NewPeer(p, in.engine.service, in.engine.cleanString)
}

// texts redacts every text of ev into the record.
func (in *Inspector) texts(ev *event.Event) {
	r := &in.record
	r.Hostname = in.header(0, "log.syslog.hostname", ev.Syslog.Hostname)
	r.AppName = in.header(1, "log.syslog.appname", ev.Syslog.AppName)
	r.ProcID = in.header(2, "log.syslog.procid", ev.Syslog.ProcID)
	r.MsgID = in.header(3, "log.syslog.msgid", ev.Syslog.MsgID)
	in.params(ev.Syslog.Params)

	in.keep = appendKeep(in.keep[:0], ev.Facts(), &ev.Celery)
	in.scratch.Task = ev.Facts().Slice(ev.Celery.Task.Name).Reveal()
	keep := in.keep
	if !ev.Inner.Empty() {
		keep = nil // they stand on Inner
	}
	message := in.engine.redactor.Redact(&in.scratch, ev.Message.Reveal(), keep)
	r.Message = in.own(ev.Message, message.Text)
	in.found("message", &message)
	if r.Withheld != "" {
		return
	}
	facts := message
	facts.Text = r.Message
	if !ev.Inner.Empty() {
		facts = in.engine.redactor.Again(&in.scratch, ev.Inner.Reveal(), in.keep)
		in.foundInner(&facts, ev.Celery.Body)
		if r.Withheld != "" {
			return
		}
	}
	in.facts(&ev.Celery, &facts)
	if ev.Celery.LoggerIsAppName {
		r.Logger = r.AppName
	}
}

// own copies text out of the redactor's scratch when it is not the input itself, since the
// second text of the same event is redacted in the same scratch.
func (in *Inspector) own(raw event.Text, clean []byte) []byte {
	if raw.Len() == len(clean) && (len(clean) == 0 || &raw.Reveal()[0] == &clean[0]) {
		return clean
	}
	return in.hold(func(dst []byte) []byte { return append(dst, clean...) })
}

// appendKeep appends the spans that must stay for a reader of the log to find his way. Redaction honours them as
// long as they look like what they are said to be; what looks like an address of e-mail is kept for a worker alone.
func appendKeep(dst []event.Span, facts event.Text, c *event.Celery) []event.Span {
	keep := func(s event.Span) {
		if !s.Empty() && bytes.IndexByte(facts.Slice(s).Reveal(), '@') < 0 {
			dst = append(dst, s)
		}
	}
	for _, s := range [...]event.Span{c.Process, c.Logger, c.Task.Name, c.Task.ID, c.Queue, c.Error.Type} {
		keep(s)
	}
	if !c.Worker.Empty() {
		dst = append(dst, c.Worker)
	}
	for i := range c.Frames {
		keep(c.Frames[i].File)
	}
	return dst
}

// facts cuts the members that Celery's reader found out of the clean text.
func (in *Inspector) facts(c *event.Celery, res *redact.Result) {
	cut := func(s event.Span) []byte {
		if s.Empty() {
			return nil
		}
		from, to := res.Map(s)
		return res.Text[from:to:to]
	}
	r := &in.record
	r.Body, r.Process, r.Logger, r.Worker, r.Queue, r.Broker = cut(c.Body), cut(c.Process), cut(c.Logger), cut(c.Worker), cut(c.Queue), cut(c.Broker)
	t := &c.Task
	r.TaskName, r.TaskID, r.TaskETA, r.Args, r.Kwargs, r.Result = cut(t.Name), cut(t.ID), cut(t.ETA), cut(t.Args), cut(t.Kwargs), cut(t.Result)
	r.ErrorType, r.ErrorMessage, r.StackTrace = cut(c.Error.Type), cut(c.Error.Message), cut(c.Error.Traceback)
	for i := range c.Frames {
		f := &c.Frames[i]
		r.Frames = append(r.Frames, record.Frame{File: cut(f.File), Function: cut(f.Function), Line: f.Line})
	}
	if n := len(r.Frames); n > 0 {
		f := &r.Frames[n-1]
		r.File, r.Function, r.Line = f.File, f.Function, f.Line
	}
	r.ArgsValues, r.KwargsValues, r.ResultValues = in.structured(r.Args), in.structured(r.Kwargs), in.structured(r.Result)
}

// structured returns the values in a repr as a JSON object, or nothing.
func (in *Inspector) structured(text []byte) []byte {
	if !container(text) {
		return nil
	}
	return in.hold(func(dst []byte) []byte { return in.values.append(dst, text) })
}

// finish encodes the record.
func (in *Inspector) finish(ev *event.Event) *Clean {
	c := &in.clean
	c.topic, c.received = Logs, ev.Received
	c.matches = c.matches[:0]
	c.matched = len(in.record.Findings) > 0
	if in.matcher != nil {
		in.ask()
	}
	c.key = append(append(append(c.key[:0], in.peer.Name()...), '/'), in.record.Hostname...)
	c.value = in.engine.encoder.Append(c.value[:0], &in.record)
	c.headers = appendHeaders(c.headers[:0], in.engine.headers, headerValues{id: in.record.ID, kind: in.record.Kind, time: in.record.Timestamp, redacted: in.record.Redacted(), matched: c.matched})
	return c
}

// ask asks the rules. They see clean text only, so when one panics the record is published as it is, with
// a flag, and alerting looks at it.
func (in *Inspector) ask() {
	defer func() {
		if recover() != nil {
			in.record.Flags |= event.Unjudged
			in.record.Rules, in.clean.matches, in.clean.matched = in.record.Rules[:0], in.clean.matches[:0], true
		}
	}()
	in.engine.judge.run(in)
}

// withhold makes the record of an event whose text may not be shown at all.
func (in *Inspector) withhold(ev *event.Event, reason string) *Clean {
	in.scratch = redact.Scratch{}
	in.begin(ev)
	r := &in.record
	r.Kind, r.LineForm, r.Withheld = "", "", reason
	r.Message = fmt.Appendf(nil, "[withheld: %s, %d bytes]", reason, ev.Message.Len())
	return in.finish(ev)
}
