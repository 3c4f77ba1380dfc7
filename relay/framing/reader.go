package framing

import (
	"errors"
	"io"
	"os"
	"time"
)

// deadliner is what a source must have for time-outs; net.Conn and *tls.Conn have it.
type deadliner interface {
	SetReadDeadline(time.Time) error
}

// Reader cuts a stream into messages. One goroutine uses it.
type Reader struct {
	src      io.Reader
	deadline deadliner // nil: reads cannot be timed
	opt      Options

	buf    []byte // buf[lo:hi] is read and not yet handed out
	lo, hi int
	full   bool // the last read filled the buffer
	calm   int  // reads in a row that a smaller buffer would have served

	scan  scanner
	ahead Frame // found by Buffered, not yet handed out
	has   bool

	began time.Time // first wait for the rest of the frame at hand; zero between frames
	held  time.Time // first wait for lines that may continue a whole message
	err   error     // ends the stream once the buffer is handed out
	armed time.Time // deadline set on the source
}

const (
	smallBuffer = 4 << 10  // of an idle connection
	readBuffer  = 32 << 10 // two TLS records
	minRead     = 512
)

// NewReader returns a Reader of src. The Reader sets the read deadlines of src, if it
// has any: nobody else may.
func NewReader(src io.Reader, opt Options) *Reader {
	opt = opt.withDefaults()
	r := &Reader{src: src, opt: opt, scan: newScanner(opt)}
	r.deadline, _ = src.(deadliner)
	return r
}

// Next returns the next message. Empty frames are skipped. After the last message the error is
// io.EOF when the sender ended the stream in order, else an *Error; it stays the same from then on.
func (r *Reader) Next() (Frame, error) {
	if r.has {
		r.has = false
		return r.ahead, nil
	}
	for {
		if f, ok := r.take(); ok {
			return f, nil
		}
		if r.err != nil {
			return Frame{}, r.err
		}
		r.fill()
	}
}

// Buffered reports whether Next can return a message without reading. It leaves the frame that
// Next returned last as it is.
func (r *Reader) Buffered() bool {
	if !r.has {
		r.ahead, r.has = r.take()
	}
	return r.has
}

func (r *Reader) take() (Frame, bool) {
	f, used, ok := r.scan.next(r.buf[r.lo:r.hi])
	r.lo += used
	if ok || used > 0 {
		r.held = time.Time{}
	}
	if ok {
		r.began = time.Time{}
	}
	if ok && r.scan.fault != "" && r.err == nil {
		r.err = &Error{Reason: r.scan.fault}
	}
	return f, ok
}

// fill reads once, or finds out why there is nothing more to read.
func (r *Reader) fill() {
	r.makeRoom()
	why := r.arm()
	n, err := 0, error(nil)
	for tries := 0; n == 0 && err == nil; tries++ {
		if tries == 100 {
			err = io.ErrNoProgress
			break
		}
		n, err = r.src.Read(r.buf[r.hi:])
	}
	r.hi += n
	r.full = r.hi == len(r.buf)
	if r.calm++; 4*n > len(r.buf) {
		r.calm = 0
	}
	if err != nil && n == 0 { // an error that came with data comes again
		r.fail(err, why)
	}
}

// fail turns an error of the source into the end of the wait or of the stream.
func (r *Reader) fail(err error, why Reason) {
	timedOut := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case timedOut && why == joinLapsed:
		r.scan.lapsed = true
		return
	case timedOut && why != "":
		r.err = &Error{Reason: why}
	case err == io.EOF:
		r.err = io.EOF
	default:
		r.err = &Error{Reason: ReadFailed, Err: err}
	}
	r.scan.final = true
}

// joinLapsed is no end of the stream, only of waiting.
const joinLapsed Reason = "join-lapsed"

// arm sets the deadline of the next read and returns what its passing means.
func (r *Reader) arm() Reason {
	if r.deadline == nil {
		return ""
	}
	why, at := r.nextDeadline()
	if !at.Equal(r.armed) {
		r.armed = at
		_ = r.deadline.SetReadDeadline(at) // fails only on a closed source, which the read tells better
	}
	return why
}

func (r *Reader) nextDeadline() (Reason, time.Time) {
	waits := r.scan.hold
	begun := r.lo < r.hi || r.scan.inside()
	if !begun {
		r.began = time.Time{}
	}
	timed := waits || r.opt.FrameTimeout > 0 && begun || r.opt.IdleTimeout > 0
	if !timed {
		return "", time.Time{}
	}
	now := time.Now()
	switch {
	case waits:
		if r.held.IsZero() {
			r.held = now
		}
		return joinLapsed, r.held.Add(r.opt.Join)
	case begun && r.opt.FrameTimeout > 0:
		if r.began.IsZero() {
			r.began = now
		}
		return FrameTimeout, r.began.Add(r.opt.FrameTimeout)
	case !begun && r.opt.IdleTimeout > 0:
		return IdleTimeout, now.Add(r.opt.IdleTimeout)
	}
	return "", time.Time{}
}

// makeRoom leaves room to read into. The buffer doubles only when it is more than half full of one frame,
// so it grows with what has come and never with what a count announces; it shrinks when
// little has come for a while.
func (r *Reader) makeRoom() {
	if r.lo == r.hi {
		r.lo, r.hi = 0, 0
		r.resize()
	}
	if len(r.buf)-r.hi >= minRead {
		return
	}
	left := r.hi - r.lo
	// The scanner hands out or drops what is longer than scan.max, so this holds all that it can leave.
	if largest := r.scan.max + readBuffer; left >= len(r.buf)/2 && len(r.buf) < largest {
		grown := make([]byte, min(max(2*len(r.buf), smallBuffer), largest))
		copy(grown, r.buf[r.lo:r.hi])
		r.buf = grown
	} else {
		copy(r.buf, r.buf[r.lo:r.hi])
	}
	r.lo, r.hi = 0, left
}

// resize fits an empty buffer to the reads of late.
func (r *Reader) resize() {
	switch {
	case r.full && len(r.buf) < readBuffer:
		r.buf = make([]byte, readBuffer)
	case r.calm > 64 && len(r.buf) > smallBuffer:
		r.buf = make([]byte, max(smallBuffer, min(len(r.buf)/2, readBuffer)))
	default:
		return
	}
	r.calm, r.full = 0, false
}
