package detect

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// correlationDoc is a correlation as written; bindCorrelations finds its rules.
type correlationDoc struct {
	rule       *Rule
	line       int
	kind       string
	refs       []string
	groupBy    []string
	aliases    map[string]map[string]string // alias, rule, field
	span       time.Duration
	conditions []comparison
	expression *condition // of temporal: which rules must have matched
	fields     []string   // whose values are counted or summed
	percentile float64    // -1 when not given
	generate   bool
}

var (
	correlationTypes = []string{"event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile", "value_median"}
	comparisonOps    = []string{"lt", "lte", "gt", "gte", "eq", "neq"}
	timespanForm     = regexp.MustCompile(`^([0-9]{1,9})([smhd])$`)
	timespanUnit     = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

func (c *compiler) correlation(rule *Rule, body *pair) error {
	rule.Kind = Correlation
	doc := &correlationDoc{rule: rule, line: body.line, percentile: -1}
	pairs, err := c.mapping(body.value, "correlation")
	if err != nil {
		return err
	}
	var condition *pair
	for i, p := range pairs {
		switch p.key {
		case "type":
			err = c.oneOf(&doc.kind, p, correlationTypes)
		case "rules":
			doc.refs, err = c.texts(p.value, "correlation.rules")
		case "group-by":
			doc.groupBy, err = c.texts(p.value, "correlation.group-by")
		case "timespan":
			doc.span, err = c.timespan(p)
		case "aliases":
			err = c.aliases(doc, p)
		case "generate":
			if p.value.Tag != "!!bool" {
				err = refuse(p.line, "generate must be true or false, it is %s", describe(p.value))
			}
			doc.generate = p.value.Value == "true"
		case "condition":
			condition = &pairs[i]
		default:
			err = refuse(p.line, "correlation has no attribute %q", p.key)
		}
		if err != nil {
			return err
		}
	}
	if condition != nil {
		if err := c.correlationCondition(doc, condition); err != nil {
			return err
		}
	}
	if err := doc.check(); err != nil {
		return err
	}
	if err := c.set.take(rule); err != nil {
		return err
	}
	c.set.correlations = append(c.set.correlations, doc)
	return nil
}

func (c *compiler) timespan(p pair) (time.Duration, error) {
	text, err := c.text(p.value, "timespan")
	if err != nil {
		return 0, err
	}
	parts := timespanForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, refuse(p.line, "timespan %q is not a number and one of s, m, h, d", text)
	}
	n, _ := strconv.Atoi(parts[1])
	if n == 0 || time.Duration(n) > math.MaxInt64/4/timespanUnit[parts[2]] {
		return 0, refuse(p.line, "timespan %q is out of range", text)
	}
	return time.Duration(n) * timespanUnit[parts[2]], nil
}

func (c *compiler) aliases(doc *correlationDoc, p pair) error {
	pairs, err := c.mapping(p.value, "aliases")
	if err != nil {
		return err
	}
	doc.aliases = make(map[string]map[string]string)
	for _, alias := range pairs {
		fields, err := c.mapping(alias.value, "alias "+alias.key)
		if err != nil {
			return err
		}
		if len(fields) == 0 {
			return refuse(alias.line, "alias %q names no field", alias.key)
		}
		doc.aliases[alias.key] = make(map[string]string)
		for _, f := range fields {
			field, err := c.text(f.value, "alias "+alias.key)
			if err != nil {
				return err
			}
			doc.aliases[alias.key][f.key] = field
		}
	}
	return nil
}

func (c *compiler) correlationCondition(doc *correlationDoc, p *pair) error {
	if p.value.Kind == yaml.ScalarNode && p.value.Tag == "!!str" {
		parsed, err := parseCondition(p.value.Value, p.line)
		doc.expression = &parsed
		return err
	}
	pairs, err := c.mapping(p.value, "condition")
	if err != nil {
		return err
	}
	for _, q := range pairs {
		switch {
		case slices.Contains(comparisonOps, q.key):
			bound, err := c.number(q)
			if err != nil {
				return err
			}
			doc.conditions = append(doc.conditions, comparison{q.key, bound})
		case q.key == "field":
			if doc.fields, err = c.texts(q.value, "condition.field"); err != nil {
				return err
			}
		case q.key == "percentile":
			if doc.percentile, err = c.number(q); err != nil {
				return err
			}
			if doc.percentile < 0 || doc.percentile > 100 {
				return refuse(q.line, "percentile %v is not between 0 and 100", doc.percentile)
			}
		default:
			return refuse(q.line, "condition has no attribute %q", q.key)
		}
	}
	return nil
}

