package detect_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"destring/rules/detect"
)

// A set with every kind of test, so that each can be wrong about what it needs.
func richRules(t testing.TB) *detect.Set {
	var b strings.Builder
	for i, d := range []string{
		"sel: {a: x}\ncondition: sel", "sel: {a: 'a*b?c'}\ncondition: sel", "sel: {a|contains: [foo, 'b?r', '*']}\ncondition: sel",
		"sel: {a|startswith: 'ſt', b: 5}\ncondition: sel", "sel: {a|endswith: 'K'}\ncondition: sel", "sel: {a|cased: 'ΣΑΣ'}\ncondition: sel",
		"sel: {a: [1, 0x10, 1.5, -3]}\ncondition: sel", "sel: {a: true}\ncondition: sel", "sel: {a: null}\ncondition: sel", "sel: {a: ''}\ncondition: sel",
		"sel: {a|exists: true}\ncondition: sel", "sel: {a|exists: false}\ncondition: sel", "sel: {a|neq: x}\ncondition: sel",
		"sel: {a|re: 'ab+(c|d)[xy]?z'}\ncondition: sel", "sel: {a|re|i: '(kelvin|straße)'}\ncondition: sel", "sel: {a|re|s: '.x.'}\ncondition: sel", "sel: {a|re: '^$'}\ncondition: sel",
		"sel: {a|re: '(foo|ba[rz]){2,}q'}\ncondition: not sel", "sel: {a|windash|contains: ' -f'}\ncondition: sel", "sel: {a|base64offset|contains: 'http:'}\ncondition: sel",
		"sel: {a|wide|contains: 'cmd'}\ncondition: sel", "sel: {a|cidr: [10.0.0.0/8, 'fe80::/10']}\ncondition: sel", "sel: {a|gt: 3}\ncondition: sel",
		"sel: {a|hour: [9, 10]}\ncondition: sel", "sel: {a|fieldref: b}\ncondition: sel", "sel: {a|fieldref|contains: b.c}\ncondition: sel",
		"k: [evil, 'w?rd']\ncondition: k", "k: {'|all': [one, two]}\ncondition: k", "k: {'|re': 'x[0-9]y'}\ncondition: k",
		"sel: {a|contains|all: [foo, bar]}\nf: {b: 1}\ncondition: sel and not f", "s1: {a: x}\ns2: {b: y}\ncondition: 1 of s*", "s1: {a: x}\ns2: {b: y}\ncondition: not all of s*",
		"sel:\n- a: x\n- b|contains: y\ncondition: sel", "sel: {b.c|contains: deep}\ncondition: sel",
	} {
		b.WriteString("title: R" + string(rune('A'+i)) + "\ndetection:\n" + indent(d) + "---\n")
	}
	set, err := detect.Load(detect.Bytes("rich.yml", []byte(b.String())))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func titles(matches []detect.Match) (out []string) {
	for _, m := range matches {
		out = append(out, m.Rule.Title)
	}
	return out
}

// FuzzEvents holds the literal pass to its promise: it never makes a rule miss.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":"x"}`, `{"a":["x",1,null,true,{}],"b":{"c":"Deep"}}`, `{"a":"aAb.C"}`, `{"a":"abbbcxz"}`, `{"a":"ſTraSSe","b":5}`, `{"a":"KELVIN"}`,
		`{"a":"σας"}`, `{"a":16}`, `{"a":"0x10"}`, `{"a":1.5e0}`, `{"a":"x /F"}`, `{"a":"aHR0cDovL3g="}`, `{"a":"10.2.3.4","b":"10.2.3.4"}`, `{"a":"2024-01-01T09:00:00Z"}`,
		`{"z":"an EVIL wörd","y":["One"],"x":"x5y two"}`, `{"a":"foo bar","b":"1"}`, `{"a":"foobazq"}`, `{"a":"c\u0000m\u0000d\u0000"}`, `{"a":"\ufffd\n.x."}`,
	} {
		f.Add([]byte(s))
	}
	set := richRules(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := detect.ParseEvent(data)
		if err != nil {
			return
		}
		m := set.NewMatcher()
		m.Event(ev)
		gated := titles(m.Match())
		if ungated := titles(m.MatchUngated()); !slices.Equal(gated, ungated) {
			t.Errorf("with the literal pass %v, without %v: %s", gated, ungated, data)
		}
	})
}

// FuzzText does the same for raw bytes in slots, and for parts of a text.
func FuzzText(f *testing.F) {
	f.Add([]byte("foo and bar"), []byte("y"), uint8(0), uint8(7))
	f.Add([]byte("xx evil ſt\xff K x"), []byte("1"), uint8(3), uint8(9))
	f.Add([]byte("ab+(cz abbcz"), []byte(""), uint8(5), uint8(200))
	set := richRules(f)
	a, b, deep := set.Slot("a"), set.Slot("b"), set.Slot("b.c")
	f.Fuzz(func(t *testing.T, text, other []byte, start, end uint8) {
		m := set.NewMatcher()
		m.Text(deep, text)
		m.Part(a, deep, int(start), int(end))
		m.Part(b, a, int(start/2), int(end/2))
		m.Text(b, other)
		gated := titles(m.Match())
		if ungated := titles(m.MatchUngated()); !slices.Equal(gated, ungated) {
			t.Errorf("with the literal pass %v, without %v: %q %q %d %d", gated, ungated, text, other, start, end)
		}
	})
}

// FuzzRules wants no panic and no endless work from any YAML, and events judged by what was loaded.
func FuzzRules(f *testing.F) {
	for _, file := range []string{"conformance_test.go", "refusal_test.go", "correlation_test.go"} {
		if text, err := os.ReadFile(file); err == nil {
			f.Add([]byte(bases + string(text[:min(len(text), 500)])))
		}
	}
	f.Add([]byte(bases + correlation("x", "type: value_percentile\nrules: [base_a, b]\ngroup-by: [u]\ntimespan: 1m\ncondition: {field: v, gte: 2, percentile: 50}\naliases: {u: {base_a: k}}")))
	f.Add([]byte(bases + correlation("x", "type: temporal\nrules: [base_a, base_b]\ntimespan: 1m\ncondition: base_a and not base_b")))
	f.Add([]byte(bases + "title: F\nfilter: {rules: any, sel: {u|re: 'x'}, condition: not sel}"))
	f.Add([]byte(rule("sel: {a|windash|wide|base64offset|contains: ' -x /y'}\nk: ['*a?', {b: null}]\ncondition: [1 of them, not (sel or k)]")))
	f.Add([]byte("title: &t T\ndetection: {a: &a {x: *t}, b: [*a, *a], condition: all of them}"))
	f.Add([]byte("title: T\ndestring: {tests: {fire: [[{a: 1}, {a: 2, after: 5s, repeat: 3}]]}}\ndetection: {a: {x: 1}, condition: a}"))
	events := []string{`{"@timestamp":1,"k":"a","u":"x","v":5}`, `{"@timestamp":2,"k":"b","a":"x -x","u":["x","y"]}`, `{"@timestamp":1.5,"k":"a","v":"7","x":1}`}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 {
			return
		}
		set, _ := detect.Load(detect.Bytes("fuzz.yml", text))
		e := set.NewEvaluator(detect.CorrelatorOptions{})
		for _, line := range events {
			ev, err := detect.ParseEvent([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			e.Event(ev)
		}
	})
}
