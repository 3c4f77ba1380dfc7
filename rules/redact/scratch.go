package redact

import (
	"hash"

	"destring/rules/event"
)

// Scratch is the memory of one connection: buffers that are used again, and what one record says
// about the next (a key that goes on, a value that was a secret). Its zero value is ready. It must not be
// used by two goroutines at once.
type Scratch struct {
	// Task is the name of the record's task when the caller knows it: allow entries may ask for one.
	Task []byte

	work            int
	keep            []event.Span
	spans           []span
	marks           []element // our own marks that stand in the line already
	findings        []Finding
	edits           []edit
	out             []byte
	buffers         [2*maxDepth + 4]viewBuffer
	scans           [2*maxDepth + 4]scan
	decoded         [maxDepth + 4][]byte
	elements        []element
	hits, laterHits []hit
	line            view
	insides         [maxDepth + 4]view
	group, part     group // the digits in hand, and the part of them that is tried
	pickles         [maxDepth + 4]pickleMemory
	strings         []element // of the pickles in the line: each is hidden as a whole
	value           []byte    // of the fingerprint in hand
	macs            hash.Hash
	owner           *Redactor
	names           map[string]string

	carry  carry
	before carry // as it was before the text at hand
	memory memory

	begun, spent int // what the budget was for the text in hand; work of the texts before it since Work

	second  *Scratch // for the look at our own output
	tracing bool
	notes   []Note
}

// span is a range of the line that is to be hidden, and why.
type span struct {
	start, end int
	det        detectorID
	layer      Layer
	rule       string
	key        string
	// quote is set when the value had no quotes and its key had: the mark gets slashes
	// backslashes and this quote on both sides, so that JSON stays JSON.
	quote    byte
	slashes  uint8
	fp       [fingerprintN]byte
	hasFP    bool
	noPrint  bool // the value is too easy to guess for a fingerprint
	relabel  bool // a foreign mark's word, replaced by foreignWord
	remember bool
	open     bool // a quote was opened and not closed: the value goes on in the next record
}

func (s *Scratch) reset(n int) {
	s.spent += s.begun - s.work
	s.work = budgetBase + budgetPerByte*n
	s.begun = s.work
	s.spans, s.marks, s.strings, s.findings, s.edits, s.out, s.notes = s.spans[:0], s.marks[:0], s.strings[:0], s.findings[:0], s.edits[:0], s.out[:0], s.notes[:0]
}

// Open reports whether a message left something open that the next one may go on with.
func (s *Scratch) Open() bool { return s.carry.pem > 0 || s.carry.value }

// Work returns how many bytes were looked at since the last call: what the texts cost.
func (s *Scratch) Work() int {
	n := s.spent + s.begun - s.work
	s.spent, s.begun = 0, s.work
	return n
}

func (s *Scratch) buffer(depth int) *viewBuffer { return &s.buffers[depth] }

// name returns b as a string that is made once per connection: key names repeat.
func (s *Scratch) name(b []byte) string {
	if n, ok := s.names[string(b)]; ok {
		return n
	}
	if s.names == nil || len(s.names) >= 256 {
		s.names = make(map[string]string, 32)
	}
	n := string(b)
	s.names[n] = n
	return n
}
