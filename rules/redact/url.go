package redact

// url finds the credentials of the URL whose "://" stands at start: those before the host, of any
// scheme. Passwords with a raw "@", "/" or "#" are read up to the last "@" that a host follows.
func (c *scan) url(start, end int) {
	t := c.text
	if start < 2 || !isAlnum(t[start-1]) {
		return
	}
	stop, slash, at := end, -1, -1
	raw := c.raw(start)
	for stop < len(t) && stop-end < 1024 {
		b := t[stop]
		if b <= ' ' || isQuote(b) || b == '<' || b == '>' || b == '\\' || b == '|' || b == '{' && stop == end {
			break
		}
		if b == '[' && c.r.markLen(t[stop:]) > 0 {
			if at >= 0 && slash < 0 {
				slash = stop // what was here may have held the end of the authority
			}
			stop += c.r.markLen(t[stop:])
			continue
		}
		if c.raw(stop) != raw {
			stop++ // an encoded sign belongs to what it stands in
			continue
		}
		switch b {
		case '/', '?', '#':
			if slash < 0 {
				slash = stop
			}
		case '@':
			if slash < 0 {
				at = stop
			} else if c.hostAt(stop+1) && (at < 0 && c.secretBefore(end, slash) || at >= 0 && !c.hostAt(at+1)) {
				at = stop
			}
		}
		stop++
	}
	c.s.charge(stop - end)
	if at < 0 || at == end {
		c.cutURL(end, stop)
		return
	}
	c.userinfo(end, at)
	c.mailDone = max(c.mailDone, at+1)
}

// raw reports whether the byte at i of the view stands as it is in the line.
func (c *scan) raw(i int) bool {
	return c.v.off == nil || c.v.off[i+1] == c.v.off[i]+1
}

// secretBefore reports whether the text between lo and hi is a user and the beginning of a password,
// not a host and a port.
func (c *scan) secretBefore(lo, hi int) bool {
	for i := lo; i < hi; i++ {
		if c.text[i] == ':' {
			return !allDigits(c.text[i+1 : hi])
		}
	}
	return false
}

func (c *scan) hostAt(i int) bool {
	e := run(c.text, i, func(b byte) bool { return isAlnum(b) || b == '-' || b == '.' || b == '_' })
	return e > i && (e >= len(c.text) || c.text[e] == ':' || c.text[e] == '/' || c.text[e] == '?' || c.text[e] <= ' ' || isQuote(c.text[e]) || c.text[e] == ',')
}

// userinfo hides what is secret in user:password at [lo,at).
func (c *scan) userinfo(lo, at int) {
	colon := lo + c.r.markLen(c.text[lo:at])
	for colon < at && c.text[colon] != ':' {
		colon++
	}
	user := c.text[lo:colon]
	if secretUser(user) && !c.marks(user) {
		c.emit(span{det: detURLPassword, layer: Shape, rule: "userinfo", noPrint: !highEntropy(user)}, lo, colon)
	}
	if colon >= at {
		return
	}
	password := c.text[colon+1 : at]
	if n := c.r.markLen(password); n == len(password) && n > 0 || placeholder(password) {
		c.left(detURLPassword, Shape, colon+1, at, "masked or a placeholder")
		return
	}
	c.emit(span{det: detURLPassword, layer: Shape, rule: "userinfo", noPrint: !highEntropy(password), remember: memorable(password)}, colon+1, at)
}

// secretUser reports whether the name before a host is a key rather than a name.
func secretUser(b []byte) bool {
	return len(b) >= 16 && mixed(b) && !words(b) && entropy(b) >= 2.8 && !dotted(b)
}

// cutURL hides the password of a URL that was cut before its host.
func (c *scan) cutURL(lo, stop int) {
	if !c.cutAt(stop) && !(stop > lo+3 && string(c.text[stop-3:stop]) == "...") {
		return
	}
	hi := lo + len(trimDots(c.text[lo:stop]))
	colon := run(c.text[:hi], lo, func(b byte) bool { return b != ':' && b != '/' && b != '?' && b != '&' && b != '[' })
	if colon >= hi || c.text[colon] != ':' {
		return
	}
	rest := c.text[colon+1 : hi]
	if c.touchesMark(colon+1, hi) {
		return
	}
	for _, x := range rest {
		if x == '/' || x == '?' {
			return
		}
	}
	if len(rest) > 0 && !allDigits(rest) && !placeholder(rest) {
		c.emit(span{det: detURLPassword, layer: Shape, rule: "cut-userinfo", noPrint: true}, colon+1, hi)
	}
}

