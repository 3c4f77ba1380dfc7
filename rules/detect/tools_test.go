package detect_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"destring/rules/detect"
)

func TestEvalWritesOneObjectForEachFiring(t *testing.T) {
	set := load(t, bases+correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 2}"))
	events := "\ufeff" + ev(0, "a", byUser("x")...) + "\r\n\n" + ev(1, "b") + "\n" + `{"@timestamp":"2023-11-14T22:13:22Z","k":"A","u":"x"}`
	var out bytes.Buffer
	read, fired, err := set.Eval(strings.NewReader(events), &out)
	want := `{"event_index":1,"rule_id":"b","rule_title":"B","level":"medium"}` + "\n" +
		`{"event_index":2,"rule_id":"x","rule_title":"x","level":"medium","group":[{"field":"u","value":"x"}],"value":2,"events":[0,2]}` + "\n"
	if err != nil || read != 3 || fired != 2 || out.String() != want {
		t.Errorf("read %d, fired %d, %v\n%s\nwant\n%s", read, fired, err, out.String(), want)
	}
}

func TestEvalNamesTheLineThatIsNoEvent(t *testing.T) {
	for _, bad := range []string{"[1]", "{\"a\":", "null", "{} {}", "text", `{"a":"\ud800"`} {
		_, _, err := load(t, bases).Eval(strings.NewReader("{}\n"+bad+"\n"), &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), "events line 2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestLintFindsWhatAnAuthorMayWantToChange(t *testing.T) {
	text := `
title: A
id: not-a-uuid
tags: [attack.t1562, Attack.X]
status: deprecated
date: 2022/08/03
related: [{id: x, type: obsoletes}]
detection:
    sel: {a|re: '[a-z]+[0-9]*'}
    other: {b: 1}
    condition: sel
---
title: B
id: 6f3e2987-db24-4c78-a860-b4f4095a7095
level: low
detection: {sel: {a: 1}, condition: not sel}
---
title: C
level: low
correlation: {type: event_count, rules: [not-a-uuid], timespan: 5m, condition: {gte: 2}, aliases: {u: {6f3e2987-db24-4c78-a860-b4f4095a7095: x}}}
---
title: F
filter: {rules: [not-a-uuid, gone], sel: {u: x}, condition: sel}
`
	var got []string
	for _, f := range load(t, text).Lint() {
		got = append(got, fmt.Sprintf("%d %s", f.Line, f.Message))
	}
	for _, want := range []string{
		"2 id is no UUID", "2 no level: it counts as medium", "2 tag attack.t1562 is out of use, now attack.t1685", `2 tag "Attack.X" is not of the form`, "2 status is deprecated",
		"6 date is written as in Sigma 1, now 2022-08-03", "7 the relation `obsoletes`",
		"9 regular expression [a-z]+[0-9]* requires no literal", "10 search identifier other is not used", "13 the rule needs nothing to be there (not)",
		"18 no id", "20 no group-by", "20 alias u names 6f3e2987", "23 the filter names gone", "23 the filter keeps what its condition matches",
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no finding %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
}

func TestExplainShowsWhyARuleMatchesOrNot(t *testing.T) {
	set := load(t, rule("sel:\n  a|contains: [foo, bar]\n  n|gte: 5\nfilter: {u|startswith: adm_, x|exists: true}\ncondition: sel and not filter")+
		"---\ntitle: C\nid: c\ncorrelation: {type: event_count, rules: [r], group-by: [u], timespan: 5m, condition: {gte: 2}}\n")
	event, err := detect.ParseEvent([]byte(`{"a":["x","a foo"],"n":4,"u":"adm_x","z":1}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `✗ rule T
  ✗ all of
    ✗ sel
      ✓ a|contains   ["x", "a foo"]
      ✗ n|gte   [4]
    ✓ not
      ✗ filter
        ✓ u|startswith   ["adm_x"]
        ✗ x|exists: true   [(absent)]
`
	if got := set.Explain(set.Rule("r"), event).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	event["n"] = 7.0
	if got := set.Explain(set.Rule("c"), event).String(); !strings.HasPrefix(got, "✓ correlation C   [u = \"adm_x\"]\n  ✓ rule T\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestRuleTestsTellWhatARuleDidAgainstItsAuthor(t *testing.T) {
	set := load(t, `
title: A
id: a
destring:
    tests:
        fire:
            - {k: a}
            - {k: b}
        quiet:
            - {k: b}
detection: {sel: {k: a}, condition: sel}
---
title: C
id: c
destring:
    tests:
        fire:
            -
                - {k: a, u: x, repeat: 2, after: 10s}
        quiet:
            - [{k: a, u: x}, {k: a, u: x, after: 2m}]
correlation: {type: event_count, rules: [a], group-by: [u], timespan: 1m, condition: {gte: 2}}
---
title: U
id: u
detection: {sel: {k: u}, condition: sel}
`)
	results, untested := set.Test()
	var bad []int
	for _, r := range results {
		if !r.OK() {
			bad = append(bad, r.Line)
		}
	}
	if len(results) != 5 || !slices.Equal(bad, []int{8}) {
		t.Errorf("results %+v, want five with the one of line 8 failed", results)
	}
	if len(untested) != 1 || untested[0].ID != "u" {
		t.Errorf("untested %v", untested)
	}
}

func TestReplayCountsAndComparesWithTheRunningRule(t *testing.T) {
	running := load(t, rule("sel: {a|contains: [foo, old]}\ncondition: sel"))
	changed := load(t, rule("sel: {a|contains: [foo, new]}\ncondition: sel"))
	lines := `{"@timestamp":"2026-11-23T10:00:00Z","a":"foo","celery":{"worker":"w1","task":{"name":"t1"}},"message":"m1"}
{"@timestamp":"2026-11-23T11:00:00Z","a":"old"}
{"@timestamp":"2026-11-24T10:00:00Z","a":"new","celery.worker":"w1","celery.task.name":"t2"}
{"@timestamp":"2026-11-24T11:00:00Z","a":"none"}`
	report, err := changed.Replay("r", detect.ReadEvents(strings.NewReader(lines)), running)
	if err != nil {
		t.Fatal(err)
	}
	if report.Events != 4 || report.Hits != 2 || fmt.Sprint(report.Days) != "[{2026-11-23 1} {2026-11-24 1}]" || fmt.Sprint(report.Workers) != "[{w1 2}]" || len(report.Tasks) != 2 || report.Examples[0].Message != "m1" {
		t.Errorf("report %+v", report)
	}
	if r := report.Running; r.Hits != 2 || r.Gained != 1 || r.Lost != 1 || r.Version == report.Version {
		t.Errorf("running %+v", r)
	}
	if _, err := changed.Replay("nobody", detect.ReadEvents(strings.NewReader(lines)), nil); err == nil {
		t.Error("a rule that is not there was replayed")
	}
	if _, err := changed.Replay("r", detect.ReadEvents(strings.NewReader("{}\nx")), nil); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a broken file: %v", err)
	}
}

func TestVersionChangesWithWhatARuleSaysAndNotWithItsComments(t *testing.T) {
	version := func(text string) string { return load(t, text).Rules()[0].Version }
	a := version(rule("sel: {a: 1}\ncondition: sel"))
	if b := version("# a comment\n" + rule("sel: {a: 1} # why\ncondition: sel")); b != a {
		t.Error("a comment changed the version")
	}
	if b := version(rule("sel: {a: '1'}\ncondition: sel")); b == a {
		t.Error("another value has the same version")
	}
}

func TestKeywordsMakeTheMessageAFieldThatIsAskedFor(t *testing.T) {
	set := load(t, rule("k: [evil]\ncondition: k"))
	if !set.Keywords() || !slices.Equal(set.Fields(), []string{"message"}) {
		t.Errorf("fields %v", set.Fields())
	}
	m := set.NewMatcher()
	m.Text(set.Slot("message"), []byte("an EVIL line"))
	if len(m.Match()) != 1 {
		t.Error("no match")
	}
	m.Reset()
	m.Text(-1, []byte("evil elsewhere"))
	if len(m.Match()) != 1 {
		t.Error("no match in a value without a slot")
	}
}

func TestAPartIsSearchedAlsoWhenNoRuleSearchesTheWhole(t *testing.T) {
	set := load(t, rule("sel: {args|contains: evil, whole|exists: true}\ncondition: sel"))
	m := set.NewMatcher()
	m.Text(set.Slot("whole"), []byte("args: an evil one"))
	m.Part(set.Slot("args"), set.Slot("whole"), 6, 17)
	if len(m.Match()) != 1 {
		t.Error("no match")
	}
	m.Reset()
	m.Text(set.Slot("whole"), []byte("evil, args: none"))
	m.Part(set.Slot("args"), set.Slot("whole"), 12, 16)
	if len(m.Match()) != 0 {
		t.Error("what stands outside of the part matched")
	}
}

func TestWakesSaysWhatARuleIsWokenBy(t *testing.T) {
	set := load(t, rule("sel: {a|contains: [Foo, 'b*longer'], n|gte: 5}\nother: {m|gt: 3}\ncondition: sel or other")+"---\ntitle: N\nid: n\ndetection: {sel: {a: 1}, condition: not sel}\n")
	if got := fmt.Sprint(set.Wakes(set.Rule("r"))); got != `[a with "foo" in it a with "longer" in it m gt 3]` {
		t.Errorf("woken by %s", got)
	}
	if got := set.Wakes(set.Rule("n")); got != nil {
		t.Errorf("woken by %v, want every event", got)
	}
}

func TestLintFieldsFindsMisspeltFields(t *testing.T) {
	set := load(t, rule("sel: {message: x, celery.taskname|exists: true, n: 1}\ncondition: sel")+"---\ntitle: C\nid: c\ncorrelation: {type: event_count, rules: [r], group-by: [peer], timespan: 5m, condition: {gte: 2}}\n")
	var got []string
	for _, f := range set.LintFields(func(field string) bool { return field == "message" || field == "n" }) {
		got = append(got, fmt.Sprintf("%d %s", f.Line, f.Message))
	}
	want := []string{"4 no record has a field celery.taskname", "9 no record of r has a field peer, which the correlation takes for peer"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
