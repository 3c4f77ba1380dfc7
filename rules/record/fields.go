package record

import (
	"destring/rules/event"
)

// Fields is the schema: every field of a log record, in the order in which it is written:
// members of one object together, an object's own values before the objects in it.
func Fields() []Field {
	var all []Field
	for _, part := range [][]Field{baseFields(), celeryFields(), taskFields(), destringFields(), errorFields(), eventFields(), logFields(),
		originFields(), ruleFields(), threatFields(), peerFields()} {
		all = append(all, part...)
	}
	return all
}

func baseFields() []Field {
	message := bytesField("message", FreeText, true, func(r *Record) []byte { return r.Message }, "The whole syslog MSG with its transport's escapes undone, redacted. Always there.")
	message.present = always
	return []Field{
		timeForRules(dateField("@timestamp", func(r *Record) int64 { return r.Timestamp }, "When it happened, UTC. destring.timestamp_source says by which clock.")),
		message,
	}
}

func celeryFields() []Field {
	return []Field{
		wordField("celery.event", false, func(r *Record) string { return string(r.Kind) }, "Which of Celery's own messages it is: task-succeeded, worker-lost, …; absent for other text."),
		wordField("celery.format", false, func(r *Record) string { return r.LineForm }, "The form of the line: celery, json, logfmt, …"),
		bytesField("celery.message", FreeText, false, func(r *Record) []byte { return r.Body }, "The text after Celery's prefix, redacted."),
		bytesField("celery.process", Keyword, false, func(r *Record) []byte { return r.Process }, "Process of the worker: MainProcess, ForkPoolWorker-3."),
		bytesField("celery.worker", Keyword, false, func(r *Record) []byte { return r.Worker }, "Node name: celery@host."),
		bytesField("celery.queue", Keyword, false, func(r *Record) []byte { return r.Queue }, "Queue that the line names."),
		bytesField("celery.broker", Keyword, false, func(r *Record) []byte { return r.Broker }, "Broker URI without credentials."),
		intField("celery.ids", false, func(r *Record) (int64, bool) { return int64(r.IDs), r.IDs > 0 }, "Number of task ids in a revoke."),
		bytesField("celery.group", Keyword, false, func(r *Record) []byte { return r.Group }, "The same for records that belong together: the chunks of one printed traceback."),
		frameField(),
	}
}

func taskFields() []Field {
	return []Field{
		bytesField("celery.task.name", Keyword, false, func(r *Record) []byte { return r.TaskName }, "Task name."),
		bytesField("celery.task.id", Keyword, false, func(r *Record) []byte { return r.TaskID }, "Task id."),
		wordField("celery.task.state", false, func(r *Record) string { return r.State }, "State as Celery names it: SUCCESS, FAILURE, RETRY, …"),
		{Name: "celery.task.runtime", Type: Double, Doc: "Seconds that the task ran.",
			Number:  func(r *Record) (float64, bool) { return r.Runtime, r.HasRuntime },
			present: func(r *Record) bool { return r.HasRuntime },
			append:  func(dst []byte, r *Record) []byte { return AppendFloat(dst, r.Runtime) }},
		intField("celery.task.retries", false, func(r *Record) (int64, bool) { return int64(r.Retries), r.Retries >= 0 }, "Number of the retry."),
		bytesField("celery.task.eta", Keyword, false, func(r *Record) []byte { return r.TaskETA }, "ETA as the line has it."),
		bytesField("celery.task.args", Keyword, false, func(r *Record) []byte { return r.Args }, "Positional arguments as Python repr, redacted."),
		bytesField("celery.task.kwargs", Keyword, false, func(r *Record) []byte { return r.Kwargs }, "Keyword arguments as Python repr, redacted."),
		bytesField("celery.task.result", Keyword, false, func(r *Record) []byte { return r.Result }, "Return value as Python repr, redacted."),
		objectField("celery.task.args_values", func(r *Record) []byte { return r.ArgsValues },
			`The values in args by dotted path, as text: {"0":"4711","1.city":"Bern"}. Only what parses; a member "..." says that more was left out.`),
		objectField("celery.task.kwargs_values", func(r *Record) []byte { return r.KwargsValues }, `The values in kwargs, in the same way: {"order.id":"4711"}.`),
		objectField("celery.task.result_values", func(r *Record) []byte { return r.ResultValues }, "The values in result, in the same way, when it is a container."),
	}
}

