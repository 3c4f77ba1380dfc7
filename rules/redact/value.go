package redact

import "unicode/utf8"

// value is what stands behind a name.
type value struct {
	lo, hi  int
	quote   byte // the quotes round it, 0 for a bare one
	slashes int
	cut     bool // the text ends, or is cut by "...", before the value does
}

// maxValue is no limit of its own: what begins under a credential's name and does not end is hidden to the end.
const maxValue = MaxText

// valueAt reads the value at p and hides it when it is a secret under k.
func (c *scan) valueAt(k *keyName, p int, sep separation) bool {
	p = c.skipToValue(p, sep)
	if p >= len(c.text) {
		return false
	}
	if n := c.r.markLen(c.text[p:]); n > 0 {
		return c.afterMark(p+n, k, sep)
	}
	if at := c.lineBelow(p, k, sep); at > 0 {
		if v, ok := c.quotedValue(at); ok {
			return c.judge(k, v, sep)
		}
		return c.judge(k, c.bareValue(at, k, sep), sepProse)
	}
	switch c.text[p] {
	case '{', '[', '(':
		if sep != sepQuery && sep != sepProse {
			if c.container(k, p) || k.strength != strong || c.text[p] == '{' {
				return true
			}
		}
	case '|', '>':
		if v, ok := c.yamlBlock(p); ok {
			return c.judge(k, v, sep)
		}
	}
	if hasPrefixFold(c.text[p:], "string(") { // PHP: string(9) "…"
		if e := run(c.text, p+7, isDigit); e+2 < len(c.text) && c.text[e] == ')' && c.quotedAt(e+2) {
			p = e + 2
		}
	}
	if v, ok := c.quotedValue(p); ok {
		settled := c.judge(k, v, sep)
		if next := c.becomes(v); next > 0 && sep == sepSign {
			if v, ok := c.quotedValue(next); ok {
				c.judge(k, v, sep)
			}
		}
		return settled
	}
	if inner := c.constructor(p); inner > 0 {
		if v, ok := c.quotedValue(inner); ok {
			return c.judge(k, v, sepSign)
		}
	}
	if sep == sepTag {
		return c.judge(k, c.tagValue(p), sep)
	}
	v := c.bareValue(p, k, sep)
	ok := c.judge(k, v, sep)
	if sep == sepProse && hasPrefixFold(c.text[v.hi:], " to ") { // "changed from old to new"
		c.judge(k, c.bareValue(v.hi+4, k, sep), sep)
	}
	return ok
}

// becomes returns where the new value starts in "old" => "new" and "old" -> "new", 0 without one.
func (c *scan) becomes(v value) int {
	i := v.hi + v.slashes + 1
	for i < len(c.text) && c.text[i] == ' ' {
		i++
	}
	if i+3 >= len(c.text) || c.text[i] != '=' && c.text[i] != '-' || c.text[i+1] != '>' {
		return 0
	}
	return run(c.text, i+2, isSpace)
}

// lineBelow returns where the value stands that is alone on the indented line after "password:", or 0.
func (c *scan) lineBelow(p int, k *keyName, sep separation) int {
	t := c.text
	if sep != sepSign || k.strength != strong {
		return 0
	}
	n := lineBreak(t[p:min(len(t), p+16)])
	i := p + n
	for i < len(t) && (t[i] == ' ' || t[i] == '\t') {
		i++
	}
	if n == 0 || i == p+n || i >= len(t) {
		return 0
	}
	if c.quotedAt(i) {
		return i
	}
	e := run(t[:min(len(t), i+256)], i, func(b byte) bool { return b > ' ' && b != '#' && b != '\\' && b != ':' })
	if e < len(t) && t[e] != ' ' && lineBreak(t[e:min(len(t), e+16)]) == 0 || e < len(t) && t[e] == ' ' {
		return 0
	}
	return i
}

// afterMark judges a bare value that begins with a mark of our own: what is glued to it is no less a value.
func (c *scan) afterMark(p int, k *keyName, sep separation) bool {
	v := c.bareValue(p, k, sep)
	if v.hi == v.lo || c.r.detectors[k.noun.detector].Class == Personal || k.strength != strong {
		return true
	}
	return c.judge(k, v, sepProse)
}

