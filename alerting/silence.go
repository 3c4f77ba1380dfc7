package alerting

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Silence keeps alerts that fit from being told, until it ends. They are still counted,
// recorded by keepers and audited.
type Silence struct {
	ID      string
	Match   []Matcher // all must fit
	Start   time.Time
	End     time.Time
	Author  string
	Reason  string
	Alert   string    `json:",omitempty"` // id of the alert it was made for
	Expired time.Time `json:",omitzero"`  // when it stopped to hold, by its end or by hand
	Warned  bool      `json:",omitempty"` // the notice before its end was given
	Kept    []string  `json:",omitempty"` // sinks from which it kept alerts
}

// maxSilence is the longest silence: what is to be quiet for ever is to be fixed, or allowed by policy.
const maxSilence = 366 * 24 * time.Hour

func (s *Silence) check(now time.Time) error {
	var errs []error
	if len(s.Match) == 0 {
		errs = append(errs, errors.New("a matcher is missing: a silence for everything is not possible"))
	}
	for _, m := range s.Match {
		errs = append(errs, m.check())
	}
	switch {
	case s.End.IsZero():
		errs = append(errs, errors.New("its end is missing"))
	case !s.End.After(now):
		errs = append(errs, fmt.Errorf("its end, %s, is past", s.End.UTC().Format(time.RFC3339)))
	case s.End.Sub(now) > maxSilence:
		errs = append(errs, errors.New("it is longer than a year"))
	}
	if s.Author == "" {
		errs = append(errs, errors.New("its author is missing"))
	}
	if s.Reason == "" {
		errs = append(errs, errors.New("its reason is missing"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("silence: %w", err)
	}
	return nil
}

func (s *Silence) holds(a *Alert, now time.Time) bool {
	return s.Expired.IsZero() && !now.Before(s.Start) && now.Before(s.End) && fitAll(s.Match, a)
}

// hush finds the silence that holds al, the one that ends last, and notes a change.
func (a *Alerter) hush(al *Alert, now time.Time) {
	var by *Silence
	for _, s := range a.mem.silences {
		if s.holds(al, now) && (by == nil || s.End.After(by.End) || s.End.Equal(by.End) && s.ID < by.ID) {
			by = s
		}
	}
	id := ""
	if by != nil {
		id = by.ID
	}
	if id == al.Silence {
		return
	}
	al.Silence = id
	al.Revision++
	a.mark(al)
	if by != nil {
		by.keep(al)
		a.mark(by)
		a.decide(Decision{Outcome: Silenced, Alert: al.snapshot(), Reason: fmt.Sprintf("silence %s by %s until %s: %s", by.ID, by.Author, by.End.UTC().Format(time.RFC3339), by.Reason)})
	}
}

func (s *Silence) keep(al *Alert) {
	for name := range al.Deliveries {
		if !slices.Contains(s.Kept, name) {
			s.Kept = append(s.Kept, name)
		}
	}
}

// fromConfig is how the ids of silences from the configuration begin.
const fromConfig = "config-"

// configure takes the silences of the configuration: those that are new begin to hold, those that are there no
// more end. One that was ended by hand stays ended.
func (a *Alerter) configure(list []Silence, now time.Time) error {
	wanted := map[string]bool{}
	for _, s := range list {
		if !s.End.IsZero() && !s.End.After(now) {
			continue // past; a configuration may keep it as a note
		}
		if err := s.check(now); err != nil {
			return err
		}
		s.ID = configID(&s)
		wanted[s.ID] = true
		if a.mem.silences[s.ID] != nil {
			continue
		}
		if s.Start.IsZero() {
			s.Start = now
		}
		a.mem.silences[s.ID] = &s
		a.mark(&s)
		a.decide(Decision{Outcome: SilenceAdded, Silence: &s, By: s.Author, Reason: s.Reason + " (configuration)"})
	}
	for id, s := range a.mem.silences {
		if strings.HasPrefix(id, fromConfig) && !wanted[id] && s.Expired.IsZero() && now.Before(s.End) {
			s.Expired = now
			a.mark(s)
			a.decide(Decision{Outcome: SilenceEnded, Silence: s, Reason: "it is in the configuration no more"})
		}
	}
	for al := range a.live {
		a.hush(al, now)
	}
	return a.flush()
}

// configID is the same as long as the silence says the same.
func configID(s *Silence) string {
	text := fmt.Sprint(s.Match, s.Start.UnixNano(), s.End.UnixNano(), s.Author, s.Reason)
	sum := sha256.Sum256([]byte(text))
	return fromConfig + hex.EncodeToString(sum[:6])
}
