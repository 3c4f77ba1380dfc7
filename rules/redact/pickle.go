package redact

import (
	"encoding/base64"
	"encoding/hex"

	"destring/rules/repr"
)

// Pickles: message bodies of Celery's pickle serializer, as the repr of bytes, as base64, and as hexadecimal.
// The strings of one are written out as pairs of key and value, and those are scanned like any text. From where a pickle
// cannot be read it is hidden: what it holds nobody can tell.

// pickleMemory is what looking into one pickle needs.
type pickleMemory struct {
	raw, pairs viewBuffer
	walk       repr.Pickle
}

// pickled looks into the pickle whose repr starts at i, and returns where it ends.
func (c *scan) pickled(i, slashes int) int {
	hi := c.pickleEnd(i)
	c.s.charge(3 * (hi - i))
	if c.depth+2 >= maxDepth {
		c.emit(span{det: detTooDeep, layer: Encoding, rule: "depth", noPrint: true}, i, hi)
		return hi
	}
	raw := &c.s.pickles[c.depth].raw
	raw.reset()
	c.unpickle(raw, i, hi, slashes)
	read, whole := c.pickleStrings(raw)
	if whole || read >= len(raw.text) {
		return hi
	}
	for lo := i; lo < hi; lo++ { // the place in the view of what was not read
		if at, _ := c.v.origin(lo, lo); uint32(at) >= raw.off[read] {
			i = lo
			break
		}
	}
	c.emit(span{det: detPickle, layer: Encoding, rule: "unreadable", noPrint: true}, i, i+len(trimDots(c.text[i:hi])))
	return hi
}

// pickleHead returns how many backslashes stand before each escape of the pickle's repr that starts at i, and whether one
// does: \x80\x04, \\x80\\x04, \u0080\u0004.
func pickleHead(t []byte, i int) (int, bool) {
	n := slashRun(t[:min(len(t), i+34)], i)
	b := t[i+n:]
	if len(b) < 4+n || n == 0 || n > 32 {
		return 0, false
	}
	width := 0
	switch {
	case hasPrefixFold(b, "x80"):
		width = 3
	case hasPrefixFold(b, "u0080"):
		width = 5
	default:
		return 0, false
	}
	b = b[width:]
	if slashRun(b, 0) != n || len(b) < n+width {
		return 0, false
	}
	v, ok := hexValue(b[n+1 : n+width])
	return n, ok && b[n]|0x20 == t[i+n]|0x20 && v >= 2 && v <= 5
}

// pickleEnd finds the quote that closes the repr of bytes at i.
func (c *scan) pickleEnd(i int) int {
	t := c.text
	if i == 0 || !isQuote(t[i-1]) {
		hi := i
		for hi < len(t) && !isQuote(t[hi]) && !isSpace(t[hi]) {
			hi++
		}
		return hi
	}
	q, depth := t[i-1], slashesBefore(t, i-1)
	for p := i; p < len(t); p++ {
		if t[p] == q && slashesBefore(t, p) <= depth {
			return p - slashesBefore(t, p)
		}
		if t[p] == '\\' {
			n := slashRun(t, p)
			if p += n; p < len(t) && t[p] == q && n <= depth {
				return p - n
			}
		}
	}
	return len(t)
}

// unpickle appends the bytes that the repr at [lo,hi) stands for to dst, each with its place in the line. One of our own marks stands for as many
// bytes as the length before it says, so that a pickle is read in the same way once its secrets are gone.
func (c *scan) unpickle(dst *viewBuffer, lo, hi, slashes int) {
	t := c.text[:hi]
	for i := lo; i < hi; {
		b, n := t[i], 1
		switch {
		case b == '[' && c.r.markLen(t[i:]) > 0:
			n = c.r.markLen(t[i:])
			at, _ := c.v.origin(i, i)
			length := markedLength(dst.text, n)
			if len(dst.text)+length > 8*(hi-lo)+1024 {
				length = n // a length that no secret of this line had
			}
			c.s.charge(length)
			for range length {
				dst.text, dst.off = append(dst.text, '*'), append(dst.off, uint32(at))
			}
			i += n
			continue
		case b == '\\':
			b, n = unslash(t[i:], slashes)
		}
		at, _ := c.v.origin(i, i)
		dst.text, dst.off = append(dst.text, b), append(dst.off, uint32(at))
		i += n
	}
	_, end := c.v.origin(hi, hi)
	dst.off = append(dst.off, uint32(end))
}

