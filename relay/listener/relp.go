package listener

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"destring/rules/event"
)

// relp is one RELP session: messages that are answered only when they are durable.
//
// The replies of many messages share one wait: messages are taken while they come, and
// when nothing has come for relpPause or half a window is open, the session is synced
// once and all are answered in one write. Waiting that little is what makes the sharing work on TLS,
// where a read gives one record, and rsyslog writes a record for each message.
//
// Crash windows: killed before the sync, the message is not durable and not answered, and the
// sender sends it again; killed between sync and reply, it is durable and is sent again with the
// same event.Hash, by which readers know the copy.
type relp struct {
	c    *conn
	mac  hash.Hash
	name []byte // of the peer, with a NUL behind it, which no name holds

	limit  int    // of a frame's data, in bytes
	buf    []byte // buf[lo:hi] is read and not yet taken
	lo, hi int
	skip   int       // bytes to come that belong to a message that was cut
	began  time.Time // of the frame at hand; zero between frames
	isOpen bool

	open []uint32 // transactions taken and not answered
	out  []byte   // replies
	sum  [sha256.Size]byte
}

const (
	relpWindow   = 128                  // messages that a client may have under way, as librelp has
	relpPause    = 1 * time.Millisecond // without a byte: the messages at hand are answered
	relpFarewell = time.Second          // for a client to see that the session is over
	relpRetry    = time.Second          // a session that cannot take a message is held so long, lest its client come back at once
	relpBuffer   = 4 << 10              // of an idle session
	// relpHeaders is what may come on top of the longest message for its syslog header, as relay/framing has it.
	relpHeaders = 4 << 10
)

func newRELP(c *conn) *relp {
	longest := c.l.cfg.MaxMessage
	return &relp{c: c, limit: longest + min(relpHeaders, longest/16), mac: hmac.New(sha256.New, c.l.cfg.HashKey), name: append([]byte(c.in.peer.Name), 0), buf: make([]byte, relpBuffer), open: make([]uint32, 0, relpWindow)}
}

// serve answers until the session ends and returns why it did.
func (s *relp) serve() reason {
	why := s.commands()
	s.c.in.endBatch()
	switch why {
	case closedInOrder, drained, revoked, expired, idleTimeout, notTaken, badFraming:
		s.answerAll()
		s.reply(0, "serverclose", "")
		if s.write() == nil {
			s.farewell()
		}
	}
	return why
}

// farewell ends our side of the stream and then reads for a while without looking. Closing with bytes
// unread would send RST, and a client that meets that while it writes never reads the replies
// which came before it: it would send again what is durable (2 of 3,600 messages over ten stops under load).
func (s *relp) farewell() {
	var err error
	if s.c.tls != nil {
		err = s.c.tls.CloseWrite()
	} else if tcp, ok := s.c.raw.Conn.(*net.TCPConn); ok {
		err = tcp.CloseWrite()
	}
	if err == nil && s.c.raw.SetReadDeadline(time.Now().Add(relpFarewell)) == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(s.c.raw, relpWindow*int64(s.limit)))
	}
}

// commands takes frames until one ends the session.
func (s *relp) commands() reason {
	for {
		f, err := s.next()
		if err != nil {
			return s.why(err)
		}
		if why := s.command(f); why != "" {
			return why
		}
	}
}

// command obeys one command. The reason is empty when the session goes on.
func (s *relp) command(f relpFrame) reason {
	switch {
	case f.command == relpOpen && !s.isOpen:
		version, fault := relpOffers(f.data)
		if fault != "" || f.truncated {
			s.reply(f.txnr, "rsp", "500 "+fault)
			return badFraming
		}
		s.isOpen = true
		s.reply(f.txnr, "rsp", "200 OK\nrelp_version="+string(version)+"\nrelp_software=destring\ncommands=syslog")
	case !s.isOpen:
		s.reply(f.txnr, "rsp", "500 the session is not open")
		return badFraming
	case f.command == relpSyslog:
		return s.message(f)
	case f.command == relpClose:
		if !s.answerAll() {
			return notTaken
		}
		s.reply(f.txnr, "rsp", "")
		return closedInOrder
	case f.command == relpOpen:
		s.reply(f.txnr, "rsp", "500 the session is open already")
	default:
		s.reply(f.txnr, "rsp", "500 no such command")
	}
	if s.write() != nil {
		return reset
	}
	return ""
}

// message takes one message and leaves the answer for later.
func (s *relp) message(f relpFrame) reason {
	in := &s.c.in
	var flags event.Flags
	if f.truncated {
		flags = event.Truncated
	}
	if len(f.data) == 0 {
		s.open = append(s.open, f.txnr) // says nothing, so there is nothing to keep
		return ""
	}
	in.prepare(f.data, event.FramingRELP, flags)
	s.hash(f.data)
	if err := in.hand(); err != nil {
		s.answerAll() // those before it are durable, or will be at once: their replies need not wait
		s.c.wait(relpRetry)
		return notTaken
	}
	s.open = append(s.open, f.txnr)
	return ""
}

