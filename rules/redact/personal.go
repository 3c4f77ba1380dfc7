package redact

import "unicode/utf8"

// personal judges the value of a name that stands for personal data.
func (c *scan) personal(k *keyName, v value, sep separation) bool {
	if k.noun.alone && (sep == sepNear || sep == sepProse) {
		return false
	}
	b := c.text[v.lo:v.hi]
	det := k.noun.detector
	if placeholder(b) || v.quote == 0 && literal(b) {
		c.left(det, PersonalData, v.lo, v.hi, "empty, masked or a placeholder")
		return true
	}
	v, ok := c.formed(k, v)
	b = c.text[v.lo:v.hi]
	if !ok {
		c.left(det, PersonalData, v.lo, v.hi, "does not have the form")
		return det != detName && det != detAddress
	}
	sp := span{det: det, layer: PersonalData, rule: k.noun.text, key: c.keyName(k), noPrint: true}
	if v.quote == 0 && k.quote != 0 && len(b) > 0 && isDigit(b[0]) {
		sp.quote, sp.slashes = k.quote, uint8(min(k.slashes, 63))
	}
	c.emit(sp, v.lo, v.hi)
	return true
}

// formed brings v to its full extent and reports whether it has the form that its name promises.
func (c *scan) formed(k *keyName, v value) (value, bool) {
	b := c.text[v.lo:v.hi]
	ok := false
	switch det := k.noun.detector; det {
	case detEmail:
		ok = hasByte(b, '@') && noSpace(b) && len(b) >= 5 && !workerName(b)
	case detPhone:
		v = c.widen(v, phoneByte)
		b = c.text[v.lo:v.hi]
		ok = phoneLike(b)
	case detCard:
		v = c.widen(v, func(x byte) bool { return isDigit(x) || x == ' ' || x == '-' })
		b = c.text[v.lo:v.hi]
		ok = cardLike(b)
	case detIBAN:
		v = c.widen(v, func(x byte) bool { return isAlnum(x) || x == ' ' })
		b = c.text[v.lo:v.hi]
		_, ok = ibanAt(b, 0)
		ok = ok || ibanForm(b) // its key says what it is: a wrong check digit is a typing error
	case detBankAccount:
		ok = digits(b) >= 6 && len(b) <= 40 && !dateLike(b)
	case detSSN:
		v = c.widen(v, func(x byte) bool { return isDigit(x) || x == ' ' || x == '-' })
		b = c.text[v.lo:v.hi]
		ok = digits(b) == 9 || digits(b) == 4 && v.cut || digits(b) >= 6 && v.cut
	case detNationalID, detPassport, detHealthID:
		v = c.widen(v, func(x byte) bool { return isDigit(x) || x == ' ' || x == '-' })
		b = c.text[v.lo:v.hi]
		ok = digits(b) >= 4 && len(b) >= 5 && len(b) <= 40 && !uuidLike(b) && !dateLike(b)
	case detName:
		if v.quote == 0 {
			v = c.personName(v)
			b = c.text[v.lo:v.hi]
		}
		ok = nameLike(b, k.noun.strength == strong, v.quote != 0) && !(k.noun.strength == weak && c.valueFollows(v))
	case detBirthDate:
		ok = digits(b) >= 2 && len(b) >= 6 && len(b) <= 32
	case detAddress:
		if v.quote == 0 && k.noun.strength == weak {
			return v, false
		}
		if v.quote == 0 {
			v.hi = c.phraseEnd(v.lo, v.hi)
			b = c.text[v.lo:v.hi]
		}
		ok = addressLike(b, k.noun.strength == strong)
	case detIP:
		v.hi = v.lo + ipList(b)
		b = c.text[v.lo:v.hi]
		ok = len(b) > 0 && !localIP(b)
	}
	return v, ok
}

// valueFollows reports whether v is the name in {"name": "X-Api-Key", "value": …}.
func (c *scan) valueFollows(v value) bool {
	i := v.hi + v.slashes + 1
	for i < len(c.text) && (c.text[i] == ',' || c.text[i] == ' ') {
		i++
	}
	w, ok := c.quotedValue(i)
	return ok && valueWord(c.text[w.lo:w.hi])
}

