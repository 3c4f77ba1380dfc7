package listener

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"net"
	"sync"
	"time"

	"gopkg.in/mcuadros/go-syslog.v2/format"

	"destring/relay/framing"
	"destring/rules/event"
)

// The contract of go-syslog: a Format cuts (GetSplitFunc, once a connection) and parses (GetParser, once
// a message), the server adds the client's address to the map of Dump, and a Handler gets the map. Ours puts one
// thing into the map, under partsKey: itself, with the event parsed.
const partsKey = "destring"

// part is what stands in the map: a stream or a datagram input.
type part interface {
	deliver(client string)
}

// Handle is go-syslog's Handler. It runs on the goroutine that read the message.
func (p *Plain) Handle(parts format.LogParts, _ int64, _ error) {
	if source, ok := parts[partsKey].(part); ok {
		client, _ := parts["client"].(string)
		source.deliver(client)
	}
}

// streams is the Format of the TCP input.
type streams struct {
	p      *Plain
	gauges *gauges
}

// stream is one TCP connection, as the server's bufio.Scanner shows it: bytes are pushed into split. Our frame reader
// pulls, so it runs as a coroutine (iter.Pull) that is resumed whenever there are bytes.
type stream struct {
	f      *streams
	number uint64

	mu    sync.Mutex // split, Parse, deliver and end
	in    intake
	parts format.LogParts
	over  bool
	busy  bool // in a call of the session, or it panicked there

	data []byte // of the Scanner, not yet read
	fed  int    // bytes of the Scanner's buffer that were read already
	eof  bool
	next func() (item, bool)
	stop func()

	token []byte // number, kind, flags, frame
	frame []byte
	kind  event.Framing
	flags event.Flags
}

// item is a frame, or that more bytes are needed.
type item struct {
	frame framing.Frame
	found bool
}

const tokenHead = 8 + 1 + 4

// GetSplitFunc opens a stream. The server calls it once for each connection.
func (f *streams) GetSplitFunc() bufio.SplitFunc {
	s := &stream{f: f, number: f.p.number.Add(1), parts: format.LogParts{}}
	s.next, s.stop = iter.Pull(s.frames)
	f.p.streams.Store(s.number, s)
	f.gauges.accepted.Inc()
	f.gauges.connections.Inc()
	return s.split
}

// frames is the coroutine. It reads from the stream itself. Joining of lines is off, because it needs time-outs.
func (s *stream) frames(yield func(item) bool) {
	r := framing.NewReader(pull{s, yield}, framing.Options{Mode: s.f.p.cfg.Framing, MaxMessage: s.f.p.cfg.MaxMessage, Join: -1})
	for {
		f, err := r.Next()
		if err != nil || !yield(item{f, true}) {
			return
		}
	}
}

// pull is the reader's source: when there is nothing to read it gives the control back to split.
type pull struct {
	s     *stream
	yield func(item) bool
}

func (p pull) Read(b []byte) (int, error) {
	for len(p.s.data) == 0 {
		if p.s.eof || !p.yield(item{}) {
			return 0, io.EOF
		}
	}
	n := copy(b, p.s.data)
	p.s.data = p.s.data[n:]
	return n, nil
}

// split is the SplitFunc. A panic in it, or before it in the session, ends the stream.
func (s *stream) split(data []byte, atEOF bool) (advance int, token []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, nil, io.EOF
	}
	if advance, token = s.cut(data, atEOF); s.busy || atEOF && token == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.finish(ctx)
		return len(data), nil, io.EOF
	}
	return advance, token, nil
}

// cut takes all that the Scanner has, so that its 64 KiB buffer never fills. The Scanner asks again only
// while bytes are left, so with each frame the last byte is left with it, though it was read.
func (s *stream) cut(data []byte, atEOF bool) (advance int, token []byte) {
	defer s.f.p.survive(s.f.gauges)
	if s.busy {
		return 0, nil
	}
	s.busy = true
	if len(s.data) == 0 {
		s.data = data[min(s.fed, len(data)):]
	}
	s.eof = atEOF
	it, ok := s.next()
	s.fed = 0
	if ok && it.found {
		s.fed = min(1, len(data))
		token = s.tokenOf(it.frame)
	} else {
		if s.in.session != nil {
			s.in.endBatch()
		}
		s.in.begin()
	}
	s.busy = false
	return len(data) - s.fed, token
}

// tokenOf writes the stream's number and what is known of the frame before it: the server hands on bytes only.
func (s *stream) tokenOf(f framing.Frame) []byte {
	s.token = binary.BigEndian.AppendUint64(s.token[:0], s.number)
	s.token = append(s.token, byte(framings[f.Kind]))
	s.token = binary.BigEndian.AppendUint32(s.token, uint32(flagsOf(f)))
	s.token = append(s.token, f.Bytes...)
	return s.token
}

// GetParser finds the stream of a token.
func (f *streams) GetParser(token []byte) format.LogParser {
	if len(token) > tokenHead {
		if v, ok := f.p.streams.Load(binary.BigEndian.Uint64(token)); ok {
			s := v.(*stream)
			s.kind, s.flags = event.Framing(token[8]), event.Flags(binary.BigEndian.Uint32(token[9:]))
			s.frame = token[tokenHead:]
			return s
		}
	}
	return nobody{}
}

// Parse never fails: what is not understood is the message.
func (s *stream) Parse() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.f.p.survive(s.f.gauges)
	if s.in.gauges == nil { // the peer is known only after Dump
		s.in = s.f.p.newIntake(s.f.gauges, "")
	}
	if s.in.now == 0 {
		s.in.begin()
	}
	s.in.prepare(s.frame, s.kind, s.flags)
	return nil
}

// Dump returns the map that the server completes, the same for each message of the stream.
func (s *stream) Dump() format.LogParts {
	s.parts[partsKey] = part(s)
	return s.parts
}

// Location is part of the contract; zones come from the configuration.
func (s *stream) Location(*time.Location) {}

func (s *stream) deliver(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.f.p.survive(s.f.gauges)
	if s.over {
		return
	}
	s.f.p.last.Store(time.Now().UnixNano())
	s.busy = true
	if s.in.session == nil {
		s.in.peer = s.f.p.newIntake(s.f.gauges, client).peer
		s.in.session = s.f.p.handler.Open(s.in.peer)
	}
	s.in.ev.Peer = s.in.peer
	_ = s.in.hand() // counted there
	s.busy = false
}

// end closes the stream from outside, when the relay stops.
func (s *stream) end(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.finish(ctx)
	}
}

// finish makes durable what came and forgets the stream. The server closes the socket afterwards.
func (s *stream) finish(ctx context.Context) {
	defer s.f.p.survive(s.f.gauges)
	s.over = true
	s.f.p.streams.Delete(s.number)
	s.f.gauges.connections.Dec()
	s.stop()
	if s.in.session != nil {
		defer s.in.session.Close()
		if !s.busy {
			s.in.endBatch()
			_ = s.in.session.Sync(ctx) // nobody is there to be told
		}
	}
}

// nobody parses what belongs to no stream.
type nobody struct{}

func (nobody) Parse() error            { return nil }
func (nobody) Dump() format.LogParts   { return format.LogParts{} }
func (nobody) Location(*time.Location) {}

// datagrams is the Format of the UDP and unix inputs, and the parser of their messages: the server parses datagrams on one
// goroutine, one after another.
type datagrams struct {
	p      *Plain
	name   string
	gauges *gauges

	mu      sync.Mutex // deliver and end
	frame   []byte
	origins map[string]*origin
	parts   format.LogParts
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
		s = &origin{in: d.p.newIntake(d.gauges, client)}
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
