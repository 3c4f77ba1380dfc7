package spool

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
)

// slowLog is a log that takes so long that everybody else can have the spool's lock meanwhile: a pipe
// that is not read may take a line never.
type slowLog struct {
	slog.Handler
	s     *Spool
	mu    sync.Mutex
	lines []string
	held  []string // logged while the lock was held
}

// Enabled lets every line through.
func (h *slowLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps the line.
func (h *slowLog) Handle(_ context.Context, r slog.Record) error {
	free := h.s == nil
	for tries := 0; !free && tries < 1_000_000; tries++ {
		if free = h.s.mu.TryLock(); free {
			h.s.mu.Unlock()
		} else {
			runtime.Gosched()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, r.Message)
	if !free {
		h.held = append(h.held, r.Message)
	}
	return nil
}

func TestNobodyWaitsForTheLogWithTheLockHeld(t *testing.T) {
	open := func(t *testing.T, cfg Config) (*Spool, *slowLog) {
		h := &slowLog{Handler: slog.DiscardHandler}
		cfg.Log = slog.New(h)
		s := openSpool(t, cfg)
		h.s = s
		return s, h
	}
	said := func(t *testing.T, h *slowLog, want ...string) {
		t.Helper()
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, line := range want {
			if !slices.Contains(h.lines, line) {
				t.Errorf("not logged: %q in %q", line, h.lines)
			}
		}
		if len(h.held) > 0 {
			t.Errorf("logged while the lock was held: %q", h.held)
		}
	}
	t.Run("a disk that stalls", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hang := make(chan struct{})
			s, h := open(t, Config{disk: stalled{newLiar(1), hang}, MaxUnsynced: 20 << 10, BatchBytes: 4 << 10})
			defer s.Close()
			defer close(hang)
			var err error
			for n := 0; err == nil; n++ {
				_, err = s.Append("logs", 0, record(n))
			}
			said(t, h, "spool: the disk stalls, records are refused")
		})
	})
	t.Run("a disk that refuses and takes again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newLiar(1)
			s, h := open(t, Config{disk: d})
			defer s.Close()
			d.failBy(func(op, _ string) error {
				if op == "allocate" {
					return syscall.EIO
				}
				return nil
			})
			ticket, err := s.Append("logs", 0, record(0))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.until(t.Context(), func() (bool, error) { return s.refusal != nil, nil }); err != nil {
				t.Fatal(err)
			}
			d.failBy(nil)
			if err := s.Wait(t.Context(), ticket); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			said(t, h, "spool: cannot write, records are refused until it can", "spool: writing again")
		})
	})
}
