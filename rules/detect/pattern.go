package detect

import (
	"bytes"
	"unicode/utf8"
)

// pattern is a Sigma string: literal text, `*`, `?` and, after windash, places
// where any dash will do. Parts between stars are pieces.
type pattern struct {
	cased     bool
	openStart bool // begins with a star
	openEnd   bool
	pieces    []piece
}

// A piece has one length at any place it matches: plain bytes, or elements.
type piece struct {
	plain    []byte
	elements []element // only when the piece is more than plain bytes
}

type element struct {
	kind  elementKind
	plain []byte
}

type elementKind uint8

const (
	elementPlain elementKind = iota
	elementOne               // `?`
	elementDash
	elementStar // only in the raw form, before pieces are cut
)

// dashes are the five that windash takes for one another.
var dashes = [...]string{"-", "/", "–", "—", "―"}

// parseString reads the escapes of "Escape Character" in the rules
// specification: a backslash escapes `*`, `?` and itself, and is itself otherwise.
func parseString(s string) []element {
	var out []element
	var plain []byte
	flush := func(k elementKind) {
		if len(plain) > 0 {
			out = append(out, element{elementPlain, plain})
			plain = nil
		}
		out = append(out, element{kind: k})
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '?' || s[i+1] == '\\'):
			i++
			plain = append(plain, s[i])
		case c == '*':
			flush(elementStar)
		case c == '?':
			flush(elementOne)
		default:
			plain = append(plain, c)
		}
	}
	if len(plain) > 0 {
		out = append(out, element{elementPlain, plain})
	}
	return out
}

// spreadDashes turns each dash of a plain element into a place for any dash.
func spreadDashes(in []element) []element {
	var out []element
	for _, e := range in {
		if e.kind != elementPlain {
			out = append(out, e)
			continue
		}
		from := 0
		for i := 0; i < len(e.plain); {
			n := dashAt(e.plain[i:])
			if n == 0 {
				i++
				continue
			}
			if i > from {
				out = append(out, element{elementPlain, e.plain[from:i]})
			}
			out = append(out, element{kind: elementDash})
			i += n
			from = i
		}
		if from < len(e.plain) {
			out = append(out, element{elementPlain, e.plain[from:]})
		}
	}
	return out
}

// dashAt returns the length of the dash that s begins with, or 0.
func dashAt(s []byte) int {
	for _, d := range dashes {
		if len(s) >= len(d) && string(s[:len(d)]) == d {
			return len(d)
		}
	}
	return 0
}

// newPattern cuts elements at their stars and folds them unless cased.
func newPattern(in []element, cased bool) *pattern {
	p := &pattern{cased: cased}
	var current []element
	cut := func() {
		if len(current) > 0 {
			p.pieces = append(p.pieces, newPiece(current, cased))
			current = nil
		}
	}
	for i, e := range in {
		if e.kind != elementStar {
			current = append(current, e)
			continue
		}
		cut()
		p.openStart = p.openStart || i == 0
		p.openEnd = i == len(in)-1
	}
	cut()
	return p
}

func newPiece(elements []element, cased bool) piece {
	for i, e := range elements {
		if e.kind == elementPlain && !cased {
			elements[i].plain = appendFold(nil, e.plain)
		}
	}
	if len(elements) == 1 && elements[0].kind == elementPlain {
		return piece{plain: elements[0].plain}
	}
	return piece{elements: elements}
}

// match reports whether all of text is of the pattern. text is folded unless
// the pattern is cased.
func (p *pattern) match(text []byte) bool {
	pieces := p.pieces
	if len(pieces) == 0 {
		return len(text) == 0 || p.openStart
	}
	if !p.openStart {
		n := pieces[0].at(text)
		if n < 0 {
			return false
		}
		text, pieces = text[n:], pieces[1:]
		if len(pieces) == 0 {
			return p.openEnd || len(text) == 0
		}
	}
	for len(pieces) > 1 || p.openEnd && len(pieces) == 1 {
		at, n := pieces[0].find(text)
		if at < 0 {
			return false
		}
		text, pieces = text[at+n:], pieces[1:]
	}
	return len(pieces) == 0 || pieces[0].ends(text)
}

// at returns how long the piece is at the start of text, or -1.
func (p *piece) at(text []byte) int {
	if p.elements == nil {
		if !bytes.HasPrefix(text, p.plain) {
			return -1
		}
		return len(p.plain)
	}
	at := 0
	for i := range p.elements {
		e, rest, n := &p.elements[i], text[at:], 0
		switch e.kind {
		case elementOne:
			_, n = utf8.DecodeRune(rest)
		case elementDash:
			n = dashAt(rest)
		default:
			if bytes.HasPrefix(rest, e.plain) {
				n = len(e.plain)
			}
		}
		if n == 0 {
			return -1
		}
		at += n
	}
	return at
}

// find returns where in text the piece first matches and how long it is there.
func (p *piece) find(text []byte) (at, n int) {
	if p.elements == nil {
		return bytes.Index(text, p.plain), len(p.plain)
	}
	first := p.elements[0]
	for at = 0; at < len(text); at++ {
		if first.kind == elementPlain {
			next := bytes.Index(text[at:], first.plain)
			if next < 0 {
				return -1, 0
			}
			at += next
		} else if !utf8.RuneStart(text[at]) {
			continue
		}
		if n = p.at(text[at:]); n >= 0 {
			return at, n
		}
	}
	return -1, 0
}

// ends reports whether text ends with the piece.
func (p *piece) ends(text []byte) bool {
	if p.elements == nil {
		return bytes.HasSuffix(text, p.plain)
	}
	// An element is at most four bytes longer than the shortest one of its kind.
	shortest, spread := 0, 0
	for _, e := range p.elements {
		if e.kind == elementPlain {
			shortest += len(e.plain)
		} else {
			shortest++
			spread += utf8.UTFMax - 1
		}
	}
	for n := shortest; n <= shortest+spread && n <= len(text); n++ {
		if tail := text[len(text)-n:]; p.at(tail) == n {
			return true
		}
	}
	return false
}

// literal returns the longest plain text that everything of the pattern contains.
func (p *pattern) literal() []byte {
	var best []byte
	for _, piece := range p.pieces {
		if len(piece.plain) > len(best) {
			best = piece.plain
		}
		for _, e := range piece.elements {
			if len(e.plain) > len(best) {
				best = e.plain
			}
		}
	}
	return best
}
