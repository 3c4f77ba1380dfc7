package redact

import (
	"encoding/json"
	"slices"
	"sort"
	"unicode/utf8"
)

// apply makes the output out of the spans of s.
func (r *Redactor) apply(s *Scratch, text []byte) Result {
	if len(s.spans) == 0 {
		return Result{Text: text}
	}
	s.spans = r.settle(s, text)
	r.write(s, text)
	for range maxRounds {
		if !glued(s.out, text, s.edits) || !r.another(s, text) || s.work < 0 {
			break
		}
		r.write(s, text)
	}
	if len(s.edits) > 0 && text[0] == '{' && !json.Valid(s.out) && json.Valid(text) {
		s.spans = widenJSON(s.spans, text)
		r.write(s, text)
	}
	res := Result{Text: text, Findings: s.findings, edits: s.edits}
	if len(s.edits) > 0 {
		res.Text = s.out
	}
	return res
}

// maxRounds bounds the passes over our own output.
const maxRounds = 4

// glued reports whether something stands directly at a mark that is not what ends a value, or a mark took the
// place of signs that end one: then the output may read in another way than the input, and is looked at once more.
func glued(out, text []byte, edits []edit) bool {
	for _, e := range edits {
		for _, b := range text[e.inLo:e.inHi] {
			if structural[b] {
				return true
			}
		}
		if e.outHi < len(out) && !endsWord[out[e.outHi]] {
			return true
		}
		if e.outLo > 0 && isAlnum(out[e.outLo-1]) && slashesBefore(out, e.outLo-1) == 0 {
			return true
		}
	}
	return false
}

var structural = func() (t [256]bool) {
	for _, b := range " \t\n\r\"'`@#?[]{}()<>|" {
		t[b] = true
	}
	return t
}()

var endsWord = func() (t [256]bool) {
	for _, b := range " \t\n\r\"'`,;)]}&@\\|" {
		t[b] = true
	}
	return t
}()

// another looks for what only shows in the output, and widens the spans by it. It reports whether they changed.
func (r *Redactor) another(s *Scratch, text []byte) bool {
	if s.second == nil {
		s.second = new(Scratch)
	}
	if s.work < len(s.out) {
		s.work = -1 // what is left of the budget is not enough for a look
		return false
	}
	t := s.second
	t.reset(len(s.out))
	t.work = s.work
	r.scanLine(t, s.out)
	s.work = t.work
	t.spans = r.settle(t, s.out)
	before := len(s.spans)
	covered := coverage(s.spans)
	for _, sp := range t.spans {
		sp.start, sp.end = unmap(s.edits, sp.start, false), unmap(s.edits, sp.end, true)
		sp.hasFP, sp.noPrint = false, true
		s.spans = append(s.spans, sp)
	}
	s.spans = r.settle(s, text)
	return len(s.spans) != before || coverage(s.spans) != covered
}

func coverage(spans []span) int {
	n := 0
	for i := range spans {
		n += spans[i].end - spans[i].start
	}
	return n
}

// unmap returns where a place of the output comes from, the end of an edit for an end inside of one.
func unmap(edits []edit, at int, end bool) int {
	// the last edit that begins before at
	i := sort.Search(len(edits), func(i int) bool { return edits[i].outLo >= at }) - 1
	if i < 0 {
		return at
	}
	e := edits[i]
	switch {
	case at >= e.outHi:
		return at + e.inHi - e.outHi
	case end:
		return e.inHi
	}
	return e.inLo
}

// settle brings the spans into order: those that keep spans or policy rule out go, those that
// overlap become one.
func (r *Redactor) settle(s *Scratch, text []byte) []span {
	slices.SortFunc(s.marks, func(a, b element) int { return a.lo - b.lo }) // views come one after another
	kept := s.spans[:0]
	for _, sp := range s.spans {
		sp.end = min(sp.end, len(text))
		snap(&sp, text)
		s.spare(&sp)
		if sp.start < sp.end && !r.yields(s, &sp, text) && sp.start < sp.end {
			kept = append(kept, sp)
		}
	}
	slices.SortFunc(kept, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	out := kept[:0]
	for _, sp := range kept {
		if n := len(out); n > 0 && sp.start < out[n-1].end {
			r.join(&out[n-1], &sp)
			continue
		}
		out = append(out, sp)
	}
	return out
}

// spare takes off sp what would cut a mark that is there already: redacting again changes nothing.
func (s *Scratch) spare(sp *span) {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].hi > sp.start })
	for ; i < len(s.marks) && s.marks[i].lo < sp.end; i++ {
		m := s.marks[i]
		switch {
		case sp.start < m.lo && sp.end > m.hi:
		case sp.start >= m.lo && sp.end <= m.hi:
			sp.end = sp.start
			return
		case sp.start >= m.lo:
			sp.start = m.hi
		default:
			sp.end = m.lo
			return
		}
	}
}

// join makes one span of two that overlap: all that either hides, under the name of the one
// that knows more. When both cover the same bytes or one is the other's part, the better witness names it.
func (r *Redactor) join(a, b *span) {
	end := max(a.end, b.end)
	if r.rank(b) > r.rank(a) {
		start, quote, slashes := a.start, a.quote, a.slashes
		remember := a.remember
		*a = *b
		a.start, a.remember = start, a.remember || remember
		if a.quote == 0 {
			a.quote, a.slashes = quote, slashes
		}
	} else if a.key == "" {
		a.key = b.key
	}
	a.end = end
}

// rank orders the witnesses: a vendor's form knows best, then our own forms, the key's name, validators, memory.
func (r *Redactor) rank(sp *span) int {
	switch {
	case sp.relabel:
		return 0
	case sp.det >= detOwnEnd:
		return 9
	case sp.det == detPrivateKey || sp.det == detJWT:
		return 10
	case sp.det == detContinued || sp.det == detRemembered:
		return 1
	case sp.det == detTooDeep || sp.det == detPickle:
		return 2
	case sp.layer == PersonalData:
		return 4
	case sp.det == detSecret:
		return 5
	case sp.layer == Structure:
		return 6
	}
	return 7
}

// snap moves the ends of sp off the inside of a character or an escape.
func snap(sp *span, text []byte) {
	for sp.start > 0 && !utf8.RuneStart(text[sp.start]) && sp.start+utf8.UTFMax > sp.end-len(text) && text[sp.start] >= utf8.RuneSelf && insideRune(text, sp.start) {
		sp.start--
	}
	for sp.end < len(text) && insideRune(text, sp.end) {
		sp.end++
	}
	if slashesBefore(text, sp.start)%2 == 1 && sp.start < len(text) && text[sp.start] != '\\' {
		sp.start--
	}
	if n := slashesBefore(text, sp.end); n%2 == 1 && sp.end < len(text) && sp.end-1 > sp.start && !isQuote(text[sp.end]) {
		sp.end--
	}
}

// insideRune reports whether i stands inside of a valid UTF-8 sequence.
func insideRune(text []byte, i int) bool {
	if utf8.RuneStart(text[i]) {
		return false
	}
	for back := 1; back < utf8.UTFMax && i-back >= 0; back++ {
		if utf8.RuneStart(text[i-back]) {
			_, n := utf8.DecodeRune(text[i-back:])
			return n > back
		}
	}
	return false
}
