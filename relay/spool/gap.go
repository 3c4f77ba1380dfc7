package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Reason says why records cannot be read. It is from a closed set.
type Reason string

// Reasons.
const (
	Damaged    Reason = "damaged"    // a frame's sum or seal is wrong
	Unreadable Reason = "unreadable" // the disk returns an error
	Replayed   Reason = "replayed"   // a whole frame that does not belong here; nothing is missing
	Missing    Reason = "missing"    // nothing is there where records should be
	Tail       Reason = "tail"       // the end of the last segment was cut off: written at a crash and never acknowledged, or damaged since
	WrongKey   Reason = "key"        // written with a key that we have not
	NewFormat  Reason = "version"    // written by a newer destring
	BadHeader  Reason = "header"     // both copies of the segment header are damaged
	Foreign    Reason = "foreign"    // a name of ours on what is not our file: a symbolic link, a renamed segment
	NoCursor   Reason = "cursor"     // a reader's place is lost: it begins at the oldest record
)

// Gap is a hole in the stream, or something odd on the disk that made none. It stays in the
// quarantine folder as a file and is handed out again at each start until Recorded.
type Gap struct {
	Reason        Reason
	Segment       string // name of the file it was in
	Offset, Bytes int64  // where in it
	First         uint64 // first missing sequence
	Records       uint64 // how many are missing; 0 when it is none or not known
	File          string // what is kept of it, below the spool's directory
}

const (
	quarantine = "quarantine"
	suffixNew  = ".new" // not recorded yet
	suffixBad  = ".bad" // recorded
	maxGaps    = 1024   // further ones are added to the last

	quarantineBytes = 64 << 20 // of copied frames; whole segments are moved, not copied
)

// String tells a person what happened.
func (g Gap) String() string {
	return fmt.Sprintf("%s: %d records from sequence %d, segment %s, %d bytes at %d", g.Reason, g.Records, g.First, g.Segment, g.Bytes, g.Offset)
}

// fileName carries all of g, so that no second file is needed to know it again.
func (g Gap) fileName() string {
	return fmt.Sprintf("%s/%s@%d+%d.%d+%d.%s%s", quarantine, strings.TrimSuffix(g.Segment, segmentSuffix), g.Offset, g.Bytes, g.First, g.Records, g.Reason, suffixNew)
}

func parseGapName(name string) (g Gap, recorded, ok bool) {
	var rest string
	base, recorded := strings.CutSuffix(name, suffixBad)
	if !recorded {
		if base, ok = strings.CutSuffix(name, suffixNew); !ok {
			return g, false, false
		}
	}
	g.Segment, rest, ok = strings.Cut(base, "@")
	if !ok {
		return g, false, false
	}
	var reason string
	if n, err := fmt.Sscanf(rest, "%d+%d.%d+%d.%s", &g.Offset, &g.Bytes, &g.First, &g.Records, &reason); n != 5 || err != nil {
		return g, false, false
	}
	if _, isSegment := parseSegmentName(g.Segment + segmentSuffix); isSegment {
		g.Segment += segmentSuffix
	}
	g.Reason, g.File = Reason(reason), quarantine+"/"+name
	return g, recorded, true
}

type gapQueue struct {
	mu      sync.Mutex
	known   []Gap // all that have a file, so that each is reported once
	pending []Gap // not recorded yet
	handed  int   // how many of pending NextGap has given out
	bytes   int64 // of copied frames in quarantine
	arrived chan struct{}

	unrecorded atomic.Int64 // len(pending), for those who must not wait for mu, which is held over file calls
}

func (q *gapQueue) init() { q.arrived = make(chan struct{}) }

func (q *gapQueue) covers(g Gap) bool {
	return slices.ContainsFunc(q.known, func(k Gap) bool {
		if g.Records == 0 {
			return k.Segment == g.Segment && k.Offset == g.Offset && k.Reason == g.Reason
		}
		return k.First <= g.First && g.First+g.Records <= k.First+k.Records
	})
}

func (q *gapQueue) add(g Gap) {
	q.known = append(q.known, g)
	q.pending = append(q.pending, g)
	q.unrecorded.Add(1)
	close(q.arrived)
	q.arrived = make(chan struct{})
}

// NextGap waits for the next gap that has to be put on record. After that is done the caller
// calls Recorded; a gap that was not is handed out again at the next start.
func (s *Spool) NextGap(ctx context.Context) (Gap, error) {
	q := &s.gaps
	for {
		q.mu.Lock()
		if q.handed < len(q.pending) {
			g := q.pending[q.handed]
			q.handed++
			q.mu.Unlock()
			return g, nil
		}
		arrived := q.arrived
		q.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return Gap{}, ctx.Err()
		}
	}
}

