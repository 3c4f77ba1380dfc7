package spool

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// commitLoop is the one goroutine that writes. It ends when the spool is closed. It sleeps
// while nothing is appended: an idle spool has no timer and does no sync.
func (s *Spool) commitLoop(w *writer) {
	defer close(s.ended)
	defer w.close()
	var batches []*batch
	for {
		select {
		case <-s.wake:
			s.gather()
		case <-s.stop:
			s.commit(w, batches[:0])
			return
		}
		batches = s.commit(w, batches[:0])
	}
}

// gather waits for company: until the open group is CommitDelay old, or large enough, or
// somebody is in a hurry.
func (s *Spool) gather() {
	s.mu.Lock()
	wait := s.cfg.CommitDelay - time.Since(s.opened)
	s.mu.Unlock()
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.urgent:
	case <-s.stop:
	}
}

// commit writes and syncs the open group. It does not return before that is done, whatever
// the disk does, unless the spool is closed: then after one attempt.
func (s *Spool) commit(w *writer, batches []*batch) []*batch {
	s.mu.Lock()
	batches, bytes, records := s.open.take(batches)
	ticket := s.ticket
	if records > 0 {
		s.ticket++
	}
	s.mu.Unlock()
	if records == 0 {
		return batches
	}
	pending := batches
	for attempt := 0; ; attempt++ {
		done, err := w.write(pending)
		pending = pending[done:]
		if err == nil {
			break
		}
		s.m.writeErrors.Inc()
		if s.closing() && attempt > 0 {
			s.giveUp(pending, err)
			w.seq = s.next
			return batches
		}
		if attempt > 0 { // the first error is answered by a fresh segment, unseen by the senders
			s.refuseFor(err)
			s.pause(attempt)
		}
		w.seq = s.next // only this goroutine writes s.next
	}
	s.mu.Lock()
	if s.failed == nil {
		s.durable = ticket // else it would speak for the group that was given up, too
	}
	s.unsynced -= bytes
	s.slow = nil
	again := !s.sealed && s.refusal != nil
	if again {
		s.refusal = nil
	}
	s.open.recycle(batches)
	s.mu.Unlock()
	s.measureSpace() // wakes those that wait
	if again {
		s.log.Info("spool: writing again")
	}
	s.m.records.Add(float64(records))
	return batches
}

func (s *Spool) closing() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// giveUp ends the attempts to write at Close. Nobody was told that these records are durable.
func (s *Spool) giveUp(pending []*batch, err error) {
	lost := 0
	for _, b := range pending {
		lost += b.count
	}
	s.mu.Lock()
	s.failed = fmt.Errorf("spool: closed with %d records that could not be written: %w", lost, err)
	s.broadcast()
	s.mu.Unlock()
}

// refuseFor makes Append refuse while the disk does not take what is appended already.
func (s *Spool) refuseFor(err error) {
	kind := ErrDisk
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, ErrFull) {
		kind = ErrFull
	}
	s.mu.Lock()
	first := s.refusal == nil // a sealed spool refuses already
	if !s.sealed {
		s.refusal = fmt.Errorf("%w: %w", kind, err)
		s.broadcast()
	}
	s.mu.Unlock()
	if first { // not under mu: the log may be a pipe that nobody reads
		s.log.Error("spool: cannot write, records are refused until it can", "error", err)
	}
}

// pause waits before the next attempt: until a segment was deleted, or 10 ms to 1 s.
func (s *Spool) pause(attempt int) {
	s.mu.Lock()
	changed := s.changed
	s.mu.Unlock()
	timer := time.NewTimer(min(time.Second, 10*time.Millisecond<<min(attempt, 8)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-s.stop:
	}
}

// writer is the active segment. It belongs to the committer's goroutine.
type writer struct {
	s    *Spool
	comp *compressor
	seq  uint64 // of the next frame; ahead of s.next while frames are staged

	file  file // nil: none is active
	seg   *segment
	aead  cipher.AEAD
	keyID uint32
	off   int64  // where the next frame goes
	out   []byte // staged frames; they end at off
}

// write stages the batches' frames and syncs them. It returns how many batches are durable.
// After an error there is no active segment: what a failed write or sync left in it is
// unknown, and a second sync on the same descriptor may report success for pages that
// the kernel dropped. The next attempt begins a new segment with the same sequences; those
// that the old one has beyond the new one's name do not count.
func (w *writer) write(batches []*batch) (done int, err error) {
	for i, b := range batches {
		records, codec, rawLen := b.set(w.comp)
		size := int64(frameFixed + len(b.topic) + len(records) + tagSize)
		if w.file != nil && w.off+size > w.seg.size {
			if err := w.flush(); err != nil {
				return done, err
			}
			done = i
			w.seal()
		}
		if w.file == nil {
			if err := w.begin(size); err != nil {
				return done, err
			}
		}
		w.out = appendFrame(w.out, w.aead, w.keyID, w.off, w.seq, b, codec, rawLen, records)
		w.off += size
		w.seq += uint64(b.count)
	}
	if err := w.flush(); err != nil {
		return done, err
	}
	return len(batches), nil
}

// flush writes and syncs what is staged. Readers may have it from then on; commit wakes them.
func (w *writer) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	start := time.Now()
	err := writeAll(w.file, w.out, w.off-int64(len(w.out)))
	if err == nil {
		err = w.file.sync()
	}
	if err != nil {
		w.abandon()
		return fmt.Errorf("spool: write segment %s: %w", w.seg.name, err)
	}
	w.s.m.syncSeconds.Observe(time.Since(start).Seconds())
	w.s.m.bytes.Add(float64(len(w.out)))
	w.out = w.out[:0]
	w.s.mu.Lock()
	w.seg.end = w.off
	w.s.next = w.seq
	w.s.mu.Unlock()
	return nil
}

