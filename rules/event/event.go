package event

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// Event is one syslog message on its way in.
type Event struct {
	ID       ID
	Received int64 // time of receipt, nanoseconds since 1970 UTC
	Hash     [8]byte
	HasHash  bool // Hash is set: HMAC of peer and frame, the same when a RELP sender sends again

	// Timestamp is what is published as @timestamp, nanoseconds since 1970 UTC;
	// TimestampFrom says which clock it was read from.
	Timestamp     int64
	TimestampFrom TimeSource

	Peer   *Peer // of the connection, shared by its events
	Syslog Syslog

	// Message is the whole MSG part with the escapes of its transport undone.
	Message Text
	// Inner is set when Message is a structured line (JSON, logfmt, …): the decoded
	// values of its members, one after another, each ended by a line feed.
	Inner Text

	Celery Celery
	Flags  Flags
	// Fault says why the syslog header was not understood; Message then holds the whole frame.
	Fault Fault
}

// Facts is the text on which the spans of Celery stand.
func (e *Event) Facts() Text {
	if e.Inner.Empty() {
		return e.Message
	}
	return e.Inner
}

// Reset makes e ready for the next message and keeps what can be used again.
func (e *Event) Reset() {
	params, frames := e.Syslog.Params[:0], e.Celery.Frames[:0]
	*e = Event{}
	e.Syslog.Params, e.Celery.Frames = params, frames
	e.Syslog.Facility, e.Syslog.Severity, e.Celery.Task.Retries = -1, -1, -1
}

// ID names an event: the connection's random number and the number of the
// message on it. It is published as event.id and stays the same over every retry.
type ID struct {
	Connection uint64
	Message    uint64
}

// AppendHex appends the 32 hex digits of id.
func (id ID) AppendHex(dst []byte) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], id.Connection)
	binary.BigEndian.PutUint64(raw[8:], id.Message)
	return hex.AppendEncode(dst, raw[:])
}

// TimeSource says where @timestamp was read.
type TimeSource uint8

// The clocks, best first: the sender's with a zone, the line's in the peer's
// zone, the relay's own.
const (
	TimeReceipt TimeSource = iota
	TimeHeader
	TimeLine
)

// String returns the published name.
func (s TimeSource) String() string {
	switch s {
	case TimeHeader:
		return "syslog-header"
	case TimeLine:
		return "log-line"
	}
	return "receipt"
}

// Flags are facts about how the message came in and what was odd about it.
type Flags uint32

// Flags, each published under destring.flags by its Name.
const (
	Truncated       Flags = 1 << iota // longer than the limit; the rest was dropped
	Partial                           // the stream ended or timed out inside the frame
	Continued                         // LF-framed lines without a header were joined to it
	InvalidUTF8                       // bytes that are no UTF-8 were replaced
	Unescaped                         // the transport's escapes were undone
	InnerHeader                       // a second Celery prefix or syslog header inside the text
	ControlChars                      // control or bidirectional override characters in the text
	OddTaskID                         // a task id that is no UUID
	OddTaskName                       // a task name outside identifier syntax
	HostMismatch                      // header HOSTNAME is not allowed for the certificate
	FacilityClamped                   // PRI above 191
	Unjudged                          // the rules broke on the record: a fault of ours
)

var flagNames = [...]string{"truncated", "partial", "continued", "invalid-utf8", "unescaped", "inner-header",
	"control-characters", "odd-task-id", "odd-task-name", "host-mismatch", "pri-out-of-range", "unjudged"}

// Has reports whether all of f's bits in q are set.
func (f Flags) Has(q Flags) bool { return f&q == q }

// Len returns how many flags are set.
func (f Flags) Len() int { return bits.OnesCount32(uint32(f)) }

// Name returns the published name of the i-th flag that is set.
func (f Flags) Name(i int) string {
	for range i {
		f &= f - 1
	}
	if at := bits.TrailingZeros32(uint32(f)); at < len(flagNames) {
		return flagNames[at]
	}
	return ""
}

// Fault is why a syslog header was not understood, from a closed set: it may
// label a metric.
type Fault string
