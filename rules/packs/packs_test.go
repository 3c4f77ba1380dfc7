package packs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"destring/rules/detect"
	"destring/rules/packs"
)

// load compiles all rules, those that are off too.
func load(t testing.TB) *detect.Set {
	t.Helper()
	set, err := detect.Load(packs.Source())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestEveryRuleFiresOnItsLinesAndNotOnOthers(t *testing.T) {
	results, untested := load(t).Test()
	for _, r := range results {
		if !r.OK() {
			t.Errorf("%s:%d: rule %s: must fire: %v, fired: %v", r.File, r.Line, r.Rule, r.Must, r.Fired)
		}
	}
	for _, rule := range untested {
		t.Errorf("%s:%d: rule %s has no test that must fire or none that must not", rule.File, rule.Line, rule.Key())
	}
	if len(results) < 200 {
		t.Errorf("%d tests", len(results))
	}
}

func TestEveryRuleSaysWhatAnOperatorNeeds(t *testing.T) {
	set := load(t)
	for _, r := range set.Rules() {
		for what, missing := range map[string]bool{
			"id": r.ID == "", "name": r.Name == "", "description": len(r.Description) < 40, "references": len(r.References) == 0, "falsepositives": len(r.FalsePositives) == 0,
			"status": r.Status == "", "date": r.Date == "", "ATT&CK technique": !slices.ContainsFunc(r.Tags, func(s string) bool { return strings.HasPrefix(s, "attack.t1") }),
			"runbook": r.Own.Runbook != "rules/packs/RUNBOOK.md#"+r.Name, "section in the runbook": packs.Runbook(r.Name) == "",
		} {
			if missing {
				t.Errorf("%s:%d: rule %s has no %s", r.File, r.Line, r.Name, what)
			}
		}
		if r.Level >= detect.Medium && !r.Hidden && r.Own.Realert == "" && len(r.Own.GroupBy) == 0 {
			t.Errorf("rule %s alerts and is neither grouped nor held back", r.Name)
		}
	}
}

func TestTheRulesHaveNothingThatLintFinds(t *testing.T) {
	for _, f := range load(t).Lint() {
		t.Errorf("%s:%d: %s: %s", f.File, f.Line, f.Rule, f.Message)
	}
}

func TestRulesThatAreOffRunOnlyWhenNamed(t *testing.T) {
	few, err := packs.Load()
	if err != nil {
		t.Fatal(err)
	}
	more, err := packs.Load("admin_off_hours", "task_success", "auth_task_burst_then_ok")
	if err != nil {
		t.Fatal(err)
	}
	if few.Rule("admin_off_hours") != nil || more.Rule("admin_off_hours") == nil || len(more.Rules()) != len(few.Rules())+3 {
		t.Errorf("%d rules by default, %d with three more", len(few.Rules()), len(more.Rules()))
	}
	if _, err := packs.Load("auth_task_burst_then_ok"); err == nil {
		t.Error("a correlation without one of its rules was taken")
	}
}

// The table of signals is what relay/signals and the rules agree on.
func TestEverySignalOfTheTableIsJudgedByARuleAndNoOther(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Signals")
	table, _, _ = strings.Cut(table, "\n## ")
	set := load(t)
	m, slot := set.NewMatcher(), set.Slot("destring.signal")
	judged := make(map[string]bool)
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `") || strings.HasPrefix(line, "| `destring.signal`") {
			continue
		}
		for i, name := range strings.Split(strings.Split(line, "|")[1], "`") {
			if i%2 == 0 {
				continue
			}
			judged[name] = true
			m.Reset()
			m.Text(slot, []byte(name))
			if len(m.Match()) == 0 {
				t.Errorf("no rule judges the signal %s", name)
			}
		}
	}
	if len(judged) < 20 {
		t.Fatalf("the table has only %d signals", len(judged))
	}
	files, err := filepath.Glob("celery_signals*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^            - '([a-z-]+)'$|destring\.signal: '([a-z-]+)'\n`).FindAllStringSubmatch(string(text), -1) {
			if name := found[1] + found[2]; !judged[name] {
				t.Errorf("%s asks for the signal %q, which is not in the table", file, name)
			}
		}
	}
}
