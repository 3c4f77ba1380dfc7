package detect

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"
)

// ReadEvents yields the events of NDJSON. The first error ends it.
func ReadEvents(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		stop := errors.New("stop")
		err := eachEvent(r, func(ev Event) error {
			if !yield(ev, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(nil, err)
		}
	}
}

// Replay is what a rule would have done to past events.
type Replay struct {
	Rule     string         `json:"rule"`
	Version  string         `json:"version"`
	Events   int            `json:"events"`
	Hits     int            `json:"hits"`
	Days     []Count        `json:"days,omitempty"`    // UTC
	Workers  []Count        `json:"workers,omitempty"` // the ten with the most hits
	Tasks    []Count        `json:"tasks,omitempty"`
	Examples []Example      `json:"examples,omitempty"` // the first five
	Running  *ReplayRunning `json:"running,omitempty"`
}

// ReplayRunning is the difference to the rule as it runs now.
type ReplayRunning struct {
	Version string `json:"version"` // empty: it does not run
	Hits    int    `json:"hits"`
	Gained  int    `json:"gained"` // events on which only the new one fires
	Lost    int    `json:"lost"`
}

// Count is how often something occurred.
type Count struct {
	What string `json:"what"`
	N    int    `json:"n"`
}

// Example is an event on which the rule fired.
type Example struct {
	Index   int          `json:"event_index"`
	Time    time.Time    `json:"time"`
	ID      string       `json:"event_id,omitempty"`
	Message string       `json:"message,omitempty"` // cut
	Group   []GroupValue `json:"group,omitempty"`
}

const (
	maxExamples = 5
	maxTop      = 10
	maxNames    = 10_000 // different workers or tasks that are counted
)

// Replay runs one rule of the set over past events and, when running is not nil, the same rule of that set
// beside it. It is the code that judges live events, so it gives the answer that they would have had.
func (s *Set) Replay(key string, events iter.Seq2[Event, error], running *Set) (*Replay, error) {
	rule := s.Rule(key)
	if rule == nil {
		return nil, fmt.Errorf("replay: no rule has the id, name or title %q", key)
	}
	t := &tally{report: &Replay{Rule: rule.Key(), Version: rule.Version}, days: map[string]int{}, workers: map[string]int{}, tasks: map[string]int{}}
	now := s.only(rule)
	var before *Evaluator
	if running != nil {
		t.report.Running = &ReplayRunning{}
		if old := running.Rule(key); old != nil {
			t.report.Running.Version, before = old.Version, running.only(old)
		}
	}
	for ev, err := range events {
		if err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
		hits := now.Event(ev)
		if len(hits) > 0 {
			t.add(ev, hits[0], time.Unix(0, now.last).UTC())
		}
		if t.report.Running != nil {
			t.compare(len(hits) > 0, before != nil && len(before.Event(ev)) > 0)
		}
		t.report.Events++
	}
	t.close()
	return t.report, nil
}

// only returns an Evaluator that tells of one rule, hidden or not.
func (s *Set) only(rule *Rule) *Evaluator {
	e := s.NewEvaluator(CorrelatorOptions{})
	e.only, e.c.only = rule, rule
	return e
}

type tally struct {
	report               *Replay
	days, workers, tasks map[string]int
}

func (t *tally) add(ev Event, hit Hit, at time.Time) {
	t.report.Hits++
	count(t.days, at.Format(time.DateOnly))
	count(t.workers, ev.text("celery", "worker"))
	count(t.tasks, ev.text("celery", "task", "name"))
	if len(t.report.Examples) < maxExamples {
		t.report.Examples = append(t.report.Examples, Example{
			Index: hit.EventIndex, Time: at, ID: ev.text("event", "id"), Message: cut(ev.text("message"), 2*maxShownBytes), Group: hit.Group,
		})
	}
}

func (t *tally) compare(now, before bool) {
	r := t.report.Running
	if before {
		r.Hits++
	}
	if now && !before {
		r.Gained++
	}
	if before && !now {
		r.Lost++
	}
}

func (t *tally) close() {
	t.report.Days, t.report.Workers, t.report.Tasks = top(t.days, len(t.days)), top(t.workers, maxTop), top(t.tasks, maxTop)
	slices.SortFunc(t.report.Days, func(a, b Count) int { return cmp.Compare(a.What, b.What) })
}

func count(in map[string]int, what string) {
	if _, known := in[what]; what != "" && (known || len(in) < maxNames) {
		in[what]++
	}
}

func top(in map[string]int, n int) []Count {
	out := make([]Count, 0, len(in))
	for what, times := range in {
		out = append(out, Count{what, times})
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What)) })
	return out[:min(n, len(out))]
}

// text returns a field of the event, nested or flat.
func (e Event) text(path ...string) string {
	flat := path[0]
	for _, key := range path[1:] {
		flat += "." + key
	}
	if s, ok := e[flat].(string); ok {
		return s
	}
	var at any = map[string]any(e)
	for _, key := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = object[key]
	}
	s, _ := at.(string)
	return s
}

// cut shortens s to about n bytes at a character's end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
