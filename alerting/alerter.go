package alerting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"destring/rules"
)

// Options are what an Alerter is made of.
type Options struct {
	Sinks   []Sink
	Routes  []Route   // first that fits; none: every alert to every sink
	GroupBy []GroupBy // rule, task and secret when empty

	GroupWaitHigh time.Duration // how long a high alert gathers matches before it is told; 10 s
	GroupWait     time.Duration // the same for lower ones; 60 s. Critical ones do not wait.
	Repeat        time.Duration // an alert that goes on is posted again after it, then after twice as long; 4 h
	RepeatMax     time.Duration // at most; 24 h
	Quiet         time.Duration // without a match for so long it is resolved; 30 min
	Pace          time.Duration // between two messages of a sink; 1 s
	Storm         int           // so many alerts a minute in a sink become one digest; 10
	Budget        int           // messages an hour in a sink, first posts of critical alerts apart; 120
	Timeout       time.Duration // of one call of a sink; 10 s
	Retention     time.Duration // how long a resolved alert is remembered; 14 days
	Remember      int           // how many alerts are remembered; 50,000
	Limit         int           // how many open alerts before lower ones are grouped by rule alone, and how many untold before Matches is read no more; 10,000

	// Silences of the configuration: Match, End, Author and Reason, and Start when it is not to begin at once.
	Silences []Silence

	Journal Journal
	// Audit is handed every decision before it takes effect; a crash may hand it over twice.
	// It is called under the Alerter's lock: it returns at once and does not call back.
	Audit func(Decision)
	// Redact is the second, strict redaction of samples; nil leaves them as they are.
	Redact  func(string) string
	Metrics *Metrics
	Log     *slog.Logger
}

