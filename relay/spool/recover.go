package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// recover brings the directory in order. Only the last segment is read through: earlier ones
// were synced before the next was made, and what has happened to them since is found when
// they are read. So a start takes as long with 10 GiB as with 64 MiB.
func (s *Spool) recover() error {
	infos, err := s.disk.list(".")
	if err != nil {
		return fmt.Errorf("spool: read %s: %w", s.cfg.Dir, err)
	}
	live := func(name string) bool {
		return slices.ContainsFunc(infos, func(info fs.FileInfo) bool { return info.Name() == name })
	}
	if err := s.loadGaps(live); err != nil {
		return err
	}
	var found []*segment
	for _, info := range infos {
		name := info.Name()
		if strings.HasSuffix(name, cursorNew) {
			s.remove(name) // a crash while a cursor file was made
		}
		first, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		if !info.Mode().IsRegular() {
			s.log.Error("spool: not a regular file where a segment should be, it is not followed", "name", name)
			s.exile(Gap{Reason: Foreign, Segment: name, First: first})
			continue
		}
		if info.Mode().Perm()&0o077 != 0 {
			s.log.Warn("spool: others could read a segment; its mode is 0600 again", "segment", name, "mode", info.Mode().Perm())
			s.tighten(name)
		}
		found = append(found, &segment{name: name, first: first, end: info.Size(), size: info.Size()})
	}
	s.next = 1
	for i, seg := range found {
		until := uint64(0)
		if i+1 < len(found) {
			until = found[i+1].first
		}
		ok, err := s.adopt(seg, until)
		if err != nil {
			return err
		}
		if ok {
			s.segments = append(s.segments, seg)
		}
	}
	if err := s.cutTail(); err != nil {
		return err
	}
	if err := s.loadCursors(infos); err != nil {
		return err
	}
	s.trim()
	return nil
}

// tighten opens a file for writing, which makes its mode 0600.
func (s *Spool) tighten(name string) {
	f, err := s.disk.open(name)
	if err != nil {
		s.log.Error("spool: set mode 0600", "name", name, "error", err)
		return
	}
	f.Close()
}

func (s *Spool) remove(name string) {
	if err := s.disk.remove(name); err != nil {
		s.log.Warn("spool: remove file", "name", name, "error", err)
	}
}

// adopt looks at a segment's header. It reports whether the segment can be read; when not,
// the file is gone from the directory: removed when it is empty, else moved to quarantine.
// until is the first sequence of the segment behind it, 0 when there is none.
func (s *Spool) adopt(seg *segment, until uint64) (bool, error) {
	r, err := openSegment(s.disk, seg.name, s.cfg.Keys)
	if r != nil {
		defer r.close()
	}
	if err == nil && r.head.first == seg.first {
		return true, nil
	}
	g := Gap{Segment: seg.name, Bytes: seg.size, First: seg.first}
	switch {
	case err == nil:
		g.Reason = Foreign
		s.log.Error("spool: segment has another name than it was made with; it goes to quarantine", "segment", seg.name, "made_as", segmentName(r.head.first))
	case errors.Is(err, errBadHeader) && r.empty(seg):
		s.log.Info("spool: remove a segment that a crash left without a header", "segment", seg.name)
		s.remove(seg.name)
		return false, nil
	default:
		if g.Reason = reasonOf(err); g.Reason == Damaged {
			return false, fmt.Errorf("spool: open segment %s: %w", seg.name, err) // not ours to read, too many open files, and the like
		}
		if g.Reason == WrongKey {
			s.log.Error("spool: segment cannot be opened and goes to quarantine. Put its key back as a further line of the key file and start again: its records are then taken in again",
				"segment", seg.name, "error", err)
		}
	}
	if r != nil && g.Reason != Foreign && until == 0 {
		_, until = r.walk(seg)
	}
	if g.Reason != Foreign && until > seg.first {
		g.Records = until - seg.first
		s.next = max(s.next, until)
	}
	s.exile(g)
	return false, nil
}

// empty reports whether a segment holds nothing. One that cannot be read is not known to.
func (r *segmentReader) empty(seg *segment) bool {
	zero, err := r.zeroFrom(0, seg.size)
	return zero && err == nil
}

// walk goes over all whole frames. It returns where the last one ends and the sequence
// behind it.
func (r *segmentReader) walk(seg *segment) (end int64, next uint64) {
	off := int64(framesStart)
	end, next = off, seg.first
	for {
		h, err := r.whole(off, seg.size)
		if err != nil || h.first < next {
			var ok bool
			if off, ok = r.resync(off, seg.size, next); !ok {
				return end, next
			}
			continue
		}
		off += h.size()
		end, next = off, h.end()
	}
}

