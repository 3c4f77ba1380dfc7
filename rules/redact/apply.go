package redact

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"destring/rules/event"
)

// apply makes the output out of the spans of s.
func (r *Redactor) apply(s *Scratch, text []byte) Result {
	if len(s.spans) == 0 {
		return Result{Text: text}
	}
	s.spans = r.settle(s, text)
	r.write(s, text)
	for range maxRounds {
		if !glued(s.out, text, s.edits) || !r.another(s, text) {
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
	t := s.second
	t.reset(len(s.out))
	t.work = min(t.work, s.work)
	r.scanLine(t, s.out)
	s.work = min(s.work, t.work)
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
	shift := 0
	for _, e := range edits {
		if at <= e.outLo {
			break
		}
		if at < e.outHi {
			if end {
				return e.inHi
			}
			return e.inLo
		}
		shift = e.inHi - e.outHi
	}
	return at + shift
}

// settle brings the spans into order: those that keep spans or policy rule out go, those that
// overlap become one.
func (r *Redactor) settle(s *Scratch, text []byte) []span {
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
	for _, m := range s.marks {
		switch {
		case sp.end <= m.lo || sp.start >= m.hi || sp.start < m.lo && sp.end > m.hi:
		case sp.start >= m.lo && sp.end <= m.hi:
			sp.end = sp.start
			return
		case sp.start >= m.lo:
			sp.start = m.hi
		default:
			sp.end = m.lo
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
	case sp.det == detTooDeep:
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

// yields reports whether sp gives way to a span that the caller keeps: an identifier stays
// unless it is shaped like a critical secret. A span that only touches one is trimmed.
func (r *Redactor) yields(s *Scratch, sp *span, text []byte) bool {
	if sp.relabel || sp.det >= detOwnEnd || sp.det == detPrivateKey || sp.det == detJWT {
		return false
	}
	for _, k := range s.keep {
		lo, hi := int(k.Start), min(int(k.End), len(text))
		switch {
		case lo >= hi || sp.end <= lo || sp.start >= hi:
		case sp.start >= lo && sp.end <= hi:
			r.note(s, sp, "an identifier of the record")
			return true
		case sp.start < lo && sp.end <= hi:
			sp.end = lo
		case sp.start >= lo && sp.end > hi:
			sp.start = hi
		}
	}
	return false
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

// write fills s.out, s.findings and s.edits from the settled spans.
func (r *Redactor) write(s *Scratch, text []byte) {
	s.out, s.findings, s.edits = s.out[:0], s.findings[:0], s.edits[:0]
	at := 0
	for i := range s.spans {
		sp := &s.spans[i]
		action, why := r.action(s, sp, text)
		f := Finding{Detector: r.detectors[sp.det].Name, Class: r.detectors[sp.det].Class, Severity: r.detectors[sp.det].Severity,
			Start: sp.start, End: sp.end, Key: sp.key, Layer: sp.layer, Rule: sp.rule, Action: action}
		if action == Keep {
			r.note(s, sp, why)
			f.OutStart, f.OutEnd = len(s.out)+sp.start-at, len(s.out)+sp.end-at
			if why != "" {
				s.findings = append(s.findings, f)
			}
			continue
		}
		s.out = append(s.out, text[at:sp.start]...)
		at = sp.end
		if !sp.relabel && (action == Hash || r.detectors[sp.det].Fingerprint && !sp.noPrint) {
			if !sp.hasFP {
				r.fingerprint(s, sp, text[sp.start:sp.end])
			}
			f.Fingerprint, f.HasFingerprint = sp.fp, true
		}
		s.out, f.OutStart, f.OutEnd = r.replace(s.out, sp, &f, text)
		s.findings = append(s.findings, f)
		s.edits = append(s.edits, edit{sp.start, sp.end, f.OutStart, len(s.out)})
		s.edits[len(s.edits)-1].outLo = min(f.OutStart, s.edits[len(s.edits)-1].outLo)
	}
	s.out = append(s.out, text[at:]...)
}

// replace appends what stands for the value of sp and returns the range of it.
func (r *Redactor) replace(out []byte, sp *span, f *Finding, text []byte) ([]byte, int, int) {
	if sp.relabel {
		lo := len(out)
		out = append(out, foreignWord...)
		return out, lo, len(out)
	}
	quote, slashes := bareNumber(text, sp)
	if quote == 0 {
		quote, slashes = sp.quote, int(sp.slashes)
	}
	lo := len(out)
	out = appendQuote(out, quote, slashes)
	if f.Action != Drop {
		var fp *[fingerprintN]byte
		if f.HasFingerprint {
			fp = &f.Fingerprint
		}
		out = appendMark(out, f.Detector, fp)
		out = append(out, r.partial(sp, text)...)
	}
	out = appendQuote(out, quote, slashes)
	return out, lo, len(out)
}

func appendQuote(out []byte, quote byte, slashes int) []byte {
	if quote == 0 {
		return out
	}
	for range slashes {
		out = append(out, '\\')
	}
	return append(out, quote)
}

// bareNumber returns the quotes that a mark needs in the place of a JSON number: those of the
// member's name, with as many backslashes.
func bareNumber(text []byte, sp *span) (byte, int) {
	for _, b := range text[sp.start:sp.end] {
		if !isDigit(b) && b != '.' && b != '-' && b != '+' && b != 'e' && b != 'E' {
			return 0, 0
		}
	}
	if sp.end < len(text) {
		if b := text[sp.end]; b != ',' && b != '}' && b != ']' && b != ')' && !isSpace(b) {
			return 0, 0
		}
	}
	i := sp.start
	for i > 0 && text[i-1] == ' ' {
		i--
	}
	if i > 0 && (text[i-1] == ',' || text[i-1] == '[') { // an element of a list
		for n := 0; i > 0 && n < 1024 && text[i-1] != '['; n++ {
			i--
		}
		if i == 0 {
			return 0, 0
		}
		i--
		for i > 0 && text[i-1] == ' ' {
			i--
		}
	}
	if i < 2 || text[i-1] != ':' {
		return 0, 0
	}
	i--
	for i > 0 && text[i-1] == ' ' {
		i--
	}
	if i == 0 || text[i-1] != '"' && text[i-1] != '\'' {
		return 0, 0
	}
	return text[i-1], slashesBefore(text, i-1)
}

// widenJSON replaces spans that would break a JSON line by the whole scalars that they touch.
func widenJSON(spans []span, text []byte) []span {
	var out []span
	next := 0
	add := func(lo, hi int, quoted bool) {
		for next < len(spans) && spans[next].end <= lo {
			next++
		}
		if next < len(spans) && spans[next].start < hi && lo < hi {
			sp := spans[next]
			sp.start, sp.end, sp.relabel, sp.quote, sp.hasFP, sp.noPrint = lo, hi, false, 0, false, true
			if !quoted {
				sp.quote, sp.slashes = '"', 0
			}
			out = append(out, sp)
		}
	}
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == '"':
			lo := i + 1
			for i = lo; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			hi := min(i, len(text))
			i = hi + 1
			rest := bytes.TrimLeft(text[min(i, len(text)):], " \t\r\n")
			if len(rest) > 0 && rest[0] == ':' && lo < hi {
				add(lo, hi, true) // a member's name that holds a secret
				continue
			}
			add(lo, hi, true)
		case isDigit(b) || b == '-' || isLetter(b):
			lo := i
			i = run(text, i, func(b byte) bool { return isAlnum(b) || b == '.' || b == '-' || b == '+' })
			add(lo, i, false)
		default:
			i++
		}
	}
	return out
}

// Map returns where a span of the input stands in the output, widened over marks that it cuts.
func (res *Result) Map(span event.Span) (start, end int) {
	start, end = int(span.Start), int(span.End)
	lo, hi := start, end
	shift := 0
	for _, e := range res.edits {
		if e.inLo >= hi {
			break
		}
		delta := (e.outHi - e.outLo) - (e.inHi - e.inLo)
		if e.inHi <= lo {
			shift += delta
			continue
		}
		if e.inLo < lo {
			start = e.inLo
		}
		if e.inHi > hi {
			end = e.inHi
		}
		break
	}
	start = start + shift
	shift = 0
	for _, e := range res.edits {
		if e.inLo >= hi {
			break
		}
		shift += (e.outHi - e.outLo) - (e.inHi - e.inLo)
		if e.inHi > hi {
			end = e.inHi
		}
	}
	return start, end + shift
}
