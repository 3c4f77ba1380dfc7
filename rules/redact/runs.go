package redact

import (
	"encoding/base64"
	"encoding/hex"
	"unicode/utf8"

	"destring/rules/repr"
)

// Byte kinds of the second pass.
const (
	kindToken uint8 = 1 << iota // of a run that may be an encoding: letters, digits, + / _ -
	kindDigit
	kindEscape // may begin an escape: % \ &
)

var byteKind = func() (t [256]uint8) {
	for i := range 256 {
		b := byte(i)
		if isB64(b) {
			t[i] |= kindToken
		}
		if isDigit(b) {
			t[i] |= kindDigit
		}
		if b == '%' || b == '\\' || b == '&' {
			t[i] |= kindEscape
		}
	}
	return t
}()

const minEncoded = 16

// runs is the second pass: groups of digits, long runs that may be encodings, and whether there
// are escapes to undo.
func (c *scan) runs() {
	t := c.text
	c.s.charge(len(t))
	c.markEnd = 0
	start := -1 // of the run of tokens in hand
	prevDigit := false
	for i := 0; i < len(t); i++ {
		k := byteKind[t[i]]
		if k&kindToken != 0 {
			if start < 0 {
				start = i
			}
			if k&kindDigit == 0 {
				prevDigit = false
				continue
			}
			if !prevDigit && i >= c.numberDone {
				c.number(i)
				if c.s.work < 0 {
					return
				}
			}
			prevDigit = true
			continue
		}
		prevDigit = false
		if start >= 0 {
			if i-start >= minEncoded {
				c.encoded(start, i)
			}
			start = -1
		}
		if k&kindEscape != 0 {
			c.escape(i)
			if c.s.work < 0 {
				return
			}
		} else if t[i] == '[' {
			if n := c.r.markLen(t[i:]); n > 0 {
				i += n - 1
			}
		}
	}
	if start >= 0 && len(t)-start >= minEncoded {
		c.encoded(start, len(t))
	}
}

// escape looks at what may be an escape at i: whether it is one, and whether a pickle starts with it.
func (c *scan) escape(i int) {
	if !c.escapes {
		_, n := escapeAt(c.text[i:])
		c.escapes = n > 0
	}
	if c.text[i] == '\\' && i >= c.pickleDone {
		if n, ok := pickleHead(c.text, i); ok {
			c.pickleDone = c.pickled(i, n)
		}
	}
}

// encoded looks into a run that may be hexadecimal or base64 of text.
func (c *scan) encoded(lo, hi int) {
	if c.depth+2 >= maxDepth || c.v.depth+3 >= len(c.s.decoded) {
		return
	}
	t := c.text
	if t[lo] == 'x' && lo > 0 && t[lo-1] == '\\' { // a bytea of PostgreSQL
		lo++
	} else if t[lo] == '0' && t[lo+1]|0x20 == 'x' { // a varbinary of SQL Server
		lo += 2
	}
	if hi-lo < minEncoded {
		return
	}
	var head [12]byte
	n := len(t[lo:hi])
	if hexRun(t[lo:hi]) && n >= 20 && n%2 == 0 {
		_, err := hex.Decode(head[:], t[lo:lo+20])
		if err == nil && repr.IsPickle(head[:10]) {
			c.pickledRun(lo, hi, nil)
			return
		}
		if err == nil && printable(head[:10]) {
			buf := c.s.decodeBuffer(c.v.depth, n/2)
			if m, err := hex.Decode(buf, t[lo:hi]); err == nil && printable(buf[:m]) {
				c.inside(buf[:m], lo, hi)
			}
		}
		return
	}
	url := false
	for _, b := range t[lo:hi] {
		if b == '-' || b == '_' {
			url = true
			break
		}
	}
	enc := base64.RawStdEncoding
	if url {
		enc = base64.RawURLEncoding
	}
	// A path or a name may stand right before the run ("body=/x/dXNlcjo…"): try from each "/" on once.
	m, err := enc.Decode(head[:], t[lo:lo+16])
	if err == nil && repr.IsPickle(head[:m]) {
		if c.pickledRun(lo, hi, enc) {
			return
		}
	}
	if err != nil || !printable(head[:m]) {
		return
	}
	buf := c.s.decodeBuffer(c.v.depth, enc.DecodedLen(n))
	m, err = enc.Decode(buf, t[lo:lo+n&^3])
	if err != nil || !printable(buf[:m]) {
		return
	}
	if rest := n & 3; rest > 1 {
		if k, err := enc.Decode(buf[m:], t[lo+n&^3:hi]); err == nil {
			m += k
		}
	}
	for hi < len(t) && t[hi] == '=' && n&3 != 0 {
		hi++
		n++
	}
	c.inside(buf[:m], lo, hi)
}

// inside scans what [lo,hi) decodes to; a secret in it hides the whole run.
func (c *scan) inside(plain []byte, lo, hi int) {
	a, b := c.v.origin(lo, hi)
	c.s.charge(2 * len(plain))
	before := len(c.s.spans)
	c.nested(view{text: plain, whole: true, lo: a, hi: b, depth: c.v.depth + 2})
	if len(c.s.spans) == before && userPassword(plain) {
		c.s.spans = append(c.s.spans, span{start: a, end: b, det: detBasic, layer: Encoding, rule: "user-password", noPrint: true})
	}
}

// userPassword reports whether b is "user:password".
func userPassword(b []byte) bool {
	if len(b) > 128 || !plainASCII(b) {
		return false
	}
	u := run(b, 0, func(x byte) bool { return isAlnum(x) || x == '.' || x == '_' || x == '-' || x == '@' })
	if u < 2 || u > 64 || u >= len(b)-4 || b[u] != ':' || !hasLetter(b[:u]) {
		return false
	}
	p := b[u+1:]
	return noSpace(p) && !allDigits(p) && p[0] != '/' && mixed(p) && !placeholder(p)
}

func (s *Scratch) decodeBuffer(depth, n int) []byte {
	if cap(s.decoded[depth]) < n+4 {
		s.decoded[depth] = make([]byte, n+4)
	}
	return s.decoded[depth][:n+4]
}

func hexRun(b []byte) bool {
	for _, x := range b {
		if hexDigit[x] > 15 {
			return false
		}
	}
	return true
}

// printable reports whether b is text.
func printable(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for i := 0; i < len(b); {
		x := b[i]
		if x < utf8.RuneSelf {
			if x < ' ' && x != '\n' && x != '\r' && x != '\t' || x == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && len(b)-i >= utf8.UTFMax {
			return false
		}
		i += n
	}
	return true
}

// tooDeep hides what is still encoded after the last decoding that we do.
func (c *scan) tooDeep() {
	t := c.text
	for i := 0; i < len(t); i++ {
		if byteKind[t[i]]&kindEscape == 0 {
			continue
		}
		if _, n := escapeAt(t[i:]); n == 0 {
			continue
		}
		lo, hi := i, i
		for lo > 0 && t[lo-1] > ' ' && !isQuote(t[lo-1]) && i-lo < 512 {
			lo--
		}
		for hi < len(t) && t[hi] > ' ' && !isQuote(t[hi]) {
			hi++
		}
		c.emit(span{det: detTooDeep, layer: Encoding, rule: "depth", noPrint: true}, lo, hi)
		c.s.charge(hi - lo)
		i = hi
	}
}
