package redact

// number looks at the group of digits that starts at i: a card, an IBAN, a phone number, a national id.
// Most numbers of a log are times, counts and parts of ids: they are told first, and cheaply.
func (c *scan) number(i int) {
	t := c.text
	e := i + 1
	for e < len(t) && isDigit(t[e]) {
		e++
	}
	prev, next := byte(' '), byte(' ')
	if i > 0 {
		prev = t[i-1]
	}
	if e < len(t) {
		next = t[e]
	}
	switch {
	case isLetter(prev) && !c.escapeEnds(i):
		c.lettered(i, e-i)
		return
	case prev == '_' && e-i < 15 || prev == '.' && i >= 2 && isDigit(t[i-2]) && !(e-i >= 15 && digitsBefore(t, i-1) >= 13):
		return
	case e-i == 1 && next == '.' && !(e+4 < len(t) && t[e+4] == '.'):
		c.numberDone = run(t, e+1, isDigit) // a decimal fraction
		return
	case e-i == 4 && next == '-' && e+2 < len(t) && isDigit(t[e+1]) && e+3 < len(t) && t[e+3] == '-' && (t[i] == '2' || t[i] == '1'):
		c.numberDone = e + 6 // a date
		return
	case e-i <= 3 && prev != '+' && prev != '(' && !(groupSign(next) && e+1 < len(t) && isDigit(t[e+1])):
		if e-i == 3 {
			c.short(i, e)
		}
		return
	}
	g := &c.s.group
	*g = c.group(i)
	c.s.charge(g.end - i)
	switch {
	case g.digits >= 13 && g.digits <= 19 && c.card(g):
	case c.phone(g):
	case c.dashedID(g):
	case g.digits >= 4 && c.namedNumber(g):
	case g.groups > 1:
		c.numberDone = max(c.numberDone, c.parts(g))
		return
	}
	if g.digits > 9 || g.end-i > 12 {
		c.numberDone = max(c.numberDone, g.end)
	}
}

// short looks at three digits: only a card's security code has so few.
func (c *scan) short(i, e int) {
	if i < 5 || !isLetter(c.text[i-2]) {
		return
	}
	g := &c.s.group
	*g = group{lo: i, end: e, digits: 3}
	copy(g.value[:], c.text[i:e])
	c.namedNumber(g)
}

// lettered looks at n digits at i that follow a letter.
func (c *scan) lettered(i, n int) {
	t := c.text
	if n >= 2 && i >= 2 && isLetter(t[i-2]) && (i < 3 || !isAlnum(t[i-3]) || c.escapeEnds(i-2)) {
		c.iban(i - 2)
	}
	if n >= 6 || n == 2 && i >= 6 && isLetter(t[i-6]) && isLetter(t[i-3]) {
		c.letteredID(i)
	}
}

func groupSign(b byte) bool { return b == ' ' || b == '-' || b == '.' || b == '/' || b == ')' }

// group is a number in groups: "4111 1111 1111 1111", "382-79-6899".
type group struct {
	lo, end int
	digits  int
	value   [24]byte // the digits
	sizes   [12]int  // of the groups
	groups  int
	sep     byte // the only separator, 0 for none, '?' for several kinds
}

// group reads the number at i with single separators between its groups.
func (c *scan) group(i int) group {
	g := group{lo: i, end: i}
	t := c.text
	for i < len(t) && g.groups < len(g.sizes) {
		n := 0
		for i < len(t) && isDigit(t[i]) && g.digits < len(g.value) {
			g.value[g.digits] = t[i]
			g.digits++
			i, n = i+1, n+1
		}
		if n == 0 {
			break
		}
		g.sizes[g.groups] = n
		g.groups++
		g.end = i
		if i+1 >= len(t) || g.digits >= len(g.value) {
			break
		}
		s := t[i]
		if s != ' ' && s != '-' && s != '.' && s != '/' || !isDigit(t[i+1]) {
			break
		}
		if g.sep == 0 {
			g.sep = s
		} else if g.sep != s {
			g.sep = '?'
		}
		i++
	}
	return g
}

