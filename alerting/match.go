package alerting

import (
	"context"
	"time"

	"destring/rules"
)

// Matches is where matches come from: a reader of the spool, or of a topic.
type Matches interface {
	// Next waits for the next batch. It returns ctx.Err() when ctx ends; any other error ends Run.
	Next(ctx context.Context) (Batch, error)
	// Commit says that everything up to p is in the journal and need not be read again. After an error it is called
	// again with the same p.
	Commit(p Position) error
}

// Position is a place in Matches, given back as it came.
type Position any

// Batch is the matches of some records. All matches of one record are in the same batch.
// A batch read again need not have the same borders, but may not hold more than RememberedEvents records.
type Batch struct {
	Matches  []Match
	Position Position
}

// RememberedEvents is how many event ids are remembered at least, to know a record that is read again.
const RememberedEvents = 32768

// Match is one record in which a rule matched or a secret was found. It is clean already.
type Match struct {
	Time    time.Time `json:",omitzero"`  // receipt
	EventID string    `json:",omitempty"` // event.id
	Rule    Rule      `json:",omitzero"`  // zero: a finding without a rule
	Finding Finding   `json:",omitzero"`  // zero: a rule without a finding

	Task, TaskID, Worker  string `json:",omitempty"`
	Peer, PeerFingerprint string `json:",omitempty"` // identity and SHA-256 (hex) of the client certificate
	PeerAddress           string `json:",omitempty"`
	Host, Environment     string `json:",omitempty"`

	Sample string `json:",omitempty"` // the redacted message
	Nearby []Line `json:",omitempty"` // records around it of the same task id, when at hand, oldest first
	Place  Place  `json:",omitzero"`

	// Group is what tells one alert of the rule from another, where Options.GroupBy does not:
	// the values that a correlation counted by.
	Group []string `json:",omitempty"`
	Why   string   `json:",omitempty"` // what the rule saw, for a correlation
}

// Rule is the rule that matched.
type Rule struct {
	ID, Title, Version string         `json:",omitempty"`
	Level              rules.Severity `json:",omitempty"`
	Tags               []string       `json:",omitempty"` // "attack.t1552.001"
	Runbook            string         `json:",omitempty"` // URL or path; from the rule, never from a record
	// Realert is how long after it was told an alert of this rule is not posted again; zero
	// leaves it to Options.Repeat. Rules about posture, true all the time, have a day.
	Realert time.Duration `json:",omitempty"`
}

// Finding is a secret that was found, never its value.
type Finding struct {
	Detector    string         `json:",omitempty"`
	Class       string         `json:",omitempty"`
	Severity    rules.Severity `json:",omitempty"`
	Key         string         `json:",omitempty"` // key name that gave it away
	Fingerprint string         `json:",omitempty"` // keyed hash in hex; empty for values that could be guessed
}

// Line is a record near a match.
type Line struct {
	Time time.Time `json:",omitzero"`
	Text string    `json:",omitempty"`
}

// Place is where a record was published. The zero Place is not known yet.
type Place struct {
	Topic     string `json:",omitempty"`
	Partition int32  `json:",omitempty"`
	Offset    int64  `json:",omitempty"`
}

// Level is how bad m is: the rule's word when there is one, else the finding's.
func (m *Match) Level() rules.Severity {
	if m.Rule.ID != "" {
		return m.Rule.Level
	}
	return m.Finding.Severity
}

// Secret is what tells one secret from another: its fingerprint, else the key name.
func (m *Match) Secret() string {
	if m.Finding.Fingerprint != "" {
		return m.Finding.Fingerprint
	}
	return m.Finding.Key
}

// RuleID is the rule's id; for a finding without a rule it names the detector.
func (m *Match) RuleID() string {
	if m.Rule.ID == "" {
		return "finding:" + m.Finding.Detector
	}
	return m.Rule.ID
}

// Bounds of what is kept of one match, in bytes.
const (
	maxName   = 256
	maxTitle  = 300
	maxSample = 2000
	maxNearby = 6
	maxTags   = 16
)

// tidy bounds every member of m, so that no record can make the state grow.
func (m *Match) tidy(redact func(string) string) {
	for _, s := range []*string{&m.EventID, &m.Rule.ID, &m.Rule.Version, &m.Finding.Detector, &m.Finding.Class, &m.Finding.Key, &m.Finding.Fingerprint,
		&m.Task, &m.TaskID, &m.Worker, &m.Peer, &m.PeerFingerprint, &m.PeerAddress, &m.Host, &m.Environment, &m.Place.Topic} {
		*s = Cut(*s, maxName)
	}
	m.Rule.Title = Cut(m.Rule.Title, maxTitle)
	m.Rule.Runbook = Cut(m.Rule.Runbook, 2*maxName)
	m.Rule.Tags = append([]string(nil), m.Rule.Tags[:min(len(m.Rule.Tags), maxTags)]...)
	for i, tag := range m.Rule.Tags {
		m.Rule.Tags[i] = Cut(tag, maxName)
	}
	m.Group = append([]string(nil), m.Group[:min(len(m.Group), maxTags)]...)
	for i, g := range m.Group {
		m.Group[i] = Cut(g, maxName)
	}
	m.Why = Cut(m.Why, 2*maxName)
	m.Sample = sample(m.Sample, redact)
	if extra := len(m.Nearby) - maxNearby; extra > 0 {
		m.Nearby = m.Nearby[extra:]
	}
	near := make([]Line, len(m.Nearby))
	for i, l := range m.Nearby {
		near[i] = Line{l.Time, Cut(sample(l.Text, redact), maxName)}
	}
	m.Nearby = near
}

// sample is text after the second, strict redaction. The cut comes last, so that no half of
// a secret slips past a detector; the first cut only bounds the work.
func sample(text string, redact func(string) string) string {
	text = Cut(text, 16*maxSample)
	if redact != nil {
		text = redact(text)
	}
	return Cut(text, maxSample)
}
