package redact

import "unicode/utf8"

// yields reports whether sp gives way to the spans that the caller keeps. An identifier of the record stays when it looks
// like one and only the name before it speaks against it: the parser goes by the place, and a sender can write anything there. What is
// found by its own form, or is a value that we know, is hidden in an identifier too. A span that goes over the edge of
// an identifier is trimmed to what is outside.
func (r *Redactor) yields(s *Scratch, sp *span, text []byte) bool {
	for _, k := range s.keep {
		lo, hi := int(k.Start), min(int(k.End), len(text))
		if lo >= hi || sp.end <= lo || sp.start >= hi || !defers(sp, text[lo:hi], lo) {
			continue
		}
		before, after := sp.start < lo && tells(text[sp.start:lo]), sp.end > hi && tells(text[hi:sp.end])
		switch {
		case before && after: // a secret on both sides: it goes as a whole
		case before:
			for sp.end = lo; hasByte([]byte("[({<\"' "), text[sp.end-1]); sp.end-- {
			}
		case after:
			sp.start = hi
		default:
			r.note(s, sp, "an identifier of the record")
			return true
		}
	}
	return false
}

// tells reports whether b holds more than brackets and signs.
func tells(b []byte) bool {
	for _, x := range b {
		if isAlnum(x) || x >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// defers reports whether sp, which touches the identifier id at lo, is of a kind that may be wrong about it.
func defers(sp *span, id []byte, lo int) bool {
	if sp.relabel || sp.det >= detOwnEnd {
		return false
	}
	switch sp.det {
	case detPrivateKey, detJWT, detRemembered, detTooDeep, detPickle:
		return false
	case detContinued:
		return identifier(id)
	case detEmail:
		return nodeName(id)
	}
	switch sp.layer {
	case Structure, Shape:
		return sp.start <= lo && (identifier(id) || nodeName(id)) // a name that stands inside of the identifier knows better
	case PersonalData:
		return sp.det == detIP && (identifier(id) || nodeName(id)) || uuidLike(id)
	case Encoding:
		return uuidLike(id)
	}
	return false
}

// identifier reports whether id has the look of what a record is found by: a UUID or another id, the name of a task, a class,
// a process or a queue, a path. No name of a value, no address and no user stands in one.
func identifier(id []byte) bool {
	if len(id) > maxIdentifier {
		return false
	}
	for i, b := range id {
		switch {
		case isAlnum(b) || b >= utf8.RuneSelf:
		case b == '_' || b == '-' || b == '.' || b == '/' || b == '\\' || b == '~' || b == '+':
		case b == '<' || b == '>' || b == '[' || b == ']' || b == ' ': // <module>, <frozen importlib>, list[int]
		case b == ':' && i == 1 && len(id) > 2 && (id[2] == '/' || id[2] == '\\'): // a drive
		default:
			return false
		}
	}
	return true
}

const maxIdentifier = 512

// nodeName reports whether id is a worker's name@host.
func nodeName(id []byte) bool {
	for i, b := range id {
		if b == '@' {
			return i > 0 && i+1 < len(id) && identifier(id[:i]) && identifier(id[i+1:])
		}
	}
	return false
}