// cutTail finds where the last segment ends and cuts off what a crash left behind that. A
// segment without any frame is removed, and the one before it is the last.
func (s *Spool) cutTail() error {
	for len(s.segments) > 0 {
		seg := s.segments[len(s.segments)-1]
		left, err := s.cutSegment(seg)
		if left || err != nil {
			return err
		}
		s.segments = s.segments[:len(s.segments)-1]
	}
	return nil
}

// cutSegment reports whether a frame is left; when not, the file is gone. Nothing is cut off or removed
// that the disk does not let us read: it goes to quarantine, or stays where it is with a gap.
func (s *Spool) cutSegment(seg *segment) (bool, error) {
	r, err := openSegment(s.disk, seg.name, s.cfg.Keys)
	if err != nil { // it was readable a moment ago: too many open files, and the like
		if r != nil {
			r.close()
		}
		return false, fmt.Errorf("spool: open segment %s: %w", seg.name, err)
	}
	defer r.close()
	if seg.size < framesStart { // cut below its first frame: there is nothing to save, but it is no crash that did that
		s.exile(Gap{Reason: BadHeader, Segment: seg.name, Bytes: seg.size, First: seg.first})
		return false, nil
	}
	end, next := r.walk(seg)
	s.next = max(s.next, next)
	zero, unread := r.zeroFrom(end, seg.size)
	if end == framesStart {
		switch {
		case unread != nil:
			s.exile(Gap{Reason: Unreadable, Segment: seg.name, Bytes: seg.size, First: seg.first})
			return false, nil
		case !zero:
			s.noteTail(r, seg, end, next)
		}
		s.remove(seg.name)
		return false, nil
	}
	size := end
	if unread != nil {
		s.note(Gap{Reason: Unreadable, Segment: seg.name, Offset: end, Bytes: seg.size - end, First: next}, nil)
		size = seg.size
	} else if !zero {
		s.noteTail(r, seg, end, next)
	}
	seg.end = end
	if err := s.truncate(seg.name, size); err != nil {
		s.log.Warn("spool: cut segment", "segment", seg.name, "error", err)
	} else {
		seg.size = size
	}
	return true, nil
}

func (s *Spool) noteTail(r *segmentReader, seg *segment, end int64, next uint64) {
	s.note(Gap{Reason: Tail, Segment: seg.name, Offset: end, Bytes: r.lastByte(end, seg.size) - end, First: next}, r)
}

// lastByte returns the offset behind the last byte between off and end that is not zero.
func (r *segmentReader) lastByte(off, end int64) int64 {
	last := off
	buf := make([]byte, 64<<10)
	for off < end {
		n := r.readTolerant(buf[:min(int64(len(buf)), end-off)], off)
		if n == 0 {
			break
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] != 0 {
				last = off + int64(i) + 1
				break
			}
		}
		off += int64(n)
	}
	return last
}

// truncate also syncs: what a killed process wrote and did not sync is read from now on, so
// it has to stay.
func (s *Spool) truncate(name string, size int64) error {
	f, err := s.disk.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if now, err := f.size(); err != nil || now != size {
		if err := errors.Join(err, f.truncate(size)); err != nil {
			return err
		}
	}
	return f.sync()
}

// trim deletes the segments that all readers have committed. The cursors that say so are
// durable; a deletion that a power cut undoes is made again at the next start.
func (s *Spool) trim() {
	s.mu.Lock()
	lowest := s.next
	for _, r := range s.readers {
		lowest = min(lowest, r.committed)
	}
	n := 0
	for n < len(s.segments) && !s.segments[n].active && s.endOf(n) <= lowest {
		n++
	}
	gone := slices.Clone(s.segments[:n])
	s.segments = slices.Delete(s.segments, 0, n)
	s.mu.Unlock()
	for _, seg := range gone {
		if err := s.disk.remove(seg.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("spool: delete segment; the next start tries again", "segment", seg.name, "error", err)
		}
	}
	if n > 0 {
		s.measureSpace()
	}
}

// endOf returns the sequence behind segment i. mu is held.
func (s *Spool) endOf(i int) uint64 {
	if i+1 < len(s.segments) {
		return s.segments[i+1].first
	}
	return s.next
}
