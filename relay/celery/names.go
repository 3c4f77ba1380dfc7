package celery

import "unicode/utf8"

// Classes of bytes in names.
const (
	inName  byte = 1 << iota // of an identifier or a dotted path
	inHex                    // of a UUID
	inDigit                  // 0 to 9
)

var nameClass = func() (c [256]byte) {
	for b := byte('a'); b <= 'z'; b++ {
		c[b], c[b-32] = inName, inName
	}
	for b := byte('0'); b <= '9'; b++ {
		c[b] = inName | inHex | inDigit
	}
	for b := byte('a'); b <= 'f'; b++ {
		c[b] |= inHex
		c[b-32] |= inHex
	}
	c['_'], c['.'] = inName, inName
	return c
}()

const uuidLen = 36

// isUUID reports whether b begins with a UUID in its usual form.
func isUUID(b []byte) bool {
	if len(b) < uuidLen || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return false
	}
	for i, c := range b[:uuidLen] {
		if nameClass[c]&inHex == 0 && !(c == '-' && (i == 8 || i == 13 || i == 18 || i == 23)) {
			return false
		}
	}
	return true
}

// plainName reports whether b can be taken for a task's name when a line is cut up: no space, no bracket, no
// control character.
func plainName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == '[' || c == ']' || c == '(' || c == ')' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0
}

// isIdentifierPath reports whether b is what Celery itself makes of a task: identifiers and dots. Letters of
// every script are allowed, as in Python; "-" too, for names given by hand often have it.
func isIdentifierPath(b []byte) bool {
	for i := 0; i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf {
			if nameClass[c]&inName == 0 && c != '-' {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError || isBidi(r) || r < 0xaa {
			return false
		}
		i += n
	}
	return len(b) > 0
}

// isBidi reports whether r changes the direction of the text after it: what is read is then not what is written
// (CVE-2021-42574).
func isBidi(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}
