package celery

import (
	"bytes"

	"destring/rules/event"
)

// maxFrames bounds the frames that are named; the innermost are kept.
const maxFrames = 32

var (
	fileLine   = []byte("  File \"")
	markedLine = []byte("> File \"") // loguru marks the frame that it was called from
)

// frames reads the frames of the last traceback block, which is the exception that was raised in the end, and from the
// line behind them its type and message where the line itself did not say.
func (r *Reader) frames(c *event.Celery) {
	trace := c.Error.Traceback
	c.Frames = c.Frames[:0]
	var final event.Span
	for pos := int(trace.Start); pos < int(trace.End); {
		end := pos + lineEnd(r.text[pos:trace.End])
		line := r.text[pos:end]
		switch {
		case bytes.HasPrefix(line, tracebackLine):
			c.Frames, final = c.Frames[:0], event.Span{}
		case bytes.HasPrefix(line, fileLine), bytes.HasPrefix(line, markedLine):
			c.Frames = appendFrame(c.Frames, line, uint32(pos))
			final = event.Span{}
		case len(line) > 0 && line[0] != ' ' && line[0] != '\t' && line[0] != '"' && line[0] != '|' && final.Empty() && len(c.Frames) > 0:
			final = span(pos, end)
		}
		pos = end + 1
	}
	if c.Error.Type.Empty() && c.Error.Message.Empty() {
		r.finalLine(c, final)
	}
}

func lineEnd(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i
	}
	return len(b)
}

// finalLine reads "shop.errors.CardDeclined: card refused".
func (r *Reader) finalLine(c *event.Celery, s event.Span) {
	line := r.text[s.Start:s.End]
	n := 0
	for n < len(line) && (nameClass[line[n]]&inName != 0 || line[n] >= 0x80) {
		n++
	}
	if n == 0 || n < len(line) && line[n] != ':' {
		return
	}
	c.Error.Type = span(int(s.Start), int(s.Start)+n)
	if rest := bytes.TrimLeft(line[n:], ": "); len(rest) > 0 {
		c.Error.Message = span(int(s.End)-len(rest), int(s.End))
	}
}

// appendFrame reads `  File "/opt/shop/tasks.py", line 109, in send_receipt`, which stands at the offset at.
func appendFrame(frames []event.Frame, line []byte, at uint32) []event.Frame {
	rest := line[len(fileLine):]
	quote := bytes.Index(rest, []byte("\", line "))
	if quote < 0 {
		return frames
	}
	start := at + uint32(len(fileLine))
	f := event.Frame{File: event.Span{Start: start, End: start + uint32(quote)}}
	digits := rest[quote+len("\", line "):]
	f.Line = int32(min(number(digits), 1<<30))
	if i := bytes.Index(digits, []byte(", in ")); i >= 0 && i < 12 {
		end := at + uint32(len(line))
		f.Function = event.Span{Start: end - uint32(len(digits)-i-len(", in ")), End: end}
	}
	if len(frames) == maxFrames {
		copy(frames, frames[1:])
		frames = frames[:maxFrames-1]
	}
	return append(frames, f)
}
