package redact

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Action is what happens to what a detector finds.
type Action uint8

// Actions.
const (
	Default Action = iota // what the profile says
	Mask                  // a mark; with a fingerprint when the detector's values cannot be guessed
	Hash                  // a mark, always with a fingerprint: whoever can log may then test guesses
	Drop                  // nothing is left
	Keep                  // left as it is
)

var actionNames = [...]string{"default", "mask", "hash", "drop", "keep"}

// String returns the word of the configuration.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "unknown"
}

// ParseAction reads the word of the configuration.
func ParseAction(word string) (Action, error) {
	if i := slices.Index(actionNames[1:], word); i >= 0 {
		return Action(i + 1), nil
	}
	return Default, fmt.Errorf("redact: unknown action %q: use mask, hash, drop or keep", word)
}

// Profile is how much is hidden.
type Profile uint8

// Profiles.
const (
	Balanced Profile = iota // everything that is a credential or personal data
	Strict                  // also no fingerprints, and key names that are weak signs count as strong
	Debug                   // personal data of low severity (e-mail, phone, names, addresses) stays
)

// ParseProfile reads the word of the configuration; empty is balanced.
func ParseProfile(word string) (Profile, error) {
	switch word {
	case "", "balanced":
		return Balanced, nil
	case "strict":
		return Strict, nil
	case "debug":
		return Debug, nil
	}
	return Balanced, fmt.Errorf("redact: unknown profile %q: use strict, balanced or debug", word)
}

// Options configure a Redactor. The zero value with a Key is the balanced profile.
type Options struct {
	// Key is the deployment's key for fingerprints, 16 bytes at least.
	Key []byte
	// PreviousKeys are those before a rotation: Fingerprint still looks values up under them.
	PreviousKeys [][]byte

	Profile      Profile
	ProfileUntil time.Time // when the debug profile ends; it must be set
	// Environment goes into the derivation of the keys; "prod" and "production" refuse the debug profile.
	Environment string

	Actions map[string]Action // by detector
	// LoosenCritical allows Keep for a critical detector; each value kept so is a finding.
	LoosenCritical bool
	Allow          []Allow
	// ShowLast is how many last characters of a value stay visible, by detector: 4 at most, and of
	// a credential none.
	ShowLast map[string]int

	// Now decides which allow entries have expired. A caller that runs long makes a new
	// Redactor at NextExpiry.
	Now time.Time
}

// Allow is one value, or kind of value, that is left as it is.
type Allow struct {
	Detector string // empty: every detector that is not critical
	Value    string // the exact value
	Pattern  string // or a regular expression over the whole value
	Key      string // or the name of its key
	Task     string // only in records of this task
	Until    time.Time
	Reason   string
}

type allowEntry struct {
	Allow
	pattern *regexp.Regexp
	det     detectorID
}

