package record

import "strings"

// class is where ECS puts a Celery event: event.category and event.type must fit each
// other (ECS 9.4, "Categorization fields").
type class struct{ category, kind string }

// classify maps the label of an event to ECS. Tasks and workers are processes; refused messages
// are intrusion detection; control commands change configuration; broker
// trouble is network.
func classify(r *Record) class {
	switch k := string(r.Kind); k {
	case "":
		return class{}
	case "task-received", "task-accepted", "worker-ready", "beat-starting":
		return class{"process", "start"}
	case "task-succeeded", "task-failed", "task-failed-expected", "task-internal-error", "task-rejected", "task-revoked", "task-ignored",
		"task-hard-timeout", "worker-lost", "pool-process-exited", "beat-stopping", "control-shutdown", "control-terminate":
		return class{"process", "end"}
	case "content-disallowed", "security-error", "unregistered-task", "invalid-task-message", "unknown-message", "decode-error":
		return class{"intrusion_detection", "denied"}
	default:
		switch {
		case strings.HasPrefix(k, "control-"), strings.HasPrefix(k, "queue-"):
			return class{"configuration", "change"}
		case strings.HasPrefix(k, "broker-"), strings.HasPrefix(k, "node-"), strings.HasPrefix(k, "mingle"):
			return class{"network", "info"}
		}
	}
	return class{"process", "info"}
}

// outcome is success or failure where a task ended or a message was refused.
func outcome(r *Record) string { return outcomeOf(r, classify(r)) }

func outcomeOf(r *Record, c class) string {
	switch r.State {
	case "SUCCESS":
		return "success"
	case "FAILURE", "REJECTED", "REVOKED":
		return "failure"
	}
	if c.category == "intrusion_detection" {
		return "failure"
	}
	return ""
}
