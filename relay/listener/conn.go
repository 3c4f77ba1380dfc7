package listener

import (
	"cmp"
	"container/list"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"destring/relay/framing"
	"destring/rules/event"
)

// conn is one connection, from accept to its end. Its goroutine runs serve; the fields
// under "door" belong to the door's lock, end and src may be used by anybody.
type conn struct {
	l        *Listener
	raw      *socket
	tls      *tls.Conn // nil on plaintext
	src      *source
	accepted time.Time
	in       intake
	guard    *guard // of the handshake; nil on plaintext
	mode     framing.Mode
	header   framing.Header
	end      atomic.Pointer[reason] // why others ended it; nil while they did not
	ended    chan struct{}          // closed with end

	// door
	place     *list.Element // among the handshakes; nil when they are over
	entered   time.Time
	guest     *guest
	guestName string
}

func newConn(l *Listener, raw net.Conn) *conn {
	c := &conn{l: l, raw: &socket{Conn: raw}, accepted: time.Now(), guard: l.guard.Load(), ended: make(chan struct{})}
	var stream net.Conn = c.raw
	if c.guard != nil {
		c.tls = tls.Server(c.raw, c.guard.tls)
		stream = c.tls
	}
	c.src = &source{conn: stream}
	return c
}

// who is the peer's name as far as it is known, for log lines.
func (c *conn) who() string {
	if c.in.peer != nil {
		return c.in.peer.Name
	}
	return addrPort(c.raw.RemoteAddr()).Addr().String()
}

// serve is the life of the connection. A panic ends this connection and no other.
func (c *conn) serve() {
	defer c.raw.Close()
	defer c.survive()
	if err := c.enter(); err != nil {
		c.l.refused(c, err)
		return
	}
	c.l.gauges.accepted.Inc()
	c.in.session = c.l.handler.Open(c.in.peer)
	defer c.in.session.Close()
	defer c.watch()()
	var why reason
	if c.l.cfg.Protocol == RELP {
		why = newRELP(c).serve()
	} else {
		why = c.syslog()
	}
	c.l.gauges.end(why)
	if leaver, ok := c.in.session.(Leaver); ok && (why == closedInOrder || why == drained || why == idleTimeout) {
		leaver.Goodbye()
	}
	c.tell(why)
}

// enter shakes hands and finds out who it is.
func (c *conn) enter() error {
	peer, hosts := newPeer(c.l.cfg.Name, c.raw, nil), hostCheck{}
	peer.Zone, c.mode, c.header = c.l.cfg.Zone, c.l.cfg.Framing, c.l.cfg.Header
	if c.tls != nil {
		_ = c.raw.SetDeadline(c.accepted.Add(c.l.cfg.Limits.Handshake))
		if err := c.tls.Handshake(); err != nil {
			return c.displacedOr(err)
		}
		_ = c.raw.SetDeadline(time.Time{})
		c.l.gauges.handshake.Observe(time.Since(c.accepted).Seconds())
		state := c.tls.ConnectionState()
		peer = newPeer(c.l.cfg.Name, c.raw, &state)
		rule := c.guard.ruleOf(peer)
		hosts = newHostCheck(rule, peer.Names)
		peer.SpeaksFor = hosts.speaksFor()
		peer.Zone = cmp.Or(rule.Zone, c.l.cfg.Zone)
		c.mode, c.header = cmp.Or(rule.Framing, c.mode), cmp.Or(rule.Header, c.header)
	}
	guest, why := c.l.door.welcome(c, peer.Name)
	c.in = intake{gauges: c.l.gauges, peer: peer, hosts: hosts, guest: guest, id: event.ID{Connection: connectionID()}}
	if why != "" {
		return &refusal{reason: why}
	}
	return nil
}

// displacedOr tells a handshake that we broke off from one that failed.
func (c *conn) displacedOr(err error) error {
	c.l.door.mu.Lock()
	defer c.l.door.mu.Unlock()
	if _, is := c.l.door.inside[c]; !is {
		return &refusal{reason: displaced}
	}
	if !c.l.door.stop.IsZero() {
		return &refusal{reason: stopping}
	}
	return err
}

// watch ends the connection when its certificate expires, and looks once whether it was
// revoked since the handshake began. The returned function ends the watch.
func (c *conn) watch() func() {
	if c.tls == nil {
		return func() {}
	}
	if c.l.guard.Load() != c.guard {
		c.recheck()
	}
	chains := c.tls.ConnectionState().VerifiedChains
	if len(chains) == 0 {
		return func() {}
	}
	first := chains[0][0].NotAfter // a chain has the peer's certificate at least
	for _, cert := range chains[0][1:] {
		if cert.NotAfter.Before(first) {
			first = cert.NotAfter
		}
	}
	timer := time.AfterFunc(time.Until(first), func() { c.cut(expired) })
	return func() { timer.Stop() }
}

