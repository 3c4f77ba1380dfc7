// Package packs is the Sigma rules that destring brings along: what matters in the logs of
// Celery. They are standard Sigma; what is ours stands under the key `destring:`, and
// each carries events, or sequences of them, on which it must fire and must not. The test of
// this package runs them, so a rule without both, or one that does otherwise, does not build.
//
// Three kinds of rules are not for alerting by default: those marked `off`, those that are
// Hidden because a correlation counts them, and those marked `posture`, which are true as
// long as a deployment is set up as it is and so are said once a day.
package packs

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"destring/rules/detect"
)

//go:embed *.yml
var files embed.FS

//go:embed RUNBOOK.md
var runbook string

// Source is the embedded rules, to be loaded together with others.
func Source() detect.Source { return detect.Folder("packs", files, ".") }

// Off reports whether a rule does not run unless its id or name is in on: for LoadExcept.
func Off(on ...string) func(*detect.Rule) bool {
	return func(r *detect.Rule) bool {
		return r.Own.Off && !slices.Contains(on, r.ID) && !slices.Contains(on, r.Name)
	}
}

// Load compiles the embedded rules alone, those that are off only when they are named.
func Load(on ...string) (*detect.Set, error) {
	set, err := detect.LoadExcept(Off(on...), Source())
	if err != nil {
		return nil, fmt.Errorf("embedded rules: %w", err)
	}
	return set, nil
}

// Runbook returns what RUNBOOK.md says about the rule of that name, empty when there is nothing.
func Runbook(name string) string {
	_, section, ok := strings.Cut(runbook, "\n## "+name+"\n")
	if !ok {
		return ""
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return strings.TrimSpace(section)
}
