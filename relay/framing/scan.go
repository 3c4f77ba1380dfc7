package framing

import (
	"bytes"
	"unicode/utf8"
)

// scanner finds the frames in a growing run of bytes. It does no input: the Reader gives it all
// that is read and not yet handed out, again and again, and tells it when no more will come.
type scanner struct {
	mode  Mode
	max   int  // longest frame that is kept whole
	limit int  // largest count that is believed
	joins bool // lines without header may be joined

	// Learned of the sender, for the life of the connection.
	form          known
	octets, lfs   uint8 // frames of each kind, up to 255
	nuls          uint8
	last          Kind // of the frame before, when there was one
	plain         int  // so many of its first octets, while they are in doubt, hold no line feed and no NUL
	countsTrailLF bool // every counted frame so far ended with a line feed inside the count

	// Of the frame at hand. Offsets count from the frame's first byte.
	state  state
	need   int  // octets of a counted frame
	end    int  // end of the last complete line, -1 before the first
	kind   Kind // of the delimiter at end
	seen   int  // searched up to here
	lf     int  // no line feed between seen and here
	cont   bool // the line behind end is known to belong to the message
	joined bool
	resync bool // out of step: take up at the next count before a PRI
	head   form // of its first line
	coming form // of the line behind it, when that was found to begin the next frame

	// Set by the Reader.
	final  bool // no more will come
	lapsed bool // the time for joining is over

	hold  bool   // the time for joining runs: what is at hand comes out at its end
	fault Reason // ends the stream
}

type state uint8

const (
	between  state = iota // before a frame
	inCount               // in a counted frame, its count consumed
	inText                // in a delimited frame
	skipping              // in the octets of a counted frame that did not fit
	dropping              // in the rest of a delimited frame that did not fit
)

// nulSettled is how many frames in NUL make a line feed text.
const nulSettled = 4

func newScanner(opt Options) scanner {
	return scanner{mode: opt.Mode, max: opt.MaxMessage + opt.MaxHeader, limit: opt.MaxMessage * countFactor, form: knownForm(opt.Header), joins: opt.Join > 0, end: -1, countsTrailLF: true}
}

// inside reports whether bytes of the frame at hand were consumed already.
func (s *scanner) inside() bool {
	return s.state == inCount || s.state == skipping || s.state == dropping
}

// next returns the next frame of b and how many bytes of b it used up; without a frame,
// bytes that need not be shown again.
func (s *scanner) next(b []byte) (f Frame, used int, ok bool) {
	s.hold = false
	for {
		var n int
		var more bool
		switch s.state {
		case between:
			n, more = s.begin(b[used:])
		case inCount:
			f, n, ok = s.counted(b[used:])
			more = n > 0
		case inText:
			f, n, ok = s.lines(b[used:])
			more = n > 0 // an empty frame
		case skipping:
			n, more = s.skip(b[used:])
		case dropping:
			n, more = s.drop(b[used:])
		}
		used += n
		s.lf = max(0, s.lf-n)
		if ok || !more {
			s.lapsed = false
			return f, used, ok
		}
	}
}

// begin skips what stands between frames and finds out what the next one is. more
// reports whether the state has changed.
func (s *scanner) begin(b []byte) (used int, more bool) {
	for used < len(b) && (b[used] == '\n' || b[used] == '\r' || b[used] == 0) {
		used++
	}
	if used == len(b) {
		return used, false
	}
	b = b[used:]
	n, size, v := s.judge(b)
	if v == unknown && s.final {
		v = text
	}
	if v != unknown {
		s.plain = 0
	}
	if s.mode == OctetOnly && (v == text || v == badCount) {
		s.fault, s.final, v = BadCount, true, text
	}
	switch v {
	case unknown:
		return used, false // it begins there the next time, too, so plain stays right
	case nothing:
		return used + size, true
	case counted:
		s.state, s.need = inCount, n
		return used + size, true
	}
	s.state, s.end, s.seen, s.cont, s.joined = inText, -1, 0, false, false
	s.head, s.coming = s.coming, form{}
	s.resync = b[0] != '<' && s.losesStep(v)
	return used, true
}

