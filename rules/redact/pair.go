package redact

import "bytes"

// pair reads what follows a quoted name in ('name', 'value'), {"name": "x", "value": "y"},
// ["--name", "value"], <property name="x" value="y"/> and multipart heads.
func (c *scan) pair(p int, k *keyName) (int, separation) {
	t := c.text
	if k.quote == 0 {
		return 0, sepNone
	}
	i := p
	for i < len(t) && i-p < 16 && (t[i] == ' ' || t[i] == '\t' || t[i] == ',' || t[i] == '/' || t[i] == '\n') {
		i++
	}
	if i >= len(t) {
		return 0, sepNone
	}
	j := i
	if n := slashRun(t, j); j+n < len(t) && isQuote(t[j+n]) {
		j += n + 1
	}
	w := j
	for j < len(t) && (isLetter(t[j]) || t[j] == '_') {
		j++
	}
	if valueWord(t[w:j]) {
		if n := slashRun(t, j); j+n < len(t) && isQuote(t[j+n]) {
			j += n + 1
		}
		for j < len(t) && t[j] == ' ' {
			j++
		}
		if j < len(t) && (t[j] == ':' || t[j] == '=') {
			return c.skipSigns(j, &keyName{quote: '"'}), sepSign
		}
	}
	if at := c.located(p, k); at > 0 {
		return at, sepSign
	}
	open := c.beforeQuote(k)
	if k.dashes && !c.option1(k) {
		return 0, sepNone
	}
	if k.dashes && (open == '[' || open == '(' || open == ',' || open == ' ') || (open == '(' || open == '[') && c.twoOf(i) {
		return i, sepPair
	}
	if open == ',' && k.lo == k.word && k.strength == strong && c.oddValue(i) { // ('bob', 'password', 'Zq9xVk2mPw')
		return i, sepPair
	}
	return 0, sepNone
}

// oddValue reports whether the string at i is no name, as the items of a list of columns are: capitals, small letters and
// digits or signs at random.
func (c *scan) oddValue(i int) bool {
	v, ok := c.quotedValue(i)
	if !ok || v.hi-v.lo < 8 || v.hi-v.lo > 128 {
		return false
	}
	b := c.text[v.lo:v.hi]
	var upper, lower, digit, sign bool
	for _, x := range b {
		upper, lower, digit = upper || isUpper(x), lower || isLower(x), digit || isDigit(x)
		sign = sign || x > ' ' && !isAlnum(x) && x != '_' && x != '-' && x != '.' && x != ' '
	}
	for len(b) > 0 && isDigit(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return noSpace(b) && (digit && upper && lower || digit && sign && (upper || lower)) && !words(b) && !camelWords(b) && !dotted(b)
}

// located returns where the input stands that a validator complains about, when the name is the last of its place:
// {'loc': ('body', 'password'), 'msg': …, 'input': value}, {"field": "password", "message": …, "input": value}.
func (c *scan) located(p int, k *keyName) int {
	stop := min(len(c.text), p+240)
	c.s.charge(8)
	if p >= stop || hasByte([]byte("=:"), c.text[p]) || !hasByte([]byte(",])"), c.text[p]) && !hasByte([]byte(",])"), c.text[p-1]) {
		return 0
	}
	window := c.text[p:stop]
	for from := 0; ; {
		at := bytes.Index(window[from:], []byte("input"))
		if at < 0 {
			return 0
		}
		c.s.charge(at)
		at += from
		from = at + len("input")
		if n := slashesBefore(window, at-1); at == 0 || window[at-1] != k.quote || n != k.slashes {
			continue
		}
		if bytes.ContainsAny(window[:at], "{}") {
			return 0
		}
		if end := c.closes(p+from, k.quote, k.slashes); end > 0 && end < len(c.text) && c.text[end] == ':' {
			return end + 1
		}
	}
}

// named reports whether k is the value of a YAML entry called name or key.
func (c *scan) named(k *keyName) bool {
	i := k.lo
	for i > 0 && k.lo-i < 4 && (c.text[i-1] == ' ' || isQuote(c.text[i-1])) {
		i--
	}
	return hasSuffixFold(c.text[:i], "name:") || hasSuffixFold(c.text[:i], "key:")
}

// option1 reports whether the dashed name is an option, not an option with its value glued on.
func (c *scan) option1(k *keyName) bool {
	return k.lo >= 2 && c.text[k.lo-1] == '-' && c.text[k.lo-2] == '-' || k.lo == k.word
}

// twoOf reports whether a quoted string that is the last of its tuple or list starts at i.
func (c *scan) twoOf(i int) bool {
	v, ok := c.quotedValue(i)
	if !ok {
		return false
	}
	e := v.hi + v.slashes + 1
	for e < len(c.text) && c.text[e] == ' ' {
		e++
	}
	return v.cut || e >= len(c.text) || c.text[e] == ')' || c.text[e] == ']'
}

// quotedAt reports whether a quoted string starts at i.
func (c *scan) quotedAt(i int) bool {
	for i < len(c.text) && (c.text[i] == 'b' || c.text[i] == 'u') {
		i++
	}
	n := slashRun(c.text, i)
	return i+n < len(c.text) && isQuote(c.text[i+n])
}

// valueWord reports whether b names the value of a name/value pair.
func valueWord(b []byte) bool {
	for _, w := range [...]string{"value", "val", "v", "content", "data", "stringvalue", "string_value", "values", "current", "defaultvalue", "default"} {
		if len(b) == len(w) && hasPrefixFold(b, w) {
			return true
		}
	}
	return false
}

// beforeQuote returns the last byte that is no space or prefix letter before the name's opening quote.
func (c *scan) beforeQuote(k *keyName) byte {
	i := k.lo
	if k.dashes {
		for i > 0 && c.text[i-1] == '-' {
			i--
		}
	}
	i -= 1 + k.slashes
	for i > 0 && (c.text[i-1] == ' ' || c.text[i-1] == 'b' || c.text[i-1] == 'u') {
		i--
	}
	if i <= 0 {
		return 0
	}
	return c.text[i-1]
}
