package spool

import "time"

// Stats is a look at the spool.
type Stats struct {
	Segments   int
	Bytes      int64   // on the disk, reserved ones included
	Usage      float64 // 0 to 1, see Spool.Usage
	Next       uint64  // sequence of the next record to become durable
	Unsynced   int64   // upper bound of the bytes that are not durable yet
	Unrecorded int     // gaps that are not Recorded
	Refusing   error   // why Append refuses everything, nil when it does not
	Readers    []ReaderStats
}

// ReaderStats is a look at one reader.
type ReaderStats struct {
	Name   string
	Depth  uint64    // records that it has neither committed nor passed over
	Oldest time.Time // when the oldest of them was received, to the millisecond; zero when there is none
}

// Stats looks at the spool. It reads one frame header a reader from the disk.
func (s *Spool) Stats() Stats {
	st := Stats{Usage: s.Usage(), Unrecorded: int(s.gaps.unrecorded.Load())}
	s.mu.Lock()
	st.Segments, st.Next, st.Unsynced, st.Refusing = len(s.segments), s.next, s.unsynced, s.refusal
	for _, seg := range s.segments {
		st.Bytes += seg.size
	}
	s.mu.Unlock()
	for _, name := range s.cfg.Readers {
		r := s.readers[name]
		st.Readers = append(st.Readers, ReaderStats{name, st.Next - min(st.Next, r.reached.Load()), r.oldest()})
	}
	return st
}

// oldest returns the time of the first frame that is not done.
func (r *Reader) oldest() time.Time {
	s := r.s
	s.mu.Lock()
	var hint place
	if len(r.places) > 0 {
		hint = r.places[0]
	}
	committed := r.reached.Load() // ahead of r.committed, by which segments are deleted
	var seg *segment
	var end int64
	for i := range s.segments {
		if s.endOf(i) > committed {
			seg, end = s.segments[i], s.segments[i].end
			break
		}
	}
	s.mu.Unlock()
	if seg == nil {
		return time.Time{}
	}
	file, err := openSegment(s.disk, seg.name, s.cfg.Keys)
	if file != nil {
		defer file.close()
	}
	if err != nil {
		return time.Time{}
	}
	off := int64(framesStart)
	if hint.seg == seg && hint.end <= committed {
		off = hint.off
	}
	for {
		h, err := file.frameAt(off, end)
		if err != nil { // damaged: at least as old as its segment
			return time.Unix(0, file.head.created)
		}
		if h.end() > committed {
			return time.UnixMilli(h.base)
		}
		off += h.size()
	}
}
