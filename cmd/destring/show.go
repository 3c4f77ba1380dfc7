package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"destring/rules/record"
)

// leaves lists the values of a JSON document by dotted name, sorted, one a line.
func leaves(v any, name string) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		var all []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, leaves(v[k], name+"."+k)...)
		}
		return all
	}
	return []string{name + " = " + quoted(v)}
}

// quoted shows a value so that it cannot move the terminal: as JSON of the published kind.
func quoted(v any) string {
	if s, ok := v.(string); ok {
		return string(record.AppendString(nil, []byte(s)))
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T", v)
	}
	return string(raw)
}

// visible is s for a terminal: line feeds stay, whatever else could move it is shown as JSON
// escapes it.
func visible(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		escaped := string(record.AppendEscaped(nil, []byte(line)))
		lines[i] = strings.ReplaceAll(strings.ReplaceAll(escaped, `\"`, `"`), `\\`, `\`)
	}
	return strings.Join(lines, "\n    ")
}
