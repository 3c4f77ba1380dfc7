package signals

import (
	"sync"
	"time"
)

// limiter bounds how often one thing is said. Its lock is not on the way of ordinary lines.
type limiter struct {
	mu   sync.Mutex
	keys map[limitKey]*spell
}

type limitKey struct {
	name          Name
	peer, subject string
}

type spell struct {
	until         int64 // nanoseconds since 1970
	said, skipped int
}

const (
	sayEvery  = 10 * time.Minute // one thing is said once in this time
	maxKeys   = 20_000
	perPeer   = 100 // different things of one kind that a peer may be the cause of in that time
	perRefuse = 15  // refused handshakes of a place: a rule counts ten in five minutes
)

// due reports whether s may be said, and how many of its like were not.
func (l *limiter) due(s *Signal) (skipped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := limitKey{name: s.Name, peer: s.Origin.Name, subject: s.subject()}
	times := 1
	if s.Name == HandshakeRefused {
		key.peer, times = placeOf(s.Origin.Address), perRefuse // a host has a whole /64 to come from
	}
	if p := l.keys[key]; key.subject != "" && (p == nil || s.Time >= p.until) { // of new things a peer may say so many
		if _, ok := l.take(limitKey{name: s.Name, peer: key.peer}, s.Time, perPeer); !ok {
			return 0, false
		}
	}
	return l.take(key, s.Time, times)
}

func (s *Signal) subject() string {
	switch s.Name {
	case FirstSeenBeatEntry:
		return s.Entry + "\x00" + s.Task
	case FirstSeenWorker, WorkerMismatch:
		return s.Worker
	}
	return s.Task
}

func (l *limiter) take(key limitKey, now int64, times int) (skipped int, ok bool) {
	p := l.keys[key]
	if p == nil {
		if len(l.keys) >= maxKeys {
			l.sweep(now)
		}
		p = &spell{}
		l.keys[key] = p
	}
	if now >= p.until {
		skipped = p.skipped
		*p = spell{until: now + int64(sayEvery)}
	}
	if p.said >= times {
		p.skipped++
		return 0, false
	}
	p.said++
	return skipped, true
}

// sweep forgets what may be said again; when that is nothing, everything: to say a thing twice is better than not.
func (l *limiter) sweep(now int64) {
	for key, p := range l.keys {
		if now >= p.until {
			delete(l.keys, key)
		}
	}
	if len(l.keys) >= maxKeys {
		clear(l.keys)
	}
}
