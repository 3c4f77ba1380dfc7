package listener

import (
	"bufio"
	"context"
	"net"
	"sync"
	"time"

	"gopkg.in/mcuadros/go-syslog.v2/format"

	"destring/rules/event"
)

// datagrams is the Format of the UDP and unix inputs, and the parser of their messages: the server parses datagrams on one
// goroutine, one after another.
type datagrams struct {
	p      *Plain
	name   string
	gauges *gauges

	mu      sync.Mutex // deliver and end
	frame   []byte
	origins map[string]*origin
}

// origin is a sender of datagrams, by IP address; all local ones on a unix socket are one.
type origin struct {
	in   intake
	used time.Time
	busy bool // in a call of the session, or it panicked there
}

// maxSources bounds the sessions of one datagram input, for source addresses can be forged.
const maxSources = 1024

// GetSplitFunc says that a datagram is one message.
func (d *datagrams) GetSplitFunc() bufio.SplitFunc { return nil }

// GetParser keeps the message until its sender is known.
func (d *datagrams) GetParser(frame []byte) format.LogParser { d.frame = frame; return d }

// Parse has nothing to do yet: the parser of the sender is known in deliver.
func (d *datagrams) Parse() error { return nil }

// Dump returns the map that the server completes.
func (d *datagrams) Dump() format.LogParts { return format.LogParts{partsKey: part(d)} }

// Location is part of the contract.
func (d *datagrams) Location(*time.Location) {}

func (d *datagrams) deliver(client string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.p.survive(d.gauges)
	if d.p.closed.Load() {
		return
	}
	d.p.last.Store(time.Now().UnixNano())
	s := d.origin(client)
	s.busy = true
	s.in.begin()
	_ = s.in.take(d.frame, event.FramingDatagram, 0) // counted there
	s.in.endBatch()
	s.busy = false
}

func (d *datagrams) origin(client string) *origin {
	host, _, err := net.SplitHostPort(client)
	if err != nil {
		host = ""
	}
	s := d.origins[host]
	if s != nil && s.busy {
		delete(d.origins, host)
		s.in.session.Close()
		s = nil
	}
	if s == nil {
		if len(d.origins) >= maxSources {
			d.forgetOldest()
		}
		s = &origin{in: intake{gauges: d.gauges, peer: d.p.newPeer(d.name, client), id: event.ID{Connection: connectionID()}}}
		s.in.session = d.p.handler.Open(s.in.peer)
		d.origins[host] = s
	}
	s.used = time.Now()
	return s
}

func (d *datagrams) forgetOldest() {
	var oldest string
	var at time.Time
	for host, s := range d.origins {
		if at.IsZero() || s.used.Before(at) {
			oldest, at = host, s.used
		}
	}
	s := d.origins[oldest]
	delete(d.origins, oldest)
	s.in.session.Close()
}

func (d *datagrams) end(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for host, s := range d.origins {
		delete(d.origins, host)
		d.endOne(ctx, s)
	}
}

func (d *datagrams) endOne(ctx context.Context, s *origin) {
	defer d.p.survive(d.gauges)
	defer s.in.session.Close()
	if !s.busy {
		s.in.endBatch()
		_ = s.in.session.Sync(ctx)
	}
}
