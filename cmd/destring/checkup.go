package main

import (
	"cmp"
	"fmt"
	"io"

	"destring/relay/kafka"
)

// Levels of a diagnosis.
const (
	levelOK      = "ok"
	levelNote    = "note"    // worth knowing
	levelWarning = "warning" // works, but somebody will be sorry
	levelFault   = "fault"   // does not work, or loses what it should keep
)

// diagnosis is one line of a check: what was looked at, what was found, what to do about it.
type diagnosis struct {
	Level   string `json:"level"`
	Subject string `json:"subject"` // a key of the configuration, a file, a part of the relay, a topic
	Text    string `json:"text"`
	Fix     string `json:"fix,omitempty"`
}

// String is the diagnosis in a sentence, for errors and warnings.
func (d diagnosis) String() string {
	if d.Fix == "" {
		return d.Text
	}
	return d.Text + "; " + d.Fix
}

// checkup gathers what the checks find.
type checkup struct {
	Lines []diagnosis
}

func (u *checkup) add(level, subject, fix, format string, args ...any) {
	u.Lines = append(u.Lines, diagnosis{level, subject, fmt.Sprintf(format, args...), fix})
}

// kafka adds the lines of the cluster's check.
func (u *checkup) kafka(findings []kafka.Finding) {
	for _, f := range findings {
		u.Lines = append(u.Lines, diagnosis{f.Level.String(), "kafka: " + f.Subject, f.Text, f.Fix})
	}
}

func (u *checkup) count(level string) (n int) {
	for _, d := range u.Lines {
		if d.Level == level {
			n++
		}
	}
	return n
}

// print writes a line for each diagnosis, its fix behind it, and the sum.
func (u *checkup) print(w io.Writer) error {
	paint := newPaint(w)
	p := &printerTo{w: w}
	width := 0
	for _, d := range u.Lines {
		width = max(width, min(len(d.Subject), 32))
	}
	for _, d := range u.Lines {
		p.line("%s %-*s  %s", paint.diagnosis(d.Level), width, visible(d.Subject), visible(d.Text))
		if d.Fix != "" {
			p.line("%8s %*s  → %s", "", width, "", visible(d.Fix))
		}
	}
	p.line("%d checks: %s, %s", len(u.Lines), plural(u.count(levelFault), "fault"), plural(u.count(levelWarning), "warning"))
	return p.err
}

// diagnosis is a level in a column of its own, coloured as bad as it is.
func (p paint) diagnosis(level string) string {
	code := map[string]string{levelOK: "32", levelNote: "36", levelWarning: "33", levelFault: "31"}[level]
	return p.with(cmp.Or(code, "0"), fmt.Sprintf("%-8s", level))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// rough is a size to three digits, for people.
func rough(n Size) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1000 && i+1 < len(units) {
		f, i = f/1024, i+1
	}
	if f < 10 && i > 0 {
		return fmt.Sprintf("%.1f %s", f, units[i])
	}
	return fmt.Sprintf("%.0f %s", f, units[i])
}
