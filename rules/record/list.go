package record

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"
)

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
		if f.Kept {
			dst = append(dst, `,"action":"keep"`...)
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

// appendFrames writes a traceback as ["/srv/shop/tasks.py:31 pay", …].
func appendFrames(dst []byte, r *Record) []byte {
	dst = append(dst, '[')
	for i := range r.Frames {
		f := &r.Frames[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendEscaped(append(dst, '"'), f.File)
		dst = appendInt(append(dst, ':'), int64(f.Line))
		dst = AppendEscaped(append(dst, ' '), f.Function)
		dst = append(dst, '"')
	}
	return append(dst, ']')
}

// frameField is the traceback as a list that can be searched and counted.
func frameField() Field {
	f := listField("celery.frames", false, func(r *Record) int { return len(r.Frames) }, func(r *Record, i int) []byte {
		q := &r.Frames[i]
		text := append(append([]byte(nil), q.File...), ':')
		return append(append(appendInt(text, int64(q.Line)), ' '), q.Function...)
	}, "The innermost 32 frames of the traceback, outermost first: file:line function.")
	f.append = appendFrames
	return f
}

// few is how many parameters are compared with each other, all with all.
const few = 16

// appendParams writes structured data as an object of objects, both with names that the
// sender chose. A name that comes twice in an element is published once, as a list
// of its values, since JSON readers keep one of two equal names, and Elasticsearch
// refuses the whole document.
func appendParams(dst []byte, r *Record) []byte {
	params := r.Params
	if len(params) > few {
		params = slices.Clone(params)
		for i := range params {
			params[i].Element, params[i].Name = asPublished(params[i].Element), asPublished(params[i].Name)
		}
		slices.SortStableFunc(params, func(a, b Param) int {
			return cmp.Or(bytes.Compare(a.Element, b.Element), bytes.Compare(a.Name, b.Name))
		})
	}
	dst = append(dst, '{')
	for i := 0; i < len(params); i++ {
		element := params[i].Element
		if !first(params, i, func(p *Param) bool { return sameName(p.Element, element) }) {
			continue
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, element)
		dst = appendElement(append(dst, ':', '{'), params, i)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// first reports whether no parameter before params[i] is the same. Many are sorted: then only the neighbour is asked.
func first(params []Param, i int, same func(*Param) bool) bool {
	from := 0
	if len(params) > few {
		from = max(0, i-1)
	}
	for j := from; j < i; j++ {
		if same(&params[j]) {
			return false
		}
	}
	return true
}

// sameName reports whether two names are published as the same one: bytes that are no UTF-8
// become U+FFFD, all of them.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	for len(a) > 0 && len(b) > 0 {
		p, n := utf8.DecodeRune(a)
		q, m := utf8.DecodeRune(b)
		if p != q {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return len(a) == len(b)
}

func asPublished(name []byte) []byte {
	if utf8.Valid(name) {
		return name
	}
	return []byte(string([]rune(string(name))))
}

// appendElement writes the parameters of the element whose first one is params[at].
func appendElement(dst []byte, params []Param, at int) []byte {
	element := params[at].Element
	comma := false
	for i := at; i < len(params); i++ {
		p := &params[i]
		if !sameName(p.Element, element) {
			if len(params) > few {
				break
			}
			continue
		}
		same := func(q *Param) bool { return sameName(q.Element, element) && sameName(q.Name, p.Name) }
		if len(p.Name) == 0 || !first(params, i, same) {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = append(AppendString(dst, p.Name), ':')
		dst = appendValues(dst, params[i:], same)
	}
	return dst
}

// appendValues writes the value of params[0], or a list when others are the same parameter.
func appendValues(dst []byte, params []Param, same func(*Param) bool) []byte {
	begin, many := len(dst), false
	dst = AppendString(dst, params[0].Value)
	for i := 1; i < len(params); i++ {
		if !same(&params[i]) {
			if len(params) > few {
				break
			}
			continue
		}
		dst = AppendString(append(dst, ','), params[i].Value)
		many = true
	}
	if many {
		dst = append(slices.Insert(dst, begin, '['), ']')
	}
	return dst
}