// Recorded says that g is on record for good.
func (s *Spool) Recorded(g Gap) error {
	q := &s.gaps
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.pending, func(p Gap) bool { return p.File == g.File })
	if i < 0 {
		return nil
	}
	q.pending = slices.Delete(q.pending, i, i+1)
	q.unrecorded.Add(-1)
	if i < q.handed {
		q.handed--
	}
	err := s.disk.rename(g.File, strings.TrimSuffix(g.File, suffixNew)+suffixBad)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool: record gap: %w", err)
	}
	return nil
}

// note reports g once, with a copy of its bytes from r when there are some. What fails here
// is logged: damage must not keep the rest from being read.
func (s *Spool) note(g Gap, r *segmentReader) {
	q := &s.gaps
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.covers(g) {
		return
	}
	s.m.gaps.WithLabelValues(string(g.Reason)).Inc()
	s.m.gapRecords.Add(float64(g.Records))
	if n := len(q.known); n >= maxGaps {
		q.known[n-1].Records += g.Records
		return
	}
	g.File = g.fileName()
	if err := s.keep(g, r); err != nil {
		s.log.Error("spool: keep a copy in quarantine", "gap", g.String(), "error", err)
	}
	s.log.Error("spool: damage", "gap", g.String(), "file", g.File)
	q.add(g)
}

// keep writes the quarantine file of g: the segment's header, so that the frames can still
// be opened, and the bytes. gaps.mu is held.
func (s *Spool) keep(g Gap, r *segmentReader) error {
	f, err := s.disk.create(g.File)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if free, floor := s.diskSpace(); r != nil && g.Bytes > 0 && s.gaps.bytes+g.Bytes <= min(quarantineBytes, s.cfg.MaxSize/8) && free-floor > 2*g.Bytes {
		s.gaps.bytes += g.Bytes
		if err := copyBytes(f, r, g.Offset, g.Bytes); err != nil {
			return err
		}
	}
	if err := f.sync(); err != nil {
		return err
	}
	return s.disk.syncDir(quarantine)
}

func copyBytes(f io.WriterAt, r *segmentReader, off, n int64) error {
	buf := make([]byte, 256<<10)
	if err := writeAll(f, r.head.raw[:], 0); err != nil {
		return err
	}
	for at := int64(0); at < n; {
		part := buf[:min(int64(len(buf)), n-at)]
		got := r.readTolerant(part, off+at)
		if got == 0 {
			return nil
		}
		if err := writeAll(f, part[:got], framesStart+at); err != nil {
			return err
		}
		at += int64(got)
	}
	return nil
}

// exile moves a whole file into quarantine.
func (s *Spool) exile(g Gap) {
	q := &s.gaps
	q.mu.Lock()
	defer q.mu.Unlock()
	g.File = g.fileName()
	if err := errors.Join(s.disk.rename(g.Segment, g.File), s.disk.syncDir(quarantine), s.disk.syncDir(".")); err != nil {
		s.log.Error("spool: move a file to quarantine", "file", g.Segment, "error", err)
	}
	s.m.gaps.WithLabelValues(string(g.Reason)).Inc()
	s.m.gapRecords.Add(float64(g.Records))
	q.add(g)
}

// keptGaps is how many recorded gaps of segments that are gone keep their copies.
const keptGaps = 256

// loadGaps reads the quarantine folder, making it when it is not there. Of what is on record and
// belongs to no segment any more it keeps the newest copies; whole segments it always keeps.
func (s *Spool) loadGaps(live func(segment string) bool) error {
	if err := s.disk.mkdir(quarantine); err != nil {
		return fmt.Errorf("spool: make %s: %w", quarantine, err)
	}
	infos, err := s.disk.list(quarantine)
	if err != nil {
		return fmt.Errorf("spool: read %s: %w", quarantine, err)
	}
	old := 0
	for _, info := range slices.Backward(infos) {
		g, recorded, ok := parseGapName(info.Name())
		if !ok {
			continue
		}
		if recorded && !g.whole() && !live(g.Segment) {
			if old++; old > keptGaps {
				s.remove(g.File)
				continue
			}
		}
		s.gaps.known = append(s.gaps.known, g)
		s.gaps.bytes += info.Size()
		if !recorded {
			s.gaps.pending = append(s.gaps.pending, g)
			s.gaps.unrecorded.Add(1)
		}
	}
	slices.Reverse(s.gaps.pending) // oldest first
	return nil
}

// whole reports whether the file of g is one that was moved, not a copy.
func (g Gap) whole() bool {
	switch g.Reason {
	case WrongKey, NewFormat, BadHeader, Foreign, NoCursor:
		return true
	case Unreadable:
		return g.Offset == 0 && g.Bytes > 0 // else it is of a frame
	}
	return false
}
