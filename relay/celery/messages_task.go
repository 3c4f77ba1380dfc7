package celery

// taskMessages are those about one task: celery.app.trace, celery.worker.request, celery.worker.strategy.
// Sources: Celery 4.4.7, 5.2.7, 5.7.0. What is usual stands first.
func taskMessages() []template {
	const trace, request, strategy = "celery.app.trace", "celery.worker.request", "celery.worker.strategy"
	return []template{
		{logger: strategy, levels: lvInfo, kind: TaskReceived, state: stateReceived, python: "Task %(name)s[%(id)s] received"},
		{logger: trace, levels: lvInfo, kind: TaskSucceeded, state: stateSuccess, python: "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s"},
		{logger: trace, levels: lvInfo, kind: TaskRetried, state: stateRetry, python: "Task %(name)s[%(id)s] retry: %(exc)s"},
		{logger: trace, levels: lvError, kind: TaskFailed, state: stateFailure, python: "Task %(name)s[%(id)s] %(description)s: %(exc)s",
			narrow: "Task %(name)s[%(id)s] raised unexpected: %(exc)s"},
		{logger: trace, levels: lvInfo, kind: TaskFailedExpected, state: stateFailure, python: "Task %(name)s[%(id)s] %(description)s: %(exc)s",
			narrow: "Task %(name)s[%(id)s] raised expected: %(exc)s"},
		{logger: trace, levels: lvCritical, kind: TaskInternalError, state: stateFailure, python: "Task %(name)s[%(id)s] %(description)s: %(exc)s",
			narrow: "Task %(name)s[%(id)s] INTERNAL ERROR: %(exc)s"},
		{logger: trace, levels: lvInfo, kind: TaskIgnored, state: stateIgnored, python: "Task %(name)s[%(id)s] %(description)s", narrow: "Task %(name)s[%(id)s] ignored"},
		{logger: trace, levels: lvWarning, kind: TaskRejected, state: stateRejected, python: "Task %(name)s[%(id)s] %(exc)s",
			narrow: "Task %(name)s[%(id)s] reject requeue=%s", holes: []hole{reason}},
		{logger: trace, levels: lvWarning, kind: TaskRejected, state: stateRejected, python: "Task %(name)s[%(id)s] %(exc)s",
			narrow: "Task %(name)s[%(id)s] rejected%s", holes: []hole{reason}},
		{logger: request, levels: lvInfo, kind: TaskRevoked, state: stateRevoked, python: "Discarding revoked task: %s[%s]", holes: []hole{taskName, taskID}},
		// 4.4: the repr of the request, with two spaces between its parts and one at its end.
		{logger: strategy, levels: lvInfo, kind: TaskReceived, state: stateReceived, python: "Received task: %s",
			narrow: "Received task: %s[%s]  ETA:[%s]%s", holes: []hole{taskName, taskID, taskETA, skip}},
		{logger: strategy, levels: lvInfo, kind: TaskReceived, state: stateReceived, python: "Received task: %s",
			narrow: "Received task: %s[%s] %s", holes: []hole{taskName, taskID, skip}},
		{logger: strategy, levels: lvInfo, kind: TaskReceived, state: stateReceived, python: "Received task: %s",
			narrow: "Received task: %s[%s]", holes: []hole{taskName, taskID}},
		{logger: request, levels: lvDebug, kind: TaskAccepted, state: stateStarted, python: "Task accepted: %s[%s] pid:%r", holes: []hole{taskName, taskID, processID}},
		{logger: request, levels: lvWarning, kind: TaskSoftTimeout, python: "Soft time limit (%ss) exceeded for %s[%s]", holes: []hole{skip, taskName, taskID}},
		{logger: request, levels: lvError, kind: TaskHardTimeout, state: stateFailure, python: "Hard time limit (%ss) exceeded for %s[%s]", holes: []hole{skip, taskName, taskID}},
		{logger: request, levels: lvWarning | lvInfo, kind: TaskRetried, state: stateRetry, python: "Task %s[%s] retry: %s", holes: []hole{taskName, taskID, exception}},
		{logger: request, levels: lvWarning | lvInfo, kind: TaskSucceeded, state: stateSuccess, python: "Task %s[%s] succeeded before the worker was lost: %r",
			holes: []hole{taskName, taskID, exception}},
		{logger: request, levels: lvError, kind: TaskHandlerError, python: "Failed to retry task %s[%s] after worker was lost: %r", holes: []hole{taskName, taskID, exception}},
		// The kind depends on the exception: see byException.
		{logger: request, levels: lvError, kind: TaskHandlerError, state: stateFailure, python: "Task handler raised error: %r", holes: []hole{exception}},
		{logger: trace, levels: lvError, kind: TaskHandlerError, python: "Task %s[%s] on_success handler raised: %r", holes: []hole{taskName, taskID, exception}},
		{logger: trace, levels: lvError, kind: TaskHandlerError, python: "Task %s[%s] after_return handler raised: %r", holes: []hole{taskName, taskID, exception}},
		{logger: strategy, levels: lvError, kind: TaskBadETA, python: "Couldn't convert ETA %r to timestamp: %r. Task: %r", holes: []hole{taskETA, exception, skip}},
		{logger: trace, levels: lvError, kind: TaskHandlerError, python: "Process cleanup failed: %r", holes: []hole{exception}},
		{logger: trace, levels: lvError, kind: TaskHandlerError, python: "Failed to dispatch chain/callbacks for deduplicated task %s", holes: []hole{taskID}},
		{logger: "celery.worker.consumer.consumer", levels: lvWarning, kind: TaskLostAck,
			python: "Task %s cannot be acknowledged after a connection loss since late acknowledgement is enabled for it.\n",
			narrow: "Task %s[%s] cannot be acknowledged after a connection loss since late acknowledgement is enabled for it.\nTerminating it instead.",
			holes:  []hole{taskName, taskID}},
		{logger: "celery.backends.base", levels: lvError, kind: ChordError, python: "Chord %r raised: %r", holes: []hole{skip, exception}},
		{logger: "celery.backends.base", levels: lvError, kind: ChordError, python: "Chord callback %r raised: %r", holes: []hole{skip, exception}},
		{logger: "celery.backends.redis", levels: lvError, kind: ChordError, python: "Chord callback for %r raised: %r", holes: []hole{skip, exception}},
		{logger: "celery.app.builtins", levels: lvError, kind: ChordError, python: "Chord %r: chord_unlock could not be retried: %r", holes: []hole{skip, exception}},
		{logger: "celery.pool", levels: lvDebug, kind: TaskApplied, state: stateStarted, python: "TaskPool: Apply %s (args:%s kwargs:%s)", holes: []hole{skip, apply, skip}},
	}
}
