package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/viper"
	"go.yaml.in/yaml/v4"
)

// maxConfigFile bounds the file that is read, in bytes.
const maxConfigFile = 1 << 20

// position is where a key stands in the file.
type position struct{ line, column int }

// loader puts the layers together: viper holds them, the YAML nodes say where in the file a
// key stands, and the fields of Config say what may be there.
type loader struct {
	file   string
	fields []configField
	at     map[string]position
	faults Faults
	layers *viper.Viper
	loose  map[string]bool // keys whose value is text from the environment or a flag
	origin map[string]string
}

// loadConfig reads the configuration: file may be empty for none; sets are key=value from the
// command line; environ is os.Environ(). The error is Faults with all that is wrong.
func loadConfig(file string, sets, environ []string) (*Config, error) {
	c, _, err := loadConfigOrigins(file, sets, environ)
	return c, err
}

// loadConfigOrigins also tells where each key's value came from: default, file, env, set.
func loadConfigOrigins(file string, sets, environ []string) (*Config, map[string]string, error) {
	l := newLoader(file)
	if file != "" {
		if err := l.readFile(); err != nil {
			return nil, nil, err
		}
	}
	l.readEnvironment(environ)
	l.readSets(sets)
	c := &Config{file: file}
	l.fill(c)
	l.check(c)
	slices.SortStableFunc(l.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	return c, l.origin, l.faults.err()
}

// defaultConfig is the defaults and what the command line sets, for commands that need no
// configuration: nothing has to listen.
func defaultConfig(sets []string) (*Config, error) {
	l := newLoader("")
	l.readSets(sets)
	c := &Config{}
	l.fill(c)
	return c, l.faults.err()
}

func newLoader(file string) *loader {
	l := &loader{file: file, fields: configFields(reflect.TypeFor[Config]()), at: map[string]position{}, loose: map[string]bool{},
		origin: map[string]string{}, layers: viper.NewWithOptions(viper.KeyDelimiter("."))}
	for _, f := range l.fields {
		l.layers.SetDefault(f.Key, f.Default)
		l.loose[f.Key], l.origin[f.Key] = true, "default"
	}
	return l
}

func (l *loader) fault(key, format string, args ...any) {
	f := Fault{Key: key, Message: fmt.Sprintf(format, args...)}
	if p, ok := l.at[key]; ok {
		f.File, f.Line, f.Column = l.file, p.line, p.column
	} else if l.file != "" {
		f.File = l.file
	}
	l.faults = append(l.faults, f)
}

// readFile reads the layer of the file. It returns an error where going on makes no sense.
func (l *loader) readFile() error {
	data, err := readBounded(l.file, maxConfigFile)
	if err != nil {
		return Faults{{File: l.file, Message: err.Error()}}
	}
	var doc yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(data))
	if err := documents.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return Faults{{File: l.file, Message: strings.ReplaceAll(err.Error(), "\n", " ")}}
	}
	if len(doc.Content) == 0 {
		return nil // an empty file sets nothing
	}
	var second yaml.Node
	if err := documents.Decode(&second); !errors.Is(err, io.EOF) {
		return Faults{{File: l.file, Line: second.Line, Column: second.Column, Message: "a second document stands behind ---, and only one is read: put it into the first"}}
	}
	l.walk(doc.Content[0], "")
	l.layers.SetConfigType("yaml")
	if err := l.layers.ReadConfig(bytes.NewReader(data)); err != nil {
		if len(l.faults) > 0 {
			return l.faults // which say it better
		}
		return Faults{{File: l.file, Message: strings.ReplaceAll(err.Error(), "\n", " ")}}
	}
	for key := range l.at {
		l.loose[key], l.origin[key] = false, "file"
	}
	return nil
}

func readBounded(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if info.IsDir() || info.Size() > limit {
		return nil, fmt.Errorf("is a folder or larger than %d bytes", limit)
	}
	return os.ReadFile(name)
}

// walk notes where each key stands, and every key that Config has not, at any depth.
func (l *loader) walk(n *yaml.Node, prefix string) {
	if n.Kind != yaml.MappingNode {
		l.faults = append(l.faults, Fault{Key: strings.TrimSuffix(prefix, "."), File: l.file, Line: n.Line, Column: n.Column, Message: "must be a group of keys"})
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := prefix + name.Value
		l.at[key] = position{name.Line, name.Column}
		switch {
		case seen[name.Value]:
			l.fault(key, "stands here twice")
		case l.isGroup(key) && value.Tag != "!!null":
			l.walk(value, key+".")
		case !l.isKey(key) && !l.isGroup(key):
			l.fault(key, "no such key%s", didYouMean(key, l.siblings(prefix)))
		case l.isSecret(key):
			l.fault(key, "a secret must not stand in this file: write it to a file of mode 0600 and name that in %s_file", key)
		}
		seen[name.Value] = true
	}
}

func (l *loader) isKey(key string) bool {
	return slices.ContainsFunc(l.fields, func(f configField) bool { return f.Key == key })
}

