package detect

import (
	"math"
	"slices"
	"sort"

	"destring/rules/event"
)

// entry fills in what the correlation counts of a step. It is false when the step has no
// such value and so does not count.
func (c *correlation) entry(e *entry, s *Step) bool {
	switch c.kind {
	case "event_count", "temporal", "temporal_ordered":
		e.mark = uint64(s.Part)
		return true
	case "value_count":
		return c.hash(e, s)
	}
	at := slices.Index(c.needs, c.fields[0])
	if c.kind == "value_percentile" && c.percentile < 0 {
		return c.hash(e, s)
	}
	number, ok := s.Values[at].number()
	e.number, e.mark = number, uint64(s.Part)
	return ok
}

// hash marks the entry with a hash of the counted values.
func (c *correlation) hash(e *entry, s *Step) bool {
	h := uint64(fnvStart)
	for _, field := range c.fields {
		d := s.Values[slices.Index(c.needs, field)]
		if !d.Present {
			return false
		}
		h = fnv(fnv(h, d.Text), []byte{0xff})
	}
	e.mark = h
	return true
}

// insert puts an entry in its place and drops what no window can reach any more.
// It returns the place, -1 when the entry came too late, and whether the group had
// nothing in the window before it.
func (c *Correlator) insert(g *group, e entry) (at int, quiet bool) {
	newest := int64(math.MinInt64)
	if n := len(g.entries); n > 0 {
		newest = g.entries[n-1].time
		if e.time < newest-c.lateness {
			c.stats.Late++
			return -1, false
		}
	}
	if g.counted(e) {
		return -1, false
	}
	quiet = len(g.entries) == 0 || newest < e.time-int64(g.of.span)
	g.forget(max(newest, e.time) - int64(g.of.span) - c.lateness)
	if g.of.unique {
		if at := g.replace(e); at >= 0 {
			return at, quiet
		}
	}
	if g.of.kind == "temporal_ordered" {
		g.compress(e)
	}
	if limit := g.of.limit(); len(g.entries) >= limit {
		if limit == maxEntries {
			c.stats.Overflow++
		}
		if e.time < g.entries[0].time {
			return -1, false
		}
		g.entries = g.entries[1:]
	}
	at = len(g.entries)
	for at > 0 && g.entries[at-1].time > e.time {
		at--
	}
	g.entries = slices.Insert(g.entries, at, e)
	return at, quiet
}

// counted reports whether the event is in the group already, as one that matched
// several of the rules is: it is one event.
func (g *group) counted(e entry) bool {
	if g.of.unique || g.of.kind == "temporal_ordered" || e.id == (event.ID{}) {
		return false
	}
	for i := len(g.entries) - 1; i >= 0 && g.entries[i].time >= e.time; i-- {
		if x := &g.entries[i]; x.id == e.id && (x.mark != e.mark || g.of.kind == "event_count") {
			return true
		}
	}
	return false
}

// limit is how many entries of a group are enough. Late ones need some more.
func (c *correlation) limit() int {
	if c.kind == "event_count" {
		return c.keep + 8
	}
	return maxEntries
}

func (g *group) forget(before int64) {
	n := 0
	for n < len(g.entries) && g.entries[n].time < before {
		n++
	}
	g.entries = g.entries[n:] // append takes new space now and then, and leaves these behind
}

// replace moves the entry with the same mark to e's time. It returns its place, or -1 when there is none.
func (g *group) replace(e entry) int {
	old := slices.IndexFunc(g.entries, func(x entry) bool { return x.mark == e.mark })
	if old < 0 {
		return -1
	}
	if g.entries[old].time > e.time {
		return old // the later one stays
	}
	at := old
	for at+1 < len(g.entries) && g.entries[at+1].time <= e.time {
		g.entries[at] = g.entries[at+1]
		at++
	}
	g.entries[at] = e
	return at
}

// compress keeps of a run of one part's events the first and the last: no chain is shorter through
// those between.
func (g *group) compress(e entry) {
	n := len(g.entries)
	if n >= 2 && g.entries[n-1].mark == e.mark && g.entries[n-2].mark == e.mark && g.entries[n-1].time <= e.time {
		g.entries = g.entries[:n-1]
	}
}

// windowStart is the first entry of the window that ends with the entry at end.
func (g *group) windowStart(end int) int {
	from := g.entries[end].time - int64(g.of.span)
	return sort.Search(end, func(i int) bool { return g.entries[i].time >= from })
}

// measure is the number that the condition is about, in the window that ends at `at`.
func (c *Correlator) measure(g *group, at int, s *Step) (float64, bool) {
	window := g.entries[g.windowStart(at) : at+1]
	switch g.of.kind {
	case "temporal_ordered":
		return float64(longestChain(window, len(g.of.parts))), true
	case "value_sum", "value_avg":
		sum := 0.0
		for _, e := range window {
			sum += e.number
		}
		if g.of.kind == "value_avg" {
			sum /= float64(len(window))
		}
		return sum, true
	case "value_percentile":
		if g.of.percentile < 0 {
			return share(window), true
		}
		return c.percentile(window, g.of.percentile), true
	}
	return float64(len(window)), true // event_count; and of value_count and temporal, whose entries are distinct
}

// share is how many per cent of the window's values are the last one ("a process name that
// appeared in less than 1 % of all processes": value_percentile without a percentile).
func share(window []entry) float64 {
	n := 0
	for _, e := range window {
		if e.mark == window[len(window)-1].mark {
			n++
		}
	}
	return 100 * float64(n) / float64(len(window))
}

// percentile interpolates between the two values next to the rank.
func (c *Correlator) percentile(window []entry, percent float64) float64 {
	c.numbers = c.numbers[:0]
	for _, e := range window {
		c.numbers = append(c.numbers, e.number)
	}
	slices.Sort(c.numbers)
	rank := percent / 100 * float64(len(c.numbers)-1)
	low := int(rank)
	if low+1 >= len(c.numbers) {
		return c.numbers[len(c.numbers)-1]
	}
	part := rank - float64(low)
	return c.numbers[low]*(1-part) + c.numbers[low+1]*part
}

// longestChain is how many different parts, in the order of the rule, follow one another in the window.
// All n of them are what a condition usually asks for.
func longestChain(window []entry, parts int) int {
	var longest [64]int // ending with the part
	best := 0
	for _, e := range window {
		part := int(e.mark)
		chain := 1
		for before := range part {
			chain = max(chain, longest[before]+1)
		}
		longest[part] = max(longest[part], chain)
		best = max(best, longest[part])
	}
	return min(best, parts)
}

// holds applies the condition of the correlation.
func (c *correlation) holds(value float64, g *group, at int) bool {
	if c.expression != nil {
		seen := uint64(0)
		for _, e := range g.entries[g.windowStart(at) : at+1] {
			seen |= 1 << e.mark
		}
		return c.expressionHolds(*c.expression, seen)
	}
	for _, cond := range c.conditions {
		if !cond.holds(value) {
			return false
		}
	}
	return true
}

func (c *correlation) expressionHolds(x condition, seen uint64) bool {
	switch x.op {
	case opName:
		return seen&(1<<slices.Index(c.refs, x.name)) != 0
	case opNot:
		return !c.expressionHolds(x.args[0], seen)
	case opAnd:
		return !slices.ContainsFunc(x.args, func(y condition) bool { return !c.expressionHolds(y, seen) })
	}
	return slices.ContainsFunc(x.args, func(y condition) bool { return c.expressionHolds(y, seen) })
}