func (c *scan) skipToValue(p int, sep separation) int {
	if sep == sepQuery {
		return p
	}
	for n := 0; p < len(c.text) && n < 64; n++ {
		if c.text[p] == ' ' || c.text[p] == '\t' {
			p++
			continue
		}
		if b := c.text[p]; (b == '!' || b == '&') && p+1 < len(c.text) && (c.text[p+1] == '!' || isLetter(c.text[p+1])) { // a tag or an anchor of YAML
			if e := run(c.text, p+1, func(x byte) bool { return isAlnum(x) || x == '!' || x == '_' }); e < len(c.text) && c.text[e] == ' ' && e-p < 24 {
				p = e
				continue
			}
		}
		if b := c.text[p]; b == 0x1b || b == '#' || b == '\\' {
			if w := colour(c.text[p:]); w > 0 {
				p += w
				continue
			}
		}
		break
	}
	return p
}

// quotedValue reads a string literal at p, with its prefix letters, at whatever depth of escapes.
func (c *scan) quotedValue(p int) (value, bool) {
	t := c.text
	i := p
	for i < len(t) && i-p < 2 && (t[i] == 'b' || t[i] == 'u' || t[i] == 'r' || t[i] == 'f' || t[i] == 'B' || t[i] == '$' || t[i] == '@') {
		i++
	}
	n := slashRun(t, i)
	if i+n >= len(t) || !isQuote(t[i+n]) || n > 63 {
		if i == p {
			return value{}, false
		}
		i = p
		if n = slashRun(t, i); i+n >= len(t) || !isQuote(t[i+n]) || n > 63 {
			return value{}, false
		}
	}
	v := value{lo: i + n + 1, quote: t[i+n], slashes: n}
	if hasPrefixFold(t[v.lo:], string([]byte{v.quote, v.quote})) { // '''…''' and """…"""
		if at := indexFold(t[v.lo+2:min(len(t), v.lo+maxValue)], string([]byte{v.quote, v.quote, v.quote})); at >= 0 && n == 0 {
			v.lo += 2
			v.hi = v.lo + at
			return v, true
		}
	}
	v.hi, v.cut = c.closing(v.lo, v.quote, n)
	return v, true
}

// closing finds where the string that starts at lo, with quote q behind n backslashes, ends. The closing
// quote stands behind as many backslashes as the opening one: fewer close an outer string,
// more belong to the value.
func (c *scan) closing(lo int, q byte, n int) (int, bool) {
	t := c.text
	end := min(len(t), lo+maxValue)
	period := n + 1 // escapes of a value at this depth come in runs of 2(n+1)
	i, run := lo, 0
	for ; i < end; i++ {
		b := t[i]
		if b == '\\' {
			run++
			continue
		}
		if b == q {
			rest := run % (2 * period)
			switch {
			case run == n, rest == n && c.endsValue(i+1):
				c.s.charge(i - lo)
				return i - n, false
			case run < n:
				c.s.charge(i - lo)
				return i - run, true
			}
		}
		if b == '\n' && i+1 < end && t[i+1] == '[' && n == 0 && i-lo > 256 {
			break // the next record has begun: the quote was an apostrophe
		}
		run = 0
	}
	c.s.charge(i - lo)
	return c.cutEnd(lo, i), true
}

// cutEnd takes the dots of a shortened repr off the end of a cut value.
func (c *scan) cutEnd(lo, hi int) int {
	for hi > lo && c.text[hi-1] == '.' {
		hi--
	}
	return hi
}

// endsValue reports whether what stands at i can follow a string.
func (c *scan) endsValue(i int) bool {
	for i < len(c.text) && c.text[i] == ' ' {
		i++
	}
	if i >= len(c.text) {
		return true
	}
	switch c.text[i] {
	case ',', '}', ']', ')', ':', ';', '\n', '\r', '\\', '"', '\'', '>', '&', '<', '=', '#', '/', '|', '.':
		return true
	}
	return false
}

