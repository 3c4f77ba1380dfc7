package rules

import (
	"slices"
	"strconv"
	"strings"

	"destring/rules/record"
)

// Statement is a record in our own words: a gap, an alert, a decision, a dead letter.
// What may have come from a sender in it is redacted again, like any text.
type Statement struct {
	Topic    Topic
	Action   string // event.action, from a closed set: "spool-gap"
	Kind     string // event.kind; "event" when empty
	Time     int64  // nanoseconds since 1970
	ID       string // event.id, the same over every retry; made of Action and Time when empty
	Key      string // partition key; empty for Action
	Severity Severity
	Message  string
	Fields   []Field // further members, by dotted name; a name that stands twice is an error of ours and the last one wins
}

// Field is one member of a Statement. Make it with String, Strings, Int, Float, Bool or JSON.
type Field struct {
	name   string
	append func(dst []byte, clean func(string) string) []byte
}

// String is a text member. Its value is redacted.
func String(name, value string) Field {
	return Field{name, func(dst []byte, clean func(string) string) []byte {
		return record.AppendString(dst, []byte(clean(value)))
	}}
}

// Strings is a member with a list of texts. Each is redacted.
func Strings(name string, values ...string) Field {
	return Field{name, func(dst []byte, clean func(string) string) []byte {
		dst = append(dst, '[')
		for i, v := range values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = record.AppendString(dst, []byte(clean(v)))
		}
		return append(dst, ']')
	}}
}

// Int is a whole number.
func Int(name string, value int64) Field {
	return Field{name, func(dst []byte, _ func(string) string) []byte { return strconv.AppendInt(dst, value, 10) }}
}

// Float is a number.
func Float(name string, value float64) Field {
	return Field{name, func(dst []byte, _ func(string) string) []byte { return record.AppendFloat(dst, value) }}
}

// Bool is true or false.
func Bool(name string, value bool) Field {
	return Field{name, func(dst []byte, _ func(string) string) []byte { return strconv.AppendBool(dst, value) }}
}

// Time is a date, in nanoseconds since 1970.
func Time(name string, ns int64) Field {
	return Field{name, func(dst []byte, _ func(string) string) []byte { return record.AppendTime(dst, ns) }}
}

// State makes the clean record of a statement. It may be called from any goroutine and
// is not for the hot path.
func (e *Engine) State(s Statement) *Clean {
	kind, key := s.Kind, s.Key
	if kind == "" {
		kind = "event"
	}
	if key == "" {
		key = s.Action
	}
	if s.ID == "" {
		s.ID = s.Action + "-" + strconv.FormatInt(s.Time, 36)
	}
	fields := []Field{
		Time("@timestamp", s.Time), String("message", s.Message), String("log.level", s.Severity.logLevel()), String("ecs.version", record.ECSVersion),
		String("event.kind", kind), String("event.action", s.Action), String("event.module", "destring"), String("event.dataset", "destring."+s.Topic.String()),
		Int("event.severity", int64(s.Severity)), String("event.id", s.ID), String("observer.product", "destring"), String("observer.type", "relay"),
	}
	for name, value := range map[string]string{"service.environment": e.environment, "observer.name": e.service.Observer} {
		if value != "" {
			fields = append(fields, String(name, value))
		}
	}
	value := appendNested(nil, append(fields, s.Fields...), e.cleanString)
	c := &Clean{topic: s.Topic, received: s.Time, key: []byte(key), value: value, matched: e.judge.statement(value)}
	c.headers = appendHeaders(nil, e.headers, headerValues{id: []byte(s.ID), action: s.Action, time: s.Time, matched: c.matched})
	return c
}

// logLevel is the word that goes to log.level for a record of our own.
func (s Severity) logLevel() string {
	switch {
	case s >= Critical:
		return "critical"
	case s >= High:
		return "error"
	case s >= Medium:
		return "warning"
	}
	return "info"
}

// appendNested appends one JSON object whose members are the fields, dotted names
// becoming objects in objects.
func appendNested(dst []byte, fields []Field, clean func(string) string) []byte {
	slices.SortStableFunc(fields, func(a, b Field) int { return strings.Compare(sortName(a.name), sortName(b.name)) })
	var open []string // the objects that are open
	dst = append(dst, '{')
	comma := false
	for i, f := range fields {
		if i+1 < len(fields) && fields[i+1].name == f.name {
			continue // said again further on
		}
		path := strings.Split(f.name, ".")
		path, leaf := path[:len(path)-1], path[len(path)-1]
		same := 0
		for same < len(open) && same < len(path) && open[same] == path[same] {
			same++
		}
		for range open[same:] {
			dst = append(dst, '}')
			comma = true
		}
		for _, name := range path[same:] {
			dst = appendName(dst, comma, name)
			dst = append(dst, '{')
			comma = false
		}
		open = path
		dst = appendName(dst, comma, leaf)
		dst = f.append(dst, clean)
		comma = true
	}
	for range open {
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// sortName sorts dots before all else, so that the members of one object stand together.
func sortName(name string) string { return strings.ReplaceAll(name, ".", "\x00") }

func appendName(dst []byte, comma bool, name string) []byte {
	if comma {
		dst = append(dst, ',')
	}
	return append(record.AppendString(dst, []byte(name)), ':')
}