// markedLength returns the length that the end of a pickle gives to the string that comes next, n when it gives none.
func markedLength(b []byte, n int) int {
	if k := len(b); k >= 5 && (b[k-5] == 'X' || b[k-5] == 'B' || b[k-5] == 'T') && b[k-1] == 0 && b[k-2] == 0 {
		return int(b[k-4]) | int(b[k-3])<<8
	} else if k >= 2 && (b[k-2] == 0x8c || b[k-2] == 'U' || b[k-2] == 'C') {
		return int(b[k-1])
	}
	return n
}

// unslash reads one escape of a repr whose escapes have so many backslashes.
func unslash(t []byte, slashes int) (byte, int) {
	n := slashRun(t, 0)
	if n >= 2*slashes || n >= len(t) {
		return '\\', min(2*slashes, len(t))
	}
	switch t[n] {
	case 'x':
		if v, ok := hexValue(t[n+1 : min(len(t), n+3)]); ok && len(t) >= n+3 {
			return byte(v), n + 3
		}
	case 'u':
		if v, ok := hexValue(t[n+1 : min(len(t), n+5)]); ok && len(t) >= n+5 {
			return byte(v), n + 5
		}
	case 'n':
		return '\n', n + 1
	case 'r':
		return '\r', n + 1
	case 't':
		return '\t', n + 1
	case 'b':
		return '\b', n + 1
	case 'f':
		return '\f', n + 1
	}
	if isQuote(t[n]) {
		return t[n], n + 1
	}
	return '\\', n
}

// pickleStrings scans the strings of the pickle in raw as pairs of key and value. It returns how far the pickle could be
// read, and whether that is all of it. What is found in a string hides all of the string, so that the length before
// it tells where it ended.
func (c *scan) pickleStrings(raw *viewBuffer) (int, bool) {
	m := &c.s.pickles[c.depth]
	out := &m.pairs
	out.reset()
	var t repr.Token
	p := &m.walk
	p.Reset(raw.text)
	first := len(c.s.strings)
	for p.Next(&t) && len(out.text) < 4*len(raw.text)+64 {
		if !t.Key.Empty() {
			out.literal(raw, t.Key, ": ")
		}
		out.literal(raw, t.Text, ", ")
		if !c.v.whole {
			c.s.strings = append(c.s.strings, element{int(raw.off[t.Text.Start]), int(raw.off[t.Text.End])})
		}
	}
	out.off = append(out.off, raw.off[len(raw.text)])
	c.s.charge(2 * len(out.text))
	before := len(c.s.spans)
	c.nested(view{text: out.text, off: out.off, whole: c.v.whole, lo: c.v.lo, hi: c.v.hi, depth: c.depth + 2})
	widenStrings(c.s.spans[before:], c.s.strings[first:])
	return p.Pos(), p.Whole()
}

// literal appends the string at sp of raw as a literal of Python, and what follows it.
func (dst *viewBuffer) literal(raw *viewBuffer, sp repr.Span, after string) {
	put := func(b byte, at uint32) { dst.text, dst.off = append(dst.text, b), append(dst.off, at) }
	b, q := raw.text[sp.Start:sp.End], byte('\'')
	if hasByte(b, q) {
		q = '"'
	}
	put(q, raw.off[sp.Start])
	for i, x := range b {
		if x == q {
			put('\\', raw.off[sp.Start+i])
		}
		put(x, raw.off[sp.Start+i])
	}
	put(q, raw.off[sp.End])
	for i := range len(after) {
		put(after[i], raw.off[sp.End])
	}
}

