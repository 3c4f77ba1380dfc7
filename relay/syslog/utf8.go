package syslog

import "unicode/utf8"

// repair returns frame as valid UTF-8 in p's own buffer: every maximal ill-formed part becomes one
// U+FFFD, as Unicode §3.9 recommends and Python and browsers do.
func (p *Parser) repair(frame []byte) []byte {
	out := p.repaired[:0]
	from := 0 // of what is valid and not yet copied
	for i := 0; i < len(frame); {
		if frame[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(frame[i:])
		if r == utf8.RuneError && n == 1 {
			n = illFormed(frame[i:])
			out = append(append(out, frame[from:i]...), "\uFFFD"...)
			from = i + n
		}
		i += n
	}
	p.repaired = append(out, frame[from:]...)
	return p.repaired
}

// illFormed returns the length of the maximal ill-formed part that b begins with: the longest beginning
// of some character, or one byte.
func illFormed(b []byte) int {
	lo, hi, need := byte(0x80), byte(0xBF), 0
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c == 0xE0:
		need, lo = 2, 0xA0
	case c == 0xED:
		need, hi = 2, 0x9F
	case c >= 0xE1 && c <= 0xEF:
		need = 2
	case c == 0xF0:
		need, lo = 3, 0x90
	case c == 0xF4:
		need, hi = 3, 0x8F
	case c >= 0xF1 && c <= 0xF3:
		need = 3
	}
	n := 1
	for n <= need && n < len(b) && lo <= b[n] && b[n] <= hi {
		lo, hi = 0x80, 0xBF
		n++
	}
	return n
}
