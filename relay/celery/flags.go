package celery

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"destring/rules/event"
)

// flag marks what a sender may have written to deceive: it stays text of this one record.
func (r *Reader) flag(ev *event.Event) {
	c := &ev.Celery
	if name := r.text[c.Task.Name.Start:c.Task.Name.End]; len(name) > 0 && !isIdentifierPath(name) {
		ev.Flags |= event.OddTaskName
	}
	if id := r.text[c.Task.ID.Start:c.Task.ID.End]; len(id) > 0 && !(len(id) == uuidLen && isUUID(id)) {
		ev.Flags |= event.OddTaskID
	}
	body := r.text[c.Body.Start:c.Body.End]
	rest := body[printable(body):]
	if hasControl(rest) {
		ev.Flags |= event.ControlChars
	}
	if innerHeader(rest) || escapedHeader(body, '#', "#012") || escapedHeader(body, '\\', `\n`) {
		ev.Flags |= event.InnerHeader
	}
}

// hasControl looks for control characters other than tab and line ends, and for those that change the direction of text.
func hasControl(b []byte) bool {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c < ' ' && c != '\n' && c != '\t' && c != '\r', c == 0x7f:
			return true
		case c == 0xe2 && i+2 < len(b) && (b[i+1] == 0x80 || b[i+1] == 0x81), c == 0xd8, c == 0xc2:
			if r, _ := utf8.DecodeRune(b[i:]); isBidi(r) || r >= 0x80 && r < 0xa0 {
				return true
			}
		}
	}
	return false
}

// printable returns how many bytes at the beginning of b are certainly printable ASCII, eight at a time.
func printable(b []byte) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		if (v|(v-ones*0x20)|(v+ones))&high != 0 { // beyond ASCII, below a space, or DEL
			break
		}
	}
	return i
}

// innerHeader looks for a second header at the beginning of a line after the first: Celery's "[time: LEVEL/Process]", or
// syslog's "<n>1 " or "<n>Mmm ".
func innerHeader(b []byte) bool {
	for {
		i := lineBreak(b)
		if i < 0 {
			return false
		}
		b = b[i+1:]
		if len(b) > 8 && (b[0] == '[' && celeryHeader(b) || b[0] == '<' && syslogHeader(b)) {
			return true
		}
	}
}

// escapedHeader looks for a second header behind a line break that a transport has escaped, or that was written so that one
// would undo it.
func escapedHeader(b []byte, first byte, escape string) bool {
	for {
		i := bytes.IndexByte(b, first)
		if i < 0 {
			return false
		}
		b = b[i:]
		if !bytes.HasPrefix(b, []byte(escape)) {
			b = b[1:]
			continue
		}
		b = b[len(escape):]
		if len(b) > 8 && (b[0] == '[' && celeryHeader(b) || b[0] == '<' && syslogHeader(b)) {
			return true
		}
	}
}

func lineBreak(b []byte) int {
	for i, c := range b {
		if c == '\n' || c == '\r' {
			return i
		}
	}
	return -1
}

func celeryHeader(b []byte) bool {
	_, _, n := clock(b[1:])
	return n > 0 && n+3 < len(b) && b[n+1] == ':'
}

func syslogHeader(b []byte) bool {
	i := 1
	for i < 5 && i < len(b) && nameClass[b[i]]&inDigit != 0 {
		i++
	}
	if i == 1 || i >= len(b) || b[i] != '>' {
		return false
	}
	rest := b[i+1:]
	return len(rest) > 3 && (rest[0] >= '1' && rest[0] <= '9' && (rest[1] == ' ' || rest[2] == ' ') || rest[0] >= 'A' && rest[0] <= 'Z' && rest[3] == ' ')
}
