package redact

import "unicode/utf8"

// separation is how a value is tied to its name.
type separation uint8

const (
	sepNone  separation = iota
	sepSign             // = : => := -> or a pair of a name and a value
	sepQuery            // = inside a URL's query
	sepPair             // the first and the second of a tuple or list
	sepTag              // <name>value<
	sepSpace            // an option of a command line, or a name right before a quoted value
	sepProse            // "is", "was", "to": the value must be mixed of letters and digits
	sepNear             // nothing but a space: the value must look like a secret
	sepTable            // | name | value |
)

// separator reads the separator at p and returns where the value starts.
func (c *scan) separator(p int, k *keyName) (int, separation) {
	t := c.text
	switch b := t[p]; b {
	case '=':
		if c.inQuery(k.lo) {
			return p + 1, sepQuery
		}
		return c.skipSigns(p, k), sepSign
	case ':':
		return c.skipSigns(p, k), sepSign
	case '!':
		if p+1 < len(t) && t[p+1] == '=' {
			return c.skipSigns(p+1, k), sepSign
		}
	case '-', '~', '?', '.', '+', '|':
		if b == '-' && p > k.hi && p+2 < len(t) && t[p+1] == ' ' {
			return p + 2, sepProse // "password - value"
		}
		if b == '+' && k.dashes && p == k.hi {
			return p + 1, sepSpace // a blank of a form
		}
		if p+2 < len(t) && (t[p+1] == '>' || t[p+1] == '=' || t[p+1] == b && t[p+2] == '=') {
			return c.skipSigns(p+1+run(t[p+1:p+2], 0, func(x byte) bool { return x == b }), k), sepSign
		}
		if b == '|' {
			return p + 1, sepTable
		}
	case '>':
		if k.quote == 0 && p == k.hi && c.tagOpen(k.lo) {
			if p+1 < len(t) && t[p+1] == ' ' && !hasByte(t[p:min(len(t), p+256)], '<') {
				return 0, sepNone // <user:password> in a manual
			}
			return p + 1, sepTag
		}
		if p > k.hi || k.quote != 0 { // "key -> value" folded, <entry key="password">value<
			return c.skipSigns(p, k), sepTag
		}
	case '(':
		if p == k.hi && k.quote == 0 && k.noun.detector == detPassword && c.quotedAt(p+1) && !c.getter(k) {
			return p + 1, sepSign // PASSWORD('…'), set_password("…")
		}
		return c.bracketed(p, k)
	case '[', '<':
		return c.bracketed(p, k)
	case ',':
		return c.pair(p+1, k)
	case '\n', '\r', '\\', '#':
		return c.nextLine(p, k)
	}
	if k.quote != 0 {
		return c.pair(p, k)
	}
	if p == k.hi {
		return c.ideographic(p)
	}
	return c.spaced(p, k)
}

// bracketed handles "password [value] rejected": what is in the brackets must stand out.
func (c *scan) bracketed(p int, k *keyName) (int, separation) {
	e := run(c.text[:min(len(c.text), p+130)], p+1, func(b byte) bool { return b > ' ' && b != ']' && b != ')' && b != '>' })
	if k.quote != 0 || e >= len(c.text) || c.text[e] <= ' ' || k.noun.detector != detPassword || !standsOut(c.text[p+1:e], k) {
		return 0, sepNone
	}
	return p + 1, sepNear
}

// getter reports whether the name is of a function that is given another name: get_password('db').
func (c *scan) getter(k *keyName) bool {
	for _, verb := range [...]string{"get", "find", "load", "read", "fetch", "has", "lookup", "need", "require"} {
		if hasPrefixFold(c.text[k.lo:k.word], verb) {
			return true
		}
	}
	return false
}

// skipSigns steps over = : > and a type annotation such as ": str =".
func (c *scan) skipSigns(p int, k *keyName) int {
	t := c.text
	for p < len(t) && (t[p] == '=' || t[p] == ':' || t[p] == '>' || t[p] == '~') {
		p++
	}
	if k.quote != 0 {
		return p
	}
	i := p
	for i < len(t) && t[i] == ' ' {
		i++
	}
	start := i
	for i < len(t) && i-start < 40 && (isAlnum(t[i]) || t[i] == '_' || t[i] == '[' || t[i] == ']' || t[i] == '.' || t[i] == '|' || t[i] == ' ' && i > start) {
		i++
	}
	if i < len(t) && i > start && t[i] == '=' && t[i-1] == ' ' && annotation(t[start:i-1]) {
		return i + 1
	}
	return p
}

// annotation reports whether b is a type of Python, Go or TypeScript.
func annotation(b []byte) bool {
	for _, name := range [...]string{"str", "optional", "bytes", "secretstr", "string", "union", "any", "final", "int", "literal", "constr", "field"} {
		if hasPrefixFold(b, name) {
			return true
		}
	}
	return false
}

// tagOpen reports whether the name at lo is that of an XML element.
func (c *scan) tagOpen(lo int) bool {
	for i := lo; i > 0 && lo-i < 24; i-- {
		if c.text[i-1] == '<' {
			return true
		}
		if !isAlnum(c.text[i-1]) && c.text[i-1] != ':' && c.text[i-1] != '_' && c.text[i-1] != '-' {
			break
		}
	}
	return false
}

