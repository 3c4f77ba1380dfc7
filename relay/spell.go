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

	mu     sync.Mutex
	began  time.Time // zero: no spell
	ended  time.Time
	paused time.Duration // reading has waited so long in this spell
	shed   uint64
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
func (s *Spell) wait(ctx context.Context, room func(context.Context) error) bool {
	left := s.begin()
	if left <= 0 {
		return false
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	err := room(ctx)
	s.mu.Lock()
	s.paused += time.Since(start)
	s.mu.Unlock()
	return err == nil
}

// begin begins a spell when there is none, and returns how long reading may still pause.
func (s *Spell) begin() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began, s.paused = time.Now(), 0
		s.active.Store(true)
	}
	s.ended = time.Time{}
	return s.stall - s.paused
}

func (s *Spell) count() {
	s.begin()
	s.mu.Lock()
	s.shed++
	s.mu.Unlock()
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

// settle is how long the spool must take records before a spell counts as over, so that a
// spool at its brink does not make a gap record of every second one.
const settle = time.Second

// Take returns the spell that is over, once. With now set it ends a running one too: stopping.
func (r *Relay) Take(now bool) (Gap, bool) {
	s := &r.spell
	s.mu.Lock()
	defer s.mu.Unlock()
	over := !s.ended.IsZero() && time.Since(s.ended) >= settle
	if s.began.IsZero() || !over && !now {
		return Gap{}, false
	}
	gap := Gap{Began: s.began, Ended: s.ended, Records: s.shed}
	if gap.Ended.IsZero() {
		gap.Ended = time.Now()
	}
	s.began, s.ended, s.paused, s.shed = time.Time{}, time.Time{}, 0, 0
	s.active.Store(false)
	return gap, gap.Records > 0
}
