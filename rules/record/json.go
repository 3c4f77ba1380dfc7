package record

import (
	"encoding/binary"
	"math"
	"math/bits"
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
	for i := 0; ; {
		i += plainRun(s[i:])
		if i == len(s) {
			return append(dst, s[start:]...)
		}
		c, size := s[i], 1
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRune(s[i:])
			if (r != utf8.RuneError || size > 1) && !unseen(r) {
				i += size
				continue
			}
			dst = appendUnicode(append(dst, s[start:i]...), r)
		} else {
			dst = appendASCII(append(dst, s[start:i]...), c)
		}
		i += size
		start = i
	}
}

// plainRun returns how many bytes at the start of s stand for themselves: from 0x20 to 0x7e, no quote, no
// backslash. It looks at eight bytes at a time.
func plainRun(s []byte) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if odd := special8(binary.LittleEndian.Uint64(s[i:])); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i < len(s) && plain[s[i]]; i++ {
	}
	return i
}

// special8 sets the high bit of bytes of w that do not stand for themselves. Those above the lowest
// such byte may be set wrongly, for the borrow of a lower byte spills over; the lowest
// is always right.
func special8(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^ones*'"', w^ones*'\\'
	return (w | (w - ones*0x20) | (w + ones) | (quote - ones) | (slash - ones)) & highs
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

// unseen reports whether a terminal or page may show r as nothing or reorder the text
// by it: C1 controls, the characters of Unicode TR 9 and TR 36 §2.
func unseen(r rune) bool {
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
	second := uint32(rest)
	var b [30]byte // 2026-11-25T00:08:12.807000000Z
	put2(b[0:], uint32(year)/100)
	put2(b[2:], uint32(year)%100)
	b[4] = '-'
	put2(b[5:], uint32(month))
	b[7] = '-'
	put2(b[8:], uint32(day))
	b[10] = 'T'
	put2(b[11:], second/3600)
	b[13] = ':'
	put2(b[14:], second/60%60)
	b[16] = ':'
	put2(b[17:], second%60)
	b[19] = '.'
	f := uint32(frac)
	put3(b[20:], f/1e6)
	n := 23
	if f%1e6 != 0 {
		put3(b[23:], f/1e3%1e3)
		n = 26
		if f%1e3 != 0 {
			put3(b[26:], f%1e3)
			n = 29
		}
	}
	b[n] = 'Z'
	return append(dst, b[:n+1]...)
}

// put2 and put3 write two and three digits. The range of nanoseconds ends in the year 2262, so a
// year always has four.
func put2(b []byte, v uint32) { b[0], b[1] = byte('0'+v/10), byte('0'+v%10) }

func put3(b []byte, v uint32) { b[0], b[1], b[2] = byte('0'+v/100), byte('0'+v/10%10), byte('0'+v%10) }

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