func destringFields() []Field {
	return []Field{
		wordField("destring.framing", false, func(r *Record) string { return r.Framing.String() }, "How the message was framed: octet, lf, nul, datagram, relp."),
		wordField("destring.header", false, func(r *Record) string { return r.Format.String() }, "Form of the syslog header: rfc5424, rfc3164, bare, none."),
		wordField("destring.timestamp_source", false, func(r *Record) string { return r.TimestampSource.String() }, "Which clock @timestamp is: syslog-header, log-line, receipt."),
		wordField("destring.withheld", false, func(r *Record) string { return r.Withheld }, "Why the whole text was withheld; absent when it was not."),
		listField("destring.flags", false, func(r *Record) int { return r.Flags.Len() }, func(r *Record, i int) []byte { return view(r.Flags.Name(i)) },
			"What was odd: truncated, partial, continued, inner-header, …"),
		listField("destring.cut", false, func(r *Record) int { return len(r.Cut) }, func(r *Record, i int) []byte { return view(r.Cut[i]) },
			"Fields that were cut so that the record fits the broker's limit; each says in its text how much is missing."),
		intField("destring.redacted", false, func(r *Record) (int64, bool) { return int64(r.Redacted()), r.Redacted() > 0 }, "How many places were redacted."),
		{Name: "destring.findings", Type: Nested, Array: true, Doc: "What was redacted: detector, class, severity, field, key name, fingerprint. Never the value. With action keep: what the policy leaves in the text.",
			Members: []string{"detector", "class", "severity", "field", "key", "fingerprint", "action"}, Required: []string{"detector", "class", "severity", "field"},
			present: func(r *Record) bool { return len(r.Findings) > 0 }, append: appendFindings},
		findingList("destring.findings.detector", func(f *Finding) []byte { return view(f.Detector) }),
		findingList("destring.findings.class", func(f *Finding) []byte { return view(f.Class) }),
		findingList("destring.findings.severity", func(f *Finding) []byte { return view(f.Severity) }),
		findingList("destring.findings.key", func(f *Finding) []byte { return f.Key }),
		findingList("destring.findings.fingerprint", func(f *Finding) []byte { return f.Fingerprint }),
		{Name: "destring.matches", Type: Nested, Array: true, Doc: "Rules that matched, the most severe first: id, name, version, level.",
			Members: []string{"id", "name", "version", "level"}, Required: []string{"id", "name", "version", "level"}, present: hasRules, append: appendMatches},
		bytesField("destring.peer.name", Keyword, false, func(r *Record) []byte { return r.Peer.name }, "Identity of the sender as its certificate proves it: SAN first, CN last."),
		bytesField("destring.peer.listener", Keyword, false, func(r *Record) []byte { return r.Peer.listener }, "The listener that it came in by."),
	}
}

func errorFields() []Field {
	return []Field{
		bytesField("error.type", Keyword, true, func(r *Record) []byte { return r.ErrorType }, "Class of the exception."),
		{Name: "error.message", Type: FreeText, ECS: true, Doc: "Text of the exception, redacted; or why the syslog header was not understood.",
			Text:    errorMessage,
			present: func(r *Record) bool { return len(r.ErrorMessage) > 0 || r.Fault != "" },
			append:  func(dst []byte, r *Record) []byte { return AppendString(dst, errorMessage(r)) }},
		bytesField("error.stack_trace", Wildcard, true, func(r *Record) []byte { return r.StackTrace }, "Traceback, redacted."),
	}
}

const faultText = "syslog header not understood: "

func errorMessage(r *Record) []byte {
	if len(r.ErrorMessage) == 0 && r.Fault != "" {
		return append([]byte(faultText), r.Fault...)
	}
	return r.ErrorMessage
}

func hasError(r *Record) bool {
	return len(r.ErrorType)+len(r.ErrorMessage)+len(r.StackTrace) > 0 || r.Fault != ""
}

func hasRules(r *Record) bool { return len(r.Rules) > 0 }

func eventFields() []Field {
	return []Field{
		{Name: "event.kind", Type: Keyword, ECS: true, Doc: "Always event.", present: always, append: literal(`"event"`)},
		{Name: "event.module", Type: Keyword, ECS: true, Doc: "Always celery.", present: always, append: literal(`"celery"`)},
		{Name: "event.dataset", Type: Keyword, ECS: true, Doc: "Always celery.log.", present: always, append: literal(`"celery.log"`)},
		wordField("event.action", true, func(r *Record) string { return string(r.Kind) }, "The same as celery.event."),
		listField("event.category", true, func(r *Record) int { return count(classify(r).category) }, func(r *Record, _ int) []byte { return view(classify(r).category) }, "ECS category of the Celery event."),
		listField("event.type", true, func(r *Record) int { return count(classify(r).kind) }, func(r *Record, _ int) []byte { return view(classify(r).kind) }, "ECS type of the Celery event."),
		wordField("event.outcome", true, func(r *Record) string { return outcome(r) }, "success or failure, for the end of a task."),
		dateField("event.created", func(r *Record) int64 { return r.Received }, "Time of receipt."),
		bytesField("event.id", Keyword, true, func(r *Record) []byte { return r.ID }, "The same over every retry: drop duplicates by it."),
		bytesField("event.hash", Keyword, true, func(r *Record) []byte { return r.Hash }, "Keyed hash of peer and frame: the same when a RELP sender sends again."),
	}
}

