package framing

import "time"

// Frame is one message as it stood on the wire, without count and trailer.
type Frame struct {
	Bytes []byte // never empty; valid until the next call of Next
	Kind  Kind

	Truncated bool // longer than Options.MaxMessage: the rest was read and dropped
	Partial   bool // the stream ended, timed out or lost step inside the frame
	Continued bool // further lines without a header were joined to the first
}

// Kind is how the end of a frame was found.
type Kind uint8

// Kinds: an octet count (RFC 6587 §3.4.1, RFC 5425 §4.3), a line feed with or without
// a carriage return (RFC 6587 §3.4.2), a NUL as Python's SysLogHandler writes it.
const (
	Octet Kind = iota
	LF
	NUL
)

var kindNames = [...]string{"octet", "lf", "nul"}

// String returns the published name, which may label a metric.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Mode says which kinds a Reader takes.
type Mode uint8

// Auto finds the kind of each message by itself. The other modes take one kind
// only, and every byte that could mean another kind is text.
const (
	Auto Mode = iota
	OctetOnly
	LFOnly
	NULOnly
)

var modeNames = [...]string{"auto", "octet", "lf", "nul"}

// String returns the name that configuration uses.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "unknown"
}

// ParseMode is the inverse of Mode.String; the empty name is Auto.
func ParseMode(name string) (mode Mode, ok bool) {
	for i, n := range modeNames {
		if n == name {
			return Mode(i), true
		}
	}
	return Auto, name == ""
}

// Header is the form of a sender's headers. Where line feeds end messages it tells a
// new message from a line of text that looks like one.
type Header uint8

// AnyHeader learns the form from the messages of the connection. The others know it from the first byte on:
// a PRI and no more, as Python's SysLogHandler sends; RFC 3164; RFC 5424.
const (
	AnyHeader Header = iota
	PRIOnly
	RFC3164
	RFC5424
)

var headerNames = [...]string{"auto", "pri", "rfc3164", "rfc5424"}

// String returns the name that configuration uses.
func (h Header) String() string {
	if int(h) < len(headerNames) {
		return headerNames[h]
	}
	return "unknown"
}

// ParseHeader is the inverse of Header.String; the empty name is AnyHeader.
func ParseHeader(name string) (header Header, ok bool) {
	for i, n := range headerNames {
		if n == name {
			return Header(i), true
		}
	}
	return AnyHeader, name == ""
}

// Options of a Reader. The zero value is usable.
type Options struct {
	Mode   Mode
	Header Header

	// MaxMessage is the longest message in bytes that is kept whole, and MaxHeader what may come on top for
	// its header. A longer one is cut and flagged, and the reader goes on behind it. 0 is 1 MiB, and a sixteenth
	// of MaxMessage but at most 4 KiB; with a MaxHeader less than 0 the header counts as part of the message.
	MaxMessage int
	MaxHeader  int

	// Join is how long a line-framed message may wait for further lines that have no
	// header of their own. 0 is 100 ms, less turns joining off.
	Join time.Duration

	// FrameTimeout is how long a frame may take from its first byte to its last, and
	// IdleTimeout how long nothing may come between two frames. 0 is for ever. Both,
	// and Join, need a source with a SetReadDeadline method.
	FrameTimeout time.Duration
	IdleTimeout  time.Duration
}

const (
	defaultMax    = 1 << 20
	defaultHeader = 4 << 10
	defaultJoin   = 100 * time.Millisecond
	// A count above countFactor times the longest message is not believed: it is a
	// fault or an attack, and skipping so much would make the connection deaf.
	countFactor = 64
)

func (o Options) withDefaults() Options {
	if o.MaxMessage <= 0 {
		o.MaxMessage = defaultMax
	}
	switch {
	case o.MaxHeader == 0:
		o.MaxHeader = min(defaultHeader, o.MaxMessage/16)
	case o.MaxHeader < 0:
		o.MaxHeader = 0
	}
	if o.Join == 0 {
		o.Join = defaultJoin
	}
	return o
}
