package alerting

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"destring/rules"
)

// Alert is one thing that happened, however often: the matches of one group from the first
// until it has been quiet for long.
type Alert struct {
	ID       string // 16 hex digits
	Key      string // of the group
	Revision int    // counts what can be seen to change
	Level    rules.Severity
	Status   Status
	Count    int64 // matches
	Earlier  int64 `json:",omitempty"` // matches of earlier alerts of the same group
	Relapses int   `json:",omitempty"` // how often it opened again

	Opened   time.Time // by our clock, as Touched and Resolved
	Touched  time.Time // when the latest match was taken
	Resolved time.Time `json:",omitzero"`
	First    time.Time // receipt of the first match, as Last
	Last     time.Time

	Match   Match    // the first
	Tasks   []string `json:",omitempty"` // distinct, the first few
	Workers []string `json:",omitempty"`
	AlsoIn  []string `json:"-"` // tasks in which other alerts met the same secret; filled for a sink

	Recent      [5]int64 // matches of the latest five minutes, by minute modulo 5
	RecentUntil int64    // the latest minute in Recent

	AckBy, AckNote string `json:",omitempty"`
	FalsePositive  string `json:",omitempty"` // who said so
	Silence        string `json:",omitempty"` // id of the silence that holds it

	Noted   int64     // matches that decisions on record cover
	NotedAt time.Time `json:",omitzero"`

	Deliveries map[string]*Delivery // by sink
}

// Status is where an alert stands.
type Status uint8

// Statuses.
const (
	Open Status = iota
	Acknowledged
	Resolved
)

var statusNames = [...]string{"open", "acknowledged", "resolved"}

// String returns the published name.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "unknown"
}

// Delivery is what one sink has been told of an alert, digest or notice.
type Delivery struct {
	Ref      Ref       `json:",omitzero"` // the message that shows it now; zero when it cannot be changed
	Posts    int       `json:",omitempty"`
	Edits    int       `json:",omitempty"` // since the latest post
	Posted   time.Time `json:",omitzero"`
	Edited   time.Time `json:",omitzero"`
	Revision int       `json:",omitempty"` // that the sink was told
	Status   Status    `json:",omitempty"` // that the sink was told, as Level
	Level    rules.Severity
	Replied  Status   `json:",omitempty"` // the latest that its thread says
	Count    int64    `json:",omitempty"` // at the latest post
	Shown    int64    `json:",omitempty"` // count that the sink was told
	Digest   string   `json:",omitempty"` // id of the digest that told it instead
	Attempt  *Attempt `json:",omitempty"`
	Plain    bool     `json:",omitempty"` // the sink refused the full layout
	Refused  bool     `json:",omitempty"` // and the plain one too
}

func (d *Delivery) told() bool { return d.Posts > 0 || d.Digest != "" }

// Attempt is a message that was handed to a sink and whose answer is not recorded.
type Attempt struct {
	Act     Act
	Key     string
	Began   time.Time
	Unknown bool      // it may have arrived
	Tries   int       `json:",omitempty"`
	Tried   time.Time `json:",omitzero"`
}

// Limits of the lists of an alert.
const maxListed = 10

// add counts one more match.
func (a *Alert) add(m *Match, now time.Time) {
	a.Count++
	a.Revision++
	a.Touched = now
	a.Level = max(a.Level, m.Level())
	if a.First.IsZero() || m.Time.Before(a.First) {
		a.First = m.Time
	}
	if m.Time.After(a.Last) {
		a.Last = m.Time
	}
	a.Tasks = listed(a.Tasks, m.Task)
	a.Workers = listed(a.Workers, m.Worker)
	a.tickRate(now)
	a.Recent[a.RecentUntil%5]++
	if a.Status == Resolved {
		a.Status, a.Resolved, a.AckBy, a.AckNote = Open, time.Time{}, "", ""
		a.Relapses++
	}
}

