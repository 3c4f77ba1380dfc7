package alerting

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"destring/rules"
	"destring/rules/detect"
)

// Judge makes matches of published records. It asks the rules again, so records from the spool and a
// replay from Kafka give the same, and it feeds the correlations. One goroutine uses it:
// the reader of Matches, which saves AppendState beside its cursor.
//
// A leak is one alert, though a finding and several rules speak of it: a rule that matches the record
// with one finding and not without it is about that finding, and of those rules the most
// severe one speaks.
type Judge struct {
	set        *detect.Set
	matcher    *detect.Matcher
	correlator *detect.Correlator
	least      rules.Severity
}

// maxFindings is how many different findings of one record are told apart.
const maxFindings = 16

// NewJudge makes a Judge. least is from which severity on a finding that no rule is about is a match.
func NewJudge(set *detect.Set, least rules.Severity, o detect.CorrelatorOptions) *Judge {
	return &Judge{set, set.NewMatcher(), set.NewCorrelator(o), least}
}

// AppendState appends what the correlations remember.
func (j *Judge) AppendState(dst []byte) []byte { return j.correlator.AppendState(dst) }

// Restore goes back to a saved state, after a restart or before a replay. forgotten counts what
// belongs to rules that there are no more.
func (j *Judge) Restore(state []byte) (forgotten int, err error) { return j.correlator.Restore(state) }

// Read returns the matches of one published log record.
func (j *Judge) Read(value []byte) ([]Match, error) {
	ev, err := detect.ParseEvent(value)
	if err != nil {
		return nil, fmt.Errorf("alerting: record: %w", err)
	}
	base, at := baseOf(ev), timeOf(ev)
	findings := findingsOf(ev)
	about := j.about(ev, findings)
	j.matcher.Event(ev)
	matched := j.matched()
	var step detect.Step // for its event id, whose type is of a package that alerting does not need
	step.Event.Connection, step.Event.Message = idOf(base.EventID)
	var all []Match
	for _, f := range j.correlator.Feed(j.matcher, at, step.Event) {
		all = append(all, firing(base, &f))
	}
	return append(all, j.pair(ev, base, matched, findings, about)...), nil
}

// Frame returns the matches of records that were published together, with the records just before and after
// of the same task beside each. Records that cannot be read are counted. Only those that matched says
// are judged, all when it is nil: to judge one costs 18 µs, and of a busy minute's records one in fifty
// matches. The others are looked at for what is near.
func (j *Judge) Frame(values [][]byte, matched func(i int) bool) (all []Match, unreadable int) {
	for i, value := range values {
		if matched != nil && !matched(i) {
			continue
		}
		list, err := j.Read(value)
		if err != nil {
			unreadable++
		}
		if len(list) == 0 {
			continue
		}
		near := nearby(values, i, list[0].TaskID) // all matches of a record are of its task
		for _, m := range list {
			m.Nearby = near
			all = append(all, m)
		}
	}
	return all, unreadable
}

// Bounds of nearby: records looked at and lines taken, on each side.
const (
	nearReach = 200
	nearLines = 3
)

// nearby are the records around values[at] that name the same task id, oldest first.
func nearby(values [][]byte, at int, taskID string) []Line {
	if taskID == "" {
		return nil
	}
	mention := []byte(`"` + taskID + `"`)
	side := func(step int) (lines []Line) {
		for i := at + step; i >= 0 && i < len(values) && (i-at)*step <= nearReach && len(lines) < nearLines; i += step {
			if !bytes.Contains(values[i], mention) {
				continue // cheaper than to parse it
			}
			ev, err := detect.ParseEvent(values[i])
			if err != nil || text(ev, "celery", "task", "id") != taskID {
				continue
			}
			m := baseOf(ev)
			lines = append(lines, Line{m.Time, m.Sample})
		}
		return lines
	}
	before := side(-1)
	slices.Reverse(before)
	return append(before, side(1)...)
}

// matched are the rules that match the event at hand and raise something by themselves, the most severe first.
func (j *Judge) matched() (list []*detect.Rule) {
	for _, m := range j.matcher.Match() {
		if !m.Rule.Hidden {
			list = append(list, m.Rule)
		}
	}
	slices.SortStableFunc(list, func(x, y *detect.Rule) int { return int(y.Level) - int(x.Level) })
	return list
}

// about returns, for each finding, the rules that match because of it.
func (j *Judge) about(ev detect.Event, findings []found) [][]*detect.Rule {
	if len(findings) == 0 {
		return nil
	}
	own, _ := ev["destring"].(map[string]any)
	all := own["findings"]
	defer func() { own["findings"] = all }()
	delete(own, "findings")
	j.matcher.Event(ev)
	without := j.matched()
	list := make([][]*detect.Rule, len(findings))
	for i, f := range findings {
		own["findings"] = []any{f.raw}
		j.matcher.Event(ev)
		list[i] = slices.DeleteFunc(j.matched(), func(r *detect.Rule) bool { return slices.Contains(without, r) })
	}
	return list
}

