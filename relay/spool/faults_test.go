package spool

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheFirstErrorOfTheDiskIsNotSeen(t *testing.T) {
	for _, op := range []string{"write", "sync", "create", "allocate", "syncdir"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newLiar(1)
				s := openSpool(t, Config{disk: d})
				defer s.Close()
				if op == "write" || op == "sync" {
					appendAll(t, s, 0, 10)
				}
				failed := 0
				d.failBy(func(o, _ string) error {
					if o == op && failed == 0 {
						failed++
						return syscall.EIO
					}
					return nil
				})
				appendAll(t, s, 10, 20)
				if failed != 1 {
					t.Fatal("nothing failed")
				}
				got := keysOf(t, reader(t, s, "publisher"))
				wantKeys(t, got[len(got)-10:], 10, 20)
			})
		})
	}
}

func TestNoDescriptorIsSyncedAgainAfterASyncFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		s := openSpool(t, Config{disk: d})
		defer s.Close()
		appendAll(t, s, 0, 10)
		bad := ""
		d.failBy(func(op, name string) error {
			switch {
			case op == "sync" && bad == "":
				bad = name
				return syscall.EIO
			case bad == name && (op == "sync" || op == "write"):
				t.Errorf("%s of %s after its sync failed", op, name)
			}
			return nil
		})
		appendAll(t, s, 10, 20)
		if bad != segmentName(1) || len(d.segments()) != 2 {
			t.Errorf("failed: %s, segments %v", bad, d.segments())
		}
		wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 20)
	})
}

func TestADiskThatRefusesIsSaidSoAndTriedAgain(t *testing.T) {
	for _, c := range []struct {
		errno syscall.Errno
		want  error
	}{{syscall.EIO, ErrDisk}, {syscall.ENOSPC, ErrFull}, {syscall.EROFS, ErrDisk}} {
		t.Run(c.errno.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newLiar(1)
				s := openSpool(t, Config{disk: d})
				defer s.Close()
				d.failBy(func(op, _ string) error {
					if op == "allocate" {
						return c.errno
					}
					return nil
				})
				ticket, err := s.Append("logs", 0, record(0))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := withTimeout(t, 5*time.Second)
				defer cancel()
				if err := s.Wait(ctx, ticket); !errors.Is(err, ctx.Err()) || err == nil {
					t.Fatalf("wait: %v", err)
				}
				if _, err := s.Append("logs", 0, record(1)); !errors.Is(err, c.want) || !errors.Is(err, c.errno) {
					t.Errorf("append: %v", err)
				}
				if s.Usage() != 1 {
					t.Errorf("usage %.2f", s.Usage())
				}
				d.failBy(nil)
				if err := s.Wait(t.Context(), ticket); err != nil {
					t.Fatal(err)
				}
				appendAll(t, s, 1, 2)
				wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 2)
			})
		})
	}
}

func TestCloseSaysHowManyRecordsItCouldNotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		s := openSpool(t, Config{disk: d})
		d.failBy(func(op, _ string) error {
			if op == "allocate" {
				return syscall.EIO
			}
			return nil
		})
		ticket, _ := s.Append("logs", 0, record(0))
		err := s.Close()
		if err == nil || !strings.Contains(err.Error(), "1 records") {
			t.Errorf("close: %v", err)
		}
		if err := s.Wait(t.Context(), ticket); err == nil {
			t.Error("wait says that it is durable")
		}
	})
}

// TestAStalledDiskHoldsAppendForStallAndNoLonger lets a sync hang.
func TestAStalledDiskHoldsAppendForStallAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		s := openSpool(t, Config{disk: stalled{newLiar(1), hang}, MaxUnsynced: 20 << 10, BatchBytes: 4 << 10})
		defer s.Close()
		var readers sync.WaitGroup // that move are no sign of a disk that does
		defer readers.Wait()
		readers.Go(func() {
			for range 100 {
				time.Sleep(97 * time.Millisecond)
				s.measureSpace()
			}
		})
		start := time.Now()
		var err error
		n := 0
		for ; err == nil; n++ {
			_, err = s.Append("logs", 0, record(n))
		}
		if !errors.Is(err, ErrFull) || !errors.Is(err, ErrStalled) || time.Since(start) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if _, err := s.Append("logs", 0, record(n)); !errors.Is(err, ErrFull) || time.Since(start) != 2*time.Second {
			t.Errorf("the next waits too: after %v: %v", time.Since(start), err)
		}
		close(hang)
		if err := s.WaitRoom(t.Context(), 500); err != nil {
			t.Fatal(err)
		}
		appendAll(t, s, n-1, n)
		wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, n)
	})
}

// stalled is a disk on which making a segment hangs.
type stalled struct {
	*liar
	hang chan struct{}
}

func (d stalled) create(name string) (file, error) {
	if _, segment := parseSegmentName(name); segment {
		<-d.hang
	}
	return d.liar.create(name)
}

// TestAStartReadsTheLastSegmentOnly is what keeps a start with 10 GiB short; BenchmarkStart
// measures it.
func TestAStartReadsTheLastSegmentOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		cfg := Config{disk: d, SegmentSize: 1, BatchBytes: 32 << 10}
		s := openSpool(t, cfg)
		appendAll(t, s, 0, 10_000)
		s.Close()
		n := len(d.segments())
		d = d.reboot(false)
		reads := 0
		d.failBy(func(op, name string) error {
			if op == "read" {
				reads++
			}
			return nil
		})
		cfg.disk = d
		s = openSpool(t, cfg)
		defer s.Close()
		if n < 20 || reads > n+50 {
			t.Errorf("%d reads with %d segments", reads, n)
		}
	})
}

func TestAnIdleSpoolDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		s := openSpool(t, Config{disk: d})
		defer s.Close()
		appendAll(t, s, 0, 10)
		go func() { reader(t, s, "publisher").Next(t.Context()) }()
		synctest.Wait()
		d.failBy(func(op, name string) error {
			t.Errorf("%s of %s", op, name)
			return nil
		})
		time.Sleep(24 * time.Hour)
		d.failBy(nil)
	})
}
