package redact

import (
	"encoding/binary"
	"slices"
)

// carry is what one record leaves open for the next on the same connection.
type carry struct {
	hid    bool // an earlier record held a piece of the key that is open
	pem    int  // records that may still hold a body of a private key; 0: none is open
	misses int  // records in a row that held none: of other processes, as a rule
	value  bool // the last record ended inside a credential's value
	quoted bool // and inside of its quotes
}

const (
	maxPEMRecords = 512 // per-line records of one key; a longer one would hide a connection for good
	maxPEMMisses  = 8   // records of something else that end it
	// A record is cut by transports at 1 kB and more; shorter ones end where they end.
	minCut = 900
)

// open notes a private key whose end is not in this record.
func (s *carry) open(closed, atEnd bool) {
	if closed {
		s.pem = 0
	} else if atEnd {
		s.pem, s.misses, s.hid = maxPEMRecords, 0, false
	}
}

func (s *carry) closePEM() { s.pem = 0 }

// beside is what is open after a text that stood beside the messages left aside open: that text neither uses
// up nor closes what a message opened, but a piece of a key in it shows that the key still comes.
func (s carry) beside(aside carry) carry {
	if s.pem > 0 && aside.hid && aside.misses == 0 {
		s.hid, s.misses = true, 0
	}
	return s.with(aside)
}

// with is s and what other opened where s has nothing open.
func (s carry) with(other carry) carry {
	if !s.value {
		s.value, s.quoted = other.value, other.quoted
	}
	if s.pem == 0 {
		s.pem, s.misses, s.hid = other.pem, other.misses, other.hid
	}
	return s
}

// resume hides what the last record left open: the rest of a key, the rest of a cut value.
func (r *Redactor) resume(s *Scratch, text []byte) {
	if s.carry.value {
		s.carry.value = false
		r.resumeValue(s, text)
	}
	if s.carry.pem > 0 {
		s.carry.pem--
		r.resumePEM(s, text)
	}
}

// resumeValue hides the head of a record that goes on in the middle of a value: up to the quote that
// closes it, or to the first blank. A record with a head of its own is a new one.
func (r *Redactor) resumeValue(s *Scratch, text []byte) {
	if len(text) == 0 || text[0] == '[' || text[0] == '{' || text[0] == '<' || isSpace(text[0]) {
		return
	}
	hi := 0
	for hi < len(text) && hi < maxValue && !isSpace(text[hi]) && !isQuote(text[hi]) && text[hi] != '\\' && text[hi] != ',' && text[hi] != '&' {
		hi++
	}
	if hi > 0 && (s.carry.quoted || !words(text[:hi])) {
		s.spans = append(s.spans, span{start: 0, end: hi, det: detContinued, layer: Memory, rule: "cut-value", noPrint: true})
	}
}

// resumePEM hides the lines of a key that began in an earlier record: one line a record, or the rest
// of a record that was cut.
func (r *Redactor) resumePEM(s *Scratch, text []byte) {
	c := scan{r: r, s: s, text: text, v: &view{text: text}}
	hidden := false
	for i := 0; i < len(text); {
		if n := lineBreak(text[i:min(len(text), i+16)]); n > 0 {
			i += n
			continue
		}
		if !isStdB64(text[i]) {
			i++
			continue
		}
		hi := run(text, i, isStdB64)
		for hi < len(text) && text[hi] == '=' {
			hi++
		}
		if s.carry.keyPiece(text, i, hi, hidden) {
			c.emit(span{det: detPrivateKey, layer: Memory, rule: "continued"}, i, hi)
			hidden = true
		}
		i = hi + 1
	}
	switch {
	case hidden:
		s.carry.hid, s.carry.misses = true, 0
	case len(text) > 0:
		if s.carry.misses++; s.carry.misses > maxPEMMisses {
			s.carry.pem = 0
		}
	}
}

// Remembered values: a table of keyed hashes, so that the memory of a connection holds no secret.
const (
	minRemembered = 8
	memorySize    = 64
	memoryRecords = 2000 // a value is forgotten after so many records
	stride        = 4    // bytes between the places that recall looks at
	filterBits    = 15   // 4 kB; full, it lets one place of 128 pass
)

type memory struct {
	entries [memorySize]remembered
	used    int
	next    int
	clock   uint32
	filter  [1 << filterBits / 64]uint64 // of four bytes each: most places are ruled out by one load
	heads   [64]uint64                   // of the heads of values, for the places that are left
}

type remembered struct {
	head   uint64         // hash of the first minRemembered bytes, under the key
	grams  [stride]uint16 // the bits in the filter
	length int
	sum    [fingerprintN]byte
	det    detectorID
	born   uint32
}

