package detect_test

import (
	"fmt"
	"strings"
	"testing"
)

const bases = `
title: A
id: a
name: base_a
detection: {sel: {k: a}, condition: sel}
---
title: B
id: b
name: base_b
detection: {sel: {k: b}, condition: sel}
---
title: C
id: c
name: base_c
detection: {sel: {k: c}, condition: sel}
---
`

// ev makes an event of a kind at a second, with more members.
func ev(at float64, kind string, more ...string) string {
	s := fmt.Sprintf(`{"@timestamp":%v,"k":%q`, 1.7e9+at, kind)
	for i := 0; i < len(more); i += 2 {
		s += fmt.Sprintf(",%q:%s", more[i], more[i+1])
	}
	return s + "}"
}

func correlation(id, body string) string {
	return "title: " + id + "\nid: " + id + "\nname: " + id + "\ncorrelation:\n" + indent(body) + "---\n"
}

type sequenceCase struct {
	name, text string
	events     []string
	want       string
}

func runSequences(t *testing.T, cases []sequenceCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := hits(t, bases+c.text, c.events...); got != c.want {
				t.Errorf("fired %q, want %q\n%s\n%s", got, c.want, c.text, strings.Join(c.events, "\n"))
			}
		})
	}
}

func byUser(u string) []string { return []string{"u", `"` + u + `"`} }

