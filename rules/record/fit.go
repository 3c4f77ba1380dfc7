package record

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	// listed is how many findings, parameters and rules a record that must be cut keeps.
	listed = 64
	// minText is the length down to which texts are cut, bytes.
	minText = 64
)

// fit encodes r within the limit. Texts are cut in the middle, the longest first: a traceback keeps
// its first lines and its last, which name the error. What stands in message too is cut before it is. What was cut is
// named in destring.cut, and the text says how much is missing. Rules and alerting have seen the whole.
//
// Lists are cut too: 64 findings, the most severe first, 64 parameters, the innermost frames.
func (e *Encoder) fit(dst []byte, r *Record) []byte {
	at := len(dst)
	for size := e.limit; ; size /= 2 {
		size = max(size, minText)
		cut := *r // what it points to is not changed
		cut.Cut = nil
		cut.texts(size, min(size, e.limit/8))
		cut.lists(size)
		dst = e.append(dst[:at], &cut)
		if len(dst)-at <= e.limit || size == minText {
			return dst
		}
	}
}

// texts cuts every text to size bytes, and what is a part of message to copied.
func (r *Record) texts(size, copied int) {
	for i, t := range [...]struct {
		name string
		text *[]byte
	}{
		{"message", &r.Message}, {"celery.message", &r.Body}, {"error.stack_trace", &r.StackTrace}, {"error.message", &r.ErrorMessage}, {"error.type", &r.ErrorType},
		{"celery.task.args", &r.Args}, {"celery.task.kwargs", &r.Kwargs}, {"celery.task.result", &r.Result},
		{"celery.task.name", &r.TaskName}, {"celery.task.id", &r.TaskID}, {"celery.task.eta", &r.TaskETA},
		{"celery.process", &r.Process}, {"celery.worker", &r.Worker}, {"celery.queue", &r.Queue}, {"celery.broker", &r.Broker},
		{"log.logger", &r.Logger}, {"log.syslog.hostname", &r.Hostname}, {"log.syslog.appname", &r.AppName}, {"log.syslog.procid", &r.ProcID}, {"log.syslog.msgid", &r.MsgID},
		{"log.origin.file.name", &r.File}, {"log.origin.function", &r.Function},
	} {
		if i > 0 {
			size = copied
		}
		if short, ok := cutText(*t.text, size); ok {
			*t.text = short
			r.Cut = append(r.Cut, t.name)
		}
	}
}

// lists cuts what a sender can make long by number.
func (r *Record) lists(size int) {
	keep := min(max(size/64, 8), listed)
	if len(r.Findings) > keep {
		findings := slices.Clone(r.Findings)
		slices.SortStableFunc(findings, func(a, b Finding) int { return rank(b.Severity) - rank(a.Severity) })
		r.Findings, r.Unlisted = findings[:keep], r.Unlisted+hidden(findings[keep:])
		r.Cut = append(r.Cut, "destring.findings")
	}
	if len(r.Rules) > keep {
		r.Rules = r.Rules[:keep]
		r.Cut = append(r.Cut, "destring.matches")
	}
	params, long := slices.Clone(r.Params[:min(len(r.Params), keep)]), len(r.Params) > keep
	for i := range params {
		long = shorten(size/8, &params[i].Element, &params[i].Name, &params[i].Value) || long
	}
	if long {
		r.Params, r.Cut = params, append(r.Cut, "log.syslog.structured_data")
	}
	frames, long := slices.Clone(r.Frames[max(0, len(r.Frames)-keep):]), len(r.Frames) > keep
	for i := range frames {
		long = shorten(size/8, &frames[i].File, &frames[i].Function) || long
	}
	if long {
		r.Frames, r.Cut = frames, append(r.Cut, "celery.frames")
	}
}

// shorten cuts texts to size bytes and reports whether one was longer.
func shorten(size int, texts ...*[]byte) (cut bool) {
	for _, t := range texts {
		short, ok := cutText(*t, size)
		*t, cut = short, cut || ok
	}
	return cut
}

func rank(severity string) int {
	return slices.Index([]string{"informational", "low", "medium", "high", "critical"}, severity)
}

// cutText leaves the first and the last part of s, about size bytes together, with nearly the words
// of relay/kafka, which cuts at the end. It cuts at rune borders.
func cutText(s []byte, size int) ([]byte, bool) {
	size = max(size, minText)
	if len(s) <= size {
		return s, false
	}
	head, tail := size/2, len(s)-size/2
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	out := append(make([]byte, 0, size+48), s[:head]...)
	out = append(out, "…[cut by destring: "...)
	out = strconv.AppendInt(out, int64(tail-head), 10)
	out = append(out, " bytes]…"...)
	return append(out, s[tail:]...), true
}
