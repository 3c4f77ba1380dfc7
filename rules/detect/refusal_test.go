package detect_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"destring/rules/detect"
)

func TestWhatTheSpecificationForbidsIsRefused(t *testing.T) {
	correlation := func(body string) string {
		return "title: B\nid: b\nname: base\ndetection: {sel: {a: 1}, condition: sel}\n---\ntitle: C\nid: c\ncorrelation:\n" + indent(body)
	}
	filter := func(body string) string {
		return "title: B\nid: b\ndetection: {sel: {a: 1}, condition: sel}\n---\ntitle: F\nid: f\nfilter:\n" + indent(body)
	}
	for _, c := range []struct{ name, text, want string }{
		{"no title", "id: r\ndetection: {sel: {a: 1}, condition: sel}", "no title"},
		{"a long title", "title: " + strings.Repeat("x", 257) + "\ndetection: {sel: {a: 1}, condition: sel}", "256 are allowed"},
		{"no section", "title: T\nid: r", "no detection, correlation or filter"},
		{"two sections", "title: T\ndetection: {sel: {a: 1}, condition: sel}\nfilter: {rules: [x], condition: sel, sel: {a: 1}}", "this has detection and filter"},
		{"unknown status", "title: T\nstatus: good\ndetection: {sel: {a: 1}, condition: sel}", `status "good" is not one of`},
		{"unknown level", "title: T\nlevel: urgent\ndetection: {sel: {a: 1}, condition: sel}", `level "urgent"`},
		{"no date", "title: T\ndate: 2024-13-01\ndetection: {sel: {a: 1}, condition: sel}", "YYYY-MM-DD"},
		{"unknown relation", "title: T\nrelated: [{id: x, type: copied}]\ndetection: {sel: {a: 1}, condition: sel}", `type "copied"`},
		{"rule collections of Sigma 1", "title: T\naction: global\ndetection: {sel: {a: 1}, condition: sel}", "Sigma 1"},
		{"duplicate key", rule("sel: {a: 1}\nsel: {b: 1}\ncondition: sel"), `key "sel" is in detection twice, first in line 4`},
		{"duplicate field", rule("sel:\n  a: 1\n  a: 2\ncondition: sel"), `key "a" is in sel twice`},
		{"merge key", rule("x: &x {a: 1}\nsel: {<<: *x}\ncondition: sel"), "merge keys"},
		{"no condition", rule("sel: {a: 1}"), "no condition"},
		{"empty condition", rule("sel: {a: 1}\ncondition: ''"), "empty"},
		{"empty list of conditions", rule("sel: {a: 1}\ncondition: []"), "empty"},
		{"no search identifier", rule("condition: sel"), "no search identifier"},
		{"unknown search identifier", rule("sel: {a: 1}\ncondition: sel or other"), `names "other"`},
		{"1 of nothing", rule("sel: {a: 1}\ncondition: 1 of x*"), "matches no search identifier"},
		{"2 of", rule("sel: {a: 1}\ncondition: 2 of sel*"), "only `1 of` and `all of`"},
		{"a pipe", rule("sel: {a: 1}\ncondition: sel | count() > 5"), "aggregation"},
		{"an open bracket", rule("sel: {a: 1}\ncondition: (sel"), "bracket"},
		{"a stray bracket", rule("sel: {a: 1}\ncondition: sel)"), `unexpected ")"`},
		{"an operator at the end", rule("sel: {a: 1}\ncondition: sel and"), "ends too early"},
		{"two names side by side", rule("sel: {a: 1}\ncondition: sel sel"), `unexpected "sel"`},
		{"an empty search identifier", rule("sel: {}\ncondition: sel"), "is empty"},
		{"a null search identifier", rule("sel:\ncondition: sel"), "is empty"},
		{"an empty list of values", rule("sel: {a: []}\ncondition: sel"), "empty list"},
		{"a map as a value", rule("sel: {a: {b: 1}}\ncondition: sel"), "it is a map"},
		{"null in a list", rule("sel: {a: ['', null]}\ncondition: sel"), "null cannot be part of a list"},
		{"null with a modifier", rule("sel: {a|contains: null}\ncondition: sel"), "null takes no modifier"},
		{"null as a keyword", rule("k: [null]\ncondition: k"), "null needs a field"},
		{"unknown modifier", rule("sel: {a|like: x}\ncondition: sel"), `unknown modifier "like"`},
		{"empty modifier", rule("sel: {a|: x}\ncondition: sel"), "empty modifier"},
		{"expand", rule("sel: {a|expand: '%servers%'}\ncondition: sel"), "placeholders"},
		{"all with one value", rule("sel: {a|contains|all: x}\ncondition: sel"), "more than one value"},
		{"re that does not compile", rule("sel: {a|re: 'a(b'}\ncondition: sel"), "regular expression"},
		{"re with look-ahead", rule("sel: {a|re: 'a(?=b)'}\ncondition: sel"), "look-around"},
		{"re with a back reference", rule(`sel: {a|re: '(a)\1'}` + "\ncondition: sel"), "back references"},
		{"re of a number", rule("sel: {a|re: 5}\ncondition: sel"), "`re` takes text"},
		{"re behind contains", rule("sel: {a|contains|re: x}\ncondition: sel"), "must come first"},
		{"contains behind re", rule("sel: {a|re|contains: x}\ncondition: sel"), "cannot follow"},
		{"i without re", rule("sel: {a|i: x}\ncondition: sel"), "belongs behind `re`"},
		{"cidr that is none", rule("sel: {a|cidr: 10.0.0.0/33}\ncondition: sel"), "CIDR"},
		{"gt of text", rule("sel: {a|gt: abc}\ncondition: sel"), "`gt` takes numbers"},
		{"lt of a quoted number", rule("sel: {a|lt: '5'}\ncondition: sel"), "`lt` takes numbers"},
		{"exists of text", rule("sel: {a|exists: 'yes please'}\ncondition: sel"), "`exists` takes booleans"},
		{"exists of a list", rule("sel: {a|exists: [true, false]}\ncondition: sel"), "one boolean"},
		{"exists without a field", rule("sel: {'|exists': true}\ncondition: sel"), "needs a field"},
		{"base64 of a wildcard", rule("sel: {a|base64: 'a*b'}\ncondition: sel"), "cannot encode wildcards"},
		{"base64offset behind contains", rule("sel: {a|contains|base64offset: 'ab'}\ncondition: sel"), "cannot encode wildcards"},
		{"base64 of a number", rule("sel: {a|base64: 5}\ncondition: sel"), "takes text"},
		{"windash of a number", rule("sel: {a|windash: 5}\ncondition: sel"), "takes text"},
		{"wide of a boolean", rule("sel: {a|wide: true}\ncondition: sel"), "takes text"},
		{"fieldref of a wildcard", rule("sel: {a|fieldref: 'b*'}\ncondition: sel"), "without wildcards"},
		{"hour 24", rule("sel: {a|hour: 24}\ncondition: sel"), "from 0 to 23"},
		{"minute 7.5", rule("sel: {a|minute: 7.5}\ncondition: sel"), "whole number"},
		{"month of text", rule("sel: {a|month: may}\ncondition: sel"), "`month` takes numbers"},
		{"not a number", rule("sel: {a: .nan}\ncondition: sel"), "no number"},
		{"not YAML", "title: T\n\tid: [", "not YAML"},
		{"not a map", "- a\n- b\n", "must be a map"},

		{"a correlation without type", correlation("rules: [base]\ntimespan: 5m\ngroup-by: [u]\ncondition: {gte: 2}"), "no type"},
		{"unknown type", correlation("type: event_sum\nrules: [base]\ntimespan: 5m\ncondition: {gte: 2}"), `type "event_sum"`},
		{"without rules", correlation("type: event_count\ntimespan: 5m\ncondition: {gte: 2}"), "no rules"},
		{"rules that are not there", correlation("type: event_count\nrules: [nobody]\ntimespan: 5m\ncondition: {gte: 2}"), "refers to nobody"},
		{"the same rule twice", correlation("type: temporal\nrules: [base, base]\ntimespan: 5m"), "twice"},
		{"the same rule by two names", correlation("type: temporal\nrules: [base, b]\ntimespan: 5m"), "by id and by name"},
		{"itself", correlation("type: temporal\nrules: [base, c]\ntimespan: 5m"), "refers to itself"},
		{"without timespan", correlation("type: event_count\nrules: [base]\ncondition: {gte: 2}"), "no timespan"},
		{"timespan in weeks", correlation("type: event_count\nrules: [base]\ntimespan: 1w\ncondition: {gte: 2}"), "timespan"},
		{"timespan in capitals", correlation("type: event_count\nrules: [base]\ntimespan: 5M\ncondition: {gte: 2}"), "timespan"},
		{"timespan without unit", correlation("type: event_count\nrules: [base]\ntimespan: 300\ncondition: {gte: 2}"), "timespan"},
		{"timespan zero", correlation("type: event_count\nrules: [base]\ntimespan: 0s\ncondition: {gte: 2}"), "out of range"},
		{"event_count without condition", correlation("type: event_count\nrules: [base]\ntimespan: 5m"), "needs a condition"},
		{"an unknown operator", correlation("type: event_count\nrules: [base]\ntimespan: 5m\ncondition: {above: 2}"), `no attribute "above"`},
		{"a condition that is no number", correlation("type: event_count\nrules: [base]\ntimespan: 5m\ncondition: {gte: many}"), "must be a number"},
		{"value_count without field", correlation("type: value_count\nrules: [base]\ntimespan: 5m\ncondition: {gte: 2}"), "needs condition.field"},
		{"event_count with field", correlation("type: event_count\nrules: [base]\ntimespan: 5m\ncondition: {gte: 2, field: x}"), "means nothing"},
		{"more events than can be counted", correlation("type: event_count\nrules: [base]\ntimespan: 5m\ncondition: {gte: 2000000}"), "only up to 1e+06"},
		{"more values than can be told apart", correlation("type: value_count\nrules: [base]\ntimespan: 5m\ncondition: {gt: 10000, field: x}"), "only up to 9999"},
		{"percentile over 100", correlation("type: value_percentile\nrules: [base]\ntimespan: 5m\ncondition: {gte: 2, field: x, percentile: 101}"), "between 0 and 100"},
		{"an unknown attribute", correlation("type: event_count\nrules: [base]\ntimespan: 5m\nwindow: tumbling\ncondition: {gte: 2}"), `no attribute "window"`},
		{"generate that is no boolean", correlation("type: event_count\nrules: [base]\ntimespan: 5m\ngenerate: 'yes'\ncondition: {gte: 2}"), "true or false"},
		{"an expression of event_count", correlation("type: event_count\nrules: [base]\ntimespan: 5m\ncondition: base"), "only temporal"},
		{"an expression without one of its rules", correlation("type: temporal\nrules: [base, b2]\ntimespan: 5m\ncondition: base"), `"b2" is not in the condition`},
		{"aliases that are no map", correlation("type: temporal\nrules: [base]\ntimespan: 5m\naliases: [x]"), "must be a map"},

		{"an alias for nobody", correlation("type: temporal\nrules: [base]\ntimespan: 5m\naliases: {u: {nobody: x}}"), "alias \"u\" names nobody"},
		{"a filter without rules", filter("sel: {a: 1}\ncondition: sel"), "names no rule"},
		{"a filter of nothing", filter("rules: []\nsel: {a: 1}\ncondition: sel"), "names no rule"},
		{"a filter without condition", filter("rules: [b]\nsel: {a: 1}"), "no condition"},
		{"a filter without selection", filter("rules: [b]\ncondition: sel"), "no search identifier"},
		{"a filter for nobody", filter("rules: [x]\nsel: {a: 1}\ncondition: sel"), "no rule that is loaded: x"},
		{"an unknown key of ours", "title: T\ndestring: {alert: yes}\ndetection: {sel: {a: 1}, condition: sel}", `no attribute "alert"`},
		{"an id that is taken", "title: T\nid: x\ndetection: {sel: {a: 1}, condition: sel}\n---\ntitle: U\nid: x\ndetection: {sel: {a: 1}, condition: sel}", "is taken by rules.yml:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := detect.Load(detect.Bytes("rules.yml", []byte(c.text)))
			var refused *detect.LoadError
			if !errors.As(err, &refused) {
				t.Fatalf("not refused: %v\n%s", err, c.text)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the reason is %q, want one with %q", err, c.want)
			}
			if refused.Refusals[0].Line == 0 || refused.Refusals[0].File != "rules.yml" {
				t.Errorf("no place: %+v", refused.Refusals[0])
			}
		})
	}
}