// hash names the message by peer and frame, so that a resent one is known again. The key keeps others
// from finding out a message by trying.
func (s *relp) hash(frame []byte) {
	s.mac.Reset()
	_, _ = s.mac.Write(s.name)
	_, _ = s.mac.Write(frame)
	copy(s.c.in.ev.Hash[:], s.mac.Sum(s.sum[:0]))
	s.c.in.ev.HasHash = true
}

// answerAll makes what was taken durable and answers it. It reports false when that failed: then the
// client is not answered and sends again.
func (s *relp) answerAll() bool {
	if len(s.open) == 0 {
		return true
	}
	wait := s.c.in.endBatch()
	if !s.c.durable() {
		s.open = s.open[:0]
		return false
	}
	for _, txnr := range s.open {
		s.reply(txnr, "rsp", "200 OK")
	}
	s.open = s.open[:0]
	s.c.wait(wait)
	return s.write() == nil
}

// reply appends a frame to out.
func (s *relp) reply(txnr uint32, command, data string) {
	s.out = strconv.AppendUint(s.out, uint64(txnr), 10)
	s.out = append(append(append(s.out, ' '), command...), ' ')
	s.out = strconv.AppendInt(s.out, int64(len(data)), 10)
	if data != "" {
		s.out = append(append(s.out, ' '), data...)
	}
	s.out = append(s.out, '\n')
}

// write sends the replies at hand.
func (s *relp) write() error {
	if len(s.out) == 0 {
		return nil
	}
	_ = s.c.src.conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := s.c.src.conn.Write(s.out)
	s.out = s.out[:0]
	return err
}

// errUnanswered ends a session whose messages could not be made durable.
var errUnanswered = &refusal{reason: notTaken}

// next returns the next frame. Before it waits for one it answers what is open.
func (s *relp) next() (relpFrame, error) {
	for {
		s.drop()
		f, used, skip, err := relpCut(s.buf[s.lo:s.hi], s.limit)
		if err != nil {
			return f, err
		}
		if len(s.open) >= relpWindow/2 && s.skip == 0 && !s.answerAll() {
			return f, errUnanswered
		}
		if used > 0 {
			s.lo, s.skip, s.began = s.lo+used, skip, time.Time{}
			return f, nil
		}
		if err := s.fill(); err != nil {
			return f, err
		}
	}
}

// drop leaves out what is left of a message that was cut.
func (s *relp) drop() {
	n := min(s.skip, s.hi-s.lo)
	s.lo, s.skip = s.lo+n, s.skip-n
}

// fill reads once. When messages are open it waits for a pause only, and answers them then.
func (s *relp) fill() error {
	if s.c.src.stopped() {
		return os.ErrDeadlineExceeded // what lies in the socket is not answered, so it is sent again
	}
	s.makeRoom()
	gathers := len(s.open) > 0 && s.skip == 0
	wait := s.deadline(gathers)
	_ = s.c.src.SetReadDeadline(wait)
	n, err := s.c.src.Read(s.buf[s.hi:])
	s.hi += n
	if n > 0 {
		s.c.in.begin()
		return nil
	}
	if gathers && errors.Is(err, os.ErrDeadlineExceeded) && !s.c.src.stopped() {
		if !s.answerAll() {
			return errUnanswered
		}
		return nil
	}
	return err
}

// deadline returns when the next read must end; zero is never.
func (s *relp) deadline(gathers bool) time.Time {
	now, limits := time.Now(), s.c.l.cfg.Limits
	begun := s.lo < s.hi || s.skip > 0
	if begun && s.began.IsZero() {
		s.began = now
	}
	switch {
	case gathers:
		return now.Add(relpPause)
	case !s.isOpen:
		return s.c.accepted.Add(limits.Handshake)
	case begun:
		return s.began.Add(limits.Frame)
	case limits.Idle < 0:
		return time.Time{}
	}
	return now.Add(limits.Idle)
}

// why says why the session ended with err.
func (s *relp) why(err error) reason {
	switch {
	case err == errUnanswered:
		return notTaken
	case err == errRELP:
		return badFraming
	case !errors.Is(err, os.ErrDeadlineExceeded) || s.c.end.Load() != nil || s.c.src.stopped():
		return s.c.why(err)
	case s.lo < s.hi || s.skip > 0 || !s.isOpen:
		return frameTimeout
	}
	return idleTimeout
}

// makeRoom leaves room to read into. The buffer doubles when it is full of one frame: it grows with
// what has come and not with what a length announces, and it shrinks when it is empty.
func (s *relp) makeRoom() {
	if s.lo == s.hi {
		s.lo, s.hi = 0, 0
		if len(s.buf) > 8*relpBuffer {
			s.buf = make([]byte, relpBuffer)
		}
	}
	if len(s.buf)-s.hi >= 512 {
		return
	}
	left := s.buf[s.lo:s.hi]
	if len(left) > len(s.buf)/2 {
		s.buf = make([]byte, 2*len(s.buf))
	}
	s.hi = copy(s.buf, left)
	s.lo = 0
}
