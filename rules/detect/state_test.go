package detect_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"destring/rules/detect"
	"destring/rules/event"
)

// run feeds numbered events to a correlator and returns what fired, as "rule@event".
func run(t *testing.T, set *detect.Set, c *detect.Correlator, from int, events ...string) (fired []string) {
	t.Helper()
	m := set.NewMatcher()
	for i, line := range events {
		e, err := detect.ParseEvent([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		at, _ := e.Time()
		m.Event(e)
		m.Match()
		for _, f := range c.Feed(m, at.UnixNano(), event.ID{Connection: 1, Message: uint64(from + i)}) {
			fired = append(fired, fmt.Sprintf("%s@%d", f.Rule.ID, from+i))
		}
	}
	return fired
}

// everyType is one correlation of each type over the three base rules, and a sequence on which they fire.
func everyType() (text string, events []string) {
	text = bases
	for _, body := range []string{
		"type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 3}",
		"type: value_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {field: v, gte: 3}",
		"type: value_sum\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {field: v, gte: 6}",
		"type: value_percentile\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {field: v, gte: 2.5, percentile: 80}",
		"type: temporal\nrules: [base_a, base_b, base_c]\ngroup-by: [u]\ntimespan: 1m",
		"type: temporal_ordered\nrules: [base_a, base_b, base_c]\ngroup-by: [u]\ntimespan: 1m",
	} {
		id := strings.Fields(body)[1]
		text += correlation(id, body)
	}
	for i := range 3 {
		for _, kind := range []string{"a", "b", "c"} {
			for _, user := range []string{"x", "y"} {
				events = append(events, ev(float64(len(events)), kind, "u", `"`+user+`"`, "v", fmt.Sprint(i+1)))
			}
		}
	}
	for i := range 4 {
		events = append(events, ev(float64(500+i), "a", "u", `"x"`, "v", "1"))
	}
	return text, events
}

func TestARestartAnywhereChangesNothing(t *testing.T) {
	text, events := everyType()
	set := load(t, text)
	whole := run(t, set, set.NewCorrelator(detect.CorrelatorOptions{}), 0, events...)
	if len(whole) < 12 {
		t.Fatalf("the sequence fires only %v", whole)
	}
	for cut := range events {
		first := set.NewCorrelator(detect.CorrelatorOptions{})
		fired := run(t, set, first, 0, events[:cut]...)
		again := load(t, text) // another process
		second := again.NewCorrelator(detect.CorrelatorOptions{})
		if forgotten, err := second.Restore(first.AppendState(nil)); err != nil || forgotten != 0 {
			t.Fatalf("Restore after %d: %d forgotten, %v", cut, forgotten, err)
		}
		if !slices.Equal(second.AppendState(nil), first.AppendState(nil)) {
			t.Errorf("the state is not the same after saving and restoring at %d", cut)
		}
		if fired = append(fired, run(t, again, second, cut, events[cut:]...)...); !slices.Equal(fired, whole) {
			t.Errorf("restarted after %d events: %v, want %v", cut, fired, whole)
		}
	}
}

func TestStateOfAChangedCorrelationIsForgottenAndOthersAreKept(t *testing.T) {
	one := correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 3}")
	two := correlation("y", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 3}")
	before := load(t, bases+one+two)
	c := before.NewCorrelator(detect.CorrelatorOptions{})
	run(t, before, c, 0, ev(0, "a", byUser("u")...), ev(1, "a", byUser("u")...))
	after := load(t, bases+two+strings.Replace(one, "gte: 3", "gte: 4", 1))
	d := after.NewCorrelator(detect.CorrelatorOptions{})
	if forgotten, err := d.Restore(c.AppendState(nil)); err != nil || forgotten != 1 {
		t.Errorf("forgot %d groups, %v; want 1", forgotten, err)
	}
	if fired := run(t, after, d, 2, ev(2, "a", byUser("u")...)); !slices.Equal(fired, []string{"y@2"}) {
		t.Errorf("fired %v, want y@2", fired)
	}
}

func TestStepsMayTravelToAnotherProcess(t *testing.T) {
	text, events := everyType()
	set, remote := load(t, text), load(t, text)
	whole := run(t, set, set.NewCorrelator(detect.CorrelatorOptions{}), 0, events...)
	m, c := set.NewMatcher(), remote.NewCorrelator(detect.CorrelatorOptions{})
	var fired []string
	keys := make(map[string]bool)
	for i, line := range events {
		e, _ := detect.ParseEvent([]byte(line))
		at, _ := e.Time()
		m.Event(e)
		m.Match()
		for _, step := range m.Steps(at.UnixNano(), event.ID{Connection: 1, Message: uint64(i)}) {
			key, ok := step.AppendKey(nil)
			if !ok {
				t.Fatal("a step without a group")
			}
			keys[string(key)] = true
			sent := roundTrip(t, step)
			if !remote.Resolve(&sent) {
				t.Fatalf("the other process does not know %+v", sent)
			}
			for _, f := range c.Add(&sent) {
				fired = append(fired, fmt.Sprintf("%s@%d", f.Rule.ID, i))
			}
		}
	}
	if !slices.Equal(fired, whole) {
		t.Errorf("fired %v, want %v", fired, whole)
	}
	if len(keys) != 12 { // six correlations, two users
		t.Errorf("%d keys, want 12", len(keys))
	}
}

func TestTheMemoryCapEvictsWhatWasQuietLongestAndCounts(t *testing.T) {
	set := load(t, bases+correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1d\ncondition: {gte: 2}"))
	c := set.NewCorrelator(detect.CorrelatorOptions{Memory: 64 << 10})
	for i := range 1000 {
		run(t, set, c, i, ev(float64(i), "a", byUser(fmt.Sprint("user", i))...))
	}
	s := c.Stats()
	if s.Bytes > 64<<10 || s.Groups < 100 || s.Evicted != uint64(1000-s.Groups) {
		t.Errorf("stats %+v", s)
	}
	if fired := run(t, set, c, 1000, ev(1000, "a", byUser("user999")...)); !slices.Equal(fired, []string{"x@1000"}) {
		t.Errorf("the newest group was evicted: %v", fired)
	}
	if fired := run(t, set, c, 1001, ev(1001, "a", byUser("user0")...)); fired != nil {
		t.Errorf("the oldest group was kept: %v", fired)
	}
}

func TestGroupsWhoseWindowIsOverMakeRoomByThemselves(t *testing.T) {
	set := load(t, bases+correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {gte: 2}"))
	c := set.NewCorrelator(detect.CorrelatorOptions{Lateness: time.Minute})
	for i := range 10_000 {
		run(t, set, c, i, ev(float64(i), "a", byUser(fmt.Sprint("user", i))...))
	}
	if s := c.Stats(); s.Groups > 130 || s.Evicted != 0 {
		t.Errorf("stats %+v, want about 120 groups and none evicted", s)
	}
}

func TestEventsThatDoNotCountLeaveNoGroupBehind(t *testing.T) {
	set := load(t, bases+correlation("x", "type: value_sum\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1m\ncondition: {field: v, gte: 2}"))
	c := set.NewCorrelator(detect.CorrelatorOptions{})
	run(t, set, c, 0, ev(0, "a", "u", `"x"`, "v", `"many"`), ev(1, "a", "u", `"y"`), ev(2, "a", "v", "1"))
	if s := c.Stats(); s.Groups != 0 || s.NoGroup != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestLargeThresholdsAreReachedExactly(t *testing.T) {
	set := load(t, bases+correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1d\ncondition: {gte: 30000}")+
		correlation("y", "type: value_count\nrules: [base_b]\ngroup-by: [u]\ntimespan: 1d\ncondition: {field: v, gte: 2000}"))
	c, m := set.NewCorrelator(detect.CorrelatorOptions{}), set.NewMatcher()
	k, u, v := set.Slot("k"), set.Slot("u"), set.Slot("v")
	fired := map[string]int{}
	for i := range 40_000 {
		m.Reset()
		m.Text(k, []byte{"ab"[i%20/19]})
		m.Text(u, []byte("x"))
		m.Number(v, float64(i))
		m.Match()
		for _, f := range c.Feed(m, int64(i)*1e9, event.ID{Message: uint64(i) + 1}) {
			fired[f.Rule.ID] = i
		}
	}
	if want := map[string]int{"x": 30_000/19*20 + 30_000%19 - 1, "y": 39_999}; !maps.Equal(fired, want) {
		t.Errorf("fired %v, want %v", fired, want)
	}
}

func TestWhatComesTooLateIsCountedAndNotUsed(t *testing.T) {
	set := load(t, bases+correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1h\ncondition: {gte: 2}"))
	c := set.NewCorrelator(detect.CorrelatorOptions{Lateness: time.Minute})
	if fired := run(t, set, c, 0, ev(1000, "a", byUser("x")...), ev(900, "a", byUser("x")...)); fired != nil || c.Stats().Late != 1 {
		t.Errorf("fired %v, stats %+v", fired, c.Stats())
	}
}

func TestLongValuesOfSendersAreHeldShort(t *testing.T) {
	set := load(t, bases+correlation("x", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1h\ncondition: {gte: 2}"))
	c := set.NewCorrelator(detect.CorrelatorOptions{})
	long := strings.Repeat("x", 1<<20)
	fired := run(t, set, c, 0, ev(0, "a", byUser(long+"1")...), ev(1, "a", byUser(long+"2")...), ev(2, "a", byUser(long+"1")...))
	if !slices.Equal(fired, []string{"x@2"}) || c.Stats().Bytes > 4096 {
		t.Errorf("fired %v with %d bytes of state", fired, c.Stats().Bytes)
	}
}

func FuzzRestore(f *testing.F) {
	text, events := everyType()
	set, err := detect.Load(detect.Bytes("r.yml", []byte(text)))
	if err != nil {
		f.Fatal(err)
	}
	c := set.NewCorrelator(detect.CorrelatorOptions{})
	m := set.NewMatcher()
	for _, line := range events {
		e, _ := detect.ParseEvent([]byte(line))
		m.Event(e)
		m.Match()
		c.Feed(m, 1, event.ID{})
	}
	f.Add(c.AppendState(nil))
	f.Add([]byte("DSC1\x01\x01x\x01y\x01\x00\x00\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, state []byte) {
		c := set.NewCorrelator(detect.CorrelatorOptions{Memory: 1 << 20})
		_, _ = c.Restore(state)
		for i, line := range events[:8] {
			e, _ := detect.ParseEvent([]byte(line))
			m.Event(e)
			m.Match()
			c.Feed(m, int64(i), event.ID{})
		}
	})
}
