package spool

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// Position is a place between records: the sequence of the first record that is not done.
type Position uint64

// Frame is the records of one batch of one partition.
type Frame struct {
	Position      Position // behind the frame: what to commit when it is done
	Topic         string
	Partition     int32
	Count         int
	First         uint64 // sequence of the first record
	Matched       bool   // at least one record matched a rule
	BaseTimestamp int64  // ms since 1970
	MaxTimestamp  int64
	Codec         Codec  // of Records
	Size          int    // of the record set before compression, in bytes
	Records       []byte // Kafka record set; the caller's to keep
}

// Reader reads the spool in order and remembers how far it came. One goroutine calls Next,
// the same or another one Commit.
type Reader struct {
	s      *Spool
	name   string
	filter func(*Frame) bool

	committed uint64  // guarded by Spool.mu
	places    []place // of the delivered frames that are not committed, and the one before; guarded by Spool.mu

	reading sync.Mutex // guards what follows, while Next looks at the disk
	next    uint64     // sequence of the next record
	seg     *segment
	file    *segmentReader
	off     int64  // next frame in file
	at      uint64 // sequence that the frame at off must have
	again   int64  // offset at which the disk gave an error once
	bad     damage
	topic   string // of the frame before, to make the string once

	writing   sync.Mutex // guards what follows
	cursor    cursor
	state     []byte
	delivered uint64        // behind the last frame that Next returned
	passed    uint64        // behind the last frame that was filtered out or is missing
	done      uint64        // committed, or passed with nothing outstanding before it; at times ahead of the cursor file
	reached   atomic.Uint64 // done, for Stats, which must not wait for a cursor that is being written
}

// place is where a delivered frame ends, so that Stats finds the oldest record without a walk.
type place struct {
	end uint64
	seg *segment
	off int64
}

// maxPlaces bounds the places of a reader that commits seldom; Stats walks from the last one.
const maxPlaces = 4096

// damage is a stretch of bytes that is being passed over.
type damage struct {
	reason Reason // empty: none
	off    int64
}

func validReaderName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 32
}

// Reader returns the reader of that name, which Config.Readers must list.
func (s *Spool) Reader(name string) (*Reader, error) {
	r := s.readers[name]
	if r == nil {
		return nil, fmt.Errorf("spool: reader %q is not among the configured %q", name, s.cfg.Readers)
	}
	return r, nil
}

// Filter makes Next pass over the frames that keep refuses, without reading their records.
// It is called before the first Next. Passed frames need no Commit.
func (r *Reader) Filter(keep func(*Frame) bool) { r.filter = keep }

// State returns what the last Commit put beside the position, nil when there was none.
func (r *Reader) State() []byte {
	r.writing.Lock()
	defer r.writing.Unlock()
	return r.state
}

// Committed returns the durable position.
func (r *Reader) Committed() Position {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return Position(r.committed)
}

// Next returns the next durable frame, waiting for one until ctx ends. It returns io.EOF when
// the spool is sealed and all is read. Damage is passed over and reported as a Gap. Any
// other error is the disk's or ErrClosed; after the disk's it may be called again.
func (r *Reader) Next(ctx context.Context) (Frame, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Frame{}, err
		}
		f, state, err := r.step()
		if err != nil || state == stepFrame {
			return f, err
		}
		if state == stepOn {
			continue
		}
		if err := r.s.until(ctx, r.more); err != nil {
			return Frame{}, err
		}
	}
}

// Behind reports whether something is durable that Next has not returned or passed over. It may be called
// from any goroutine.
func (r *Reader) Behind() bool {
	r.reading.Lock()
	next := r.next
	r.reading.Unlock()
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return next < r.s.next && !r.s.closed
}

// more reports whether something is there to read. Spool.mu is held.
func (r *Reader) more() (bool, error) {
	switch s := r.s; {
	case s.closed:
		return false, ErrClosed
	case r.next < s.next:
		return true, nil
	case s.sealed && s.durable+1 == s.ticket && s.open.records == 0:
		return false, io.EOF
	}
	return false, nil
}

type stepResult int

const (
	stepWait  stepResult = iota // all is read
	stepOn                      // something was passed over
	stepFrame                   // a frame is there
)

// view is what a reader has to know of the segment that holds its next record.
type view struct {
	seg   *segment // nil: there is none, and all up to limit is missing
	end   int64
	limit uint64 // sequence behind the segment
}

