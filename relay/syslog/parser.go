package syslog

import (
	"bytes"
	"unicode/utf8"

	"destring/rules/event"
)

// Parser reads headers. Its zero value is ready; each connection has its own,
// for it holds the buffers that an event's texts point into.
type Parser struct {
	values   []byte // parameter values with their escapes undone
	repaired []byte // the frame when it had to be made valid UTF-8
	sawPRI   bool   // a frame of this connection had a PRI
}

// keepBuffer is the largest scratch buffer that is kept from one message to the next.
const keepBuffer = 64 << 10

func reuse(buf []byte) []byte {
	if cap(buf) > keepBuffer {
		return nil
	}
	return buf[:0]
}

var bom = []byte{0xEF, 0xBB, 0xBF}

// Parse reads frame, one message without count or trailer, received at the given time in nanoseconds since
// 1970 UTC. It sets every field of ev.Syslog but Framing, which it reads; ev.Message; ev.Fault; and adds to
// ev.Flags. It never fails: a frame that is not understood becomes the message, whole.
//
// The texts of ev point into frame and into p: they are valid until either is used again.
func (p *Parser) Parse(frame []byte, received int64, ev *event.Event) {
	ev.Syslog = event.Syslog{Framing: ev.Syslog.Framing, Facility: -1, Severity: -1, Params: ev.Syslog.Params[:0]}
	ev.Fault = ""
	p.values, p.repaired = reuse(p.values), reuse(p.repaired)
	if k := ev.Syslog.Framing; k == event.FramingDatagram || k == event.FramingRELP {
		frame = trimTrailer(frame)
	}
	if !utf8.Valid(frame) {
		frame = p.repair(frame)
		ev.Flags |= event.InvalidUTF8
	}
	frame = withoutBOM(frame)
	pri, n := readPRI(frame)
	switch {
	case n == 0:
		ev.Message = event.NewText(withoutBOM(p.withoutPRI(frame, received, &ev.Syslog)))
		return
	case n < 0:
		ev.Message, ev.Fault = event.NewText(frame), BadPRI
		return
	}
	p.sawPRI = true
	setPRI(ev, pri)
	rest := frame[n:]
	if version, m := readVersion(rest); m > 0 && (startsStamp(rest[m:]) || version == 1 && ev.Syslog.Framing != event.FramingNUL) {
		// Python, which alone frames by NUL, writes texts that begin with "1 ".
		ev.Syslog.Format, ev.Syslog.Version = event.FormatRFC5424, version
		msg, fault := p.rfc5424(rest[m:], &ev.Syslog)
		if fault != "" {
			msg = frame
		}
		ev.Syslog.BOM = bytes.HasPrefix(msg, bom)
		ev.Message, ev.Fault = event.NewText(withoutBOM(msg)), fault
		return
	}
	if ev.Syslog.Framing != event.FramingNUL && badVersion(rest) {
		ev.Syslog.Format, ev.Message, ev.Fault = event.FormatRFC5424, event.NewText(frame), BadVersion
		return
	}
	ev.Message = event.NewText(withoutBOM(rfc3164(rest, received, &ev.Syslog)))
}

// readPRI returns the value of the PRI and its length: 0 when the frame has none, -1 when it
// has one that is wrong.
func readPRI(b []byte) (pri, n int) {
	if len(b) < 2 || b[0] != '<' {
		return 0, 0
	}
	for i := 1; i < len(b) && i < 5; i++ {
		switch c := b[i]; {
		case c == '>' && i > 1:
			return pri, i + 1
		case isDigit(c) && i < 4:
			pri = pri*10 + int(c-'0')
		case i > 1 || isDigit(c) || c == '>' || c == '-' || c == '+' || c == ' ':
			return 0, -1
		default:
			return 0, 0 // text such as "<module>"
		}
	}
	return 0, -1
}

// maxPRI is the highest PRIVAL of RFC 5424 §6.2.1: facility 23, severity 7.
const maxPRI = 191

func setPRI(ev *event.Event, pri int) {
	ev.Syslog.Format = event.FormatBare
	if pri > maxPRI {
		ev.Flags |= event.FacilityClamped
		return
	}
	ev.Syslog.Facility, ev.Syslog.Severity = int8(pri>>3), int8(pri&7)
}

// readVersion returns VERSION and the length of VERSION SP (RFC 5424 §6.2.2), or 0.
func readVersion(b []byte) (version uint8, n int) {
	v := 0
	for i := 0; i < len(b) && i < 4; i++ {
		switch c := b[i]; {
		case isDigit(c) && i < 3 && (i > 0 || c != '0'):
			v = v*10 + int(c-'0')
		case c == ' ' && i > 0 && v < 256:
			return uint8(v), i + 1
		default:
			return 0, 0
		}
	}
	if v == 1 {
		return 1, len(b) // "<13>1" and no more
	}
	return 0, 0
}

// badVersion reports whether b begins with a number that is no VERSION and a TIMESTAMP: "0 ", "01 ", "1000 ".
func badVersion(b []byte) bool {
	n := 0
	for n < len(b) && n < 10 && isDigit(b[n]) {
		n++
	}
	if n == 0 || n == len(b) || b[n] != ' ' {
		return false
	}
	var s stamp
	end := n + 1 + readISO(b[n+1:], &s, true)
	return end > n+1 && end < len(b) && b[end] == ' '
}

// withoutPRI reads a frame of a sender that leaves the PRI out, and returns the text. Where a byte of text can end frames and
// others had a PRI, this one may be the rest of a message, in which nothing may become a header.
func (p *Parser) withoutPRI(frame []byte, received int64, h *event.Syslog) []byte {
	if p.sawPRI && (h.Framing == event.FramingLF || h.Framing == event.FramingNUL) {
		return frame
	}
	var found event.Syslog
	text := rfc3164(frame, received, &found)
	if found.Format != event.FormatRFC3164 || !found.HasTime || found.AppName.Empty() {
		return frame // too little to call it a header
	}
	found.Framing, found.Facility, found.Severity, found.Params = h.Framing, -1, -1, h.Params
	*h = found
	return text
}

func withoutBOM(b []byte) []byte { return bytes.TrimPrefix(b, bom) }

// trimTrailer takes away what senders of datagrams end them with out of habit: a NUL as Python does, in whose texts a line feed
// at the end is text, or a line feed.
func trimTrailer(b []byte) []byte {
	if t := bytes.TrimRight(b, "\x00"); len(t) < len(b) {
		return t
	}
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		if n := len(b); n > 0 && b[n-1] == '\r' {
			b = b[:n-1]
		}
	}
	return b
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