func TestARefusalNamesFileLineRuleAndReasonAndTheOthersAreLoaded(t *testing.T) {
	files := fstest.MapFS{
		"good.yml":     {Data: []byte("title: Good\nid: good\ndetection:\n    sel: {a: 1}\n    condition: sel\n")},
		"sub/bad.yaml": {Data: []byte("---\ntitle: Good 2\nid: good2\ndetection: {sel: {a: 1}, condition: sel}\n---\ntitle: Bad\nid: bad-1\ndetection:\n    sel:\n        a|gt: high\n    condition: sel\n---\ntitle: Worse\nid: bad-2\ndetection: {sel: {a: 1}}\n")},
		"notes.txt":    {Data: []byte("not a rule: [")},
	}
	set, err := detect.Load(detect.Folder("rules", files, "."))
	want := "rules/sub/bad.yaml:10: rule bad-1: `gt` takes numbers, not \"high\"\nrules/sub/bad.yaml:15: rule bad-2: detection has no condition (mandatory)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if len(set.Rules()) != 2 || set.Rule("good") == nil || set.Rule("good2") == nil {
		t.Errorf("loaded %d rules, want the two good ones", len(set.Rules()))
	}
}

func TestARuleBehindARefusedOneIsRefusedToo(t *testing.T) {
	text := "title: B\nname: base\ndetection: {sel: {a|gt: x}, condition: sel}\n---\ntitle: C\nid: c\ncorrelation: {type: event_count, rules: [base], group-by: [u], timespan: 5m, condition: {gte: 2}}\n---\ntitle: D\nid: d\ncorrelation: {type: temporal, rules: [c], group-by: [u], timespan: 5m}\n"
	set, err := detect.Load(detect.Bytes("r.yml", []byte(text)))
	if err == nil || strings.Count(err.Error(), "\n") != 2 || len(set.Rules()) != 0 {
		t.Errorf("got %v and %d rules", err, len(set.Rules()))
	}
}

