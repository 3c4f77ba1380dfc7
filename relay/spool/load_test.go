package spool

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"destring/rules"
)

// TestManySendersAndReadersAtOnce lets 8 connections append, each to a partition of its own, while
// two readers follow, one of them only the frames of two partitions.
func TestManySendersAndReadersAtOnce(t *testing.T) {
	const senders, each = 8, 500
	s := openSpool(t, Config{Dir: t.TempDir(), Readers: []string{"all", "some"}, SegmentSize: minSegment, BatchBytes: 8 << 10, Codec: LZ4})
	var wg sync.WaitGroup
	for p := range senders {
		wg.Go(func() {
			for i := range each {
				ticket, err := s.Append("logs", int32(p), record(p*each+i))
				if err == nil && i%100 == 99 {
					err = s.Wait(t.Context(), ticket)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, c := range []struct {
		name       string
		partitions int
	}{{"all", senders}, {"some", 2}} {
		r := reader(t, s, c.name)
		if c.partitions < senders {
			r.Filter(func(f *Frame) bool { return f.Partition < int32(c.partitions) })
		}
		wg.Go(func() {
			var next [senders]int
			for range c.partitions * each {
				if sum(next[:]) == c.partitions*each {
					return
				}
				f, err := r.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				recs, err := f.Decode()
				if err != nil {
					t.Error(err)
					return
				}
				for _, rec := range recs {
					if want := fmt.Sprint(int(f.Partition)*each + next[f.Partition]); string(rec.Key) != want {
						t.Errorf("%s: record %s, want %s", c.name, rec.Key, want)
						return
					}
					next[f.Partition]++
				}
				if err := r.Commit(f.Position, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func sum(ns []int) (total int) {
	for _, n := range ns {
		total += n
	}
	return total
}

// TestASmallDiskFillsUpToItsFloorAndDrains is a 24 MiB tmpfs with a reader that stands still, then
// goes on, three times over.
func TestASmallDiskFillsUpToItsFloorAndDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		d.capacity = 24 << 20
		s := openSpool(t, Config{disk: d})
		defer s.Close()
		r := reader(t, s, "publisher")
		n, read := 0, 0
		for range 3 {
			last := 0.0
			for {
				_, err := s.Append("logs", 0, record(n%1000))
				if errors.Is(err, ErrFull) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if n++; n%5000 == 0 {
					if err := s.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
					if u := s.Usage(); u < last {
						t.Errorf("usage fell from %.3f to %.3f", last, u)
					} else {
						last = u
					}
				}
			}
			if err := s.Flush(t.Context()); err != nil { // all that was accepted has its place
				t.Fatal(err)
			}
			if u := s.Usage(); u < 0.95 {
				t.Errorf("usage %.3f of a full disk", u)
			}
			if free, _, _ := d.space(); free < 24<<20/20 || free > 4<<20 {
				t.Errorf("%d bytes are free", free)
			}
			var f Frame
			for ok := true; ok; {
				var next Frame
				if next, ok = tryNext(t, r); ok {
					f, read = next, read+next.Count
				}
			}
			if err := r.Commit(f.Position, nil); err != nil {
				t.Fatal(err)
			}
			if u := s.Usage(); u > 0.3 {
				t.Errorf("usage %.3f when all is read", u)
			}
		}
		if read != n || n < 60_000 {
			t.Errorf("%d records came out, %d went in", read, n)
		}
	})
}

func TestRecordsThatNeedRoomOfTheirOwn(t *testing.T) {
	big := func(n int) *rules.Clean {
		return testEngine.State(rules.Statement{Topic: rules.Audit, Action: "test", Key: fmt.Sprint(n), Message: strings.Repeat("a b ", n/4)})
	}
	s := openSpool(t, Config{Dir: t.TempDir(), SegmentSize: minSegment})
	sizes := []int{1, 200 << 10, 300 << 10, 1, 3 << 20, 1}
	for _, n := range sizes {
		if _, err := s.Append("logs", 0, big(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(sizes)
	if got := "[" + strings.Join(keysOf(t, reader(t, s, "publisher")), " ") + "]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	small := openSpool(t, Config{Dir: t.TempDir(), MaxSize: 1 << 20})
	if _, err := small.Append("logs", 0, big(300<<10)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than a quarter of the quota: %v", err)
	}
	for _, c := range []struct {
		topic     string
		partition int32
	}{{"", 0}, {strings.Repeat("t", 250), 0}, {"logs", -1}, {"logs", maxPartition}} {
		if _, err := s.Append(c.topic, c.partition, record(0)); err == nil {
			t.Errorf("partition %d of %q was accepted", c.partition, c.topic)
		}
	}
}

func TestAReaderThatOnlyPassesFramesOverHoldsNothingBack(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, SegmentSize: minSegment, BatchBytes: 8 << 10}
	s := openSpool(t, cfg)
	r := reader(t, s, "publisher")
	r.Filter(func(f *Frame) bool { return f.Matched })
	appendAll(t, s, 0, 3000)
	if _, ok := tryNext(t, r); ok {
		t.Fatal("a frame without a match")
	}
	if n := s.Stats().Segments; n > 2 {
		t.Errorf("%d segments are kept", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openSpool(t, cfg)
	if p := reader(t, s, "publisher").Committed(); p != 3001 {
		t.Errorf("the reader is at %d after a restart, want 3001", p)
	}
}

func TestACommitIsHeldAgainstWhatWasRead(t *testing.T) {
	s := openSpool(t, Config{Dir: t.TempDir()})
	appendAll(t, s, 0, 10)
	appendAll(t, s, 10, 20)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	if err := r.Commit(f.Position+1, nil); err == nil {
		t.Error("a commit of what was not read")
	}
	if err := r.Commit(f.Position, nil); err != nil {
		t.Error(err)
	}
	if err := r.Commit(f.Position, []byte("state only")); err != nil {
		t.Error(err)
	}
	if err := r.Commit(f.Position-1, nil); err == nil {
		t.Error("a commit backwards")
	}
	if err := r.Commit(f.Position, make([]byte, MaxState+1)); err == nil || string(r.State()) != "state only" {
		t.Errorf("%v, state %q", err, r.State())
	}
	if _, err := s.Reader("somebody"); err == nil {
		t.Error("a reader that is not configured")
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		s := openSpool(t, Config{disk: newLiar(1), Metrics: NewMetrics(reg)})
		defer s.Close()
		appendAll(t, s, 0, 100)
		time.Sleep(time.Until(time.UnixMilli(1_700_000_000_000)))
		time.Sleep(90 * time.Second)
		for name, want := range map[string]float64{
			"destring_spool_depth_records": 100, "destring_spool_oldest_seconds": 90, "destring_spool_records_total": 100,
			"destring_spool_segments": 1, "destring_spool_refused_total": 0, "destring_spool_quarantine_unrecorded": 0,
		} {
			if got := metric(t, reg, name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
	})
}

// metric returns the value of the one counter or gauge of that name.
func metric(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name && len(f.GetMetric()) == 1 {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
