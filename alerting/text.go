package alerting

import (
	"strings"
	"unicode/utf8"
)

// Cut returns s cut to at most n bytes at a rune border, an ellipsis in place of the rest.
// Bytes that are no UTF-8 become U+FFFD.
func Cut(s string, n int) string {
	const ellipsis = "…"
	s = strings.ToValidUTF8(s[:min(len(s), n+utf8.UTFMax)], "\ufffd")
	if len(s) <= n {
		return s
	}
	end := max(n-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// Visible returns s with everything that a screen would hide, act on or order otherwise
// written as \u escapes: C0 and C1 controls (but not line feed and tab), bidirectional
// overrides and isolates, zero-width and tag characters (Unicode TR 36 §2).
func Visible(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x10000:
			b.WriteString(`\u` + hex4(uint32(r)))
		default:
			b.WriteString(`\U` + hex4(uint32(r)>>16) + hex4(uint32(r)&0xffff))
		}
	}
	return b.String()
}

func hex4(v uint32) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[v>>12&15], digits[v>>8&15], digits[v>>4&15], digits[v&15]})
}

func hidden(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xad, r == 0x34f, r == 0x61c, r == 0x180e, r == 0xfeff, r == 0x3164:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r >= 0xfff9 && r <= 0xfffb:
		return true
	}
	return r >= 0xe0000 && r <= 0xe0fff
}
