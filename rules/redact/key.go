package redact

import (
	"unicode"
	"unicode/utf8"
)

// key looks at a word of the vocabulary found at [lo,hi): is it the end of a key's name, and
// what value stands behind it? It reports whether the word was a key.
func (c *scan) key(n *noun, lo, hi int) bool {
	if !c.bounded(n, lo) {
		return false
	}
	ke, verdict := c.tail(hi)
	if verdict == tailTelling {
		c.left(n.detector, Structure, lo, ke, "the name goes on: it is about the secret, not the secret")
		return false
	}
	ks := c.nameStart(lo)
	if hi-lo <= 4 && c.chance(n, ks, lo, hi, ke) {
		return false
	}
	if n.alone && (ks != lo || ke != hi) {
		return false
	}
	if n.compound && (hasPrefixFold(c.text[hi:], "hash") || hasPrefixFold(c.text[hi:], "_hash")) {
		return false // of a public key, as in certificates
	}
	if n.compound && c.qualified(ks, lo, publicKeys) != qualifierOther {
		return false
	}
	k := keyName{noun: n, lo: ks, word: lo, hi: ke, strength: n.strength}
	if verdict == tailUnknown {
		k.strength = weak
	}
	if (n.text == "token" || n.text == "tokens") && c.qualified(ks, lo, publicTokens) == qualifierPublic {
		k.strength = weak
		if !c.r.strict {
			return false
		}
	}
	if c.r.strict {
		k.strength = max(k.strength, medium)
	}
	if n.query && !c.inQuery(ks) {
		return false
	}
	c.s.charge(ke - ks)
	return c.assigned(&k)
}

// chance reports whether the short word at [lo,hi) stands in the name at [ks,ke) by chance: random identifiers hold "PsW" and "9pw".
func (c *scan) chance(n *noun, ks, lo, hi, ke int) bool {
	if hi-lo <= 3 {
		if lo > ks && isDigit(c.text[lo-1]) && isAlnum(c.text[lo]) && hi-lo < ke-ks {
			return true
		}
		if isUpper(c.text[lo]) && isUpper(c.text[hi-1]) != isUpper(c.text[lo+1]) || isLower(c.text[lo]) && isUpper(c.text[lo+1]) {
			return true
		}
	}
	changes := 0 // from letters to digits
	for i := ks + 1; i < ke; i++ {
		if isDigit(c.text[i]) && isLetter(c.text[i-1]) {
			changes++
		}
	}
	return changes >= 3 || changes == 2 && ke-ks > 16 && c.r.detectors[n.detector].Class == Personal
}

type qualifier uint8

const (
	qualifierNone qualifier = iota
	qualifierPublic
	qualifierOther
)

// qualified says whether the word before lo in the name that starts at ks is one of public, another, or none.
func (c *scan) qualified(ks, lo int, public map[string]bool) qualifier {
	e := lo
	for e > ks && !isAlnum(c.text[e-1]) {
		e--
	}
	w := e
	for w > ks && isLetter(c.text[w-1]) && (w == e || !isUpper(c.text[w]) || isUpper(c.text[w-1])) {
		w--
	}
	var low [24]byte
	switch {
	case w == e || e-w > len(low):
		return qualifierNone
	case public[string(lowered(low[:0], c.text[w:e]))]:
		return qualifierPublic
	}
	return qualifierOther
}

// keyName is a key's name in the text.
type keyName struct {
	noun         *noun
	lo, word, hi int // the name, its telling word, its end
	strength     strength
	quote        byte // the quote round it, 0 without
	slashes      int
	dashes       bool // an option of a command line
}

// bounded reports whether the word at lo begins where a word may begin.
func (c *scan) bounded(n *noun, lo int) bool {
	if lo == 0 || n.glued && !deniedPrefix(c.text, lo) {
		return true
	}
	b := c.text[lo-1]
	switch {
	case b >= utf8.RuneSelf:
		r, _ := utf8.DecodeLastRune(c.text[:lo])
		return !unicode.IsLetter(r) || c.text[lo] >= utf8.RuneSelf && r >= 0x2E80
	case !isLetter(b):
		return true
	case isUpper(c.text[lo]) && (isLower(b) || lo+1 < len(c.text) && isLower(c.text[lo+1])):
		return true
	}
	return escapedLetter(c.text, lo-1)
}

// deniedPrefix names the few words that end like a credential and are none.
func deniedPrefix(text []byte, lo int) bool {
	return lo >= 2 && isLetter(text[lo-1]) && (hasSuffixFold(text[:lo], "by") || hasSuffixFold(text[:lo], "com"))
}

// escapedLetter reports whether the letter at i belongs to an escape such as \n.
func escapedLetter(text []byte, i int) bool {
	switch text[i] {
	case 'n', 'r', 't', 'b', 'f', 'v':
		return slashesBefore(text, i)%2 == 1
	case 'm': // the end of an ANSI colour
		j := i
		for j > 0 && i-j < 12 && (isDigit(text[j-1]) || text[j-1] == ';') {
			j--
		}
		return j > 0 && text[j-1] == '[' && escapeBefore(text[:j-1])
	}
	return false
}

