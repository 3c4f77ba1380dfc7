package redact

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// view is a text to scan: the line itself or what it reads as once folded or decoded.
type view struct {
	text []byte
	off  []uint32 // off[i] is where text[i] comes from in the line; nil: text is the line
	// whole views came out of one encoded run (base64, hex): whatever is found hides all of it.
	whole  bool
	lo, hi int
	depth  int
}

// origin maps a range of the view to the line.
func (v *view) origin(lo, hi int) (int, int) {
	switch {
	case v.whole:
		return v.lo, v.hi
	case v.off == nil:
		return lo, hi
	}
	return int(v.off[lo]), int(v.off[hi])
}

// plainASCII reports whether b has no byte above 127.
func plainASCII(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold fills dst with the folded form of src.
func (dst *viewBuffer) fold(src *view) *view {
	dst.reset()
	for i := 0; i < len(src.text); {
		r, n := rune(src.text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(src.text[i:])
		}
		lo, _ := src.origin(i, i+n)
		before := len(dst.text)
		if r == utf8.RuneError && n == 1 {
			dst.text = append(dst.text, src.text[i])
		} else {
			dst.text = foldRune(dst.text, r)
		}
		for range len(dst.text) - before {
			dst.off = append(dst.off, uint32(lo))
		}
		i += n
	}
	return dst.view(src)
}

// viewBuffer is the memory of one view, used again for each line.
type viewBuffer struct {
	text []byte
	off  []uint32
	made view
}

func (dst *viewBuffer) reset() { dst.text, dst.off = dst.text[:0], dst.off[:0] }

// view closes the buffer: its end is the end of src.
func (dst *viewBuffer) view(src *view) *view {
	_, end := src.origin(len(src.text), len(src.text))
	dst.off = append(dst.off, uint32(end))
	dst.made = view{text: dst.text, off: dst.off, whole: src.whole, lo: src.lo, hi: src.hi, depth: src.depth + 1}
	return &dst.made
}

// decode fills dst with src, its percent, \x, \u and HTML escapes undone. It reports whether there were any.
func (dst *viewBuffer) decode(src *view) (*view, bool) {
	dst.reset()
	found := false
	text := src.text
	word, plus := 0, false // where the word in hand ends, and whether "+" is a blank in it
	for i := 0; i < len(text); {
		if i >= word {
			word, plus = formWord(text, i)
		}
		c, n := escapeAt(text[i:])
		if n == 0 {
			lo, _ := src.origin(i, i)
			b := text[i]
			if plus && b == '+' {
				b = ' '
			}
			dst.text = append(dst.text, b)
			dst.off = append(dst.off, uint32(lo))
			i++
			continue
		}
		found = true
		lo, _ := src.origin(i, i)
		before := len(dst.text)
		if text[i] == '\\' {
			// Of a run of backslashes the last power of two belongs to the escape, at its depth; each other
			// one is a backslash of the text.
			for range bits.OnesCount(uint(slashRun(text, i))) - 1 {
				dst.text = append(dst.text, '\\')
			}
		}
		dst.text = appendEscaped(dst.text, c)
		for range len(dst.text) - before {
			dst.off = append(dst.off, uint32(lo))
		}
		i += n
	}
	return dst.view(src), found
}

// formWord returns where the word at i ends and whether it has percent escapes: then it is of a
// form or query, where "+" stands for a blank.
func formWord(text []byte, i int) (int, bool) {
	form := false
	for ; i < len(text) && text[i] > ' '; i++ {
		if text[i] == '%' && !form {
			_, n := escapeAt(text[i:])
			form = n > 0
		}
	}
	return i + 1, form
}

// appendEscaped appends one decoded character. Bytes of percent-encoded UTF-8 come one by one.
func appendEscaped(dst []byte, c rune) []byte {
	if c < 0 {
		return append(dst, byte(-c))
	}
	return utf8.AppendRune(dst, c)
}

// escapeAt reads one escape at the start of b: its character (a raw byte above 127 as its
// negative) and its length, 0 when there is none.
func escapeAt(b []byte) (rune, int) {
	switch b[0] {
	case '%':
		if len(b) >= 3 {
			if v, ok := hexValue(b[1:3]); ok {
				return rawByte(v), 3
			}
		}
	case '\\':
		return slashEscape(b)
	case '&':
		return entity(b)
	}
	return 0, 0
}

func rawByte(v rune) rune {
	if v >= utf8.RuneSelf {
		return -v
	}
	return v
}

func slashEscape(b []byte) (rune, int) {
	n := 1
	for n < len(b) && n < 9 && b[n] == '\\' {
		n++
	}
	if n >= len(b) {
		return 0, 0
	}
	digits := 0
	switch b[n] {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		return 0, 0
	}
	n++
	if len(b) < n+digits {
		return 0, 0
	}
	v, ok := hexValue(b[n : n+digits])
	if !ok || v > utf8.MaxRune {
		return 0, 0
	}
	if digits == 2 {
		return rawByte(v), n + digits
	}
	return v, n + digits
}

var entities = map[string]rune{"quot": '"', "apos": '\'', "amp": '&', "lt": '<', "gt": '>', "nbsp": ' ', "colon": ':', "equals": '=', "commat": '@', "sol": '/'}

func entity(b []byte) (rune, int) {
	end := 1
	for end < len(b) && end < 10 && b[end] != ';' {
		end++
	}
	if end >= len(b) || b[end] != ';' || end < 3 {
		return 0, 0
	}
	name := b[1:end]
	if name[0] != '#' {
		if c, ok := entities[string(name)]; ok {
			return c, end + 1
		}
		return 0, 0
	}
	v := rune(0)
	if name[1] == 'x' || name[1] == 'X' {
		h, ok := hexValue(name[2:])
		if !ok {
			return 0, 0
		}
		v = h
	} else {
		for _, c := range name[1:] {
			if c < '0' || c > '9' {
				return 0, 0
			}
			v = v*10 + rune(c-'0')
		}
	}
	if v <= 0 || v > utf8.MaxRune {
		return 0, 0
	}
	return v, end + 1
}

func hexValue(b []byte) (rune, bool) {
	if len(b) == 0 {
		return 0, false
	}
	v := rune(0)
	for _, c := range b {
		d := hexDigit[c]
		if d > 15 {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	return v, v >= 0
}

// hexDigit is the value of a hexadecimal digit, 255 for all other bytes.
var hexDigit = func() (t [256]uint8) {
	for i := range t {
		t[i] = 255
	}
	for i := range 10 {
		t['0'+i] = uint8(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = uint8(10+i), uint8(10+i)
	}
	return t
}()
