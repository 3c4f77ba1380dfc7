package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"
)

// SegmentInfo is what a segment's header and its file say.
type SegmentInfo struct {
	Name    string
	First   uint64 // sequence of its first record
	Size    int64  // bytes of the file, reserved ones included
	KeyID   string
	Created time.Time
	Err     error // why it cannot be read, nil when it can
}

// CursorInfo is a reader's place.
type CursorInfo struct {
	Reader   string
	Position Position
	State    int   // bytes of state
	Err      error // why position or state cannot be read
}

// Listing is what lies in a spool's directory.
type Listing struct {
	Segments []SegmentInfo
	Cursors  []CursorInfo
	Gaps     []Gap // what is in quarantine
	Recorded []bool
}

// List looks into the spool in dir without changing anything, also beside a running relay.
// Without its key a segment or a state has an Err and shows the rest.
func List(dir string, keys Keyring) (Listing, error) {
	var l Listing
	err := readOnly(dir, func(d disk) error {
		segs, err := listSegments(d)
		if err != nil {
			return err
		}
		for _, seg := range segs {
			l.Segments = append(l.Segments, segmentInfo(d, seg, keys))
		}
		if l.Cursors, err = listCursors(d, keys); err != nil {
			return err
		}
		infos, err := d.list(quarantine)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, info := range infos {
			if g, recorded, ok := parseGapName(info.Name()); ok {
				l.Gaps, l.Recorded = append(l.Gaps, g), append(l.Recorded, recorded)
			}
		}
		return nil
	})
	return l, err
}

func readOnly(dir string, look func(disk) error) error {
	d, err := openDiskReadOnly(dir)
	if err != nil {
		return err
	}
	defer d.close()
	if err := look(d); err != nil {
		return fmt.Errorf("spool: read %s: %w", dir, err)
	}
	return nil
}

func listSegments(d disk) ([]*segment, error) {
	infos, err := d.list(".")
	if err != nil {
		return nil, err
	}
	var segs []*segment
	for _, info := range infos {
		if first, ok := parseSegmentName(info.Name()); ok {
			segs = append(segs, &segment{name: info.Name(), first: first, end: info.Size(), size: info.Size()})
		}
	}
	return segs, nil
}

func segmentInfo(d disk, seg *segment, keys Keyring) SegmentInfo {
	info := SegmentInfo{Name: seg.name, First: seg.first, Size: seg.size}
	r, err := openSegment(d, seg.name, keys)
	info.Err = err
	if r != nil {
		defer r.close()
		if err == nil || errors.Is(err, errKey) {
			info.KeyID, info.Created = keyName(r.head.keyID), time.Unix(0, r.head.created)
		}
	}
	return info
}

func listCursors(d disk, keys Keyring) (cursors []CursorInfo, err error) {
	infos, err := d.list(".")
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		name, ok := strings.CutSuffix(info.Name(), cursorSuffix)
		if !ok {
			continue
		}
		c := CursorInfo{Reader: name}
		f, err := d.openRead(info.Name())
		if err != nil {
			c.Err = err
		} else {
			best, whole := readCursor(f, keys)
			f.Close()
			c.Position, c.State, c.Err = Position(best.position), len(best.state), best.sealed
			if !whole {
				c.Err = errors.New("both slots are damaged")
			}
		}
		cursors = append(cursors, c)
	}
	return cursors, nil
}

// Report is what Verify and Cat found.
type Report struct {
	Segments, Frames int
	Records, Matched uint64 // Matched: records of frames in which one matched
	Bytes            int64  // of frames
	Oldest, Newest   time.Time
	Gaps             []Gap // holes and oddities; File is empty
}

// Damage reports whether anything is wrong. The unfinished end of the last segment is not: a
// running relay is writing there, and the next start cuts it off.
func (r *Report) Damage() bool {
	return slices.ContainsFunc(r.Gaps, func(g Gap) bool { return g.Reason != Tail })
}

// Verify reads every frame of the spool in dir, checks its sums and its seal, and changes
// nothing. segment restricts it to one file; empty means all.
func Verify(dir, segment string, keys Keyring) (Report, error) { return Cat(dir, segment, keys, nil) }

// Cat calls show with every frame of the spool in dir, in order, as Verify checks them. The
// error of show ends it.
func Cat(dir, segment string, keys Keyring, show func(Frame) error) (Report, error) {
	var report Report
	err := readOnly(dir, func(d disk) error {
		segs, err := listSegments(d)
		if err != nil {
			return err
		}
		found := segment == ""
		for i, seg := range segs {
			limit := uint64(math.MaxUint64)
			if i+1 < len(segs) {
				limit = segs[i+1].first
			}
			if segment != "" && seg.name != segment {
				continue
			}
			found = true
			c := checker{report: &report, show: show, seg: seg, limit: limit, last: i+1 == len(segs)}
			if err := c.segment(d, keys); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("no segment %s", segment)
		}
		return nil
	})
	return report, err
}