// pair joins rules and findings, so that each finding is spoken of once.
func (j *Judge) pair(ev detect.Event, base Match, matched []*detect.Rule, findings []found, about [][]*detect.Rule) (all []Match) {
	paired := map[*detect.Rule]bool{}
	for i, f := range findings {
		m := base
		m.Finding = f.Finding
		for _, r := range about[i] {
			paired[r] = true
		}
		switch {
		case len(about[i]) > 0:
			m.Rule = ruleOf(about[i][0])
			all = append(all, m)
		case f.Severity >= j.least:
			all = append(all, m)
		}
	}
	for _, r := range matched {
		if paired[r] {
			continue
		}
		m := base
		m.Rule = ruleOf(r)
		for _, name := range r.Own.GroupBy { // a leak's group is its secret, whatever the rule says
			m.Group = append(m.Group, name+"="+text(ev, strings.Split(name, ".")...))
		}
		all = append(all, m)
	}
	return all
}

func ruleOf(r *detect.Rule) Rule {
	rule := Rule{ID: r.Key(), Title: r.Title, Version: r.Version, Level: levelOf(rules.Severity(r.Level)), Tags: r.Tags, Runbook: r.Own.Runbook}
	if d, err := time.ParseDuration(r.Own.Realert); err == nil {
		rule.Realert = d
	}
	return rule
}

// firing is a correlation as a match of the record that completed it. Its group is its own.
func firing(base Match, f *detect.Firing) Match {
	m := base
	m.Rule = ruleOf(f.Rule)
	var parts []string
	for _, g := range f.Group {
		parts = append(parts, g.String())
		m.Group = append(m.Group, g.Field+"="+g.Value)
		switch g.Field {
		case "destring.findings.fingerprint":
			m.Finding.Fingerprint = g.Value
		case "destring.findings.detector":
			m.Finding.Detector = g.Value
		}
	}
	if len(m.Group) == 0 {
		m.Group = []string{"all"}
	}
	m.Why = fmt.Sprintf("%v in the %s before", f.Value, time.Duration(f.Last-f.First).Round(time.Second))
	if len(parts) > 0 {
		m.Why += ", for " + strings.Join(parts, ", ")
	}
	return m
}

// found is a finding and how the record has it.
type found struct {
	Finding
	raw any
}

// findingsOf returns the different findings of a record.
func findingsOf(ev detect.Event) (list []found) {
	own, _ := ev["destring"].(map[string]any)
	all, _ := own["findings"].([]any)
	for _, raw := range all {
		o, ok := raw.(map[string]any)
		if !ok {
			continue
		}
		f := Finding{Detector: text(o, "detector"), Class: text(o, "class"), Severity: rules.ParseSeverity(text(o, "severity")), Key: text(o, "key"), Fingerprint: text(o, "fingerprint")}
		if !slices.ContainsFunc(list, func(g found) bool { return g.Finding == f }) && len(list) < maxFindings {
			list = append(list, found{f, raw})
		}
	}
	return list
}

// baseOf is what every match of a record says.
func baseOf(ev detect.Event) Match {
	m := Match{EventID: text(ev, "event", "id"), Task: text(ev, "celery", "task", "name"), TaskID: text(ev, "celery", "task", "id"), Worker: text(ev, "celery", "worker"),
		Peer: text(ev, "destring", "peer", "name"), PeerFingerprint: text(ev, "tls", "client", "hash", "sha256"), PeerAddress: text(ev, "source", "ip"),
		Host: text(ev, "log", "syslog", "hostname"), Environment: text(ev, "service", "environment"), Sample: text(ev, "message")}
	m.Time, _ = time.Parse(time.RFC3339Nano, text(ev, "event", "created"))
	return m
}

// timeOf is the event's own time for the correlations, but not after its receipt: a sender whose clock is
// ahead would move the windows of its group.
func timeOf(ev detect.Event) int64 {
	at, ok := ev.Time()
	created, err := time.Parse(time.RFC3339Nano, text(ev, "event", "created"))
	if err == nil && (!ok || at.After(created)) {
		at = created
	}
	return at.UnixNano()
}

// idOf takes an event.id of 32 hex digits apart; any other text becomes a hash of it.
func idOf(id string) (connection, message uint64) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 16 {
		raw, _ = hex.DecodeString(alertID(id, &Match{}) + alertID("\x00"+id, &Match{}))
	}
	return binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
}

// text returns the string at a path of names, empty when there is none.
func text(o map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		o, _ = o[name].(map[string]any)
	}
	switch v := o[path[len(path)-1]].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
