package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Lint returns what the authors of the rules may want to change. Nothing of it keeps a rule from working.
func (s *Set) Lint() []Finding {
	var out []Finding
	for _, rule := range s.rules {
		for _, w := range rule.warnings {
			w.Rule = rule.Key() // which was not known yet when the line was read
			out = append(out, w)
		}
		out = append(out, lintHead(rule)...)
		if section := s.sections[rule.Index]; section != nil {
			out = append(out, s.lintSection(rule, section)...)
		}
	}
	for _, filter := range s.filters {
		out = append(out, filter.warnings...)
	}
	for _, c := range s.correlations {
		if len(c.groupBy) == 0 {
			out = append(out, finding(c.rule, c.line, "no group-by: all events are one group"))
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return out
}

func finding(rule *Rule, line int, format string, args ...any) Finding {
	return Finding{File: rule.File, Line: line, Rule: rule.Key(), Message: fmt.Sprintf(format, args...)}
}

// oldTags are ATT&CK names that are no longer in use, with those that took their place.
var oldTags = map[string]string{
	"attack.defense-evasion": "attack.stealth or attack.defense-impairment", "attack.defense_evasion": "attack.stealth or attack.defense-impairment",
	"attack.t1562": "attack.t1685", "attack.t1562.001": "attack.t1685.001", "attack.t1562.002": "attack.t1685",
}

func lintHead(r *Rule) (out []Finding) {
	add := func(format string, args ...any) { out = append(out, finding(r, r.Line, format, args...)) }
	if r.ID == "" {
		add("no id: alerts and saved state are named by the title")
	} else if !uuidForm.MatchString(r.ID) {
		add("id is no UUID")
	}
	if !r.hasLevel {
		add("no level: it counts as medium")
	}
	for _, tag := range r.Tags {
		if !tagForm.MatchString(tag) {
			add("tag %q is not of the form namespace.name in lower case", tag)
		}
		if now, old := oldTags[tag]; old {
			add("tag %s is out of use, now %s", tag, now)
		}
	}
	if r.Status == "deprecated" || r.Status == "unsupported" {
		add("status is %s and the rule is in use", r.Status)
	}
	return out
}

func (s *Set) lintSection(rule *Rule, section *detectionSection) (out []Finding) {
	for i, n := range section.names {
		if !section.used[n.name] {
			out = append(out, finding(rule, section.lines[i], "search identifier %s is not used by the condition", n.name))
		}
	}
	gated := needOf(section.condition) != nil
	walk(section.condition, func(e expr) {
		f, ok := e.(*fieldTest)
		if !ok {
			return
		}
		for _, t := range f.tests {
			re, ok := t.(*regexTest)
			if !ok || re.gate >= 0 {
				continue
			}
			how := "it runs only when the rest of the rule lets it"
			if !gated {
				how = "it runs on every event"
			}
			out = append(out, finding(rule, f.line, "regular expression %s requires no literal text of two characters: %s", re.String(), how))
		}
	})
	if !gated {
		out = append(out, finding(rule, rule.Line, "the rule needs nothing to be there (%s), so it is judged on every event", why(section.condition)))
	}
	return out
}

// why names what keeps a rule from being woken by literals.
func why(e expr) string {
	var kinds []string
	note := func(kind string) {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	walk(e, func(e expr) {
		switch e := e.(type) {
		case negation:
			note("not")
		case *existsTest:
			if !e.want {
				note("exists: false")
			}
		case *fieldTest:
			if e.negate {
				note("neq")
			}
			if e.absent {
				note("null")
			}
			if e.slot == everySlot {
				note("keywords")
			}
		}
	})
	return strings.Join(kinds, ", ")
}

// LintFields finds fields that no record has, by which a misspelt rule never matches. known says which
// ones there are.
func (s *Set) LintFields(known func(field string) bool) []Finding {
	var out []Finding
	for _, rule := range s.rules {
		section := s.sections[rule.Index]
		if section == nil {
			continue
		}
		walk(section.condition, func(e expr) {
			slot, line := int32(everySlot), 0
			switch e := e.(type) {
			case *fieldTest:
				slot, line = e.slot, e.line
			case *existsTest:
				slot, line = e.slot, e.line
			}
			if slot != everySlot && !known(s.fields[slot]) {
				out = append(out, finding(rule, line, "no record has a field %s", s.fields[slot]))
			}
		})
	}
	for _, c := range s.correlations {
		for _, part := range c.parts {
			if s.sections[part.rule.Index] == nil {
				continue
			}
			for n, slot := range part.from {
				if field := s.fields[slot]; !known(field) {
					out = append(out, finding(c.rule, c.line, "no record of %s has a field %s, which the correlation takes for %s", part.rule.Key(), field, c.needs[n]))
				}
			}
		}
	}
	return out
}
