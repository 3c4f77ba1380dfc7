package detect

import (
	"encoding/binary"
	"time"

	"destring/rules/event"
)

// Bounds of correlation.
const (
	maxEntries = 10_000    // of one group, where all of them are looked at; the oldest make room
	maxCount   = 1_000_000 // that event_count can be held against: it takes 40 bytes each
	maxRefs    = 10        // events named in a firing
)

// CorrelatorOptions bound a Correlator.
type CorrelatorOptions struct {
	Memory   int           // bytes of state, about; 0: 256 MiB. The group that was quiet longest makes room
	Lateness time.Duration // how far behind its group's newest event one may come; 0: 5 minutes
}

// Correlator counts matches over time, by the events' own clock only: the same steps give the
// same firings, live or in a replay. It is for one goroutine.
type Correlator struct {
	set      *Set
	memory   int
	lateness int64

	groups map[string]*group // by correlation index and group-by values
	oldest *group            // the order in which groups were last added to
	newest *group
	used   int

	key     []byte
	firings []Firing
	values  []Datum
	numbers []float64
	only    *Rule // of a test: fires although it is hidden
	stats   CorrelatorStats
}

// CorrelatorStats counts since the Correlator was made.
type CorrelatorStats struct {
	Groups   int    // alive now
	Bytes    int    // of state now, about
	Evicted  uint64 // groups that made room although their window was open
	Late     uint64 // steps that came later than Lateness
	Overflow uint64 // entries that made room in a group that was full
	NoGroup  uint64 // steps without a value for a group-by field
}

// Firing is a correlation whose condition became true.
type Firing struct {
	Rule   *Rule
	Time   int64 // of the event that completed it, nanoseconds since 1970
	Group  []GroupValue
	Value  float64 // what the condition was held against
	First  int64   // time of the first and the last event in the window
	Last   int64
	Events []event.ID // in the window, the latest ten
}

// group is the state of one correlation for one set of group-by values.
type group struct {
	key        string
	of         *correlation
	prev, next *group
	entries    []entry // by time
	firing     bool
	size       int
}

// entry is one event of a group. mark is what makes it distinct: the hash of the counted
// values, or the part; number is the value to sum.
type entry struct {
	time   int64
	id     event.ID
	mark   uint64
	number float64
}

const (
	entrySize = 40
	groupSize = 220 // the struct, the map's share and the key's header
)

// NewCorrelator returns an empty one.
func (s *Set) NewCorrelator(opts CorrelatorOptions) *Correlator {
	if opts.Memory <= 0 {
		opts.Memory = 256 << 20
	}
	if opts.Lateness <= 0 {
		opts.Lateness = 5 * time.Minute
	}
	return &Correlator{set: s, memory: opts.Memory, lateness: int64(opts.Lateness), groups: make(map[string]*group)}
}

// Stats returns the counts.
func (c *Correlator) Stats() CorrelatorStats {
	c.stats.Groups, c.stats.Bytes = len(c.groups), c.used
	return c.stats
}

// Feed takes the last Match of m. The firings are valid until the next call; those of
// Hidden rules are not among them.
func (c *Correlator) Feed(m *Matcher, time int64, id event.ID) []Firing {
	c.firings = c.firings[:0]
	steps := m.Steps(time, id)
	for i := range steps {
		c.add(&steps[i])
	}
	return c.firings
}

// Add takes one step that came from elsewhere; see Set.Resolve.
func (c *Correlator) Add(s *Step) []Firing {
	c.firings = c.firings[:0]
	if s.to != nil {
		c.add(s)
	}
	return c.firings
}

func (c *Correlator) add(s *Step) {
	e := entry{time: s.Time, id: s.Event}
	if !s.to.entry(&e, s) {
		return
	}
	g := c.group(s)
	if g == nil {
		return
	}
	at, quiet := c.insert(g, e)
	if at < 0 {
		return
	}
	c.touch(g)
	c.judge(g, s, at, quiet)
}

