package celery

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"destring/rules/event"
)

// Format is a line format in the words of Python's logging, compiled. It is not changed afterwards and may be shared by
// any number of Readers.
type Format struct {
	steps   []step
	message int // index of the step of the message
}

// step is a field and the text that stands before it.
type step struct {
	before []byte
	field  field
	layout *layout // of asctime, nil for logging's default
}

type field uint8

const (
	fieldEnd field = iota // no field: the text behind the last one
	fieldAny
	fieldTime
	fieldMsecs
	fieldLevel
	fieldProcess
	fieldPID
	fieldLogger
	fieldMessage
	fieldTaskName
	fieldTaskID
	fieldColour
)

var fieldNames = map[string]field{
	"asctime": fieldTime, "time": fieldTime, "msecs": fieldMsecs, "levelname": fieldLevel, "level": fieldLevel, "levelno": fieldLevel, "level.name": fieldLevel, "processName": fieldProcess, "process.name": fieldProcess,
	"process": fieldPID, "process.id": fieldPID, "name": fieldLogger, "message": fieldMessage, "task_name": fieldTaskName, "task_id": fieldTaskID, "extra[task_name]": fieldTaskName, "extra[task_id]": fieldTaskID,
	"log_color": fieldColour, "reset": fieldColour, "color": fieldColour, "end_color": fieldColour, "on_color": fieldColour,
}

// errNoMessage is of a format that loses the text.
var errNoMessage = errors.New("it has no %(message)s")

// Compile makes a Format of a format string of Python's logging in any of its three styles (%(levelname)s, {levelname}, $levelname), or of
// loguru's, and of the date format that goes with it; empty is logging's own. Fields that tell destring nothing
// are read over.
func Compile(format, datefmt string) (*Format, error) {
	f := &Format{message: -1}
	var l *layout
	if datefmt != "" {
		var err error
		if l, err = newLayout(datefmt); err != nil {
			return nil, err
		}
	}
	var literal strings.Builder
	style := styleOf(format)
	for rest := format; rest != ""; {
		name, n, err := style(rest)
		if err != nil {
			return nil, fmt.Errorf("celery: line format %q: %w", format, err)
		}
		switch {
		case n == 0:
			literal.WriteByte(rest[0])
			rest = rest[1:]
			continue
		case name == "":
			literal.WriteString(rest[n-1 : n])
		default:
			f.add(name, literal.String(), l)
			literal.Reset()
		}
		rest = rest[n:]
	}
	if f.message < 0 {
		return nil, fmt.Errorf("celery: line format %q: %w", format, errNoMessage)
	}
	f.steps = append(f.steps, step{before: []byte(literal.String())})
	return f, f.check(format)
}

func (f *Format) add(name, before string, l *layout) {
	if strings.HasPrefix(name, "time:") {
		name = "time" // loguru writes its pattern with the name; its own default is read
	}
	kind, ok := fieldNames[name]
	if !ok {
		kind = fieldAny
		if strings.HasSuffix(name, "log_color") {
			kind = fieldColour
		}
	}
	if kind == fieldMessage && f.message < 0 {
		f.message = len(f.steps)
	}
	s := step{before: []byte(before), field: kind}
	if kind == fieldTime {
		s.layout = l
	}
	f.steps = append(f.steps, s)
}

// check refuses what cannot be read back: two fields of free text with nothing between them.
func (f *Format) check(format string) error {
	for i := 1; i < len(f.steps); i++ {
		if len(f.steps[i].before) == 0 && free(f.steps[i-1].field) && free(f.steps[i].field) {
			return fmt.Errorf("celery: line format %q: nothing stands between field %d and field %d, so they cannot be told apart", format, i, i+1)
		}
	}
	return nil
}

func free(k field) bool {
	return k == fieldAny || k == fieldLogger || k == fieldMessage || k == fieldProcess || k == fieldTaskName || k == fieldTaskID
}

// styleOf returns the function that reads a placeholder at the beginning of a string: its name and length. The
// name "" with a length is an escaped sign, whose last byte is meant.
func styleOf(format string) func(string) (string, int, error) {
	switch {
	case strings.Contains(format, "%("):
		return percentStyle
	case strings.Contains(format, "{message"):
		return braceStyle
	default:
		return dollarStyle
	}
}

func percentStyle(s string) (string, int, error) {
	if s[0] != '%' {
		return "", 0, nil
	}
	if strings.HasPrefix(s, "%%") {
		return "", 2, nil
	}
	closing := strings.IndexByte(s, ')')
	if !strings.HasPrefix(s, "%(") || closing < 0 {
		return "", 0, errors.New("a % without (name)")
	}
	n := closing + 1
	for n < len(s) && strings.IndexByte("-+ #.0123456789*", s[n]) >= 0 {
		n++
	}
	if n == len(s) || strings.IndexByte("srdifxXeEgGcao", s[n]) < 0 {
		return "", 0, fmt.Errorf("%s has no conversion such as s or d", s[:closing+1])
	}
	return s[2:closing], n + 1, nil
}

