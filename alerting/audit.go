package alerting

import (
	"time"

	"destring/rules"
)

// Verdict is what was decided about an alert.
type Verdict string

// Verdicts; they may label a metric.
const (
	Opened       Verdict = "opened"
	Reopened     Verdict = "reopened"
	Sent         Verdict = "sent"
	Repeated     Verdict = "repeated"
	Updated      Verdict = "updated"
	Throttled    Verdict = "throttled" // Decision.Events matches were counted and not told by themselves
	Replied      Verdict = "replied"
	Folded       Verdict = "folded"
	Silenced     Verdict = "silenced"
	WasResolved  Verdict = "resolved"
	Failed       Verdict = "failed"
	Acked        Verdict = "acknowledged"
	FalseAlarm   Verdict = "false-positive"
	SilenceAdded Verdict = "silence-added"
	SilenceEnded Verdict = "silence-ended"
	Denied       Verdict = "denied" // somebody asked for what is not theirs to ask
)

// Decision is one decision with its reason, for the audit record.
type Decision struct {
	Time    time.Time
	Outcome Verdict
	Sink    string
	Act     Act
	Reason  string
	By      string // a person, when one decided
	Events  int64  // matches that it covers beyond the previous message
	Alert   *Alert
	Silence *Silence
	About   string // id of the digest, notice or silence
}

func (d *Decision) about(subject any) {
	switch s := subject.(type) {
	case *Alert:
		if d.Alert == nil {
			d.Alert = s.snapshot()
		}
	case *Digest:
		d.About = s.ID
	case *Notice:
		d.About = s.ID
	}
}

// decide hands d to the audit and counts it.
func (a *Alerter) decide(d Decision) {
	d.Time = time.Now()
	level := "none"
	if d.Alert != nil {
		level = levelOf(d.Alert.Level).String()
	}
	a.opts.Metrics.decisions.WithLabelValues(level, string(d.Outcome)).Inc()
	a.opts.Audit(d)
}

// Statement is d as a record for the audit topic.
func (d Decision) Statement() rules.Statement {
	s := rules.Statement{Topic: rules.Audit, Action: "alert-" + string(d.Outcome), Time: d.Time.UnixNano(), Severity: rules.Informational,
		Message: "Alert " + string(d.Outcome) + ": " + d.Reason,
		Fields:  []rules.Field{rules.String("event.reason", d.Reason), rules.String("event.outcome", d.ecsOutcome())}}
	add := func(name, value string) {
		if value != "" {
			s.Fields = append(s.Fields, rules.String(name, value))
		}
	}
	add("destring.alert.sink", d.Sink)
	add("destring.alert.about", d.About)
	add("user.name", d.By)
	if d.Sink != "" {
		add("destring.alert.act", d.Act.String())
	}
	if d.Events > 0 {
		s.Fields = append(s.Fields, rules.Int("destring.alert.events", d.Events))
	}
	if d.Silence != nil {
		add("destring.silence.id", d.Silence.ID)
		add("destring.silence.author", d.Silence.Author)
		add("destring.silence.reason", d.Silence.Reason)
		s.Fields = append(s.Fields, rules.Time("destring.silence.end", d.Silence.End.UnixNano()))
	}
	if d.Alert != nil {
		s.Key = d.Alert.ID
		s.Fields = append(s.Fields, d.Alert.fields()...)
	}
	if d.Outcome == Failed || d.Outcome == Denied {
		s.Severity = rules.Medium
	}
	return s
}

func (d Decision) ecsOutcome() string {
	switch d.Outcome {
	case Failed, Denied:
		return "failure"
	}
	return "success"
}

// noteEvery is how often matches that were only counted go on record.
const noteEvery = 5 * time.Minute

// note puts on record the matches of al that were counted without a message of their own.
func (a *Alerter) note(al *Alert, now time.Time) {
	n := al.Count - al.Noted
	if n <= 0 || al.Status != Resolved && now.Sub(al.NotedAt) < noteEvery {
		return
	}
	al.Noted, al.NotedAt = al.Count, now
	a.mark(al)
	a.decide(Decision{Outcome: Throttled, Alert: al.snapshot(), Events: n, Reason: "counted in an alert that is open"})
}
