package redact

import (
	"slices"
	"strings"

	"destring/rules/event"
)

// Note is one step of an explanation: what was looked at, by which detector, and why it was hidden or left.
type Note struct {
	Start, End int // in the input
	Detector   string
	Layer      Layer
	Rule       string
	Hidden     bool
	Reason     string // why it was left; empty when it was hidden
}

// Explain is Redact with its reasons, in the order of the text. It costs more.
func (r *Redactor) Explain(s *Scratch, text []byte, keep []event.Span) (Result, []Note) {
	s.tracing = true
	res := r.Redact(s, text, keep)
	s.tracing = false
	notes := slices.Clone(s.notes)
	for _, f := range res.Findings {
		if f.Action != Keep {
			notes = append(notes, Note{Start: f.Start, End: f.End, Detector: f.Detector, Layer: f.Layer, Rule: f.Rule, Hidden: true})
		}
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Start - b.Start })
	return res, notes
}

// note records why a span that was found is left after all.
func (r *Redactor) note(s *Scratch, sp *span, why string) {
	if s.tracing {
		s.notes = append(s.notes, Note{Start: sp.start, End: sp.end, Detector: r.detectors[sp.det].Name, Layer: sp.layer, Rule: sp.rule, Reason: why})
	}
}

// Stats counts what was found, never what it was. Its zero value is ready.
type Stats struct {
	Texts    int
	Changed  int
	Withheld int
	Detector map[string]int // findings by detector
}

// Add counts one result.
func (t *Stats) Add(res *Result) {
	t.Texts++
	if res.Withheld != "" {
		t.Withheld++
	}
	if len(res.edits) > 0 {
		t.Changed++
	}
	for i := range res.Findings {
		if t.Detector == nil {
			t.Detector = make(map[string]int)
		}
		t.Detector[res.Findings[i].Detector]++
	}
}

// Names lists the detectors that found something, most findings first.
func (t *Stats) Names() []string {
	names := make([]string, 0, len(t.Detector))
	for name := range t.Detector {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := t.Detector[b] - t.Detector[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}
