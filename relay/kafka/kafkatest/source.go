// Package kafkatest is a source of batches in memory, for tests of what publishes.
package kafkatest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"destring/relay/kafka"
)

// Source is a durable log's behaviour without the disk. It survives "restarts": Reopen
// gives a Source that starts behind the last commit.
type Source struct {
	mu        sync.Mutex
	log       []kafka.Batch
	next      int
	committed int // batches before this one are delivered
	state     []byte
	ended     bool
	dead      bool
	failure   error
	commits   int
	refused   int
	cutAt     int // commits that get through; 0: all
	wake      chan struct{}
}

// New returns a source that holds batches.
func New(batches ...kafka.Batch) *Source {
	s := &Source{wake: make(chan struct{})}
	s.Add(batches...)
	return s
}

// Add appends batches.
func (s *Source) Add(batches ...kafka.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range batches {
		b.Position = len(s.log)
		b.First = 1
		if n := len(s.log); n > 0 {
			b.First = s.log[n-1].First + uint64(s.log[n-1].Count)
		}
		s.log = append(s.log, b)
	}
	s.signal()
}

// End says that no more will come.
func (s *Source) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.signal()
}

func (s *Source) signal() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// Next implements kafka.Source.
func (s *Source) Next(ctx context.Context) (kafka.Batch, error) {
	for {
		s.mu.Lock()
		wake := s.wake
		if s.next < len(s.log) {
			b := s.log[s.next]
			s.next++
			s.mu.Unlock()
			if b.Records == nil {
				continue // lost
			}
			return b, nil
		}
		ended := s.ended
		s.mu.Unlock()
		if ended {
			return kafka.Batch{}, io.EOF
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return kafka.Batch{}, ctx.Err()
		}
	}
}

// errPower is what a source says after Cut.
var errPower = errors.New("kafkatest: the power is off")

// Commit implements kafka.Source.
func (s *Source) Commit(position any, state []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cutAt > 0 && s.commits >= s.cutAt {
		s.dead = true
	}
	if s.dead {
		s.refused++
		return errPower
	}
	if s.failure != nil {
		s.refused++
		return s.failure
	}
	if position != nil {
		s.committed = position.(int) + 1
	}
	s.state = slices.Clone(state)
	s.commits++
	return nil
}

// State implements kafka.Source.
func (s *Source) State() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state)
}

// FailCommits makes commits fail with err, until called with nil.
func (s *Source) FailCommits(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Cut is a kill -9 as the source sees it: no commit gets through from now on.
func (s *Source) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
}

// Lose takes batch i away, as damage on a disk would.
func (s *Source) Lose(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = slices.Clone(s.log)
	s.log[i].Count, s.log[i].Records = 0, nil
}

// CutAfter is Cut behind n more commits.
func (s *Source) CutAfter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutAt = s.commits + n
}

// Refused returns how many commits failed.
func (s *Source) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Reopen returns the source as the next process finds it.
func (s *Source) Reopen() *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Source{log: s.log, next: s.committed, committed: s.committed, state: s.state, ended: s.ended,
		wake: make(chan struct{})}
}

// Committed returns how many batches are behind the cursor.
func (s *Source) Committed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed
}

// Commits returns how many commits there were.
func (s *Source) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}
