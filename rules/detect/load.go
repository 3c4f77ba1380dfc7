package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Source is a file of rules or a folder of them.
type Source struct {
	name string // stands before the paths in messages
	fsys fs.FS
	path string
	data []byte
}

// Folder takes path in fsys: a file, whatever it is called, or a folder with every
// .yml and .yaml below it. name stands before the paths in messages.
func Folder(name string, fsys fs.FS, path string) Source {
	return Source{name: name, fsys: fsys, path: path}
}

// Bytes takes the text of one file.
func Bytes(name string, data []byte) Source { return Source{name: name, data: data} }

// Set is a compiled set of rules. It does not change and may be shared.
type Set struct {
	rules    []*Rule
	filters  []*Rule
	fields   []string
	slots    map[string]int32
	keywords bool
	places   bool // a field names one element of a list
	gates    int
	program  program

	sections     []*detectionSection // by rule index; nil for correlations
	correlations []*correlation      // in the order of their rules
	users        [][]reference       // by rule index: the correlations that refer to it
	byKey        map[string]*Rule
}

// program is what Match runs: rules[i] is the rule rules index[i], and gate i wakes it.
type program struct {
	rules     []expr
	index     []int
	always    []int32
	present   [][]presence // by slot
	scanned   []bool       // by slot
	automaton *automaton
}

// presence is a gate that a value in a slot opens, when it compares as bound says or
// bound has no operator.
type presence struct {
	gate  int32
	bound comparison
}

// Rules returns the rules and correlations in the order of loading. A Match's
// Rule.Index is an index of it.
func (s *Set) Rules() []*Rule { return s.rules }

// Filters returns the filters, which are part of the rules they are for.
func (s *Set) Filters() []*Rule { return s.filters }

// Fields returns the name of every field that the rules look at, in the order of slots.
func (s *Set) Fields() []string { return s.fields }

// Slot returns the slot of a field, -1 when no rule looks at it.
func (s *Set) Slot(field string) int {
	if slot, ok := s.slots[field]; ok {
		return int(slot)
	}
	return -1
}

// Keywords reports whether a rule looks at all values, named or not.
func (s *Set) Keywords() bool { return s.keywords }

// Rule returns the rule with that id, name or title, or nil.
func (s *Set) Rule(key string) *Rule { return s.byKey[key] }

// Load reads and compiles. When documents are refused the error is a *LoadError with all
// of them, and the Set holds the others; whoever wants all or nothing looks at the error.
func Load(sources ...Source) (*Set, error) { return LoadExcept(nil, sources...) }

// LoadExcept is Load without the rules of which skip is true: they are read and checked, and not
// compiled. A correlation that refers to one of them is refused unless it is skipped too.
func LoadExcept(skip func(*Rule) bool, sources ...Source) (*Set, error) {
	b := newBuilder()
	b.skip = skip
	for _, src := range sources {
		b.read(src)
	}
	return b.build()
}

// builder collects documents until all are known, as they refer to one another.
type builder struct {
	set       *Set
	skip      func(*Rule) bool
	refusals  []Refusal
	documents int

	detections   []*detectionDoc
	correlations []*correlationDoc
	filters      []*filterDoc
	taken        map[string]*Rule // ids and names
}

type detectionDoc struct {
	rule    *Rule
	section detectionSection
}

func newBuilder() *builder {
	return &builder{set: &Set{slots: map[string]int32{}, byKey: map[string]*Rule{}}, taken: map[string]*Rule{}}
}

// slot interns a field.
func (b *builder) slot(field string) int32 {
	if slot, ok := b.set.slots[field]; ok {
		return slot
	}
	slot := int32(len(b.set.fields))
	b.set.fields, b.set.slots[field] = append(b.set.fields, field), slot
	if place := listPlace.ReplaceAllString(field, ".$1"); listPlaceDotted.MatchString(place) {
		b.set.places = true
		if _, taken := b.set.slots[place]; !taken {
			b.set.slots[place] = slot
		}
	}
	return slot
}

// A field may name one element of a list: hosts[0].ip or hosts.0.ip.
var (
	listPlace       = regexp.MustCompile(`\[(\d{1,4})\]`)
	listPlaceDotted = regexp.MustCompile(`\.\d{1,4}(\.|$)`)
)