// widen takes the groups that follow a bare value after a space: "439 216 2808".
func (c *scan) widen(v value, ok func(byte) bool) value {
	if v.quote != 0 || v.hi == v.lo {
		return v
	}
	i := v.hi
	for i < len(c.text) && i-v.lo < 40 && ok(c.text[i]) {
		i++
	}
	for i > v.hi && (c.text[i-1] == ' ' || c.text[i-1] == '-' || !isDigit(c.text[i-1]) && c.text[i-1] != ')') {
		i--
	}
	if i < len(c.text) && isLetter(c.text[i]) && i > v.hi {
		return v
	}
	v.hi = i
	return v
}

// ibanForm reports whether b has the form of an IBAN, whatever its check digits.
func ibanForm(b []byte) bool {
	return len(b) >= 15 && len(b) <= 42 && isLetter(b[0]) && isLetter(b[1]) && isDigit(b[2]) && isDigit(b[3]) && digits(b) >= 8
}

func phoneByte(b byte) bool {
	return isDigit(b) || b == ' ' || b == '-' || b == '(' || b == ')' || b == '.' || b == '/' || b == '+'
}

func digits(b []byte) int {
	n := 0
	for _, x := range b {
		if isDigit(x) {
			n++
		}
	}
	return n
}

func hasByte(b []byte, want byte) bool {
	for _, x := range b {
		if x == want {
			return true
		}
	}
	return false
}

func phoneLike(b []byte) bool {
	for _, x := range b {
		if !phoneByte(x) && x != 'x' && x != ';' && !isLetter(x) {
			return false
		}
	}
	letters := 0
	for _, x := range b {
		if isLetter(x) {
			letters++
		}
	}
	n := digits(b)
	return letters <= 4 && n >= 7 && n <= 17 && !dateLike(b)
}

// nameLike reports whether b is a person's name: words that begin with a capital, or letters of
// scripts without capitals.
func nameLike(b []byte, keyed, quoted bool) bool {
	if len(b) < 2 || len(b) > 80 {
		return false
	}
	wordsSeen, capitals, start := 0, 0, true
	word := 0
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == ' ' || r == '-' || r == '\'' || r == '.' || r == ',':
			start = true
		case n == 1 && !isLetter(b[i]) && b[i] != '\\':
			return false
		default:
			if start {
				wordsSeen++
				word = run(b, i, isLower)
				if n > 1 || isUpper(b[i]) || wordsSeen > 1 && particles[string(b[i:word])] {
					capitals++
				}
			}
			start = false
		}
		i += n
	}
	if keyed && quoted {
		return wordsSeen <= 6 && (capitals > 0 || !proseWords[string(lowered(nil, b))])
	}
	if keyed {
		return capitals > 0 && wordsSeen <= 4
	}
	return quoted && wordsSeen >= 2 && wordsSeen <= 4 && capitals == wordsSeen && !hasByte(b, '.')
}

// particles are the small words inside of names.
var particles = wordSet(`da de do dos das del di du la le van von der den ter ten zu bin ibn al el y e af av san`)

// personName takes the capitalised words that follow a bare one.
func (c *scan) personName(v value) value {
	for n := 0; n < 3 && v.hi+1 < len(c.text) && c.text[v.hi] == ' ' && isUpper(c.text[v.hi+1]); n++ {
		w := run(c.text, v.hi+1, func(b byte) bool { return isLetter(b) || b == '-' || b == '\'' || b >= utf8.RuneSelf })
		if w < len(c.text) && (c.text[w] == '=' || c.text[w] == ':') || w-v.hi > 24 {
			break
		}
		v.hi = w
		for isQuote(c.text[v.hi-1]) {
			v.hi--
		}
	}
	return v
}

// addressLike reports whether b is a postal address: words and a number, and no host or path.
func addressLike(b []byte, keyed bool) bool {
	if len(b) < 5 || len(b) > 200 || hasByte(b, '@') || plainURL(b) || hasByte(b, '=') || hasByte(b, '_') {
		return false
	}
	return digits(b) > 0 && digits(b) <= 14 && hasLetter(b) && hasByte(b, ' ') || keyed && !hasByte(b, ':') && hasByte(b, ' ') && hasLetter(b)
}