// Correlation specification, "Event Count".
func TestEventCount(t *testing.T) {
	count := func(cond string) string {
		return correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: "+cond)
	}
	at := func(user string, times ...float64) (out []string) {
		for _, x := range times {
			out = append(out, ev(x, "a", byUser(user)...))
		}
		return out
	}
	mixed := append(at("x", 0, 1), at("y", 2, 3)...)
	runSequences(t, []sequenceCase{
		{"gte fires on the event that completes it", count("{gte: 3}"), at("x", 0, 10, 20), "x@2"},
		{"and not before", count("{gte: 3}"), at("x", 0, 10), ""},
		{"gt", count("{gt: 2}"), at("x", 0, 10, 20), "x@2"},
		{"eq", count("{eq: 2}"), at("x", 0, 10), "x@1"},
		{"lte fires on the first", count("{lte: 2}"), at("x", 0), "x@0"},
		{"lt", count("{lt: 2}"), at("x", 0, 1), "x@0"},
		{"neq", count("{neq: 1}"), at("x", 0, 1), "x@1"},
		{"a range", count("{gt: 1, lte: 3}"), at("x", 0, 1), "x@1"},
		{"once while it lasts", count("{gte: 2}"), at("x", 0, 10, 20, 30, 40, 90, 140), "x@1"},
		{"again when it was over", count("{gte: 2}"), at("x", 0, 1, 200, 201), "x@1 x@3"},
		{"again after a quiet window even if one event is enough", count("{gte: 1}"), at("x", 0, 30, 200), "x@0 x@2"},
		{"both ends of the window count", count("{gte: 2}"), at("x", 0, 60), "x@1"},
		{"outside of the window", count("{gte: 2}"), at("x", 0, 60.5), ""},
		{"the window slides", count("{gte: 3}"), at("x", 0, 50, 70, 100), "x@3"},
		{"groups are apart", count("{gte: 3}"), mixed, ""},
		{"groups are apart and each fires", count("{gte: 2}"), mixed, "x@1 x@3"},
		{"without the group's field there is no group", count("{gte: 2}"), []string{ev(0, "a"), ev(1, "a")}, ""},
		{"events of other rules do not count", count("{gte: 2}"), []string{ev(0, "a", byUser("x")...), ev(1, "b", byUser("x")...)}, "b@1"},
		{"out of order within the lateness", count("{gte: 3}"), at("x", 20, 0, 10), "x@2"},
		{"a late event completes an earlier window", count("{gte: 3}"), at("x", 0, 10, 100, 20), "x@3"},
		{"grouped by a number", count("{gte: 2}"), []string{ev(0, "a", "u", "5"), ev(1, "a", "u", "5")}, "x@1"},
		{"grouped by a list: once in each", count("{gte: 2}"), []string{ev(0, "a", "u", `["x","y"]`), ev(1, "a", "u", `["y","z"]`)}, "x@1"},
		{"several rules together", correlation("x", "type: event_count\nrules: [base_a, base_b]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 2}"),
			[]string{ev(0, "a", byUser("x")...), ev(1, "b", byUser("x")...)}, "x@1"},
		{"an event of two rules is one event", "title: A2\nid: a2\nname: base_a2\ndetection: {sel: {k: a}, condition: sel}\n---\n" + correlation("x", "type: event_count\nrules: [base_a, base_a2]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 2}"), at("x", 0), ""},
		{"by id", correlation("x", "type: event_count\nrules: [a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 2}"), at("x", 0, 1), "x@1"},
		{"without group-by all are one group", correlation("x", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}"), mixed[1:3], "x@1"},
		{"two fields are and", correlation("x", "type: event_count\nrules: [a]\ngroup-by: [u, h]\ntimespan: 1m\ncondition: {gte: 2}"),
			[]string{ev(0, "a", "u", `"x"`, "h", `"1"`), ev(1, "a", "u", `"x"`, "h", `"2"`), ev(2, "a", "u", `"x"`, "h", `"1"`)}, "x@2"},
		{"hours and days", correlation("x", "type: event_count\nrules: [a]\ngroup-by: [u]\ntimespan: 2d\ncondition: {gte: 2}"), at("x", 0, 100_000), "x@1"},
	})
}

// Correlation specification, "Value Count" and the metric types of 2.1.0.
func TestValues(t *testing.T) {
	of := func(kind, cond string) string {
		return correlation("x", "type: "+kind+"\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: "+cond)
	}
	vals := func(values ...string) (out []string) {
		for i, v := range values {
			out = append(out, ev(float64(i), "a", "u", `"x"`, "v", v))
		}
		return out
	}
	runSequences(t, []sequenceCase{
		{"distinct values", of("value_count", "{field: v, gte: 3}"), vals(`"p"`, `"q"`, `"p"`, `"r"`), "x@3"},
		{"the same value is one", of("value_count", "{field: v, gte: 2}"), vals(`"p"`, `"p"`, `"p"`), ""},
		{"without the field it does not count", of("value_count", "{field: w, gte: 1}"), vals(`"p"`), ""},
		{"a value that was seen again stays in the window", of("value_count", "{field: v, gte: 2}"),
			[]string{ev(0, "a", "u", `"x"`, "v", `"p"`), ev(50, "a", "u", `"x"`, "v", `"p"`), ev(100, "a", "u", `"x"`, "v", `"q"`)}, "x@2"},
		{"a value that has left does not count", of("value_count", "{field: v, gte: 2}"),
			[]string{ev(0, "a", "u", `"x"`, "v", `"p"`), ev(100, "a", "u", `"x"`, "v", `"q"`)}, ""},
		{"elements of a list are values", of("value_count", "{field: v, gte: 2}"), vals(`["p","q"]`), "x@0"},
		{"pairs of two fields", of("value_count", "{field: [v, k], gte: 2}"), vals(`"p"`, `"p"`, `"q"`), "x@2"},
		{"sum", of("value_sum", "{field: v, gt: 1000}"), vals("600", "400", "1"), "x@2"},
		{"sum of a fraction", of("value_sum", "{field: v, gte: 1.5}"), vals("0.75", `"0.75"`), "x@1"},
		{"what is no number is not summed", of("value_sum", "{field: v, gte: 1}"), vals(`"many"`, `true`), ""},
		{"average", of("value_avg", "{field: v, gt: 500}"), vals("400", "500", "700"), "x@2"},
		{"average below", of("value_avg", "{field: v, lt: 10}"), vals("12", "4"), "x@1"},
		{"95th percentile", of("value_percentile", "{field: v, gte: 90, percentile: 95}"), vals("10", "20", "100"), "x@2"},
		{"percentiles are interpolated", of("value_percentile", "{field: v, eq: 15, percentile: 50}"), vals("10", "20"), "x@1"},
		{"median", of("value_median", "{field: v, gte: 20}"), vals("10", "20", "30"), "x@2"},
		{"without a percentile: how rare the value is", of("value_percentile", "{field: v, lte: 25}"), vals(`"p"`, `"p"`, `"p"`, `"q"`), "x@3"},
	})
}

// Correlation specification, "Temporal Proximity" and "Ordered Temporal Proximity".
func TestTemporal(t *testing.T) {
	of := func(kind, more string) string {
		return correlation("x", "type: "+kind+"\nrules: [base_a, base_b, base_c]\ngroup-by: [u]\ntimespan: 1m\n"+more)
	}
	seq := func(kinds string, times ...float64) (out []string) {
		for i, k := range kinds {
			at := float64(i)
			if i < len(times) {
				at = times[i]
			}
			out = append(out, ev(at, string(k), byUser("x")...))
		}
		return out
	}
	runSequences(t, []sequenceCase{
		{"all rules in any order", of("temporal", ""), seq("cab"), "x@2"},
		{"not all rules", of("temporal", ""), seq("caacc"), ""},
		{"not on the first", of("temporal", ""), seq("a"), ""},
		{"not in the window", of("temporal", ""), seq("abc", 0, 30, 61), ""},
		{"at least two", of("temporal", "condition: {gte: 2}"), seq("aac"), "x@2"},
		{"groups are apart", of("temporal", ""), []string{ev(0, "a", byUser("x")...), ev(1, "b", byUser("x")...), ev(2, "c", byUser("y")...)}, ""},
		{"again when it was over", of("temporal", ""), seq("abcabc", 0, 1, 2, 100, 101, 102), "x@2 x@5"},
		{"an expression", of("temporal", "condition: base_a and (base_b or base_c)"), seq("ac"), "x@1"},
		{"an expression with not", of("temporal", "condition: base_a and base_b and not base_c"), seq("cab"), ""},
		{"in order", of("temporal_ordered", ""), seq("abc"), "x@2"},
		{"out of order", of("temporal_ordered", ""), seq("acb"), ""},
		{"in order with others between", of("temporal_ordered", ""), seq("baabacbc"), "x@5"},
		{"in order, not in the window", of("temporal_ordered", ""), seq("abc", 0, 30, 61), ""},
		{"the latest start counts", of("temporal_ordered", ""), seq("aabc", 0, 30, 40, 80), "x@3"},
		{"a run of one does not push the others out", of("temporal_ordered", ""), seq("ab" + strings.Repeat("a", 50) + "c"), "x@52"},
		{"the order is the events', not the lines'", of("temporal_ordered", ""), seq("cba", 20, 10, 0), "x@2"},
		{"at the same moment the lines' order counts", of("temporal_ordered", ""), seq("abc", 5, 5, 5), "x@2"},
		{"two of three in order", of("temporal_ordered", "condition: {gte: 2}"), seq("cac"), "x@2"},
	})
}

// Correlation specification, "Field Name Aliases", "Related rules", "Generate".
func TestAliasesChainsAndGenerate(t *testing.T) {
	alias := correlation("x", `type: temporal
rules: [base_a, base_b]
group-by: [ip]
timespan: 10s
aliases:
    ip: {base_a: src.ip, base_b: dst.ip}`)
	chain := correlation("many", "type: event_count\nrules: [base_a]\ngroup-by: [u, h]\ntimespan: 1m\ncondition: {gte: 3}") +
		correlation("x", "type: temporal_ordered\nrules: [many, base_b]\ngroup-by: [u]\ntimespan: 1h")
	a := func(at float64, h string) string { return ev(at, "a", "u", `"x"`, "h", `"`+h+`"`) }
	runSequences(t, []sequenceCase{
		{"an alias joins two fields", alias, []string{ev(0, "a", "src.ip", `"1.1.1.1"`), ev(1, "b", "dst", `{"ip":"1.1.1.1"}`)}, "x@1"},
		{"an alias is not the other field", alias, []string{ev(0, "a", "src.ip", `"1.1.1.1"`), ev(1, "b", "src.ip", `"1.1.1.1"`)}, ""},
		{"many failures, then a success", chain, []string{a(0, "1"), a(1, "1"), a(2, "1"), ev(3, "b", byUser("x")...)}, "x@3"},
		{"the inner one groups by its own fields", chain, []string{a(0, "1"), a(1, "2"), a(2, "1"), ev(3, "b", byUser("x")...)}, ""},
		{"a success before them", chain, []string{ev(0, "b", byUser("x")...), a(1, "1"), a(2, "1"), a(3, "1")}, ""},
		{"failures that go on still precede", chain, append(func() (out []string) {
			for i := range 300 {
				out = append(out, a(float64(i*20), "1"))
			}
			return out
		}(), ev(6000, "b", byUser("x")...)), "x@300"},
		{"rules of a correlation are silent", correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 9}"), []string{a(0, "1")}, ""},
		{"unless it says generate", correlation("x", "type: event_count\ngenerate: true\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 2}"), []string{a(0, "1"), a(1, "1")}, "a@0 a@1 x@1"},
	})
}

// Filters specification.
func TestFilters(t *testing.T) {
	base := "title: R\nid: r\nname: rn\nlogsource: {product: p}\ndetection: {sel: {a: 1}, condition: sel}\n---\ntitle: S\nid: s\ndetection: {sel: {b: 1}, condition: sel}\n---\n"
	filter := func(body string) string { return "title: F\nid: f\n" + body }
	for _, c := range []struct{ name, text, event, want string }{
		{"it suppresses", "filter: {rules: [r], sel: {u|startswith: adm_}, condition: not sel}", `{"a":1,"u":"adm_x"}`, ""},
		{"what it does not mean fires", "filter: {rules: [r], sel: {u|startswith: adm_}, condition: not sel}", `{"a":1,"u":"bob"}`, "r@0"},
		{"by name", "filter: {rules: [rn], sel: {u: x}, condition: not sel}", `{"a":1,"u":"x"}`, ""},
		{"other rules are left alone", "filter: {rules: [r], sel: {u: x}, condition: not sel}", `{"b":1,"u":"x"}`, "s@0"},
		{"any", "filter: {rules: any, sel: {u: x}, condition: not sel}", `{"a":1,"b":1,"u":"x"}`, ""},
		{"the logsource must be the rule's", "logsource: {product: q}\nfilter: {rules: [r], sel: {u: x}, condition: not sel}", `{"a":1,"u":"x"}`, "r@0"},
		{"a logsource that contains the rule's", "logsource: {product: p}\nfilter: {rules: [r], sel: {u: x}, condition: not sel}", `{"a":1,"u":"x"}`, ""},
		{"several selections", "filter: {rules: [r], sel_a: {u: x}, sel_b: {v: y}, condition: not 1 of sel_*}", `{"a":1,"v":"y"}`, ""},
		{"the names of filter and rule do not mix", "filter: {rules: [r], sel: {u: x}, condition: not sel}", `{"a":2}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := hits(t, base+filter(c.text), c.event); got != c.want {
				t.Errorf("fired %q, want %q", got, c.want)
			}
		})
	}
}
