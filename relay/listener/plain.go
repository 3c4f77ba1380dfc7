package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gosyslog "gopkg.in/mcuadros/go-syslog.v2"

	"destring/relay/framing"
	"destring/rules/event"
)

// PlainConfig describes the inputs without TLS: for senders on this machine. All are off
// when their address is empty. go-syslog's server drives them, with our framing and parser as its format.
//
// They promise less than TLS and RELP: no identity but an address, no end-of-stream receipt, no
// limit of connections, and what a datagram socket drops nobody knows of. A TCP address that other machines
// can reach gets the acceptor of Listener instead, with its limits.
type PlainConfig struct {
	TCP, UDP string // "127.0.0.1:514"; only loopback, unless AllowPlaintext
	Unix     string // path of a datagram socket, as /dev/log; made with mode 0660, replaced when nobody listens on it

	AllowPlaintext bool

	Framing    framing.Mode   // of TCP; zero finds out
	Header     framing.Header // of TCP; zero finds out
	Join       time.Duration  // of TCP; see Config
	MaxMessage int            // of TCP, in bytes; zero is 1 MiB. A datagram is 64 KiB at most
	Idle       time.Duration  // of TCP; zero is 24 h, less than zero never
	Drain      time.Duration  // how long messages are taken after the stop was ordered; zero is 5 s
	Zone       *time.Location // of wall clocks; nil is the relay's

	LogEvery time.Duration // see Config
	Log      *slog.Logger
	Metrics  *Metrics
}

// Plain is the inputs without TLS. Make it with NewPlain, then call Run once.
//
// Of go-syslog's server only this is used: its sockets and its calls of format.Format and Handler. Its own
// formats end the process at six short inputs, so none is reachable from here. It cannot be stopped cleanly (Kill
// closes a channel that its UDP reader still sends to, and drops what connections hold), so datagram
// sockets are left to the end of the process; after Run nothing they bring is taken.
type Plain struct {
	cfg     PlainConfig
	handler Handler
	tcp     *gosyslog.Server   // nil when off
	outer   *Listener          // TCP that others can reach; nil when off
	servers []*gosyslog.Server // all of them
	said    *complaints

	streams sync.Map // uint64 → *stream
	number  atomic.Uint64
	inputs  []*datagrams
	closed  atomic.Bool
	last    atomic.Int64 // when a message came last, ns
}

// NewPlain opens the inputs; nothing is taken before Run.
func NewPlain(cfg PlainConfig, handler Handler) (*Plain, error) {
	full := Config{MaxMessage: cfg.MaxMessage, Zone: cfg.Zone, Log: cfg.Log, LogEvery: cfg.LogEvery, Limits: Limits{Idle: cfg.Idle, Drain: cfg.Drain}}.withDefaults()
	cfg.MaxMessage, cfg.Zone, cfg.Log, cfg.LogEvery, cfg.Idle, cfg.Drain = full.MaxMessage, full.Zone, full.Log, full.LogEvery, full.Limits.Idle, full.Limits.Drain
	if cfg.Metrics == nil {
		return nil, errors.New("listener: plain: Metrics is nil; make it with NewMetrics")
	}
	p := &Plain{cfg: cfg, handler: handler, said: newComplaints(cfg.Log, cfg.LogEvery)}
	if err := p.open(); err != nil {
		return nil, fmt.Errorf("listener: plain: %w", err)
	}
	return p, nil
}

