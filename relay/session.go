package relay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"destring/relay/celery"
	"destring/relay/kafka"
	"destring/relay/listener"
	"destring/relay/signals"
	"destring/relay/spool"
	"destring/relay/syslog"
	"destring/rules"
	"destring/rules/event"
)

// Config is what a Relay is made of. All of it must be set but where a default stands.
type Config struct {
	Spool *spool.Spool
	// Topics are the names of the streams in Kafka.
	Topics [rules.Topics]string
	// Partitions is how many partitions a topic has, at least 1.
	Partitions func(topic string) int32
	// Zone is where clocks hang that name none and whose peer has none. Default UTC.
	Zone *time.Location
	// Shed says that a full spool drops plain syslog instead of blocking its senders.
	Shed bool
	// Stall is how long reading may pause in one spell of fullness when Shed is set.
	Stall   time.Duration
	Metrics *Metrics // unregistered when nil
	// Signals notices what needs memory of the stream; nil notices nothing.
	Signals *signals.Tracker
	// Stop ends every wait for room in the spool: the relay is ending. Default: never.
	Stop context.Context
}

// Relay admits events. Its methods may be called from many goroutines.
type Relay struct {
	cfg    Config
	policy atomic.Pointer[Policy]
	spell  Spell
	tap    tap
	peers  peers
}

// Policy is what a reload may change.
type Policy struct {
	Engine *rules.Engine
	// Celery is how a peer's lines are read; a change reaches a peer when it connects again.
	Celery func(*event.Peer) celery.Options
}

