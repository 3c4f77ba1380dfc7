package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"destring/rules/redact"
)

// redactPolicy is the policy of the configuration, without a key.
func (c *Config) redactPolicy() (redact.Options, error) {
	r := &c.Redact
	o := redact.Options{Environment: c.Environment, LoosenCritical: r.LoosenCritical, Now: time.Now(), Actions: map[string]redact.Action{}, ShowLast: map[string]int{}}
	var errs []error
	note := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("redact.%s: %w", key, err))
		}
	}
	var err error
	o.Profile, err = redact.ParseProfile(r.Profile)
	note("profile", err)
	if r.DebugUntil != "" {
		o.ProfileUntil, err = parseEnd(r.DebugUntil)
		note("debug_until", err)
	}
	for _, entry := range r.Detectors {
		name, word, _ := strings.Cut(entry, "=")
		o.Actions[name], err = redact.ParseAction(word)
		note("detectors", err)
	}
	for _, entry := range r.ShowLast {
		name, word, _ := strings.Cut(entry, "=")
		o.ShowLast[name], err = strconv.Atoi(word)
		if err != nil {
			note("show_last", fmt.Errorf("%q: write detector=number, as card=4", entry))
		}
	}
	for i, a := range r.Allow {
		allow := redact.Allow{Detector: a.Detector, Value: a.Value, Pattern: a.Pattern, Key: a.Key, Task: a.Task, Reason: a.Reason}
		if a.Until != "" {
			allow.Until, err = parseEnd(a.Until)
			note(fmt.Sprintf("allow: entry %d: until", i+1), err)
		}
		o.Allow = append(o.Allow, allow)
	}
	return o, errors.Join(errs...)
}

// parseEnd reads a moment, or a day, which ends with itself.
func parseEnd(s string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q is no moment: write 2026-12-31 or 2026-12-31T18:00:00Z", s)
	}
	return t, nil
}