func (b *builder) refuse(file string, rule *Rule, err error) {
	r := Refusal{File: file, Reason: err.Error()}
	if rule != nil {
		r.Line, r.Rule = rule.Line, rule.Key()
	}
	if f := (*fault)(nil); errors.As(err, &f) && f.line > 0 {
		r.Line = f.line
	}
	b.refusals = append(b.refusals, r)
}

func (b *builder) read(src Source) {
	if src.fsys == nil {
		b.file(src.name, src.data)
		return
	}
	files, err := src.files()
	if err != nil {
		b.refuse(src.label(src.path), nil, err)
		return
	}
	for _, file := range files {
		data, err := fs.ReadFile(src.fsys, file)
		if err != nil {
			b.refuse(src.label(file), nil, fmt.Errorf("cannot be read: %w", err))
			continue
		}
		b.file(src.label(file), data)
	}
}

func (s Source) label(file string) string {
	if s.name == "" || s.name == file {
		return file
	}
	if file == "." {
		return s.name
	}
	return path.Join(s.name, file)
}

func (s Source) files() ([]string, error) {
	info, err := fs.Stat(s.fsys, s.path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if !info.IsDir() {
		return []string{s.path}, nil
	}
	var files []string
	err = fs.WalkDir(s.fsys, s.path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// A mounted ConfigMap has every file twice, the second time in a folder whose name begins with dots.
		if entry.IsDir() && file != s.path && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if ext := strings.ToLower(path.Ext(file)); !entry.IsDir() && (ext == ".yml" || ext == ".yaml") {
			files = append(files, file)
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}

func (b *builder) file(name string, data []byte) {
	err := documents(data, func(root *yaml.Node) { b.document(name, root) })
	if err != nil {
		b.refuse(name, nil, err)
	}
}

// document reads one document and keeps or refuses it.
func (b *builder) document(file string, root *yaml.Node) {
	rule := &Rule{File: file, Line: root.Line, Level: Medium, Version: version(root)}
	if b.documents++; b.documents > maxDocuments {
		b.refuse(file, rule, refuse(root.Line, "more than %d documents", maxDocuments))
		return
	}
	before := len(b.set.fields)
	if err := b.parse(rule, root); err != nil {
		b.set.fields = b.set.fields[:before] // the others are of nobody now
		maps.DeleteFunc(b.set.slots, func(_ string, slot int32) bool { return int(slot) >= before })
		b.refuse(file, rule, err)
	}
}

func (b *builder) parse(rule *Rule, root *yaml.Node) error {
	c := &compiler{&reader{maxNodes}, b}
	pairs, err := c.mapping(root, "a rule")
	if err != nil {
		return err
	}
	if err := c.parseHead(rule, pairs); err != nil {
		return err
	}
	if b.skip != nil && b.skip(rule) {
		// Its parts are read all the same, into a set of their own, so that mistakes show.
		c.set = newBuilder()
	}
	var body *pair
	for i, p := range pairs {
		if p.key != "detection" && p.key != "correlation" && p.key != "filter" {
			continue
		}
		if body != nil {
			return refuse(p.line, "a document is a rule, a correlation or a filter, this has %s and %s", body.key, p.key)
		}
		body = &pairs[i]
	}
	switch {
	case body == nil:
		return refuse(root.Line, "no detection, correlation or filter section (one is mandatory)")
	case body.key == "correlation":
		return c.correlation(rule, body)
	case body.key == "filter":
		return c.filter(rule, body)
	}
	section, err := c.detection(body.value, "detection")
	if err != nil {
		return err
	}
	if err := c.set.take(rule); err != nil {
		return err
	}
	c.set.detections = append(c.set.detections, &detectionDoc{rule, section})
	return nil
}

// take registers id and name, which must be unique.
func (b *builder) take(rule *Rule) error {
	for what, key := range map[string]string{"id": rule.ID, "name": rule.Name} {
		if other := b.taken[key]; key != "" && other != nil {
			return refuse(rule.Line, "%s %q is taken by %s:%d", what, key, other.File, other.Line)
		}
	}
	for _, key := range []string{rule.ID, rule.Name} {
		if key != "" {
			b.taken[key] = rule
		}
	}
	return nil
}