// phraseEnd returns where the phrase that goes on after a bare word ends: at a sign, quote or next name.
func (c *scan) phraseEnd(lo, hi int) int {
	for hi < len(c.text) && hi-lo < 120 {
		b := c.text[hi]
		if b == ',' && hi+1 < len(c.text) && c.text[hi+1] == ' ' && !c.endsItem(hi+1) || b == ' ' || isAlnum(b) || b >= utf8.RuneSelf || b == '-' || b == '.' {
			if b == ' ' {
				w := run(c.text, hi+1, isToken)
				if w < len(c.text) && (c.text[w] == '=' || c.text[w] == ':') {
					break
				}
			}
			hi++
			continue
		}
		break
	}
	for hi > lo && (c.text[hi-1] == ' ' || c.text[hi-1] == '.') {
		hi--
	}
	return hi
}

// ipList returns how much of b is a list of IP addresses.
func ipList(b []byte) int {
	end := 0
	for i := 0; i < len(b); {
		n := ipLen(b[i:])
		if n == 0 {
			break
		}
		i += n
		end = i
		for i < len(b) && (b[i] == ',' || b[i] == ' ') {
			i++
		}
	}
	return end
}

// ipLen returns the length of the IPv4 or IPv6 address that b starts with, or 0.
func ipLen(b []byte) int {
	i, groups, hexes := 0, 0, 0
	for groups < 4 {
		d, n := 0, 0
		for i < len(b) && isDigit(b[i]) && n < 4 {
			d = d*10 + int(b[i]-'0')
			i, n = i+1, n+1
		}
		if n == 0 || n > 3 || d > 255 {
			break
		}
		groups++
		if groups == 4 {
			if i < len(b) && (isAlnum(b[i]) || b[i] == '.' && i+1 < len(b) && isDigit(b[i+1])) {
				return 0
			}
			return i
		}
		if i >= len(b) || b[i] != '.' {
			break
		}
		i++
	}
	colons := 0
	i = 0
	for i < len(b) && i < 45 && (hexDigit[b[i]] < 16 || b[i] == ':' || b[i] == '.') {
		if b[i] == ':' {
			colons++
		} else {
			hexes++
		}
		i++
	}
	if colons >= 2 && colons <= 7 && hexes >= 2 && (colons == 7 || indexFold(b[:i], "::") >= 0) {
		return i
	}
	return 0
}

func localIP(b []byte) bool {
	return hasPrefixFold(b, "127.") || hasPrefixFold(b, "0.0.0.0") || string(b) == "::1"
}

// workerName reports whether b is a Celery node name, which only looks like an address.
func workerName(b []byte) bool {
	at := 0
	for at < len(b) && b[at] != '@' {
		at++
	}
	local := b[:at]
	for _, name := range [...]string{"celery", "gen", "worker", "beat", "celeryd", "flower", "celerybeat"} {
		if hasPrefixFold(local, name) {
			rest := local[len(name):]
			if len(rest) == 0 || allDigits(trimSign(rest)) || name == "celery" && (rest[0] == '-' || rest[0] == '_' || isDigit(rest[0])) || name == "worker" && (rest[0] == '-' || rest[0] == '_') {
				return true
			}
		}
	}
	return false
}

func trimSign(b []byte) []byte {
	for len(b) > 1 && (b[0] == '-' || b[0] == '_') {
		b = b[1:]
	}
	return b
}

func isLocalPart(b byte) bool {
	return isAlnum(b) || b == '.' || b == '_' || b == '%' || b == '+' || b == '-' || b >= utf8.RuneSelf
}

