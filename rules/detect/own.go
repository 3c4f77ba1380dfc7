package detect

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// own reads the key `destring:`.
func (r *reader) own(rule *Rule, p pair) error {
	pairs, err := r.mapping(p.value, "destring")
	if err != nil {
		return err
	}
	for _, q := range pairs {
		switch q.key {
		case "runbook":
			rule.Own.Runbook, err = r.text(q.value, q.key)
		case "owner":
			rule.Own.Owner, err = r.text(q.value, q.key)
		case "group_by":
			rule.Own.GroupBy, err = r.texts(q.value, q.key)
		case "realert":
			rule.Own.Realert, err = r.duration(q)
		case "suppress":
			rule.Own.Suppress, err = r.duration(q)
		case "off":
			rule.Own.Off, err = r.boolean(q)
		case "posture":
			rule.Own.Posture, err = r.boolean(q)
		case "tests":
			rule.tests, err = r.ruleTests(q)
		default:
			err = refuse(q.line, "destring has no attribute %q", q.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) duration(p pair) (string, error) {
	text, err := r.text(p.value, p.key)
	if err != nil {
		return "", err
	}
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		return "", refuse(p.line, "%s %q is no duration, as 30m or 24h", p.key, text)
	}
	return text, nil
}

func (r *reader) boolean(p pair) (bool, error) {
	if p.value.Tag != "!!bool" {
		return false, refuse(p.line, "%s must be true or false", p.key)
	}
	return p.value.Value == "true", nil
}

// ruleTest is one event, or a sequence of them, that a rule must fire on or must not.
type ruleTest struct {
	line   int
	must   bool
	events []map[string]any
	at     []time.Duration // of each event, since the first
}

// ruleTests reads tests: fire and quiet, each a list of events or of lists of events
// (a sequence). A key `after` of an event is how long after the one before it comes.
func (r *reader) ruleTests(p pair) ([]ruleTest, error) {
	groups, err := r.mapping(p.value, "tests")
	if err != nil {
		return nil, err
	}
	var out []ruleTest
	for _, g := range groups {
		if g.key != "fire" && g.key != "quiet" {
			return nil, refuse(g.line, "tests has `fire` and `quiet`, not %q", g.key)
		}
		items, err := r.list(g.value)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			t := ruleTest{line: item.Line, must: g.key == "fire"}
			steps := []*yaml.Node{item}
			if item.Kind == yaml.SequenceNode {
				if steps, err = r.list(item); err != nil {
					return nil, err
				}
			}
			if err := r.testEvents(&t, steps); err != nil {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

const maxTestEvents = 20_000

func (r *reader) testEvents(t *ruleTest, steps []*yaml.Node) error {
	at := time.Duration(0)
	for _, step := range steps {
		pairs, err := r.mapping(step, "an event of tests")
		if err != nil {
			return err
		}
		repeat, after := 1, time.Duration(0)
		event := make(map[string]any, len(pairs))
		for _, p := range pairs {
			switch p.key {
			case "after":
				text, err := r.text(p.value, p.key)
				if err != nil {
					return err
				}
				if after, err = time.ParseDuration(text); err != nil {
					return refuse(p.line, "after %q is no duration", text)
				}
			case "repeat":
				s, err := parseScalar(p.value)
				if err != nil || s.kind != kindNumber || s.num < 1 || s.num > 10_000 {
					return refuse(p.line, "repeat must be a number up to 10000")
				}
				repeat = int(s.num)
			default:
				if event[p.key], err = r.any(p.value, 0); err != nil {
					return err
				}
			}
		}
		if len(t.events)+repeat > maxTestEvents {
			return refuse(step.Line, "a test of more than %d events", maxTestEvents)
		}
		for range repeat {
			at += after
			t.events, t.at = append(t.events, event), append(t.at, at)
		}
	}
	return nil
}

// any turns a node into what encoding/json would make of it.
func (r *reader) any(n *yaml.Node, depth int) (any, error) {
	n, err := r.resolve(n)
	if err != nil {
		return nil, err
	}
	if depth > maxNesting {
		return nil, refuse(n.Line, "a value is nested deeper than %d", maxNesting)
	}
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			if list[i], err = r.any(item, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		pairs, err := r.mapping(n, "a value")
		if err != nil {
			return nil, err
		}
		object := make(map[string]any, len(pairs))
		for _, p := range pairs {
			if object[p.key], err = r.any(p.value, depth+1); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	s, err := parseScalar(n)
	switch {
	case err != nil:
		return nil, err
	case s.kind == kindNull:
		return nil, nil
	case s.kind == kindBool:
		return s.yes, nil
	case s.kind == kindNumber:
		return s.num, nil
	}
	return s.text, nil
}

// warn keeps something for Lint.
func (r *Rule) warn(line int, text string) {
	f := Finding{File: r.File, Line: line, Rule: r.Key(), Message: text}
	if !slices.Contains(r.warnings, f) {
		r.warnings = append(r.warnings, f)
	}
}

// Finding is something about a rule that its author may want to change.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

func (s *detectionSection) warnUnused(rule *Rule) {
	for i, n := range s.names {
		if !s.used[n.name] {
			rule.warn(s.lines[i], "search identifier "+n.name+" is not used by the condition")
		}
	}
}
