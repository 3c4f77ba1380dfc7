package alerting

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"destring/rules"
)

// ErrNotFound says that there is no alert or silence of that id.
var ErrNotFound = errors.New("not found")

// List returns copies of the alerts that fit, those touched last first. all adds the resolved ones.
func (a *Alerter) List(match []Matcher, all bool) []*Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := []*Alert{}
	for _, al := range a.mem.alerts {
		if (all || al.Status != Resolved) && fitAll(match, al) {
			list = append(list, a.show(al))
		}
	}
	slices.SortFunc(list, func(x, y *Alert) int { return cmp.Or(y.Touched.Compare(x.Touched), strings.Compare(x.ID, y.ID)) })
	return list
}

// Counts says how many alerts of each level are not resolved. It copies no alert.
func (a *Alerter) Counts() map[rules.Severity]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	counts := map[rules.Severity]int{}
	for al := range a.live { // holds all that are not resolved
		if al.Status != Resolved {
			counts[al.Level]++
		}
	}
	return counts
}

// Show returns a copy of one alert with what each sink was told.
func (a *Alerter) Show(id string) (*Alert, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	al, err := a.find(id)
	if err != nil {
		return nil, err
	}
	c := a.show(al)
	c.Deliveries = map[string]*Delivery{}
	for name, d := range al.Deliveries {
		copied := *d
		c.Deliveries[name] = &copied
	}
	return c, nil
}

func (a *Alerter) find(id string) (*Alert, error) {
	if al := a.mem.byID[id]; al != nil {
		return al, nil
	}
	return nil, fmt.Errorf("alert %q: %w; `destring alert list` shows them", id, ErrNotFound)
}