func (a *Alert) tickRate(now time.Time) {
	minute := now.Unix() / 60
	if minute-a.RecentUntil >= 5 {
		a.Recent = [5]int64{}
	} else {
		for m := a.RecentUntil + 1; m <= minute; m++ {
			a.Recent[m%5] = 0
		}
	}
	a.RecentUntil = max(minute, a.RecentUntil)
}

// Rate is the number of matches in the five minutes before now.
func (a *Alert) Rate(now time.Time) (n int64) {
	c := *a
	c.tickRate(now)
	for _, v := range c.Recent {
		n += v
	}
	return n
}

// Title is the rule's title, or one made of the finding.
func (a *Alert) Title() string {
	if a.Match.Rule.Title != "" {
		return a.Match.Rule.Title
	}
	if a.Match.Finding.Detector != "" {
		return "Secret in a Celery log (" + a.Match.Finding.Detector + ")"
	}
	return a.Match.RuleID()
}

// snapshot copies a for a sink, which reads it while a changes.
func (a *Alert) snapshot() *Alert {
	c := *a
	c.Tasks, c.Workers = slices.Clone(a.Tasks), slices.Clone(a.Workers)
	c.Deliveries = nil
	return &c
}

func listed(list []string, s string) []string {
	if s == "" || len(list) >= maxListed || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// alertID is the same when the same batch is taken again after a crash.
func alertID(key string, first *Match) string {
	sum := sha256.Sum256([]byte(key + "\x00" + first.EventID + "\x00" + strconv.FormatInt(first.Time.UnixNano(), 10)))
	return hex.EncodeToString(sum[:8])
}

// GroupBy names what tells one alert from another.
type GroupBy string

// What a group can be made of. BySecret is the fingerprint, else the key name.
const (
	ByRule        GroupBy = "rule"
	ByTask        GroupBy = "task"
	BySecret      GroupBy = "secret"
	ByDetector    GroupBy = "detector"
	ByWorker      GroupBy = "worker"
	ByHost        GroupBy = "host"
	ByPeer        GroupBy = "peer"
	ByEnvironment GroupBy = "environment"
)

// field returns what m has for name; false for a name that nobody knows.
func (m *Match) field(name string) (string, bool) {
	switch GroupBy(name) {
	case ByRule:
		return m.RuleID(), true
	case ByTask:
		return m.Task, true
	case BySecret:
		return m.Secret(), true
	case ByDetector:
		return m.Finding.Detector, true
	case ByWorker:
		return m.Worker, true
	case ByHost:
		return m.Host, true
	case ByPeer:
		return m.Peer, true
	case ByEnvironment:
		return m.Environment, true
	}
	return "", false
}

func groupKey(m *Match, by []GroupBy) string {
	if len(m.Group) > 0 {
		return "rule=" + m.RuleID() + "\x00" + strings.Join(m.Group, "\x00")
	}
	parts := make([]string, len(by))
	for i, name := range by {
		v, _ := m.field(string(name))
		parts[i] = string(name) + "=" + v
	}
	return strings.Join(parts, "\x00")
}

// untold reports whether there is a sink that never heard of a.
func (a *Alert) untold() bool {
	for _, d := range a.Deliveries {
		if !d.told() {
			return true
		}
	}
	return false
}

// notAfter takes back times that lie ahead, for the clock may have been set back while nobody ran: a
// critical alert must not wait until it is as late as it was.
func (a *Alert) notAfter(now time.Time) {
	back := func(list ...*time.Time) {
		for _, t := range list {
			if t.After(now) {
				*t = now
			}
		}
	}
	back(&a.Opened, &a.Touched, &a.Resolved, &a.NotedAt)
	for _, d := range a.Deliveries {
		back(&d.Posted, &d.Edited)
		if d.Attempt != nil {
			back(&d.Attempt.Began, &d.Attempt.Tried)
		}
	}
}
