package listener

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"destring/relay/framing"
	"destring/rules/event"
)

// Protocol is what is spoken on a listener.
type Protocol uint8

// Protocols: syslog over a stream (RFC 5425, RFC 6587), and RELP.
const (
	Syslog Protocol = iota
	RELP
)

// Config describes one listener. It is the manual: what a zero means stands beside each field.
// One Config belongs to one Listener; Log and Metrics may be shared by all of them.
type Config struct {
	// Name is the listener's name in event.Peer, in metrics and in log lines: "syslog_tls",
	// "relp". It must differ from that of every other listener on the same Metrics.
	Name string
	// Address is "host:port"; port 0 takes a free one (see Listener.Addr).
	Address  string
	Protocol Protocol

	// Security says who may come in. nil is plaintext: then only loopback addresses are
	// taken, unless AllowPlaintext is set. It can be replaced by Listener.Reload.
	Security       *Security
	AllowPlaintext bool

	// Zone is the zone of wall clocks of peers that have none of their own; nil is the relay's.
	Zone *time.Location

	// Framing fixes one form of framing, and Header one form of headers; zero finds out message by message. A
	// PeerRule may say otherwise for its peer. Not for RELP.
	Framing framing.Mode
	Header  framing.Header
	// Join is how long a line-framed message waits for lines without a header. Zero is
	// 100 ms; less than zero joins nothing. Not for RELP.
	Join time.Duration
	// MaxMessage is the longest message kept whole, in bytes, its header not counted; a longer one is
	// cut and flagged, and the connection lives on. Zero is 1 MiB.
	MaxMessage int

	// HashKey is the secret under which a message's event.Hash is made, so that a resent message is
	// known again. RELP needs one, of 16 bytes or more; it must stay the same over restarts,
	// and it is not the key of the spool.
	HashKey []byte

	Limits Limits

	// LogEvery is how much time must lie between two log lines about one cause and one peer; those
	// left out are counted in the next. Zero is one minute.
	LogEvery time.Duration
	// Refused is told of each client that was turned away because of its certificate, with the reason from the closed set
	// that labels the metrics. It must not wait. nil: nobody is told.
	Refused func(peer *event.Peer, reason string)
	Log     *slog.Logger // nil logs nothing
	Metrics *Metrics     // needed; from NewMetrics
}

// Limits bound what one listener and one peer may take. Zero takes the default.
type Limits struct {
	// Connections in all, open handshakes too. When all are taken, a new connection displaces
	// the oldest one that has been shaking hands for more than a second; if there is none it is refused.
	// Zero is 10,000. The process needs that many file descriptors and about 100 more.
	Connections int
	// PeerConnections is how many one peer (certificate name, else IP address) may
	// have. Zero is no limit of its own.
	PeerConnections int
	// PeerMessages and PeerBytes are how much of one peer is read a second, over all of
	// its connections, with one second's worth of burst. A faster peer is read later, so it
	// waits; nothing is dropped. Zero is no limit.
	PeerMessages, PeerBytes int
	// PeerWork is how much work a second one peer may cause (see Worker), so that lines made to be hard to judge cannot take the
	// processor from others. Zero is no limit.
	PeerWork int

	// Handshake bounds the time from accept to the end of the TLS handshake (RELP: to its open command
	// too). Zero is 10 s.
	Handshake time.Duration
	// Frame bounds the time from a frame's first byte to its last. What has come is kept and
	// flagged partial, and the connection is closed. Zero is 60 s.
	Frame time.Duration
	// Idle bounds the time without a byte between frames. Python's handlers never
	// reconnect, so a short one loses records; dead peers are found by TCP keep-alive anyway. Zero is 24 h; less
	// than zero is no bound.
	Idle time.Duration
	// Drain is how long sockets are read after the stop was ordered; a connection
	// on which nothing comes for 250 ms is done before. Zero is 5 s.
	Drain time.Duration
	// Sync bounds the wait for durability at the end of a connection; after that it is
	// closed without close_notify. At RELP it bounds the wait for a reply. Zero is 10 s.
	Sync time.Duration
}

const (
	quiet     = 250 * time.Millisecond // without a byte after the stop was ordered: the socket is drained
	patience  = 3 * time.Second        // between the end of Drain and giving up on durability
	writeTime = 10 * time.Second       // for RELP replies that a peer does not read
)

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, 10_000)
	l.Handshake = cmp.Or(l.Handshake, 10*time.Second)
	l.Frame = cmp.Or(l.Frame, time.Minute)
	l.Idle = cmp.Or(l.Idle, 24*time.Hour)
	l.Drain = cmp.Or(l.Drain, 5*time.Second)
	l.Sync = cmp.Or(l.Sync, 10*time.Second)
	return l
}

func (c Config) withDefaults() Config {
	c.Limits = c.Limits.withDefaults()
	c.MaxMessage = cmp.Or(c.MaxMessage, 1<<20)
	c.LogEvery = cmp.Or(c.LogEvery, time.Minute)
	c.Zone = cmp.Or(c.Zone, time.Local)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c *Config) validate() error {
	l := c.Limits
	switch {
	case c.Name == "":
		return errors.New("listener: a listener needs a name")
	case c.Metrics == nil:
		return fmt.Errorf("listener: %s: Metrics is nil; make it with NewMetrics", c.Name)
	case c.MaxMessage < 0 || l.Connections < 0 || l.PeerConnections < 0 || l.PeerMessages < 0 || l.PeerBytes < 0 || l.PeerWork < 0,
		l.Handshake < 0 || l.Frame < 0 || l.Drain < 0 || l.Sync < 0:
		return fmt.Errorf("listener: %s: a limit is negative", c.Name)
	case c.Protocol == RELP && len(c.HashKey) < 16:
		return fmt.Errorf("listener: %s: RELP needs a hash key of 16 bytes or more, it has %d", c.Name, len(c.HashKey))
	case c.Security == nil && !c.AllowPlaintext:
		if err := loopbackOnly(c.Address); err != nil {
			return fmt.Errorf("listener: %s: %w", c.Name, err)
		}
	}
	return nil
}

// loopbackOnly refuses every address that other machines can reach. Names are refused but for
// localhost, because what a name means can change.
func loopbackOnly(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	return fmt.Errorf("plaintext on %s could be read and forged by others on the network: use TLS, a loopback address, or set allow_plaintext: true", address)
}
