package alerting

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// watchEvery is the grain of what is not urgent: resolved, silences that end, storms that are over.
const watchEvery = 5 * time.Second

// watch ends with ctx.
func (a *Alerter) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		a.look(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look does what only the passing of time brings about.
func (a *Alerter) look(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	mended := a.mend()
	a.expire(now)
	for al := range a.live {
		a.hush(al, now)
		if al.Status != Resolved && now.Sub(al.Touched) >= a.opts.Quiet {
			al.Status, al.Resolved = Resolved, now
			delete(a.places, al.Match.EventID)
			al.Revision++
			a.changed(al)
			a.decide(Decision{Outcome: WasResolved, Alert: al.snapshot(), Reason: fmt.Sprintf("quiet for %s", a.opts.Quiet)})
		}
		a.note(al, now)
		if a.finished(al) {
			delete(a.live, al)
		}
	}
	for name, s := range a.mem.sinks {
		if g := a.mem.digests[s.Digest]; g != nil && g.Ended.IsZero() && !s.storm(now) && a.couriers[name] != nil {
			a.end(g, now)
		}
	}
	a.forget(now)
	a.opts.Metrics.open.Set(float64(len(a.live)))
	if len(a.dirty) > 0 || mended {
		a.wake()
	}
	_ = a.flush()
}

// warnBefore is how long before its end a silence is announced to end.
const warnBefore = 15 * time.Minute

// expire ends silences and says so before and after.
func (a *Alerter) expire(now time.Time) {
	for _, s := range a.mem.silences {
		switch {
		case !s.Expired.IsZero():
		case !now.Before(s.End):
			a.endSilence(s, now, "its end has come")
		case !s.Warned && s.End.Sub(now) <= warnBefore && s.End.Sub(s.Start) > 2*warnBefore:
			s.Warned = true
			a.mark(s)
			a.announce(s, now, "before", "A silence ends in "+s.End.Sub(now).Round(time.Minute).String())
		}
	}
}

func (a *Alerter) endSilence(s *Silence, now time.Time, why string) {
	s.Expired = now
	a.mark(s)
	a.decide(Decision{Outcome: SilenceEnded, Silence: s, Reason: why})
	a.announce(s, now, "after", "A silence has ended")
	for al := range a.live {
		a.hush(al, now)
	}
}

// announce gives notice of s to the sinks from which it kept alerts, to all when it has kept none.
func (a *Alerter) announce(s *Silence, now time.Time, when, what string) {
	for name, c := range a.couriers {
		if c.traits.Keeper || len(s.Kept) > 0 && !slices.Contains(s.Kept, name) {
			continue
		}
		n := &Notice{ID: "silence-" + s.ID + "-" + when + "-" + name, Sink: name, Time: now,
			Text: fmt.Sprintf("%s: %v, made by %s (%s), until %s.", what, s.Match, s.Author, s.Reason, s.End.UTC().Format("2006-01-02 15:04 MST"))}
		a.mem.notices[n.ID] = n
		a.mark(n)
	}
}