// New makes a Relay that judges by policy.
func New(cfg Config, policy Policy) *Relay {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	if cfg.Stop == nil {
		cfg.Stop = context.Background()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	r := &Relay{cfg: cfg}
	r.policy.Store(&policy)
	r.spell.init(cfg.Stall)
	return r
}

// Use judges by another policy from the next message on: a reload.
func (r *Relay) Use(policy Policy) { r.policy.Store(&policy) }

// Engine returns the engine in use.
func (r *Relay) Engine() *rules.Engine { return r.policy.Load().Engine }

// Acked is the name of the listener whose senders are told of every message: they keep what
// they got no answer for, so nothing of theirs is shed.
const Acked = "relp"

// Session is one connection's way in. One goroutine uses it.
type Session struct {
	relay     *Relay
	reader    *celery.Reader
	inspector *rules.Inspector
	engine    *rules.Engine
	peer      *peerRecord
	acked     bool // the sender is answered for every message (RELP): nothing is shed
	ticket    spool.Ticket
	signals   *signals.Conn // nil when nothing is noticed
}

// Open begins the session of a connection of peer. It is listener.Handler's.
func (r *Relay) Open(peer *event.Peer) listener.Session {
	policy := r.policy.Load()
	engine := policy.Engine
	s := &Session{relay: r, reader: celery.NewReader(policy.Celery(peer)), inspector: engine.NewInspector(), engine: engine, acked: peer.Listener == Acked, peer: r.peers.open(peer)}
	if r.cfg.Signals != nil {
		s.signals = r.cfg.Signals.Open(peer)
	}
	return s
}

// Handle takes one event: reads it as Celery, makes it clean and appends it to the spool. It
// returns listener.ErrShed for one that was dropped and counted because the spool is full, any
// other error for one that was not taken.
func (s *Session) Handle(ev *event.Event) error {
	if engine := s.relay.Engine(); engine != s.engine {
		s.engine = engine
		s.inspector.Use(engine)
	}
	s.peer.messages.Add(1)
	s.peer.last.Store(ev.Received)
	s.reader.Read(ev)
	s.relay.date(ev)
	if s.signals != nil {
		s.signals.Observe(ev)
	}
	clean := s.inspector.Inspect(ev)
	severity := severityOf(ev)
	if !s.acked && s.relay.cfg.Shed && s.relay.spell.shedEarly(s.relay.cfg.Spool.Usage(), severity) {
		return s.shed(severity)
	}
	return s.append(clean, severity)
}

// severityOf is the line's level as a syslog severity, else the header's; 6 when neither says.
func severityOf(ev *event.Event) int8 {
	switch ev.Celery.Level {
	case event.LevelDebug:
		return 7
	case event.LevelInfo:
		return 6
	case event.LevelNone:
		if ev.Syslog.Severity >= 0 {
			return ev.Syslog.Severity
		}
		return 6
	}
	return 4
}

// date dates ev in the relay's zone.
func (r *Relay) date(ev *event.Event) { Date(ev, r.cfg.Zone) }

// Date chooses @timestamp: the header's when it has a zone, else the line's, else the
// header's on the peer's wall, else that of receipt. The line has milliseconds where a header
// without zone (RFC 3164) has whole seconds. Clocks that name no zone hang in the peer's, else in zone.
func Date(ev *event.Event, zone *time.Location) {
	if ev.Peer != nil && ev.Peer.Zone != nil {
		zone = ev.Peer.Zone
	}
	switch {
	case ev.Syslog.HasTime && ev.Syslog.TimeHasZone:
		ev.Timestamp, ev.TimestampFrom = ev.Syslog.Time, event.TimeHeader
	case ev.Celery.HasTime && ev.Celery.TimeHasZone:
		ev.Timestamp, ev.TimestampFrom = ev.Celery.Time, event.TimeLine
	case ev.Celery.HasTime:
		ev.Timestamp, ev.TimestampFrom = syslog.Instant(ev.Celery.Time, ev.Received, zone), event.TimeLine
	case ev.Syslog.HasTime:
		ev.Timestamp, ev.TimestampFrom = syslog.Instant(ev.Syslog.Time, ev.Received, zone), event.TimeHeader
	default:
		ev.Timestamp, ev.TimestampFrom = ev.Received, event.TimeReceipt
	}
}

// append puts clean into the spool and deals with a full one. A sender that is answered waits for
// nothing here: its connection has replies to give to what is durable already.
func (s *Session) append(clean *rules.Clean, severity int8) error {
	r := s.relay
	topic := r.cfg.Topics[clean.Topic()]
	partition := kafka.Partition(clean.Key(), r.cfg.Partitions(topic))
	for {
		ticket, err := r.cfg.Spool.Append(topic, partition, clean)
		full := errors.Is(err, spool.ErrFull) || errors.Is(err, spool.ErrDisk)
		switch {
		case err == nil:
			s.ticket = ticket
			r.spell.good()
			r.tap.show(clean)
			return nil
		case errors.Is(err, spool.ErrTooLarge):
			return s.tooLarge(clean)
		case s.acked || !full:
			return fmt.Errorf("relay: %w", err)
		case r.cfg.Shed:
			if errors.Is(err, spool.ErrStalled) {
				r.spell.spend()
			}
			if !r.spell.wait(r.cfg.Stop, func(ctx context.Context) error { return r.cfg.Spool.WaitRoom(ctx, clean.Size()) }) {
				return s.shed(severity)
			}
		default:
			if err := r.cfg.Spool.WaitRoom(r.cfg.Stop, clean.Size()); err != nil {
				return fmt.Errorf("relay: waited for room in the spool: %w", err)
			}
		}
	}
}

// tooLarge makes a dead letter in the place of a record that the spool will never have room for. It
// counts as taken: a RELP sender would send it again for ever, and nothing behind it.
func (s *Session) tooLarge(clean *rules.Clean) error {
	r := s.relay
	r.cfg.Metrics.tooLarge.Inc()
	letter := s.engine.State(rules.Statement{Topic: rules.DeadLetters, Action: "record-too-large", Kind: "event", Time: time.Now().UnixNano(), Severity: rules.High, Key: string(clean.Key()),
		Message: fmt.Sprintf("A record of %d bytes was dropped: it needs more than a quarter of the spool (spool.max_size, listen.max_message).", clean.Size()),
		Fields:  []rules.Field{rules.String("destring.dead_letter.reason", "too large for the spool"), rules.String("destring.dead_letter.topic", r.cfg.Topics[clean.Topic()])}})
	topic := r.cfg.Topics[letter.Topic()]
	ticket, err := r.cfg.Spool.Append(topic, kafka.Partition(letter.Key(), r.cfg.Partitions(topic)), letter)
	if err != nil {
		return fmt.Errorf("relay: a record is too large, and there is no room to say so: %w", err)
	}
	s.ticket = ticket
	return nil
}

func (s *Session) shed(severity int8) error {
	s.relay.spell.count()
	s.relay.cfg.Metrics.shed(severity)
	return listener.ErrShed
}

// Flush ends a batch: what notices gets its counts. The spool commits by itself within milliseconds.
func (s *Session) Flush() {
	if s.signals != nil {
		s.signals.Flush()
	}
}

// Goodbye is listener.Leaver's: the connection ended in order.
func (s *Session) Goodbye() {
	if s.signals != nil {
		s.signals.Goodbye()
	}
}

// Work is what the messages since the last call cost, in bytes that redaction looked at. It is
// listener.Worker's.
func (s *Session) Work() int { return s.inspector.Work() }

// Sync returns nil once all that was handled is durable.
func (s *Session) Sync(ctx context.Context) error {
	if err := s.relay.cfg.Spool.Wait(ctx, s.ticket); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	return nil
}

// Close ends the session. What was handled is in the spool already.
func (s *Session) Close() {
	if s.signals != nil {
		s.signals.Close()
	}
	s.relay.peers.close(s.peer)
}

// State appends a record in our own words, as far as the spool has room.
func (r *Relay) State(st rules.Statement) error {
	clean := r.Engine().State(st)
	topic := r.cfg.Topics[clean.Topic()]
	if _, err := r.cfg.Spool.Append(topic, kafka.Partition(clean.Key(), r.cfg.Partitions(topic)), clean); err != nil {
		return fmt.Errorf("relay: state %s: %w", st.Action, err)
	}
	return nil
}
