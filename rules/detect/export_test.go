package detect

// MatchUngated judges every rule and every regular expression, whatever the literals say.
func (m *Matcher) MatchUngated() []Match {
	m.matches = m.matches[:0]
	for gate := range m.stamps {
		m.stamps[gate] = m.event
	}
	for i, rule := range m.set.program.rules {
		if rule.eval(m) {
			m.matches = append(m.matches, Match{m.set.rules[m.set.program.index[i]]})
		}
	}
	return m.matches
}