func TestCorrelationsThatReferToOneAnotherAreRefused(t *testing.T) {
	text := "title: C\nid: c\nname: one\ncorrelation: {type: temporal, rules: [two], timespan: 5m}\n---\ntitle: D\nid: d\nname: two\ncorrelation: {type: temporal, rules: [one], timespan: 5m}\n"
	if _, err := detect.Load(detect.Bytes("r.yml", []byte(text))); err == nil || !strings.Contains(err.Error(), "refer back to it") {
		t.Errorf("got %v", err)
	}
}

func TestAliasesOfAliasesEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString("title: T\ndetection:\n    l0: &l0 [a, b, c, d, e, f, g, h, i, j]\n")
	for i := 1; i < 12; i++ {
		b.WriteString("    l" + string(rune('a'+i)) + ": &l" + string(rune('a'+i)) + " [" + strings.TrimSuffix(strings.Repeat("*l"+map[bool]string{true: "0", false: string(rune('a' + i - 1))}[i == 1]+", ", 10), ", ") + "]\n")
	}
	b.WriteString("    condition: 1 of them\n")
	if _, err := detect.Load(detect.Bytes("r.yml", []byte(b.String()))); err == nil {
		t.Error("loaded")
	}
}

func TestAMountedConfigMapIsReadOnce(t *testing.T) {
	text := []byte("title: T\nid: r\ndetection: {sel: {a: 1}, condition: sel}\n")
	files := fstest.MapFS{"rules/r.yml": {Data: text}, "rules/..2026_11_25/r.yml": {Data: text}, "rules/..data/r.yml": {Data: text}}
	set, err := detect.Load(detect.Folder("", files, "rules"))
	if err != nil || len(set.Rules()) != 1 {
		t.Errorf("%d rules, %v", len(set.Rules()), err)
	}
}
