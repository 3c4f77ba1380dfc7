package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Listener is one open port. Make it with New, then call Run once.
type Listener struct {
	cfg        Config
	handler    Handler
	socket     net.Listener
	guard      atomic.Pointer[guard] // nil without TLS
	door       *door
	gauges     *gauges
	complaints *complaints
	leaving    sync.WaitGroup // one for each connection

	// hard ends the waits for durability that are still open when the stop has taken too long.
	hard     context.Context
	giveUp   context.CancelFunc
	stopping chan struct{} // closed when the stop was ordered
}

// New opens the port; nobody is let in before Run. Close gives the port back if Run is never called.
func New(cfg Config, handler Handler) (*Listener, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	l := &Listener{cfg: cfg, handler: handler, door: newDoor(cfg.Limits), gauges: cfg.Metrics.of(cfg.Name),
		complaints: newComplaints(cfg.Log.With("listener", cfg.Name), cfg.LogEvery), stopping: make(chan struct{})}
	if cfg.Security != nil {
		if err := l.secure(cfg.Security); err != nil {
			return nil, err
		}
	}
	socket, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("listener: %s: %w", cfg.Name, err)
	}
	l.socket = socket
	l.hard, l.giveUp = context.WithCancel(context.Background())
	return l, nil
}

// Addr returns the address that is listened on, with the port that was taken.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Close closes the port. Run does it by itself.
func (l *Listener) Close() error {
	l.giveUp()
	return l.socket.Close()
}

// Reload puts another Security in place, or returns an error and keeps the old one. New connections see
// it at once. Connections whose certificate was revoked, or is not let in any more for another reason,
// are ended: what has been read of them is kept and made durable. A change of PeerRules
// reaches a peer when it connects again.
func (l *Listener) Reload(s *Security) error {
	if l.guard.Load() == nil {
		return fmt.Errorf("listener: %s: a plaintext listener cannot be given certificates while it runs", l.cfg.Name)
	}
	if s == nil {
		return fmt.Errorf("listener: %s: TLS cannot be switched off while it runs", l.cfg.Name)
	}
	if err := l.secure(s); err != nil {
		return err
	}
	l.gauges.reloads.Inc()
	l.door.each(func(c *conn) { c.recheck() })
	return nil
}

func (l *Listener) secure(s *Security) error {
	g, err := newGuard(s)
	if err != nil {
		return fmt.Errorf("listener: %s: %w", l.cfg.Name, err)
	}
	l.guard.Store(g)
	if at := g.certificateExpiry(); !at.IsZero() {
		l.gauges.certificateExpiry.Set(float64(at.Unix()))
	}
	for _, issuer := range g.stale {
		l.cfg.Log.Warn("the revocation list is past its next update and still used", "listener", l.cfg.Name, "issuer", issuer,
			"remedy", "fetch the new list into crl_file and reload")
	}
	return nil
}

// Run lets clients in until ctx ends; then it shuts the port, drains the connections as
// Limits.Drain says, and returns when the last has left. It returns an error when the
// port fails for good.
func (l *Listener) Run(ctx context.Context) error {
	defer l.giveUp()
	shut := make(chan struct{})
	undo := context.AfterFunc(ctx, func() { l.stop(); close(shut) })
	err := l.accept(ctx)
	if undo() { // the port failed by itself
		l.stop()
	} else {
		<-shut
	}
	late := time.AfterFunc(l.cfg.Limits.Drain+patience, l.giveUp)
	defer late.Stop()
	l.leaving.Wait()
	return err
}

// stop shuts the door. It runs once, in Run.
func (l *Listener) stop() {
	close(l.stopping)
	l.socket.Close()
	l.door.shut(time.Now().Add(l.cfg.Limits.Drain))
}

// accept lets clients in until the socket is closed.
func (l *Listener) accept(ctx context.Context) error {
	var pause time.Duration
	for {
		raw, err := l.socket.Accept()
		switch {
		case err == nil:
			pause = 0
			l.let(raw)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("listener: %s: %w", l.cfg.Name, err)
		default:
			// Mostly EMFILE, which stays until a connection ends: without the pause this loop takes a whole core.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			l.gauges.acceptErrors.Inc()
			l.complaints.say(slog.LevelError, "accept failed", acceptFailed, "", slog.String("error", err.Error()))
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// let gives a new connection its place and goroutine. The goroutine ends with the connection, which the
// handshake's deadline, the reader's deadlines and stop bound.
func (l *Listener) let(raw net.Conn) {
	c := newConn(l, raw)
	out, why := l.door.enter(c)
	if why != "" {
		raw.Close()
		l.refused(c, &refusal{reason: why})
		return
	}
	if out != nil {
		out.raw.Close() // its goroutine finds out and says so
	}
	l.gauges.connections.Inc()
	l.leaving.Go(func() {
		defer l.gauges.connections.Dec()
		defer l.door.leave(c)
		c.serve()
	})
}

// refused counts and tells of a connection that was not let in.
func (l *Listener) refused(c *conn, err error) {
	why := handshakeReason(err)
	l.gauges.refuse(why)
	level, attrs := slog.LevelWarn, []slog.Attr{}
	switch why {
	case leftHandshake, stopping:
		level = slog.LevelDebug // health checks and scanners
	case plaintext:
		attrs = append(attrs, slog.String("spoken", spoken(err)))
	case badHandshake, badCertificate, unknownCA, tlsVersion, tlsCipher, rejectedUs:
		attrs = append(attrs, slog.String("error", cut(err.Error(), 300)))
	}
	text := "client refused"
	if why == plaintext {
		text = "client without TLS on the TLS port refused"
	}
	l.complaints.say(level, text, why, c.who(), attrs...)
	switch why {
	case noCertificate, badCertificate, unknownCA, wrongUsage, notPermitted, revoked, expired:
		if l.cfg.Refused != nil {
			l.cfg.Refused(newPeer(l.cfg.Name, c.raw, nil), string(why))
		}
	}
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
