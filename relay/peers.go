package relay

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"destring/rules/event"
)

// maxPeers bounds the peers that are remembered; beyond it the one seen longest ago that
// has no connection is forgotten.
const maxPeers = 20_000

// peers remembers who sent.
type peers struct {
	mu   sync.Mutex
	seen map[peerKey]*peerRecord
}

type peerKey struct{ name, listener string }

// peerRecord is counted by the sessions of a peer without a lock.
type peerRecord struct {
	messages    atomic.Uint64
	last        atomic.Int64 // nanoseconds since 1970
	connections int          // guarded by peers.mu
	notAfter    time.Time
}

// PeerStatus is what is known of one sender.
type PeerStatus struct {
	Name, Listener string
	Connections    int
	LastSeen       time.Time // of a message, else of the connection
	Messages       uint64    // since the relay started
	NotAfter       time.Time // of its certificate; zero without
}

func (p *peers) open(peer *event.Peer) *peerRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[peerKey]*peerRecord{}
	}
	key := peerKey{peer.Name, peer.Listener}
	r := p.seen[key]
	if r == nil {
		if len(p.seen) >= maxPeers {
			p.forgetOne()
		}
		r = &peerRecord{}
		p.seen[key] = r
	}
	r.connections++
	r.notAfter = peer.NotAfter
	r.last.Store(time.Now().UnixNano())
	return r
}

// forgetOne makes room. mu is held.
func (p *peers) forgetOne() {
	var oldest peerKey
	var at int64
	for key, r := range p.seen {
		if t := r.last.Load(); r.connections == 0 && (at == 0 || t < at) {
			oldest, at = key, t
		}
	}
	delete(p.seen, oldest)
}

func (p *peers) close(r *peerRecord) {
	p.mu.Lock()
	r.connections--
	p.mu.Unlock()
}

// Peers returns the senders seen since the start, by name.
func (r *Relay) Peers() []PeerStatus {
	r.peers.mu.Lock()
	defer r.peers.mu.Unlock()
	all := make([]PeerStatus, 0, len(r.peers.seen))
	for key, p := range r.peers.seen {
		all = append(all, PeerStatus{key.name, key.listener, p.connections, time.Unix(0, p.last.Load()), p.messages.Load(), p.notAfter})
	}
	slices.SortFunc(all, func(a, b PeerStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Listener, b.Listener))
	})
	return all
}
