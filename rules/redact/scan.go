package redact

const (
	maxDepth   = 5  // decodings of one text
	maxKeyName = 96 // bytes looked at round a key word
)

// scan is the state of one pass over one view.
type scan struct {
	r       *Redactor
	s       *Scratch
	v       *view
	text    []byte
	a       *automaton
	markEnd int // end of the last mark of our own; what is inside is not scanned
	// mailDone is where the last URL's user part ended: its "@" is no e-mail's.
	mailDone   int
	hiddenTo   int // end of the last value that a name hid: names inside of it say nothing new
	listDone   int // end of the last header of cookies or parameters
	hashDone   int
	pickleDone int
	numberDone int // end of the last group of digits that was looked at
	escapes    bool
	depth      int
}

// scanView finds everything in v, then in what v decodes to.
func (r *Redactor) scanView(s *Scratch, v *view) {
	c := &s.scans[v.depth]
	*c = scan{r: r, s: s, v: v, text: v.text, depth: v.depth}
	c.words()
	if s.work < 0 {
		return
	}
	c.runs()
	if !c.escapes || s.work < 0 {
		return
	}
	if v.depth+2 >= maxDepth {
		c.tooDeep()
		return
	}
	decoded, found := s.buffer(v.depth + 1).decode(v)
	if !found {
		return
	}
	s.charge(len(v.text))
	if plainASCII(decoded.text) {
		r.scanView(s, decoded)
		return
	}
	r.scanView(s, s.buffer(decoded.depth+1).fold(decoded))
}

// words is the one pass for all words: key names, vendor prefixes, marks. Each step of the automaton waits for
// the load of the one before, so both halves of a text are walked at once: that takes 60 % of the time. The places are handled after
// that, in their order.
func (c *scan) words() {
	a := c.r.automaton(c.v)
	c.a = a
	c.s.charge(len(c.text))
	if len(c.text) > maxHalves {
		c.wordsInOne()
		return
	}
	half := len(c.text) / 2
	second := max(0, half-a.longest)
	if half < 64 {
		half, second = 0, 0
	}
	first, rest := c.text[:half], c.text[second:]
	next, class := a.next, &a.class
	hits, later := c.s.hits[:0], c.s.laterHits[:0]
	p, q := uint32(0), uint32(0)
	for i, b := range first {
		p = next[p+uint32(class[b])]
		q = next[q+uint32(class[rest[i]])]
		if (p|q)&hasWords == 0 {
			continue
		}
		if p&hasWords != 0 {
			p &^= hasWords
			hits = append(hits, hit{i + 1, p})
		}
		if q&hasWords != 0 {
			q &^= hasWords
			later = append(later, hit{second + i + 1, q})
		}
	}
	for i := half; i < len(rest); i++ {
		q = next[q+uint32(class[rest[i]])]
		if q&hasWords != 0 {
			q &^= hasWords
			later = append(later, hit{second + i + 1, q})
		}
	}
	c.s.hits, c.s.laterHits = hits, later
	c.handle(hits, 0)
	c.handle(later, half)
}

// maxHalves bounds the memory of the places that wait; a longer text is walked in one piece.
const maxHalves = 1 << 14

// wordsInOne handles each place as it is found.
func (c *scan) wordsInOne() {
	next, class := c.a.next, &c.a.class
	state := uint32(0)
	for i, b := range c.text {
		state = next[state+uint32(class[b])]
		if state&hasWords == 0 {
			continue
		}
		state &^= hasWords
		c.hits(c.a.words[int(state)/c.a.classes], i+1)
		if c.s.work < 0 {
			return
		}
	}
}

// hit is a place where words end: the state of the automaton there.
type hit struct {
	end   int
	state uint32
}

// handle handles the hits that end behind from.
func (c *scan) handle(list []hit, from int) {
	for _, h := range list {
		if h.end <= from {
			continue // the other half has it
		}
		if c.s.work < 0 {
			return
		}
		c.hits(c.a.words[int(h.state)/c.a.classes], h.end)
	}
}

// hits handles the words that end at end, longest first.
func (c *scan) hits(words []uint16, end int) {
	named := false
	for _, w := range words {
		start := end - int(c.a.lens[w])
		if start < c.markEnd {
			continue
		}
		c.s.charge(4)
		for _, t := range c.r.triggers[w] {
			if t.kind != onKey && !sameSigns(c.text[start:end], t.word) {
				continue
			}
			switch t.kind {
			case onKey:
				if !named && start >= c.hiddenTo {
					named = c.key(&c.r.nouns[t.index], start, end)
				}
			case onRule:
				c.vendor(&c.r.rules[t.index], start, end)
			case onForm:
				c.r.forms[t.index].find(c, start, end)
			}
		}
	}
}

// trigger says what to do when a word is found.
type trigger struct {
	kind  triggerKind
	index uint16
	word  string // of rules and forms: here the signs must be the very ones
}

type triggerKind uint8

const (
	onKey triggerKind = iota
	onRule
	onForm
)

// form is a hand-written scanner that a word sets off.
type form struct {
	words string // space separated, lower case
	find  func(c *scan, start, end int)
}

// sameSigns reports whether b, which is word but for case and signs, has its signs too.
func sameSigns(b []byte, word string) bool {
	for i := range len(word) {
		if !isLetter(word[i]) && b[i] != word[i] {
			return false
		}
	}
	return true
}

// charge takes n bytes of work from the budget.
func (s *Scratch) charge(n int) { s.work -= n }

// emit records that [lo,hi) of the view is to be hidden.
func (c *scan) emit(sp span, lo, hi int) {
	if lo >= hi || lo < 0 || hi > len(c.text) {
		return
	}
	sp.start, sp.end = c.v.origin(lo, hi)
	if c.v.whole {
		sp.layer = Encoding
		if !sp.hasFP {
			c.r.fingerprint(c.s, &sp, c.text[lo:hi])
		}
		sp.quote = 0
	}
	if sp.end <= sp.start {
		return
	}
	c.s.spans = append(c.s.spans, sp)
}

// left notes for Explain why [lo,hi) was looked at and left.
func (c *scan) left(det detectorID, layer Layer, lo, hi int, why string) {
	if !c.s.tracing || lo >= hi {
		return
	}
	a, b := c.v.origin(lo, hi)
	c.s.notes = append(c.s.notes, Note{Start: a, End: b, Detector: c.r.detectors[det].Name, Layer: layer, Reason: why})
}