// judge holds the condition against the window of the event at `at`; one that came late
// may complete the windows of those after it, too.
func (c *Correlator) judge(g *group, s *Step, at int, quiet bool) {
	late := at < len(g.entries)-1
	if quiet {
		g.firing = false
	}
	for ; at < len(g.entries); at++ {
		value, ok := c.measure(g, at, s)
		if !ok || !g.of.holds(value, g, at) {
			continue
		}
		if !g.firing && (!g.of.rule.Hidden || g.of.rule == c.only) {
			c.fire(g, s, at, value)
		}
		g.firing = true
		c.pass(g, s)
		return
	}
	if !late {
		g.firing = false
	}
}

func (c *Correlator) fire(g *group, s *Step, at int, value float64) {
	from := g.windowStart(at)
	f := Firing{Rule: g.of.rule, Time: s.Time, Group: g.of.groupValues(g.key[keyPrefix:]), Value: value, First: g.entries[from].time, Last: g.entries[at].time}
	for i := max(from, at+1-maxRefs); i <= at; i++ {
		f.Events = append(f.Events, g.entries[i].id)
	}
	c.firings = append(c.firings, f)
}

// pass tells the correlations above. They hear of every event on which the
// condition is true, so that a long series still precedes what follows it.
func (c *Correlator) pass(g *group, s *Step) {
	for _, ref := range g.of.users {
		part := &ref.by.parts[ref.part]
		outer := Step{Part: ref.part, Time: s.Time, Event: s.Event, to: ref.by}
		from := len(c.values)
		for _, need := range part.from {
			c.values = append(c.values, s.Values[need])
		}
		outer.Values = c.values[from:]
		c.add(&outer)
		c.values = c.values[:from]
	}
}

const keyPrefix = 4 // bytes of the correlation's index before the group-by values

// group returns the step's group, made if need be.
func (c *Correlator) group(s *Step) *group {
	key := binary.BigEndian.AppendUint32(c.key[:0], uint32(s.to.index))
	key, ok := s.appendGroup(key)
	c.key = key
	if !ok {
		c.stats.NoGroup++
		return nil
	}
	if g := c.groups[string(key)]; g != nil {
		return g
	}
	g := &group{key: string(key), of: s.to}
	c.groups[g.key] = g
	c.append(g)
	c.resize(g)
	c.expire(s.Time)
	return g
}

// expire drops groups from the quiet end whose window has long passed. Two for each new
// group are enough to keep up, and no event pays for many.
func (c *Correlator) expire(now int64) {
	for range 2 {
		g := c.oldest
		if g == nil || len(g.entries) == 0 || g.entries[len(g.entries)-1].time >= now-int64(g.of.span)-c.lateness {
			return
		}
		c.drop(g)
	}
}

func (c *Correlator) touch(g *group) {
	if c.newest != g {
		c.unlink(g)
		c.append(g)
	}
	c.resize(g)
	for c.used > c.memory && c.oldest != g {
		c.drop(c.oldest)
		c.stats.Evicted++
	}
}

func (c *Correlator) resize(g *group) {
	size := groupSize + len(g.key) + cap(g.entries)*entrySize
	c.used += size - g.size
	g.size = size
}

func (c *Correlator) drop(g *group) {
	c.unlink(g)
	c.used -= g.size
	delete(c.groups, g.key)
}

func (c *Correlator) append(g *group) {
	g.prev, g.next = c.newest, nil
	if c.newest != nil {
		c.newest.next = g
	} else {
		c.oldest = g
	}
	c.newest = g
}

func (c *Correlator) unlink(g *group) {
	if g.prev != nil {
		g.prev.next = g.next
	} else {
		c.oldest = g.next
	}
	if g.next != nil {
		g.next.prev = g.prev
	} else {
		c.newest = g.prev
	}
}
