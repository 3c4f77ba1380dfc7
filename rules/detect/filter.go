package detect

import "strings"

// filterDoc is a filter: a condition that is and-ed to the rules it names
// (filters specification, "Global Filter").
type filterDoc struct {
	rule    *Rule
	section detectionSection
	any     bool
	refs    []string
	line    int
}

func (c *compiler) filter(rule *Rule, body *pair) error {
	rule.Kind = Filter
	doc := &filterDoc{rule: rule, line: body.line}
	pairs, err := c.mapping(body.value, "filter")
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if p.key != "rules" {
			continue
		}
		if doc.refs, err = c.texts(p.value, "filter.rules"); err != nil {
			return err
		}
		doc.line = p.line
	}
	if len(doc.refs) == 0 {
		return refuse(doc.line, "filter.rules names no rule (mandatory; `any` for all)")
	}
	doc.any = len(doc.refs) == 1 && strings.EqualFold(doc.refs[0], "any")
	if doc.section, err = c.detection(body.value, "filter", "rules"); err != nil {
		return err
	}
	if err := c.set.take(rule); err != nil {
		return err
	}
	c.set.filters = append(c.set.filters, doc)
	return nil
}

func (b *builder) applyFilters() {
	for _, f := range b.filters {
		targets := b.filterTargets(f)
		if targets == nil {
			b.refuse(f.rule.File, f.rule, refuse(f.line, "filter.rules names no rule that is loaded: %s", strings.Join(f.refs, ", ")))
			continue
		}
		for _, d := range targets {
			if d.rule.Logsource != (Logsource{}) && !f.rule.Logsource.contains(d.rule.Logsource) {
				if !f.any {
					f.rule.warn(f.line, "the filter's logsource is not the rule's, so it does not apply to "+d.rule.Key())
				}
				continue
			}
			d.section.condition = allOf{d.section.condition, named{"filter " + f.rule.Key(), f.section.condition}}
		}
		if _, negated := f.section.condition.(negation); !negated {
			f.rule.warn(f.line, "the filter keeps what its condition matches; to suppress it write `not …`")
		}
		f.section.warnUnused(f.rule)
		b.set.filters = append(b.set.filters, f.rule)
	}
}

// filterTargets returns the rules that a filter names; names that are not loaded are warnings.
func (b *builder) filterTargets(f *filterDoc) []*detectionDoc {
	if f.any {
		return append([]*detectionDoc{}, b.detections...)
	}
	var targets []*detectionDoc
	for _, ref := range f.refs {
		found := false
		for _, d := range b.detections {
			if ref == d.rule.ID || ref == d.rule.Name {
				targets, found = append(targets, d), true
			}
		}
		for _, d := range b.detections {
			if !found && ref == d.rule.Title { // what has neither id nor name
				targets, found = append(targets, d), true
			}
		}
		if !found {
			f.rule.warn(f.line, "the filter names "+ref+", which is no loaded rule")
		}
	}
	return targets
}
