package repr

// Classes of bytes.
const (
	space byte = 1 << iota
	ident      // of a name, a dotted path, a number
	stop       // ends a word
)

var class = [256]byte{
	' ': space, '\t': space, '\n': space, '\r': space, '\f': space, '\v': space,
	'_': ident, '.': ident, '+': ident, '-': ident, '%': ident, '#': ident, '$': ident, '@': ident, '/': ident, '\\': ident, '|': ident, '&': ident, '*': ident, '!': ident, '?': ident, '~': ident, '^': ident, '`': ident,
	'0': ident, '1': ident, '2': ident, '3': ident, '4': ident, '5': ident, '6': ident, '7': ident, '8': ident, '9': ident,
	'A': ident, 'B': ident, 'C': ident, 'D': ident, 'E': ident, 'F': ident, 'G': ident, 'H': ident, 'I': ident, 'J': ident, 'K': ident, 'L': ident, 'M': ident,
	'N': ident, 'O': ident, 'P': ident, 'Q': ident, 'R': ident, 'S': ident, 'T': ident, 'U': ident, 'V': ident, 'W': ident, 'X': ident, 'Y': ident, 'Z': ident,
	'a': ident, 'b': ident, 'c': ident, 'd': ident, 'e': ident, 'f': ident, 'g': ident, 'h': ident, 'i': ident, 'j': ident, 'k': ident, 'l': ident, 'm': ident,
	'n': ident, 'o': ident, 'p': ident, 'q': ident, 'r': ident, 's': ident, 't': ident, 'u': ident, 'v': ident, 'w': ident, 'x': ident, 'y': ident, 'z': ident,
	',': stop, '{': stop, '}': stop, '[': stop, ']': stop, '(': stop, ')': stop, '<': stop, '>': stop, '\'': stop, '"': stop, '=': stop, ':': stop, ';': stop,
}

// run returns the end of the run of word bytes at i. Bytes outside ASCII belong to words.
func (r *Reader) run(i int) int {
	for i < len(r.src) && (class[r.src[i]] == ident || r.src[i] >= 0x80) {
		i++
	}
	return i
}

// at returns the byte at i, or 0 behind the end.
func (r *Reader) at(i int) byte {
	if i < len(r.src) {
		return r.src[i]
	}
	return 0
}

// word reads what begins with neither bracket nor quote. It reports false when that was a
// key, which the next value takes.
func (r *Reader) word(t *Token) bool {
	start := r.pos
	end := r.apostrophes(start, r.run(start))
	if end == start { // a control character or the like
		end++
	}
	switch c := r.at(end); {
	case (c == '\'' || c == '"') && isPrefix(r.src[start:end]):
		r.text(t, end)
		markPrefix(t, r.src[start:end])
		return !r.becomesKey(t.Text) && r.value(t)
	case c == '(':
		return r.open(t, Call, start, end+1)
	case c == '=' && r.at(end+1) != '=':
		r.key, r.pos = Span{start, end}, end+1
		return false
	}
	kind := scalar(r.src[start:end])
	if kind == Word {
		end = r.phrase(end)
	}
	r.pos = end
	*t = Token{Kind: kind, Start: start, End: end, Text: Span{start, end}}
	if r.shape() == Dict && r.becomesKey(t.Text) {
		return false
	}
	return r.value(t)
}

// phrase takes more words to the one that ends at end, up to one that is a field's name, a
// call or a literal's prefix: <User: ann lee admin=True> has the word "User", then
// one of "ann lee".
func (r *Reader) phrase(end int) int {
	for {
		next := end
		for r.at(next) == ' ' {
			next++
		}
		stop := r.apostrophes(next, r.run(next))
		if stop == next {
			return end
		}
		switch r.at(stop) {
		case '=', '(', '\'', '"':
			return end
		}
		end = stop
	}
}

// apostrophes takes the rest of "can't" and "O'Brien" to the word: the quote behind letters that are no
// literal's prefix, with a letter behind it.
func (r *Reader) apostrophes(start, end int) int {
	for r.at(end) == '\'' && end > start && class[r.at(end+1)]&ident != 0 && !isPrefix(r.src[start:end]) {
		end = r.run(end + 1)
	}
	return end
}

func isPrefix(s []byte) bool {
	if len(s) > 2 {
		return false
	}
	for _, c := range s {
		switch c | 0x20 {
		case 'b', 'r', 'u', 'f':
		default:
			return false
		}
	}
	return true
}

func markPrefix(t *Token, s []byte) {
	for _, c := range s {
		switch c | 0x20 {
		case 'b':
			t.Bytes = true
		case 'r':
			t.Raw, t.Escaped = true, false
		}
	}
}

// scalar tells numbers and constants from words.
func scalar(s []byte) Kind {
	switch string(s) {
	case "None", "True", "False", "null", "true", "false", "NaN", "nan", "inf", "Infinity", "Ellipsis":
		return Constant
	case "...":
		return Cut
	}
	if numeric(s) {
		return Number
	}
	return Word
}

// numeric reports whether s reads like a Python or JSON number: digits first, then
// what their exponents, prefixes, suffixes and separators are made of.
func numeric(s []byte) bool {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	if len(s) > 0 && s[0] == '.' {
		s = s[1:]
	}
	if len(s) == 0 || s[0] < '0' || s[0] > '9' {
		return false
	}
	hex, digit := len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x', true
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9', c == '.', c == '_':
			digit = true
		case hex && (c|0x20 >= 'a' && c|0x20 <= 'f' || i == 1):
		case c|0x20 == 'e', (c == '+' || c == '-') && s[i-1]|0x20 == 'e':
			digit = false
		case c|0x20 == 'j' && i == len(s)-1, c|0x20 == 'o' && i == 1, c|0x20 == 'b' && i == 1:
		default:
			return false
		}
	}
	return digit
}
