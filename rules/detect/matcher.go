package detect

import (
	"math"
	"slices"
)

// Matcher judges one event after another. It is for one goroutine; the Set behind it is shared.
// Texts are not copied: they must not change until the next Reset.
type Matcher struct {
	set    *Set
	slots  []slotState
	values []value
	arena  []byte // folded and formatted texts of this event

	stamps  []uint32 // per gate: the event that stamped it last
	event   uint32
	woken   []int32
	matches []Match
	steps   []Step
	data    []Datum // behind the steps
}

type slotState struct{ first, last int32 } // into values, -1 for none

// Match is a rule that the event is of. Rule.Hidden ones raise nothing by themselves.
type Match struct{ Rule *Rule }

// NewMatcher returns a Matcher with no event in it.
func (s *Set) NewMatcher() *Matcher {
	m := &Matcher{set: s, slots: make([]slotState, len(s.fields)), stamps: make([]uint32, s.gates)}
	m.Reset()
	return m
}

// Reset forgets the event.
func (m *Matcher) Reset() {
	for i := range m.slots {
		m.slots[i] = slotState{-1, -1}
	}
	m.values, m.arena, m.matches, m.steps, m.data = m.values[:0], m.arena[:0], m.matches[:0], m.steps[:0], m.data[:0]
	if m.event++; m.event == 0 { // wrapped: stamps of long ago would look new
		clear(m.stamps)
		m.event = 1
	}
}

// Values below are added to a slot; several make a list. A slot that Set.Slot did not
// know (negative) holds values that only keywords look at.

// Text adds text. It may hold any bytes.
func (m *Matcher) Text(slot int, text []byte) {
	if text == nil {
		text = []byte{}
	}
	m.add(slot, value{kind: kindText, text: text})
}

// Part adds text that is a part of text added before, in the bytes [start, end) of it.
// A part is not searched a second time: what the rules want of it was seen in
// the whole. parent is the slot of the whole; its last value is meant.
func (m *Matcher) Part(slot, parent, start, end int) {
	if slot < 0 || parent < 0 || m.slots[parent].last < 0 {
		return
	}
	at := m.slots[parent].last
	whole := m.values[at].text
	if start < 0 || start > end || end > len(whole) {
		return
	}
	part := value{kind: kindText, text: whole[start:end:end], start: int32(start)}
	if up := &m.values[at]; up.parent >= 0 { // a part of a part
		at, part.start = up.parent, part.start+up.start
	}
	if root := m.values[at].slot; root < 0 || m.set.program.scanned[root] { // else nobody searches the whole
		part.parent = at + 1
	}
	m.add(slot, part)
}

// Number adds a number.
func (m *Matcher) Number(slot int, f float64) { m.add(slot, value{kind: kindNumber, number: f}) }

// Bool adds a boolean.
func (m *Matcher) Bool(slot int, yes bool) { m.add(slot, value{kind: kindBool, yes: yes}) }

// Null adds a null: the field is there and has no value.
func (m *Matcher) Null(slot int) { m.add(slot, value{kind: kindNull}) }

// Present says that the field is there with something that is no value: an object, an empty list.
func (m *Matcher) Present(slot int) { m.add(slot, value{kind: kindPresent}) }

func (m *Matcher) add(slot int, v value) {
	if slot < 0 && !m.set.keywords {
		return
	}
	at := int32(len(m.values))
	v.slot, v.next, v.parent = int32(slot), -1, v.parent-1
	m.values = append(m.values, v)
	if slot < 0 {
		return
	}
	s := &m.slots[slot]
	if s.first < 0 {
		s.first = at
	} else {
		m.values[s.last].next = at
	}
	s.last = at
}

// Match returns the rules that match, in the order of Set.Rules. The result is valid until the
// next Reset or Match.
func (m *Matcher) Match() []Match {
	m.matches, m.woken = m.matches[:0], m.woken[:0]
	p := &m.set.program
	for i := range m.values {
		v := &m.values[i]
		if v.slot >= 0 {
			if present := p.present[v.slot]; len(present) > 0 {
				m.openPresent(v, present)
			}
			if !p.scanned[v.slot] || v.parent >= 0 {
				continue
			}
		}
		m.scan(int32(i), v)
	}
	for _, gate := range p.always {
		m.stamp(gate)
	}
	if len(m.woken) == 0 {
		return m.matches
	}
	slices.Sort(m.woken)
	for _, rule := range m.woken {
		if p.rules[rule].eval(m) {
			m.matches = append(m.matches, Match{m.set.rules[p.index[rule]]})
		}
	}
	return m.matches
}

// stamp marks a gate as seen in this event. The first gates are the rules' own.
func (m *Matcher) stamp(gate int32) {
	if m.stamps[gate] == m.event {
		return
	}
	m.stamps[gate] = m.event
	if int(gate) < len(m.set.program.rules) {
		m.woken = append(m.woken, gate)
	}
}

// openPresent stamps the gates that any value of the slot opens, or this one.
func (m *Matcher) openPresent(v *value, present []presence) {
	number, ok := 0.0, false
	for i := range present {
		if p := &present[i]; p.bound.op == "" {
			m.stamp(p.gate)
		} else {
			if !ok {
				if number, ok = v.numeric(); !ok {
					number, ok = math.NaN(), true // compares with nothing
				}
			}
			if p.bound.holds(number) {
				m.stamp(p.gate)
			}
		}
	}
}

func (m *Matcher) stamped(gate int32) bool { return m.stamps[gate] == m.event }

// scan looks for the literals of all rules in one value.
func (m *Matcher) scan(at int32, v *value) {
	if v.kind == kindNull || v.kind == kindPresent {
		return
	}
	text := m.raw(v)
	folded := !isASCII(text)
	if folded {
		text = m.fold(v)
	}
	a := m.set.program.automaton
	next, class, firstHit := a.next, &a.class, a.firstHit
	state := uint32(0)
	for i := 0; i < len(text); i++ {
		state = next[state+uint32(class[text[i]])]
		if state >= firstHit {
			m.hit(at, v, a.targets[(state-firstHit)/a.width], i+1, folded)
		}
	}
}

// hit wakes what a literal that ends at end is for. A part is meant when the literal is
// inside of it; in folded text places have moved, so there any part may be meant.
func (m *Matcher) hit(at int32, v *value, targets []target, end int, folded bool) {
	for _, t := range targets {
		if m.stamps[t.gate] == m.event {
			continue
		}
		if t.slot == v.slot || t.slot == everySlot {
			m.stamp(t.gate)
			continue
		}
		for i := m.slots[t.slot].first; i >= 0; i = m.values[i].next {
			part := &m.values[i]
			if part.parent != at {
				continue
			}
			if folded || end-int(t.length) >= int(part.start) && end <= int(part.start)+len(part.text) {
				m.stamp(t.gate)
				break
			}
		}
	}
}
