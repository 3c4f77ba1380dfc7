package alerting

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Journal keeps what was said where. Entries hold redacted text: whoever implements it
// keeps them as secret as the spool.
type Journal interface {
	// Replay calls apply with every entry that was appended and not rewritten, in order.
	Replay(apply func(entry []byte) error) error
	// Append adds an entry, durable after the next Sync. It copies.
	Append(entry []byte) error
	Sync() error
	// Rewrite replaces everything by the entries that write appends, all or nothing. After an
	// error from Append or Sync it is the way back to work.
	Rewrite(write func(add func(entry []byte) error) error) error
	Size() int64 // bytes on disk
}

// change is the new state of one thing. An entry of the journal is a list of changes that belong together.
type change struct {
	Alert   *Alert      `json:"alert,omitempty"`
	Drop    string      `json:"drop,omitempty"` // key of an alert that is forgotten
	Digest  *Digest     `json:"digest,omitempty"`
	Notice  *Notice     `json:"notice,omitempty"`
	Silence *Silence    `json:"silence,omitempty"`
	Sink    *sinkMemory `json:"sink,omitempty"`
	Events  []string    `json:"events,omitempty"` // ids of a batch
}

// memory is everything that is in the journal.
type memory struct {
	alerts   map[string]*Alert // by group key
	byID     map[string]*Alert
	secrets  map[string][]*Alert // by fingerprint
	digests  map[string]*Digest
	notices  map[string]*Notice
	silences map[string]*Silence
	sinks    map[string]*sinkMemory
	events   recent
}

func newMemory() memory {
	return memory{alerts: map[string]*Alert{}, byID: map[string]*Alert{}, secrets: map[string][]*Alert{}, digests: map[string]*Digest{},
		notices: map[string]*Notice{}, silences: map[string]*Silence{}, sinks: map[string]*sinkMemory{}}
}

// apply is what Replay is given.
func (m *memory) apply(raw []byte) error {
	var changes []change
	if err := json.Unmarshal(raw, &changes); err != nil {
		return fmt.Errorf("alerting: journal entry: %w", err)
	}
	for _, c := range changes {
		m.change(c)
	}
	return nil
}

func (m *memory) change(e change) {
	switch {
	case e.Alert != nil:
		m.put(e.Alert)
	case e.Drop != "":
		m.drop(e.Drop)
	case e.Digest != nil:
		m.digests[e.Digest.ID] = e.Digest
	case e.Notice != nil:
		m.notices[e.Notice.ID] = e.Notice
	case e.Silence != nil:
		m.silences[e.Silence.ID] = e.Silence
	case e.Sink != nil:
		m.sinks[e.Sink.Name] = e.Sink
	case len(e.Events) > 0:
		m.events.rotate()
		for _, id := range e.Events {
			m.events.add(id)
		}
	}
}

func (m *memory) put(a *Alert) {
	m.drop(a.Key)
	m.alerts[a.Key], m.byID[a.ID] = a, a
	if fp := a.Match.Finding.Fingerprint; fp != "" {
		m.secrets[fp] = append(m.secrets[fp], a)
	}
}

func (m *memory) drop(key string) {
	a := m.alerts[key]
	if a == nil {
		return
	}
	delete(m.alerts, key)
	delete(m.byID, a.ID)
	fp := a.Match.Finding.Fingerprint
	if list := slices.DeleteFunc(m.secrets[fp], func(b *Alert) bool { return b == a }); len(list) > 0 {
		m.secrets[fp] = list
	} else {
		delete(m.secrets, fp)
	}
}

// each yields the whole memory as entries.
func (m *memory) each(yield func(change) error) error {
	for _, a := range m.alerts {
		if err := yield(change{Alert: a}); err != nil {
			return err
		}
	}
	for _, d := range m.digests {
		if err := yield(change{Digest: d}); err != nil {
			return err
		}
	}
	for _, n := range m.notices {
		if err := yield(change{Notice: n}); err != nil {
			return err
		}
	}
	for _, s := range m.silences {
		if err := yield(change{Silence: s}); err != nil {
			return err
		}
	}
	for _, s := range m.sinks {
		if err := yield(change{Sink: s}); err != nil {
			return err
		}
	}
	for _, generation := range m.events.generations() {
		if err := yield(change{Events: generation}); err != nil {
			return err
		}
	}
	return nil
}

// recent remembers the event ids of the latest batches, at least RememberedEvents of them
// and always the whole latest batch, in two generations.
type recent struct{ old, now map[string]struct{} }

func (r *recent) has(id string) bool {
	_, a := r.now[id]
	_, b := r.old[id]
	return a || b
}

// rotate is called between batches only.
func (r *recent) rotate() {
	if len(r.now) >= RememberedEvents {
		r.old, r.now = r.now, nil
	}
	if r.now == nil {
		r.now = map[string]struct{}{}
	}
}

func (r *recent) add(id string) { r.now[id] = struct{}{} }

func (r *recent) generations() (all [][]string) {
	for _, g := range []map[string]struct{}{r.old, r.now} {
		ids := make([]string, 0, len(g))
		for id := range g {
			ids = append(ids, id)
		}
		if len(ids) > 0 {
			all = append(all, ids)
		}
	}
	return all
}

// sinkMemory is what has to be remembered of a sink to keep to its limits over a restart.
type sinkMemory struct {
	Name     string
	Minute   int64     // the latest minute in Sent
	Sent     [60]uint8 // messages by minute modulo 60
	Arrivals []time.Time
	Hot      time.Time `json:",omitzero"` // when alerts last came faster than Options.Storm
	Digest   string    `json:",omitempty"`
}

func (s *sinkMemory) roll(now time.Time) {
	minute := now.Unix() / 60
	if minute-s.Minute >= 60 {
		s.Sent = [60]uint8{}
	} else {
		for m := s.Minute + 1; m <= minute; m++ {
			s.Sent[m%60] = 0
		}
	}
	s.Minute = max(minute, s.Minute)
}

// used is how many messages went out in the hour that ends with this minute.
func (s *sinkMemory) used(now time.Time) (n int) {
	s.roll(now)
	for _, v := range s.Sent {
		n += int(v)
	}
	return n
}

func (s *sinkMemory) spend(now time.Time, n int) {
	s.roll(now)
	if v := int(s.Sent[s.Minute%60]) + n; v >= 0 && v < 256 {
		s.Sent[s.Minute%60] = uint8(v)
	}
}

// arrive notes one more alert and reports whether that is a storm: most of them, that is
// limit, within a minute.
func (s *sinkMemory) arrive(now time.Time, limit int) {
	s.Arrivals = append(s.Arrivals, now)
	if extra := len(s.Arrivals) - limit; extra > 0 {
		s.Arrivals = slices.Delete(s.Arrivals, 0, extra)
	}
	if len(s.Arrivals) == limit && now.Sub(s.Arrivals[0]) < time.Minute {
		s.Hot = now
	}
}

// calm is how long after the last hot minute a storm is over.
const calm = 5 * time.Minute

func (s *sinkMemory) storm(now time.Time) bool { return !s.Hot.IsZero() && now.Sub(s.Hot) < calm }
