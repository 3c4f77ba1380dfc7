package listener

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"destring/relay/framing"
	"destring/relay/syslog"
	"destring/rules/event"
)

// intake turns the frames of one connection into events and hands them to its session. TLS, RELP and the
// plaintext inputs all end here. One goroutine uses it. Nothing in it allocates once its buffers have grown.
type intake struct {
	gauges  *gauges
	session Session
	peer    *event.Peer
	hosts   hostCheck
	guest   *guest // nil when no rates are kept

	id     event.ID
	now    int64 // when the bytes at hand were read, ns since 1970
	parser syslog.Parser
	ev     event.Event
	tally  tally
	// lossy is set for good when a message was not taken: then the end of the stream must not look as if all was well.
	lossy bool
}

// connectionID returns a random number for event.ID, unguessable so that no sender can
// make a message look like part of another connection.
func connectionID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process when the kernel has no randomness
	return binary.BigEndian.Uint64(b[:])
}

// begin takes the time for the frames that follow: once a read, not once a message.
func (in *intake) begin() { in.now = time.Now().UnixNano() }

// take parses one frame and hands it over. The event is in.ev.
func (in *intake) take(frame []byte, kind event.Framing, flags event.Flags) error {
	in.prepare(frame, kind, flags)
	return in.hand()
}

func (in *intake) prepare(frame []byte, kind event.Framing, flags event.Flags) {
	ev := &in.ev
	ev.Reset()
	in.id.Message++
	ev.ID, ev.Received, ev.Peer, ev.Flags = in.id, in.now, in.peer, flags
	ev.Syslog.Framing = kind
	in.parser.Parse(frame, in.now, ev)
	if in.hosts.mismatch(ev.Syslog.Hostname) {
		ev.Flags |= event.HostMismatch
		in.tally.mismatches++
	}
	in.count(len(frame), ev)
}

func (in *intake) count(size int, ev *event.Event) {
	t := &in.tally
	t.frames[ev.Syslog.Framing]++
	t.messages++
	t.bytes += size
	if ev.Flags.Has(event.Truncated) {
		t.truncated++
	}
	if ev.Flags.Has(event.Partial) {
		t.partial++
	}
	if ev.Fault != "" {
		in.gauges.fault(ev.Fault)
	}
}

func (in *intake) hand() error {
	err := in.session.Handle(&in.ev)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrShed):
		in.tally.shed++
	default:
		in.tally.untaken++
	}
	in.lossy = true
	return err
}

// endBatch tells the session that nothing more is at hand, and returns how long the peer must wait for having been too fast.
func (in *intake) endBatch() time.Duration {
	in.session.Flush()
	var wait time.Duration
	if in.guest != nil {
		work := 0
		if w, ok := in.session.(Worker); ok && in.guest.rate.limited() {
			work = w.Work()
		}
		wait = in.guest.rate.take(in.tally.messages, in.tally.bytes, work)
		in.tally.throttledSeconds += wait.Seconds()
	}
	in.tally.flush(in.gauges)
	return wait
}

// flagsOf says as event flags what the frame reader found.
func flagsOf(f framing.Frame) event.Flags {
	var flags event.Flags
	if f.Truncated {
		flags |= event.Truncated
	}
	if f.Partial {
		flags |= event.Partial
	}
	if f.Continued {
		flags |= event.Continued
	}
	return flags
}

// framings are the kinds of relay/framing as the vocabulary names them.
var framings = [...]event.Framing{framing.Octet: event.FramingOctet, framing.LF: event.FramingLF, framing.NUL: event.FramingNUL}