// judge tells what the frame that b begins with is.
func (s *scanner) judge(b []byte) (n, size int, v verdict) {
	if s.mode == LFOnly || s.mode == NULOnly || s.mode == Auto && b[0] == '<' {
		return 0, 0, text
	}
	if b[0] == ' ' && s.afterCount() { // Cisco ASA puts a SP between counted frames
		if len(b) == 1 {
			return 0, 0, unknown
		}
		if isDigit(b[1]) || b[1] == '<' {
			return 0, 1, nothing
		}
	}
	n, size, v = count(b, s.limit)
	if s.mode == OctetOnly || v != counted && v != nothing {
		return n, size, v
	}
	return n, size, s.confirm(b, n, size, v)
}

// confirm tells a count from text that begins with a number: before a PRI it is one, and from a sender
// that counts.
func (s *scanner) confirm(b []byte, n, size int, v verdict) verdict {
	if size == len(b) {
		return unknown
	}
	p := priLen(b[size:])
	switch {
	case p > 0:
		return v
	case p < 0:
		return unknown
	case v == nothing:
		if c := b[size]; s.lfs == 0 && isDigit(c) || c < ' ' {
			return nothing
		}
		return text
	case s.afterCount():
		return counted
	case s.lfs > 0 || s.nuls > 0:
		return text
	}
	return s.doubt(b, n, size)
}

// doubt judges a connection's first bytes when they are digits, SP and no PRI: a counted
// frame ends where another begins, or with the data; a line has a line feed and then goes on.
func (s *scanner) doubt(b []byte, n, size int) (v verdict) {
	end := size + n
	if end < len(b) {
		if c := b[end]; isDigit(c) || c == '<' || c == '\r' || c == '\n' || c == 0 {
			return counted
		}
		return text
	}
	switch {
	case len(b) > s.max: // more than is kept of any message need not come to tell
		return counted
	case end == len(b): // another frame must begin here, or nothing come for a while
		v = counted
	case bytes.IndexByte(b[min(s.plain, len(b)):], '\n') >= 0 || bytes.IndexByte(b[min(s.plain, len(b)):], 0) >= 0:
		v = text
	default:
		s.plain = len(b) // a megabyte that comes octet by octet is not searched a million times
		return unknown
	}
	if s.lapsed || s.final {
		return v
	}
	s.hold = true
	return unknown
}

func (s *scanner) afterCount() bool { return s.octets > 0 && s.last == Octet }

// losesStep reports whether text stands where a count should have been.
func (s *scanner) losesStep(v verdict) bool {
	return s.mode == Auto && (s.afterCount() || v == badCount && s.lfs == 0 && s.nuls == 0)
}

// counted returns a counted frame when it is whole, or cut when it cannot be kept whole.
func (s *scanner) counted(b []byte) (f Frame, used int, ok bool) {
	want := min(s.need, s.max+len("\r\n"))
	f = Frame{Kind: Octet}
	if len(b) < want {
		if !s.final || len(b) == 0 {
			return Frame{}, 0, false
		}
		want, f.Partial = len(b), true
	}
	f.Bytes = b[:want]
	s.state = between
	s.finish(Octet)
	if !f.Partial {
		s.state = skipping
		if s.need -= want; s.need == 0 {
			s.state = between
			f.Bytes = s.trimCounted(f.Bytes)
		}
	}
	if len(f.Bytes) > s.max {
		f.Bytes, f.Truncated = wholeRunes(f.Bytes[:s.max]), true
	}
	return f, want, len(f.Bytes) > 0
}

// trimCounted takes away what some senders leave inside the count: the NUL of Python's handler, the line feed of
// rsyslog's forwarding template. Another's text may end with a line feed: it stays as soon as
// a frame has come without.
func (s *scanner) trimCounted(b []byte) []byte {
	if n := len(b); b[n-1] == 0 {
		b = b[:n-1]
	}
	if n := len(b); n == 0 || b[n-1] != '\n' {
		s.countsTrailLF = false
	} else if s.countsTrailLF {
		b = trimCR(b[:n-1])
	}
	return b
}

func (s *scanner) skip(b []byte) (used int, more bool) {
	n := min(s.need, len(b))
	if s.need -= n; s.need > 0 {
		return n, false
	}
	s.state = between
	return n, true
}

func (s *scanner) drop(b []byte) (used int, more bool) {
	i := s.delimiter(b, 0)
	if i < 0 {
		return len(b), false
	}
	s.state = between
	return i + 1, true
}

// finish counts a frame.
func (s *scanner) finish(k Kind) {
	s.last = k
	n := [...]*uint8{Octet: &s.octets, LF: &s.lfs, NUL: &s.nuls}[k]
	*n = max(*n, *n+1)
}

// wholeRunes takes a character that the cut went through away from the end of b.
func wholeRunes(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

func trimCR(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}