func (l *loader) isSecret(key string) bool {
	return slices.ContainsFunc(l.fields, func(f configField) bool { return f.Key == key && f.Type == typeSecret })
}

func (l *loader) isGroup(key string) bool {
	return slices.ContainsFunc(l.fields, func(f configField) bool { return strings.HasPrefix(f.Key, key+".") })
}

// siblings are the keys and groups that may stand in the group.
func (l *loader) siblings(prefix string) []string {
	var names []string
	for _, f := range l.fields {
		if rest, ok := strings.CutPrefix(f.Key, prefix); ok {
			name, _, _ := strings.Cut(rest, ".")
			names = append(names, prefix+name)
		}
	}
	return slices.Compact(names)
}

// ownVariables are variables that begin like keys and are none: those of the tests, and of the handler
// in deploy/celery, which somebody may have exported.
var ownVariables = []string{"DESTRING_E2E", "DESTRING_LONG", "DESTRING_ADDRESS", "DESTRING_CA", "DESTRING_CERT", "DESTRING_KEY"}

func (l *loader) readEnvironment(environ []string) {
	var names []string
	for _, f := range l.fields {
		names = append(names, f.Env())
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "DESTRING_") || slices.Contains(ownVariables, name) {
			continue
		}
		i := slices.Index(names, name)
		if i < 0 {
			l.faults = append(l.faults, Fault{Key: name, Message: "no such variable" + didYouMeanVariable(name, names)})
			continue
		}
		l.layers.Set(l.fields[i].Key, value)
		l.loose[l.fields[i].Key], l.origin[l.fields[i].Key] = true, "env"
	}
}

// didYouMeanVariable proposes a variable in the case in which it is written.
func didYouMeanVariable(name string, names []string) string {
	return strings.ReplaceAll(strings.ToUpper(didYouMean(strings.ToLower(name), lower(names))), "DID YOU MEAN", "did you mean")
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

func (l *loader) readSets(sets []string) {
	var keys []string
	for _, f := range l.fields {
		keys = append(keys, f.Key)
	}
	for _, set := range sets {
		key, value, ok := strings.Cut(set, "=")
		if !ok || !slices.Contains(keys, key) {
			l.faults = append(l.faults, Fault{Key: "--set " + key, Message: "no such key" + didYouMean(key, keys)})
			continue
		}
		if l.isSecret(key) {
			l.faults = append(l.faults, Fault{Key: "--set " + key, Message: "a secret on the command line can be read by everybody on this machine; use " + key + "_file"})
			continue
		}
		l.layers.Set(key, value)
		l.loose[key], l.origin[key] = true, "set"
	}
}

// fill converts the value of every key.
func (l *loader) fill(c *Config) {
	for _, f := range l.fields {
		raw, into := l.layers.Get(f.Key), reflect.ValueOf(c).Elem().FieldByIndex(f.index)
		if f.isGroups() {
			into.Set(l.groups(f, raw))
			continue
		}
		if raw == nil || raw == "" && l.loose[f.Key] {
			continue
		}
		v, err := f.convert(raw, l.loose[f.Key])
		if err != nil {
			l.fault(f.Key, "%s", err)
			continue
		}
		into.Set(v)
	}
}

// groups reads a list of groups, whose entries are not keys of their own to viper.
func (l *loader) groups(f configField, raw any) reflect.Value {
	list := reflect.Zero(f.Type)
	if raw == nil || raw == "" {
		return list
	}
	entries, ok := raw.([]any)
	if !ok {
		l.fault(f.Key, "must be a list of groups of keys")
		return list
	}
	fields := configFields(f.Type.Elem())
	for i, entry := range entries {
		group, ok := entry.(map[string]any)
		if !ok {
			l.fault(f.Key, "entry %d is no group of keys", i+1)
			continue
		}
		list = reflect.Append(list, l.group(f.Key, i+1, f.Type.Elem(), fields, group))
	}
	return list
}

// group reads one entry of a list of groups.
func (l *loader) group(key string, n int, t reflect.Type, fields []configField, group map[string]any) reflect.Value {
	entry := reflect.New(t).Elem()
	var names []string
	for _, f := range fields {
		names = append(names, f.Key)
		value, given := group[f.Key]
		if !given {
			value = f.Default
		}
		if value == nil || value == "" {
			continue
		}
		v, err := f.convert(value, !given)
		if err != nil {
			l.fault(key, "entry %d: %s: %s", n, f.Key, err)
			continue
		}
		entry.FieldByIndex(f.index).Set(v)
	}
	for name := range group {
		if !slices.Contains(names, name) {
			l.fault(key, "entry %d: %s: no such key%s", n, name, didYouMean(name, names))
		}
	}
	return entry
}

// path makes a path of the file's relative to the folder of the file.
func (c *Config) path(p string) string {
	if p == "" || filepath.IsAbs(p) || c.file == "" {
		return p
	}
	return filepath.Join(filepath.Dir(c.file), p)
}