// escapeBefore reports whether text ends with ESC, raw or as Python, JSON, C and rsyslog write it.
func escapeBefore(text []byte) bool {
	if len(text) > 0 && text[len(text)-1] == 0x1b {
		return true
	}
	for _, esc := range [...]string{`\x1b`, "#033", `\u001b`, `\033`, `\e`, "%1b"} {
		if hasSuffixFold(text, esc) {
			return true
		}
	}
	return false
}

// slashesBefore counts the backslashes directly before i.
func slashesBefore(text []byte, i int) int {
	n := 0
	for i-n > 0 && n < 64 && text[i-n-1] == '\\' {
		n++
	}
	return n
}

type tailVerdict uint8

const (
	tailNone    tailVerdict = iota // the name ends here, or goes on with words that change nothing
	tailUnknown                    // it goes on with a word that we do not know
	tailTelling                    // it goes on with a word that makes it something else
)

// tail reads what is left of a name after its noun.
func (c *scan) tail(hi int) (int, tailVerdict) {
	verdict := tailNone
	i := hi
	if hi < len(c.text) && c.text[hi] >= utf8.RuneSelf && copulaLen(c.text[hi:]) > 0 {
		return hi, tailNone
	}
	for i < len(c.text) && i-hi < maxKeyName {
		start := i
		for i < len(c.text) && (c.text[i] == '_' || c.text[i] == '-' || c.text[i] == '.') {
			i++
		}
		w := i
		for i < len(c.text) && isDigit(c.text[i]) {
			i++
		}
		if i > w {
			continue
		}
		for i < len(c.text) && c.letter(i) {
			if i > w && isUpper(c.text[i]) && isLower(c.text[i-1]) {
				break
			}
			i++
		}
		if i == w {
			return start, verdict
		}
		word := c.text[w:i]
		var low [24]byte
		switch {
		case w == start && w == hi && !isUpper(word[0]) && word[0]|0x20 != 's' && word[0] < utf8.RuneSelf, w == start && w == hi && len(word) > 1 && isLower(word[0]):
			// the word itself goes on: "tokenizer", "passwordless"
			return i, tailTelling
		case len(word) > len(low):
			verdict = tailUnknown
		case telling[string(lowered(low[:0], word))]:
			return i, tailTelling
		case w == start && w == hi && word[0] >= utf8.RuneSelf:
			verdict = tailUnknown
		case !transparent[string(lowered(low[:0], word))]:
			verdict = tailUnknown
		}
	}
	return i, verdict
}

// letter reports whether the byte at i is of a letter.
func (c *scan) letter(i int) bool {
	b := c.text[i]
	if b < utf8.RuneSelf {
		return isLetter(b)
	}
	for i > 0 && !utf8.RuneStart(c.text[i]) {
		i--
	}
	r, _ := utf8.DecodeRune(c.text[i:])
	return unicode.IsLetter(r) || unicode.IsMark(r)
}

// nameStart walks back from lo over the characters of a name.
func (c *scan) nameStart(lo int) int {
	i := lo
	for i > 0 && lo-i < maxKeyName {
		b := c.text[i-1]
		switch {
		case b < utf8.RuneSelf && (isLetter(b) || isDigit(b) || b == '_' || b == '-' || b == '.' || b == '$'):
			if isLetter(b) && escapedLetter(c.text, i-1) {
				return i
			}
			i--
			continue
		case b >= utf8.RuneSelf:
			r, n := utf8.DecodeLastRune(c.text[:i])
			if unicode.IsLetter(r) || unicode.IsMark(r) {
				i -= n
				continue
			}
		}
		break
	}
	// "#012password": three digits of an escaped control character are no part of the name.
	if i > 0 && c.text[i-1] == '#' && i+3 <= lo && isDigit(c.text[i]) && isDigit(c.text[i+1]) && isDigit(c.text[i+2]) {
		i += 3
	}
	return i
}

// inQuery reports whether the name at ks is a parameter of a URL.
func (c *scan) inQuery(ks int) bool {
	return ks > 0 && (c.text[ks-1] == '?' || c.text[ks-1] == '&' || ks > 4 && string(c.text[ks-5:ks]) == "&amp;")
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func isUpper(b byte) bool  { return b >= 'A' && b <= 'Z' }
func isLower(b byte) bool  { return b >= 'a' && b <= 'z' }
func isDigit(b byte) bool  { return b >= '0' && b <= '9' }
func isAlnum(b byte) bool  { return isLetter(b) || isDigit(b) }
func isSpace(b byte) bool  { return b == ' ' || b >= '\t' && b <= '\r' }

func lowered(dst, b []byte) []byte {
	for _, c := range b {
		if isUpper(c) {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func hasPrefixFold(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := b[i]
		if isUpper(c) {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func hasSuffixFold(b []byte, lower string) bool {
	return len(b) >= len(lower) && hasPrefixFold(b[len(b)-len(lower):], lower)
}
