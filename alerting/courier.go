package alerting

import (
	"context"
	"math/rand/v2"
	"time"
)

// courier is the one goroutine that talks to a sink.
type courier struct {
	alerter *Alerter
	sink    Sink
	name    string
	traits  Traits
	wakeUp  chan struct{} // of one: there may be something new

	// Guarded by Alerter.mu.
	next     time.Time // not to be called before
	failures int       // in a row
}

func newCourier(a *Alerter, s Sink) *courier {
	return &courier{alerter: a, sink: s, name: s.Name(), traits: s.Traits(), wakeUp: make(chan struct{}, 1)}
}

func (a *Alerter) wake() {
	for _, c := range a.couriers {
		select {
		case c.wakeUp <- struct{}{}:
		default:
		}
	}
}

// run ends with ctx; a call in flight then has lastCall to end.
func (c *courier) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		j, wait := c.alerter.pick(c, time.Now())
		if j != nil {
			ref, err := c.call(ctx, j)
			c.alerter.settle(c, j, ref, err)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-c.wakeUp:
		case <-timer.C:
		}
	}
}

// maxSearches is after how many tries a message is sent although the sink could not be searched: rather
// an alert twice than none.
const maxSearches = 8

// lastCall is how long a call in flight may go on when the relay stops.
const lastCall = time.Second

// call makes the one call, after a search when the message may be there already. The end of
// ctx does not cut it off at once: an answer that nobody waits for is a message that may be repeated.
func (c *courier) call(stopping context.Context, j *job) (Ref, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(stopping), c.alerter.opts.Timeout)
	defer cancel()
	defer context.AfterFunc(stopping, func() { time.AfterFunc(lastCall, cancel) })()
	if f, ok := c.sink.(Finder); ok && j.find {
		ref, found, err := f.Find(ctx, &j.msg)
		if err != nil && j.d.Attempt.Tries < maxSearches {
			j.searched = true
			return Ref{}, err
		}
		if err == nil && found {
			j.found = true
			return ref, nil
		}
	}
	return c.sink.Deliver(ctx, &j.msg)
}

// settle records what became of j.
func (a *Alerter) settle(c *courier, j *job, ref Ref, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if !c.traits.Keeper {
		c.next = now.Add(a.opts.Pace)
	}
	a.mark(j.subject)
	if err == nil {
		a.delivered(c, j, ref, now)
	} else {
		a.failed(c, j, asDeliveryError(err), now)
	}
	_ = a.flush() // on error the state lives in memory until mend writes it
	if al, ok := j.subject.(*Alert); ok && a.finished(al) {
		delete(a.live, al)
	}
	close(a.room)
	a.room = make(chan struct{})
}

func (a *Alerter) delivered(c *courier, j *job, ref Ref, now time.Time) {
	c.failures = 0
	d := j.d
	first := d.Posts == 0
	d.Attempt = nil
	dec := Decision{Sink: c.name, Act: j.act, Events: j.count - d.Shown}
	switch j.act {
	case Post:
		d.Ref, d.Posts, d.Edits, d.Posted, d.Edited, d.Count, d.Replied = ref, d.Posts+1, 0, now, now, j.count, Open
		if j.status == Resolved {
			d.Replied = Resolved
		}
		dec.Outcome, dec.Reason = Sent, "first message"
		if !first {
			dec.Outcome, dec.Reason = Repeated, "it goes on"
		}
	case Edit:
		d.Edits, d.Edited = d.Edits+1, now
		dec.Outcome, dec.Reason = Updated, "the message was brought up to date"
		if j.status != d.Status {
			d.Edits = 0
		}
	case Reply:
		d.Replied = j.status
		if d.Replied == Acknowledged {
			d.Replied = Open
		}
		dec.Outcome, dec.Reason = Replied, "status told in the thread"
	}
	if j.act != Reply {
		d.Revision, d.Status, d.Level, d.Shown = j.rev, j.status, j.level, j.count
	}
	if j.found {
		d.Revision, dec.Reason = 0, dec.Reason+"; it was found in the channel after a crash or a lost answer"
	}
	if al, ok := j.subject.(*Alert); ok {
		dec.Alert = al.snapshot()
		if j.first {
			a.opts.Metrics.latency.WithLabelValues(al.Level.String()).Observe(now.Sub(al.Match.Time).Seconds())
		}
	}
	dec.about(j.subject)
	a.decide(dec)
}

func (a *Alerter) failed(c *courier, j *job, err *DeliveryError, now time.Time) {
	if j.rank != rankStuck || c.failures > 0 { // else the sink is well and the message is not
		c.failures++
	}
	wait := err.After
	outcome := err.Outcome
	if j.searched { // whatever was wrong with the search, the message itself is in doubt as before
		outcome = Unknown
	}
	switch outcome {
	case Retry:
		j.d.Attempt = nil
		if j.spare >= 0 {
			a.mem.sinks[c.name].spend(now, -1)
			a.mark(a.mem.sinks[c.name])
		}
	case Unknown:
		if j.d.Attempt != nil {
			j.d.Attempt.Unknown, j.d.Attempt.Tried = true, now
			j.d.Attempt.Tries++
		}
	case Rejected:
		a.rejected(j)
		c.failures = 0
	case Gone:
		j.d.Attempt, j.d.Ref, j.d.Revision, j.d.Status, j.d.Shown = nil, Ref{}, j.rev, j.status, j.count
		c.failures = 0
	}
	if c.failures > 0 {
		if wait <= 0 {
			wait = backOff(c.failures)
		}
		c.next = later(c.next, now.Add(min(wait, time.Hour)))
	}
	if c.failures&(c.failures-1) != 0 {
		return // a sink that is down for a day is not news every five minutes
	}
	dec := Decision{Outcome: Failed, Sink: c.name, Act: j.act, Reason: err.Error()}
	dec.about(j.subject)
	a.decide(dec)
	a.opts.Log.Warn("an alert sink did not take a message", "sink", c.name, "act", j.act.String(), "reason", err.Error(), "failures", c.failures)
}

// rejected falls back to the plain layout, and then gives up on this change of this message.
func (a *Alerter) rejected(j *job) {
	d := j.d
	d.Attempt = nil
	if !d.Plain {
		d.Plain = true
		return
	}
	d.Refused, d.Revision, d.Status, d.Shown = true, j.rev, j.status, j.count
	if j.act == Reply {
		d.Replied = d.Status
	}
	if j.act == Post {
		d.Posts, d.Posted, d.Count, d.Level = d.Posts+1, time.Now(), j.count, j.level
	}
}

// backOff is 1 s, doubling to five minutes, with a fifth of jitter so that relays do not come together.
func backOff(failures int) time.Duration {
	d := min(time.Second<<min(failures-1, 10), 5*time.Minute)
	return d + time.Duration(rand.Int64N(int64(d/5)))
}
