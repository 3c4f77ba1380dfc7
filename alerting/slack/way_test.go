package slack_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
)

// stream is a Matches that a test writes to.
type stream chan []alerting.Match

func (s stream) Next(ctx context.Context) (alerting.Batch, error) {
	select {
	case list := <-s:
		return alerting.Batch{Matches: list}, nil
	case <-ctx.Done():
		return alerting.Batch{}, ctx.Err()
	}
}

func (s stream) Commit(alerting.Position) error { return nil }

// running starts an Alerter that posts to f through the real client and a real journal.
func running(t testing.TB, sink alerting.Sink, audit func(alerting.Decision)) (*alerting.Alerter, stream) {
	t.Helper()
	j, err := alerting.OpenFileJournal(t.TempDir()+"/alerts.journal", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	a, err := alerting.New(alerting.Options{Sinks: []alerting.Sink{sink}, Journal: j, Pace: time.Millisecond, Timeout: 2 * time.Second, Audit: audit})
	if err != nil {
		t.Fatal(err)
	}
	in := make(stream)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, in) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, in
}

func critical(i int) alerting.Match {
	m := leak().Match
	m.Time, m.EventID, m.Task = time.Now(), fmt.Sprintf("%032x", i), fmt.Sprintf("task.n%d", i)
	return m
}

// Each fault of Slack strikes once; then every alert stands in the channel once.
func TestNoFaultOfSlackLosesOrRepeatsAnAlert(t *testing.T) {
	for name, bad := range map[string]fault{
		"429":                        {status: 429, retryAfter: "1"},
		"500, not arrived":           {status: 500},
		"500, arrived":               {status: 500, done: true},
		"reset, not arrived":         {reset: true},
		"reset, arrived":             {reset: true, done: true},
		"no answer, arrived":         {hang: 20 * time.Second, done: true},
		"no answer, not arrived":     {hang: 20 * time.Second},
		"half an answer, arrived":    {raw: `{"ok":tr`, done: true},
		"internal_error, arrived":    {code: "internal_error", done: true},
		"fatal_error, not arrived":   {code: "fatal_error"},
		"invalid_blocks":             {code: "invalid_blocks"},
		"msg_too_long":               {code: "msg_too_long"},
		"an answer without a ts, in": {raw: `{"ok":true}`, done: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSlack(t)
			f.fail(bad)
			var mu sync.Mutex
			sent := 0
			_, in := running(t, channel(t, f), func(d alerting.Decision) {
				mu.Lock()
				defer mu.Unlock()
				if d.Outcome == alerting.Sent {
					sent++
				}
			})
			in <- []alerting.Match{critical(1), critical(2), critical(3)}
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				mu.Lock()
				done := sent == 3
				mu.Unlock()
				if done {
					break
				}
			}
			seen := map[string]int{}
			for _, m := range f.all() {
				if m.Metadata != nil {
					seen[fmt.Sprint(m.Metadata)]++
				}
			}
			if len(f.all()) != 3 || len(seen) != 3 {
				t.Errorf("%d messages with %d keys in the channel, want 3: calls %v", len(f.all()), len(seen), f.called())
			}
		})
	}
}

// From receipt to Slack, 99 in 100 critical alerts within 2 s; here there is a journal on a real disk and HTTP, and
// Slack answers at once.
func BenchmarkReceiptToSlack(b *testing.B) {
	f := newFakeSlackFor(b)
	_, in := running(b, channelFor(b, f), nil)
	var took []time.Duration
	i := 0
	for b.Loop() {
		i++
		m := critical(i)
		m.Rule.Level = rules.Critical
		began := time.Now()
		in <- []alerting.Match{m}
		for f.count() < i {
			time.Sleep(200 * time.Microsecond)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
