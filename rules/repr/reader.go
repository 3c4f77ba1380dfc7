package repr

import "bytes"

// Reader walks over a source. The zero Reader reads nothing; Reset gives it a
// source. It holds no memory of its own beside the fixed stack, so it may live
// on the caller's.
type Reader struct {
	src   []byte
	pos   int
	depth int // containers open, those over MaxDepth too
	key   Span
	stack [MaxDepth]Shape
	count [Angle + 1]int // how many of each shape are on stack, so that a bracket that closes nothing costs nothing
}

// Reset makes r read src from offset pos on.
func (r *Reader) Reset(src []byte, pos int) {
	r.src, r.pos, r.depth, r.key, r.count = src, pos, 0, Span{}, [Angle + 1]int{}
}

// Pos is the offset of the first byte that Next has not read.
func (r *Reader) Pos() int { return r.pos }

// Depth is how many containers are open.
func (r *Reader) Depth() int { return r.depth }

func (r *Reader) shape() Shape {
	if r.depth == 0 {
		return Plain
	}
	return r.stack[min(r.depth, MaxDepth)-1]
}

// Next gives the next token. It reports false at the end of the source and at a closing
// bracket that nothing opened; Pos tells which.
func (r *Reader) Next(t *Token) bool {
	for {
		r.skipSpace()
		if r.pos >= len(r.src) {
			return false
		}
		switch c := r.src[r.pos]; c {
		case '{':
			return r.open(t, Dict, r.pos, r.pos+1)
		case '[':
			return r.open(t, List, r.pos, r.pos+1)
		case '(':
			return r.open(t, Tuple, r.pos, r.pos+1)
		case '<':
			return r.open(t, Angle, r.pos, r.pos+1)
		case '}', ']', ')':
			if r.depth == 0 {
				return false
			}
			if r.close(t, c) {
				return true
			}
			r.pos++ // closes nothing here: not a value
		case '>':
			if r.shape() == Angle {
				return r.close(t, c)
			}
			r.pos++
		case ',':
			r.key = Span{}
			r.pos++
		case ':', '=', ';':
			r.pos++
		case '\'', '"':
			r.text(t, r.pos)
			if !r.becomesKey(t.Text) {
				return r.value(t)
			}
		default:
			if r.word(t) {
				return true
			}
		}
	}
}

func (r *Reader) skipSpace() {
	for r.pos < len(r.src) && class[r.src[r.pos]]&space != 0 {
		r.pos++
	}
}

// value finishes t with the key that waits for one.
func (r *Reader) value(t *Token) bool {
	t.Depth, t.Key, r.key = r.depth, r.key, Span{}
	return true
}

func (r *Reader) open(t *Token, shape Shape, start, end int) bool {
	*t = Token{Kind: Open, Shape: shape, Start: start, End: end, Text: Span{start, end - 1}}
	r.value(t)
	if r.depth < MaxDepth {
		r.stack[r.depth] = shape
		r.count[shape]++
	}
	r.depth++
	r.pos = end
	return true
}

// close ends the innermost container that c can end, and those inside of it.
func (r *Reader) close(t *Token, c byte) bool {
	if r.depth <= MaxDepth && !r.closable(c) {
		return false
	}
	for {
		r.depth--
		if r.depth >= MaxDepth {
			break
		}
		shape := r.stack[r.depth]
		r.count[shape]--
		if closes(shape, c) {
			break
		}
	}
	r.key = Span{}
	*t = Token{Kind: Close, Shape: r.stack[min(r.depth, MaxDepth-1)], Depth: r.depth, Start: r.pos, End: r.pos + 1}
	r.pos++
	return true
}

// closable reports whether c ends any open container.
func (r *Reader) closable(c byte) bool {
	switch c {
	case '}':
		return r.count[Dict] > 0
	case ']':
		return r.count[List] > 0
	case ')':
		return r.count[Tuple]+r.count[Call] > 0
	}
	return r.count[Angle] > 0
}

// text reads the literal whose opening quote stands at q; a prefix may begin before it.
func (r *Reader) text(t *Token, q int) {
	quote := r.src[q]
	*t = Token{Kind: String, Start: r.pos, Quote: quote}
	body := r.src[q+1:]
	n := bytes.IndexByte(body, quote)
	switch {
	case n < 0:
		n = len(body)
		t.Unclosed, t.Escaped = true, bytes.IndexByte(body, '\\') >= 0
		r.pos = len(r.src)
	case bytes.IndexByte(body[:n], '\\') < 0:
		r.pos = q + 1 + n + 1
	default:
		n = r.escaped(t, body, quote)
	}
	t.End, t.Text = r.pos, Span{q + 1, q + 1 + n}
}

// escaped finds the end of a literal that holds backslashes.
func (r *Reader) escaped(t *Token, body []byte, quote byte) int {
	t.Escaped = true
	base := len(r.src) - len(body)
	for i := 0; i < len(body); {
		switch body[i] {
		case '\\':
			i += 2
		case quote:
			r.pos = base + i + 1
			return i
		default:
			i++
		}
	}
	t.Unclosed, r.pos = true, len(r.src)
	return len(body)
}

// becomesKey reports whether what was just read is a dict key, and remembers it.
func (r *Reader) becomesKey(text Span) bool {
	if s := r.shape(); s != Dict && s != Plain {
		return false
	}
	i := r.pos
	for i < len(r.src) && class[r.src[i]]&space != 0 {
		i++
	}
	if i >= len(r.src) || r.src[i] != ':' {
		return false
	}
	r.key, r.pos = text, i+1
	return true
}

func closes(s Shape, c byte) bool {
	switch s {
	case Dict:
		return c == '}'
	case List:
		return c == ']'
	case Tuple, Call:
		return c == ')'
	case Angle:
		return c == '>'
	}
	return false
}
