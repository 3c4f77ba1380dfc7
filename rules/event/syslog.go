package event

// Syslog is what the header said.
type Syslog struct {
	Format  Format
	Framing Framing

	Facility int8 // 0..23, -1 when there was no PRI
	Severity int8 // 0..7, -1 when there was no PRI
	Version  uint8

	// Time is nanoseconds since 1970. Without TimeHasZone it is the clock on the wall,
	// written as if it were UTC.
	Time        int64
	HasTime     bool
	TimeHasZone bool

	Hostname, AppName, ProcID, MsgID Text // empty for NIL
	BOM                              bool // a byte order mark stood before the message (RFC 5424 §6.4)

	// Params are the structured data, in order, escapes undone. An element without
	// parameters has one Param with an empty Name.
	Params []Param
}

// Param is one SD-PARAM (RFC 5424 §6.3.3) with the SD-ID of its element.
type Param struct{ Element, Name, Value Text }

// Format is the form of the header.
type Format uint8

// Header forms. Bare is a PRI and nothing else, as Python's SysLogHandler sends;
// None is text without a PRI.
const (
	FormatNone Format = iota
	FormatBare
	FormatRFC3164
	FormatRFC5424
)

// String returns the published name, which may label a metric.
func (f Format) String() string {
	return [...]string{"none", "bare", "rfc3164", "rfc5424"}[f&3]
}

// Framing is how the end of the message was found.
type Framing uint8

// Framings of RFC 6587 and RFC 5425, NUL as Python writes it, one datagram, one RELP frame.
const (
	FramingOctet Framing = iota
	FramingLF
	FramingNUL
	FramingDatagram
	FramingRELP
)

// String returns the published name, which may label a metric.
func (f Framing) String() string {
	if int(f) < len(framingNames) {
		return framingNames[f]
	}
	return "unknown"
}

var framingNames = [...]string{"octet", "lf", "nul", "datagram", "relp"}
