package detect

import (
	"cmp"
	"slices"
)

// build binds the documents to one another and compiles what is left.
func (b *builder) build() (*Set, error) {
	s := b.set
	b.applyFilters()
	for _, d := range b.detections {
		d.rule.Index = len(s.rules)
		s.rules = append(s.rules, d.rule)
		s.sections = append(s.sections, &d.section)
		b.name(d.rule)
	}
	b.bindCorrelations()
	b.keywords()
	b.compile()
	if len(b.refusals) == 0 {
		return s, nil
	}
	slices.SortStableFunc(b.refusals, func(x, y Refusal) int {
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line))
	})
	return s, &LoadError{b.refusals}
}

// name makes a rule known by id, name and, when no other has it, title.
func (b *builder) name(rule *Rule) {
	for _, key := range []string{rule.ID, rule.Name} {
		if key != "" {
			b.set.byKey[key] = rule
		}
	}
	if _, taken := b.set.byKey[rule.Title]; !taken {
		b.set.byKey[rule.Title] = rule
	}
}

// keywords makes message a field that rules look at when one of them looks at everything: a
// caller that fills only what Fields names must not leave out the log line itself.
func (b *builder) keywords() {
	for _, d := range b.detections {
		walk(d.section.condition, func(e expr) {
			f, ok := e.(*fieldTest)
			b.set.keywords = b.set.keywords || ok && f.slot == everySlot
		})
	}
	if b.set.keywords {
		b.slot("message")
	}
}

// compile gives every rule its gate and builds the automaton.
func (b *builder) compile() {
	s, p := b.set, &b.set.program
	p.present, p.scanned = make([][]presence, len(s.fields)), make([]bool, len(s.fields))
	literals := make(map[string][]target)
	var regexes []*fieldTest
	for _, d := range b.detections {
		gate := int32(len(p.rules))
		p.rules, p.index = append(p.rules, d.section.condition), append(p.index, d.rule.Index)
		needed := needOf(d.section.condition)
		if needed == nil {
			p.always = append(p.always, gate)
		}
		s.wake(needed, gate, literals)
		walk(d.section.condition, func(e expr) {
			if f, ok := e.(*fieldTest); ok {
				regexes = append(regexes, f)
			}
		})
	}
	s.gates = len(p.rules)
	for _, f := range regexes {
		s.gateRegexes(f, literals)
	}
	p.automaton = newAutomaton(literals)
}

func (s *Set) gateRegexes(f *fieldTest, literals map[string][]target) {
	for _, t := range f.tests {
		re, ok := t.(*regexTest)
		if !ok || re.gate >= 0 {
			continue
		}
		if needed := valueNeed(re, f.slot); needed != nil {
			re.gate = int32(s.gates)
			s.gates++
			s.wake(needed, re.gate, literals)
		}
	}
}

// wake makes the atoms of a need stamp a gate.
func (s *Set) wake(needed need, gate int32, literals map[string][]target) {
	p := &s.program
	for _, a := range needed {
		if a.literal == "" {
			if at := (presence{gate, a.bound}); !slices.Contains(p.present[a.slot], at) {
				p.present[a.slot] = append(p.present[a.slot], at)
			}
			continue
		}
		if a.slot >= 0 {
			p.scanned[a.slot] = true
		} else {
			for i := range p.scanned {
				p.scanned[i] = true
			}
		}
		t := target{a.slot, gate, int32(len(a.literal))}
		if !slices.Contains(literals[a.literal], t) {
			literals[a.literal] = append(literals[a.literal], t)
		}
	}
}

// walk calls visit for e and everything below it.
func walk(e expr, visit func(expr)) {
	visit(e)
	switch e := e.(type) {
	case named:
		walk(e.of, visit)
	case negation:
		walk(e.of, visit)
	case allOf:
		for _, x := range e {
			walk(x, visit)
		}
	case anyOf:
		for _, x := range e {
			walk(x, visit)
		}
	}
}