func (p *Plain) open() error {
	if p.cfg.TCP != "" {
		if err := p.openTCP(); err != nil {
			return err
		}
	}
	if p.cfg.UDP != "" {
		if err := p.allowed(p.cfg.UDP); err != nil {
			return err
		}
		if err := p.datagrams("plain_udp").ListenUDP(p.cfg.UDP); err != nil {
			return err
		}
	}
	if p.cfg.Unix != "" {
		if err := removeStale(p.cfg.Unix); err != nil {
			return err
		}
		if err := p.datagrams("plain_unix").ListenUnixgram(p.cfg.Unix); err != nil {
			return err
		}
		if err := os.Chmod(p.cfg.Unix, 0o660); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plain) openTCP() (err error) {
	if err := p.allowed(p.cfg.TCP); err != nil {
		return err
	}
	if loopbackOnly(p.cfg.TCP) != nil {
		p.outer, err = New(Config{Name: "plain_tcp", Address: p.cfg.TCP, AllowPlaintext: true, Zone: p.cfg.Zone, Framing: p.cfg.Framing, Header: p.cfg.Header, Join: p.cfg.Join, MaxMessage: p.cfg.MaxMessage,
			Limits: Limits{Idle: p.cfg.Idle, Drain: p.cfg.Drain}, LogEvery: p.cfg.LogEvery, Log: p.cfg.Log, Metrics: p.cfg.Metrics}, p.handler)
		return err
	}
	p.tcp = gosyslog.NewServer()
	p.tcp.SetTimeout(p.cfg.Idle.Milliseconds())
	p.tcp.SetFormat(&streams{p, p.cfg.Metrics.of("plain_tcp")})
	p.tcp.SetHandler(p)
	p.servers = append(p.servers, p.tcp)
	return p.tcp.ListenTCP(p.cfg.TCP)
}

func (p *Plain) allowed(address string) error {
	if p.cfg.AllowPlaintext {
		return nil
	}
	return loopbackOnly(address)
}

func (p *Plain) datagrams(name string) *gosyslog.Server {
	d := &datagrams{p: p, name: name, gauges: p.cfg.Metrics.of(name), origins: map[string]*origin{}}
	s := gosyslog.NewServer()
	s.SetFormat(d)
	s.SetHandler(p)
	p.inputs, p.servers = append(p.inputs, d), append(p.servers, s)
	return s
}

// removeStale removes a socket that a relay left which is gone, and nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	if c, err := net.Dial("unixgram", path); err == nil {
		c.Close()
		return fmt.Errorf("another process listens on %s", path)
	}
	return os.Remove(path)
}

// Run takes messages until ctx ends, then for a short while more, and makes them durable.
func (p *Plain) Run(ctx context.Context) error {
	for _, s := range p.servers {
		if err := s.Boot(); err != nil {
			return fmt.Errorf("listener: plain: %w", err)
		}
	}
	var failed error
	if p.outer != nil {
		failed = p.outer.Run(ctx)
	}
	if failed == nil {
		<-ctx.Done()
	}
	p.drain()
	p.closed.Store(true)
	late, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.streams.Range(func(_, s any) bool { s.(*stream).end(late); return true })
	for _, d := range p.inputs {
		d.end(late)
	}
	if p.tcp != nil {
		_ = p.tcp.Kill() // closes the port; a reader whose client is silent stays until Idle
	}
	if p.cfg.Unix != "" {
		_ = os.Remove(p.cfg.Unix)
	}
	return failed
}

// drain waits until nothing has come for quiet.
func (p *Plain) drain() {
	stop := time.Now().Add(p.cfg.Drain)
	for {
		calm := time.Unix(0, p.last.Load()).Add(quiet)
		if !time.Now().Before(calm) || time.Now().After(stop) {
			return
		}
		time.Sleep(min(time.Until(calm), time.Until(stop)))
	}
}

// survive ends a panic in the library's goroutine, which has nothing above that would.
func (p *Plain) survive(g *gauges) {
	if value := recover(); value != nil {
		g.panics.Inc()
		p.said.say(slog.LevelError, "a fault of the relay ended a plaintext message", panicked, g.name, slog.String("panic", panicKind(value)), slog.String("at", callers()))
	}
}

// newPeer returns who a sender without certificate is: its address, or local for one on a unix socket.
func (p *Plain) newPeer(listener, client string) *event.Peer {
	peer := &event.Peer{Listener: listener, Name: "local", Zone: p.cfg.Zone}
	if ap, err := netip.ParseAddrPort(strings.Replace(client, "localhost:", "127.0.0.1:", 1)); err == nil {
		peer.Address = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
		peer.Name = peer.Address.Addr().String()
	}
	return peer
}
