package relay

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Fractions of the spool's quota from which the least important records are shed.
const (
	shedDebugFrom = 0.90
	shedInfoFrom  = 0.95
)

// Spell is one time of fullness of the spool, over all connections: from the first record that was
// shed or had to wait until the spool takes records again. A slow relay must not
// stop a worker (a Python handler blocks for ever in the task's logging call when its
// peer stops reading), so within a spell reading pauses for Stall in all, and after
// that records are dropped and counted. Each spell leaves one gap record, by Take.
type Spell struct {
	stall  time.Duration
	active atomic.Bool // a spell is on: the hot path asks this and nothing else

	mu      sync.Mutex
	began   time.Time // zero: no spell
	ended   time.Time
	waiting int           // connections that are not read at present
	since   time.Time     // since when that is more than none
	paused  time.Duration // time before since in which one or more were not read
	shed    uint64
}

// Gap is what a spell dropped.
type Gap struct {
	Began, Ended time.Time
	Records      uint64
}

func (s *Spell) init(stall time.Duration) { s.stall = stall }

// shedEarly reports whether a record of this syslog severity is dropped at this usage.
func (s *Spell) shedEarly(usage float64, severity int8) bool {
	return usage >= shedDebugFrom && severity >= 7 || usage >= shedInfoFrom && severity >= 6
}

// wait waits for room, within what this spell has left. It reports whether to try again.
// Connections that wait at the same time spend the spell's patience together: none of them
// is paused for longer than stall in a spell, however they take turns.
func (s *Spell) wait(ctx context.Context, room func(context.Context) error) bool {
	left := s.enter()
	if left <= 0 {
		return false
	}
	defer s.leave()
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	return room(ctx) == nil
}

// enter begins to wait, and returns for how long; 0 says that nothing is left.
func (s *Spell) enter() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.begin(now)
	left := s.stall - s.paused
	if s.waiting > 0 {
		left -= now.Sub(s.since)
	}
	if left <= 0 {
		return 0
	}
	if s.waiting == 0 {
		s.since = now
	}
	s.waiting++
	return left
}

// spend uses up what is left of the patience: the spool has waited already, for a disk that stalls.
func (s *Spell) spend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(time.Now())
	s.paused = max(s.paused, s.stall)
}

func (s *Spell) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.paused += time.Since(s.since)
	}
}

// begin begins a spell when there is none. mu is held.
func (s *Spell) begin(now time.Time) {
	if s.began.IsZero() {
		s.began, s.paused = now, 0
		s.active.Store(true)
	}
	s.ended = time.Time{}
}

func (s *Spell) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(time.Now())
	s.shed++
}

// good notes that the spool took a record.
func (s *Spell) good() {
	if !s.active.Load() {
		return
	}
	s.mu.Lock()
	if !s.began.IsZero() && s.ended.IsZero() {
		s.ended = time.Now()
	}
	s.mu.Unlock()
}

// Shedding returns how many records the spell that is on has dropped, and since when; false when none is on.
func (r *Relay) Shedding() (records uint64, since time.Time, on bool) {
	s := &r.spell
	if !s.active.Load() {
		return 0, time.Time{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shed, s.began, !s.began.IsZero() && s.ended.IsZero()
}

// settle is how long the spool must take records before a spell counts as over, so that a
// spool at its brink does not make a gap record of every second one.
const settle = time.Second

// Take returns the spell that is over, once. With now set it ends a running one too: stopping.
// A gap that could not be put on record is given back, by Return.
func (r *Relay) Take(now bool) (Gap, bool) {
	room := r.cfg.Spool.Usage() < shedDebugFrom
	s := &r.spell
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		return Gap{}, false
	}
	if s.ended.IsZero() && s.waiting == 0 && room {
		s.ended = time.Now() // the senders have gone quiet meanwhile
	}
	over := !s.ended.IsZero() && s.waiting == 0 && time.Since(s.ended) >= settle
	if !over && !now {
		return Gap{}, false
	}
	gap := s.gap()
	s.began, s.ended, s.since, s.paused, s.shed = time.Time{}, time.Time{}, time.Now(), 0, 0
	s.active.Store(false)
	return gap, gap.Records > 0
}

// gap is what the spell has dropped by now. mu is held.
func (s *Spell) gap() Gap {
	gap := Gap{Began: s.began, Ended: s.ended, Records: s.shed}
	if gap.Ended.IsZero() {
		gap.Ended = time.Now()
	}
	return gap
}

// Return gives back a gap that Take returned, because there is no room to put it on record: it
// becomes part of the present spell.
func (r *Relay) Return(gap Gap) {
	s := &r.spell
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.begin(gap.Began)
		s.ended = time.Now()
	}
	if gap.Began.Before(s.began) {
		s.began = gap.Began
	}
	s.shed += gap.Records
}

// Pending returns what the running spell has dropped by now.
func (r *Relay) Pending() (Gap, bool) {
	s := &r.spell
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gap(), s.shed > 0
}