func logFields() []Field {
	return []Field{
		bytesField("host.hostname", Keyword, true, func(r *Record) []byte { return r.Hostname }, "HOSTNAME of the header: what the sender says. destring.peer.name is what it proved."),
		wordField("log.level", true, func(r *Record) string { return level(r) }, "Python's level in lower case; else that of the syslog severity."),
		bytesField("log.logger", Keyword, true, func(r *Record) []byte { return r.Logger }, "Name of the Python logger."),
		bytesField("log.syslog.hostname", Keyword, true, func(r *Record) []byte { return r.Hostname }, "HOSTNAME of the header."),
		bytesField("log.syslog.appname", Keyword, true, func(r *Record) []byte { return r.AppName }, "APP-NAME or tag of the header."),
		bytesField("log.syslog.procid", Keyword, true, func(r *Record) []byte { return r.ProcID }, "PROCID of the header."),
		bytesField("log.syslog.msgid", Keyword, true, func(r *Record) []byte { return r.MsgID }, "MSGID of the header."),
		{Name: "log.syslog.version", Type: Keyword, ECS: true, Doc: "VERSION of RFC 5424.",
			present: func(r *Record) bool { return r.SyslogVers > 0 },
			append: func(dst []byte, r *Record) []byte {
				return append(appendInt(append(dst, '"'), int64(r.SyslogVers)), '"')
			}},
		{Name: "log.syslog.structured_data", Type: Flattened, ECS: true, Doc: "Structured data as the sender wrote it, redacted.",
			present: func(r *Record) bool { return len(r.Params) > 0 }, append: appendParams},
		intField("log.syslog.priority", true, func(r *Record) (int64, bool) {
			return int64(r.Facility)*8 + int64(r.Severity), r.Facility >= 0 && r.Severity >= 0
		}, "PRI."),
		intField("log.syslog.facility.code", true, func(r *Record) (int64, bool) { return int64(r.Facility), r.Facility >= 0 }, "Facility."),
		intField("log.syslog.severity.code", true, func(r *Record) (int64, bool) { return int64(r.Severity), r.Severity >= 0 }, "Severity."),
	}
}

func originFields() []Field {
	return []Field{
		bytesField("log.origin.function", Keyword, true, func(r *Record) []byte { return r.Function }, "Function of the innermost frame of the traceback."),
		bytesField("log.origin.file.name", Keyword, true, func(r *Record) []byte { return r.File }, "File of the innermost frame."),
		intField("log.origin.file.line", true, func(r *Record) (int64, bool) { return int64(r.Line), r.Line > 0 }, "Line of the innermost frame."),
		intField("process.pid", true, func(r *Record) (int64, bool) { return int64(r.PID), r.PID > 0 }, "Process id."),
	}
}

func ruleFields() []Field {
	first := func(get func(*Rule) string) func(*Record) string {
		return func(r *Record) string {
			if len(r.Rules) == 0 {
				return ""
			}
			return get(&r.Rules[0])
		}
	}
	text := func(name, doc string, get func(*Rule) string) Field {
		of := first(get)
		f := bytesField(name, Keyword, true, func(r *Record) []byte { return view(of(r)) }, doc)
		f.Text = nil // rules do not judge rules
		return f
	}
	return []Field{
		text("rule.id", "The most severe rule that matched.", func(r *Rule) string { return r.ID }),
		text("rule.name", "Its title.", func(r *Rule) string { return r.Name }),
		text("rule.version", "Its version.", func(r *Rule) string { return r.Version }),
		text("rule.reference", "Where its runbook is.", func(r *Rule) string { return r.Reference }),
	}
}

// threatFields say what the most severe rule is about in words of MITRE ATT&CK.
func threatFields() []Field {
	list := func(name, doc string, n func(*Rule) int, at func(*Rule, int) string) Field {
		f := listField(name, true, func(r *Record) int {
			if len(r.Rules) == 0 {
				return 0
			}
			return n(&r.Rules[0])
		}, func(r *Record, i int) []byte { return view(at(&r.Rules[0], i)) }, doc)
		f.List = List{} // rules do not judge rules
		return f
	}
	tactics := func(r *Rule) int { return len(r.Tactics) }
	return []Field{
		{Name: "threat.framework", Type: Keyword, ECS: true, Doc: "Always MITRE ATT&CK.", append: literal(`"MITRE ATT&CK"`), present: hasThreat},
		list("threat.tactic.id", "ATT&CK tactics of the rule.", tactics, func(r *Rule, i int) string { return tacticOf(r.Tactics[i]).id }),
		list("threat.tactic.name", "Their names.", tactics, func(r *Rule, i int) string { return tacticOf(r.Tactics[i]).name }),
		list("threat.technique.id", "ATT&CK techniques of the rule.", func(r *Rule) int { return len(r.Techniques) }, (*Rule).technique),
		list("threat.technique.subtechnique.id", "ATT&CK sub-techniques of the rule.", (*Rule).subtechniques, (*Rule).subtechnique),
	}
}

func hasThreat(r *Record) bool {
	return hasRules(r) && len(r.Rules[0].Techniques)+len(r.Rules[0].Tactics) > 0
}

func always(*Record) bool { return true }

func literal(json string) func([]byte, *Record) []byte {
	return func(dst []byte, _ *Record) []byte { return append(dst, json...) }
}

// level prefers what Python said; a line that does not say it has its syslog severity.
func level(r *Record) string {
	if r.Level != event.LevelNone || r.Severity < 0 {
		return r.Level.String()
	}
	return [...]string{"critical", "critical", "critical", "error", "warning", "info", "info", "debug"}[r.Severity&7]
}