// stands reports whether the number stands alone: no letter, digit or sign glued to it.
func (c *scan) stands(lo, hi int) bool {
	if lo > 0 {
		b := c.text[lo-1]
		if isAlnum(b) && !c.escapeEnds(lo) || b == '_' || (b == '-' || b == '.' || b == '+') && lo >= 2 && isAlnum(c.text[lo-2]) {
			return false
		}
	}
	if hi < len(c.text) {
		b := c.text[hi]
		if isAlnum(b) || b == '_' || b == '@' || (b == '-' || b == '.' && hi+1 < len(c.text) && c.text[hi+1] != '.') && hi+1 < len(c.text) && isAlnum(c.text[hi+1]) {
			return false
		}
	}
	return true
}

// card finds a payment card: issuer's prefix, length and Luhn's check digit.
func (c *scan) card(g *group) bool {
	if g.sep == '?' || g.sep == '/' {
		return false
	}
	b := g.value[:g.digits]
	if !luhn(b) || !issuer(b) {
		return false
	}
	if g.groups > 1 && !cardGroups(g) || !c.stands(g.lo, g.end) && !((g.digits == 15 || g.digits == 16) && c.cardStands(g.lo, g.end)) {
		return false
	}
	// 13, 14 and 19 digits are also article numbers, times and ids: there a word must say so
	if (g.digits != 15 && g.digits != 16) && g.groups == 1 && !c.near(g.lo, cardWords) {
		c.left(detCard, PersonalData, g.lo, g.end, "a length of other numbers too, and no word of cards near")
		return false
	}
	c.emit(span{det: detCard, layer: PersonalData, rule: "luhn", noPrint: true}, g.lo, g.end)
	return true
}

func cardGroups(g *group) bool {
	if g.groups > 5 || g.sizes[0] != 4 {
		return false
	}
	for _, n := range g.sizes[:g.groups] {
		if n < 3 || n > 7 {
			return false
		}
	}
	return true
}

// cardLike judges the value of a key that names a card: an issuer's number, whole or cut.
func cardLike(b []byte) bool {
	var d [20]byte
	n := 0
	for _, x := range b {
		switch {
		case isDigit(x):
			if n == len(d) {
				return false
			}
			d[n] = x
			n++
		case x != ' ' && x != '-':
			return false
		}
	}
	return n >= 12 && n <= 19 && luhn(d[:n]) && d[0] != '0'
}

