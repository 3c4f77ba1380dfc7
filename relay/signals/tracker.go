package signals

import (
	"cmp"
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"destring/rules/event"
)

// Options say what is noticed. Zero takes the default.
type Options struct {
	// Say takes each Signal. It is called from the goroutines of connections and from Run, must not
	// wait, and keeps nothing that is not in the Signal.
	Say func(Signal)
	// Key makes the hashes of names; it must stay the same over restarts.
	Key []byte
	// Environment is where the relay stands: each environment is learned by itself.
	Environment string
	// Learning is how long names are learned before a new one is said. Default 7 days; less than zero is none.
	Learning time.Duration
	// Factor is how many times its usual interval a worker is silent before that is said. Default 5.
	Factor float64
	// Least is the least silence that is said. Default 5 min.
	Least time.Duration
	// Grace is how long a sender that went without goodbye has time to come again. Default 1 min.
	Grace   time.Duration
	Metrics *Metrics // unregistered when nil
}

const (
	clockSlack = 5 * time.Minute // a clock may be so far off
	knownPeer  = 24 * time.Hour  // so long a worker is watched before it is missed: a day shows its nights
)

// Tracker is the memory of the stream. Its methods may be called from many goroutines.
type Tracker struct {
	opts   Options
	limits limiter
	seed   maphash.Seed
	recent [recentSlots]atomic.Uint64 // the last messages; see Conn.repeat
	tags   atomic.Uint32

	mu     sync.Mutex
	peers  map[peerKey]*peer
	tasks  map[string]*task
	seen   seen
	places map[string]map[string]int // by certificate: how many connections each address has open
	minute int64                     // the last one that was closed, since 1970
	hour   uint32
}

// New makes a Tracker that knows nothing yet.
func New(o Options) *Tracker {
	o.Learning = max(cmp.Or(o.Learning, 7*24*time.Hour), 0)
	o.Factor = cmp.Or(o.Factor, 5)
	o.Least = cmp.Or(o.Least, 5*time.Minute)
	o.Grace = cmp.Or(o.Grace, time.Minute)
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	return &Tracker{opts: o, limits: limiter{keys: map[limitKey]*spell{}}, seed: maphash.MakeSeed(), peers: map[peerKey]*peer{}, tasks: map[string]*task{},
		seen: seen{at: map[uint64]uint32{}}, places: map[string]map[string]int{}}
}

// say hands s on unless its like was said a short while ago. mu must not be held.
func (t *Tracker) say(s Signal) {
	skipped, ok := t.limits.due(&s)
	if !ok {
		t.opts.Metrics.skipped.WithLabelValues(string(s.Name)).Inc()
		return
	}
	s.Skipped = skipped
	t.opts.Metrics.said.WithLabelValues(string(s.Name)).Inc()
	t.opts.Say(s)
}

// Run looks once a second at what did not happen, until ctx ends.
func (t *Tracker) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			t.look(time.Now().UnixNano())
		}
	}
}

// look judges everybody at a moment.
func (t *Tracker) look(now int64) {
	var said []Signal
	t.mu.Lock()
	minute := now / int64(time.Minute)
	over := t.minute != 0 && minute != t.minute
	t.minute = minute
	for _, p := range t.peers {
		said = t.judgePeer(said, p, now)
		if over {
			said = p.endMinute(said, now, minute)
		}
	}
	for _, k := range t.tasks {
		said = k.judge(said, now)
		if over {
			k.endMinute()
		}
	}
	if h := hours(now); h != t.hour {
		t.hour = h
		t.seen.age(now)
	}
	t.mu.Unlock()
	for _, s := range said {
		t.say(s)
	}
}

// Refused notes a client that was turned away at the door; peer is as far as it is known.
func (t *Tracker) Refused(peer *event.Peer, reason string) {
	t.say(Signal{Name: HandshakeRefused, Time: time.Now().UnixNano(), Origin: originOf(peer), Reason: reason})
}

func originOf(p *event.Peer) Origin {
	return Origin{Name: p.Name, Listener: p.Listener, Fingerprint: p.Fingerprint, Address: p.Address.Addr().Unmap()}
}
