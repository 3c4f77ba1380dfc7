package record

import (
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// Encoder appends records as JSON: objects in objects, fields in the order of the schema.
// It is read-only after New and may be used by many goroutines.
//
// The braces are worked out beforehand. Each field knows the object that it is a member of;
// steps[from][to] is what has to be written between a member of one object
// and a member of the other. So encoding is one walk over the fields with no
// map, no reflection and no look-back.
type Encoder struct {
	fields []encoderField
	spans  []guarded
	steps  [][]string
	closed []string // per object: the braces that end the record after a member of it
}

// guarded is a run of fields that are all absent when guard says so: most records have no
// error, no finding and no rule, and one question is cheaper than twenty.
type guarded struct {
	guard func(*Record) bool // nil: look at each field
	end   int                // index behind the last field
}

type encoderField struct {
	present func(*Record) bool
	append  func([]byte, *Record) []byte
	object  int
	name    string // `"name":`
}

// NewEncoder makes the encoder of the schema, without the fields of the peer: those are the
// same for a whole connection and are encoded once (see Peer).
func NewEncoder() *Encoder {
	return newEncoder(slices.DeleteFunc(Fields(), func(f Field) bool { return f.ofPeer || f.append == nil }))
}

func newEncoder(fields []Field) *Encoder {
	e := &Encoder{}
	objects := []string{""} // 0 is the record itself
	for _, f := range fields {
		object, name := "", f.Name
		if i := strings.LastIndexByte(f.Name, '.'); i >= 0 {
			object, name = f.Name[:i], f.Name[i+1:]
		}
		at := slices.Index(objects, object)
		if at < 0 {
			at = len(objects)
			objects = append(objects, object)
		}
		e.fields = append(e.fields, encoderField{f.present, f.append, at, `"` + name + `":`})
	}
	for i, f := range fields {
		if n := len(e.spans); n > 0 && e.spans[n-1].guard == nil && f.guard == nil || n > 0 && f.guard != nil && fields[i-1].guardName == f.guardName {
			e.spans[n-1].end = i + 1
			continue
		}
		e.spans = append(e.spans, guarded{f.guard, i + 1})
	}
	e.steps = make([][]string, len(objects))
	e.closed = make([]string, len(objects))
	for from, a := range objects {
		e.closed[from] = strings.Repeat("}", depth(a))
		for _, b := range objects {
			e.steps[from] = append(e.steps[from], step(a, b))
		}
	}
	return e
}

func depth(object string) int {
	if object == "" {
		return 0
	}
	return strings.Count(object, ".") + 1
}

// step is what stands between a member of object a and one of object b.
func step(a, b string) string {
	pa, pb := path(a), path(b)
	same := 0
	for same < len(pa) && same < len(pb) && pa[same] == pb[same] {
		same++
	}
	var s strings.Builder
	s.WriteString(strings.Repeat("}", len(pa)-same))
	s.WriteByte(',')
	for _, name := range pb[same:] {
		s.WriteString(`"` + name + `":{`)
	}
	return s.String()
}

func path(object string) []string {
	if object == "" {
		return nil
	}
	return strings.Split(object, ".")
}

// Append appends r as one JSON object without a line feed. The first field of the
// schema, @timestamp, must be set.
func (e *Encoder) Append(dst []byte, r *Record) []byte {
	at, i := -1, 0
	dst = append(dst, '{')
	for _, span := range e.spans {
		if span.guard != nil && !span.guard(r) {
			i = span.end
			continue
		}
		for ; i < span.end; i++ {
			f := &e.fields[i]
			if !f.present(r) {
				continue
			}
			switch {
			case at >= 0:
				dst = append(dst, e.steps[at][f.object]...)
			case f.object != 0: // only where an encoder has no fields of the record itself
				dst = append(dst, e.steps[0][f.object][1:]...)
			}
			at = f.object
			dst = append(dst, f.name...)
			dst = f.append(dst, r)
		}
	}
	if at >= 0 {
		dst = append(dst, e.closed[at]...)
	}
	if r.Peer != nil && len(r.Peer.members) > 0 {
		dst = append(dst, ',')
		dst = append(dst, r.Peer.members...)
	}
	return append(dst, '}')
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// view returns s as bytes without copying. Nobody changes them: they go to append and to rules.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func appendFindings(dst []byte, r *Record) []byte {
	dst = append(dst, '[')
	for i := range r.Findings {
		f := &r.Findings[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"detector":"`...)
		dst = append(dst, f.Detector...)
		dst = append(dst, `","class":"`...)
		dst = append(dst, f.Class...)
		dst = append(dst, `","severity":"`...)
		dst = append(dst, f.Severity...)
		dst = append(dst, `","field":"`...)
		dst = append(dst, f.Field...)
		dst = append(dst, '"')
		if len(f.Key) > 0 {
			dst = AppendString(append(dst, `,"key":`...), f.Key)
		}
		if len(f.Fingerprint) > 0 {
			dst = AppendString(append(dst, `,"fingerprint":`...), f.Fingerprint)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendMatches(dst []byte, r *Record) []byte {
	dst = append(dst, '[')
	for i := range r.Rules {
		m := &r.Rules[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(append(dst, `{"id":`...), view(m.ID))
		dst = AppendString(append(dst, `,"name":`...), view(m.Name))
		dst = AppendString(append(dst, `,"version":`...), view(m.Version))
		dst = AppendString(append(dst, `,"level":`...), view(m.Level))
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendParams writes structured data as an object of objects, both with names that the
// sender chose. A name that comes twice in an element is published once, as a list
// of its values, since JSON readers keep only one of two equal names.
func appendParams(dst []byte, r *Record) []byte {
	dst = append(dst, '{')
	for i := range r.Params {
		if slices.ContainsFunc(r.Params[:i], func(p Param) bool { return string(p.Element) == string(r.Params[i].Element) }) {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, r.Params[i].Element)
		dst = appendElement(append(dst, ':', '{'), r.Params[i:])
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendElement writes the parameters of the element that params[0] belongs to.
func appendElement(dst []byte, params []Param) []byte {
	element := string(params[0].Element)
	same := func(p Param, name []byte) bool { return string(p.Element) == element && string(p.Name) == string(name) }
	comma := false
	for i, p := range params {
		if string(p.Element) != element || len(p.Name) == 0 || slices.ContainsFunc(params[:i], func(q Param) bool { return same(q, p.Name) }) {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = append(AppendString(dst, p.Name), ':')
		many := slices.ContainsFunc(params[i+1:], func(q Param) bool { return same(q, p.Name) })
		if many {
			dst = append(dst, '[')
		}
		dst = AppendString(dst, p.Value)
		for _, q := range params[i+1:] {
			if same(q, p.Name) {
				dst = AppendString(append(dst, ','), q.Value)
			}
		}
		if many {
			dst = append(dst, ']')
		}
	}
	return dst
}
