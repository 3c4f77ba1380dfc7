package listener

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// source is a connection's reading side. It stands between the frame reader, which sets deadlines for idle
// peers and slow frames, and the stop of the relay, which must shorten them from another goroutine.
type source struct {
	conn net.Conn // *tls.Conn or plaintext

	mu     sync.Mutex
	wanted time.Time // the frame reader's deadline; zero is none
	stop   time.Time // reading ends then at the latest; zero while nobody has ordered it
	quiet  time.Duration
	short  bool // reading ended at stop while bytes may have been left
}

// Read reads once. After an ordered stop each read waits for quiet at most.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	if !s.stop.IsZero() {
		s.arm()
	}
	s.mu.Unlock()
	n, err := s.conn.Read(p)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		s.mu.Lock()
		s.short = !s.stop.IsZero() && !time.Now().Before(s.stop)
		s.mu.Unlock()
	}
	return n, err
}

// cutShort reports whether reading was ended by the stop and not by the peer or for want of bytes.
func (s *source) cutShort() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.short
}

// SetReadDeadline is for the frame reader.
func (s *source) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = t
	return s.arm()
}

// drain ends reading at stop, or before it when nothing has come for quiet. The first order
// holds, unless a later one is for an earlier time.
func (s *source) drain(stop time.Time, quiet time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop.IsZero() || stop.Before(s.stop) {
		s.stop, s.quiet = stop, quiet
		_ = s.arm() // fails only on a closed socket, where the read ends anyway
	}
}

// stopped reports whether drain was called.
func (s *source) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.stop.IsZero()
}

// arm sets the earliest of the deadlines. The caller holds mu.
func (s *source) arm() error {
	at := s.wanted
	if !s.stop.IsZero() {
		for _, t := range []time.Time{s.stop, time.Now().Add(s.quiet)} {
			if at.IsZero() || t.Before(at) {
				at = t
			}
		}
	}
	return s.conn.SetReadDeadline(at)
}

// socket is an accepted connection.
type socket struct {
	net.Conn
	fin bool // the peer's FIN was read; of the reading goroutine
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err == io.EOF {
		s.fin = true
	}
	return n, err
}

// abort closes with RST: no client takes that for the end of a stream that arrived. A FIN without
// close_notify is not enough, since crypto/tls and others take it for one.
func (s *socket) abort() {
	if tcp, ok := s.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	s.Close()
}