// begin makes the next segment, with room for a frame of need bytes. A crash in here leaves a
// file without frames, which the next start removes.
func (w *writer) begin(need int64) error {
	s := w.s
	size, err := s.segmentSize(need)
	if err != nil {
		return err
	}
	key := s.cfg.Keys.current()
	head := segmentHeader{keyID: key.id, first: w.seq, created: time.Now().UnixNano()}
	rand.Read(head.salt[:])
	block := head.encode()
	aead, err := key.segmentAEAD(&head)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	name := segmentName(w.seq)
	s.dropEmpty(name)
	f, err := s.disk.create(name)
	if errors.Is(err, fs.ErrExist) { // a file of ours that could not be removed or moved before
		s.exile(Gap{Reason: Foreign, Segment: name, First: w.seq})
		f, err = s.disk.create(name)
	}
	if err != nil {
		return fmt.Errorf("spool: make segment: %w", err)
	}
	err = f.allocate(size)
	if err == nil {
		err = writeAll(f, block, 0)
	}
	if err == nil {
		err = f.sync()
	}
	if err == nil {
		err = s.disk.syncDir(".")
	}
	if err != nil {
		f.Close()
		s.disk.remove(name)
		return fmt.Errorf("spool: make segment %s of %d bytes: %w", name, size, err)
	}
	w.file, w.aead, w.keyID, w.off = f, aead, key.id, framesStart
	w.seg = &segment{name: name, first: w.seq, end: framesStart, size: size, active: true}
	s.mu.Lock()
	s.segments = append(s.segments, w.seg)
	s.mu.Unlock()
	return nil
}

// dropEmpty removes a segment of the same first sequence: an abandoned one that never got a
// durable frame. Any other of that name is left for begin to exile.
func (s *Spool) dropEmpty(name string) {
	s.mu.Lock()
	n := len(s.segments)
	same := n > 0 && s.segments[n-1].name == name && s.segments[n-1].end == framesStart
	if same {
		s.segments = s.segments[:n-1]
	}
	s.mu.Unlock()
	if same {
		if err := s.disk.remove(name); err != nil {
			s.log.Warn("spool: remove abandoned segment", "segment", name, "error", err)
		}
	}
}

// seal ends the active segment, all of whose frames are durable, and gives the rest of its
// blocks back. An error there costs disk space only.
func (w *writer) seal() {
	if err := w.file.truncate(w.off); err != nil {
		w.s.log.Warn("spool: give back the rest of a segment", "segment", w.seg.name, "error", err)
	} else {
		w.s.mu.Lock()
		w.seg.size = w.off
		w.s.mu.Unlock()
	}
	w.leave()
}

// abandon ends the active segment after an error, at its last durable frame. Its other blocks
// are given back, by another descriptor and without a sync: should they come back with a
// power cut, they lie beyond the next segment's name.
func (w *writer) abandon() {
	w.leave()
	if err := w.giveBack(); err != nil {
		w.s.log.Warn("spool: give back the rest of an abandoned segment", "segment", w.seg.name, "error", err)
	}
}

func (w *writer) giveBack() error {
	if w.seg.end == framesStart {
		return nil // the next one has its name; dropEmpty removes it
	}
	f, err := w.s.disk.open(w.seg.name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.truncate(w.seg.end); err != nil {
		return err
	}
	w.s.mu.Lock()
	w.seg.size = w.seg.end
	w.s.mu.Unlock()
	return nil
}

func (w *writer) leave() {
	w.file.Close() // what matters is synced
	w.s.mu.Lock()
	w.seg.active = false
	w.s.mu.Unlock()
	w.file, w.aead, w.out = nil, nil, w.out[:0]
}

// close ends the writer. A segment that holds no frame leaves nothing behind.
func (w *writer) close() {
	if w.file == nil {
		return
	}
	empty := w.off == framesStart
	w.seal()
	if empty {
		w.s.dropEmpty(w.seg.name)
	}
}
