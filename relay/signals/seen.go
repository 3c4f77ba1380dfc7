package signals

import (
	"slices"
	"time"
)

const (
	maxSeen    = 200_000
	forgetSeen = 90 * 24 * time.Hour // what did not come for so long is new again
)

// seen remembers what there is in an environment, as hashes. Tracker.mu guards it.
type seen struct {
	began int64             // when learning began; 0 before the first event
	at    map[uint64]uint32 // when it was last met, in hours since 1970
}

// meet notes that h is there, and reports whether it is new though the learning time is over.
func (s *seen) meet(h uint64, now int64, learning time.Duration) bool {
	if s.began == 0 {
		s.began = now
	}
	_, known := s.at[h]
	if !known && len(s.at) >= maxSeen {
		s.forgetOldest()
	}
	s.at[h] = hours(now)
	return !known && now-s.began >= int64(learning)
}

// forgetOldest makes room for a tenth.
func (s *seen) forgetOldest() {
	ages := make([]uint32, 0, len(s.at))
	for _, at := range s.at {
		ages = append(ages, at)
	}
	slices.Sort(ages)
	s.forget(ages[len(ages)/10] + 1)
}

func (s *seen) forget(before uint32) {
	room := len(s.at) - maxSeen*9/10
	for h, at := range s.at {
		if at < before {
			delete(s.at, h)
			if room--; room == 0 {
				return // all may be of the same hour
			}
		}
	}
}

// age forgets what is long gone.
func (s *seen) age(now int64) {
	limit := hours(now - int64(forgetSeen))
	for h, at := range s.at {
		if at < limit {
			delete(s.at, h)
		}
	}
}

func hours(ns int64) uint32 { return uint32(max(ns, 0) / int64(time.Hour)) }