func braceStyle(s string) (string, int, error) {
	switch s[0] {
	case '<': // loguru's markup: <green>, </level>
		if i := strings.IndexByte(s, '>'); i > 1 && strings.Trim(s[1:i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,/ -") == "" {
			return "color", i + 1, nil
		}
	case '{':
		if strings.HasPrefix(s, "{{") {
			return "", 2, nil
		}
		i := strings.IndexByte(s, '}')
		if i < 0 {
			return "", 0, errors.New("a { without }")
		}
		name, spec, _ := strings.Cut(s[1:i], ":")
		name, _, _ = strings.Cut(name, "!")
		if name == "time" && spec != "" {
			name = "time:" + spec
		}
		return name, i + 1, nil
	case '}':
		if strings.HasPrefix(s, "}}") {
			return "", 2, nil
		}
	}
	return "", 0, nil
}

func dollarStyle(s string) (string, int, error) {
	if s[0] != '$' {
		return "", 0, nil
	}
	if strings.HasPrefix(s, "$$") {
		return "", 2, nil
	}
	n, brace := 1, strings.HasPrefix(s, "${")
	if brace {
		n = 2
	}
	start := n
	for n < len(s) && (nameClass[s[n]]&inName != 0 && s[n] != '.') {
		n++
	}
	if n == start || brace && (n == len(s) || s[n] != '}') {
		return "", 0, errors.New("a $ without a name")
	}
	return s[start:n], n + b2i(brace), nil
}

// match reads a line in this format and returns the span of its message. It reports false, and leaves c as it was, where the
// line has another format.
func (f *Format) match(text []byte, start, end int, c *event.Celery) (event.Span, bool) {
	saved := *c
	var body event.Span
	pos, ok := start, true
	for i := range f.steps {
		if pos, ok = literal(text[:end], pos, f.steps[i].before); !ok {
			*c = saved
			return event.Span{}, false
		}
		if f.steps[i].field == fieldEnd {
			break
		}
		stop := f.fieldEnd(text, i, pos, end)
		if i == f.message {
			body = span(pos, max(stop, pos))
			pos = stop
			continue
		}
		n := f.steps[i].take(text, pos, stop, c)
		if n < 0 {
			*c = saved
			return event.Span{}, false
		}
		pos += n
	}
	c.Format = "declared"
	return body, true
}

// literal compares what stands between two fields. Padding of the field before it and colours are read over.
func literal(text []byte, pos int, want []byte) (int, bool) {
	for {
		if bytes.HasPrefix(text[pos:], want) {
			return pos + len(want), true
		}
		if pos < len(text) && text[pos] == ' ' {
			pos++
			continue
		}
		if n := sgr(text[pos:]); n > 0 {
			pos += n
			continue
		}
		return pos, false
	}
}

// fieldEnd returns where the field of step i ends: at what stands before the next one.
func (f *Format) fieldEnd(text []byte, i, pos, end int) int {
	next := f.steps[i+1].before
	if i == f.message {
		if len(next) == 0 {
			return end
		}
		if f.steps[i+1].field == fieldEnd {
			if bytes.HasSuffix(text[pos:end], next) {
				return end - len(next)
			}
			return end
		}
		if j := bytes.LastIndex(text[pos:end], next); j >= 0 {
			return pos + j
		}
		return end
	}
	if len(next) == 0 {
		return end
	}
	if j := bytes.Index(text[pos:end], next); j >= 0 {
		return pos + j
	}
	return end
}

// take reads the field that stands between pos and stop and returns how long it is, -1 when it does not fit.
func (s *step) take(text []byte, pos, stop int, c *event.Celery) int {
	lead := 0
	for s.field != fieldAny && pos < stop && text[pos] == ' ' {
		pos++
		lead++
	}
	b := text[pos:stop]
	v := span(pos, pos+len(bytes.TrimRight(b, " ")))
	switch s.field {
	case fieldTime:
		return s.time(text[pos:], c, lead)
	case fieldMsecs:
		n := 0
		for n < len(b) && nameClass[b[n]]&inDigit != 0 {
			n++
		}
		c.Time += min(number(b[:n]), 999) * int64(time.Millisecond)
		return lead + n
	case fieldLevel:
		n := 0
		for n < len(b) && nameClass[b[n]]&inName != 0 && b[n] != '.' {
			n++
		}
		if c.Level = level(b[:n]); c.Level == event.LevelNone {
			return -1
		}
		return lead + n
	case fieldPID:
		if !isDigits(bytes.TrimSpace(b)) {
			return -1
		}
		setPID(c, bytes.TrimSpace(b))
	case fieldColour:
		n := 0
		for w := sgr(text[pos:]); w > 0; w = sgr(text[pos+n:]) {
			n += w
		}
		return lead + n
	default:
		s.name(text, v, c)
	}
	return lead + len(b)
}

func (s *step) time(b []byte, c *event.Celery, lead int) int {
	if s.layout == nil {
		ns, zone, n := clock(b)
		if n == 0 {
			return -1
		}
		c.Time, c.TimeHasZone, c.HasTime = ns, zone, true
		return lead + n
	}
	ns, zone, dated, n := s.layout.parse(b)
	if n == 0 {
		return -1
	}
	c.Time, c.TimeHasZone, c.HasTime = ns, zone, dated
	return lead + n
}

func (s *step) name(text []byte, v event.Span, c *event.Celery) {
	switch known := !noTask(text[v.Start:v.End]); s.field {
	case fieldProcess:
		c.Process = v
	case fieldLogger:
		if !unknownLogger(text[v.Start:v.End]) {
			c.Logger, c.LoggerIsAppName = v, false
		}
	case fieldTaskName:
		if known {
			c.Task.Name = v
		}
	case fieldTaskID:
		if known {
			c.Task.ID = v
		}
	}
}