// policy checks the options and fills the decisions of r.
func (r *Redactor) policy(o *Options) error {
	var errs []error
	if o.Profile == Debug {
		switch {
		case o.Environment == "prod" || o.Environment == "production":
			errs = append(errs, errors.New("redact: the debug profile is refused in environment prod"))
		case o.ProfileUntil.IsZero():
			errs = append(errs, errors.New("redact: the debug profile needs an end: set its expiry"))
		case !o.Now.IsZero() && !o.Now.Before(o.ProfileUntil):
			o.Profile = Balanced
		default:
			r.expires(o.ProfileUntil)
		}
	}
	r.actions = make([]Action, len(r.detectors))
	for i := range r.actions {
		d := &r.detectors[i]
		r.actions[i] = Mask
		if o.Profile == Debug && d.Class == Personal && d.Severity <= Low {
			r.actions[i] = Keep
		}
	}
	r.strict = o.Profile == Strict
	for name, action := range o.Actions {
		id, ok := r.byName[name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("redact: no detector is called %q", name))
		case action == Keep && r.detectors[id].Severity == Critical && !o.LoosenCritical:
			errs = append(errs, fmt.Errorf("redact: %s is critical and is not kept without the explicit switch", name))
		case action != Default:
			r.actions[id] = action
		}
	}
	for name, n := range o.ShowLast {
		id, ok := r.byName[name]
		if !ok || n < 0 || n > 4 || r.detectors[id].Class != Personal {
			errs = append(errs, fmt.Errorf("redact: show last %d of %q: only detectors of personal data, 4 characters at most", n, name))
			continue
		}
		if r.showLast == nil {
			r.showLast = make(map[detectorID]int)
		}
		r.showLast[id] = n
	}
	for i := range o.Allow {
		if err := r.allowEntry(&o.Allow[i], o); err != nil {
			errs = append(errs, fmt.Errorf("redact: allow entry %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

func (r *Redactor) expires(at time.Time) {
	if r.nextExpiry.IsZero() || at.Before(r.nextExpiry) {
		r.nextExpiry = at
	}
}

func (r *Redactor) allowEntry(a *Allow, o *Options) error {
	e := allowEntry{Allow: *a}
	if a.Reason == "" || a.Until.IsZero() {
		return errors.New("it needs a reason and an expiry")
	}
	if a.Value == "" && a.Pattern == "" && a.Key == "" && a.Task == "" {
		return errors.New("it names no value, pattern, key or task")
	}
	if a.Detector != "" {
		id, ok := r.byName[a.Detector]
		if !ok {
			return fmt.Errorf("no detector is called %q", a.Detector)
		}
		if r.detectors[id].Severity == Critical && !o.LoosenCritical {
			return fmt.Errorf("%s is critical and is not kept without the explicit switch", a.Detector)
		}
		e.det = id
	}
	if a.Value == "" && a.Pattern == "" && a.Detector == "" {
		return errors.New("a key or task alone would let every secret pass there: name a detector too")
	}
	if a.Pattern != "" {
		re, err := regexp.Compile(`\A(?:` + a.Pattern + `)\z`)
		if err != nil {
			return fmt.Errorf("its pattern: %w", err)
		}
		e.pattern = re
	}
	if name, hit := r.matchesSample(&e); hit {
		return fmt.Errorf("it matches a true sample of %s: it would let real secrets pass", name)
	}
	if !o.Now.IsZero() && !o.Now.Before(a.Until) {
		return nil // expired: as if it were not there
	}
	r.expires(a.Until)
	r.allow = append(r.allow, e)
	return nil
}

// matchesSample reports whether e matches one of the values that a detector is known to find.
func (r *Redactor) matchesSample(e *allowEntry) (string, bool) {
	if e.pattern == nil && e.Value == "" {
		return "", false
	}
	for id := range r.detectors {
		for _, sample := range r.samples(detectorID(id)) {
			if e.pattern != nil && e.pattern.MatchString(sample) || e.Value != "" && e.Value == sample {
				return r.detectors[id].Name, true
			}
		}
	}
	return "", false
}

// NextExpiry is when an allow entry or the debug profile ends and a new Redactor is due; zero for never.
func (r *Redactor) NextExpiry() time.Time { return r.nextExpiry }

// action decides what happens to sp, and why when it is kept.
func (r *Redactor) action(s *Scratch, sp *span, text []byte) (Action, string) {
	if sp.relabel {
		return Mask, ""
	}
	a := r.actions[sp.det]
	if a == Keep {
		return Keep, "policy keeps " + r.detectors[sp.det].Name
	}
	if len(r.allow) == 0 {
		return a, ""
	}
	value := text[sp.start:sp.end]
	for i := range r.allow {
		if e := &r.allow[i]; e.covers(r, s, sp, value) {
			return Keep, "allowed: " + e.Reason
		}
	}
	return a, ""
}

func (e *allowEntry) covers(r *Redactor, s *Scratch, sp *span, value []byte) bool {
	switch {
	case e.Detector != "" && e.det != sp.det, e.Detector == "" && r.detectors[sp.det].Severity == Critical:
		return false
	case e.Value != "" && string(value) != e.Value, e.Key != "" && e.Key != sp.key, e.Task != "" && e.Task != string(s.Task):
		return false
	}
	return e.pattern == nil || e.pattern.Match(value)
}

// partial returns the end of the value that policy shows.
func (r *Redactor) partial(sp *span, text []byte) []byte {
	n := r.showLast[sp.det]
	if n == 0 || sp.end-sp.start < 3*n {
		return nil
	}
	tail := text[sp.end-n : sp.end]
	for _, b := range tail {
		if !isAlnum(b) {
			return nil
		}
	}
	return tail
}
