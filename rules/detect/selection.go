package detect

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// compiler turns the detection of one document into expressions. Fields
// are interned in the set that it builds.
type compiler struct {
	*reader
	set *builder
}

// detection reads a rule's detection section, or a filter's, and returns its condition.
func (c *compiler) detection(n *yaml.Node, what string, skip ...string) (detectionSection, error) {
	section := detectionSection{}
	pairs, err := c.mapping(n, what)
	if err != nil {
		return section, err
	}
	var conditions *pair
	for i, p := range pairs {
		if p.key == "condition" {
			conditions = &pairs[i]
			continue
		}
		if slices.Contains(skip, p.key) {
			continue
		}
		e, err := c.selection(p.value, p.key, 0)
		if err != nil {
			return section, err
		}
		section.names = append(section.names, named{p.key, e})
		section.lines = append(section.lines, p.line)
	}
	if conditions == nil {
		return section, refuse(n.Line, "%s has no condition (mandatory)", what)
	}
	if len(section.names) == 0 {
		return section, refuse(n.Line, "%s has no search identifier", what)
	}
	return section, c.conditions(&section, conditions)
}

type detectionSection struct {
	names     []named
	lines     []int
	used      map[string]bool
	condition expr
}

// conditions parses the condition or the list of them, which is linked with or.
func (c *compiler) conditions(s *detectionSection, p *pair) error {
	texts, err := c.texts(p.value, "condition")
	if err != nil {
		return err
	}
	if len(texts) == 0 {
		return refuse(p.line, "the list of conditions is empty")
	}
	s.used = make(map[string]bool)
	var any anyOf
	for _, text := range texts {
		parsed, err := parseCondition(text, p.line)
		if err != nil {
			return err
		}
		bound, err := s.bind(parsed, p.line)
		if err != nil {
			return err
		}
		any = append(any, bound)
	}
	s.condition = any
	if len(any) == 1 {
		s.condition = any[0]
	}
	return nil
}

func (s *detectionSection) bind(c condition, line int) (expr, error) {
	switch c.op {
	case opName:
		for _, n := range s.names {
			if n.name == c.name {
				s.used[n.name] = true
				return n, nil
			}
		}
		return nil, refuse(line, "the condition names %q, which is no search identifier of this rule", c.name)
	case opOf:
		var found []expr
		for _, n := range s.names {
			if identifierMatches(c.name, n.name) {
				s.used[n.name] = true
				found = append(found, n)
			}
		}
		if len(found) == 0 {
			return nil, refuse(line, "`%s of %s` matches no search identifier", c.quant, c.name)
		}
		if c.quant == "all" {
			return allOf(found), nil
		}
		return anyOf(found), nil
	}
	args := make([]expr, len(c.args))
	for i, arg := range c.args {
		var err error
		if args[i], err = s.bind(arg, line); err != nil {
			return nil, err
		}
	}
	switch c.op {
	case opAnd:
		return allOf(args), nil
	case opOr:
		return anyOf(args), nil
	}
	return negation{args[0]}, nil
}

// selection compiles one search identifier: a map, a list of maps or of keywords,
// or one keyword.
func (c *compiler) selection(n *yaml.Node, name string, depth int) (expr, error) {
	n, err := c.resolve(n)
	if err != nil {
		return nil, err
	}
	if depth > maxNesting {
		return nil, refuse(n.Line, "%s is nested deeper than %d", name, maxNesting)
	}
	switch n.Kind {
	case yaml.MappingNode:
		return c.selectionMap(n, name)
	case yaml.SequenceNode:
		return c.selectionList(n, name, depth)
	}
	if isNull(n) {
		return nil, refuse(n.Line, "search identifier %q is empty", name)
	}
	return c.item("", n.Line, n)
}

func (c *compiler) selectionMap(n *yaml.Node, name string) (expr, error) {
	pairs, err := c.mapping(n, name)
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, refuse(n.Line, "search identifier %q is empty", name)
	}
	all := make(allOf, len(pairs))
	for i, p := range pairs {
		if all[i], err = c.item(p.key, p.line, p.value); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// selectionList is an or: over keywords, over maps, or over both.
func (c *compiler) selectionList(n *yaml.Node, name string, depth int) (expr, error) {
	items, err := c.list(n)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, refuse(n.Line, "search identifier %q is empty", name)
	}
	keywords := &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line}
	var any anyOf
	for _, item := range items {
		if item.Kind == yaml.ScalarNode {
			keywords.Content = append(keywords.Content, item)
			continue
		}
		e, err := c.selection(item, name, depth+1)
		if err != nil {
			return nil, err
		}
		any = append(any, e)
	}
	if len(keywords.Content) > 0 {
		e, err := c.item("", n.Line, keywords)
		if err != nil {
			return nil, err
		}
		any = append(any, e)
	}
	return any, nil
}

// item compiles one key of a selection: a field, or nothing for keywords, with modifiers.
func (c *compiler) item(key string, line int, n *yaml.Node) (expr, error) {
	items, err := c.list(n)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, refuse(line, "%q has an empty list of values", key)
	}
	parts := strings.Split(key, "|")
	field := parts[0]
	if field == "" && key != "" && len(parts) == 1 {
		return nil, refuse(line, "a field has no name")
	}
	mods := chain{line: line, keyword: field == ""}
	for _, item := range items {
		s, err := parseScalar(item)
		if err != nil {
			return nil, err
		}
		mods.scalars = append(mods.scalars, s)
	}
	if err := mods.apply(parts[1:]); err != nil {
		return nil, err
	}
	return c.fieldTest(key, field, &mods)
}

func (c *compiler) fieldTest(key, field string, mods *chain) (expr, error) {
	slot := int32(everySlot)
	if field != "" {
		slot = c.set.slot(field)
	}
	if mods.kind == testExists {
		return &existsTest{key, mods.line, slot, mods.scalars[0].yes}, nil
	}
	tests, err := mods.tests(c.set.slot)
	if err != nil {
		return nil, err
	}
	f := &fieldTest{key: key, line: mods.line, slot: slot, every: mods.every, negate: mods.negate, tests: tests}
	_, f.absent = tests[0].(nullTest)
	return f, nil
}