// look finds the segment of the next record, false when all is read.
func (r *Reader) look() (view, bool, error) {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return view{}, false, ErrClosed
	}
	if r.next >= s.next {
		return view{}, false, nil
	}
	i := sort.Search(len(s.segments), func(i int) bool { return s.segments[i].first > r.next }) - 1
	if i < 0 {
		limit := s.next
		if len(s.segments) > 0 {
			limit = min(limit, s.segments[0].first)
		}
		return view{limit: limit}, true, nil
	}
	seg := s.segments[i]
	return view{seg, seg.end, min(s.endOf(i), s.next)}, true, nil
}

func (r *Reader) step() (Frame, stepResult, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	v, ok, err := r.look()
	if !ok || err != nil {
		return Frame{}, stepWait, err
	}
	if v.seg == nil {
		r.s.note(Gap{Reason: Missing, Segment: segmentName(r.next), First: r.next, Records: v.limit - r.next}, nil)
		r.pass(v.limit)
		return Frame{}, stepOn, nil
	}
	if v.seg != r.seg {
		if err := r.enter(v); err != nil {
			return Frame{}, stepWait, err
		}
		if r.file == nil {
			return Frame{}, stepOn, nil
		}
	}
	return r.frame(v)
}

// enter opens the segment of v. One that cannot be read is passed over as a gap.
func (r *Reader) enter(v view) error {
	r.leave()
	file, err := openSegment(r.s.disk, v.seg.name, r.s.cfg.Keys)
	if err == nil {
		r.seg, r.file, r.off, r.at, r.bad = v.seg, file, framesStart, v.seg.first, damage{}
		r.persistPassed()
		return nil
	}
	if file != nil {
		file.close()
	}
	reason := reasonOf(err)
	if reason == Damaged {
		return fmt.Errorf("spool: open segment %s: %w", v.seg.name, err) // too many open files, and the like
	}
	r.s.note(Gap{Reason: reason, Segment: v.seg.name, First: r.next, Records: v.limit - r.next}, nil)
	r.pass(v.limit)
	return nil
}

func (r *Reader) leave() {
	if r.file != nil {
		r.file.close()
	}
	r.seg, r.file = nil, nil
}

// frame reads the frame at r.off, or passes over what is there instead.
func (r *Reader) frame(v view) (Frame, stepResult, error) {
	h, err := r.file.frameAt(r.off, v.end)
	switch {
	case err != nil:
		return r.skipDamage(v, err)
	case h.first < r.at: // whole, but not the one that belongs here
		r.s.note(Gap{Reason: Replayed, Segment: v.seg.name, Offset: r.off, Bytes: h.size(), First: h.first}, r.file)
		r.off += h.size()
		return Frame{}, stepOn, nil
	case h.end() > v.limit:
		return r.endSegment(v)
	case h.end() <= r.next: // read before the last start
		r.settleDamage(&h)
		r.off, r.at = r.off+h.size(), h.end()
		return Frame{}, stepOn, nil
	}
	f := r.describe(&h)
	if r.filter != nil && !r.filter(&f) {
		r.settleDamage(&h)
		r.off, r.at = r.off+h.size(), h.end()
		r.pass(h.end())
		return Frame{}, stepOn, nil
	}
	if f.Records, err = r.file.open(&h, r.off); err != nil {
		return r.skipDamage(v, err)
	}
	r.settleDamage(&h)
	r.off, r.at, r.next, r.again = r.off+h.size(), h.end(), h.end(), 0
	r.writing.Lock()
	r.delivered = h.end()
	r.writing.Unlock()
	r.s.mu.Lock()
	if len(r.places) < maxPlaces {
		r.places = append(r.places, place{h.end(), v.seg, r.off})
	}
	r.s.mu.Unlock()
	return f, stepFrame, nil
}

func (r *Reader) describe(h *frameHeader) Frame {
	if string(h.topic) != r.topic {
		r.topic = string(h.topic)
	}
	return h.frame(r.topic)
}

func (h *frameHeader) frame(topic string) Frame {
	return Frame{
		Position: Position(h.end()), Topic: topic, Partition: h.partition, Count: int(h.count), First: h.first, Matched: h.matched,
		BaseTimestamp: h.base, MaxTimestamp: h.max, Codec: h.codec, Size: int(h.rawLen),
	}
}

