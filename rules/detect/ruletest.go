package detect

import (
	"maps"
	"time"

	"destring/rules/event"
)

// TestResult is one test of a rule, from its key `destring: {tests: …}`.
type TestResult struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Rule  string `json:"rule"`
	Must  bool   `json:"must"` // true: it must fire
	Fired bool   `json:"fired"`
}

// OK reports whether the rule did what the test says.
func (r TestResult) OK() bool { return r.Must == r.Fired }

// testClock is when the first event of a test happens, unless it says itself.
var testClock = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// Test runs the tests of all rules, each on its own, with the whole set loaded: a correlation sees
// the rules it refers to. untested are rules that lack a test that must fire or one that must not.
func (s *Set) Test() (results []TestResult, untested []*Rule) {
	for _, rule := range s.rules {
		var fire, quiet bool
		for _, t := range rule.tests {
			results = append(results, TestResult{rule.File, t.line, rule.Key(), t.must, s.runTest(rule, t)})
			fire, quiet = fire || t.must, quiet || !t.must
		}
		if !fire || !quiet {
			untested = append(untested, rule)
		}
	}
	return results, untested
}

// runTest reports whether the rule fired anywhere in the sequence, hidden or not.
func (s *Set) runTest(rule *Rule, t ruleTest) bool {
	m := s.NewMatcher()
	c := s.NewCorrelator(CorrelatorOptions{})
	c.only = rule
	for i, fields := range t.events {
		ev := Event(maps.Clone(fields))
		at := testClock.Add(t.at[i])
		if own, ok := ev.Time(); ok {
			at = own
		} else {
			ev["@timestamp"] = at.Format(time.RFC3339Nano)
		}
		m.Event(ev)
		for _, match := range m.Match() {
			if match.Rule == rule {
				return true
			}
		}
		for _, f := range c.Feed(m, at.UnixNano(), event.ID{Message: uint64(i) + 1}) {
			if f.Rule == rule {
				return true
			}
		}
	}
	return false
}
