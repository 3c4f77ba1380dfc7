package redact

import (
	"destring/rules/event"
)

// Result is one text with its secrets hidden. It points into the Scratch that was given and is valid
// until that Scratch is used again.
type Result struct {
	Text     []byte // the input itself when nothing was found
	Findings []Finding
	// Withheld is why nothing of the text is shown, from a closed set; empty otherwise. Text is then
	// a placeholder of our own words.
	Withheld string

	edits []edit
}

// Finding is one thing that was hidden, kept by policy, or is wrong with the text. It holds no part of a value.
type Finding struct {
	Detector string
	Class    Class
	Severity Severity
	Start    int // in the input, bytes
	End      int
	OutStart int // in the output, bytes: the place of the mark
	OutEnd   int
	Key      string // key name that gave it away: identifier characters, at most 64; empty when the shape did
	Layer    Layer
	Rule     string // what in the detector matched: the key word, the vendor rule, the form
	Action   Action // what policy did with it

	Fingerprint    [fingerprintN]byte
	HasFingerprint bool
}

// Layer says what gave a value away.
type Layer uint8

// Layers.
const (
	Structure    Layer = iota + 1 // the name of its key
	Shape                         // its own form
	PersonalData                  // a validator of personal data
	Encoding                      // it was found inside an encoded run, which is hidden whole
	Memory                        // an earlier record told
)

var layerNames = [...]string{"", "structure", "shape", "personal", "encoding", "memory"}

// String returns the published name.
func (l Layer) String() string {
	if int(l) < len(layerNames) {
		return layerNames[l]
	}
	return "unknown"
}

// The reasons to withhold a whole text.
const (
	WithheldBudget = "work-budget"
	WithheldPanic  = "internal-fault"
	WithheldSize   = "too-long"
)

// edit is one replacement: input range and output range.
type edit struct{ inLo, inHi, outLo, outHi int }

// MaxText is the longest text that is looked at, bytes; a longer one is withheld.
const MaxText = 8 << 20

// The work budget of a text, in bytes looked at: every scanner charges what it reads, so the bound holds
// on every machine and for every input. The densest lines of the corpora need 22 a byte,
// most of it for being short.
const (
	budgetBase    = 1 << 17
	budgetPerByte = 24
)

// Redact hides what is secret or personal in text. The spans of keep are identifiers that a parser has
// recognised (task id, worker, …): they stay unless a critical secret stands in them.
//
// It never fails and never panics: what it cannot judge in bounded work is withheld as a whole.
// Text must not change while the Result is in use.
func (r *Redactor) Redact(s *Scratch, text []byte, keep []event.Span) (res Result) {
	s.reset(len(text))
	defer func() {
		if recover() != nil {
			res = r.withhold(s, text, WithheldPanic)
		}
	}()
	if len(text) > MaxText {
		return r.withhold(s, text, WithheldSize)
	}
	s.keep, s.before = keep, s.carry
	r.look(s, text)
	if s.work < 0 {
		return r.withhold(s, text, WithheldBudget)
	}
	if res = r.apply(s, text); s.work < 0 {
		return r.withhold(s, text, WithheldBudget)
	}
	return res
}

// Aside is Redact for a text that stands beside the messages, a field of a header: what a message left
// open goes on in the next message and not in here, though pieces of an open key are hidden in here too.
func (r *Redactor) Aside(s *Scratch, text []byte, keep []event.Span) Result {
	open := s.carry
	s.carry.value = false
	s.memory.clock-- // it counts messages
	res := r.Redact(s, text, keep)
	s.carry = open.beside(s.carry)
	return res
}

// Again is Redact for the message that was redacted last, in another form. What was open before it is open
// here, and what it left open stays so.
func (r *Redactor) Again(s *Scratch, text []byte, keep []event.Span) Result {
	after := s.carry
	s.carry = s.before
	s.carry.value = false // its rest stood at the head of the message, and this form begins elsewhere
	s.memory.clock--
	res := r.Redact(s, text, keep)
	s.carry = after.with(s.carry)
	return res
}

// look collects the spans of text in s.
func (r *Redactor) look(s *Scratch, text []byte) {
	r.resume(s, text)
	r.scanLine(s, text)
	r.remember(s, text)
	r.recall(s, text)
}

// scanLine runs the layers over text.
func (r *Redactor) scanLine(s *Scratch, text []byte) {
	s.line = view{text: text}
	if plainASCII(text) {
		r.scanView(s, &s.line)
	} else {
		r.scanView(s, s.buffer(0).fold(&s.line))
	}
	if len(s.strings) > 0 {
		s.charge(len(s.strings) * len(s.spans))
		widenStrings(s.spans, s.strings)
	}
}
