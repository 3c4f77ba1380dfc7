package listener

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"os"
	"sync"
	"time"

	"gopkg.in/mcuadros/go-syslog.v2/format"

	"destring/relay/framing"
	"destring/rules/event"
)

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

	// The frame reader waits a short while for lines that belong to a message. The Scanner cannot
	// be woken, so a timer resumes the coroutine while split waits for bytes.
	until time.Time // deadline that the frame reader has set; zero is none
	late  bool      // tell it that the deadline has passed
	calls int       // of cut: a timer of an earlier one is void
	timer *time.Timer

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
	s.in = intake{gauges: f.gauges, id: event.ID{Connection: connectionID()}}
	s.next, s.stop = iter.Pull(s.frames)
	f.p.streams.Store(s.number, s)
	f.gauges.accepted.Inc()
	f.gauges.connections.Inc()
	return s.split
}

// frames is the coroutine.
func (s *stream) frames(yield func(item) bool) {
	r := framing.NewReader(pull{s, yield}, framing.Options{Mode: s.f.p.cfg.Framing, Header: s.f.p.cfg.Header, MaxMessage: s.f.p.cfg.MaxMessage, Join: s.f.p.cfg.Join})
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
		if p.s.late {
			p.s.late = false
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := copy(b, p.s.data)
	p.s.data = p.s.data[n:]
	return n, nil
}

// SetReadDeadline is for the frame reader.
func (p pull) SetReadDeadline(t time.Time) error {
	p.s.until = t
	return nil
}

// split is the SplitFunc. A panic in it, or before it in the session, ends the stream.
func (s *stream) split(data []byte, atEOF bool) (advance int, token []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, nil, io.EOF
	}
	if atEOF {
		// The rest goes straight to the session: the end may set free many messages that were held, and the
		// Scanner panics when it gets a hundred tokens for no bytes.
		s.release(data)
	} else {
		advance, token = s.cut(data)
	}
	if s.busy || atEOF {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.finish(ctx)
		return len(data), nil, io.EOF
	}
	return advance, token, nil
}

// release hands over everything at the end of the stream.
func (s *stream) release(data []byte) {
	defer s.f.p.survive(s.f.gauges)
	if s.busy {
		return
	}
	s.busy = true
	s.feed(data)
	s.eof = true
	s.takeAll()
	s.busy = false
}

// takeAll takes what the frame reader has without a way through the server. All tokens were
// delivered before, since the Scanner calls split again only after that.
func (s *stream) takeAll() {
	for {
		it, ok := s.next()
		if !ok || !it.found {
			return
		}
		s.open("")
		s.in.begin()
		_ = s.in.take(it.frame.Bytes, framings[it.frame.Kind], flagsOf(it.frame)) // counted there
	}
}

// feed shows the frame reader what it has not yet read of the Scanner's buffer, and voids the timer.
func (s *stream) feed(data []byte) {
	s.calls++
	if s.timer != nil {
		s.timer.Stop()
	}
	if len(s.data) == 0 {
		s.data = data[min(s.fed, len(data)):]
	}
	s.fed = 0
}

// cut takes all that the Scanner has, so that its 64 KiB buffer never fills. The Scanner asks again only
// while bytes are left, so with each frame the last byte is left with it, though it was read.
func (s *stream) cut(data []byte) (advance int, token []byte) {
	defer s.f.p.survive(s.f.gauges)
	if s.busy {
		return 0, nil
	}
	s.busy = true
	s.feed(data)
	if it, ok := s.next(); ok && it.found {
		s.fed = min(1, len(data))
		token = s.tokenOf(it.frame)
	} else {
		s.rest()
	}
	s.busy = false
	return len(data) - s.fed, token
}

// rest ends a batch: the frame reader has nothing more for now.
func (s *stream) rest() {
	if s.in.session != nil {
		s.in.endBatch()
	}
	s.in.now = 0
	if !s.until.IsZero() {
		call := s.calls
		s.timer = time.AfterFunc(time.Until(s.until), func() { s.lapse(call) })
	}
}

// lapse runs when no bytes came until the frame reader's deadline.
func (s *stream) lapse(call int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.f.p.survive(s.f.gauges)
	if s.over || s.busy || s.calls != call {
		return
	}
	s.busy, s.late = true, true
	s.takeAll()
	s.rest()
	s.busy = false
}

// open opens the session at the first message. Only a token's way through the server tells the client's address; a first message that
// was held does not take it, and its client is known by the address that is listened on, which is this machine's.
func (s *stream) open(client string) {
	s.f.p.last.Store(time.Now().UnixNano())
	if s.in.session != nil {
		return
	}
	if client == "" {
		client = s.f.p.cfg.TCP
	}
	s.in.peer = s.f.p.newPeer(s.f.gauges.name, client)
	s.in.session = s.f.p.handler.Open(s.in.peer)
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
	s.busy = true
	s.open(client)
	s.in.ev.Peer = s.in.peer
	_ = s.in.hand() // counted there
	s.busy = false
}

// end closes the stream from outside, when the relay stops.
func (s *stream) end(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		if s.fed == 0 { // else a message is on its way through the server, and what is behind it is not ours to take
			s.release(nil) // a message without an end yet is a part of one, and kept
		}
		s.finish(ctx)
	}
}

// finish makes durable what came and forgets the stream. The server closes the socket afterwards.
func (s *stream) finish(ctx context.Context) {
	defer s.f.p.survive(s.f.gauges)
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
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
