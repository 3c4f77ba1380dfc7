package relay

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The spool itself waits for a disk that stalls; a worker must not be paused for that and then for
// the patience of the spell on top.
func TestASpellHasNoPatienceLeftAfterTheDiskStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Spell{stall: time.Second}
		room := func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		s.spend()
		began := time.Now()
		if s.wait(t.Context(), room) || time.Since(began) > 0 {
			t.Errorf("it waited for %v", time.Since(began))
		}
	})
}

func TestThePatienceOfASpellIsOneForAllConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Spell{stall: 10 * time.Second}
		began := time.Now()
		longest := make(chan time.Duration, 3)
		for _, after := range []time.Duration{0, 4 * time.Second, 7 * time.Second} {
			go func() { // ends with the patience
				time.Sleep(after)
				s.wait(t.Context(), func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
				longest <- time.Since(began)
			}()
		}
		for range 3 {
			if d := <-longest; d != 10*time.Second {
				t.Errorf("a connection waited until %v after the first one began", d)
			}
		}
		if s.wait(t.Context(), func(context.Context) error { return nil }) {
			t.Error("there was patience left")
		}
	})
}
