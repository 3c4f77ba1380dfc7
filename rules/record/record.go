package record

import (
	"destring/rules/event"
)

// Record is one log record as it is published. Every text in it is clean: the
// Inspector of package rules fills it, and nothing else does. An empty text and a
// number that is not set are not published.
type Record struct {
	Timestamp       int64
	TimestampSource event.TimeSource
	Received        int64
	ID              []byte
	Hash            []byte

	Peer *Peer // of the connection

	Message []byte
	Fault   event.Fault

	Level      event.Level
	Logger     []byte
	Format     event.Format
	Framing    event.Framing
	Facility   int8
	Severity   int8
	SyslogVers uint8
	Hostname   []byte
	AppName    []byte
	ProcID     []byte
	MsgID      []byte
	Params     []Param

	Kind     event.Kind
	LineForm string
	Body     []byte
	Process  []byte
	PID      int32
	Worker   []byte
	Queue    []byte
	Broker   []byte
	IDs      int32
	Group    []byte

	TaskName   []byte
	TaskID     []byte
	TaskETA    []byte
	State      string
	Runtime    float64
	HasRuntime bool
	Retries    int32 // -1: not said
	Args       []byte
	Kwargs     []byte
	Result     []byte

	// ArgsValues, KwargsValues and ResultValues are JSON objects, ready to be published.
	ArgsValues   []byte
	KwargsValues []byte
	ResultValues []byte

	ErrorType    []byte
	ErrorMessage []byte
	StackTrace   []byte
	File         []byte // innermost frame
	Function     []byte
	Line         int32
	Frames       []Frame // of the traceback, outermost first

	Flags    event.Flags
	Findings []Finding
	Unlisted int      // hidden places that did not fit into Findings
	Cut      []string // names of the fields that Fit cut
	Rules    []Rule   // that matched, the most severe first
	Withheld string
}

// Param is one parameter of structured data, clean.
type Param struct{ Element, Name, Value []byte }

// Frame is one frame of a traceback, clean.
type Frame struct {
	File, Function []byte
	Line           int32
}

// Redacted is how many places were hidden, those that did not fit into Findings included.
func (r *Record) Redacted() int { return r.Unlisted + hidden(r.Findings) }

func hidden(findings []Finding) (n int) {
	for i := range findings {
		if !findings[i].Kept {
			n++
		}
	}
	return n
}

// Finding is one thing that was hidden, without the thing.
type Finding struct {
	Detector, Class, Severity, Field string
	Key                              []byte
	Fingerprint                      []byte // hex
	Kept                             bool   // the policy leaves it in the text
}

// Rule is a rule that matched.
type Rule struct {
	ID, Name, Version, Level, Reference string
	Tactics, Techniques                 []string // of ATT&CK: "credential-access", "T1552.001"
}
