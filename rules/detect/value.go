package detect

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// scalar is a value of a rule as YAML typed it.
type scalar struct {
	kind kind
	text string // as written, quotes and YAML escapes undone
	num  float64
	yes  bool
	line int
}

// kind is the type of a value, in a rule or an event.
type kind uint8

const (
	kindNull kind = iota
	kindText
	kindNumber
	kindBool
	kindPresent // an object or an empty list of an event: there, but no value
)

func parseScalar(n *yaml.Node) (scalar, error) {
	s := scalar{text: n.Value, line: n.Line}
	if n.Kind != yaml.ScalarNode {
		return s, refuse(n.Line, "a value must be text, a number, a boolean or null, it is %s", describe(n))
	}
	switch n.Tag {
	case "!!null":
		s.kind = kindNull
	case "!!bool":
		s.kind, s.yes = kindBool, strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		s.kind = kindNumber
		num, ok := yamlNumber(n.Value)
		if !ok {
			return s, refuse(n.Line, "%s is no number that can be compared", n.Value)
		}
		s.num = num
	case "!!str", "!!timestamp":
		s.kind = kindText
	default:
		return s, refuse(n.Line, "a value has the tag %s, which Sigma does not know", n.Tag)
	}
	return s, nil
}

func yamlNumber(text string) (float64, bool) {
	if i, err := strconv.ParseInt(text, 0, 64); err == nil {
		return float64(i), true
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// value is one value of an event. A field that is a list has several, linked by next.
type value struct {
	kind   kind
	yes    bool
	number float64
	text   []byte // of kindText; of the others once it was asked for
	folded []byte
	slot   int32
	next   int32 // index of the field's next value, -1 for none
	parent int32 // index of the value that text is a part of, -1 for none
	start  int32 // of the part
}

// raw returns the value as text: a number as its shortest form.
func (m *Matcher) raw(v *value) []byte {
	if v.text == nil {
		from := len(m.arena)
		switch v.kind {
		case kindNumber:
			m.arena = appendNumber(m.arena, v.number)
		case kindBool:
			m.arena = strconv.AppendBool(m.arena, v.yes)
		}
		v.text = m.arena[from:len(m.arena):len(m.arena)]
	}
	return v.text
}

func appendNumber(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.AppendInt(dst, int64(f), 10)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// fold returns the value's text in folded case.
func (m *Matcher) fold(v *value) []byte {
	if v.folded == nil {
		raw := m.raw(v)
		from := len(m.arena)
		m.arena = appendFold(m.arena, raw)
		v.folded = m.arena[from:len(m.arena):len(m.arena)]
	}
	return v.folded
}

// numeric returns the value as a number, from text too, as many sources log numbers so.
func (v *value) numeric() (float64, bool) {
	switch v.kind {
	case kindNumber:
		return v.number, true
	case kindText:
		text := bytes.TrimSpace(v.text)
		if len(text) == 0 || len(text) > 40 || !(text[0] == '-' || text[0] == '+' || text[0] == '.' || '0' <= text[0] && text[0] <= '9') {
			return 0, false
		}
		f, err := strconv.ParseFloat(string(text), 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

// address returns the value as an IP address. An IPv4 address mapped into IPv6 is IPv4.
func (v *value) address() (netip.Addr, bool) {
	text := bytes.TrimSpace(v.text)
	if v.kind != kindText || len(text) < 2 || len(text) > 64 {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(string(text))
	return addr.Unmap().WithZone(""), err == nil
}