// remember keeps the keyed hashes of the values found under credentials' names in this record, and
// whether the record was cut inside of one.
func (r *Redactor) remember(s *Scratch, text []byte) {
	m := &s.memory
	m.clock++
	for i := range s.spans {
		sp := &s.spans[i]
		if sp.end >= len(text) && len(text) >= minCut && (sp.layer == Structure || sp.det >= detOwnEnd || sp.det == detJWT || sp.det == detBearer) {
			s.carry.value, s.carry.quoted = true, sp.open || s.carry.quoted && s.carry.value
		}
		if !sp.remember || sp.end-sp.start < minRemembered || sp.end > len(text) || sp.layer == Memory {
			continue
		}
		value := text[sp.start:sp.end]
		if !memorable(value) {
			continue
		}
		e := remembered{head: r.rolling(value[:minRemembered]), length: len(value), det: sp.det, born: m.clock}
		if m.known(&e) {
			continue
		}
		s.charge(256)
		r.sum(s, &e.sum, value)
		e.grams = r.grams(value)
		m.entries[m.next] = e
		m.next = (m.next + 1) % memorySize
		m.used = min(m.used+1, memorySize)
		m.rebuild()
	}
}

func (m *memory) known(e *remembered) bool {
	for i := range m.used {
		if m.entries[i].head == e.head && m.entries[i].length == e.length {
			m.entries[i].born = m.clock
			return true
		}
	}
	return false
}

func (m *memory) rebuild() {
	m.filter, m.heads = [len(m.filter)]uint64{}, [len(m.heads)]uint64{}
	for i := range m.used {
		head := m.entries[i].head
		m.heads[head>>58] |= 1 << (head >> 52 & 63)
		for _, k := range m.entries[i].grams {
			m.filter[k/64] |= 1 << (k % 64)
		}
	}
}

// grams returns the bits in the filter of the four bytes at each of the first places of b.
func (r *Redactor) grams(b []byte) (g [stride]uint16) {
	for i := range g {
		g[i] = uint16(binary.LittleEndian.Uint32(b[i:]) * (uint32(r.rollBase) | 1) >> (32 - filterBits))
	}
	return g
}

// rolling is a polynomial hash of eight bytes with a base from the deployment's key.
func (r *Redactor) rolling(b []byte) uint64 {
	h := uint64(0)
	for _, x := range b {
		h = h*r.rollBase + uint64(x) + 1
	}
	return h * rollMix
}

const rollMix = 0x9E3779B97F4A7C15

// recall hides values that this record or an earlier one of this connection held under a credential's name. It looks at every
// fourth place: the filter knows the four bytes at each of a value's first four, one of which stands there.
func (r *Redactor) recall(s *Scratch, text []byte) {
	m := &s.memory
	if m.used == 0 || len(text) < minRemembered || s.work < 0 {
		return
	}
	s.charge(len(text) / stride)
	mix := uint32(r.rollBase) | 1
	for i := 0; i+stride <= len(text); i += stride {
		k := binary.LittleEndian.Uint32(text[i:]) * mix >> (32 - filterBits)
		if m.filter[k/64]&(1<<(k%64)) == 0 {
			continue
		}
		s.charge(stride * minRemembered)
		for lo := max(0, i-stride+1); lo <= i && lo+minRemembered <= len(text); lo++ {
			if head := r.rolling(text[lo : lo+minRemembered]); m.heads[head>>58]&(1<<(head>>52&63)) != 0 {
				r.recallAt(s, text, lo, head)
			}
		}
		if s.work < 0 {
			return
		}
	}
}

func (r *Redactor) recallAt(s *Scratch, text []byte, lo int, head uint64) {
	m := &s.memory
	for j := range m.used {
		e := &m.entries[j]
		hi := lo + e.length
		if e.head != head || hi > len(text) || m.clock-e.born > memoryRecords {
			continue
		}
		if lo > 0 && isAlnum(text[lo-1]) && isAlnum(text[lo]) && !escapedLetter(text, lo-1) || hi < len(text) && isAlnum(text[hi]) && isAlnum(text[hi-1]) {
			continue
		}
		if few := s.spans[:min(len(s.spans), 64)]; slices.ContainsFunc(few, func(sp span) bool { return sp.start <= lo && sp.end >= hi }) {
			return
		}
		var sum [fingerprintN]byte
		s.charge(256)
		r.sum(s, &sum, text[lo:hi])
		if sum == e.sum {
			s.spans = append(s.spans, span{start: lo, end: hi, det: detRemembered, layer: Memory, rule: r.detectors[e.det].Name, noPrint: true})
		}
	}
}