func (c *compiler) number(p pair) (float64, error) {
	s, err := parseScalar(p.value)
	if err != nil {
		return 0, err
	}
	if s.kind != kindNumber {
		return 0, refuse(p.line, "%s must be a number, it is %s", p.key, describe(p.value))
	}
	return s.num, nil
}

func (d *correlationDoc) temporal() bool { return d.kind == "temporal" || d.kind == "temporal_ordered" }

// check is what the specification makes mandatory of each type.
func (d *correlationDoc) check() error {
	switch {
	case d.kind == "":
		return refuse(d.line, "correlation has no type (mandatory)")
	case len(d.refs) == 0:
		return refuse(d.line, "correlation has no rules (mandatory)")
	case d.span == 0:
		return refuse(d.line, "correlation has no timespan (mandatory)")
	case len(d.refs) > 64:
		return refuse(d.line, "%d rules in one correlation, 64 are allowed", len(d.refs))
	}
	for i, ref := range d.refs {
		if slices.Contains(d.refs[:i], ref) {
			return refuse(d.line, "rule %q is in rules twice", ref)
		}
	}
	for i, field := range d.groupBy {
		if field == "" || slices.Contains(d.groupBy[:i], field) {
			return refuse(d.line, "group-by %q is empty or there twice", field)
		}
	}
	if d.expression != nil {
		return d.checkExpression(*d.expression)
	}
	return d.checkCounts()
}

func (d *correlationDoc) checkCounts() error {
	valued := !d.temporal() && d.kind != "event_count"
	switch {
	case d.temporal() && len(d.conditions) == 0:
		d.conditions = []comparison{{"gte", float64(len(d.refs))}}
	case len(d.conditions) == 0:
		return refuse(d.line, "%s needs a condition with one of gt, gte, lt, lte, eq, neq", d.kind)
	}
	switch {
	case valued && len(d.fields) == 0:
		return refuse(d.line, "%s needs condition.field", d.kind)
	case !valued && len(d.fields) > 0:
		return refuse(d.line, "%s counts no values, so condition.field means nothing", d.kind)
	case len(d.fields) > 1 && d.kind != "value_count":
		return refuse(d.line, "%s takes one field", d.kind)
	case d.percentile >= 0 && d.kind != "value_percentile":
		return refuse(d.line, "%s has no percentile", d.kind)
	}
	if d.kind == "value_median" {
		d.kind, d.percentile = "value_percentile", 50
	}
	for _, c := range d.conditions {
		if most := map[string]float64{"event_count": maxCount, "value_count": maxEntries - 1}[d.kind]; most > 0 && c.bound > most {
			return refuse(d.line, "%s cannot be held against %v, only up to %v", d.kind, c.bound, most)
		}
	}
	return nil
}

// checkExpression holds the extended condition of temporal to its rules, all of them and no others.
func (d *correlationDoc) checkExpression(c condition) error {
	if d.kind != "temporal" {
		return refuse(d.line, "only temporal takes an expression of rules as its condition")
	}
	used := make(map[string]bool)
	var visit func(condition) error
	visit = func(c condition) error {
		if c.op == opOf {
			return refuse(d.line, "`%s of` has no meaning in a correlation", c.quant)
		}
		if c.op == opName && !slices.Contains(d.refs, c.name) {
			return refuse(d.line, "the condition names %q, which is not in rules", c.name)
		}
		used[c.name] = true
		for _, arg := range c.args {
			if err := visit(arg); err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(c); err != nil {
		return err
	}
	for _, ref := range d.refs {
		if !used[ref] {
			return refuse(d.line, "rule %q is not in the condition", ref)
		}
	}
	return nil
}