// constructor returns where the first argument starts in Name(…, or 0.
func (c *scan) constructor(p int) int {
	if c.text[p] == '<' && p+1 < len(c.text) && isUpper(c.text[p+1]) { // <Secret 'value'>
		if e := run(c.text[:min(len(c.text), p+48)], p+1, func(b byte) bool {
			return isAlnum(b) || b == '_' || b == '.' || b == ' ' || b == ':' || b == '=' || b == '('
		}); c.quotedAt(e) {
			return e
		}
		return 0
	}
	i := p
	for i < len(c.text) && i-p < 48 && (isAlnum(c.text[i]) || c.text[i] == '_' || c.text[i] == '.') {
		i++
	}
	if i == p || i >= len(c.text) || c.text[i] != '(' || !isLetter(c.text[p]) {
		return 0
	}
	for j := i; j > p; j-- {
		if c.text[j-1] == '.' && isLower(c.text[j]) {
			return 0 // a method of something
		}
	}
	for _, getter := range [...]string{"os.", "getenv", "get", "env", "config", "settings", "request", "self", "input", "getpass", "secrets.", "str.", "conf", "field", "decouple"} {
		if hasPrefixFold(c.text[p:i], getter) {
			return 0
		}
	}
	i++
	w := i
	for w < len(c.text) && w-i < 24 && (isLower(c.text[w]) || c.text[w] == '_') {
		w++
	}
	if w > i && w < len(c.text) && c.text[w] == '=' {
		return w + 1
	}
	return i
}

// tagValue is the text of an XML element.
func (c *scan) tagValue(p int) value {
	p = c.skipBreaks(p)
	i, end := p, min(len(c.text), p+maxValue)
	if hasPrefixFold(c.text[p:], "<![cdata[") {
		p += len("<![cdata[")
		i = p
	}
	for i < end && c.text[i] != '<' && lineBreak(c.text[i:min(len(c.text), i+8)]) == 0 && !(c.text[i] == ']' && hasPrefixFold(c.text[i:], "]]>")) {
		i++
	}
	c.s.charge(i - p)
	return value{lo: p, hi: i, quote: '>'}
}

// yamlBlock is the value of "key: |" or "key: >-": the indented lines that follow.
func (c *scan) yamlBlock(p int) (value, bool) {
	i := p + 1
	for i < len(c.text) && (c.text[i] == '-' || c.text[i] == '+') {
		i++
	}
	n := lineBreak(c.text[i:min(len(c.text), i+16)])
	if n == 0 {
		return value{}, false
	}
	lo := i + n
	for lo < len(c.text) && c.text[lo] == ' ' {
		lo++
	}
	hi, end := lo, min(len(c.text), lo+maxValue)
	for j := lo; j < end; {
		if n := lineBreak(c.text[j:min(len(c.text), j+16)]); n > 0 {
			if j+n >= end || c.text[j+n] != ' ' {
				break
			}
			j += n
			continue
		}
		j++
		hi = j
	}
	c.s.charge(hi - lo)
	return value{lo: lo, hi: hi, quote: '|'}, hi > lo
}

