package alerting

import (
	"context"
	"time"

	"destring/rules"
)

// Statement is a as a record for the alerts topic, with the names of ECS 9. id is its event.id.
func (a *Alert) Statement(id string, now time.Time) rules.Statement {
	action := map[Status]string{Open: "alert-open", Acknowledged: "alert-acknowledged", Resolved: "alert-resolved"}[a.Status]
	s := rules.Statement{Topic: rules.Alerts, Action: action, Kind: "alert", Time: now.UnixNano(), ID: id, Key: a.ID, Severity: a.Level, Message: a.Title()}
	s.Fields = append(a.fields(),
		rules.Strings("event.category", "intrusion_detection"), rules.Strings("event.type", "info"), rules.String("event.provider", "destring"),
		rules.Time("event.start", a.First.UnixNano()), rules.Time("event.end", a.Last.UnixNano()))
	m := &a.Match
	add := func(name, value string) {
		if value != "" {
			s.Fields = append(s.Fields, rules.String(name, value))
		}
	}
	add("rule.reference", m.Rule.Runbook)
	add("destring.alert.sample", m.Sample)
	add("destring.alert.event_id", m.EventID)
	add("destring.alert.silence", a.Silence)
	add("destring.alert.ack.by", a.AckBy)
	add("destring.alert.false_positive.by", a.FalsePositive)
	if m.Place.Topic != "" {
		s.Fields = append(s.Fields, rules.String("destring.alert.kafka.topic", m.Place.Topic),
			rules.Int("destring.alert.kafka.partition", int64(m.Place.Partition)), rules.Int("destring.alert.kafka.offset", m.Place.Offset))
	}
	if techniques := a.techniqueIDs(); len(techniques) > 0 {
		s.Fields = append(s.Fields, rules.String("threat.framework", "MITRE ATT&CK"), rules.Strings("threat.technique.id", techniques...))
	}
	return s
}

// fields are the members that say which alert it is, for records of alerts and of decisions.
func (a *Alert) fields() []rules.Field {
	m := &a.Match
	f := []rules.Field{rules.String("destring.alert.id", a.ID), rules.String("destring.alert.status", a.Status.String()),
		rules.String("destring.alert.level", levelOf(a.Level).String()), rules.Int("destring.alert.count", a.Count),
		rules.String("rule.id", m.RuleID()), rules.String("rule.name", a.Title())}
	for _, v := range []struct{ name, value string }{{"rule.version", m.Rule.Version}, {"destring.alert.detector", m.Finding.Detector},
		{"destring.alert.key", m.Finding.Key}, {"destring.alert.fingerprint", m.Finding.Fingerprint}, {"celery.task.name", m.Task}, {"celery.task.id", m.TaskID},
		{"celery.worker", m.Worker}, {"host.hostname", m.Host}, {"tls.client.hash.sha256", m.PeerFingerprint}, {"destring.peer.name", m.Peer}} {
		if v.value != "" {
			f = append(f, rules.String(v.name, v.value))
		}
	}
	return f
}

// Records is the Sink that makes a record of each change of an alert.
type Records struct {
	name  string
	write func(ctx context.Context, s rules.Statement) error
}

// NewRecords makes a Records. write returns once the record is durable, in the spool for
// celery.alerts.v1; a record written twice has the same event.id.
func NewRecords(name string, write func(ctx context.Context, s rules.Statement) error) *Records {
	return &Records{name, write}
}

// Name implements Sink.
func (r *Records) Name() string { return r.name }

// Traits implements Sink.
func (r *Records) Traits() Traits { return Traits{Edits: true, Keeper: true} }

// Deliver implements Sink.
func (r *Records) Deliver(ctx context.Context, m *Message) (Ref, error) {
	if m.Alert == nil {
		return Ref{}, nil
	}
	if err := r.write(ctx, m.Alert.Statement(m.Key, m.Began)); err != nil {
		return Ref{}, &DeliveryError{Outcome: Retry, Reason: err.Error()}
	}
	return Ref{}, nil
}
