package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Level is Sigma's criticality, lowest first, in the order of rules.Severity.
type Level uint8

// Levels.
const (
	Informational Level = iota
	Low
	Medium
	High
	Critical
)

var levelNames = []string{"informational", "low", "medium", "high", "critical"}

func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "unknown"
}

// MarshalText writes Sigma's word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Logsource says which logs a rule is for. destring shows it and does not select by it:
// every rule sees every event.
type Logsource struct {
	Category string `json:"category,omitempty"`
	Product  string `json:"product,omitempty"`
	Service  string `json:"service,omitempty"`
}

// contains reports whether everything that l asks for is so in o.
func (l Logsource) contains(o Logsource) bool {
	return (l.Category == "" || l.Category == o.Category) && (l.Product == "" || l.Product == o.Product) && (l.Service == "" || l.Service == o.Service)
}

// Kind is which of Sigma's three documents it is.
type Kind uint8

// Kinds of document.
const (
	Detection Kind = iota
	Correlation
	Filter
)

func (k Kind) String() string { return [...]string{"rule", "correlation", "filter"}[k%3] }

// MarshalText writes the word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Rule is what a document says about itself. It does not change after Load.
type Rule struct {
	Index       int    `json:"-"` // in Set.Rules
	Kind        Kind   `json:"kind"`
	ID          string `json:"id,omitempty"`
	Name        string `json:"name,omitempty"`
	Title       string `json:"title"`
	Status      string `json:"status,omitempty"`
	Description string `json:"description,omitempty"`
	Author      string `json:"author,omitempty"`
	Date        string `json:"date,omitempty"`
	Modified    string `json:"modified,omitempty"`
	Level       Level  `json:"level"` // medium when the rule has none

	Tags           []string  `json:"tags,omitempty"`
	References     []string  `json:"references,omitempty"`
	FalsePositives []string  `json:"falsepositives,omitempty"`
	Fields         []string  `json:"fields,omitempty"`
	Logsource      Logsource `json:"logsource"`

	// Hidden is a rule that a correlation refers to without `generate: true`: it matches, and the
	// correlation sees it, but it raises nothing by itself.
	Hidden bool `json:"hidden,omitempty"`

	// Own is destring's own key, which Sigma allows beside its own.
	Own Own `json:"destring"`

	File    string `json:"file"`
	Line    int    `json:"line"`
	Version string `json:"version"` // of this document: changes with any of its bytes' meaning

	hasLevel bool
	warnings []Finding // of parsing, for Lint
	tests    []ruleTest
}

// Own is the top-level key `destring:` of a rule.
type Own struct {
	Runbook  string   `json:"runbook,omitempty"`
	Realert  string   `json:"realert,omitempty"` // a Go duration: at most one alert of a group in it
	GroupBy  []string `json:"group_by,omitempty"`
	Suppress string   `json:"suppress,omitempty"` // a Go duration
	Owner    string   `json:"owner,omitempty"`
	Off      bool     `json:"off,omitempty"`     // not run unless configured
	Posture  bool     `json:"posture,omitempty"` // about how a deployment is set up: true all the time
}

// Key is the name that people and state know the rule by: id, else name, else title.
func (r *Rule) Key() string {
	switch {
	case r.ID != "":
		return r.ID
	case r.Name != "":
		return r.Name
	}
	return r.Title
}

