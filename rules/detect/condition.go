package detect

import (
	"regexp"
	"strings"
)

// A condition is parsed into nodes; names are bound to selections later, when
// the identifiers that a pattern means are known.
type condition struct {
	op    conditionOp
	args  []condition
	name  string // of opName
	quant string // of opOf: "1" or "all"
}

type conditionOp uint8

const (
	opName conditionOp = iota
	opAnd
	opOr
	opNot
	opOf
)

var conditionToken = regexp.MustCompile(`^(?:\(|\)|[^\s()]+)`)

type conditionParser struct {
	tokens []string
	line   int
	depth  int
}

// parseCondition reads one condition. Binding, least first: or, and, not, x of.
func parseCondition(text string, line int) (condition, error) {
	if len(text) > maxConditionSize {
		return condition{}, refuse(line, "the condition has %d characters, %d are allowed", len(text), maxConditionSize)
	}
	if strings.Contains(text, "|") {
		return condition{}, refuse(line, "a pipe in the condition is Sigma 1's aggregation, which Sigma 2 replaced by correlations")
	}
	p := &conditionParser{line: line}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		token := conditionToken.FindString(rest)
		if token == "" {
			return condition{}, refuse(line, "unexpected %q in the condition", rest[:1])
		}
		p.tokens = append(p.tokens, token)
		rest = rest[len(token):]
	}
	if len(p.tokens) == 0 {
		return condition{}, refuse(line, "the condition is empty")
	}
	c, err := p.or()
	if err != nil {
		return condition{}, err
	}
	if len(p.tokens) > 0 {
		return condition{}, refuse(line, "unexpected %q in the condition", p.tokens[0])
	}
	return c, nil
}

func (p *conditionParser) word() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return strings.ToLower(p.tokens[0])
}

func (p *conditionParser) next() (string, error) {
	if len(p.tokens) == 0 {
		return "", refuse(p.line, "the condition ends too early")
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token, nil
}

func (p *conditionParser) or() (condition, error) { return p.chain("or", opOr, p.and) }

func (p *conditionParser) and() (condition, error) { return p.chain("and", opAnd, p.not) }

func (p *conditionParser) chain(word string, op conditionOp, operand func() (condition, error)) (condition, error) {
	first, err := operand()
	if err != nil {
		return first, err
	}
	args := []condition{first}
	for p.word() == word {
		p.tokens = p.tokens[1:]
		next, err := operand()
		if err != nil {
			return next, err
		}
		args = append(args, next)
	}
	if len(args) == 1 {
		return first, nil
	}
	return condition{op: op, args: args}, nil
}

func (p *conditionParser) not() (condition, error) {
	if p.depth++; p.depth > maxNesting {
		return condition{}, refuse(p.line, "the condition is nested deeper than %d", maxNesting)
	}
	defer func() { p.depth-- }()
	if p.word() != "not" {
		return p.operand()
	}
	p.tokens = p.tokens[1:]
	arg, err := p.not()
	return condition{op: opNot, args: []condition{arg}}, err
}

func (p *conditionParser) operand() (condition, error) {
	token, err := p.next()
	if err != nil {
		return condition{}, err
	}
	switch strings.ToLower(token) {
	case "(":
		c, err := p.or()
		if err != nil {
			return c, err
		}
		if closing, err := p.next(); err != nil || closing != ")" {
			return c, refuse(p.line, "a bracket of the condition is not closed")
		}
		return c, nil
	case ")", "and", "or", "of":
		return condition{}, refuse(p.line, "unexpected %q in the condition", token)
	}
	if p.word() != "of" {
		if strings.Contains(token, "*") {
			return condition{}, refuse(p.line, "pattern %q in the condition needs `1 of` or `all of` before it", token)
		}
		return condition{op: opName, name: token}, nil
	}
	p.tokens = p.tokens[1:]
	pattern, err := p.next()
	if err != nil {
		return condition{}, err
	}
	quant := strings.ToLower(token)
	if quant == "any" {
		quant = "1"
	}
	if quant != "1" && quant != "all" {
		return condition{}, refuse(p.line, "%q of: only `1 of` and `all of` are Sigma", token)
	}
	if pattern == "(" || pattern == ")" {
		return condition{}, refuse(p.line, "`%s of` needs `them` or the pattern of an identifier", token)
	}
	return condition{op: opOf, quant: quant, name: pattern}, nil
}

// identifierMatches reports whether a search identifier is meant by a pattern of `x of`.
// Identifiers that begin with an underscore are left out unless the pattern does too.
func identifierMatches(pattern, name string) bool {
	if strings.HasPrefix(name, "_") && !strings.HasPrefix(pattern, "_") {
		return false
	}
	if pattern == "them" {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}
