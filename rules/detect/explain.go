package detect

import (
	"fmt"
	"strings"
)

// Explanation says of one part of a rule whether it holds for an event, and why.
type Explanation struct {
	What   string         `json:"what"`
	Holds  bool           `json:"holds"`
	Values []string       `json:"values,omitempty"` // of the field in the event, cut
	Parts  []*Explanation `json:"parts,omitempty"`
}

const (
	maxShown      = 8   // values of a field
	maxShownBytes = 120 // of one value
)

// Explain judges an event by one rule without any short cut. Of a correlation it says which of its rules
// the event is of, and in which group it would count.
func (s *Set) Explain(rule *Rule, ev Event) *Explanation {
	m := s.NewMatcher()
	m.Event(ev)
	for gate := range m.stamps {
		m.stamps[gate] = m.event
	}
	return s.explain(rule, m)
}

func (s *Set) explain(rule *Rule, m *Matcher) *Explanation {
	if section := s.sections[rule.Index]; section != nil {
		return &Explanation{What: "rule " + rule.Title, Holds: section.condition.eval(m), Parts: []*Explanation{m.explain(section.condition)}}
	}
	out := &Explanation{What: "correlation " + rule.Title}
	for _, c := range s.correlations {
		if c.rule != rule {
			continue
		}
		for _, part := range c.parts {
			below := s.explain(part.rule, m)
			out.Parts = append(out.Parts, below)
			out.Holds = out.Holds || below.Holds
		}
		for n, name := range c.groupBy {
			out.Values = append(out.Values, name+" = "+strings.Join(m.shown(c.parts[0].from[n], s.sections[c.parts[0].rule.Index] != nil), " | "))
		}
	}
	return out
}

func (m *Matcher) explain(e expr) *Explanation {
	out := &Explanation{Holds: e.eval(m)}
	switch e := e.(type) {
	case named:
		out.What = e.name
		out.Parts = []*Explanation{m.explain(e.of)}
		if list, ok := e.of.(allOf); ok && len(list) > 0 {
			out.Parts = m.explainList(list)
		}
	case negation:
		out.What, out.Parts = "not", []*Explanation{m.explain(e.of)}
	case allOf:
		out.What, out.Parts = "all of", m.explainList(e)
	case anyOf:
		out.What, out.Parts = "any of", m.explainList(e)
	case *existsTest:
		out.What = fmt.Sprintf("%s: %v", e.key, e.want)
		out.Values = m.shown(e.slot, true)
	case *fieldTest:
		out.What = e.key
		if e.key == "" {
			out.What = "keywords"
		}
		if e.slot != everySlot {
			out.Values = m.shown(e.slot, true)
		}
	}
	return out
}

func (m *Matcher) explainList(list []expr) []*Explanation {
	out := make([]*Explanation, len(list))
	for i, e := range list {
		out[i] = m.explain(e)
	}
	return out
}

// shown returns what the event has in a slot.
func (m *Matcher) shown(slot int32, isSlot bool) []string {
	if !isSlot {
		return nil
	}
	var out []string
	for i := m.slots[slot].first; i >= 0; i = m.values[i].next {
		v := &m.values[i]
		switch {
		case len(out) == maxShown:
			return append(out, "…")
		case v.kind == kindNull:
			out = append(out, "null")
		case v.kind == kindPresent:
			out = append(out, "(present)")
		case len(m.raw(v)) > maxShownBytes:
			out = append(out, fmt.Sprintf("%q…", v.text[:maxShownBytes]))
		case v.kind == kindText:
			out = append(out, fmt.Sprintf("%q", v.text))
		default:
			out = append(out, string(v.text))
		}
	}
	if out == nil {
		out = []string{"(absent)"}
	}
	return out
}

// String draws the explanation as an indented tree.
func (e *Explanation) String() string {
	var b strings.Builder
	e.draw(&b, "")
	return b.String()
}

func (e *Explanation) draw(b *strings.Builder, indent string) {
	mark := "✗"
	if e.Holds {
		mark = "✓"
	}
	fmt.Fprintf(b, "%s%s %s", indent, mark, e.What)
	if e.Values != nil {
		fmt.Fprintf(b, "   [%s]", strings.Join(e.Values, ", "))
	}
	b.WriteByte('\n')
	for _, part := range e.Parts {
		part.draw(b, indent+"  ")
	}
}

// Wakes returns what an event must have at least one of for the rule to be judged at all, in
// words; nothing when the rule is judged on every event. Correlations are woken by their rules.
func (s *Set) Wakes(rule *Rule) []string {
	section := s.sections[rule.Index]
	if section == nil {
		return nil
	}
	var out []string
	for _, a := range needOf(section.condition) {
		field := "any field"
		if a.slot != everySlot {
			field = s.fields[a.slot]
		}
		switch {
		case a.literal != "":
			out = append(out, fmt.Sprintf("%s with %q in it", field, a.literal))
		case a.bound.op != "":
			out = append(out, fmt.Sprintf("%s %s %v", field, a.bound.op, a.bound.bound))
		default:
			out = append(out, field)
		}
	}
	return out
}
