package spool

import (
	"fmt"
	"io"
	"slices"
)

// readmit takes the records of segments in again that went to quarantine for want of their
// key, now that the key is there. They get new sequences, behind what is spooled already. A
// file is removed once its records are durable; a crash before that takes them in twice.
// It ends when all are taken in or the spool is closed.
func (s *Spool) readmit(files []Gap) {
	defer s.background.Done()
	for _, g := range files {
		records, err := s.readmitFile(g.File)
		if err != nil {
			if !s.closing() {
				s.log.Error("spool: take in a segment from quarantine", "file", g.File, "error", err)
			}
			continue
		}
		s.log.Info("spool: the key is there, took in a segment from quarantine", "file", g.File, "records", records)
		s.remove(g.File)
		s.gaps.forget(g)
		if records < g.Records { // frames in it are damaged
			s.note(Gap{Reason: Damaged, Segment: g.Segment, First: g.First, Records: g.Records - records}, nil)
		}
	}
}

func (s *Spool) readmitFile(name string) (records uint64, err error) {
	r, err := openSegment(s.disk, name, s.cfg.Keys)
	if r != nil {
		defer r.close()
	}
	if err != nil {
		return 0, err
	}
	end, err := r.file.size()
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, io.NewSectionReader(r.file, 0, end)); err != nil {
		return 0, fmt.Errorf("spool: read: %w", err) // now, or each start would take in what lies before
	}
	var ticket Ticket
	for off := int64(framesStart); ; {
		h, err := r.frameAt(off, end)
		var set []byte
		if err == nil {
			set, err = r.open(&h, off)
		}
		if err != nil && !damaged(err) {
			return records, err
		}
		if err != nil {
			var ok bool
			if off, ok = r.resync(off, end, 0); !ok {
				break
			}
			continue
		}
		b := &batch{topic: string(h.topic), partition: h.partition, base: h.base, max: h.max, count: int(h.count), matched: h.matched,
			packed: set, codec: h.codec, rawLen: int(h.rawLen)}
		if ticket, err = s.appendPacked(b); err != nil {
			return records, err
		}
		records += uint64(h.count)
		off += h.size()
	}
	return records, s.Wait(s.life, ticket)
}

// appendPacked appends a batch that is compressed already, once there is room for it.
func (s *Spool) appendPacked(b *batch) (Ticket, error) {
	size := int64(len(b.packed)) + frameRoom
	for {
		if err := s.WaitRoom(s.life, len(b.packed)); err != nil {
			return 0, err
		}
		s.mu.Lock()
		if s.refuses(size) != nil || s.behind(size) {
			changed := s.changed
			s.mu.Unlock()
			select {
			case <-changed:
			case <-s.stop:
				return 0, ErrClosed
			}
			continue
		}
		first := s.open.records == 0
		s.open.addPacked(b, size)
		s.unsynced += size
		s.appended(first)
		ticket := s.ticket
		s.mu.Unlock()
		return ticket, nil
	}
}

// readmissible lists the quarantined segments whose key is known now.
func (s *Spool) readmissible() (files []Gap) {
	for _, g := range s.gaps.known {
		if g.Reason != WrongKey {
			continue
		}
		r, err := openSegment(s.disk, g.File, s.cfg.Keys)
		if err == nil {
			files = append(files, g)
		}
		if r != nil {
			r.close()
		}
	}
	return files
}

// forget drops a gap that is none any more.
func (q *gapQueue) forget(g Gap) {
	q.mu.Lock()
	defer q.mu.Unlock()
	same := func(k Gap) bool { return k.File == g.File }
	q.known = slices.DeleteFunc(q.known, same)
	if i := slices.IndexFunc(q.pending, same); i >= 0 {
		q.pending = slices.Delete(q.pending, i, i+1)
		q.unrecorded.Add(-1)
		if i < q.handed {
			q.handed--
		}
	}
}
