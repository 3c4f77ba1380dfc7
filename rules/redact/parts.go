package redact

// parts looks at the numbers that g joins when the whole is none: a card beside an order's number, two ids in a row. It tries
// those that begin with the first part, the longest first, and returns where to go on.
func (c *scan) parts(g *group) int {
	for k := min(g.groups-1, 5); k > 0; k-- {
		if !g.form(k) {
			continue
		}
		p := &c.s.part
		*p = c.first(g, k)
		c.s.charge(p.end - p.lo)
		if p.digits >= 13 && p.digits <= 19 && c.card(p) || k > 2 && c.phone(p) || c.dashedID(p) || k == 1 && c.namedNumber(p) {
			return max(p.end, c.numberDone)
		}
	}
	return g.lo + g.sizes[0]
}

// form reports whether the first k parts of g have the sizes of something that we know.
func (g *group) form(k int) bool {
	s := &g.sizes
	switch k {
	case 1:
		return s[0] >= 4
	case 2:
		return s[0] == 6 && s[1] == 7
	case 3:
		return s[0] == 3 && (s[1] == 2 || s[1] == 3) && s[2] == 4 || s[0] == 4 && s[1] == 6 && (s[2] == 4 || s[2] == 5)
	case 4:
		return s[0] == 4 && s[1] == 4 && s[2] == 4 && s[3] <= 4 || s[0] == 3 && (s[1] == 3 && s[2] == 3 && s[3] == 2 || s[1] == 4) || s[0] == 1 && s[1] == 3 && s[2] == 3 && s[3] == 4
	}
	return s[0] == 4 && s[1] == 4 && s[2] == 4 && s[3] == 4 && s[4] == 3 || s[0] == 2 && s[1] == 3 && s[2] == 3 && s[3] == 4 && s[4] == 2
}

// first returns the first k parts of g.
func (c *scan) first(g *group, k int) group {
	p := group{lo: g.lo, end: g.lo, groups: k, value: g.value, sizes: g.sizes}
	for i, n := range g.sizes[:k] {
		if i > 0 {
			if s := c.text[p.end]; p.sep == 0 {
				p.sep = s
			} else if p.sep != s {
				p.sep = '?'
			}
			p.end++
		}
		p.digits += n
		p.end += n
	}
	return p
}

// digitsBefore counts the digits before i, 32 at most.
func digitsBefore(t []byte, i int) int {
	n := 0
	for n < 32 && i-n > 0 && isDigit(t[i-n-1]) {
		n++
	}
	return n
}

// maxJoined is how many numbers beside a card are looked at on each side.
const maxJoined = 4

// cardStands reports whether a card's number stands alone but for other numbers and a word that are joined to it:
// "4111111111111111-12", "charge-4111111111111111".
func (c *scan) cardStands(lo, hi int) bool {
	t := c.text
	c.s.charge(16)
	for hops := 0; lo > 1 && (t[lo-1] == '-' || t[lo-1] == '.') && isDigit(t[lo-2]); hops++ {
		if hops == maxJoined {
			return true // a chain of numbers, whatever it begins with
		}
		lo -= digitsBefore(t, lo-1) + 1
	}
	for hops := 0; hi+1 < len(t) && (t[hi] == '-' || t[hi] == '.') && isDigit(t[hi+1]); hops++ {
		if hops == maxJoined {
			return true
		}
		hi = run(t[:min(len(t), hi+32)], hi+1, isDigit)
	}
	return c.stands(c.wordJoined(lo), hi)
}

// wordJoined returns where the word of letters starts that is joined to a number at lo, lo without one.
func (c *scan) wordJoined(lo int) int {
	if lo < 4 || c.text[lo-1] != '-' && c.text[lo-1] != '_' {
		return lo
	}
	w := lo - 1
	for w > 0 && lo-w < 24 && (isLetter(c.text[w-1]) || c.text[w-1] == '_') {
		w--
	}
	if lo-w > 3 && isLetter(c.text[lo-2]) {
		return w
	}
	return lo
}
