// Package recordtest checks published records in tests: names and types against the Elastic
// Common Schema, log records against our JSON Schema, headers against CloudEvents. It is used
// wherever records are made or read.
package recordtest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"destring/rules/record"
)

// ecs.jsonl is what deploy/e2e/ecs takes out of @elastic/ecs (Apache License 2.0), and compares
// with it in .ci/run.
//
//go:embed ecs.jsonl
var ecs []byte

// Fact is what ECS says of a field.
type Fact struct {
	Name    string              `json:"name"`
	Type    string              `json:"type"`
	Array   bool                `json:"array"`
	Allowed map[string][]string `json:"allowed"` // values; of event.category, with the event types that go with each
}

// Facts returns the facts that we have, by name.
var Facts = sync.OnceValue(func() map[string]Fact {
	facts := map[string]Fact{}
	for line := range bytes.Lines(ecs) {
		var f Fact
		if err := json.Unmarshal(line, &f); err == nil && f.Name != "" {
			facts[f.Name] = f
		}
	}
	return facts
})

var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	raw, err := json.Marshal(record.JSONSchema())
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("record.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("record.json")
})

// Published returns what is wrong with a record as it stands in Kafka, of whatever topic.
func Published(value []byte, headers map[string]string) []string {
	faults := Headers(headers)
	if bytes.Contains(value, []byte(`"dataset":"celery.log"`)) {
		return append(faults, Log(value)...)
	}
	return append(faults, Any(value)...)
}

// Log returns what is wrong with a log record.
func Log(value []byte) (faults []string) {
	faults = Any(value)
	s, err := schema()
	if err != nil {
		return append(faults, err.Error())
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return faults
	}
	if err := s.Validate(doc); err != nil {
		faults = append(faults, err.Error())
	}
	known := map[string]bool{}
	for _, f := range record.Published() {
		known[f.Name] = true
	}
	walk(doc, "", known, func(name string, _ any) {
		if !known[name] {
			faults = append(faults, name+" is not in the schema")
		}
	})
	return faults
}

// Any returns what is wrong with a record of any topic: no JSON, a name that stands twice, a name
// that is neither ours nor of ECS, a value that is not what ECS says.
func Any(value []byte) (faults []string) {
	if err := twice(value); err != nil {
		return []string{err.Error()}
	}
	var doc any
	if err := json.Unmarshal(value, &doc); err != nil {
		return []string{err.Error()}
	}
	stop := map[string]bool{"log.syslog.structured_data": true}
	categories, types := []any{}, []any{}
	walk(doc, "", stop, func(name string, v any) {
		switch {
		case strings.HasPrefix(name, "celery."), strings.HasPrefix(name, "destring."):
			return
		case name == "event.category":
			categories, _ = v.([]any)
		case name == "event.type":
			types, _ = v.([]any)
		}
		f, ok := Facts()[name]
		if !ok {
			faults = append(faults, name+" is not a field of ECS "+record.ECSVersion+" (or not in ecs.jsonl: see deploy/e2e/ecs)")
			return
		}
		faults = append(faults, f.check(v)...)
	})
	return append(faults, fit(categories, types)...)
}

// fit holds event.type to what ECS expects of the categories.
func fit(categories, types []any) (faults []string) {
	var expected []string
	for _, c := range categories {
		expected = append(expected, Facts()["event.category"].Allowed[fmt.Sprint(c)]...)
	}
	for _, t := range types {
		if !slices.Contains(expected, fmt.Sprint(t)) {
			faults = append(faults, fmt.Sprintf("event.type %v does not go with event.category %v", t, categories))
		}
	}
	return faults
}

func (f Fact) check(v any) (faults []string) {
	list, isList := v.([]any)
	if isList != f.Array {
		return []string{fmt.Sprintf("%s: is a list: %v, ECS says %v", f.Name, isList, f.Array)}
	}
	if !isList {
		list = []any{v}
	}
	for _, one := range list {
		if !f.typed(one) {
			faults = append(faults, fmt.Sprintf("%s: %v is no %s", f.Name, one, f.Type))
		}
		if _, ok := f.Allowed[fmt.Sprint(one)]; len(f.Allowed) > 0 && !ok {
			faults = append(faults, fmt.Sprintf("%s: %v is not one of the values that ECS allows", f.Name, one))
		}
	}
	return faults
}

func (f Fact) typed(v any) bool {
	s, isString := v.(string)
	switch f.Type {
	case "long":
		n, ok := v.(float64)
		return ok && n == float64(int64(n))
	case "float", "scaled_float":
		_, ok := v.(float64)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "date":
		_, err := time.Parse(time.RFC3339Nano, s)
		return err == nil
	case "ip":
		_, err := netip.ParseAddr(s)
		return err == nil
	case "flattened", "object":
		_, ok := v.(map[string]any)
		return ok
	}
	return isString
}

// walk calls leaf for every value that is no object, and for objects that stop names.
func walk(v any, name string, stop map[string]bool, leaf func(string, any)) {
	m, ok := v.(map[string]any)
	if !ok || stop[name] {
		leaf(name, v)
		return
	}
	for k, w := range m {
		if name != "" {
			k = name + "." + k
		}
		walk(w, k, stop, leaf)
	}
}

// twice reports a name that stands twice in an object: readers differ in which of them they take, and
// Elasticsearch refuses the document.
func twice(value []byte) error {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	return object(d)
}

// object reads one value and all that is in it.
func object(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	begin, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if begin == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[fmt.Sprint(name)] {
				return fmt.Errorf("the name %q stands twice in one object", name)
			}
			seen[fmt.Sprint(name)] = true
		}
		if err := object(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