// authorization hides the credentials of an Authorization header: the scheme's name stays.
func (c *scan) authorization(k *keyName, p int) bool {
	if k.lo < c.listDone {
		return true
	}
	p = c.skipToValue(p, sepSign)
	if p < len(c.text) && (c.text[p] == '[' || c.text[p] == '(') && c.r.markLen(c.text[p:]) == 0 {
		p++
	}
	lo, hi := p, 0
	v, quoted := c.quotedValue(p)
	if quoted {
		lo, hi = v.lo, v.hi
	} else {
		hi = c.lineEnd(p)
	}
	c.listDone = hi
	w := run(c.text[:hi], lo, func(b byte) bool { return isToken(b) })
	if w < hi && w > lo && w-lo <= 24 && (c.text[w] == ' ' || c.text[w] == ':') {
		if hasPrefixFold(c.text[lo:], "digest") || hasPrefixFold(c.text[lo:], "oauth ") || hasPrefixFold(c.text[lo:], "hawk") || hasPrefixFold(c.text[lo:], "aws4") ||
			hasPrefixFold(c.text[lo:], "signature") || hasPrefixFold(c.text[lo:], "mac ") || hasPrefixFold(c.text[lo:], "goog4") {
			c.authParams(w, hi)
			return true
		}
		if !hasDigit(c.text[lo:w]) || hasPrefixFold(c.text[lo:], "oauth2") {
			lo = w + 1
		}
	} else if w > lo && w-lo <= 12 && !hasDigit(c.text[lo:w]) && hasPrefixFold(c.text[w:hi], "%20") {
		lo = w + 3
	}
	for lo < hi && c.text[lo] == ' ' {
		lo++
	}
	if !quoted {
		hi = lo + len(trimDots(c.text[lo:run(c.text[:hi], lo, func(b byte) bool {
			return b > ' ' && !isQuote(b) && b != ',' && b != ';' && b != '}' && b != ')' && b != '\\' && b < 0x80
		})]))
	}
	b := c.text[lo:hi]
	if e := run(b, 0, func(x byte) bool { return isLetter(x) || x == '_' || x == '.' }); !quoted && e > 0 && e < len(b) && (b[e] == '(' || b[e] == '[') {
		return true // an expression of a source line
	}
	if len(b) > 1 && (b[0] == '{' || b[0] == '$' || b[0] == '<' && b[1] != '/' && indexFold(c.text[lo:min(len(c.text), lo+48)], ">") > 0) {
		return true // <your token>
	}
	if c.r.markLen(b) > 0 || placeholder(b) || words(b) || literal(b) || len(b) < 4 {
		c.left(detAuthHeader, Structure, lo, hi, "empty, masked or words")
		return true
	}
	det := detAuthHeader
	switch {
	case hasPrefixFold(c.text[p:], "bearer") || quoted && hasPrefixFold(c.text[v.lo:], "bearer"):
		det = detBearer
	case hasPrefixFold(c.text[p:], "basic") || quoted && hasPrefixFold(c.text[v.lo:], "basic"):
		det = detBasic
	}
	c.emit(span{det: det, layer: Structure, rule: "authorization", key: c.keyName(k), noPrint: det == detBasic || !highEntropy(b), remember: memorable(b)}, lo, hi)
	return true
}

// lineEnd returns where the line that p is on ends: raw, escaped, or at the end of the string round it.
func (c *scan) lineEnd(p int) int {
	end := min(len(c.text), p+8192)
	i := p
	open := -1 // the quote of a parameter that has begun
	for ; i < end; i++ {
		b := c.text[i]
		if (b == '\n' || b == '\r' || b == '\\' || b == '#') && lineBreak(c.text[i:min(len(c.text), i+8)]) > 0 {
			break
		}
		if !isQuote(b) || b == '`' {
			continue
		}
		switch {
		case open >= 0 && c.text[open] == b:
			open = -1
		case i > 0 && (c.text[i-1] == '=' || c.text[i-1] == '\\' && i > 1 && c.text[i-2] == '='):
			open = i
		default:
			end = i
		}
	}
	i = min(i, end)
	c.s.charge(i - p)
	return i
}

