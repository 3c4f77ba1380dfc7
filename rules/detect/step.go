package detect

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"

	"destring/rules/event"
)

// Step is one matched event as one correlation sees it: all that is needed to go on
// counting elsewhere. Steps of one Key must reach the same Correlator, in any order
// within the allowed lateness; so Key is what a topic of steps is keyed by.
type Step struct {
	Correlation string   `json:"correlation"` // Rule.Key
	Version     string   `json:"version"`     // Rule.Version
	Part        int      `json:"part"`        // which of the correlation's rules matched
	Time        int64    `json:"time"`        // of the event, nanoseconds since 1970
	Event       event.ID `json:"event"`
	Values      []Datum  `json:"values"`

	to *correlation
}

// Datum is a value of a step. Text of an absent one is empty.
type Datum struct {
	Text    []byte `json:"text,omitempty"`
	Present bool   `json:"present,omitempty"`
}

func (d Datum) number() (float64, bool) {
	v := value{kind: kindText, text: d.Text}
	return v.numeric()
}

// maxSpread bounds the steps that one event with lists in its group-by fields becomes.
const maxSpread = 64

// Steps returns what the last Match means for the correlations. time is the event's, not the
// clock's; a caller who takes it from senders must not let it be far ahead of their
// receipt, for it moves the window of its group. Valid until the next Reset.
func (m *Matcher) Steps(time int64, id event.ID) []Step {
	m.steps = m.steps[:0]
	for _, match := range m.matches {
		for _, ref := range m.set.users[match.Rule.Index] {
			m.spread(ref, time, id)
		}
	}
	return m.steps
}

// spread makes one step, or several when a field that is grouped by or counted is a list.
func (m *Matcher) spread(ref reference, time int64, id event.ID) {
	c, part := ref.by, &ref.by.parts[ref.part]
	first := len(m.steps)
	m.steps = append(m.steps, m.step(c, ref.part, time, id))
	own := len(c.groupBy) + len(c.fields)
	for n, slot := range part.from {
		at := m.slots[slot].first
		if at < 0 {
			continue
		}
		end := len(m.steps)
		for i := first; i < end; i++ {
			m.steps[i].Values[n] = m.datum(at)
		}
		if n >= own {
			continue // of correlations above: the first value
		}
		for at = m.values[at].next; at >= 0 && len(m.steps)-first < maxSpread; at = m.values[at].next {
			for i := first; i < end && len(m.steps)-first < maxSpread; i++ {
				more := m.step(c, ref.part, time, id)
				copy(more.Values, m.steps[i].Values)
				more.Values[n] = m.datum(at)
				m.steps = append(m.steps, more)
			}
		}
	}
}

func (m *Matcher) step(c *correlation, part int, time int64, id event.ID) Step {
	from := len(m.data)
	m.data = append(m.data, make([]Datum, len(c.needs))...)
	return Step{Correlation: c.rule.Key(), Version: c.rule.Version, Part: part, Time: time, Event: id, Values: m.data[from:len(m.data):len(m.data)], to: c}
}

func (m *Matcher) datum(at int32) Datum {
	v := &m.values[at]
	if v.kind == kindNull || v.kind == kindPresent {
		return Datum{}
	}
	text := m.raw(v)
	if len(text) > maxDatum {
		from := len(m.arena)
		m.arena = append(m.arena, text[:maxDatum-16]...)
		m.arena = hex.AppendEncode(m.arena, binary.BigEndian.AppendUint64(nil, fnv(fnvStart, text)))
		text = m.arena[from:len(m.arena):len(m.arena)]
	}
	return Datum{text, true}
}

// maxDatum bounds a value of a step, which becomes part of a group's key: senders choose it. Of a longer
// one the end gives way to a hash of the whole.
const maxDatum = 512

const fnvStart = 14695981039346656037

// fnv goes on with FNV-1a, which is the same in every process and version.
func fnv(h uint64, text []byte) uint64 {
	for _, b := range text {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// AppendKey appends the correlation and the values of its group-by fields. ok is false when
// one of those is absent: such an event is in no group.
func (s *Step) AppendKey(dst []byte) (key []byte, ok bool) {
	dst = append(dst, s.Correlation...)
	dst = append(dst, 0)
	return s.appendGroup(dst)
}

func (s *Step) appendGroup(dst []byte) ([]byte, bool) {
	for _, d := range s.Values[:len(s.to.groupBy)] {
		if !d.Present {
			return dst, false
		}
		dst = binary.AppendUvarint(dst, uint64(len(d.Text)))
		dst = append(dst, d.Text...)
	}
	return dst, true
}

// Resolve makes a step that came from elsewhere one of this set. It is false when the set
// has no such correlation in that version.
func (s *Set) Resolve(step *Step) bool {
	rule := s.byKey[step.Correlation]
	if rule == nil || rule.Kind != Correlation || rule.Version != step.Version {
		return false
	}
	at := slices.IndexFunc(s.correlations, func(c *correlation) bool { return c.rule == rule })
	if at < 0 || step.Part < 0 || step.Part >= len(s.correlations[at].parts) || len(step.Values) != len(s.correlations[at].needs) {
		return false
	}
	step.to = s.correlations[at]
	return true
}

// GroupValue is a field of a group and its value.
type GroupValue struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// groupValues takes a group's key apart again.
func (c *correlation) groupValues(key string) []GroupValue {
	out := make([]GroupValue, 0, len(c.groupBy))
	for _, field := range c.groupBy {
		n, used := binary.Uvarint([]byte(key))
		if used <= 0 || uint64(len(key)-used) < n {
			break
		}
		key = key[used:]
		out = append(out, GroupValue{field, key[:n]})
		key = key[n:]
	}
	return out
}

func (g GroupValue) String() string { return g.Field + "=" + strconv.Quote(g.Value) }
