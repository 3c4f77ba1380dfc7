package alerting_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"destring/alerting"
	"destring/rules"
)

func TestADiskTooFullForTheCommitHoldsUpTheReaderAndEndsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, lines := newRoom("soc"), &strings.Builder{}
		h := start(t, alerting.Options{Log: slog.New(slog.NewTextHandler(lines, nil))}, r)
		defer h.stop()
		h.feed.mu.Lock()
		h.feed.full = errors.New("no space left on device")
		h.feed.mu.Unlock()
		for i := range 3 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		sleep(time.Hour)
		if n := len(r.acts(alerting.Post)); n != 1 || h.feed.done != 0 {
			t.Errorf("%d alerts posted and %d batches committed, want the first told and none committed", n, h.feed.done)
		}
		if h.feed.tries < 100 || h.feed.tries > 1000 {
			t.Errorf("%d tries in an hour", h.feed.tries)
		}
		if n := strings.Count(lines.String(), "no space left on device"); n != 1 {
			t.Errorf("said %d times, want once:\n%s", n, lines)
		}
		h.feed.mu.Lock()
		h.feed.full = nil
		h.feed.mu.Unlock()
		sleep(time.Minute)
		posts := r.acts(alerting.Post)
		if len(posts) != 3 || h.feed.done != 3 {
			t.Errorf("with room again %d alerts were posted and %d batches committed, want 3", len(posts), h.feed.done)
		}
		for _, s := range posts {
			if s.msg.Alert.Count != 1 {
				t.Errorf("an alert counts %d", s.msg.Alert.Count)
			}
		}
	})
}

func TestAStopEndsATryThatWaitsForTheDisk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := start(t, alerting.Options{}, newRoom("soc"))
		h.feed.full = errors.New("no space left on device")
		h.feed.add(match(rules.Low))
		sleep(time.Second)
		began := time.Now()
		h.stop()
		if waited := time.Since(began); waited > 2*time.Second {
			t.Errorf("the stop took %s", waited)
		}
	})
}

func TestSettleWaitsForTheKeepersAndForNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		keeper, slow := newRoom("records"), newRoom("soc")
		keeper.traits, keeper.hang = alerting.Traits{Edits: true, Keeper: true}, make(chan struct{})
		slow.hang = make(chan struct{})
		h := start(t, alerting.Options{}, keeper, slow)
		defer h.stop()
		for i := range 20 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := h.Settle(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Settle while a keeper hangs: %v", err)
		}
		close(keeper.hang)
		if err := h.Settle(t.Context()); err != nil {
			t.Errorf("Settle: %v", err)
		}
		if n := len(keeper.acts(alerting.Post)); n != 20 {
			t.Errorf("the keeper has %d records, want 20", n)
		}
		if n := len(slow.all()); n != 0 {
			t.Errorf("%d messages in the room that hangs", n)
		}
	})
}

func TestNoDecisionComesAfterRunHasReturned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		for i := range 50 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		sleep(10 * time.Second)
		h.stop()
		opened, sent := h.audit.count(alerting.Opened), h.audit.count(alerting.Sent)
		if opened != 50 || sent != len(r.acts(alerting.Post)) {
			t.Errorf("audited when Run returned: %d opened, %d sent of %d", opened, sent, len(r.acts(alerting.Post)))
		}
		sleep(time.Hour)
		if h.audit.count(alerting.Opened) != opened || h.audit.count(alerting.Sent) != sent {
			t.Error("decisions came after Run had returned")
		}
	})
}

func TestCountsAreOfAlertsThatAreNotResolved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := start(t, alerting.Options{Quiet: time.Hour}, newRoom("soc"))
		defer func() { h.stop() }()
		if n := h.Counts(); len(n) != 0 {
			t.Errorf("of nothing: %v", n)
		}
		for i := range 5 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		h.feed.add(match(rules.Low, task("low")))
		sleep(5 * time.Minute)
		want := map[rules.Severity]int{rules.Critical: 5, rules.Low: 1}
		if got := h.Counts(); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		h.restart()
		if got := h.Counts(); !maps.Equal(got, want) {
			t.Errorf("after a restart %v, want %v", got, want)
		}
		sleep(2 * time.Hour)
		if got := h.Counts(); len(got) != 0 {
			t.Errorf("after all were resolved: %v", got)
		}
	})
}
