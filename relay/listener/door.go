package listener

import (
	"container/list"
	"sync"
	"time"
)

// door counts who is inside and decides who may come in.
type door struct {
	limits Limits

	mu      sync.Mutex
	inside  map[*conn]struct{}
	waiting *list.List // of *conn that shake hands, oldest first
	peers   map[string]*guest
	stop    time.Time // of draining; zero while the door is open
}

// guest is what a peer's connections share.
type guest struct {
	connections int
	rate        *rate
}

// minWait is how long a handshake may take before its place is given to somebody else. Over a
// slow link a handshake takes two round trips.
const minWait = time.Second

func newDoor(limits Limits) *door {
	return &door{limits: limits, inside: map[*conn]struct{}{}, waiting: list.New(), peers: map[string]*guest{}}
}

// enter gives c a place, if need be that of the oldest handshake, which it returns for the
// caller to close. Otherwise why says what is in the way.
func (d *door) enter(c *conn) (out *conn, why reason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.stop.IsZero() {
		return nil, stopping
	}
	if len(d.inside) >= d.limits.Connections {
		oldest := d.waiting.Front()
		if oldest == nil || time.Since(oldest.Value.(*conn).entered) < minWait {
			return nil, full
		}
		out = oldest.Value.(*conn)
		d.remove(out)
	}
	d.inside[c] = struct{}{}
	c.place, c.entered = d.waiting.PushBack(c), time.Now()
	return out, ""
}

// welcome ends the wait of c, which is now known as name. It returns what the peer's connections share.
func (d *door) welcome(c *conn, name string) (*guest, reason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, is := d.inside[c]; !is {
		return nil, displaced
	}
	d.waiting.Remove(c.place)
	c.place = nil
	g := d.peers[name]
	if g == nil {
		g = &guest{rate: newRate(d.limits)}
		d.peers[name] = g
	}
	if d.limits.PeerConnections > 0 && g.connections >= d.limits.PeerConnections {
		return nil, peerFull
	}
	g.connections++
	c.guest, c.guestName = g, name
	if !d.stop.IsZero() {
		c.src.drain(d.stop, quiet)
	}
	return g, ""
}

// leave takes c out. It may be called more than once.
func (d *door) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(c)
	if c.guest == nil {
		return
	}
	g, name := c.guest, c.guestName
	c.guest = nil
	if g.connections--; g.connections > 0 {
		return
	}
	if !g.rate.limited() {
		delete(d.peers, name)
		return
	}
	// Leaving and coming back must not fill the peer's buckets: it is forgotten when they are full anyway.
	time.AfterFunc(2*burst, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.peers[name] == g && g.connections == 0 {
			delete(d.peers, name)
		}
	})
}

// remove takes c out of the lists. The caller holds mu.
func (d *door) remove(c *conn) {
	delete(d.inside, c)
	if c.place != nil {
		d.waiting.Remove(c.place)
		c.place = nil
	}
}

// shut lets nobody in any more, ends open handshakes and has every other connection drained.
func (d *door) shut(stop time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = stop
	for c := range d.inside {
		if c.place != nil {
			c.raw.Close()
			continue
		}
		c.src.drain(stop, quiet)
	}
}

// each calls f for every connection that was let in.
func (d *door) each(f func(*conn)) {
	d.mu.Lock()
	var all []*conn
	for c := range d.inside {
		if c.place == nil {
			all = append(all, c)
		}
	}
	d.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}
