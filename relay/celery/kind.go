package celery

import "destring/rules/event"

// Kinds of lines, published as celery.event. Rules name them, so they are never renamed.
const (
	TaskReceived       event.Kind = "task-received"
	TaskAccepted       event.Kind = "task-accepted"
	TaskApplied        event.Kind = "task-applied" // handed to the pool, with its arguments (level DEBUG)
	TaskSucceeded      event.Kind = "task-succeeded"
	TaskFailed         event.Kind = "task-failed"
	TaskFailedExpected event.Kind = "task-failed-expected" // an exception that the task lists in throws
	TaskInternalError  event.Kind = "task-internal-error"
	TaskRetried        event.Kind = "task-retried"
	TaskIgnored        event.Kind = "task-ignored"
	TaskRejected       event.Kind = "task-rejected"
	TaskRevoked        event.Kind = "task-revoked" // or expired before it ran
	TaskSoftTimeout    event.Kind = "task-soft-timeout"
	TaskHardTimeout    event.Kind = "task-hard-timeout"
	TaskTerminated     event.Kind = "task-terminated"
	TaskHandlerError   event.Kind = "task-handler-error" // the worker's own handling failed, not the task
	TaskLostAck        event.Kind = "task-lost-ack"      // late acknowledgement impossible after a lost connection
	TaskBadETA         event.Kind = "task-bad-eta"
	WorkerLost         event.Kind = "worker-lost"
	WorkerReady        event.Kind = "worker-ready"
	WorkerUnrecovered  event.Kind = "worker-unrecoverable" // the worker ends after it
	ChordError         event.Kind = "chord-error"

	UnregisteredTask  event.Kind = "unregistered-task"
	InvalidMessage    event.Kind = "invalid-task-message"
	UnknownMessage    event.Kind = "unknown-message"
	ContentDisallowed event.Kind = "content-disallowed"
	SecurityError     event.Kind = "security-error"
	DecodeError       event.Kind = "decode-error"

	BrokerConnected     event.Kind = "broker-connected"
	BrokerConnectFailed event.Kind = "broker-connect-failed"
	BrokerLost          event.Kind = "broker-lost"
	BrokerRestoring     event.Kind = "broker-restoring"
	BrokerReconnectInfo event.Kind = "broker-reconnect-info"
	BrokerInsecure      event.Kind = "broker-insecure" // TLS without verification to broker or result store
	BrokerAckFailed     event.Kind = "broker-ack-failed"
	BackendLost         event.Kind = "backend-lost" // the connection to the result store
	QueueAdded          event.Kind = "queue-added"
	QueueCancelled      event.Kind = "queue-cancelled"

	Mingle      event.Kind = "mingle"
	MingleAlone event.Kind = "mingle-alone"
	MingleSync  event.Kind = "mingle-sync"
	NodeHello   event.Kind = "node-hello"
	NodeJoined  event.Kind = "node-joined"
	NodeLeft    event.Kind = "node-left"
	NodeLost    event.Kind = "node-lost"
	ClockDrift  event.Kind = "clock-drift"

	ControlReceived         event.Kind = "control-received"
	ControlError            event.Kind = "control-error"
	ControlRevoke           event.Kind = "control-revoke"
	ControlTerminate        event.Kind = "control-terminate"
	ControlRateLimit        event.Kind = "control-rate-limit"
	ControlRateLimitUnknown event.Kind = "control-rate-limit-unknown"
	ControlTimeLimit        event.Kind = "control-time-limit"
	ControlTimeLimitUnknown event.Kind = "control-time-limit-unknown"
	ControlEvents           event.Kind = "control-events"
	ControlShutdown         event.Kind = "control-shutdown"

	BeatStarting event.Kind = "beat-starting"
	BeatStopping event.Kind = "beat-stopping"
	BeatDue      event.Kind = "beat-due"
	BeatSent     event.Kind = "beat-sent"
	BeatError    event.Kind = "beat-error"
	BeatReset    event.Kind = "beat-reset" // the schedule store was thrown away or rebuilt
	BeatControl  event.Kind = "beat-control"

	PoolScaled        event.Kind = "pool-scaled"
	PoolProcessExited event.Kind = "pool-process-exited"
	PoolProcessLate   event.Kind = "pool-process-late" // did not say that it is up
	SignalError       event.Kind = "signal-handler-error"
	Bootstep          event.Kind = "bootstep"
	LoggingError      event.Kind = "logging-error" // first line of a --- Logging error --- block
	Stdout            event.Kind = "stdout"        // printed text, where the line or its group says so
	PythonWarning     event.Kind = "python-warning"

	// What Celery says on stdout or stderr only, which a container's log has.
	WorkerBanner       event.Kind = "worker-banner"
	WorkerShutdown     event.Kind = "worker-shutdown"
	WorkerRestarting   event.Kind = "worker-restarting"
	WorkerRunsAsRoot   event.Kind = "worker-runs-as-root"
	WorkerRefusesRoot  event.Kind = "worker-refuses-root"
	WorkerSoftShutdown event.Kind = "worker-soft-shutdown"
)

// States of tasks, as celery.states names them; IGNORED is celery's own state too.
const (
	stateReceived = "RECEIVED"
	stateStarted  = "STARTED"
	stateSuccess  = "SUCCESS"
	stateFailure  = "FAILURE"
	stateRetry    = "RETRY"
	stateIgnored  = "IGNORED"
	stateRejected = "REJECTED"
	stateRevoked  = "REVOKED"
)
