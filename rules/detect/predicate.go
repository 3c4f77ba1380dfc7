package detect

import (
	"bytes"
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// expr is a compiled condition or a part of one.
type expr interface{ eval(m *Matcher) bool }

type (
	allOf    []expr
	anyOf    []expr
	negation struct{ of expr }
	// named is a search identifier; it keeps the name for Explain.
	named struct {
		name string
		of   expr
	}
)

func (e allOf) eval(m *Matcher) bool {
	for _, x := range e {
		if !x.eval(m) {
			return false
		}
	}
	return true
}

func (e anyOf) eval(m *Matcher) bool {
	for _, x := range e {
		if x.eval(m) {
			return true
		}
	}
	return false
}

func (e negation) eval(m *Matcher) bool { return !e.of.eval(m) }
func (e named) eval(m *Matcher) bool    { return e.of.eval(m) }

// everySlot is the slot of keywords: they look at all values.
const everySlot = -1

// fieldTest is one line of a selection: a field and what its values are tested for.
type fieldTest struct {
	key    string // as the rule has it, modifiers and all
	line   int
	slot   int32
	every  bool // `all`: each test must pass, on whichever value of the field
	negate bool // `neq`
	absent bool // passes when the field is absent (null)
	tests  []valueTest
}

func (f *fieldTest) eval(m *Matcher) bool { return f.holds(m) != f.negate }

func (f *fieldTest) holds(m *Matcher) bool {
	first := int32(0)
	if f.slot != everySlot {
		if first = m.slots[f.slot].first; first < 0 {
			return f.absent
		}
	}
	for _, t := range f.tests {
		if passed := f.passes(m, t, first); passed != f.every {
			return passed
		}
	}
	return f.every
}

func (f *fieldTest) passes(m *Matcher, t valueTest, first int32) bool {
	if f.slot == everySlot {
		for i := range m.values {
			if t.test(m, &m.values[i]) {
				return true
			}
		}
		return false
	}
	for i := first; i >= 0; i = m.values[i].next {
		if t.test(m, &m.values[i]) {
			return true
		}
	}
	return false
}

// existsTest asks for the presence of a field, whatever its value.
type existsTest struct {
	key  string
	line int
	slot int32
	want bool
}

func (e *existsTest) eval(m *Matcher) bool { return (m.slots[e.slot].first >= 0) == e.want }

// valueTest judges one value.
type valueTest interface {
	test(m *Matcher, v *value) bool
}

type textTest struct{ *pattern }

func (t textTest) test(m *Matcher, v *value) bool {
	if v.kind == kindNull || v.kind == kindPresent {
		return false
	}
	if t.cased {
		return t.match(m.raw(v))
	}
	return t.match(m.fold(v))
}

// alternativeTest passes when one of the forms that a modifier made of a value does.
type alternativeTest []valueTest

func (t alternativeTest) test(m *Matcher, v *value) bool {
	for _, one := range t {
		if one.test(m, v) {
			return true
		}
	}
	return false
}

// numberTest is equality with a number. In text the number may be as the rule wrote it.
type numberTest struct {
	number float64
	forms  [][]byte // folded
}

func (t numberTest) test(m *Matcher, v *value) bool {
	switch v.kind {
	case kindNumber:
		return v.number == t.number
	case kindText:
		for _, form := range t.forms {
			if bytes.Equal(m.fold(v), form) {
				return true
			}
		}
	}
	return false
}

type boolTest bool

func (t boolTest) test(m *Matcher, v *value) bool {
	switch v.kind {
	case kindBool:
		return v.yes == bool(t)
	case kindText:
		return len(v.text) <= 5 && strings.EqualFold(string(v.text), map[bool]string{true: "true", false: "false"}[bool(t)])
	}
	return false
}

type nullTest struct{}

func (nullTest) test(_ *Matcher, v *value) bool { return v.kind == kindNull }

// regexTest searches for a regular expression. gate is stamped when one of the
// literals that the expression requires was seen; -1 when it requires none.
type regexTest struct {
	*regexp.Regexp
	gate int32
}

func (t *regexTest) test(m *Matcher, v *value) bool {
	if v.kind == kindNull || v.kind == kindPresent || t.gate >= 0 && !m.stamped(t.gate) {
		return false
	}
	return t.Match(m.raw(v))
}

type cidrTest netip.Prefix

func (t cidrTest) test(_ *Matcher, v *value) bool {
	addr, ok := v.address()
	return ok && netip.Prefix(t).Contains(addr)
}

// comparison is lt, lte, gt, gte and, of correlations, eq and neq.
type comparison struct {
	op    string
	bound float64
}

func (c comparison) holds(f float64) bool {
	switch c.op {
	case "lt":
		return f < c.bound
	case "lte":
		return f <= c.bound
	case "gt":
		return f > c.bound
	case "gte":
		return f >= c.bound
	case "eq":
		return f == c.bound
	}
	return f != c.bound
}

type compareTest comparison

func (t compareTest) test(_ *Matcher, v *value) bool {
	f, ok := v.numeric()
	return ok && comparison(t).holds(f)
}

// timeTest compares a part of a point in time, in the zone in which it was written.
type timeTest struct {
	part string
	comparison
}

func (t timeTest) test(_ *Matcher, v *value) bool {
	at, ok := v.time()
	if !ok {
		return false
	}
	part := 0
	switch t.part {
	case "minute":
		part = at.Minute()
	case "hour":
		part = at.Hour()
	case "day":
		part = at.Day()
	case "week":
		_, part = at.ISOWeek()
	case "month":
		part = int(at.Month())
	case "year":
		part = at.Year()
	}
	return t.holds(float64(part))
}

func (v *value) time() (time.Time, bool) {
	switch v.kind {
	case kindNumber:
		return epoch(v.number), true
	case kindText:
		return ParseTime(string(v.text))
	}
	return time.Time{}, false
}

// fieldrefTest compares with the values of another field.
type fieldrefTest struct {
	slot  int32
	cased bool
	how   string // "", "startswith", "endswith", "contains"
}

func (t fieldrefTest) test(m *Matcher, v *value) bool {
	if v.kind == kindNull || v.kind == kindPresent {
		return false
	}
	for i := m.slots[t.slot].first; i >= 0; i = m.values[i].next {
		if other := &m.values[i]; other.kind != kindNull && other.kind != kindPresent && t.same(m, v, other) {
			return true
		}
	}
	return false
}

func (t fieldrefTest) same(m *Matcher, v, other *value) bool {
	if t.how == "" && v.kind == kindNumber && other.kind == kindNumber {
		return v.number == other.number
	}
	text := m.fold
	if t.cased {
		text = m.raw
	}
	switch t.how {
	case "startswith":
		return bytes.HasPrefix(text(v), text(other))
	case "endswith":
		return bytes.HasSuffix(text(v), text(other))
	case "contains":
		return bytes.Contains(text(v), text(other))
	}
	return bytes.Equal(text(v), text(other))
}
