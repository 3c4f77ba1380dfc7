package detect

import (
	"maps"
	"slices"
	"strings"
)

// correlation is a bound one. It sees the matches of its parts.
type correlation struct {
	*correlationDoc
	index int // in Set.correlations
	parts []correlationPart
	// needs are the fields whose values a step brings, by this correlation's own names (aliases
	// not resolved): group-by first, then the counted fields, then what correlations above ask for.
	needs  []string
	users  []reference
	keep   int  // entries of a group that are enough to decide; 0 for all in the window
	unique bool // one entry for each value or part is enough, its latest
}

// reference is one place in a correlation where a rule stands.
type reference struct {
	by   *correlation
	part int
}

type correlationPart struct {
	rule *Rule
	from []int32 // for each need, the slot of the event or, of an inner correlation, the index in its needs
}

// bindCorrelations orders the correlations so that each comes after those it refers to.
func (b *builder) bindCorrelations() {
	s := b.set
	s.users = make([][]reference, len(s.rules), len(s.rules)+len(b.correlations))
	bound := make(map[*Rule]*correlation)
	waiting := b.correlations
	waiting = slices.DeleteFunc(slices.Clone(waiting), b.refuseAliases)
	for len(waiting) > 0 {
		var later []*correlationDoc
		for _, doc := range waiting {
			if rules := b.resolveAll(doc, bound); rules != nil {
				b.bind(doc, rules, bound)
			} else {
				later = append(later, doc)
			}
		}
		if len(later) == len(waiting) {
			b.refuseUnbound(later)
			break
		}
		waiting = later
	}
	for i := len(s.correlations) - 1; i >= 0; i-- {
		b.connect(s.correlations[i], bound)
	}
}

// resolveAll returns the rules of a correlation, nil while one of them is not there.
func (b *builder) resolveAll(doc *correlationDoc, bound map[*Rule]*correlation) []*Rule {
	rules := make([]*Rule, len(doc.refs))
	for i, ref := range doc.refs {
		rule := b.taken[ref]
		known := rule != nil && (rule.Kind == Detection || bound[rule] != nil)
		if !known || slices.Contains(rules[:i], rule) {
			return nil
		}
		rules[i] = rule
	}
	return rules
}

// refuseAliases refuses a correlation with an alias for a rule that is not there.
func (b *builder) refuseAliases(doc *correlationDoc) bool {
	for _, alias := range slices.Sorted(maps.Keys(doc.aliases)) {
		for _, ref := range slices.Sorted(maps.Keys(doc.aliases[alias])) {
			if b.taken[ref] == nil {
				b.refuse(doc.rule.File, doc.rule, refuse(doc.line, "alias %q names %s, which is no loaded rule's id or name", alias, ref))
				return true
			}
		}
	}
	return false
}

func (b *builder) refuseUnbound(docs []*correlationDoc) {
	for _, doc := range docs {
		var reasons []string
		var seen []*Rule
		for _, ref := range doc.refs {
			switch rule := b.taken[ref]; {
			case rule == nil:
				reasons = append(reasons, "refers to "+ref+", which is no loaded rule's id or name")
			case rule == doc.rule:
				reasons = append(reasons, "refers to itself")
			case rule.Kind == Filter:
				reasons = append(reasons, "refers to "+ref+", which is a filter")
			case slices.Contains(seen, rule):
				reasons = append(reasons, "refers to "+ref+" by id and by name")
			default:
				seen = append(seen, rule)
			}
		}
		if reasons == nil {
			reasons = []string{"refers to correlations that are refused or refer back to it"}
		}
		b.refuse(doc.rule.File, doc.rule, refuse(doc.line, "%s", strings.Join(reasons, "; ")))
	}
}

func (b *builder) bind(doc *correlationDoc, rules []*Rule, bound map[*Rule]*correlation) {
	s := b.set
	c := &correlation{correlationDoc: doc, index: len(s.correlations)}
	for _, rule := range rules {
		c.parts = append(c.parts, correlationPart{rule: rule})
	}
	for _, field := range append(slices.Clone(doc.groupBy), doc.fields...) {
		if !slices.Contains(c.needs, field) {
			c.needs = append(c.needs, field)
		}
	}
	c.unique = doc.kind == "value_count" || doc.kind == "temporal"
	if doc.kind == "event_count" {
		for _, cond := range doc.conditions {
			c.keep = max(c.keep, int(cond.bound)+2)
		}
	}
	doc.rule.Index = len(s.rules)
	s.rules, s.sections, s.users = append(s.rules, doc.rule), append(s.sections, nil), append(s.users, nil)
	s.correlations = append(s.correlations, c)
	bound[doc.rule] = c
	b.name(doc.rule)
	b.checkAliases(c)
}

// checkAliases warns of an alias for a rule that is none of the correlation's own, which does nothing.
func (b *builder) checkAliases(c *correlation) {
	for alias, fields := range c.aliases {
		for ref := range fields {
			if !slices.ContainsFunc(c.parts, func(p correlationPart) bool { return b.taken[ref] == p.rule }) {
				c.rule.warn(c.line, "alias "+alias+" names "+ref+", which is not in rules")
			}
		}
	}
}

// connect tells the parts of c which values it needs. It runs from the outermost
// correlation inwards, so that c.needs is complete.
func (b *builder) connect(c *correlation, bound map[*Rule]*correlation) {
	for i := range c.parts {
		part := &c.parts[i]
		part.from = make([]int32, len(c.needs))
		inner := bound[part.rule]
		for n, need := range c.needs {
			field := b.aliased(c, part.rule, need)
			if inner == nil {
				part.from[n] = b.slot(field)
				continue
			}
			at := slices.Index(inner.needs, field)
			if at < 0 {
				at = len(inner.needs)
				inner.needs = append(inner.needs, field)
			}
			part.from[n] = int32(at)
		}
		ref := reference{c, i}
		if inner != nil {
			inner.users = append(inner.users, ref)
		} else {
			b.set.users[part.rule.Index] = append(b.set.users[part.rule.Index], ref)
		}
	}
	b.hide(c)
}

// aliased is the field of a rule's events that a correlation means by name.
func (b *builder) aliased(c *correlation, rule *Rule, name string) string {
	for ref, field := range c.aliases[name] {
		if b.taken[ref] == rule {
			return field
		}
	}
	return name
}

// hide takes the rules of a correlation off the list of those that fire by themselves,
// unless one that refers to them says generate.
func (b *builder) hide(c *correlation) {
	for _, part := range c.parts {
		part.rule.Hidden = !slices.ContainsFunc(b.correlations, func(d *correlationDoc) bool {
			return d.generate && slices.ContainsFunc(d.refs, func(ref string) bool { return b.taken[ref] == part.rule })
		})
	}
}
