package record

import (
	"bytes"
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

// appendParams writes structured data as an object of objects, both with names that the
// sender chose. A name that comes twice in an element is published once, as a list
// of its values, since JSON readers keep one of two equal names, and Elasticsearch
// refuses the whole document.
func appendParams(dst []byte, r *Record) []byte {
	dst = append(dst, '{')
	for i := range r.Params {
		if slices.ContainsFunc(r.Params[:i], func(p Param) bool { return sameName(p.Element, r.Params[i].Element) }) {
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

// sameName reports whether two names are published as the same one: bytes that are no UTF-8
// become U+FFFD, all of them.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if utf8.Valid(a) && utf8.Valid(b) {
		return false
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

// appendElement writes the parameters of the element that params[0] belongs to.
func appendElement(dst []byte, params []Param) []byte {
	element := params[0].Element
	same := func(p Param, name []byte) bool { return sameName(p.Element, element) && sameName(p.Name, name) }
	comma := false
	for i, p := range params {
		if len(p.Name) == 0 || !sameName(p.Element, element) || slices.ContainsFunc(params[:i], func(q Param) bool { return same(q, p.Name) }) {
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
