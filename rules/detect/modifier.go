package detect

import (
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// chain is the modifiers of one key, applied to its values in the order written
// ("Value Modifiers" of the specification, and the modifiers appendix).
type chain struct {
	line    int
	keyword bool
	scalars []scalar

	applied []string
	kind    testKind
	texts   [][][]element // of each value the alternatives that it became

	every, negate, cased bool
	flags                string // of re
	how                  string // contains, startswith, endswith of fieldref
	op                   string // lt, lte, gt, gte
	part                 string // minute … year
}

type testKind uint8

const (
	testText testKind = iota
	testRegex
	testCIDR
	testCompare
	testTime
	testExists
	testFieldref
)

// timeParts are the bounds that the appendix gives.
var timeParts = map[string][2]float64{"minute": {0, 59}, "hour": {0, 23}, "day": {1, 31}, "week": {1, 52}, "month": {1, 12}, "year": {1, 9999}}

func (c *chain) apply(names []string) error {
	for _, s := range c.scalars {
		if s.kind == kindNull && len(c.scalars) > 1 {
			return refuse(s.line, "null cannot be part of a list of values: it needs a search identifier of its own")
		}
		if s.kind == kindNull && len(names) > 0 {
			return refuse(s.line, "null takes no modifier")
		}
		if s.kind == kindNull && c.keyword {
			return refuse(s.line, "null needs a field")
		}
		c.texts = append(c.texts, [][]element{parseString(s.text)})
	}
	for _, name := range names {
		if err := c.modify(name); err != nil {
			return err
		}
		c.applied = append(c.applied, name)
	}
	if c.keyword {
		return c.asKeyword()
	}
	return nil
}

func (c *chain) modify(name string) error {
	switch name {
	case "all":
		if len(c.scalars) < 2 {
			return refuse(c.line, "`all` needs more than one value")
		}
		c.every = true
	case "neq":
		c.negate = true
		return c.need(name, kindText, kindNumber, kindBool)
	case "cased":
		c.cased = true
		return c.after(name, testText, testFieldref)
	case "contains", "startswith", "endswith":
		return c.open(name)
	case "windash":
		return c.spread(name)
	case "base64", "base64offset", "wide", "utf16le", "utf16be", "utf16":
		return c.encode(name)
	case "re":
		return c.become(testRegex, name, kindText)
	case "i", "m", "s":
		c.flags += name
		if c.kind != testRegex {
			return refuse(c.line, "modifier %q belongs behind `re`", name)
		}
	case "cidr":
		return c.become(testCIDR, name, kindText)
	case "lt", "lte", "gt", "gte":
		c.op = name
		if c.kind == testTime {
			return nil
		}
		return c.become(testCompare, name, kindNumber)
	case "minute", "hour", "day", "week", "month", "year":
		c.part = name
		return c.become(testTime, name, kindNumber)
	case "exists":
		if len(c.scalars) != 1 {
			return refuse(c.line, "`exists` takes one boolean")
		}
		return c.become(testExists, name, kindBool)
	case "fieldref":
		return c.become(testFieldref, name, kindText)
	case "expand":
		return refuse(c.line, "`expand` needs placeholders to be filled in, which this engine does not do: write the values out")
	case "":
		return refuse(c.line, "an empty modifier")
	default:
		return refuse(c.line, "unknown modifier %q", name)
	}
	return nil
}

// need refuses values that are not of one of the kinds.
func (c *chain) need(name string, kinds ...kind) error {
	words := map[kind]string{kindText: "text", kindNumber: "numbers", kindBool: "booleans"}
	for _, s := range c.scalars {
		if !slices.Contains(kinds, s.kind) {
			var allowed []string
			for _, k := range kinds {
				allowed = append(allowed, words[k])
			}
			return refuse(s.line, "`%s` takes %s, not %q", name, strings.Join(allowed, " or "), s.text)
		}
	}
	return nil
}

// after refuses a modifier behind one that made the value something else.
func (c *chain) after(name string, allowed ...testKind) error {
	if !slices.Contains(allowed, c.kind) {
		return refuse(c.line, "`%s` cannot follow `%s`", name, c.applied[len(c.applied)-1])
	}
	return nil
}

// become is a type modifier: it must stand before anything else that changes the value.
func (c *chain) become(kind testKind, name string, values kind) error {
	for _, earlier := range c.applied {
		if earlier != "all" && earlier != "neq" {
			return refuse(c.line, "`%s` must come first, it cannot follow `%s`", name, earlier)
		}
	}
	if c.keyword && kind != testRegex {
		return refuse(c.line, "`%s` needs a field", name)
	}
	c.kind = kind
	return c.need(name, values)
}

func (c *chain) open(name string) error {
	if c.kind == testFieldref {
		c.how = name
		return nil
	}
	if err := c.after(name, testText); err != nil {
		return err
	}
	star := element{kind: elementStar}
	for _, alternatives := range c.texts {
		for i, text := range alternatives {
			if name != "startswith" && (len(text) == 0 || text[0].kind != elementStar) {
				text = slices.Insert(text, 0, star)
			}
			if name != "endswith" && (len(text) == 0 || text[len(text)-1].kind != elementStar) {
				text = append(text, star)
			}
			alternatives[i] = text
		}
	}
	return nil
}

func (c *chain) spread(name string) error {
	if err := c.after(name, testText); err != nil {
		return err
	}
	if err := c.need(name, kindText); err != nil {
		return err
	}
	for _, alternatives := range c.texts {
		for i, text := range alternatives {
			alternatives[i] = spreadDashes(text)
		}
	}
	return nil
}

// asKeyword makes text be looked for anywhere in a value unless the rule says where.
func (c *chain) asKeyword() error {
	for _, name := range c.applied {
		if name == "contains" || name == "startswith" || name == "endswith" || name == "re" {
			return nil
		}
	}
	return c.open("contains")
}

// tests turns the values into tests. fieldSlot gives the slot of a field that fieldref names.
func (c *chain) tests(fieldSlot func(string) int32) ([]valueTest, error) {
	var out []valueTest
	for i, s := range c.scalars {
		t, err := c.testOf(s, i, fieldSlot)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func (c *chain) testOf(s scalar, i int, fieldSlot func(string) int32) (valueTest, error) {
	switch c.kind {
	case testRegex:
		return c.regex(s)
	case testCIDR:
		prefix, err := netip.ParsePrefix(s.text)
		if err != nil {
			return nil, refuse(s.line, "%q is not a network in CIDR notation, as 10.0.0.0/8 or fe80::/10", s.text)
		}
		return cidrTest(prefix.Masked()), nil
	case testCompare:
		return compareTest{c.op, s.num}, nil
	case testTime:
		if bounds := timeParts[c.part]; s.num < bounds[0] || s.num > bounds[1] || s.num != float64(int(s.num)) {
			return nil, refuse(s.line, "`%s` is a whole number from %v to %v, not %s", c.part, bounds[0], bounds[1], s.text)
		}
		op := c.op
		if op == "" {
			op = "eq"
		}
		return timeTest{c.part, comparison{op, s.num}}, nil
	case testFieldref:
		name, ok := plainText(c.texts[i][0])
		if !ok || name == "" {
			return nil, refuse(s.line, "`fieldref` takes the name of a field, without wildcards, not %q", s.text)
		}
		return fieldrefTest{fieldSlot(name), c.cased, c.how}, nil
	}
	return c.plain(s, c.texts[i]), nil
}

func (c *chain) plain(s scalar, alternatives [][]element) valueTest {
	if !c.keyword && !c.opened() {
		switch s.kind {
		case kindNull:
			return nullTest{}
		case kindBool:
			return boolTest(s.yes)
		case kindNumber:
			forms := [][]byte{appendFold(nil, []byte(s.text))}
			if short := appendNumber(nil, s.num); string(short) != string(forms[0]) {
				forms = append(forms, short)
			}
			return numberTest{s.num, forms}
		}
	}
	var tests alternativeTest
	for _, text := range alternatives {
		if c.wide() {
			tests = append(tests, textTest{newPattern(bytesAsCharacters(text), c.cased)})
		}
		tests = append(tests, textTest{newPattern(text, c.cased)})
	}
	if len(tests) == 1 {
		return tests[0]
	}
	return tests
}

// wide reports whether the value stays UTF-16, with no base64 around it.
func (c *chain) wide() bool {
	wide := false
	for _, name := range c.applied {
		switch name {
		case "wide", "utf16", "utf16le", "utf16be":
			wide = true
		case "base64", "base64offset":
			return false
		}
	}
	return wide
}

func (c *chain) opened() bool {
	for _, name := range c.applied {
		if name != "all" && name != "neq" {
			return true
		}
	}
	return false
}

func plainText(text []element) (string, bool) {
	switch {
	case len(text) == 0:
		return "", true
	case len(text) == 1 && text[0].kind == elementPlain:
		return string(text[0].plain), true
	}
	return "", false
}

func (c *chain) regex(s scalar) (valueTest, error) {
	if len(s.text) > maxRegexBytes {
		return nil, refuse(s.line, "the regular expression has %d bytes, %d are allowed", len(s.text), maxRegexBytes)
	}
	source := s.text
	if c.flags != "" {
		source = "(?" + c.flags + ")" + source
	}
	compiled, err := regexp.Compile(source)
	if err != nil {
		if parse, ok := err.(*syntax.Error); ok {
			return nil, refuse(s.line, "regular expression: %s: `%s` (look-around, back references and atomic groups are not Sigma)", parse.Code, parse.Expr)
		}
		return nil, refuse(s.line, "regular expression: %v", err)
	}
	return &regexTest{compiled, -1}, nil
}
