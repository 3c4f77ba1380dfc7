package celery

// controlMessages are those of remote control and of beat, and what Celery prints.
// Sources: Celery 4.4.7, 5.2.7, 5.7.0, kombu 5.7.0.
func controlMessages() []template {
	const ctl, beat = "celery.worker.control", "celery.beat"
	return []template{
		{logger: "kombu.pidbox", levels: lvDebug, kind: ControlReceived, python: "pidbox received method %s [reply_to:%s ticket:%s]", holes: []hole{control, skip, skip}},
		{logger: "kombu.pidbox", levels: lvError, kind: ControlError, python: "pidbox command error: %r", holes: []hole{exception}},
		{logger: "celery.worker.pidbox", levels: lvError, kind: ControlError, python: "No such control command: %s", holes: []hole{skip}},
		{logger: ctl, levels: lvInfo, kind: ControlTerminate, python: "Terminating %s (%s)", holes: []hole{taskID, skip}},
		{logger: ctl, levels: lvInfo, kind: ControlRevoke, python: "Tasks flagged as revoked: %s", holes: []hole{idList}},
		{logger: ctl, levels: lvInfo, kind: ControlRateLimit, python: "New rate limit for tasks of type %s: %s.", holes: []hole{taskName, skip}},
		{logger: ctl, levels: lvInfo, kind: ControlRateLimit, python: "Rate limits disabled for tasks of type %s", holes: []hole{taskName}},
		{logger: ctl, levels: lvError, kind: ControlRateLimitUnknown, python: "Rate limit attempt for unknown task %s", holes: []hole{taskName}},
		{logger: ctl, levels: lvInfo, kind: ControlTimeLimit, python: "New time limits for tasks of type %s: soft=%s hard=%s", holes: []hole{taskName, skip, skip}},
		{logger: ctl, levels: lvError, kind: ControlTimeLimitUnknown, python: "Change time limit attempt for unknown task %s", holes: []hole{taskName}},
		{logger: ctl, levels: lvInfo, kind: ControlEvents, python: "Events of group {task} enabled by remote."},
		{logger: ctl, levels: lvInfo, kind: ControlEvents, python: "Events of group {task} disabled by remote."},
		{logger: ctl, levels: lvWarning, kind: ControlShutdown, python: "Got shutdown from remote"},
		{logger: ctl, levels: lvWarning, kind: BackendLost, python: "Failed to mark task %s as revoked in backend: %s", holes: []hole{taskID, reason}},

		{logger: beat, levels: lvInfo, kind: BeatStarting, python: "beat: Starting..."},
		{logger: beat, levels: lvInfo, kind: BeatStopping, python: "beat: Shutting down..."},
		{logger: beat, levels: lvInfo, kind: BeatDue, python: "Scheduler: Sending due task %s (%s)", holes: []hole{skip, taskName}},
		{logger: beat, levels: lvDebug, kind: BeatSent, python: "%s sent. id->%s", holes: []hole{taskName, taskID}},
		{logger: beat, levels: lvError, kind: BeatError, python: "Message Error: %s\n%s", holes: []hole{reason, skip}},
		{logger: beat, levels: lvError, kind: BeatError, python: "beat: Connection error: %s. Trying again in %s seconds...", holes: []hole{reason, skip}},
		{logger: beat, levels: lvError, kind: BeatError, python: "beat: Cannot calculate the next run of %r, trying again in %s.", holes: []hole{skip, skip}},
		{logger: beat, levels: lvCritical, kind: BeatError, python: "beat raised exception %s: %r", holes: []hole{skip, exception}},
		{logger: beat, levels: lvError, kind: BeatReset, python: "Removing corrupted schedule file %r: %r", holes: []hole{skip, exception}},
		{logger: beat, levels: lvWarning, kind: BeatReset, python: "DB Reset: Account for new __version__ field"},
		{logger: beat, levels: lvWarning, kind: BeatReset, python: "DB Reset: Account for new tz field"},
		{logger: beat, levels: lvWarning, kind: BeatReset, python: "DB Reset: Account for new utc_enabled field"},
		{logger: beat, levels: lvWarning, kind: BeatReset, python: "DB Reset: Cannot load the stored entries, recreating them from beat_schedule: %r", holes: []hole{exception}},
		{logger: beat, levels: lvWarning, kind: BeatReset, python: "Reset: Timezone changed from %r to %r", holes: []hole{skip, skip}},
		{logger: beat, levels: lvWarning, kind: BeatReset, python: "Reset: UTC changed from %s to %s", holes: []hole{skip, skip}},
		{logger: beat, levels: lvInfo, kind: BeatControl, python: "beat pidbox: Connected to %s.", holes: []hole{broker}},
		{logger: beat, levels: lvError, kind: BeatControl, python: "beat pidbox: Connection error: %s. Trying again in %s seconds...", holes: []hole{reason, skip}},
		{logger: beat, levels: lvWarning, kind: BeatControl, python: "beat pidbox: not answering %s, the scheduler has not ticked for %.1fs (over the %ss limit).", holes: []hole{skip, skip, skip}},
		{logger: beat, levels: lvInfo | lvWarning | lvError, kind: BeatControl, python: "beat pidbox: Consumer stopped, beat will no longer answer remote control commands.",
			narrow: "beat pidbox: %s", holes: []hole{skip}},
		{logger: beat, levels: lvError, kind: BeatControl, python: "beat pidbox command error: %r", holes: []hole{exception}},
		{logger: beat, levels: lvError, kind: BeatControl, python: "beat pidbox connection error: %r", holes: []hole{exception}},

		{levels: lvAny, kind: WorkerBanner, python: " -------------- %s v%s", holes: []hole{worker, skip}},
		{levels: lvAny, kind: WorkerShutdown, python: "worker: %s shutdown (%s)", holes: []hole{skip, skip}},
		{levels: lvAny, kind: WorkerRestarting, python: "Restarting celery worker (%s)", holes: []hole{skip}},
		{levels: lvAny, kind: WorkerRefusesRoot, python: "Running a worker with superuser privileges when the\nworker accepts messages serialized with pickle is a very bad idea!",
			narrow: "Running a worker with superuser privileges when the%s", holes: []hole{skip}},
	}
}
