package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"strconv"
)

// fingerprint sets sp.fp to the first 8 bytes of HMAC-SHA-256 of the value under the deployment's key.
// The value is taken as its owner would type it: escapes of any carrier undone, line ends of a key
// left out, so that one secret has one fingerprint wherever it turns up.
func (r *Redactor) fingerprint(s *Scratch, sp *span, value []byte) {
	s.charge(256 + len(value))
	s.value = canonical(s.value[:0], value, sp.det == detPrivateKey)
	r.sum(s, &sp.fp, s.value)
	sp.hasFP = true
}

func (r *Redactor) sum(s *Scratch, dst *[fingerprintN]byte, value []byte) {
	if s.owner != r || s.macs == nil {
		s.owner, s.macs = r, hmac.New(sha256.New, r.key)
	}
	s.macs.Reset()
	s.macs.Write(value)
	var full [sha256.Size]byte
	copy(dst[:], s.macs.Sum(full[:0]))
}

// Fingerprint returns the fingerprint of a value as an analyst would look it up, and those under
// the previous keys.
func (r *Redactor) Fingerprint(value []byte) (current [8]byte, previous [][8]byte) {
	var s Scratch
	v := canonical(nil, value, false)
	r.sum(&s, &current, v)
	for _, key := range r.previous {
		mac := hmac.New(sha256.New, key)
		mac.Write(v)
		previous = append(previous, [8]byte(mac.Sum(nil)))
	}
	return current, previous
}

// canonical appends value with the escapes of its carriers undone.
func canonical(dst, value []byte, key bool) []byte {
	base := len(dst)
	dst = append(dst, value...)
	for range 3 {
		b := dst[base:]
		w, changed := 0, false
		for i := 0; i < len(b); {
			if c, n := escapeAt(b[i:]); n > 0 {
				var buf [4]byte
				e := appendEscaped(buf[:0], c)
				w += copy(b[w:], e)
				i += n
				changed = true
				continue
			}
			if b[i] == '\\' && i+1 < len(b) {
				if n := lineBreak(b[i:]); n > 0 {
					b[w] = '\n'
					w, i, changed = w+1, i+n, true
					continue
				}
				if isQuote(b[i+1]) || b[i+1] == '\\' || b[i+1] == '/' {
					i, changed = i+1, true
				}
			}
			b[w] = b[i]
			w, i = w+1, i+1
		}
		dst = dst[:base+w]
		if !changed {
			break
		}
	}
	if key {
		b := dst[base:]
		w := 0
		for i := 0; i < len(b); {
			if n := lineBreak(b[i:min(len(b), i+8)]); n > 0 {
				i += n
				continue
			}
			if isB64(b[i]) || b[i] == '=' {
				b[w] = b[i]
				w++
			}
			i++
		}
		dst = dst[:base+w]
	}
	return dst
}

// withhold replaces a whole text by our own words: its size, a keyed hash to find it by, the reason.
func (r *Redactor) withhold(s *Scratch, text []byte, why string) Result {
	var sum [fingerprintN]byte
	r.sum(s, &sum, text)
	s.out = append(s.out[:0], "[destring withheld this text: "...)
	s.out = append(s.out, why...)
	s.out = append(s.out, ", "...)
	s.out = strconv.AppendInt(s.out, int64(len(text)), 10)
	s.out = append(s.out, " bytes, hash "...)
	for _, b := range sum {
		s.out = append(s.out, "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
	}
	s.out = append(s.out, ']')
	s.findings = append(s.findings[:0], Finding{Detector: "withheld", Class: Integrity, Severity: High, End: len(text), OutEnd: len(s.out), Rule: why})
	s.edits = append(s.edits[:0], edit{0, len(text), 0, len(s.out)})
	s.spans = s.spans[:0]
	return Result{Text: s.out, Findings: s.findings, Withheld: why, edits: s.edits}
}
