package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"destring/relay/spool"
	"destring/rules"
)

// stopTime is what stopping may take in all: container runtimes kill after ten seconds. What the
// sockets leave of it, and a second at least, the readers of the spool have to deliver what is in it.
const stopTime = 8 * time.Second

// run runs the house until ctx ends or a part of it fails, and then ends it from the front to
// the back:
//
//  1. the door is shut: no new connections, sockets are read to a deadline, what came is
//     made durable, then close_notify;
//  2. alerting reads what is left, to a deadline, and ends; its last decisions are stated, for which
//     the spool must still be open; so is a gap;
//  3. the spool is sealed: the publisher gets to its end and delivers, to a deadline;
//  4. everything is closed.
//
// A part that fails shuts the door too. What is not delivered stays in the spool.
func (h *house) run(ctx context.Context) error {
	defer h.close()
	ctx, shut := context.WithCancelCause(ctx)
	defer shut(nil)
	// A session that waits for room may go on until the sockets are drained, and not longer.
	var stopBy atomic.Int64 // nanoseconds since 1970; 0 before ctx ends
	stopWaiting := context.AfterFunc(ctx, func() {
		stopBy.Store(time.Now().Add(stopTime).UnixNano())
		time.AfterFunc(h.config.Listen.DrainTimeout, h.end)
	})
	defer stopWaiting()
	drain, stopDrain := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDrain()

	telling, stopTelling := context.WithCancel(drain)
	defer stopTelling()
	auditing, stopAuditing := context.WithCancel(drain)
	defer stopAuditing()

	var behind, tellers, auditors, beside sync.WaitGroup
	run := func(group *sync.WaitGroup, ctx context.Context, name string, part func(context.Context) error) {
		group.Go(func() {
			if err := part(ctx); err != nil && !errors.Is(err, context.Canceled) {
				shut(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	run(&behind, drain, "publish", h.outlet.Run)
	run(&tellers, telling, "alerts", func(ctx context.Context) error { return h.alerter.Run(ctx, h.matches) })
	run(&auditors, auditing, "audit", h.audit.Run)
	run(&beside, ctx, "gaps", h.stateGaps)
	run(&beside, ctx, "damage", h.stateDamage)
	run(&beside, drain, "control", h.control.Run)
	run(&beside, ctx, "reload", h.reloadOnSignal)
	run(&beside, ctx, "watchdog", h.watchdog)
	run(&beside, ctx, "policy", h.expirePolicy)
	run(&beside, ctx, "signals", h.notice)
	run(&beside, ctx, "slack buttons", h.listen)
	if h.admin != nil {
		run(&beside, drain, "metrics", h.admin.Run)
	}
	h.log.Info("relay: ready", "listeners", h.addresses(), "spool", h.config.path(h.config.Spool.Dir))
	h.notify("READY=1")
	err := h.door.Run(ctx) // returns when every connection has left
	shut(err)
	h.notify("STOPPING=1")
	h.log.Info("relay: stopping", "spooled_bytes", h.spool.Stats().Bytes)

	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.leftOf(stopBy.Load()))
	defer cancel()
	h.awaitAlerts(end)
	stopTelling()
	tellers.Wait()
	stopAuditing()
	auditors.Wait()
	h.stateGap(end, true)
	if serr := h.spool.Seal(end); serr != nil {
		err = errors.Join(err, serr)
	}
	context.AfterFunc(end, stopDrain)
	behind.Wait()
	stopDrain()
	beside.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && err == nil {
		err = cause
	}
	return err
}

// awaitAlerts waits until alerting has read the spool to its end, for a third of the time that is left.
func (h *house) awaitAlerts(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/3)
	defer cancel()
	if h.spool.Flush(ctx) != nil {
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for h.matches.behind() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	if err := h.alerter.Settle(ctx); err != nil {
		h.log.Warn("relay: records of alerts wait for the next start", "error", err)
	}
}

// leftOf is how long the spool may be emptied when all is to be over at stopBy. For a Kafka that does
// not answer nobody waits long: the spool keeps everything.
func (h *house) leftOf(stopBy int64) time.Duration {
	left := stopTime
	if stopBy != 0 {
		left = max(time.Second, time.Until(time.Unix(0, stopBy)))
	}
	if h.publisher != nil && !h.publisher.Status().OK {
		left = min(left, 2*time.Second)
	}
	return left
}

// addresses are where the relay listens, by name; with port 0 in the configuration this is how
// one learns them.
func (h *house) addresses() map[string]string {
	all := h.door.Addresses()
	if h.admin != nil {
		all["metrics"] = h.admin.ln.Addr().String()
	}
	return all
}

// close gives back what was opened, in the order from the front to the back. It may be called for a
// house that is half built.
func (h *house) close() {
	var errs []error
	h.end()
	if h.control != nil {
		errs = append(errs, h.control.close())
	}
	if h.admin != nil {
		_ = h.admin.ln.Close() // the server has closed it, when it ever served
		errs = append(errs, h.admin.server.Close())
	}
	errs = append(errs, h.signals.close())
	if h.memory != nil {
		errs = append(errs, h.memory.journal.Close())
	}
	if h.journal != nil {
		errs = append(errs, h.journal.Close())
	}
	if h.gapNote != nil {
		errs = append(errs, h.gapNote.Close())
	}
	if h.spool != nil {
		errs = append(errs, h.spool.Close())
	}
	if err := errors.Join(errs...); err != nil && !errors.Is(err, spool.ErrClosed) {
		h.log.Error("relay: close", "error", err)
	}
}

// stateDamage puts on record what the spool lost to damage, until ctx ends. A gap that was not
// recorded is handed out again at the next start.
func (h *house) stateDamage(ctx context.Context) error {
	for {
		gap, err := h.spool.NextGap(ctx)
		if err != nil {
			return nil // ctx has ended
		}
		h.log.Error("relay: records of the spool are lost", "gap", gap.String())
		st := rules.Statement{Topic: rules.Audit, Action: "spool-gap", Time: time.Now().UnixNano(), Severity: rules.Critical, ID: "spool-gap-" + gap.File,
			Message: "The spool lost records: " + gap.String(), Fields: []rules.Field{rules.String("destring.signal", "spool-damage"), rules.Int("destring.gap.records", int64(gap.Records)), rules.String("destring.gap.reason", string(gap.Reason))}}
		if err := h.relay.State(st); err != nil {
			h.log.Error("relay: the gap could not be put on record and will be at the next start", "error", err)
			continue
		}
		if err := h.spool.Flush(ctx); err != nil {
			return nil
		}
		if err := h.spool.Recorded(gap); err != nil {
			h.log.Error("relay: gap", "error", err)
		}
	}
}

// watchdog tells systemd that the relay lives (WatchdogSec=) until ctx ends, as long as the
// spool answers: a relay whose spool hangs is to be started again.
func (h *house) watchdog(ctx context.Context) error {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 {
		return nil // not asked for
	}
	tick := time.NewTicker(time.Duration(usec) * time.Microsecond / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.spool.Stats() // takes the spool's lock
			h.notify("WATCHDOG=1")
		case <-ctx.Done():
			return nil
		}
	}
}

// state puts a statement into the spool; where there is no room for it the log has it alone.
func (h *house) state(s rules.Statement) {
	if err := h.relay.State(s); err != nil {
		h.log.Error("relay: a record of the audit topic could not be stored", "action", s.Action, "error", err)
	}
}

// auditQueue takes the decisions of alerting, which must not wait, to the spool.
type auditQueue struct {
	state func(rules.Statement)
	wake  chan struct{}

	mu      sync.Mutex
	waiting []rules.Statement
	dropped int
}

// maxAudit bounds the decisions that wait; beyond it they are counted.
const maxAudit = 10_000

func newAuditQueue(state func(rules.Statement)) *auditQueue {
	return &auditQueue{state: state, wake: make(chan struct{}, 1)}
}

// add never waits.
func (q *auditQueue) add(s rules.Statement) {
	q.mu.Lock()
	if len(q.waiting) < maxAudit {
		q.waiting = append(q.waiting, s)
	} else {
		q.dropped++
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run states what was added until ctx ends, and then what is left.
func (q *auditQueue) Run(ctx context.Context) error {
	for {
		select {
		case <-q.wake:
			q.flush()
		case <-ctx.Done():
			q.flush()
			return nil
		}
	}
}

func (q *auditQueue) flush() {
	q.mu.Lock()
	all, dropped := q.waiting, q.dropped
	q.waiting, q.dropped = nil, 0
	q.mu.Unlock()
	for _, s := range all {
		q.state(s)
	}
	if dropped > 0 {
		q.state(rules.Statement{Topic: rules.Audit, Action: "audit-dropped", Time: time.Now().UnixNano(), Severity: rules.High,
			Message: fmt.Sprintf("%d decisions of alerting were not recorded: more came than could be stored.", dropped)})
	}
}
