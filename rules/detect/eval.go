package detect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"destring/rules/event"
)

// maxEventBytes bounds one line of NDJSON.
const maxEventBytes = 16 << 20

// Hit is a firing as `destring rules eval` prints it.
type Hit struct {
	EventIndex int          `json:"event_index"` // 0-based, of the event that completed it
	RuleID     string       `json:"rule_id"`
	RuleTitle  string       `json:"rule_title"`
	Level      Level        `json:"level"`
	Group      []GroupValue `json:"group,omitempty"`  // of correlations
	Value      *float64     `json:"value,omitempty"`  // of correlations: what the condition was held against
	Events     []int        `json:"events,omitempty"` // of correlations: indices in the window, the latest ten
}

// Evaluator runs a set over events in the order given: every rule sees every event.
type Evaluator struct {
	m     *Matcher
	c     *Correlator
	index int
	last  int64
	only  *Rule // tells of no other, and of it although it is hidden
	hits  []Hit
}

// NewEvaluator returns one that has seen nothing.
func (s *Set) NewEvaluator(opts CorrelatorOptions) *Evaluator {
	return &Evaluator{m: s.NewMatcher(), c: s.NewCorrelator(opts)}
}

// Stats returns the correlator's counts.
func (e *Evaluator) Stats() CorrelatorStats { return e.c.Stats() }

// Event judges the next event. An event without a time happens when the one before it did.
// The hits are valid until the next call.
func (e *Evaluator) Event(ev Event) []Hit {
	e.hits = e.hits[:0]
	at := e.last
	if t, ok := ev.Time(); ok {
		at = t.UnixNano()
	}
	e.last = at
	e.m.Event(ev)
	for _, match := range e.m.Match() {
		if r := match.Rule; e.only == r || e.only == nil && !r.Hidden {
			e.hits = append(e.hits, Hit{EventIndex: e.index, RuleID: r.ID, RuleTitle: r.Title, Level: r.Level})
		}
	}
	for _, f := range e.c.Feed(e.m, at, event.ID{Message: uint64(e.index) + 1}) {
		if e.only != nil && e.only != f.Rule {
			continue
		}
		hit := Hit{EventIndex: e.index, RuleID: f.Rule.ID, RuleTitle: f.Rule.Title, Level: f.Rule.Level, Group: f.Group, Value: &f.Value}
		for _, id := range f.Events {
			hit.Events = append(hit.Events, int(id.Message)-1)
		}
		e.hits = append(e.hits, hit)
	}
	e.index++
	return e.hits
}

// Eval reads NDJSON and writes one JSON object for each firing. Empty lines are no events. It returns
// how many events it read and how often something fired.
func (s *Set) Eval(events io.Reader, out io.Writer) (read, fired int, err error) {
	e := s.NewEvaluator(CorrelatorOptions{Lateness: 24 * time.Hour})
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	err = eachEvent(events, func(ev Event) error {
		read++
		for _, hit := range e.Event(ev) {
			fired++
			if err := enc.Encode(hit); err != nil {
				return fmt.Errorf("write firings: %w", err)
			}
		}
		return nil
	})
	return read, fired, errors.Join(err, w.Flush())
}

// eachEvent reads NDJSON line by line.
func eachEvent(events io.Reader, yield func(Event) error) error {
	lines := bufio.NewScanner(events)
	lines.Buffer(make([]byte, 64<<10), maxEventBytes)
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			continue
		}
		ev, err := ParseEvent(line)
		if err != nil {
			return fmt.Errorf("events line %d: %w", n, err)
		}
		if err := yield(ev); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}
