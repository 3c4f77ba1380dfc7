package listener

import (
	"sync"
	"time"
)

// burst is how much of its rate a peer may use at once, in time.
const burst = time.Second

// rate is a peer's three buckets, messages, bytes and work, shared by its connections. A bucket may go
// below zero by one batch; the debt is waited for.
type rate struct {
	perSecond [3]float64 // messages, bytes, work; 0 is no limit

	mu    sync.Mutex
	level [3]float64
	at    time.Time
}

func newRate(l Limits) *rate {
	r := &rate{perSecond: [3]float64{float64(l.PeerMessages), float64(l.PeerBytes), float64(l.PeerWork)}, at: time.Now()}
	for i, p := range r.perSecond {
		r.level[i] = p * burst.Seconds()
	}
	return r
}

func (r *rate) limited() bool { return r.perSecond != [3]float64{} }

// take takes a batch out of the buckets and returns how long the connection must not be read. It is
// never longer than the batch is worth, so a peer that keeps to its rate never waits.
func (r *rate) take(messages, bytes, work int) time.Duration {
	if !r.limited() {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	passed := now.Sub(r.at).Seconds()
	r.at = now
	var wait time.Duration
	for i, took := range [3]float64{float64(messages), float64(bytes), float64(work)} {
		per := r.perSecond[i]
		if per == 0 {
			continue
		}
		r.level[i] = min(r.level[i]+passed*per, per*burst.Seconds()) - took
		if r.level[i] < 0 {
			wait = max(wait, time.Duration(-r.level[i]/per*float64(time.Second)))
		}
	}
	return wait
}
