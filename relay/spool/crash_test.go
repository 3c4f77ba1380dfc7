package spool

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// life is what a test knows about the records it appended: record n goes to partition n%3.
type life struct {
	appended int                // records 0 to appended-1
	acked    []bool             // which of them are durable
	pending  []int              // appended to the open spool and not acknowledged yet
	place    map[string]uint64  // committed position by reader
	seen     map[string][]bool  // records that a reader committed, by number
	tried    map[string][]Frame // delivered, and the commit failed or was cut short: it may be done or not
}

func newLife() *life {
	return &life{place: map[string]uint64{}, seen: map[string][]bool{}, tried: map[string][]Frame{}}
}

var crashReaders = []string{"publisher", "alerting"}

func crashConfig(t *testing.T, d disk) Config {
	return Config{disk: d, Keys: testKeys(t), Readers: crashReaders, SegmentSize: 1, BatchBytes: 8 << 10, CommitDelay: time.Hour}
}

// append appends n records and waits for them.
func (l *life) append(t *testing.T, s *Spool, n int) {
	var ticket Ticket
	for range n {
		tk, err := s.Append("logs", int32(l.appended%3), record(l.appended))
		if err != nil {
			break
		}
		ticket = tk
		l.note()
	}
	l.wait(t, s, ticket)
}

// note says that the next record was appended.
func (l *life) note() {
	l.pending = append(l.pending, l.appended)
	l.acked = append(l.acked, false)
	l.appended++
}

// acknowledge says that all that was appended is durable.
func (l *life) acknowledge() {
	for _, n := range l.pending {
		l.acked[n] = true
	}
	l.pending = l.pending[:0]
}

func (l *life) wait(t *testing.T, s *Spool, ticket Ticket) {
	ctx, cancel := withTimeout(t, time.Second)
	defer cancel()
	if s.Flush(ctx) == nil && s.Wait(ctx, ticket) == nil {
		l.acknowledge()
	}
}

// read lets a reader take up to n frames and commit each.
func (l *life) read(t *testing.T, s *Spool, name string, n int) {
	r := reader(t, s, name)
	for range n {
		if s.disk.(*liar).off() != nil {
			return // a dead process commits nothing more
		}
		f, res, err := r.step()
		for res == stepOn && err == nil {
			f, res, err = r.step()
		}
		if err != nil || res == stepWait {
			return
		}
		l.tried[name] = append(l.tried[name], f)
		if r.Commit(f.Position, fmt.Append(nil, f.Position)) != nil {
			return
		}
		l.settle(t, name, f.Position)
	}
}

// settle says that a reader has durably committed at.
func (l *life) settle(t *testing.T, name string, at Position) {
	l.place[name] = max(l.place[name], uint64(at))
	for _, f := range l.tried[name] {
		if f.Position <= at {
			l.mark(t, name, f)
		}
	}
	l.tried[name] = slices.DeleteFunc(l.tried[name], func(f Frame) bool { return f.Position <= at })
}

func (l *life) mark(t *testing.T, name string, f Frame) {
	for _, n := range numbers(t, f) {
		for len(l.seen[name]) <= n {
			l.seen[name] = append(l.seen[name], false)
		}
		l.seen[name][n] = true
	}
}

// numbers says which records are in f, and that they are where they belong.
func numbers(t *testing.T, f Frame) (ns []int) {
	t.Helper()
	recs, err := f.Decode()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		n, err := strconv.Atoi(string(rec.Key))
		if err != nil || int32(n%3) != f.Partition || f.Topic != "logs" {
			t.Fatalf("record %q in partition %d of %q", rec.Key, f.Partition, f.Topic)
		}
		ns = append(ns, n)
	}
	return ns
}

// check reads all that a reader has before it. What was acknowledged is there, unless the
// reader had committed it; in each partition the order is that of appending; nothing is
// there that was never appended.
func (l *life) check(t *testing.T, s *Spool, name string) {
	t.Helper()
	r := reader(t, s, name)
	if got := uint64(r.Committed()); got < l.place[name] {
		t.Errorf("%s is at %d, it had committed %d", name, got, l.place[name])
	}
	if p := r.Committed(); p > 1 && string(r.State()) != fmt.Sprint(p) {
		t.Errorf("%s at %d has the state %q", name, p, r.State())
	}
	l.settle(t, name, r.Committed())
	last := [3]int{-1, -1, -1}
	got := map[int]bool{}
	for {
		f, ok := tryNext(t, r)
		if !ok {
			break
		}
		for _, n := range numbers(t, f) {
			if n <= last[n%3] || n >= l.appended {
				t.Fatalf("%s: record %d after %d, %d were appended", name, n, last[n%3], l.appended)
			}
			last[n%3] = n
			got[n] = true
		}
	}
	for n, acked := range l.acked {
		if acked && !got[n] && (n >= len(l.seen[name]) || !l.seen[name][n]) {
			t.Errorf("%s: record %d was acknowledged and is lost", name, n)
			return
		}
	}
}

// live is a life that passes every kind of file call: several partitions and segments, two
// readers, deletion, an orderly stop and a second start. It ends early when the disk dies.
func (l *life) live(t *testing.T, d *liar) {
	for range 2 {
		s, err := Open(crashConfig(t, d))
		if err != nil {
			return
		}
		for range 4 {
			l.append(t, s, 60)
			for i, name := range crashReaders {
				l.read(t, s, name, 4+2*i)
			}
		}
		if s.Close() != nil {
			return
		}
	}
}

// TestACrashAtAnyFileCallLosesNothingAcknowledged kills the process, or cuts the power, at each
// file call of a life: before it is done and when it is half done.
func TestACrashAtAnyFileCallLosesNothingAcknowledged(t *testing.T) {
	dry := newLiar(0)
	synctest.Test(t, func(t *testing.T) {
		l := newLife()
		l.live(t, dry)
		if l.appended != 480 || len(l.pending) > 0 {
			t.Fatalf("%d records appended, %d not acknowledged; want 480 and 0", l.appended, len(l.pending))
		}
	})
	if dry.ops < 100 {
		t.Fatalf("only %d file calls: the life does not pass what it should", dry.ops)
	}
	for at := 1; at <= dry.ops; at++ {
		for mode := range 4 {
			half, cut := mode&1 == 1, mode&2 == 2
			synctest.Test(t, func(t *testing.T) {
				d, l := newLiar(uint64(at)), newLife()
				d.crashIn(at, half)
				l.live(t, d)
				dead := d.off()
				d = d.reboot(cut)
				s, err := Open(crashConfig(t, d))
				if err != nil {
					t.Fatalf("%v: does not start: %v", dead, err)
				}
				defer s.Close()
				was := l.appended
				l.pending = nil
				l.append(t, s, 30)
				if l.appended != was+30 || len(l.pending) > 0 {
					t.Errorf("does not take new records")
				}
				for _, name := range crashReaders {
					l.check(t, s, name)
				}
				if t.Failed() {
					t.Logf("crash point %d: %v (half done %v, power cut %v)", at, dead, half, cut)
				}
			})
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d crash points, each in four ways", dry.ops)
}
