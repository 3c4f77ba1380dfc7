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
	end := r.run(start)
	if end == start { // a control character or the like
		end++
	}
	switch c := r.at(end); {
	case (c == '\'' || c == '"') && prefix(r.src[start:end]):
		r.text(t, end)
		marks(t, r.src[start:end])
		return !r.becomesKey(t.Text)
	case c == '(':
		r.open(t, Call, start, end+1)
		// open has taken the key; value, called by Next, must find it again.
		r.key, r.depth = t.Key, r.depth-1
		return r.reopened(t)
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
	return !r.becomesKey(t.Text)
}