func (o *Options) defaults() {
	for _, d := range []struct {
		at *time.Duration
		is time.Duration
	}{{&o.GroupWaitHigh, 10 * time.Second}, {&o.GroupWait, time.Minute}, {&o.Repeat, 4 * time.Hour}, {&o.RepeatMax, 24 * time.Hour}, {&o.Quiet, 30 * time.Minute},
		{&o.Pace, time.Second}, {&o.Timeout, 10 * time.Second}, {&o.Retention, 14 * 24 * time.Hour}} {
		if *d.at <= 0 {
			*d.at = d.is
		}
	}
	for _, d := range []struct {
		at *int
		is int
	}{{&o.Storm, 10}, {&o.Budget, 120}, {&o.Remember, 50_000}, {&o.Limit, 10_000}} {
		if *d.at <= 0 {
			*d.at = d.is
		}
	}
	if len(o.GroupBy) == 0 {
		o.GroupBy = []GroupBy{ByRule, ByTask, BySecret}
	}
	if o.Audit == nil {
		o.Audit = func(Decision) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
}

// Alerter is the whole of alerting. Its methods may be called from any goroutine.
type Alerter struct {
	opts     Options
	couriers map[string]*courier

	mu     sync.Mutex // guards all below and the state in couriers
	mem    memory
	live   map[*Alert]struct{} // those that something may still have to be said of
	places map[string][]*Alert // by event id: alerts that do not know yet where their record is published
	dirty  map[any]struct{}    // *Alert, *Digest, …: changed since the last flush
	events []string            // ids of the batch at hand, for the next flush
	gone   []string            // keys dropped since the last flush
	broken error               // the journal failed: nothing is taken or said until Rewrite worked
	base   int64               // size of the journal when it was last rewritten
	swept  time.Time           // when what is old was last forgotten
	room   chan struct{}       // closed and made anew when alerts were told
}

// Check tells what New would refuse in the sinks, groups and routes.
func (o *Options) Check() error {
	names := map[string]bool{}
	for _, s := range o.Sinks {
		if names[s.Name()] {
			return fmt.Errorf("alerting: two sinks are named %q", s.Name())
		}
		names[s.Name()] = true
	}
	for _, g := range o.GroupBy {
		if _, ok := (&Match{}).field(string(g)); !ok {
			return fmt.Errorf("alerting: cannot group by %q; there are rule, task, secret, detector, worker, host, peer, environment", g)
		}
	}
	for _, r := range o.Routes {
		if err := r.check(names); err != nil {
			return fmt.Errorf("alerting: %w", err)
		}
	}
	return nil
}

// New makes an Alerter that remembers what the journal holds. It starts nothing.
func New(o Options) (*Alerter, error) {
	o.defaults()
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Journal == nil {
		return nil, errors.New("alerting: no journal")
	}
	a := &Alerter{opts: o, couriers: map[string]*courier{}, mem: newMemory(), live: map[*Alert]struct{}{}, places: map[string][]*Alert{}, dirty: map[any]struct{}{}, room: make(chan struct{})}
	for _, s := range o.Sinks {
		a.couriers[s.Name()] = newCourier(a, s)
	}
	if err := o.Journal.Replay(a.mem.apply); err != nil {
		return nil, fmt.Errorf("alerting: replay: %w", err)
	}
	a.revive()
	a.mu.Lock() // for decide and flush; nobody else is there yet
	defer a.mu.Unlock()
	if err := a.configure(o.Silences, time.Now()); err != nil {
		return nil, fmt.Errorf("alerting: %w", err)
	}
	return a, nil
}

// revive makes the working state from what was replayed.
func (a *Alerter) revive() {
	for name := range a.couriers {
		if a.mem.sinks[name] == nil {
			a.mem.sinks[name] = &sinkMemory{Name: name}
		}
	}
	now := time.Now()
	for _, al := range a.mem.alerts {
		al.notAfter(now)
		if !a.finished(al) {
			a.live[al] = struct{}{}
		}
		a.awaitPlace(al)
		for name, d := range al.Deliveries {
			a.doubt(name, d)
		}
	}
	for _, g := range a.mem.digests {
		a.doubt(g.Sink, &g.Delivery)
	}
	for _, n := range a.mem.notices {
		a.doubt(n.Sink, &n.Delivery)
	}
}

// doubt marks an attempt whose answer is not in the journal, and keeps the sink's pace over the restart.
func (a *Alerter) doubt(sink string, d *Delivery) {
	c := a.couriers[sink]
	if c == nil || c.traits.Keeper && d.Attempt == nil {
		return
	}
	if d.Attempt != nil {
		d.Attempt.Unknown = true
		c.next = later(c.next, time.Now().Add(a.opts.Pace))
	}
	c.next = later(c.next, later(d.Posted, d.Edited).Add(a.opts.Pace))
}

// Run reads matches and tells sinks until ctx ends or Matches.Next fails. It returns when the calls in
// flight have ended, a second after ctx did at most; what was not told then is told
// by the next Run. No decision is handed to Options.Audit after it has returned, but for those of
// people: so a relay that stops lets the reader come to its end, calls Settle, ends Run,
// writes what Audit was handed, and only then closes what that is written to.
func (a *Alerter) Run(ctx context.Context, matches Matches) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	wg.Go(func() { cancel(a.read(ctx, matches)) }) // ends with ctx or when Matches fails
	wg.Go(func() { a.watch(ctx) })                 // ends with ctx
	for _, c := range a.couriers {
		wg.Go(func() { c.run(ctx) }) // ends with ctx, after the call in flight
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// read takes batch after batch.
func (a *Alerter) read(ctx context.Context, matches Matches) error {
	for {
		if err := a.waitForRoom(ctx); err != nil {
			return err
		}
		b, err := matches.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("alerting: next batch: %w", err)
		}
		for a.admit(b.Matches) != nil { // the journal is broken; watch mends it
			if err := pause(ctx, mendEvery); err != nil {
				return err
			}
		}
		if err := a.commit(ctx, matches, b.Position); err != nil {
			return err
		}
	}
}

// commit tries until it works or ctx ends: the disk may be full for an hour, and the batch is in the journal
// already. Nothing is read meanwhile: of what a crash reads again only RememberedEvents are known.
func (a *Alerter) commit(ctx context.Context, matches Matches, p Position) error {
	for failed := false; ; failed = true {
		err := matches.Commit(p)
		if err == nil {
			if failed {
				a.opts.Log.Info("the place up to which matches are read is saved again")
			}
			return nil
		}
		if !failed {
			a.opts.Log.Error("the place up to which matches are read cannot be saved; nothing further is read until it can: look at the disk of the spool", "error", err)
		}
		if err := pause(ctx, mendEvery); err != nil {
			return err
		}
	}
}

// Settle waits until every keeper has the records that are due now, or until ctx ends; it needs Run to go on.
// What it does not wait for comes with the next Run.
func (a *Alerter) Settle(ctx context.Context) error {
	for {
		a.mu.Lock()
		due, room := a.recordsDue(time.Now()), a.room
		a.mu.Unlock()
		if !due {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *Alerter) recordsDue(now time.Time) bool {
	for al := range a.live {
		for name, d := range al.Deliveries {
			if c := a.couriers[name]; c != nil && c.traits.Keeper {
				if w := c.want(al, d, now); w.ok && !w.at.After(now) {
					return true
				}
			}
		}
	}
	return false
}

// waitForRoom waits while too many alerts were never told.
func (a *Alerter) waitForRoom(ctx context.Context) error {
	for {
		a.mu.Lock()
		full := len(a.live) >= a.opts.Limit && a.untold() >= a.opts.Limit
		room := a.room
		a.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *Alerter) untold() (n int) {
	for al := range a.live {
		if al.Silence == "" && al.untold() {
			n++
		}
	}
	return n
}

// mark notes that v changed. Call with mu held.
func (a *Alerter) mark(v any) { a.dirty[v] = struct{}{} }

// levelOf bounds a level to the words that there are.
func levelOf(s rules.Severity) rules.Severity { return min(s, rules.Critical) }

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
