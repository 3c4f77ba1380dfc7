package main

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// configField is one key of the configuration, found out from the tags of Config.
type configField struct {
	Key     string
	Type    reflect.Type
	Default string
	OneOf   []string
	Doc     string
	index   []int
}

// Env is the environment variable that sets the key.
func (f configField) Env() string {
	return "DESTRING_" + strings.ToUpper(strings.ReplaceAll(f.Key, ".", "_"))
}

// of is the field in c.
func (f configField) of(c *Config) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(f.index)
}

var (
	typeDuration = reflect.TypeFor[time.Duration]()
	typeSize     = reflect.TypeFor[Size]()
	typeSecret   = reflect.TypeFor[Secret]()
	typeStrings  = reflect.TypeFor[[]string]()
)

// configFields returns the keys of a struct type and of the structs in it, in order.
func configFields(t reflect.Type) []configField { return appendFields(nil, t, "", nil) }

func appendFields(all []configField, t reflect.Type, prefix string, index []int) []configField {
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("key")
		if key == "" {
			continue
		}
		at := append(slices.Clone(index), i)
		if f.Type.Kind() == reflect.Struct && f.Type != typeSecret {
			all = appendFields(all, f.Type, prefix+key+".", at)
			continue
		}
		field := configField{Key: prefix + key, Type: f.Type, Default: f.Tag.Get("default"), Doc: f.Tag.Get("doc"), index: at}
		if one := f.Tag.Get("one"); one != "" {
			field.OneOf = strings.Split(one, ",")
		}
		all = append(all, field)
	}
	return all
}

// isGroups reports whether the key holds a list of groups of keys.
func (f configField) isGroups() bool { return isGroups(f.Type) }

func isGroups(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// convert makes a value of f's type from what YAML, the environment or a flag gave. Text from
// the latter two (loose) may stand for numbers, yes or no and lists; in YAML a
// value must be of its type, so that 0123 never becomes a password of 83.
func (f configField) convert(raw any, loose bool) (reflect.Value, error) {
	if s, ok := raw.(string); ok && loose {
		raw = f.loosen(s)
	}
	switch f.Type {
	case typeDuration:
		s, ok := raw.(string)
		d, err := time.ParseDuration(s)
		if !ok || err != nil || d < 0 {
			return reflect.Value{}, fmt.Errorf("%v is no duration: write a number and a unit, as 500ms or 30s", raw)
		}
		return reflect.ValueOf(d), nil
	case typeSize:
		s, ok := raw.(string)
		if !ok {
			return reflect.Value{}, fmt.Errorf("%v is no size: write a number and a unit, as 512KiB or 10GiB", raw)
		}
		n, err := ParseSize(s)
		return reflect.ValueOf(n), err
	case typeSecret:
		s, _ := raw.(string)
		return reflect.ValueOf(NewSecret(s)), nil
	case typeStrings:
		return stringList(raw)
	}
	return f.scalar(raw)
}

// loosen reads what stands in an environment variable or a flag.
func (f configField) loosen(s string) any {
	switch f.Type.Kind() {
	case reflect.Bool:
		if b, err := strconv.ParseBool(s); err == nil {
			return b
		}
	case reflect.Int:
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
	case reflect.Slice:
		list := []any{}
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list
	}
	return s
}

func (f configField) scalar(raw any) (reflect.Value, error) {
	switch f.Type.Kind() {
	case reflect.String:
		s, ok := raw.(string)
		if !ok {
			return reflect.Value{}, fmt.Errorf("%v is no text: put it in quotes", raw)
		}
		if len(f.OneOf) > 0 && !slices.Contains(f.OneOf, s) {
			return reflect.Value{}, fmt.Errorf("%q is none of %s%s", s, strings.Join(f.OneOf, ", "), didYouMean(s, f.OneOf))
		}
		return reflect.ValueOf(s), nil
	case reflect.Int:
		n, ok := raw.(int)
		if !ok || n < 0 {
			return reflect.Value{}, fmt.Errorf("%v is no whole number from 0", raw)
		}
		return reflect.ValueOf(n), nil
	case reflect.Bool:
		b, ok := raw.(bool)
		if !ok {
			return reflect.Value{}, fmt.Errorf("%v is neither true nor false", raw)
		}
		return reflect.ValueOf(b), nil
	}
	return reflect.Value{}, fmt.Errorf("cannot be set from %T", raw)
}

func stringList(raw any) (reflect.Value, error) {
	items, ok := raw.([]any)
	if !ok {
		return reflect.Value{}, fmt.Errorf("%v is no list: write [a, b]", raw)
	}
	list := make([]string, 0, len(items))
	for i, item := range items {
		s, ok := item.(string)
		if !ok {
			return reflect.Value{}, fmt.Errorf("entry %d (%v) is no text: put it in quotes", i+1, item)
		}
		list = append(list, s)
	}
	return reflect.ValueOf(list), nil
}

// didYouMean proposes the nearest of the words when it is near.
func didYouMean(s string, words []string) string {
	best, least := "", 1+len(s)/3
	for _, w := range words {
		if d := editDistance(strings.ToLower(s), w); d <= least {
			best, least = w, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// editDistance is Levenshtein's, on bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