// widenStrings brings each span that begins in one of strings to all of it. Both are in the order of the walk, more or less: a
// string that a pickle refers back to comes again.
func widenStrings(spans []span, strings []element) {
	for i := range spans {
		sp := &spans[i]
		for _, e := range strings {
			if sp.start < e.hi && sp.end > e.lo {
				sp.start, sp.end = min(sp.start, e.lo), max(sp.end, e.hi)
			}
		}
	}
}

// nested scans what the text in hand holds in another writing.
func (c *scan) nested(v view) {
	in := &c.s.insides[c.depth]
	*in = v
	if plainASCII(in.text) {
		c.r.scanView(c.s, in)
		return
	}
	in.depth--
	c.r.scanView(c.s, c.s.buffer(in.depth).fold(in))
}

// pickledRun looks into the run at [lo,hi) of base64 or hexadecimal whose head says that it is a pickle. It reports whether that is so.
func (c *scan) pickledRun(lo, hi int, enc *base64.Encoding) bool {
	raw := &c.s.pickles[c.depth].raw
	raw.reset()
	end := hi
	if enc == nil {
		raw.text = hexBytes(raw.text, c.text[lo:hi])
	} else {
		end = c.wrappedRun(lo, hi)
		raw.text = base64Bytes(raw.text, c.text[lo:end], enc)
	}
	c.s.charge(3 * (end - lo))
	a, b := c.v.origin(lo, end)
	for range len(raw.text) + 1 {
		raw.off = append(raw.off, uint32(a))
	}
	whole := *c.v
	whole.whole, whole.lo, whole.hi = true, a, b
	inner := scan{r: c.r, s: c.s, v: &whole, text: c.text, depth: c.depth}
	if _, read := inner.pickleStrings(raw); read {
		return true
	}
	if enc == nil || !pickleOpens(raw.text) {
		return false // a hash begins like this, once in 16,384
	}
	c.emit(span{det: detPickle, layer: Encoding, rule: "unreadable", noPrint: true}, lo, end)
	return true
}

// pickleOpens reports whether b goes on behind its first two bytes as pickles do: with a frame, or with what it is that was pickled.
func pickleOpens(b []byte) bool {
	if len(b) < 12 {
		return false
	}
	switch b[2] {
	case 0x95:
		return b[8] == 0 && b[9] == 0 && b[10] == 0
	case '}', ']', '(', 'c', 'X', 'N', ')':
		return true
	}
	return false
}

// wrappedRun returns where base64 that was written in lines ends.
func (c *scan) wrappedRun(lo, hi int) int {
	for hi-lo >= 56 {
		n := lineBreak(c.text[hi:min(len(c.text), hi+16)])
		if n == 0 {
			break
		}
		e := run(c.text, hi+n, isB64)
		if e == hi+n {
			break
		}
		hi = e
	}
	for hi < len(c.text) && c.text[hi] == '=' {
		hi++
	}
	return hi
}

func hexBytes(dst, src []byte) []byte {
	dst, _ = hex.AppendDecode(dst, src)
	return dst
}

// base64Bytes appends what the lines of base64 in src say, as far as they can be read.
func base64Bytes(dst, src []byte, enc *base64.Encoding) []byte {
	var four [4]byte
	n := 0
	for i := 0; i < len(src); i++ {
		if src[i] == '=' {
			break
		}
		if k := lineBreak(src[i:min(len(src), i+16)]); k > 0 {
			i += k - 1
			continue
		}
		four[n] = src[i]
		if n++; n == 4 {
			var err error
			if dst, err = enc.AppendDecode(dst, four[:]); err != nil {
				return dst
			}
			n = 0
		}
	}
	if n > 1 {
		dst, _ = enc.AppendDecode(dst, four[:n])
	}
	return dst
}
