package detect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// counted is an event of byHand: its second, which rule it is of, its group and its value.
type counted struct {
	at    float64
	kind  byte
	user  string
	value float64
}

// byHand looks back over all events from each one, as the specification describes it, and
// tells on which the condition becomes true. It is slow and has no state to get wrong.
func byHand(events []counted, parts string, span float64, holds func(window []counted) bool) (fired []int) {
	firing, last := map[string]bool{}, map[string]float64{}
	for i, e := range events {
		if !strings.ContainsRune(parts, rune(e.kind)) {
			continue
		}
		var window []counted
		for _, x := range events[:i+1] {
			if x.user == e.user && x.at >= e.at-span && strings.ContainsRune(parts, rune(x.kind)) {
				window = append(window, x)
			}
		}
		if before, seen := last[e.user]; !seen || before < e.at-span {
			firing[e.user] = false
		}
		last[e.user] = e.at
		now := holds(window)
		if now && !firing[e.user] {
			fired = append(fired, i)
		}
		firing[e.user] = now
	}
	return fired
}

func distinct(window []counted, of func(counted) string) float64 {
	seen := map[string]bool{}
	for _, e := range window {
		seen[of(e)] = true
	}
	return float64(len(seen))
}

// inOrder reports whether the parts occur in the window one after another.
func inOrder(window []counted, parts string) bool {
	for _, e := range window {
		if parts != "" && e.kind == parts[0] {
			parts = parts[1:]
		}
	}
	return parts == ""
}

func sum(window []counted) (total float64) {
	for _, e := range window {
		total += e.value
	}
	return total
}

// median interpolates, as value_percentile does.
func median(window []counted) float64 {
	var v []float64
	for _, e := range window {
		v = append(v, e.value)
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func TestCorrelationsAgreeWithCountingByHand(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		n, span := float64(1+rng.IntN(5)), []float64{10, 30, 60}[rng.IntN(3)]
		parts := []string{"a", "ab", "bac", "cab"}[rng.IntN(4)]
		var events []counted
		var lines []string
		at := 0.0
		for range 120 {
			at += []float64{0, 1, 2, 5, 8, 15, 40}[rng.IntN(7)]
			e := counted{at, "aaabc"[rng.IntN(5)], []string{"x", "y"}[rng.IntN(2)], float64(1 + rng.IntN(5))}
			events = append(events, e)
			lines = append(lines, ev(e.at, string(e.kind), "u", `"`+e.user+`"`, "v", fmt.Sprint(e.value)))
		}
		var rules []string
		for _, p := range parts {
			rules = append(rules, "base_"+string(p))
		}
		head := fmt.Sprintf("rules: [%s]\ngroup-by: [u]\ntimespan: %vs\n", strings.Join(rules, ", "), span)
		for kind, c := range map[string]struct {
			condition string
			holds     func([]counted) bool
		}{
			"event_count": {fmt.Sprintf("condition: {gte: %v}", n), func(w []counted) bool { return float64(len(w)) >= n }},
			"value_count": {fmt.Sprintf("condition: {field: v, gte: %v, lt: 5}", n), func(w []counted) bool {
				d := distinct(w, func(e counted) string { return fmt.Sprint(e.value) })
				return d >= n && d < 5
			}},
			"value_sum":        {fmt.Sprintf("condition: {field: v, gt: %v}", 2*n), func(w []counted) bool { return sum(w) > 2*n }},
			"value_avg":        {fmt.Sprintf("condition: {field: v, lte: %v}", n), func(w []counted) bool { return sum(w)/float64(len(w)) <= n }},
			"value_percentile": {fmt.Sprintf("condition: {field: v, percentile: 50, gte: %v}", n), func(w []counted) bool { return median(w) >= n }},
			"temporal": {"", func(w []counted) bool {
				return distinct(w, func(e counted) string { return string(e.kind) }) == float64(len(parts))
			}},
			"temporal_ordered": {"", func(w []counted) bool { return inOrder(w, parts) }},
		} {
			var want []string
			for _, i := range byHand(events, parts, span, c.holds) {
				want = append(want, fmt.Sprintf("x@%d", i))
			}
			var got []string
			for _, hit := range strings.Fields(hits(t, bases+correlation("x", "type: "+kind+"\n"+head+c.condition), lines...)) {
				if strings.HasPrefix(hit, "x@") {
					got = append(got, hit)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s of %s in %vs, n = %v:\n got %v\nwant %v", kind, parts, span, n, got, want)
			}
		}
	}
}
