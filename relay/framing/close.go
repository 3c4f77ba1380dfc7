package framing

// Reason is why a Reader gave up on its stream, from a closed set: it may label a metric.
type Reason string

// Reasons. A stream that its sender ended in order gives a bare io.EOF instead.
const (
	FrameTimeout Reason = "frame-timeout" // a frame was begun and not finished in time
	IdleTimeout  Reason = "idle-timeout"  // nothing came for too long
	BadCount     Reason = "bad-count"     // OctetOnly: no valid octet count where a frame must begin
	ReadFailed   Reason = "read-failed"   // the source failed; Err says how
)

var reasonTexts = map[Reason]string{
	FrameTimeout: "a frame was begun but not finished in time",
	IdleTimeout:  "no data for longer than the idle time-out",
	BadCount:     "no valid octet count where a frame must begin; the sender does not use octet counting or miscounts",
	ReadFailed:   "reading failed",
}

// Error is the end of a stream that its sender did not end in order. It never holds
// a byte of the stream.
type Error struct {
	Reason Reason
	Err    error // of the source; nil when the Reader itself gave up
}

// Error says what happened.
func (e *Error) Error() string {
	text := "framing: " + reasonTexts[e.Reason]
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the error of the source.
func (e *Error) Unwrap() error { return e.Err }
