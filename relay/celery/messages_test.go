package celery_test

import (
	"testing"

	"destring/relay/celery"
)

// One line of each of Celery's messages, in the wordings of 4.4, 5.2 and 5.7.
func TestEachOfCelerysMessagesIsKnown(t *testing.T) {
	const ref = "a.b[" + id + "]"
	const task = " task=a.b id=" + id
	for _, c := range []struct{ level, message, want string }{
		{"INFO", "Task " + ref + " received", "task-received level=info" + task + " state=RECEIVED"},
		{"INFO", "Received task: " + ref + "  ", "task-received level=info" + task + " state=RECEIVED"},
		{"INFO", "Received task: " + ref + "  ETA:[2026-03-07 10:00:00+00:00]  expires:[2026-03-08 00:00:00+00:00] ", "task-received level=info" + task + " state=RECEIVED eta=2026-03-07 10:00:00+00:00"},
		{"DEBUG", "Task accepted: " + ref + " pid:4160", "task-accepted level=debug" + task + " state=STARTED pid=4160"},
		{"DEBUG", "TaskPool: Apply <function fast_trace_task at 0x7f74a1> (args:('a.b', '" + id + "', {'lang': 'py'}, b'[[], {}]') kwargs:{})", "task-applied level=debug" + task + " state=STARTED"},
		{"DEBUG", "TaskPool: Apply <function fast_trace_task at 0x7f74a1> (args:('a.b', '" + id + "', {'lang': 'py', 'timelimit': [None, None], 'argsrepr': \"('../x',)\", 'kwargsrepr': '{}', 'origin': 'gen1@a'}, b'[[\"../x\"], {}]'... kwargs:{})",
			"task-applied level=debug" + task + " state=STARTED args=('../x',) kwargs={}"},
		{"INFO", "Task " + ref + " succeeded in 1.25e-05s: None", "task-succeeded level=info" + task + " state=SUCCESS runtime=1.25e-05 result=None"},
		{"INFO", "Task " + ref + " retry: Retry in 180s: ConnectionError('refused')", "task-retried level=info" + task + " state=RETRY error=ConnectionError message=refused"},
		{"INFO", "Task " + ref + " retry: Retry in 1s", "task-retried level=info" + task + " state=RETRY message=Retry in 1s"},
		{"ERROR", "Task " + ref + " raised unexpected: shop.errors.Declined(5, {'a': 1})", "task-failed level=error" + task + " state=FAILURE error=shop.errors.Declined message=5, {'a': 1}"},
		{"ERROR", "Task " + ref + " raised unexpected: KeyError()", "task-failed level=error" + task + " state=FAILURE error=KeyError"},
		{"INFO", "Task " + ref + " raised expected: Declined('no')", "task-failed-expected level=info" + task + " state=FAILURE error=Declined message=no"},
		{"CRITICAL", "Task " + ref + " INTERNAL ERROR: ValueError('x')", "task-internal-error level=critical" + task + " state=FAILURE error=ValueError message=x"},
		{"INFO", "Task " + ref + " ignored", "task-ignored level=info" + task + " state=IGNORED"},
		{"WARNING", "Task " + ref + " reject requeue=False: not for us", "task-rejected level=warning" + task + " state=REJECTED message=False: not for us"},
		{"INFO", "Discarding revoked task: " + ref, "task-revoked level=info" + task + " state=REVOKED"},
		{"WARNING", "Soft time limit (60s) exceeded for " + ref, "task-soft-timeout level=warning" + task},
		{"ERROR", "Hard time limit (120.0s) exceeded for " + ref, "task-hard-timeout level=error" + task + " state=FAILURE"},
		{"ERROR", "Task handler raised error: TimeLimitExceeded(2)", "task-hard-timeout level=error state=FAILURE error=TimeLimitExceeded message=2"},
		{"ERROR", "Task handler raised error: Terminated(15)", "task-terminated level=error state=REVOKED error=Terminated message=15"},
		{"ERROR", "Task handler raised error: WorkerLostError('Worker exited prematurely: signal 9 (SIGKILL) Job: 60.')", "worker-lost level=error state=FAILURE error=WorkerLostError message=Worker exited prematurely: signal 9 (SIGKILL) Job: 60."},
		{"ERROR", "Task handler raised error: TypeError('x')", "task-handler-error level=error state=FAILURE error=TypeError message=x"},
		{"ERROR", "Couldn't convert ETA 'tomorrow' to timestamp: ValueError('x'). Task: <Request>", "task-bad-eta level=error eta='tomorrow' error=ValueError message=x"},
		{"WARNING", "Task " + ref + " cannot be acknowledged after a connection loss since late acknowledgement is enabled for it.\nTerminating it instead.", "task-lost-ack level=warning" + task},
		{"ERROR", "Chord '" + id + "' raised: ChordError('Dependency')", "chord-error level=error error=ChordError message=Dependency"},

		{"INFO", "w1@shop-a ready.", "worker-ready level=info worker=w1@shop-a"},
		{"INFO", "the oven is ready.", "- level=info"},
		{"CRITICAL", "Unrecoverable error: AccessRefused(403, \"ACCESS_REFUSED - Login was refused\", (0, 0), '')", "worker-unrecoverable level=critical error=AccessRefused message=403, \"ACCESS_REFUSED - Login was refused\", (0, 0), ''"},
		{"INFO", "Connected to amqp://guest:**@127.0.0.1:5672//", "broker-connected level=info broker=amqp://guest:**@127.0.0.1:5672//"},
		{"INFO", "Connected to amqp://guest:open@127.0.0.1:5672//", "broker-connected level=info broker=127.0.0.1:5672//"},
		{"INFO", "Connected to the database", "- level=info"},
		{"ERROR", "consumer: Cannot connect to redis://:**@r:6379/0: Authentication required..\nTrying again in 2.00 seconds... (1/100)\n", "broker-connect-failed level=error broker=redis://:**@r:6379/0 message=Authentication required."},
		{"WARNING", "consumer: Connection to broker lost. Trying to re-establish the connection... (KeyError('id'))", "broker-lost level=warning error=KeyError message=id"},
		{"WARNING", "consumer: Connection to broker lost. Trying to re-establish the connection...", "broker-lost level=warning"},
		{"INFO", "Restoring 3 unacknowledged message(s)", "broker-restoring level=info"},
		{"CRITICAL", "Couldn't ack 7, reason:RecoverableConnectionError(None)", "broker-ack-failed level=critical error=RecoverableConnectionError message=None"},
		{"ERROR", "Connection to Redis lost: Retry (1/20) in 1.00 second.", "backend-lost level=error"},
		{"WARNING", "Secure redis scheme specified (rediss) with no ssl options, defaulting to insecure SSL behaviour.", "broker-insecure level=warning"},
		{"INFO", "Started consuming from exfil", "queue-added level=info queue=exfil"},
		{"INFO", "Canceling queue exfil", "queue-cancelled level=info queue=exfil"},
		{"ERROR", "Received unregistered task of type 'os.system'.\nThe message has been ignored and discarded.\n\nThe full contents of the message body was:\nb'[]' (2b)\n\nThe full contents of the message headers:\n{'lang': 'py', 'task': 'os.system', 'id': '" + id + "', 'retries': 2, 'argsrepr': \"('x',)\", 'kwargsrepr': '{}', 'eta': None}\n\nThe delivery info for this task is:\n{'exchange': '', 'routing_key': 'mail'}\n",
			"unregistered-task level=error task=os.system id=" + id + " args=('x',) kwargs={} queue=mail"},
		{"ERROR", "Received unregistered task of type 'x'.\nThe message has been ignored and discarded.", "unregistered-task level=error task=x"},
		{"ERROR", "Received invalid task message: Refusing to deserialize untrusted content of type pickle (application/x-python-serialize)\nThe message has been ignored and discarded.\n", "content-disallowed level=error message=Refusing to deserialize untrusted content of type pickle (application/x-python-serialize)"},
		{"ERROR", "Received invalid task message: no id\nThe message has been ignored and discarded.\n", "invalid-task-message level=error message=no id"},
		{"WARNING", "Received and deleted unknown message.  Wrong destination?!?\n\nThe full contents of the message body was: body: {} (2b)", "unknown-message level=warning"},
		{"CRITICAL", "Can't decode message body: ContentDisallowed('Refusing to deserialize') [type:'application/json' encoding:'utf-8' headers:{}]", "content-disallowed level=critical error=ContentDisallowed message=Refusing to deserialize"},
		{"CRITICAL", "Can't decode message body: DecodeError(SecurityError('Unable to verify')) [type:'application/data' encoding:'utf-8' headers:{}]", "security-error level=critical error=DecodeError message=SecurityError('Unable to verify')"},
		{"CRITICAL", "Can't decode message body: DecodeError(JSONDecodeError('x')) [type:'application/json' encoding:'utf-8' headers:{}]", "decode-error level=critical error=DecodeError message=JSONDecodeError('x')"},

		{"INFO", "mingle: searching for neighbors", "mingle level=info"},
		{"INFO", "mingle: all alone", "mingle-alone level=info"},
		{"INFO", "mingle: sync with 2 nodes", "mingle-sync level=info"},
		{"INFO", "sync with w2@shop-b", "node-hello level=info worker=w2@shop-b"},
		{"INFO", "sync with the CRM", "- level=info"},
		{"DEBUG", "w2@shop-b joined the party", "node-joined level=debug worker=w2@shop-b"},
		{"DEBUG", "w2@shop-b left", "node-left level=debug worker=w2@shop-b"},
		{"INFO", "missed heartbeat from w2@shop-b", "node-lost level=info worker=w2@shop-b"},
		{"WARNING", "Substantial drift from w9@rogue may mean clocks are out of sync.  Current drift is 300 seconds.  [orig: x recv: y]", "clock-drift level=warning worker=w9@rogue"},

		{"DEBUG", "pidbox received method ping() [reply_to:None ticket:None]", "control-received level=debug"},
		{"ERROR", "pidbox command error: KeyError('x')", "control-error level=error error=KeyError message=x"},
		{"INFO", "Terminating " + id + " (Signals.SIGTERM)", "control-terminate level=info id=" + id},
		{"INFO", "Terminating the deal (soon)", "- level=info"},
		{"INFO", "Tasks flagged as revoked: " + id, "control-revoke level=info id=" + id + " ids=1"},
		{"INFO", "Tasks flagged as revoked: a, b, c", "control-revoke level=info ids=3"},
		{"INFO", "New rate limit for tasks of type a.b: 5/m.", "control-rate-limit level=info task=a.b"},
		{"INFO", "Rate limits disabled for tasks of type a.b", "control-rate-limit level=info task=a.b"},
		{"ERROR", "Rate limit attempt for unknown task a.b", "control-rate-limit-unknown level=error task=a.b"},
		{"INFO", "New time limits for tasks of type a.b: soft=60 hard=120", "control-time-limit level=info task=a.b"},
		{"ERROR", "Change time limit attempt for unknown task a.b", "control-time-limit-unknown level=error task=a.b"},
		{"INFO", "Events of group {task} enabled by remote.", "control-events level=info"},
		{"WARNING", "Got shutdown from remote", "control-shutdown level=warning"},
		{"WARNING", "Failed to mark task " + id + " as revoked in backend: No result backend is configured.\nPlease see the documentation for more information.",
			"backend-lost level=warning id=" + id + " message=No result backend is configured.\nPlease see the documentation for more information."},

		{"INFO", "beat: Starting...", "beat-starting level=info"},
		{"INFO", "beat: Shutting down...", "beat-stopping level=info"},
		{"INFO", "Scheduler: Sending due task expire-carts (a.b)", "beat-due level=info task=a.b"},
		{"DEBUG", "a.b sent. id->" + id, "beat-sent level=debug" + task},
		{"WARNING", "DB Reset: Account for new tz field", "beat-reset level=warning"},
		{"ERROR", "Removing corrupted schedule file 'celerybeat-schedule': error(22, 'Invalid')", "beat-reset level=error error=error message=22, 'Invalid'"},
		{"ERROR", "beat: Connection error: Error 111. Trying again in 2.0 seconds...", "beat-error level=error message=Error 111"},
		{"WARNING", "beat pidbox: not answering 'ping', the scheduler has not ticked for 99.1s (over the 60s limit).", "beat-control level=warning"},

		{"INFO", "Scaling up 2 processes.", "pool-scaled level=info"},
		{"ERROR", "Process 'ForkPoolWorker-3' pid:4159 exited with 'signal 9 (SIGKILL)'", "pool-process-exited level=error pid=4159"},
		{"ERROR", "Timed out waiting for UP message from <ForkProcess(ForkPoolWorker-3, started daemon)>", "pool-process-late level=error"},
		{"ERROR", "Signal handler <function f at 0x7f> raised: OSError('x')", "signal-handler-error level=error error=OSError message=x"},
		{"DEBUG", "| Worker: Starting Hub", "bootstep level=debug"},
		{"DEBUG", "^-- substep ok", "bootstep level=debug"},
		{"WARNING", "--- Logging error ---", "logging-error level=warning"},
		{"WARNING", "/opt/x/consumer.py:427: CPendingDeprecationWarning: \nIn Celery 5.1 we", "python-warning level=warning"},
	} {
		line := "[" + stamp + ": " + c.level + "/MainProcess] " + c.message
		if got := without(told(line, celery.Options{}), " process=MainProcess"); got != c.want {
			t.Errorf("\n in   %q\n got  %q\n want %q", line, got, c.want)
		}
	}
}

// Some things Celery only prints: a container's log has them without any header.
func TestWhatCeleryPrintsIsKnown(t *testing.T) {
	for line, want := range map[string]string{
		"worker: Warm shutdown (MainProcess)":                       "worker-shutdown level=",
		"worker: Cold shutdown (MainProcess)":                       "worker-shutdown level=",
		"Restarting celery worker (/usr/bin/celery -A shop worker)": "worker-restarting level=",
		"Running a worker with superuser privileges when the\nworker accepts messages serialized with pickle is a very bad idea!\n":                     "worker-refuses-root level=",
		"/opt/x/platforms.py:829: SecurityWarning: You're running the worker with superuser privileges: this is\nabsolutely not recommended!\n\nPlease": "worker-runs-as-root level=",
		" -------------- w1@shop-a v5.7.0 (immunity)": "worker-banner level= worker=w1@shop-a",
	} {
		if got := told(line, celery.Options{}); got != want {
			t.Errorf("\n in   %q\n got  %q\n want %q", line, got, want)
		}
	}
}