// secretParams are the parameters of Digest, OAuth 1, Hawk, SigV4 and HTTP signatures that must not be seen.
var secretParams = wordSet(`response signature mac oauth_token oauth_signature oauth_consumer_key credential hash token`)

func (c *scan) authParams(lo, hi int) {
	for i := lo; i < hi; {
		if !isLetter(c.text[i]) {
			i++
			continue
		}
		w := run(c.text[:hi], i, func(b byte) bool { return isAlnum(b) || b == '_' || b == '-' })
		var low [24]byte
		name := c.text[i:w]
		i = w
		if w >= hi || c.text[w] != '=' || len(name) > len(low) || !secretParams[string(lowered(low[:0], name))] {
			continue
		}
		v := w + 1
		for v < hi && (c.text[v] == '"' || c.text[v] == '\\' || c.text[v] == '\'') {
			v++
		}
		e := run(c.text[:hi], v, func(b byte) bool {
			return b > ' ' && !isQuote(b) && b != ',' && b != '\\' && b != '/' || b == '/' && !hasPrefixFold(name, "credential")
		})
		if e-v >= 6 && c.r.markLen(c.text[v:e]) == 0 && !placeholder(c.text[v:e]) {
			c.emit(span{det: detAuthHeader, layer: Structure, rule: "parameter", noPrint: true}, v, e)
		}
		i = e
	}
}

// cookies hides the values of a Cookie or Set-Cookie header, or of a dict of cookies: those that look like
// secrets or whose name says so. Attributes and small settings stay.
func (c *scan) cookies(k *keyName, p int) bool {
	if k.lo < c.listDone {
		return true
	}
	p = c.skipToValue(p, sepSign)
	if p >= len(c.text) || c.text[p] == '{' || c.text[p] == '[' && c.r.markLen(c.text[p:]) == 0 {
		return true // the names in it speak for themselves
	}
	lo, hi := p, 0
	if v, quoted := c.quotedValue(p); quoted {
		lo, hi = v.lo, v.hi
	} else {
		hi = c.lineEnd(p)
	}
	c.listDone = hi
	for i := lo; i < hi; {
		for i < hi && (c.text[i] == ' ' || c.text[i] == ';' || c.text[i] == ',') {
			i++
		}
		w := run(c.text[:hi], i, func(b byte) bool { return isToken(b) || b == '.' || b == '$' || b == ':' || b == '%' })
		if w >= hi || w == i || c.text[w] != '=' {
			if i == lo && w == hi && secretLike(c.text[lo:hi]) { // a bare value
				c.emit(span{det: detCookie, layer: Structure, rule: "cookie", key: c.keyName(k)}, lo, hi)
			}
			i = max(w, i+1)
			continue
		}
		e := run(c.text[:hi], w+1, func(b byte) bool { return b > ' ' && b != ';' && b != ',' && !isQuote(b) && b != '\\' })
		c.cookie(c.text[i:w], w+1, e)
		i = e + 1
	}
	return true
}

func (c *scan) cookie(name []byte, lo, hi int) {
	b := c.text[lo:hi]
	if len(b) > 1 && b[0] == '<' && b[1] != '/' && indexFold(c.text[lo:min(len(c.text), lo+48)], ">") > 0 {
		return // <your token>
	}
	if c.r.markLen(b) > 0 || placeholder(b) || len(b) < 6 {
		return
	}
	for _, public := range [...]string{"path", "domain", "expires", "max-age", "samesite", "httponly", "secure", "lang", "locale", "theme", "_ga", "_gid", "version"} {
		if hasPrefixFold(name, public) {
			return
		}
	}
	named := false
	for _, word := range [...]string{"sess", "token", "auth", "sid", "csrf", "xsrf", "jwt", "secret", "remember", "login", "pass"} {
		named = named || indexFold(name, word) >= 0
	}
	if !named && (len(b) < 16 || !mixed(b) || words(b)) {
		return
	}
	c.emit(span{det: detCookie, layer: Structure, rule: "cookie", key: c.cookieName(name), noPrint: !highEntropy(b), remember: memorable(b)}, lo, hi)
}
