package detect

import (
	"fmt"
	"strings"
)

// Refusal says why one document was not taken.
type Refusal struct {
	File   string `json:"file"`
	Line   int    `json:"line"`           // 1-based; 0 when the file could not be read
	Rule   string `json:"rule,omitempty"` // id, else name, else title; empty when it has none
	Reason string `json:"reason"`
}

func (r Refusal) String() string {
	if r.Rule == "" {
		return fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Reason)
	}
	return fmt.Sprintf("%s:%d: rule %s: %s", r.File, r.Line, r.Rule, r.Reason)
}

// LoadError holds every refusal of a Load, in the order of files and lines.
type LoadError struct{ Refusals []Refusal }

func (e *LoadError) Error() string {
	lines := make([]string, len(e.Refusals))
	for i, r := range e.Refusals {
		lines[i] = r.String()
	}
	return strings.Join(lines, "\n")
}

// fault is a reason with its line, on the way up to the document that it refuses.
type fault struct {
	line   int
	reason string
}

func (f *fault) Error() string { return f.reason }

func refuse(line int, format string, args ...any) error {
	return &fault{line, fmt.Sprintf(format, args...)}
}
