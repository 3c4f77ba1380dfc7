package spool

import (
	"fmt"
	"math"
)

// space is how much the spool may still write. It is measured after each commit and each
// deletion, so that Append and Usage only compare numbers.
type space struct {
	room int64 // bytes that can still be taken
	used int64 // bytes of segments that are written
	full error // what to say when room is too small
}

// minSegment is the least that is worth a file.
const minSegment = 128 << 10

// diskSpace asks the file system. It is called without mu: a frozen disk must not hold it.
func (s *Spool) diskSpace() (free, floor int64) {
	free, total, err := s.disk.space()
	if err != nil {
		return math.MaxInt64, 0 // the allocation will tell
	}
	if floor = s.cfg.MinFree; floor == 0 {
		floor = min(512<<20, total/20)
	}
	return free, floor
}

// limits returns how many bytes new segments may take together, and which limit that is.
// mu is held.
func (s *Spool) limits(free, floor int64) (avail int64, why error) {
	allocated := int64(0)
	for _, seg := range s.segments {
		allocated += seg.size
	}
	avail = s.cfg.MaxSize - allocated
	if free-floor < avail {
		return max(0, free-floor), fmt.Errorf("%w: the disk has %d bytes free, of which %d must stay so", ErrFull, free, floor)
	}
	return max(0, avail), fmt.Errorf("%w: its segments take %d of at most %d bytes", ErrFull, allocated, s.cfg.MaxSize)
}

// segmentSize chooses the size of the next segment, which has to hold a frame of need bytes.
func (s *Spool) segmentSize(need int64) (int64, error) {
	free, floor := s.diskSpace()
	s.mu.Lock()
	defer s.mu.Unlock()
	avail, why := s.limits(free, floor)
	least := framesStart + need
	size := max(least, minSegment, min(s.cfg.SegmentSize, s.cfg.MaxSize/8, free/8))
	if size = min(size, avail); size < least {
		return 0, why
	}
	return size, nil
}

// measureSpace brings s.space up to date and wakes who waits for room.
func (s *Spool) measureSpace() {
	free, floor := s.diskSpace()
	s.mu.Lock()
	defer s.mu.Unlock()
	avail, why := s.limits(free, floor)
	sp := space{full: why}
	if avail >= minSegment {
		sp.room = avail
	}
	for _, seg := range s.segments {
		sp.used += seg.end
		// A frame that does not fit goes into the next segment, so up to one batch of the
		// active segment's rest stays unused.
		if left := seg.size - seg.end - int64(s.cfg.BatchBytes) - frameRoom; seg.active && left > 0 {
			sp.room += left
		}
	}
	s.space = sp
	s.broadcast()
}

// Usage returns how full the spool is, from 0 to 1, by quota and by disk. It is 1 while the disk
// refuses; else Append refuses when the record at hand does not fit.
func (s *Spool) Usage() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal != nil && !s.sealed {
		return 1
	}
	return float64(s.space.used) / float64(max(1, s.space.used+s.space.room))
}
