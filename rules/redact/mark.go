package redact

import "encoding/hex"

// A mark is [REDACTED:<detector>] or [REDACTED:<detector>:<16 hex digits>]. It holds no
// quote, backslash or space, so it can stand inside any string of any nesting.
const (
	markOpen     = "[REDACTED:"
	markWord     = "REDACTED"
	foreignWord  = "SENDER-REDACTED" // what markWord of a foreign mark becomes
	maxMarkName  = 64
	fingerprintN = 8
)

// markEnd returns the length of the mark of our own form that b starts with, or 0.
func (r *Redactor) markLen(b []byte) int {
	if len(b) < len(markOpen)+2 || string(b[:len(markOpen)]) != markOpen {
		return 0
	}
	i := len(markOpen)
	for i < len(b) && i < len(markOpen)+maxMarkName && b[i] != ']' && b[i] != ':' {
		i++
	}
	if i >= len(b) {
		return 0
	}
	if _, known := r.byName[string(b[len(markOpen):i])]; !known {
		return 0
	}
	if b[i] == ']' {
		return i + 1
	}
	end := i + 1 + 2*fingerprintN
	if b[i] != ':' || end >= len(b) || b[end] != ']' {
		return 0
	}
	for _, c := range b[i+1 : end] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return 0
		}
	}
	return end + 1
}

// appendMark appends the mark of f.
func appendMark(dst []byte, detector string, fp *[fingerprintN]byte) []byte {
	dst = append(dst, markOpen...)
	dst = append(dst, detector...)
	if fp != nil {
		dst = append(dst, ':')
		dst = hex.AppendEncode(dst, fp[:])
	}
	return append(dst, ']')
}
