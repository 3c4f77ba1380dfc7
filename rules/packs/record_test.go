package packs_test

import (
	"strings"
	"testing"

	"destring/rules/detect"
	"destring/rules/record"
	"destring/rules/redact"
)

// ofStatements are fields that only the relay's own records have.
var ofStatements = map[string]bool{"destring.signal": true, "event.module": true}

func TestRulesAskOnlyForFieldsThatRecordsHave(t *testing.T) {
	published := make(map[string]bool)
	for _, f := range record.Fields() {
		published[f.Name] = true
	}
	set := load(t)
	for _, f := range set.LintFields(func(field string) bool { return published[field] || ofStatements[field] }) {
		t.Errorf("%s:%d: rule %s: %s", f.File, f.Line, f.Rule, f.Message)
	}
	for _, r := range set.Rules() {
		for _, field := range r.Own.GroupBy {
			if !published[field] {
				t.Errorf("rule %s groups by %s, which no record has", r.Name, field)
			}
		}
	}
}

// A new detector must not be one that nobody is told of.
func TestEveryDetectorOfCredentialsIsSomeRulesBusiness(t *testing.T) {
	redactor, err := redact.New(redact.Options{Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	set := load(t)
	m, slot := set.NewMatcher(), set.Slot("destring.findings.detector")
	for _, d := range redactor.Detectors() {
		if d.Class != redact.Credential || d.Name == "" {
			continue
		}
		m.Reset()
		m.Text(slot, []byte(d.Name))
		var told []string
		for _, match := range m.Match() {
			if match.Rule.Level >= detect.Medium {
				told = append(told, match.Rule.Name)
			}
		}
		if len(told) != 1 {
			t.Errorf("detector %s is told of by %d rules: %s (a new service belongs into celery_leaks_vendors.yml)", d.Name, len(told), strings.Join(told, ", "))
		}
	}
}
