package repr

import (
	"unicode/utf16"
	"unicode/utf8"
)

// AppendText appends the text of a String token with its escapes undone: Python's and
// JSON's are one set here. Other tokens are appended as they stand. What is no escape
// stays as written, as Python reads it.
func AppendText(dst, src []byte, t *Token) []byte {
	s := t.Text.Of(src)
	if !t.Escaped {
		return append(dst, s...)
	}
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			i++
			continue
		}
		var n int
		dst, n = appendEscape(dst, s[i:], t.Bytes)
		i += n
	}
	return dst
}

var oneByte = [256]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v', 'a': '\a', '\\': '\\', '\'': '\'', '"': '"', '/': '/'}

// appendEscape appends what the escape at the beginning of s means and returns its length.
func appendEscape(dst, s []byte, bytes bool) ([]byte, int) {
	if len(s) < 2 {
		return append(dst, s...), len(s)
	}
	c := s[1]
	if oneByte[c] != 0 {
		return append(dst, oneByte[c]), 2
	}
	switch {
	case c == '\n': // a line continued
		return dst, 2
	case c >= '0' && c <= '7':
		v, n := 0, 1
		for n < 4 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			v = v<<3 | int(s[n]-'0')
			n++
		}
		return appendUnit(dst, v, bytes), n
	case c == 'x':
		if v, ok := hex(s, 2, 2); ok {
			return appendUnit(dst, v, bytes), 4
		}
	case c == 'u' && !bytes:
		if v, ok := hex(s, 2, 4); ok {
			return appendUTF16(dst, s, v)
		}
	case c == 'U' && !bytes:
		if v, ok := hex(s, 2, 8); ok {
			return utf8.AppendRune(dst, rune(min(v, utf8.MaxRune+1))), 10
		}
	}
	return append(dst, s[:2]...), 2
}

// appendUnit appends the character v of a str, or the byte v of a bytes literal.
func appendUnit(dst []byte, v int, bytes bool) []byte {
	if bytes {
		return append(dst, byte(v))
	}
	return utf8.AppendRune(dst, rune(v))
}

// appendUTF16 joins the two halves of a pair, as JSON writes what lies outside of the BMP.
func appendUTF16(dst, s []byte, v int) ([]byte, int) {
	if utf16.IsSurrogate(rune(v)) && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if low, ok := hex(s, 8, 4); ok {
			if r := utf16.DecodeRune(rune(v), rune(low)); r != utf8.RuneError {
				return utf8.AppendRune(dst, r), 12
			}
		}
	}
	return utf8.AppendRune(dst, rune(v)), 6
}

func hex(s []byte, from, n int) (v int, ok bool) {
	if len(s) < from+n {
		return 0, false
	}
	for _, c := range s[from : from+n] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | int(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
