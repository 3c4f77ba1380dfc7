package alerting

import (
	"fmt"
	"slices"
	"strings"

	"destring/rules"
)

// Matcher is one condition on an alert: "task=billing.*", "level>=high", "environment!=dev".
type Matcher struct {
	Field string // rule, level, task, worker, environment, secret, detector, host or peer
	Op    string // "=", "!=" with * as wildcard in Value; for level ">=" and "<=" too
	Value string
}

// ParseMatcher reads the form that String writes.
func ParseMatcher(s string) (Matcher, error) {
	i := strings.IndexAny(s, "=!<>")
	if i < 0 {
		return Matcher{}, fmt.Errorf("matcher %q: want field=value, as in task=billing.*", s)
	}
	op := s[i : i+1]
	if op != "=" {
		op = s[i:min(i+2, len(s))]
	}
	m := Matcher{Field: strings.TrimSpace(s[:i]), Op: op, Value: strings.TrimSpace(s[i+len(op):])}
	return m, m.check()
}

// String returns the written form.
func (m Matcher) String() string { return m.Field + m.Op + m.Value }

func (m Matcher) check() error {
	if m.Field == "level" {
		if _, ok := parseLevel(m.Value); !ok {
			return fmt.Errorf("matcher %q: no such level; there are informational, low, medium, high, critical", m)
		}
		if !slices.Contains([]string{"=", "!=", ">=", "<="}, m.Op) {
			return fmt.Errorf("matcher %q: level takes =, !=, >= or <=", m)
		}
		return nil
	}
	if _, ok := (&Match{}).field(m.Field); !ok {
		return fmt.Errorf("matcher %q: no field %q; there are rule, level, task, worker, environment, secret, detector, host, peer", m, m.Field)
	}
	if m.Op != "=" && m.Op != "!=" {
		return fmt.Errorf("matcher %q: %s takes = or !=", m, m.Field)
	}
	return nil
}

func parseLevel(word string) (rules.Severity, bool) {
	for s := rules.Informational; s <= rules.Critical; s++ {
		if s.String() == word {
			return s, true
		}
	}
	return 0, false
}

func (m Matcher) fits(a *Alert) bool {
	if m.Field == "level" {
		want, _ := parseLevel(m.Value)
		switch m.Op {
		case "=":
			return a.Level == want
		case "!=":
			return a.Level != want
		case ">=":
			return a.Level >= want
		}
		return a.Level <= want
	}
	got, _ := a.Match.field(m.Field)
	return glob(m.Value, got) == (m.Op == "=")
}

func fitAll(all []Matcher, a *Alert) bool {
	for _, m := range all {
		if !m.fits(a) {
			return false
		}
	}
	return true
}

// escapeGlob makes a pattern that fits s alone.
func escapeGlob(s string) string { return strings.NewReplacer(`\`, `\\`, "*", `\*`).Replace(s) }

// glob matches with * for any run of characters and \ before a character that stands for
// itself. It keeps one way back, so it takes at most len(pattern)·len(s) steps.
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == s[i]:
			p, i = p+2, i+1
		case p < len(pattern) && pattern[p] != '\\' && pattern[p] == s[i]:
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Route sends the alerts that fit to sinks.
type Route struct {
	Match    []Matcher // all must fit; none fits everything
	Sinks    []string  // names
	Continue bool      // look at the routes below too
}

func (r Route) check(known map[string]bool) error {
	if len(r.Sinks) == 0 {
		return fmt.Errorf("route %v names no sink; to drop alerts, silence them", r.Match)
	}
	for _, m := range r.Match {
		if err := m.check(); err != nil {
			return err
		}
	}
	for _, name := range r.Sinks {
		if !known[name] {
			return fmt.Errorf("route: no sink %q is configured", name)
		}
	}
	return nil
}

// route returns the names of the sinks for al. Keepers get every alert; an alert that no
// route takes goes to every sink, for a hole in the routes must not swallow it.
func (a *Alerter) route(al *Alert) []string {
	var names []string
	for _, r := range a.opts.Routes {
		if !fitAll(r.Match, al) {
			continue
		}
		names = append(names, r.Sinks...)
		if !r.Continue {
			break
		}
	}
	unrouted := len(names) == 0
	for _, c := range a.couriers {
		if c.traits.Keeper || unrouted {
			names = append(names, c.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
