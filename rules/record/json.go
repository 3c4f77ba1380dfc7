package record

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain marks the ASCII bytes that stand for themselves inside a JSON string.
var plain = func() (p [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		p[c] = c != '"' && c != '\\'
	}
	return p
}()

// AppendString appends s as a JSON string. The result is ASCII-safe where it matters:
// control characters (C0, DEL, C1), line separators, bidirectional overrides and
// zero-width characters are written as \u escapes, so that a record printed raw on a
// terminal cannot move the cursor or show its text in another order. Bytes that are
// no UTF-8 become U+FFFD.
func AppendString(dst []byte, s []byte) []byte {
	dst = append(dst, '"')
	dst = AppendEscaped(dst, s)
	return append(dst, '"')
}

// AppendEscaped is AppendString without the quotes, for a string that comes in pieces
// cut at rune borders.
func AppendEscaped(dst []byte, s []byte) []byte {
	start := 0
	for i := 0; i < len(s); {
		for i+8 <= len(s) && plain8(binary.LittleEndian.Uint64(s[i:])) {
			i += 8
		}
		if i == len(s) {
			break
		}
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(s[i:])
			if (r != utf8.RuneError || size > 1) && !hidden(r) {
				i += size
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendUnicode(dst, r)
			i += size
			start = i
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendASCII(dst, c)
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

// plain8 reports whether all eight bytes of w stand for themselves: from 0x20 to 0x7e,
// no quote, no backslash. It may say no where the answer is yes, never the other way (the
// borrow of a lower byte can spill over), which costs a slower step and nothing else.
func plain8(w uint64) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^ones*'"', w^ones*'\\'
	return (w|(w-ones*0x20)|(w+ones)|(quote-ones)|(slash-ones))&highs == 0
}

func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

func appendUnicode(dst []byte, r rune) []byte {
	if r > 0xffff { // tag characters: a surrogate pair
		r -= 0x10000
		dst = appendUnicode(dst, 0xd800+r>>10)
		return appendUnicode(dst, 0xdc00+r&0x3ff)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// hidden reports whether a terminal or page may show r as nothing or reorder the text
// by it: C1 controls, the characters of Unicode TR 9 and TR 36 §2.
func hidden(r rune) bool {
	switch {
	case r >= 0x80 && r < 0xa0, r == 0xad, r == 0x61c, r == 0x180e, r == 0xfeff:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r >= 0xfff9 && r <= 0xfffb:
		return true
	case r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// AppendFloat appends f as JSON has it; infinities and NaN, which it has not, become null.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, "null"...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

// AppendTime appends ns (nanoseconds since 1970) as a JSON string: RFC 3339 in UTC with as
// many fraction digits, in threes, as it needs and at least three.
func AppendTime(dst []byte, ns int64) []byte {
	dst = append(dst, '"')
	dst = appendRFC3339(dst, ns)
	return append(dst, '"')
}

// appendRFC3339 is several times faster than time.Time.AppendFormat: the calendar
// is worked out by Howard Hinnant's days-from-civil in reverse.
func appendRFC3339(dst []byte, ns int64) []byte {
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	days, rest := sec/86400, sec%86400
	if rest < 0 {
		days, rest = days-1, rest+86400
	}
	year, month, day := civil(days)
	dst = appendDigits(dst, year, 4)
	dst = appendDigits(append(dst, '-'), month, 2)
	dst = appendDigits(append(dst, '-'), day, 2)
	dst = appendDigits(append(dst, 'T'), rest/3600, 2)
	dst = appendDigits(append(dst, ':'), rest/60%60, 2)
	dst = appendDigits(append(dst, ':'), rest%60, 2)
	dst = append(dst, '.')
	switch {
	case frac%1e6 == 0:
		dst = appendDigits(dst, frac/1e6, 3)
	case frac%1e3 == 0:
		dst = appendDigits(dst, frac/1e3, 6)
	default:
		dst = appendDigits(dst, frac, 9)
	}
	return append(dst, 'Z')
}

func civil(days int64) (year, month, day int64) {
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	month = mp + 3
	year = yoe + era*400
	if month > 12 {
		month, year = month-12, year+1
	}
	return year, month, day
}

func appendDigits(dst []byte, v int64, width int) []byte {
	for i := width - 1; i >= 0; i-- {
		p := int64(1)
		for range i {
			p *= 10
		}
		dst = append(dst, byte('0'+v/p%10))
	}
	return dst
}