var (
	statuses     = []string{"stable", "test", "experimental", "deprecated", "unsupported"}
	relatedTypes = []string{"derived", "obsolete", "merged", "renamed", "similar", "correlation"}
	isoDate      = regexp.MustCompile(`^\d{4}-(0[1-9]|1[012])-(0[1-9]|[12]\d|3[01])$`)
	tagForm      = regexp.MustCompile(`^[a-z0-9_-]+\.[a-z0-9._-]+$`)
	uuidForm     = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// parseHead reads what rules, correlations and filters have in common
// ("Components" of the specification).
func (r *reader) parseHead(rule *Rule, pairs []pair) error {
	for _, p := range pairs {
		if isNull(p.value) && p.key != "title" {
			continue // written and left empty
		}
		var err error
		switch p.key {
		case "title":
			err = r.bounded(&rule.Title, p, 256)
		case "id":
			err = r.bounded(&rule.ID, p, 256)
		case "name":
			err = r.bounded(&rule.Name, p, 256)
		case "description":
			err = r.bounded(&rule.Description, p, 65_535)
		case "author":
			err = r.bounded(&rule.Author, p, 65_535)
		case "status":
			err = r.oneOf(&rule.Status, p, statuses)
		case "level":
			err = r.level(rule, p)
		case "date":
			err = r.date(rule, &rule.Date, p)
		case "modified":
			err = r.date(rule, &rule.Modified, p)
		case "tags":
			rule.Tags, err = r.texts(p.value, "tags")
		case "references":
			rule.References, err = r.texts(p.value, "references")
		case "falsepositives":
			rule.FalsePositives, err = r.texts(p.value, "falsepositives")
		case "fields":
			rule.Fields, err = r.texts(p.value, "fields")
		case "related":
			err = r.related(rule, p)
		case "logsource":
			err = r.logsource(&rule.Logsource, p)
		case "destring":
			err = r.own(rule, p)
		case "action":
			err = refuse(p.line, "`action` belongs to Sigma 1 rule collections, which Sigma 2 no longer has")
		}
		if err != nil {
			return err
		}
	}
	if rule.Title == "" {
		return refuse(rule.Line, "no title (mandatory)")
	}
	return nil
}

func (r *reader) bounded(dst *string, p pair, limit int) error {
	text, err := r.text(p.value, p.key)
	if err != nil {
		return err
	}
	if len([]rune(text)) > limit {
		return refuse(p.line, "%s has %d characters, %d are allowed", p.key, len([]rune(text)), limit)
	}
	*dst = text
	return nil
}

func (r *reader) oneOf(dst *string, p pair, allowed []string) error {
	text, err := r.text(p.value, p.key)
	if err != nil {
		return err
	}
	if !slices.Contains(allowed, text) {
		return refuse(p.line, "%s %q is not one of %v", p.key, text, allowed)
	}
	*dst = text
	return nil
}

func (r *reader) level(rule *Rule, p pair) error {
	var word string
	if err := r.oneOf(&word, p, levelNames); err != nil {
		return err
	}
	rule.Level, rule.hasLevel = Level(slices.Index(levelNames, word)), true
	return nil
}

func (r *reader) date(rule *Rule, dst *string, p pair) error {
	text, err := r.text(p.value, p.key)
	if err != nil {
		return err
	}
	if iso := strings.ReplaceAll(text, "/", "-"); iso != text && isoDate.MatchString(iso) {
		rule.warn(p.line, p.key+" is written as in Sigma 1, now "+iso)
		text = iso
	}
	if !isoDate.MatchString(text) {
		return refuse(p.line, "%s %q is not of the form YYYY-MM-DD", p.key, text)
	}
	*dst = text
	return nil
}

func (r *reader) related(rule *Rule, p pair) error {
	items, err := r.list(p.value)
	if err != nil {
		return err
	}
	for _, item := range items {
		pairs, err := r.mapping(item, "an item of related")
		if err != nil {
			return err
		}
		for _, q := range pairs {
			var word string
			if q.key == "type" && q.value.Value == "obsoletes" {
				rule.warn(q.line, "the relation `obsoletes` is Sigma 1's, now `obsolete`")
			} else if q.key == "type" {
				if err := r.oneOf(&word, q, relatedTypes); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *reader) logsource(dst *Logsource, p pair) error {
	pairs, err := r.mapping(p.value, "logsource")
	if err != nil {
		return err
	}
	for _, q := range pairs {
		field := map[string]*string{"category": &dst.Category, "product": &dst.Product, "service": &dst.Service}[q.key]
		if field == nil {
			continue // "an arbitrary number of optional elements"
		}
		if *field, err = r.text(q.value, "logsource."+q.key); err != nil {
			return err
		}
	}
	return nil
}

// version is a hash of what a document says, comments and layout left out.
func version(root *yaml.Node) string {
	h := sha256.New()
	left := maxNodes
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		if left--; left < 0 || depth > maxNesting {
			return
		}
		h.Write([]byte{byte(n.Kind), 0})
		h.Write([]byte(n.Tag + "\x00" + n.Value + "\x00"))
		for _, c := range n.Content {
			walk(c, depth+1)
		}
		h.Write([]byte{1})
	}
	walk(root, 0)
	return hex.EncodeToString(h.Sum(nil)[:6])
}