// Ack says that by is at it: the alert is not posted again until it was resolved and came back.
func (a *Alerter) Ack(id, by, note string) error {
	if by == "" {
		return errors.New("an acknowledgement needs to say by whom")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	al, err := a.find(id)
	if err != nil {
		return err
	}
	if al.Status == Resolved {
		return fmt.Errorf("alert %s is resolved already", id)
	}
	al.Status, al.AckBy, al.AckNote = Acknowledged, Cut(by, maxName), Cut(note, maxName)
	al.Revision++
	a.changed(al)
	a.decide(Decision{Outcome: Acked, Alert: al.snapshot(), By: al.AckBy, Reason: cmp.Or(al.AckNote, "acknowledged")})
	return a.done()
}

// done makes a change durable and lets it be told.
func (a *Alerter) done() error {
	err := a.flush()
	a.wake()
	return err
}

// AddSilence checks s, gives it an id and lets it hold at once. Start is now when zero.
func (a *Alerter) AddSilence(s Silence) (Silence, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.addSilence(s)
}

func (a *Alerter) addSilence(s Silence) (Silence, error) {
	now := time.Now()
	if err := s.check(now); err != nil {
		return Silence{}, err
	}
	if len(a.mem.silences) >= maxSilences {
		return Silence{}, fmt.Errorf("there are %d silences already; expire some", maxSilences)
	}
	if s.Start.IsZero() {
		s.Start = now
	}
	raw := make([]byte, 6)
	_, _ = rand.Read(raw) // never fails, by its documentation
	s.ID, s.Author, s.Reason, s.Match = hex.EncodeToString(raw), Cut(s.Author, maxName), Cut(s.Reason, maxName), slices.Clone(s.Match)
	s.Expired, s.Warned = time.Time{}, false
	kept := s
	a.mem.silences[s.ID] = &kept
	a.mark(&kept)
	a.decide(Decision{Outcome: SilenceAdded, Silence: &s, By: s.Author, Reason: s.Reason})
	for al := range a.live {
		a.hush(al, now)
	}
	return s, a.done()
}

// maxSilences is how many silences are remembered, the ended ones included.
const maxSilences = 10_000

// Silences returns copies of the silences, those that end last first. all adds the ended ones.
func (a *Alerter) Silences(all bool) []Silence {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := []Silence{}
	for _, s := range a.mem.silences {
		if all || s.Expired.IsZero() {
			list = append(list, *s)
		}
	}
	slices.SortFunc(list, func(x, y Silence) int { return cmp.Or(y.End.Compare(x.End), strings.Compare(x.ID, y.ID)) })
	return list
}

// ExpireSilence ends a silence before its time.
func (a *Alerter) ExpireSilence(id, by string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.mem.silences[id]
	if s == nil || !s.Expired.IsZero() {
		return fmt.Errorf("silence %q: %w; `destring silence list` shows those that hold", id, ErrNotFound)
	}
	if by == "" {
		return errors.New("to end a silence, say by whom")
	}
	a.endSilence(s, time.Now(), "ended by "+Cut(by, maxName))
	return a.done()
}

// SilenceAlert silences the group of one alert for d.
func (a *Alerter) SilenceAlert(id string, d time.Duration, by, reason string) (Silence, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	al, err := a.find(id)
	if err != nil {
		return Silence{}, err
	}
	now := time.Now()
	return a.addSilence(Silence{Match: a.groupMatchers(al), Start: now, End: now.Add(d), Author: by, Reason: reason, Alert: id})
}

// groupMatchers are the matchers that fit the group of al and no other.
func (a *Alerter) groupMatchers(al *Alert) (list []Matcher) {
	by := a.opts.GroupBy
	if len(al.Match.Group) > 0 {
		by = []GroupBy{ByRule}
		for _, g := range al.Match.Group {
			name, _, _ := strings.Cut(g, "=")
			if known, ok := groupFields[name]; ok {
				by = append(by, known)
			}
		}
	}
	for _, g := range by {
		v, _ := al.Match.field(string(g))
		list = append(list, Matcher{Field: string(g), Op: "=", Value: escapeGlob(v)})
	}
	return list
}

// groupFields are the names that rules group by and matchers know. A group by other fields is silenced with
// all others of its rule.
var groupFields = map[string]GroupBy{"celery.task.name": ByTask, "celery.worker": ByWorker, "destring.peer.name": ByPeer, "log.syslog.hostname": ByHost,
	"destring.findings.fingerprint": BySecret, "destring.findings.key": BySecret, "destring.findings.detector": ByDetector, "service.environment": ByEnvironment}

// Denied puts on record that somebody asked for what is not theirs to ask.
func (a *Alerter) Denied(by, what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.decide(Decision{Outcome: Denied, By: Cut(by, maxName), Reason: what})
}

// Proposal is what a false positive asks for: nothing is allowed until somebody puts it into
// the configuration.
type Proposal struct {
	Allow string // YAML of an allow entry with an expiry
	Test  string // JSONL line for `destring logtest --jsonl`, from the redacted sample
}

// proposalLife is how long a proposed allow entry holds.
const proposalLife = 90 * 24 * time.Hour

// FalsePositive notes that by holds alert id for one, acknowledges it, silences its group for a day and
// returns what to put into the configuration.
func (a *Alerter) FalsePositive(id, by string) (Proposal, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	al, err := a.find(id)
	if err != nil {
		return Proposal{}, err
	}
	if by == "" {
		return Proposal{}, errors.New("a false positive needs to say by whom")
	}
	now := time.Now()
	al.FalsePositive = Cut(by, maxName)
	if al.Status == Open {
		al.Status, al.AckBy = Acknowledged, al.FalsePositive
	}
	al.Revision++
	a.changed(al)
	a.decide(Decision{Outcome: FalseAlarm, Alert: al.snapshot(), By: al.FalsePositive, Reason: "said to be a false positive"})
	p := propose(al, now)
	_, err = a.addSilence(Silence{Match: a.groupMatchers(al), Start: now, End: now.Add(24 * time.Hour), Author: by, Reason: "false positive, until the policy says so", Alert: id})
	return p, err
}

func propose(al *Alert, now time.Time) Proposal {
	m := &al.Match
	var b strings.Builder
	b.WriteString("allow:\n")
	indent := "  - "
	for _, f := range []struct{ name, value string }{{"rule", m.Rule.ID}, {"detector", m.Finding.Detector}, {"fingerprint", m.Finding.Fingerprint}, {"key", m.Finding.Key},
		{"task", m.Task}, {"until", now.Add(proposalLife).UTC().Format(time.DateOnly)}, {"author", al.FalsePositive}, {"reason", "false positive: alert " + al.ID}} {
		if f.value != "" {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, f.name, quoted(f.value)) // a JSON string is a YAML one
			indent = "    "
		}
	}
	return Proposal{Allow: b.String(), Test: fmt.Sprintf(`{"id":%s,"line":%s,"matches":[]}`, quoted(al.ID), quoted(m.Sample))}
}

// quoted is s as a JSON string that a terminal shows as it is.
func quoted(s string) string {
	raw, _ := json.Marshal(Visible(s)) // a string always can be
	return string(raw)
}
