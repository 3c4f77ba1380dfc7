package record

import (
	"bytes"
	"fmt"
	"strings"
)

// Published returns the fields that are published, in the order in which they are written.
func Published() []Field {
	var all []Field
	for _, f := range Fields() {
		if f.append != nil {
			all = append(all, f)
		}
	}
	return all
}

// JSONSchema returns the schema of a log record as a JSON Schema document. Records may get further
// members in a later version of the same major number, so a reader must take them.
func JSONSchema() map[string]any {
	root := object()
	for _, f := range Published() {
		at := root
		path := strings.Split(f.Name, ".")
		for _, name := range path[:len(path)-1] {
			properties := at["properties"].(map[string]any)
			next, ok := properties[name].(map[string]any)
			if !ok {
				next = object()
				properties[name] = next
			}
			at = next
		}
		at["properties"].(map[string]any)[path[len(path)-1]] = f.jsonSchema()
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "destring log record " + Version
	root["required"] = []string{"@timestamp", "message", "destring", "event", "ecs"}
	return root
}

func object() map[string]any { return map[string]any{"type": "object", "properties": map[string]any{}} }

func (f Field) jsonSchema() map[string]any {
	one := map[string]any{"type": "string"}
	switch f.Type {
	case Long:
		one = map[string]any{"type": "integer"}
	case Double:
		one = map[string]any{"type": "number"}
	case Date:
		one["format"] = "date-time"
	case Flattened, Nested:
		one = map[string]any{"type": "object"}
	}
	if f.Array {
		one = map[string]any{"type": "array", "items": one}
	}
	one["description"] = f.Doc
	return one
}

// Markdown returns the schema as a table.
func Markdown() []byte {
	var b bytes.Buffer
	b.WriteString("| field | type | from | what it is |\n| --- | --- | --- | --- |\n")
	for _, f := range Published() {
		kind, from := string(f.Type), "destring"
		if f.Array {
			kind += "[]"
		}
		if f.ECS {
			from = "ECS"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, kind, from, strings.ReplaceAll(f.Doc, "|", "\\|"))
	}
	return b.Bytes()
}

// IndexTemplate returns a composable index template of Elasticsearch and OpenSearch for the log records.
// Keywords longer than 1,024 bytes stay in the document and are not indexed.
func IndexTemplate() map[string]any {
	properties := map[string]any{}
	for _, f := range Published() {
		at := properties
		path := strings.Split(f.Name, ".")
		for _, name := range path[:len(path)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{"properties": map[string]any{}}
				at[name] = next
			}
			at = next["properties"].(map[string]any)
		}
		mapping := map[string]any{"type": string(f.Type)}
		if f.Type == Keyword {
			mapping["ignore_above"] = 1024
		}
		at[path[len(path)-1]] = mapping
	}
	return map[string]any{
		"index_patterns": []string{"celery-logs-*"}, "priority": 200,
		"template": map[string]any{"mappings": map[string]any{"dynamic": false, "properties": properties}},
	}
}
