package signals

import (
	"strings"
	"sync/atomic"
	"time"

	"destring/rules/event"
)

// maxPeers bounds the senders that are remembered; beyond it the one that was away for longest is forgotten.
const maxPeers = 20_000

type peerKey struct{ name, listener string }

// peer is one sender, over all of its connections. Tracker.mu guards it but for the atomics.
type peer struct {
	origin Origin
	first  int64 // nanoseconds since 1970, as all times here

	// Handed over by its connections.
	lines, info, loud, odd, read atomic.Uint64
	last                         atomic.Int64 // when the last message was received; 0 before the first

	worker      string // its own node name; empty until it says one
	connections int
	closed      int64 // when the last connection ended; 0 while there is one, and when that was judged
	goodbye     bool  // of the connection that ended last, or of the worker itself
	awaited     bool  // it was connected before a restart of ours and has not come again

	counted uint64 // lines at the last look
	before  int64  // last at the last look
	rhythm  rhythm
	silent  bool // was said
	volume  volume
	habit   habit
}

// open notes a connection of p.
func (t *Tracker) open(ep *event.Peer, now int64) *peer {
	key := peerKey{ep.Name, ep.Listener}
	p := t.peers[key]
	if p == nil {
		if len(t.peers) >= maxPeers {
			t.forgetPeer()
		}
		p = &peer{first: now}
		t.peers[key] = p
	}
	p.origin = originOf(ep)
	p.connections++
	p.closed, p.goodbye, p.awaited = 0, false, false
	p.before = now // the time in which it was not connected is no silence
	return p
}

func (t *Tracker) forgetPeer() {
	var oldest peerKey
	var at int64 = -1
	for key, p := range t.peers {
		if last := max(p.last.Load(), p.first); p.connections == 0 && (at < 0 || last < at) {
			oldest, at = key, last
		}
	}
	delete(t.peers, oldest)
}

// leave notes that a connection of p ended.
func (p *peer) leave(goodbye bool, now int64) {
	p.connections--
	p.goodbye = p.goodbye || goodbye
	if p.connections == 0 {
		p.closed = now
		if strings.HasPrefix(p.origin.Listener, "plain_") {
			p.closed = 0 // FIN says nothing there, and datagrams have no end
		}
	}
}

// judgePeer looks for silence.
func (t *Tracker) judgePeer(said []Signal, p *peer, now int64) []Signal {
	last := p.last.Load()
	if n := p.lines.Load(); n != p.counted {
		if p.before != 0 && last > p.before {
			p.rhythm.note(last-p.before, p.silent)
		}
		p.counted, p.before, p.silent = n, last, false
	}
	if p.closed != 0 && now-p.closed >= int64(t.opts.Grace) {
		if !p.goodbye && p.read.Load() > 0 {
			said = append(said, Signal{Name: WorkerClosed, Time: now, Origin: p.origin, Worker: p.worker, Since: p.closed, After: float64(now-p.closed) / 1e9})
		}
		p.closed = 0
	}
	usual := p.rhythm.usual(min(t.opts.Learning, knownPeer))
	quiet := time.Duration(now - max(last, p.before))
	if p.silent || p.connections == 0 && !p.awaited || usual == 0 || quiet < max(t.opts.Least, time.Duration(t.opts.Factor*float64(usual))) {
		return said
	}
	p.silent = true
	return append(said, Signal{Name: WorkerSilent, Time: now, Origin: p.origin, Worker: p.worker, Since: last, Before: usual.Seconds(), After: quiet.Seconds()})
}

// endMinute closes a minute of p's habits.
func (p *peer) endMinute(said []Signal, now, minute int64) []Signal {
	n := p.lines.Load()
	if p.volume.end(n); p.connections > 0 {
		if name, before, after := p.volume.judge(); name != "" {
			said = append(said, Signal{Name: name, Time: now, Origin: p.origin, Worker: p.worker, Before: before, After: after})
		}
	}
	if minute%habitMinutes != 0 {
		return said
	}
	w := p.habit.window(n, p.info.Load(), p.loud.Load(), p.odd.Load())
	if w.unparsed() {
		said = append(said, Signal{Name: UnparsedShare, Time: now, Origin: p.origin, Worker: p.worker, Count: int64(w.odd), Of: int64(w.lines)})
	}
	if p.habit.raised(w) {
		said = append(said, Signal{Name: LevelRaised, Time: now, Origin: p.origin, Worker: p.worker, Of: int64(w.lines)})
	}
	return said
}