func luhn(b []byte) bool {
	sum, double := 0, false
	same := true
	for i := len(b) - 1; i >= 0; i-- {
		d := int(b[i] - '0')
		same = same && b[i] == b[0]
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0 && !same
}

// issuer reports whether the prefix and length are those of a card network.
func issuer(b []byte) bool {
	n := len(b)
	at := func(k int) int {
		v := 0
		for _, x := range b[:k] {
			v = v*10 + int(x-'0')
		}
		return v
	}
	p2, p3, p4, p6 := at(2), at(3), at(4), at(6)
	switch {
	case b[0] == '4':
		return n == 16 || n == 13 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720:
		return n == 16
	case p2 == 34 || p2 == 37:
		return n == 15
	case p4 == 6011, p2 == 65, p3 >= 644 && p3 <= 649, p6 >= 622126 && p6 <= 622925:
		return n == 16 || n == 19
	case p4 >= 3528 && p4 <= 3589:
		return n == 16 || n == 19
	case p2 == 36 || p2 == 38 || p2 == 39 || p3 >= 300 && p3 <= 305 || p4 == 3095:
		return n == 14 || n == 16
	case p2 == 62, p2 == 81:
		return n >= 16
	case p2 == 50 || p2 >= 56 && p2 <= 58 || p2 == 63 || p2 == 67 || p2 == 60 || p2 == 61:
		return n >= 16 && n <= 19
	case p4 >= 2200 && p4 <= 2204:
		return n == 16
	}
	return false
}

var cardWords = []string{"card", "visa", "mastercard", "amex", "diners", "maestro", "unionpay", "discover", "pan=", "pan:", "carte", "tarjeta", "karte", "credit"}

// near reports whether one of words stands in the 40 bytes before i.
func (c *scan) near(i int, words []string) bool {
	window := c.text[max(0, i-40):i]
	c.s.charge(len(window) * 2)
	for _, w := range words {
		if indexFold(window, w) >= 0 {
			return true
		}
	}
	return false
}

// phone finds a phone number that says so itself: +, 00 or an area code in brackets.
func (c *scan) phone(g *group) bool {
	t := c.text
	lo := g.lo
	plus := lo > 0 && t[lo-1] == '+'
	bracket := lo > 0 && t[lo-1] == '('
	if plus {
		lo--
		if lo > 0 && t[lo-1] == '(' {
			lo--
		}
	} else if bracket {
		lo--
		if lo > 1 && t[lo-1] == ' ' && isDigit(t[lo-2]) {
			return false
		}
	} else if !(g.digits >= 11 && g.sizes[0] >= 2 && g.value[0] == '0' && g.value[1] == '0' && g.value[2] != '0' && g.groups > 1) && !c.northAmerican(g) {
		return false
	}
	if lo > 0 && (isAlnum(t[lo-1]) && !c.escapeEnds(lo) || t[lo-1] == '_' || t[lo-1] == '+' || t[lo-1] == '-' || t[lo-1] == ')' || t[lo-1] == '.') {
		return false
	}
	if !plus && lo > 1 && t[lo-1] == ':' && isDigit(t[lo-2]) {
		return false // the seconds of a time
	}
	hi, n, seps, brackets := g.lo, 0, 0, 0
	cut := 0 // the last blank behind a whole number: what follows may be another
	stop, most := len(t), 15
	if bracket && !plus {
		most = 11
	}
	if !plus && !bracket && g.value[0] != '0' {
		stop = g.end
	}
	for hi < stop && n <= 16 {
		switch b := t[hi]; {
		case isDigit(b):
			n++
			seps = 0
		case b == '(' || b == ')':
			brackets++
			seps = 0
			if b == ')' && bracket && n != 3 && n != 2 && n != 4 && n != 5 {
				return false
			}
		case b == ' ' || b == '-' || b == '.' || b == '/':
			if b == ' ' && n >= 8 && n <= most {
				cut = hi
			}
			seps++
		default:
			goto done
		}
		if seps > 1 || brackets > 3 {
			break
		}
		hi++
	}
done:
	if (plus || bracket) && n > most && cut > 0 {
		hi, n = cut, most
	}
	for hi > g.lo && !isDigit(t[hi-1]) {
		hi--
	}
	if hi < len(t) && (isAlnum(t[hi]) || t[hi] == '_' || (t[hi] == ':' || t[hi] == '.') && hi+1 < len(t) && isDigit(t[hi+1])) {
		return false
	}
	if !plus && hi+1 < len(t) && t[hi] == '-' && isAlnum(t[hi+1]) || c.inHexRun(lo, hi) {
		return false // a piece of a UUID
	}
	if plus && (n < 8 || n > 15 || g.value[0] == '0') || bracket && (n < 9 || n > 11 || brackets != 1) || !plus && !bracket && (n < 9 || n > 17) {
		return false
	}
	c.emit(span{det: detPhone, layer: PersonalData, rule: "international", noPrint: true}, lo, hi)
	c.numberDone = hi
	return true
}

var phoneWords = []string{"phone", "call", "tel", "sms", "mobile", "cell", "fax", "dial", "contact", "text ", "whatsapp"}

// northAmerican reports whether g is 555-010-0123 after a word of phones.
func (c *scan) northAmerican(g *group) bool {
	if g.digits == 11 && g.groups == 4 && g.value[0] == '1' && g.sizes[0] == 1 {
		return g.sizes[1] == 3 && g.sizes[2] == 3 && c.stands(g.lo, g.end) && c.near(g.lo, phoneWords)
	}
	return g.digits == 10 && g.groups == 3 && g.sizes[0] == 3 && g.sizes[1] == 3 && (g.sep == '-' || g.sep == '.' || g.sep == ' ') &&
		g.value[0] >= '2' && g.value[3] >= '2' && c.stands(g.lo, g.end) && c.near(g.lo, phoneWords)
}
