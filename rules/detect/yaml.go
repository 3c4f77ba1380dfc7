package detect

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Bounds on what a rule file may ask of its reader.
const (
	maxFileBytes     = 32 << 20
	maxDocuments     = 50_000 // of one load
	maxNodes         = 50_000 // visited in one document, aliases counted each time
	maxNesting       = 32     // of maps, lists and brackets
	maxValues        = 10_000 // of one list of values
	maxRegexBytes    = 4_096
	maxConditionSize = 16_384
)

// reader walks one document and counts what it visits, so that aliases of
// aliases end.
type reader struct{ left int }

type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// documents calls yield with the root of each document of a file. A syntax error ends
// the file and is returned.
func documents(data []byte, yield func(root *yaml.Node)) error {
	if len(data) > maxFileBytes {
		return refuse(0, "the file is larger than %d MiB", maxFileBytes>>20)
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return refuse(0, "%v", err)
	}
	for n := 0; ; n++ {
		var doc yaml.Node
		switch err := loader.Load(&doc); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return yamlFault(err)
		case n == maxDocuments:
			return refuse(doc.Line, "more than %d documents", maxDocuments)
		case len(doc.Content) == 1 && !isNull(doc.Content[0]):
			yield(doc.Content[0])
		}
	}
}

var yamlLine = regexp.MustCompile(`\bL(\d+)\.C\d+`)

// yamlFault takes the line out of the library's message.
func yamlFault(err error) error {
	line := 0
	if at := yamlLine.FindStringSubmatch(err.Error()); at != nil {
		line, _ = strconv.Atoi(at[1])
	}
	text := strings.TrimPrefix(err.Error(), "go-yaml load error in ")
	return refuse(line, "not YAML: %s", text)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// resolve follows an alias and counts the visit.
func (r *reader) resolve(n *yaml.Node) (*yaml.Node, error) {
	if r.left--; r.left < 0 {
		return nil, refuse(n.Line, "the document has more than %d values, aliases counted each time", maxNodes)
	}
	for i := 0; n.Kind == yaml.AliasNode; i++ {
		if i == maxNesting || n.Alias == nil {
			return nil, refuse(n.Line, "alias *%s leads nowhere", n.Value)
		}
		n = n.Alias
	}
	return n, nil
}

// mapping returns the pairs of a map in order. Duplicate keys, merge keys and keys that
// are no text are refused, for each of them would hide part of a rule.
func (r *reader) mapping(n *yaml.Node, what string) ([]pair, error) {
	n, err := r.resolve(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.MappingNode {
		return nil, refuse(n.Line, "%s must be a map, it is %s", what, describe(n))
	}
	pairs := make([]pair, 0, len(n.Content)/2)
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := r.resolve(n.Content[i])
		if err != nil {
			return nil, err
		}
		if key.Kind != yaml.ScalarNode {
			return nil, refuse(key.Line, "a key of %s is %s", what, describe(key))
		}
		if key.Tag == "!!merge" {
			return nil, refuse(key.Line, "merge keys (<<) are not YAML 1.2")
		}
		if first, ok := seen[key.Value]; ok {
			return nil, refuse(key.Line, "key %q is in %s twice, first in line %d", key.Value, what, first)
		}
		seen[key.Value] = key.Line
		value, err := r.resolve(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{key.Value, key.Line, value})
	}
	return pairs, nil
}

// list returns the items of a list, or the one value that stands for a list of it.
func (r *reader) list(n *yaml.Node) ([]*yaml.Node, error) {
	n, err := r.resolve(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}, nil
	}
	if len(n.Content) > maxValues {
		return nil, refuse(n.Line, "a list of %d values, %d are allowed", len(n.Content), maxValues)
	}
	items := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		if items[i], err = r.resolve(item); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// text returns a scalar as it was written. Dates and numbers are text here.
func (r *reader) text(n *yaml.Node, what string) (string, error) {
	n, err := r.resolve(n)
	if err != nil {
		return "", err
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", refuse(n.Line, "%s must be text, it is %s", what, describe(n))
	}
	return n.Value, nil
}

// texts returns a list of scalars, or one scalar as a list.
func (r *reader) texts(n *yaml.Node, what string) ([]string, error) {
	items, err := r.list(n)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], err = r.text(item, what); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "null"
	case "!!bool":
		return "the boolean " + n.Value
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!str", "!!timestamp":
		return "text"
	}
	return n.Tag
}
