package redact

import (
	"bytes"

	"destring/rules/event"
)

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
		if !sp.relabel && (action == Hash || r.detectors[sp.det].Fingerprint && !sp.noPrint && !r.strict) {
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
