package redact

// assigned looks for the value that belongs to the name k and hides it if it is one.
func (c *scan) assigned(k *keyName) bool {
	for k.lo < k.word && (c.text[k.lo] == '-' || c.text[k.lo] == '$' || c.text[k.lo] == '.') {
		k.dashes = k.dashes || c.text[k.lo] == '-'
		k.lo++
	}
	p := k.hi
	if q, n, ok := c.quoteBefore(k); ok {
		if end := c.closes(p, q, n); end > 0 {
			k.quote, k.slashes = q, n
			p = end
		}
	}
	p = c.skipNoise(p, k)
	if p >= len(c.text) {
		return false
	}
	at, sep := c.separator(p, k)
	if sep == sepNone {
		return false
	}
	if c.resource(k) {
		return false
	}
	c.s.charge(16)
	if k.noun.detector == detAuthHeader {
		return c.authorization(k, at)
	}
	if k.noun.detector == detCookie && k.noun.strength == strong {
		return c.cookies(k, at)
	}
	return c.valueAt(k, at, sep)
}

// resource reports whether the name is a part of a cloud resource's name, arn:aws:…:secret:prod/db, or
// the user in a URL.
func (c *scan) resource(k *keyName) bool {
	if k.lo >= 3 && string(c.text[k.lo-3:k.lo]) == "://" {
		return true // the user of a URL
	}
	if k.lo == 0 || c.text[k.lo-1] != ':' {
		return false
	}
	for i := k.lo - 1; i > 0 && k.lo-i < 96; i-- {
		b := c.text[i]
		if !isToken(b) && b != ':' && b != '/' {
			return false
		}
		if hasPrefixFold(c.text[i-1:], "arn:") {
			return true
		}
	}
	return false
}

// quoteBefore returns the quote that opens the name, with the number of backslashes before it.
func (c *scan) quoteBefore(k *keyName) (byte, int, bool) {
	i := k.lo
	if k.dashes {
		for i > 0 && c.text[i-1] == '-' {
			i--
		}
	}
	if i > 0 && c.text[i-1] == '/' { // a JSON pointer: "path": "/user/password"
		for n := 0; i > 0 && n < 48 && (isToken(c.text[i-1]) || c.text[i-1] == '/'); n++ {
			i--
		}
	}
	if i == 0 || !isQuote(c.text[i-1]) {
		return 0, 0, false
	}
	return c.text[i-1], slashesBefore(c.text, i-1), true
}

// closes returns the end of a closing quote q with n backslashes at p, or 0.
func (c *scan) closes(p int, q byte, n int) int {
	if p+n < len(c.text) && c.text[p+n] == q && slashRun(c.text, p) == n {
		return p + n + 1
	}
	return 0
}

// slashRun counts the backslashes from p on.
func slashRun(text []byte, p int) int {
	n := 0
	for p+n < len(text) && text[p+n] == '\\' {
		n++
	}
	return n
}

func isQuote(b byte) bool { return b == '"' || b == '\'' || b == '`' }

// skipNoise steps over what may stand between a name and its separator: spaces, colours, a closing
// bracket of a subscript, a remark in brackets.
func (c *scan) skipNoise(p int, k *keyName) int {
	for p < len(c.text) && p-k.hi < 64 {
		switch b := c.text[p]; {
		case b == '[' && p+1 < len(c.text) && c.text[p+1] == ']' && c.signAfter(p+2): // password[]=
			p += 2
		case b == '.' && c.leaders(p) > 0:
			p += c.leaders(p)
		case b == ' ' || b == '\t', (b == '*' || b == '_') && p-k.hi < 3:
			p++
		case b == 0x1b || b == '#' || b == '\\':
			n := colour(c.text[p:])
			if n == 0 {
				return p
			}
			p += n
		case b == ']' && (k.quote != 0 || c.signAfter(p+1)) || b == ')' && k.quote != 0 && p+1 < len(c.text) && (c.text[p+1] == ':' || c.text[p+1] == '=' || c.text[p+1] == ' '):
			p++
		case b == '(' && k.quote == 0:
			end := p + 1
			for end < len(c.text) && end-p < 24 && (isAlnum(c.text[end]) || c.text[end] == ' ' || c.text[end] == '_') {
				end++
			}
			if end >= len(c.text)-1 || c.text[end] != ')' || c.text[end+1] != ':' && c.text[end+1] != '=' {
				return p
			}
			p = end + 1
		default:
			return p
		}
	}
	return p
}

// leaders returns the length of the dots that lead from a name to its value: password......: value.
func (c *scan) leaders(p int) int {
	n := run(c.text, p, func(b byte) bool { return b == '.' }) - p
	if n < 3 || !c.signAfter(p+n) && !c.quotedAt(p+n+1) {
		return 0
	}
	return n
}

// signAfter reports whether a sign of assignment stands at p or after a blank.
func (c *scan) signAfter(p int) bool {
	if p < len(c.text) && c.text[p] == ' ' {
		p++
	}
	if p+1 < len(c.text) && c.text[p] == '[' && c.text[p+1] == ']' { // an item of a list in a form
		p += 2
	}
	return p < len(c.text) && (c.text[p] == ':' || c.text[p] == '=')
}

// colour returns the length of an ANSI colour sequence at the start of b, raw or in the
// escapes that Python and rsyslog write.
func colour(b []byte) int {
	i := 0
	switch {
	case b[0] == 0x1b:
		i = 1
	case hasPrefixFold(b, `\x1b`) || hasPrefixFold(b, "#033"):
		i = 4
	case hasPrefixFold(b, `\u001b`):
		i = 6
	default:
		return 0
	}
	if i >= len(b) || b[i] != '[' {
		return 0
	}
	for i++; i < len(b) && i < 20; i++ {
		if b[i] == 'm' {
			return i + 1
		}
		if !isDigit(b[i]) && b[i] != ';' {
			return 0
		}
	}
	return 0
}
