package rules

import (
	"bytes"
	"strconv"

	"destring/rules/record"
	"destring/rules/repr"
)

// Bounds of one repr's structured form.
const (
	maxValues     = 64  // values
	maxValue      = 256 // bytes of one; longer ones are cut and end in "..."
	maxPath       = 200 // bytes of a path
	maxValueDepth = 8
	maxTokens     = 1024 // looked at: what has many empty containers or equal names has few values
)

// markOpen is how every mark of package redact begins. Between quotes it is text; bare, where a
// number was hidden, it looks like a list.
var markOpen = []byte("[REDACTED:")

// values makes a JSON object of the values in a Python repr or JSON text: scalars as text under
// their dotted paths, {"order.id":"4711","lines.0.sku":"A-1"}. A call with one value, Decimal('19.99'), is
// that value. A member "..." says that something was left out: by Celery, which cuts reprs
// at 1,024 characters, or by the bounds above.
//
// It reads the clean text and gives values as they are written, escapes and all, so it shows nothing
// that the text beside it does not show: an escape that is undone here would be text that no
// detector has seen. A scalar has no structured form: it costs one look at its first byte.
//
// Measured (BenchmarkValues, processor time): 285 ns for a dict of four values, 4 ns for a number.
type values struct {
	reader repr.Reader
	names  [maxValues][2]int // the names that are written, places in dst
	n      int
	path   []byte
	levels [maxValueDepth]level
	left   bool // something was left out
}

// level is an open container.
type level struct {
	path int // length of the path before its members' names
	next int // number of the next member without a name
}

// append appends the object for src, or nothing when src is no container with values in it.
func (v *values) append(dst, src []byte) []byte {
	if !container(src) || bytes.HasPrefix(src, markOpen) {
		return dst
	}
	at := len(dst)
	v.n, v.left, v.path = 0, false, v.path[:0]
	v.reader.Reset(src, 0)
	var t repr.Token
	if !v.reader.Next(&t) || t.Kind != repr.Open {
		return dst
	}
	v.levels[0] = level{}
	dst = v.members(append(dst, '{'), src, &t)
	if v.n == 0 {
		return dst[:at]
	}
	if v.left {
		dst = append(dst, `,"...":"..."`...)
	}
	return append(dst, '}')
}

// container reports whether src can begin a container: a bracket, or the name of a call.
func container(src []byte) bool {
	if len(src) < 2 {
		return false
	}
	switch c := src[0]; {
	case c == '{' || c == '[' || c == '(':
		return true
	case c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		return src[len(src)-1] == ')' && bytes.IndexByte(src, '(') > 0
	}
	return false
}

// members writes what is in the outermost container, whose Open token was read.
func (v *values) members(dst, src []byte, t *repr.Token) []byte {
	for tokens := 0; v.n < maxValues && tokens < maxTokens && v.reader.Next(t); tokens++ {
		switch t.Kind {
		case repr.Close:
			if t.Depth == 0 {
				return dst
			}
		case repr.Cut:
			v.left = true
		case repr.Open:
			dst = v.open(dst, src, t)
		default:
			v.enter(src, t)
			dst = v.scalar(dst, t.Text.Of(src))
		}
	}
	v.left = true // the text ended before its last bracket, or there is too much in it
	return dst
}

// open goes into a container, or writes it as one value.
func (v *values) open(dst, src []byte, t *repr.Token) []byte {
	v.enter(src, t)
	depth := t.Depth
	switch {
	case bytes.HasPrefix(src[t.Start:], markOpen):
		start := t.Start
		v.skip(depth)
		return v.scalar(dst, src[start:v.reader.Pos()])
	case t.Shape == repr.Call && v.single(t):
		dst = v.scalar(dst, t.Text.Of(src))
		v.skip(depth)
	case depth >= maxValueDepth:
		v.left = true
		v.skip(depth)
	default:
		v.levels[depth] = level{path: len(v.path)}
	}
	return dst
}

// enter sets the path to that of t.
func (v *values) enter(src []byte, t *repr.Token) {
	in := &v.levels[min(max(t.Depth-1, 0), maxValueDepth-1)]
	v.path = v.path[:in.path]
	if len(v.path) > 0 {
		v.path = append(v.path, '.')
	}
	if t.Key.Empty() {
		v.path = strconv.AppendInt(v.path, int64(in.next), 10)
		in.next++
		return
	}
	v.path = append(v.path, t.Key.Of(src)...)
}

// single looks ahead in the call whose Open token is t. When it has one scalar and nothing
// else, t becomes that scalar.
func (v *values) single(t *repr.Token) bool {
	ahead := v.reader
	var one, next repr.Token
	if !ahead.Next(&one) || one.Kind == repr.Open || one.Kind == repr.Close || one.Kind == repr.Cut || !one.Key.Empty() {
		return false
	}
	if !ahead.Next(&next) || next.Kind != repr.Close {
		return false
	}
	*t = one
	return true
}

// skip reads to the end of the container of the given depth.
func (v *values) skip(depth int) {
	var t repr.Token
	for v.reader.Depth() > depth && v.reader.Next(&t) {
	}
}

// scalar writes a member, unless one of its name is there already.
func (v *values) scalar(dst, text []byte) []byte {
	if len(v.path) > maxPath {
		v.left = true
		return dst
	}
	at := len(dst)
	if v.n > 0 {
		dst = append(dst, ',')
	}
	name := len(dst)
	dst = record.AppendString(dst, v.path)
	for _, n := range v.names[:v.n] {
		if bytes.Equal(dst[n[0]:n[1]], dst[name:]) {
			v.left = true
			return dst[:at]
		}
	}
	v.names[v.n] = [2]int{name, len(dst)}
	v.n++
	dst = append(dst, ':')
	if len(text) <= maxValue {
		return record.AppendString(dst, text)
	}
	cut := maxValue
	for cut > 0 && text[cut]&0xc0 == 0x80 {
		cut--
	}
	v.left = true
	dst = record.AppendEscaped(append(dst, '"'), text[:cut])
	return append(dst, `..."`...)
}