// bareValue reads a value without quotes at p.
func (c *scan) bareValue(p int, k *keyName, sep separation) value {
	t := c.text
	end := min(len(t), p+maxValue)
	depth, i := 0, p
scan:
	for i < end {
		b := t[i]
		switch {
		case b == 0 || b == 0x1b || b == '\v' || b == '\f':
			if i == p || c.controlEnds(i) {
				break scan
			}
		case isSpace(b):
			break scan
		case b == '[' && c.r.markLen(t[i:]) > 0:
			break scan
		case isQuote(b):
			if i == p || c.quoteEnds(i) {
				break scan
			}
		case b == '\\':
			n := slashRun(t, i)
			if i+n >= len(t) || isQuote(t[i+n]) || n > 0 && (t[i+n] == 'n' || t[i+n] == 'r' || t[i+n] == 't') {
				break scan
			}
			i += n
			continue
		case b == '#':
			if sep == sepQuery || i+3 < len(t) && t[i+1] == '0' && isDigit(t[i+2]) && isDigit(t[i+3]) {
				break scan
			}
		case b == '(' || b == '[' || b == '{':
			depth++
		case b == ')' || b == ']' || b == '}':
			if depth--; depth < 0 && (sep == sepQuery || c.endsBare(i+1)) {
				break scan
			}
			depth = max(0, depth)
		case b == ',' || b == ';' || b == '&' || b == '|':
			if sep == sepQuery && b != ',' || sep == sepTable || c.endsItem(i+1) {
				break scan
			}
		case b == '>':
			if i > p && c.endsBare(i+1) && c.inAngle(k.lo) {
				break scan
			}
		case b == '<':
			if i+1 < len(t) && (t[i+1] == '/' || isLetter(t[i+1])) && i > p {
				break scan
			}
		case b >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(t[i:])
			if r == '…' || r == '，' || r == '。' || r == '；' || r == '」' {
				break scan
			}
			i += n
			continue
		}
		i++
	}
	c.s.charge(i - p)
	return c.trimmed(p, i, k, sep)
}

// controlEnds reports whether the control character at i ends a bare value: a colour, or NUL between the variables of an
// environment. Any other is a part of the value.
func (c *scan) controlEnds(i int) bool {
	t := c.text
	if i+1 >= len(t) || t[i] == 0x1b && t[i+1] == '[' {
		return true
	}
	return t[i+1] < ' ' || isSpace(t[i+1]) || c.endsItem(i+1)
}

// trimmed takes the punctuation of a sentence off the bare value at [lo,hi).
func (c *scan) trimmed(lo, hi int, k *keyName, sep separation) value {
	t := c.text
	v := value{lo: lo, hi: hi, cut: hi == len(t) && (len(t) >= minCut || hi-lo > 3 && string(t[hi-3:hi]) == "...") || hi < len(t) && t[hi] >= utf8.RuneSelf}
	for v.hi > v.lo && sep != sepQuery && (t[v.hi-1] == '.' || t[v.hi-1] == ',' || t[v.hi-1] == ':' || t[v.hi-1] == ';') {
		v.hi--
	}
	if k.strength != strong && v.hi > v.lo && t[v.hi-1] == '.' {
		v.hi--
	}
	return v
}

// inAngle reports whether the name at lo stands inside of <…>, as in the repr of an object.
func (c *scan) inAngle(lo int) bool {
	for i := lo; i > 0 && lo-i < 120; i-- {
		switch c.text[i-1] {
		case '<':
			return true
		case '>', '\n':
			return false
		}
	}
	return false
}

// quoteEnds reports whether the quote at i ends the string round a bare value.
func (c *scan) quoteEnds(i int) bool {
	return i+1 >= len(c.text) || !isAlnum(c.text[i+1])
}

// endsBare reports whether a bracket before i closes what is round a bare value.
func (c *scan) endsBare(i int) bool {
	for i < len(c.text) && (c.text[i] == ')' || c.text[i] == ']' || c.text[i] == '}') {
		i++
	}
	if i >= len(c.text) {
		return true
	}
	b := c.text[i]
	return isSpace(b) || isQuote(b) || b == ',' || b == ';' || b == '.' || b == '\\' || b == ':' || b == '>' || b == '<' || b == '#' || b == '&'
}

// endsItem reports whether a comma or the like before i ends an item: a space or a further name=value follows.
func (c *scan) endsItem(i int) bool {
	if i >= len(c.text) || isSpace(c.text[i]) || isQuote(c.text[i]) || c.text[i] == '\\' || c.text[i] == '&' || c.text[i] == ';' {
		return true
	}
	if hasPrefixFold(c.text[i:], "amp;") {
		return true
	}
	w := i
	for w < len(c.text) && w-i < 60 && (isToken(c.text[w]) || c.text[w] == '.' || c.text[w] == '[' || c.text[w] == ']' || c.text[w] == '%') {
		w++
	}
	return w > i && w < len(c.text) && (c.text[w] == '=' || c.text[w] == ':')
}
