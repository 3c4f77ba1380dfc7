package redact

// command finds passwords among the arguments of known programs: as one line, and as the repr of a list.
func (c *scan) command(start, end int) {
	if start > 0 && (isAlnum(c.text[start-1]) || c.text[start-1] == '_') || end >= len(c.text) {
		return
	}
	name := c.text[start:end]
	if b := c.text[end]; !isSpace(b) && !isQuote(b) && b != '\\' {
		return
	}
	stop := min(len(c.text), end+1024)
	c.s.charge(2 * (stop - end))
	for i := end; i+2 < stop; i++ {
		if c.text[i] == '\n' && c.text[i-1] != '\\' || c.text[i] == '|' && c.text[i-1] == ' ' {
			return
		}
		if c.text[i] != '-' || c.text[i-1] != ' ' && !isQuote(c.text[i-1]) || !isLetter(c.text[i+1]) && !hasPrefixFold(c.text[i:], "--user") {
			continue
		}
		c.option(name, i)
	}
}

// option looks at one option of a program at i.
func (c *scan) option(name []byte, i int) {
	t := c.text
	flag := t[i+1]
	attached := i+2 < len(t) && t[i+2] > ' ' && !isQuote(t[i+2]) && t[i+2] != '\\' && t[i+2] != ','
	user := false
	switch {
	case hasPrefixFold(name, "mysql") || hasPrefixFold(name, "mariadb") || hasPrefixFold(name, "7z"):
		if flag != 'p' || !attached || hasPrefixFold(t[i:], "-port") || hasPrefixFold(t[i:], "-protocol") {
			return
		}
	case hasPrefixFold(name, "sshpass"), hasPrefixFold(name, "docker"):
		if flag != 'p' {
			return
		}
	case hasPrefixFold(name, "redis"):
		if flag != 'a' || attached {
			return
		}
	case hasPrefixFold(name, "ldap"):
		if flag != 'w' {
			return
		}
	case hasPrefixFold(name, "zip"):
		if flag != 'P' {
			return
		}
	case hasPrefixFold(name, "curl"):
		if user = true; flag != 'u' && flag != 'U' && !hasPrefixFold(t[i:], "--user") {
			return
		}
	}
	lo := i + 2
	if hasPrefixFold(t[i:], "--user") {
		lo = i + 6
	}
	for lo < len(t) && lo-i < 16 && (t[lo] == ' ' || isQuote(t[lo]) || t[lo] == ',' || t[lo] == '\\' || t[lo] == '=' || t[lo] == '\n') {
		lo++
	}
	hi := lo
	for hi < len(t) && hi-lo < 256 && !isSpace(t[hi]) && !isQuote(t[hi]) && t[hi] != '\\' {
		hi++
	}
	lo += c.r.markLen(t[lo:hi])
	if user && hi < len(t) && isQuote(t[hi]) && c.quotedUser(hi) {
		return
	}
	if user && lo < hi && t[lo] == '<' && t[hi-1] == '>' {
		return // <user:password>
	}
	if user {
		name := lo
		for lo < hi && t[lo] != ':' {
			lo++
		}
		if lo++; lo < hi && string(t[name:lo-1]) == string(t[lo:hi]) && sampleUser(t[lo:hi]) {
			return // test:test
		}
		if lo == hi && mixed(t[name:lo-1]) { // a key in the place of the user, and no password
			lo, hi = name, lo-1
		}
	}
	if lo < hi && t[lo] != '-' && !placeholder(t[lo:hi]) && !c.marks(t[lo:hi]) && !sourceNames[string(lowered(nil, t[lo:hi]))] && (!hasPrefixFold(name, "docker") || mixed(t[lo:hi]) && t[i-1] == ' ' && !dotted(t[lo:hi]) && indexFold(t[i-min(i, 40):i], "login") >= 0) {
		c.emit(span{det: detPassword, layer: Structure, rule: "command-line", noPrint: true, remember: memorable(t[lo:hi])}, lo, hi)
	}
}

// quotedUser hides the password of user:'password' and 'user':'password' of a command line, where the quote at i stands.
func (c *scan) quotedUser(i int) bool {
	t := c.text
	if i+2 < len(t) && t[i+1] == ':' && isQuote(t[i+2]) {
		i += 2
	} else if t[i-1] != ':' {
		return false
	}
	v, ok := c.quotedValue(i)
	if !ok || v.hi <= v.lo {
		return false
	}
	if b := t[v.lo:v.hi]; !placeholder(b) && !c.marks(b) && noSpace(b) {
		c.emit(span{det: detPassword, layer: Structure, rule: "command-line", noPrint: true, remember: memorable(b)}, v.lo, v.hi)
	}
	return true
}

func sampleUser(b []byte) bool {
	switch string(b) {
	case "test", "foo", "bar", "user", "username", "example":
		return true
	}
	return false
}
