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
	root["description"] = "Readers must take members that are not named here: later versions of the same major number may add some."
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
	case IP:
		one["anyOf"] = []any{map[string]any{"format": "ipv4"}, map[string]any{"format": "ipv6"}}
	case Flattened:
		one = map[string]any{"type": "object"}
	case Nested:
		one = object()
		for _, m := range f.Members {
			one["properties"].(map[string]any)[m] = map[string]any{"type": "string"}
		}
		one["required"] = f.Required
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

// keywordLimit is ECS's ignore_above: longer keywords stay in the document and are not indexed.
// Without it Lucene refuses a document with a term of more than 32,766 bytes.
const keywordLimit = 1024

// IndexTemplate returns a composable index template of Elasticsearch for the log records. Fields that it
// does not name, of a later schema, are kept and not indexed.
func IndexTemplate() map[string]any { return indexTemplate(Field.elastic) }

// OpenSearchTemplate is IndexTemplate for OpenSearch 2.15 or later, which has another word for flattened.
func OpenSearchTemplate() map[string]any {
	return indexTemplate(func(f Field) map[string]any {
		if f.Type == Flattened {
			return map[string]any{"type": "flat_object"}
		}
		return f.elastic()
	})
}

// elastic is the mapping of f.
func (f Field) elastic() map[string]any {
	switch f.Type {
	case Keyword, Flattened:
		return map[string]any{"type": string(f.Type), "ignore_above": keywordLimit}
	case Wildcard: // as ECS has it: whole, and by its words
		return map[string]any{"type": string(f.Type), "fields": map[string]any{"text": map[string]any{"type": string(FreeText)}}}
	case Nested:
		members := map[string]any{}
		for _, m := range f.Members {
			members[m] = map[string]any{"type": string(Keyword), "ignore_above": keywordLimit}
		}
		return map[string]any{"properties": members}
	}
	return map[string]any{"type": string(f.Type)}
}

func indexTemplate(mapping func(Field) map[string]any) map[string]any {
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
		at[path[len(path)-1]] = mapping(f)
	}
	return map[string]any{
		"index_patterns": []string{"celery-logs*"}, "priority": 200, "version": 1, "_meta": map[string]any{"description": "destring log records, schema " + Version + ", ECS " + ECSVersion},
		"template": map[string]any{"mappings": map[string]any{"dynamic": false, "properties": properties}},
	}
}