// nextLine handles a value on the line after its name: multipart bodies and pydantic's errors.
func (c *scan) nextLine(p int, k *keyName) (int, separation) {
	lines, i := 0, p
	for i < len(c.text) && i-p < 16 {
		n := lineBreak(c.text[i:])
		if n == 0 {
			break
		}
		i += n
		lines++
	}
	switch {
	case lines >= 2 && (k.quote != 0 || hasSuffixFold(c.text[:k.lo], "name=")): // name="password" CRLF CRLF value
		return i, sepSign
	case lines == 1 && c.named(k): // - name: DB_PASSWORD, and in the next line value: …
		for i < len(c.text) && c.text[i] == ' ' {
			i++
		}
		if hasPrefixFold(c.text[i:], "value:") {
			return i + len("value:"), sepSign
		}
	case k.quote == 0 && lines == 1 && i < len(c.text) && c.text[i] == ' ':
		window := c.text[i:min(len(c.text), i+256)]
		if at := indexFold(window, "input_value="); at >= 0 {
			return i + at + len("input_value="), sepSign
		}
		if at := indexFold(window, "given="); at >= 0 {
			return i + at + len("given="), sepSign
		}
	}
	return 0, sepNone
}

// lineBreak returns the length of one line end at the start of b: raw, as a Python or JSON escape
// of any depth, or as rsyslog writes it. CR LF counts as one.
func lineBreak(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '\n':
		return 1
	case '\r':
		if len(b) > 1 && b[1] == '\n' {
			return 2
		}
		return 1
	case '#':
		if hasPrefixFold(b, "#015#012") {
			return 8
		}
		if hasPrefixFold(b, "#012") || hasPrefixFold(b, "#015") {
			return 4
		}
	case '\\':
		n := slashRun(b, 0)
		if n < len(b) && b[n] == 'n' {
			return n + 1
		}
		if n < len(b) && b[n] == 'r' {
			if m := slashRun(b, n+1); m > 0 && n+1+m < len(b) && b[n+1+m] == 'n' {
				return n + m + 2
			}
			return n + 1
		}
	}
	return 0
}

func indexFold(b []byte, lower string) int {
	for i := 0; i+len(lower) <= len(b); i++ {
		if hasPrefixFold(b[i:], lower) {
			return i
		}
	}
	return -1
}

// ideographic reads the copula that some scripts write without a space.
func (c *scan) ideographic(p int) (int, separation) {
	if n := copulaLen(c.text[p:]); n > 0 {
		return p + n, sepProse
	}
	return 0, sepNone
}

// copulaLen returns the length of a copula of Chinese or Japanese at the start of b, or 0.
func copulaLen(b []byte) int {
	r, n := utf8.DecodeRune(b)
	if r == '是' || r == '为' || r == '為' || r == 'は' {
		return n
	}
	return 0
}

// owner steps over "for svc" and "of user kim", which may stand between a name and the word that ties it to its value.
func (c *scan) owner(p int) int {
	if !hasPrefixFold(c.text[p:], "for ") && !hasPrefixFold(c.text[p:], "of ") {
		return p
	}
	i := p
	for words := 0; words < 4; words++ {
		i = run(c.text, i, func(b byte) bool { return isToken(b) || b == '\'' || b == '.' || b == '@' })
		if i >= len(c.text) || c.text[i] != ' ' {
			return p
		}
		i++
		if e := run(c.text, i, isLower); copulas[string(c.text[i:e])] {
			return i
		}
	}
	return p
}

// copulas are the words between a name and its value in a sentence. With "set" and the like
// in front they still are.
var copulas = wordSet(`is was to from as are equals est ist war lautet es era será e foi jest byl ar är er on oli zu auf vale`)

// changes are words that may stand before a copula: "changed to".
var changes = wordSet(`not changed reset updated rotated replaced set sent now`)

// spaced handles a name that is followed by a space.
func (c *scan) spaced(p int, k *keyName) (int, separation) {
	t := c.text
	if k.dashes {
		return p, sepSpace
	}
	if isQuote(t[p]) || t[p] == '\\' && c.quotedAt(p) {
		return p, sepSpace
	}
	if c.tagOpen(k.lo) {
		if e := run(t[:min(len(t), p+160)], p, func(b byte) bool { return b != '>' && b != '<' && b != '\n' }); e < len(t) && t[e] == '>' && t[e-1] != '/' {
			return e + 1, sepTag
		}
	}
	if w := run(t, p, func(b byte) bool { return isAlnum(b) || b == '*' }); w < len(t) && w > p && t[w] == ' ' && annotation(t[p:w]) {
		for w < len(t) && t[w] == ' ' {
			w++
		}
		if w < len(t) && t[w] == '=' {
			return w + 1, sepSign
		}
	}
	at, sep := c.owner(p), sepNear
	for range 4 {
		w := at
		for at < len(t) && isLower(t[at]) && at-w < 14 {
			at++
		}
		if at == w || at >= len(t) || t[at] != ' ' && t[at] != ':' {
			break
		}
		if word := t[w:at]; copulas[string(word)] {
			sep = sepProse
		} else if t[at] == ':' && len(word) > 2 && !telling[string(word)] && !proseWords[string(word)] {
			return at + 1, sepProse // "password of the user: value"
		} else if !changes[string(word)] {
			break
		}
		for at < len(t) && (t[at] == ' ' || t[at] == ':') {
			at++
		}
		p = at
	}
	if p >= len(t) {
		return 0, sepNone
	}
	if !isAlnum(t[p]) && (sep == sepNear || t[p] == '(' || t[p] == '<') && !isQuote(t[p]) {
		return 0, sepNone
	}
	return p, sep
}