// checker reads one segment through.
type checker struct {
	report *Report
	show   func(Frame) error
	seg    *segment
	limit  uint64 // sequence behind the segment
	last   bool

	off    int64
	expect uint64
	bad    damage
}

func (c *checker) segment(d disk, keys Keyring) error {
	c.report.Segments++
	r, err := openSegment(d, c.seg.name, keys)
	if r != nil {
		defer r.close()
	}
	c.off, c.expect = framesStart, c.seg.first
	if err != nil {
		c.unopened(r, err)
		return nil
	}
	switch {
	case r.head.first != c.seg.first:
		c.gap(Gap{Reason: Foreign, First: c.seg.first, Bytes: c.seg.size})
		return nil
	case c.seg.size < framesStart:
		c.gap(Gap{Reason: BadHeader, First: c.seg.first, Bytes: c.seg.size})
		return nil
	}
	for c.expect < c.limit {
		h, err := r.frameAt(c.off, c.seg.size)
		var records []byte
		if err == nil {
			records, err = r.open(&h, c.off)
		}
		if err != nil {
			if !c.resync(r, err) {
				break
			}
			continue
		}
		if h.end() > c.limit {
			break
		}
		if err := c.frame(&h, records); err != nil {
			return err
		}
	}
	c.end(r)
	return nil
}

func (c *checker) gap(g Gap) {
	g.Segment = c.seg.name
	c.report.Gaps = append(c.report.Gaps, g)
}

// unopened reports a segment whose frames cannot be opened, with as many records as are known.
func (c *checker) unopened(r *segmentReader, err error) {
	g := Gap{Reason: reasonOf(err), First: c.seg.first, Bytes: c.seg.size}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.report.Segments-- // the relay has deleted it meanwhile
		return
	case !c.last:
		g.Records = c.limit - c.seg.first
	case r != nil:
		_, next := r.walk(c.seg)
		g.Records = next - c.seg.first
	}
	c.gap(g)
}

func (c *checker) frame(h *frameHeader, records []byte) error {
	if h.first < c.expect {
		c.gap(Gap{Reason: Replayed, Offset: c.off, Bytes: h.size(), First: h.first})
		c.off += h.size()
		return nil
	}
	c.settle(h.first)
	f := h.frame(string(bytes.Clone(h.topic)))
	f.Records = records
	c.off, c.expect = c.off+h.size(), h.end()
	c.report.add(&f, h.size())
	if c.show == nil {
		_, err := f.Decode()
		if err != nil {
			c.gap(Gap{Reason: Damaged, Offset: c.off - h.size(), Bytes: h.size(), First: h.first, Records: uint64(h.count)})
		}
		return nil
	}
	return c.show(f)
}

func (r *Report) add(f *Frame, size int64) {
	r.Frames++
	r.Bytes += size
	r.Records += uint64(f.Count)
	if f.Matched {
		r.Matched += uint64(f.Count)
	}
	if t := time.UnixMilli(f.BaseTimestamp); r.Oldest.IsZero() || t.Before(r.Oldest) {
		r.Oldest = t
	}
	if t := time.UnixMilli(f.MaxTimestamp); t.After(r.Newest) {
		r.Newest = t
	}
}

// settle reports the damage before the frame that begins at sequence first.
func (c *checker) settle(first uint64) {
	if c.bad.reason == "" && first > c.expect {
		c.bad = damage{Missing, c.off}
	}
	if c.bad.reason != "" {
		c.gap(Gap{Reason: c.bad.reason, Offset: c.bad.off, Bytes: c.off - c.bad.off, First: c.expect, Records: first - c.expect})
	}
	c.bad = damage{}
}

func (c *checker) resync(r *segmentReader, err error) bool {
	if c.bad.reason == "" {
		c.bad = damage{reasonOf(err), c.off}
	}
	off, ok := r.resync(c.off, c.seg.size, c.expect)
	if ok {
		c.off = off
	}
	return ok
}

// end looks at what lies behind the last frame.
func (c *checker) end(r *segmentReader) {
	if c.expect >= c.limit {
		return // what follows is superseded by the next segment
	}
	tail := r.lastByte(c.off, c.seg.size)
	if c.last {
		if tail > c.off {
			c.gap(Gap{Reason: Tail, Offset: c.off, Bytes: tail - c.off, First: c.expect})
		}
		return
	}
	if c.off >= tail {
		c.bad = damage{} // nothing is there
	}
	c.off = tail
	c.settle(c.limit)
}

// reasonOf names the error of opening a segment or reading a frame.
func reasonOf(err error) Reason {
	switch {
	case badMedia(err):
		return Unreadable
	case errors.Is(err, errKey):
		return WrongKey
	case errors.Is(err, errVersion):
		return NewFormat
	case errors.Is(err, errBadHeader):
		return BadHeader
	case errors.Is(err, errNotRegular):
		return Foreign
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	}
	return Damaged
}