// recheck ends the connection if it would not be let in now.
func (c *conn) recheck() {
	if c.tls == nil {
		return
	}
	if err := c.l.guard.Load().readmit(c.tls.ConnectionState().PeerCertificates, time.Now()); err != nil {
		c.cut(handshakeReason(err))
	}
}

// cut ends reading now. Any goroutine may call it.
func (c *conn) cut(why reason) {
	if c.end.CompareAndSwap(nil, &why) {
		close(c.ended)
		c.src.drain(time.Now(), 0)
	}
}

// syslog reads messages until the stream ends and returns why it did.
func (c *conn) syslog() reason {
	why := c.read()
	switch why {
	case reset, badRecordMAC, readFailed:
		return why // nobody is left to be told; the session's own commit goes on
	case badFraming:
		c.in.lossy = true // what follows is not read
	}
	if c.in.lossy || c.src.cutShort() || !c.durable() {
		c.raw.abort()
		return why
	}
	if c.tls == nil {
		return why
	}
	if why == drained {
		c.lastWords()
		return why
	}
	_ = c.tls.Close() // close_notify: everything that was received is durable
	return why
}

// read hands over all messages of the stream.
func (c *conn) read() reason {
	cfg := &c.l.cfg
	r := framing.NewReader(c.src, framing.Options{Mode: c.mode, Header: c.header, MaxMessage: cfg.MaxMessage, Join: cfg.Join, FrameTimeout: cfg.Limits.Frame, IdleTimeout: max(0, cfg.Limits.Idle)})
	for fresh := true; ; {
		f, err := r.Next()
		if err != nil {
			c.in.endBatch()
			return c.why(err)
		}
		if fresh {
			c.in.begin()
		}
		_ = c.in.take(f.Bytes, framings[f.Kind], flagsOf(f)) // counted there; the connection lives on
		if fresh = !r.Buffered(); fresh {
			c.wait(c.in.endBatch())
		}
	}
}

// why says why reading ended with err.
func (c *conn) why(err error) reason {
	if why := c.end.Load(); why != nil {
		return *why
	}
	why := endReason(err)
	if why == closedInOrder && c.tls != nil && c.raw.fin {
		return closedAbrupt // crypto/tls takes a FIN between two records for an end in order
	}
	if (why == idleTimeout || why == frameTimeout) && c.src.stopped() {
		return drained // the frame reader does not know that its deadline was shortened
	}
	return why
}

// wait leaves the connection unread for a while, because its peer was too fast.
func (c *conn) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ended:
	case <-c.l.stopping: // what is in the socket is read now; the peer gains a second at most
	}
}

// durable waits until everything that was handed over is on disk.
func (c *conn) durable() bool {
	ctx, cancel := context.WithTimeout(c.l.hard, c.l.cfg.Limits.Sync)
	defer cancel()
	return c.in.session.Sync(ctx) == nil
}

// lastWords says close_notify at a stop of the relay and reads what was under way meanwhile: a
// client that shut down in order at the same moment takes our close_notify as its receipt.
func (c *conn) lastWords() {
	_ = c.tls.CloseWrite()
	if why := c.read(); why == closedInOrder || why == closedAbrupt || why == drained {
		c.durable()
	}
}

// tell logs the ends that a person should know of.
func (c *conn) tell(why reason) {
	switch why {
	case badRecordMAC:
		c.l.complaints.say(slog.LevelWarn, "bad record MAC: TLS socket shared over fork", why, c.who(),
			slog.String("client", c.in.peer.Address.String()), slog.String("after", time.Since(c.accepted).Round(time.Millisecond).String()))
	case revoked, expired, notPermitted, unknownCA, badCertificate, wrongUsage, noCertificate, frameTimeout, badFraming, notTaken:
		c.l.complaints.say(slog.LevelWarn, "connection ended", why, c.who(), slog.String("client", c.in.peer.Address.String()))
	}
}

// survive ends a panic here. Its value is not shown, for it could hold text.
func (c *conn) survive() {
	value := recover()
	if value == nil {
		return
	}
	c.l.gauges.panics.Inc()
	c.l.gauges.end(panicked)
	c.raw.abort()
	c.l.complaints.say(slog.LevelError, "a fault of the relay ended a connection", panicked, c.who(), slog.String("panic", panicKind(value)), slog.String("at", callers()))
}

// panicKind describes a panic without its value.
func panicKind(value any) string {
	if err, ok := value.(runtime.Error); ok {
		return err.Error() // types, indexes and lengths only
	}
	return fmt.Sprintf("%T", value)
}

// callers names the places on the stack, the innermost first. A trace of package debug would show arguments too.
func callers() string {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var places []string
	for {
		f, more := frames.Next()
		places = append(places, fmt.Sprintf("%s:%d", f.Function, f.Line))
		if !more {
			return strings.Join(places, " < ")
		}
	}
}
