package celery

// workerMessages are those of the consumer, its connection to the broker, its neighbours and its pool.
// Sources: Celery 4.4.7, 5.2.7, 5.7.0, kombu 5.7.0, billiard 4.3.2.
func workerMessages() []template {
	const consumer, gossip, mingle = "celery.worker.consumer.consumer", "celery.worker.consumer.gossip", "celery.worker.consumer.mingle"
	return []template{
		{logger: "celery.worker.consumer.connection", levels: lvInfo, kind: BrokerConnected, python: "Connected to %s", holes: []hole{broker}},
		{logger: consumer, levels: lvWarning, kind: BrokerLost, python: "consumer: Connection to broker lost. Trying to re-establish the connection... (%r)", holes: []hole{exception}},
		{logger: consumer, levels: lvWarning, kind: BrokerLost, python: "consumer: Connection to broker lost. Trying to re-establish the connection..."},
		{logger: consumer, levels: lvError, kind: BrokerConnectFailed, python: "consumer: Cannot connect to %s: %s.\n%s\n",
			narrow: "consumer: Cannot connect to %s: %s.\n%s", holes: []hole{broker, reason, skip}},
		{logger: consumer, levels: lvInfo, kind: QueueAdded, python: "Started consuming from %s", holes: []hole{queue}},
		{logger: consumer, levels: lvInfo, kind: QueueCancelled, python: "Canceling queue %s", holes: []hole{queue}},
		{logger: consumer, levels: lvError, kind: UnregisteredTask, python: "Received unregistered task of type %s.\nThe message has been ignored and discarded.\n",
			narrow: "Received unregistered task of type %s.\nThe message has been ignored and discarded.%s", holes: []hole{quotedTask, skip}},
		// ContentDisallowed by the reason: see byReason.
		{logger: consumer, levels: lvError, kind: InvalidMessage, python: "Received invalid task message: %s\nThe message has been ignored and discarded.\n",
			narrow: "Received invalid task message: %s\nThe message has been ignored and discarded.%s", holes: []hole{reason, skip}},
		{logger: consumer, levels: lvWarning, kind: UnknownMessage, python: "Received and deleted unknown message.  Wrong destination?!?\n\nThe full contents of the message body was: %s\n",
			narrow: "Received and deleted unknown message.%s", holes: []hole{skip}},
		// The kind depends on the exception: see byException.
		{logger: consumer, levels: lvCritical | lvError, kind: DecodeError, python: "Can't decode message body: %r [type:%r encoding:%r headers:%s]\n\nbody: %s\n",
			narrow: "Can't decode message body: %r [type:%s", holes: []hole{exception, skip}},
		{logger: "kombu.mixins", levels: lvError, kind: DecodeError, python: "Can't decode message body: %r (type:%r encoding:%r raw:%r')",
			narrow: "Can't decode message body: %r (type:%s", holes: []hole{exception, skip}},
		{logger: consumer, levels: lvInfo, kind: BrokerReconnectInfo, python: "Temporarily reducing the prefetch count to {} to avoid over-fetching since {} tasks are currently being processed.\nThe prefetch count will be gradually restored to {} as the tasks complete processing.",
			narrow: "Temporarily reducing the prefetch count to %s", holes: []hole{skip}},
		{logger: consumer, levels: lvInfo, kind: BrokerReconnectInfo, python: "Resuming normal operations following a restart.\nPrefetch count has been restored to the maximum of {}",
			narrow: "Resuming normal operations following a restart.\nPrefetch count %s", holes: []hole{skip}},
		{logger: consumer, levels: lvInfo, kind: BrokerReconnectInfo, python: "Skipping prefetch count reduction after connection restart because per-consumer QoS (apply_global=False) is in effect and broker-side prefetch updates would not reach the running consumer."},
		{logger: "celery.worker.worker", levels: lvCritical, kind: WorkerUnrecovered, python: "Unrecoverable error: %r", holes: []hole{exception}},
		{logger: "celery.apps.worker", levels: lvInfo, kind: WorkerReady, python: "%s ready.", holes: []hole{worker}},
		{logger: "celery.worker.worker", levels: lvWarning, kind: WorkerSoftShutdown, python: "Initiating Soft Shutdown, terminating in {} seconds", holes: []hole{skip}},

		{logger: mingle, levels: lvInfo, kind: Mingle, python: "mingle: searching for neighbors"},
		{logger: mingle, levels: lvInfo, kind: MingleAlone, python: "mingle: all alone"},
		{logger: mingle, levels: lvInfo, kind: MingleSync, python: "mingle: sync with %s nodes", holes: []hole{skip}},
		{logger: mingle, levels: lvInfo, kind: MingleSync, python: "mingle: sync complete"},
		{logger: gossip, levels: lvInfo, kind: NodeLost, python: "missed heartbeat from %s", holes: []hole{worker}},
		{logger: gossip, levels: lvDebug | lvInfo, kind: NodeJoined, python: "%s joined the party", holes: []hole{worker}},
		{logger: gossip, levels: lvDebug | lvInfo, kind: NodeLeft, python: "%s left", holes: []hole{worker}},
		{logger: "celery.worker.control", levels: lvInfo, kind: NodeHello, python: "sync with %s", holes: []hole{worker}},
		{logger: "celery.events.state", levels: lvWarning, kind: ClockDrift,
			python: "Substantial drift from %s may mean clocks are out of sync.  Current drift is %s seconds.  [orig: %s recv: %s]",
			narrow: "Substantial drift from %s may mean clocks are out of sync.  Current drift is %s", holes: []hole{worker, skip}},

		{logger: "kombu.transport.virtual.base", levels: lvInfo, kind: BrokerRestoring, python: "Restoring {0!r} unacknowledged message(s)", holes: []hole{skip}},
		{logger: "kombu.connection", levels: lvWarning, kind: BrokerInsecure, python: "Secure redis scheme specified (rediss) with no ssl options, defaulting to insecure SSL behaviour."},
		{logger: "kombu.utils.url", levels: lvWarning, kind: BrokerInsecure, python: "Defaulting to insecure SSL behaviour."},
		{logger: "celery.backends.redis", levels: lvWarning, kind: BrokerInsecure, python: "\nSetting ssl_cert_reqs=CERT_NONE when connecting to redis means that celery will not validate the identity of the redis broker when connecting. This leaves you vulnerable to man in the middle attacks.\n",
			narrow: "\nSetting ssl_cert_reqs=CERT_%s", holes: []hole{skip}},
		{logger: "celery.worker.autoscale", levels: lvInfo, kind: PoolScaled, python: "Scaling up %s processes.", holes: []hole{skip}},
		{logger: "celery.worker.autoscale", levels: lvInfo, kind: PoolScaled, python: "Scaling down %s processes.", holes: []hole{skip}},
		{logger: "multiprocessing", levels: lvError, kind: PoolProcessExited, python: "Process %r pid:%r exited with %r", holes: []hole{skip, processID, skip}},
		{logger: "celery.concurrency.asynpool", levels: lvError, kind: PoolProcessLate, python: "Timed out waiting for UP message from %r", holes: []hole{skip}},
		{logger: "celery.utils.dispatch.signal", levels: lvError, kind: SignalError, python: "Signal handler %r raised: %r", holes: []hole{skip, exception}},
		{logger: "celery.bootsteps", levels: lvDebug, kind: Bootstep, python: "| %s: %s", narrow: "| Worker: %s", holes: []hole{skip}},
		{logger: "celery.bootsteps", levels: lvDebug, kind: Bootstep, python: "| %s: %s", narrow: "| Consumer: %s", holes: []hole{skip}},
		{logger: "celery.bootsteps", levels: lvDebug, kind: Bootstep, python: "^-- substep ok"},
		{logger: "celery.redirected", levels: lvAny, kind: LoggingError, python: "--- Logging error ---"},
	}
}
