package event

// Celery is what the line says as a line of Celery. Spans stand on Event.Facts.
type Celery struct {
	Kind   Kind
	Format string // name of the line's format from a closed set: "celery", "json", "structlog", …; empty when not recognised

	Level  Level
	Logger Span // empty: see LoggerIsAppName
	// LoggerIsAppName says that the syslog APP-NAME is the logger's name, as
	// rfc5424-logging-handler sends it.
	LoggerIsAppName bool

	// Time is the line's own, as Syslog.Time.
	Time        int64
	HasTime     bool
	TimeHasZone bool

	Body    Span // the text after the prefix; published as celery.message
	Process Span // "ForkPoolWorker-3"
	PID     int32
	Worker  Span // node name, "celery@host"
	Queue   Span
	Broker  Span // URI without credentials

	Task   Task
	Error  Error
	Frames []Frame // of the traceback, outermost first, bounded

	IDs   int32 // number of task ids in a mass revoke
	Group ID    // event group that this record is part of; zero for none
}

// Task is what the line says about a task.
type Task struct {
	Name, ID, ETA        Span
	Args, Kwargs, Result Span    // Python reprs
	State                string  // as Celery names it: "SUCCESS", "FAILURE", "RETRY", …
	Runtime              float64 // seconds
	HasRuntime           bool
	Retries              int32 // -1 when not said
}

// Error is the exception that the line tells of.
type Error struct{ Type, Message, Traceback Span }

// Frame is one frame of a Python traceback.
type Frame struct {
	File, Function Span
	Line           int32
}

// Kind is which of Celery's own messages the line is, from a closed set
// ("task-succeeded"); empty for text that is not Celery's. It is published as celery.event.
type Kind string

// Level is Python's logging level.
type Level uint8

// Levels. LevelNone is a line that does not say.
const (
	LevelNone Level = iota
	LevelDebug
	LevelInfo
	LevelWarning
	LevelError
	LevelCritical
)

var levelNames = [...]string{"", "debug", "info", "warning", "error", "critical"}

// String returns the published name, in lower case.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return ""
}
