package rules

import (
	"slices"
	"strings"
	"unsafe"

	"destring/rules/detect"
	"destring/rules/record"
)

// Match is a rule that matched a record.
type Match struct {
	ID, Title, Version string
	Level              Severity
	Tags               []string // "attack.t1552.001"
	Runbook            string
}

// judge asks the Sigma rules about clean records. It is read-only.
type judge struct {
	set       *detect.Set
	questions []question
	message   int // slot of message, -1 when no rule asks for it
	rules     []judged
}

// question is a field that rules ask for and where it is in a record.
type question struct {
	slot  int
	field record.Field
}

// judged is a rule, ready to be published.
type judged struct {
	match  Match
	record record.Rule
}

func newJudge(set *detect.Set) *judge {
	if set == nil || len(set.Rules()) == 0 {
		return nil
	}
	j := &judge{set: set, message: -1}
	for _, f := range record.Fields() {
		slot := set.Slot(f.Name)
		if slot < 0 {
			continue
		}
		if f.Name == "message" {
			j.message = slot
		}
		j.questions = append(j.questions, question{slot, f})
	}
	// The message first: what is cut out of it is then given as a part of it.
	slices.SortStableFunc(j.questions, func(a, b question) int {
		switch {
		case a.slot == j.message:
			return -1
		case b.slot == j.message:
			return 1
		}
		return 0
	})
	for _, r := range set.Rules() {
		j.rules = append(j.rules, judgedRule(r))
	}
	return j
}

func judgedRule(r *detect.Rule) judged {
	m := Match{ID: r.Key(), Title: r.Title, Version: r.Version, Level: Severity(r.Level), Tags: r.Tags, Runbook: r.Own.Runbook}
	out := record.Rule{ID: m.ID, Name: m.Title, Version: m.Version, Level: m.Level.String(), Reference: m.Runbook}
	for _, tag := range r.Tags {
		name, ok := strings.CutPrefix(strings.ToLower(tag), "attack.")
		switch {
		case !ok:
		case len(name) > 1 && name[0] == 't' && name[1] >= '0' && name[1] <= '9':
			out.Techniques = append(out.Techniques, strings.ToUpper(name))
		default:
			out.Tactics = append(out.Tactics, name)
		}
	}
	return judged{m, out}
}

// run judges the record of in and notes the rules that match.
func (j *judge) run(in *Inspector) {
	m, r := in.matcher, &in.record
	m.Reset()
	for i := range j.questions {
		j.answer(m, &j.questions[i], r)
	}
	for _, match := range m.Match() {
		in.clean.matched = true // also for a rule that only a correlation sees
		if match.Rule.Hidden {
			continue
		}
		rule := &j.rules[match.Rule.Index]
		in.clean.matches = append(in.clean.matches, rule.match)
		r.Rules = append(r.Rules, rule.record)
	}
	if len(in.clean.matches) > 1 {
		slices.SortStableFunc(in.clean.matches, func(a, b Match) int { return int(b.Level) - int(a.Level) })
		slices.SortStableFunc(r.Rules, func(a, b record.Rule) int { return int(ParseSeverity(b.Level)) - int(ParseSeverity(a.Level)) })
	}
}

// statement reports whether a rule matches a record in our own words: a signal.
func (j *judge) statement(value []byte) bool {
	if j == nil {
		return false
	}
	ev, err := detect.ParseEvent(value)
	if err != nil {
		return false
	}
	m := j.set.NewMatcher()
	m.Event(ev)
	return len(m.Match()) > 0
}

// answer gives the value of one field to the matcher.
func (j *judge) answer(m *detect.Matcher, q *question, r *record.Record) {
	switch f := &q.field; {
	case f.Text != nil:
		text := f.Text(r)
		if len(text) == 0 {
			return
		}
		if at := within(text, r.Message); at >= 0 && q.slot != j.message && j.message >= 0 {
			m.Part(q.slot, j.message, at, at+len(text))
			return
		}
		m.Text(q.slot, text)
	case f.Number != nil:
		if v, ok := f.Number(r); ok {
			m.Number(q.slot, v)
		}
	case f.List.Len != nil:
		for i := range f.List.Len(r) {
			m.Text(q.slot, f.List.At(r, i))
		}
	}
}

// within returns where part lies in whole when it is the same memory, else -1: what was cut out of
// the message need not be searched a second time.
func within(part, whole []byte) int {
	if len(part) == 0 || len(whole) < len(part) {
		return -1
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	if at > uintptr(len(whole)-len(part)) {
		return -1
	}
	return int(at)
}
