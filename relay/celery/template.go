package celery

import (
	"bytes"
	"strings"

	"destring/rules/event"
)

// template is one message of Celery's as its source writes it. The wording is
// the pattern: what stands between its %s is compared, what the %s stand for is
// named by holes. So the table can be compared with Celery's sources.
type template struct {
	logger string
	levels levelSet
	python string // the wording in Celery's source
	// narrow, when set, is compared instead of python: where %(exc)s alone would match
	// whatever an application writes.
	narrow string
	kind   event.Kind
	state  string
	holes  []hole // of %s, %r, %d, {} in order; %(name)s says itself

	literals [][]byte // around and between the holes: one more than holes
	refAt    int      // index of the hole of a task name that "[id]" follows, -1 for none
}

// hole is what a placeholder stands for.
type hole uint8

const (
	skip hole = iota
	taskName
	taskID
	taskRuntime
	taskResult
	taskETA
	taskArgs
	quotedTask // name in quotes
	exception  // repr of an exception
	reason     // text that tells of an error
	worker
	queue
	broker
	processID
	idList
	control // method(name=…) of remote control
	apply   // arguments of the pool's apply
)

// levelSet says at which levels a message is written; a line that says another is
// somebody else's text. A print has the level WARNING, so it cannot pass for an INFO message.
type levelSet uint8

const (
	lvDebug    = levelSet(1) << event.LevelDebug
	lvInfo     = levelSet(1) << event.LevelInfo
	lvWarning  = levelSet(1) << event.LevelWarning
	lvError    = levelSet(1) << event.LevelError
	lvCritical = levelSet(1) << event.LevelCritical
	lvAny      = levelSet(0xff)
)

func (s levelSet) has(l event.Level) bool { return l == event.LevelNone || s&(1<<l) != 0 }

// maxHoles bounds the placeholders of a template.
const maxHoles = 8

// found is where the holes of a template stand in a text.
type found [maxHoles]event.Span

var holeNames = map[string]hole{"name": taskName, "id": taskID, "runtime": taskRuntime, "return_value": taskResult, "exc": exception}

// compile cuts the wording into literals and holes.
func (t *template) compile() {
	wording := t.python
	if t.narrow != "" {
		wording = t.narrow
	}
	given := t.holes
	var holes []hole
	var literal strings.Builder
	for i := 0; i < len(wording); {
		n, name := placeholder(wording[i:])
		if n == 0 {
			literal.WriteByte(wording[i])
			i++
			continue
		}
		i += n
		if name == "%" {
			literal.WriteByte('%')
			continue
		}
		h := holeNames[name]
		if len(given) > 0 && name == "" {
			h, given = given[0], given[1:]
		}
		holes = append(holes, h)
		t.literals = append(t.literals, []byte(literal.String()))
		literal.Reset()
	}
	t.holes, t.literals = holes, append(t.literals, []byte(literal.String()))
	t.refAt = -1
	for i := 0; i+1 < len(holes); i++ {
		if holes[i] == taskName && holes[i+1] == taskID && string(t.literals[i+1]) == "[" {
			t.refAt = i
		}
	}
}

// placeholder returns the length of the %… or {…} at the beginning of s and its name: "%" for an escaped
// percent sign; zero for none. Braces count only with nothing, a number or a conversion inside.
func placeholder(s string) (n int, name string) {
	switch {
	case strings.HasPrefix(s, "%%"):
		return 2, "%"
	case strings.HasPrefix(s, "%("):
		if i := strings.IndexByte(s, ')'); i > 0 && i+1 < len(s) {
			return i + 2, s[2:i]
		}
	case s[0] == '%' && len(s) > 1:
		if i := strings.IndexAny(s, "srdifx"); i > 0 && strings.Trim(s[1:i], "0123456789.-") == "" {
			return i + 1, ""
		}
	case s[0] == '{':
		if i := strings.IndexByte(s, '}'); i > 0 && strings.Trim(s[1:i], "0123456789!r") == "" {
			return i + 1, ""
		}
	}
	return 0, ""
}

// match compares b, a message without its traceback. Time is linear in b for each literal.
func (t *template) match(b []byte, f *found) bool {
	if !bytes.HasPrefix(b, t.literals[0]) {
		return false
	}
	return t.rest(b, 0, len(t.literals[0]), f)
}

// rest compares from the i-th hole on, which begins at pos.
func (t *template) rest(b []byte, i, pos int, f *found) bool {
	for ; i < len(t.holes); i++ {
		next := t.literals[i+1]
		last := i == len(t.holes)-1
		if i == t.refAt {
			end, ok := splitRef(b, pos, t.literals[i+2], i+2 == len(t.holes), f[i:])
			if !ok {
				return false
			}
			pos, i = end, i+1
			continue
		}
		end := len(b)
		switch {
		case last && !bytes.HasSuffix(b[pos:], next):
			return false
		case last:
			end -= len(next)
			f[i] = span(pos, end)
			return true
		default:
			j := bytes.Index(b[pos:], next)
			if j < 0 {
				return false
			}
			end = pos + j
		}
		f[i] = span(pos, end)
		pos = end + len(next)
	}
	return pos == len(b)
}

// maxOddRef bounds the text in which the end of a name or an id that is not ordinary is looked for.
const maxOddRef = 16 << 10

// splitRef finds name and id of "name[id" + next at pos, and the end of next. Both are the sender's: a
// name or an id may hold brackets, lines, and whole forged messages. What looks
// like an ordinary name with an ordinary id is taken first, so that a result cannot
// move the end; else next is looked for from the end (tail: at the end), so that what is inside of
// the name or the id cannot.
func splitRef(b []byte, pos int, next []byte, tail bool, f []event.Span) (int, bool) {
	open := bytes.IndexByte(b[pos:], '[')
	if open < 0 {
		return 0, false
	}
	open += pos
	clean := open > pos && plainName(b[pos:open])
	if clean && isUUID(b[open+1:]) {
		end := open + 1 + uuidLen
		if bytes.HasPrefix(b[end:], next) && (!tail || end+len(next) == len(b)) {
			f[0], f[1] = span(pos, open), span(open+1, end)
			return end + len(next), true
		}
	}
	end := len(b) - len(next)
	if !tail {
		end = bytes.LastIndex(b[:min(len(b), maxOddRef)], next)
	}
	if end <= open || !bytes.HasPrefix(b[end:], next) {
		return 0, false
	}
	if !clean {
		open = bytes.LastIndexByte(b[:end], '[')
	}
	f[0], f[1] = span(pos, open), span(open+1, end)
	return end + len(next), open > pos
}

func span(start, end int) event.Span { return event.Span{Start: uint32(start), End: uint32(end)} }