// skipDamage goes to the next whole frame. How many records are lost is known only there.
// An error that has nothing to do with what is on the disk is returned instead.
func (r *Reader) skipDamage(v view, err error) (Frame, stepResult, error) {
	reason := Damaged
	if badMedia(err) {
		if r.again != r.off { // once more, with a descriptor of its own
			r.again = r.off
			r.leave()
			return Frame{}, stepOn, nil
		}
		reason = Unreadable
	} else if !damaged(err) {
		return Frame{}, stepWait, err
	}
	if r.bad.reason == "" {
		r.bad = damage{reason, r.off}
	}
	off, ok := r.file.resync(r.off, v.end, r.at)
	if !ok {
		return r.endSegment(v)
	}
	r.off = off
	return Frame{}, stepOn, nil
}

// settleDamage reports what lies between the last whole frame and h, which is at r.off.
func (r *Reader) settleDamage(h *frameHeader) {
	r.report(h.first, r.off)
}

// report notes the records from r.at up to the sequence until as a gap, as far as they were
// not read before, with the damaged bytes up to off.
func (r *Reader) report(until uint64, off int64) {
	first := max(r.at, r.next)
	g := Gap{Reason: r.bad.reason, Segment: r.seg.name, Offset: r.bad.off, Bytes: off - r.bad.off, First: first}
	if g.Reason == "" || g.Bytes <= 0 {
		g.Reason, g.Offset, g.Bytes = Missing, off, 0
	}
	if until > first {
		g.Records = until - first
		r.s.note(g, r.file)
	}
	r.bad = damage{}
}

// endSegment ends a segment before all its records were found: the rest is a gap.
func (r *Reader) endSegment(v view) (Frame, stepResult, error) {
	r.report(v.limit, max(r.off, r.file.lastByte(r.off, v.end)))
	r.off, r.at = v.end, v.limit
	r.pass(v.limit)
	return Frame{}, stepOn, nil
}

// pass goes on to sequence to. When all frames before were committed, nobody will commit
// these, so the position moves with them.
func (r *Reader) pass(to uint64) {
	r.next = max(r.next, to)
	r.writing.Lock()
	defer r.writing.Unlock()
	r.passed = to
	if r.delivered <= r.done {
		r.done = to
		r.reached.Store(to)
	}
}

// Commit makes pos and state durable together: after a restart Next goes on at pos, and State
// returns state. It is called with the Position of a frame that is done, as all before it.
// After an error the place is what it was, in memory and, but for a write that went through
// unseen, on the disk; Commit may be called again.
func (r *Reader) Commit(pos Position, state []byte) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	switch to := uint64(pos); {
	case to > max(r.delivered, r.passed, r.done):
		return fmt.Errorf("spool: reader %s: commit of position %d, which it has not read yet", r.name, pos)
	case to < uint64(r.Committed()):
		return fmt.Errorf("spool: reader %s: commit of position %d, behind the committed %d", r.name, pos, r.Committed())
	default:
		to = max(to, r.done)
		if to >= r.delivered {
			to = max(to, r.passed) // nothing is outstanding before what was passed over
		}
		return r.persist(to, bytes.Clone(state))
	}
}

// persist writes the cursor. writing is held.
func (r *Reader) persist(to uint64, state []byte) error {
	if err := r.cursor.write(to, state); err != nil {
		r.s.m.cursorErrors.Inc()
		return err
	}
	r.state, r.done = state, to
	r.reached.Store(to)
	r.s.mu.Lock()
	kept := 0 // the last place that is done stays
	for kept+1 < len(r.places) && r.places[kept+1].end <= to {
		kept++
	}
	r.places = slices.Delete(r.places, 0, kept)
	r.committed = to
	r.s.mu.Unlock()
	r.s.trim()
	return nil
}

// persistPassed makes durable how far a reader came that only passes frames over: once a
// segment, so that old ones can be deleted.
func (r *Reader) persistPassed() {
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.done > uint64(r.Committed()) {
		if err := r.persist(r.done, r.state); err != nil {
			r.s.log.Warn("spool: reader's place is not durable yet", "reader", r.name, "error", err)
		}
	}
}

// close gives the files back. Next and Commit fail from then on.
func (r *Reader) close() {
	r.persistPassed()
	r.reading.Lock()
	r.leave()
	r.reading.Unlock()
	r.writing.Lock()
	r.cursor.close()
	r.writing.Unlock()
}