// at looks at an "@": an e-mail address, or user:password@host without a scheme.
func (c *scan) at(start, end int) {
	if start < c.mailDone {
		return
	}
	t := c.text
	lo := start
	for lo > 0 && start-lo < 64 && isLocalPart(t[lo-1]) {
		if isLetter(t[lo-1]) && escapedLetter(t, lo-1) {
			break
		}
		lo--
	}
	if lo >= 4 && t[lo-1] == '#' && lo+3 <= start && t[lo] == '0' && isDigit(t[lo+1]) && isDigit(t[lo+2]) {
		lo += 3
	}
	for lo < start && (t[lo] == '.' || t[lo] == '-' || t[lo] == '%') {
		lo++
	}
	hi := run(t[:min(len(t), end+255)], end, func(b byte) bool { return isAlnum(b) || b == '.' || b == '-' || b >= utf8.RuneSelf && b != 0xe2 })
	for hi > end && (t[hi-1] == '.' || t[hi-1] == '-') {
		hi--
	}
	c.s.charge(hi - lo)
	if lo == start || hi == end {
		return
	}
	if c.hostPassword(lo, start, hi) {
		return
	}
	if why := c.notMail(lo, start, end, hi); why != "" {
		c.left(detEmail, PersonalData, lo, hi, why)
		return
	}
	c.emit(span{det: detEmail, layer: PersonalData, rule: "address", noPrint: true}, lo, hi)
}

// notMail says why local@domain is no person's address.
func (c *scan) notMail(lo, start, end, hi int) string {
	t := c.text
	domain := t[end:hi]
	dot := len(domain)
	for dot > 0 && domain[dot-1] != '.' {
		dot--
	}
	tld := domain[dot:]
	switch {
	case dot == 0:
		return "no domain"
	case len(tld) < 2 || len(tld) > 24 || hasDigit(tld) && !hasPrefixFold(tld, "xn--"):
		return "no top-level domain"
	case machineTLD[string(lowered(nil, tld))]:
		return "a machine's or a file's name"
	case workerName(t[lo:hi]):
		return "a worker's name"
	case hasPrefixFold(t[lo:start], "git") && start-lo == 3:
		return "a repository"
	case lo > 0 && t[lo-1] == '/' && lo > 1 && t[lo-2] == '/':
		return "the user of a URL"
	}
	return ""
}

var machineTLD = wordSet(`internal local localdomain lan svc cluster localhost intranet corp home host invalid png jpg jpeg gif svg webp js ts css py json html htm txt csv md so dll yaml yml toml sh whl gz zip jar pyc conf`)

// hostPassword finds user:password@host:port, a URL that lost its scheme.
func (c *scan) hostPassword(lo, at, hi int) bool {
	t := c.text
	i := at
	for i > c.mailDone && at-i < 80 && t[i-1] > ' ' && t[i-1] != ']' && !isQuote(t[i-1]) && t[i-1] != '=' && t[i-1] != ',' && t[i-1] != '(' && t[i-1] != '[' {
		i--
	}
	for i < at && t[i] == '/' {
		i++
	}
	colon := run(t[:at], i, func(b byte) bool { return isToken(b) || b == '.' })
	if colon == i || colon >= at-3 || t[colon] != ':' || t[colon+1] == '/' || !isLetter(t[i]) {
		return false
	}
	password := t[colon+1 : at]
	port := hi < len(t) && (t[hi] == ':' && hi+1 < len(t) && isDigit(t[hi+1]) || t[hi] == '/' || t[hi] == '(')
	if placeholder(password) || !port && ipLen(t[at+1:]) == 0 {
		return false
	}
	c.emit(span{det: detURLPassword, layer: Shape, rule: "host-password", noPrint: true, remember: memorable(password)}, colon+1, at)
	return true
}

// clientIP finds the address of a client after words such as "login from".
func (c *scan) clientIP(start, end int) {
	i := end
	for i < len(c.text) && i-end < 8 && (c.text[i] == ' ' || c.text[i] == ':' || c.text[i] == '=' || c.text[i] == '(' || isQuote(c.text[i])) {
		i++
	}
	if i == end || i >= len(c.text) || start > 0 && isAlnum(c.text[start-1]) {
		return
	}
	if n := ipLen(c.text[i:]); n > 0 && !localIP(c.text[i:i+n]) {
		c.emit(span{det: detIP, layer: PersonalData, rule: "from", noPrint: true}, i, i+n)
	}
}
