package syslog

import (
	"bytes"

	"destring/rules/event"
)

// rfc5424 reads what follows VERSION SP (RFC 5424 §6) into h and returns MSG.
func (p *Parser) rfc5424(b []byte, h *event.Syslog) (msg []byte, fault event.Fault) {
	b, fault = readTimestamp(b, h)
	if fault == "" {
		h.Hostname, b, fault = readField(b, BadHostname)
	}
	if fault == "" {
		h.AppName, b, fault = readField(b, BadAppName)
	}
	if fault == "" {
		h.ProcID, b, fault = readField(b, BadProcID)
	}
	if fault == "" {
		h.MsgID, b, fault = readField(b, BadMsgID)
	}
	if fault == "" {
		b, fault = p.structured(b, h)
	}
	if fault != "" {
		h.Params = h.Params[:0]
		return nil, fault
	}
	if len(b) > 0 {
		b = b[1:] // the SP before MSG
	}
	return b, ""
}

// readTimestamp reads TIMESTAMP SP (RFC 5424 §6.2.3).
func readTimestamp(b []byte, h *event.Syslog) (rest []byte, fault event.Fault) {
	if len(b) >= 2 && b[0] == '-' && b[1] == ' ' {
		return b[2:], ""
	}
	var s stamp
	n := readISO(b, &s, true)
	switch {
	case n > 0 && n == len(b), n == 0 && bytes.IndexByte(b, ' ') < 0:
		return nil, CutShort
	case n == 0 || b[n] != ' ':
		return nil, BadTimestamp
	}
	h.Time, h.HasTime = s.ns()
	h.TimeHasZone = h.HasTime
	return b[n+1:], ""
}

// readField reads a header field and the SP behind it.
func readField(b []byte, bad event.Fault) (field event.Text, rest []byte, fault event.Fault) {
	word, rest, ok := cutWord(b)
	switch {
	case !ok:
		return event.Text{}, nil, CutShort
	case !graphic(word):
		return event.Text{}, nil, bad
	case len(word) == 1 && word[0] == '-':
		return event.Text{}, rest, ""
	}
	return event.NewText(word), rest, ""
}

// cutWord cuts b at its first SP.
func cutWord(b []byte) (word, rest []byte, ok bool) {
	i := bytes.IndexByte(b, ' ')
	if i < 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}

// graphic reports whether a header field is free of control characters. Characters beyond ASCII, fields longer
// than the RFC allows and empty ones are let through: the world sends them, and rsyslog and syslog-ng take them.
func graphic(word []byte) bool {
	for _, c := range word {
		if c <= ' ' || c == 0x7F {
			return false
		}
	}
	return true
}

// structured reads STRUCTURED-DATA (RFC 5424 §6.3) into h and returns what follows: nothing, or SP MSG.
func (p *Parser) structured(b []byte, h *event.Syslog) (rest []byte, fault event.Fault) {
	if len(b) == 0 {
		return nil, CutShort
	}
	if b[0] == '-' {
		b = b[1:]
	} else {
		if b[0] != '[' {
			return nil, BadStructured
		}
		for len(b) > 0 && b[0] == '[' {
			if b, fault = p.element(b[1:], h); fault != "" {
				return nil, fault
			}
		}
	}
	if len(b) > 0 && b[0] != ' ' {
		return nil, BadStructured
	}
	return b, ""
}

// element reads an SD-ELEMENT behind its '[' and returns what follows its ']'.
func (p *Parser) element(b []byte, h *event.Syslog) (rest []byte, fault event.Fault) {
	n := sdName(b)
	if n == 0 {
		return nil, BadStructured
	}
	param := event.Param{Element: event.NewText(b[:n])}
	b = b[n:]
	for first := true; ; first = false {
		spaces := len(b)
		b = bytes.TrimLeft(b, " ")
		spaces -= len(b)
		last := len(b) > 0 && b[0] == ']'
		if last && !first {
			return b[1:], ""
		}
		if len(h.Params) >= MaxParams {
			return nil, TooManyParams
		}
		if last { // an element without parameters
			h.Params = append(h.Params, param)
			return b[1:], ""
		}
		if spaces == 0 {
			return nil, BadStructured
		}
		n := p.param(b, &param)
		if n == 0 {
			return nil, BadStructured
		}
		h.Params = append(h.Params, param)
		b = b[n:]
	}
}

// param reads the SD-PARAM that b begins with and returns its length, or 0.
func (p *Parser) param(b []byte, param *event.Param) int {
	n := sdName(b)
	if n == 0 || len(b) < n+2 || b[n] != '=' || b[n+1] != '"' {
		return 0
	}
	value, used := p.value(b[n+2:])
	if used == 0 {
		return 0
	}
	param.Name, param.Value = event.NewText(b[:n]), event.NewText(value)
	return n + 2 + used
}

// sdName returns the length of the SD-NAME that b begins with.
func sdName(b []byte) int {
	for i, c := range b {
		if c <= ' ' || c == '=' || c == ']' || c == '"' || c == 0x7F {
			return i
		}
	}
	return len(b)
}

// value reads a PARAM-VALUE up to and with its closing quote (RFC 5424 §6.3.3), and returns 0 when there is none.
// A backslash before any other character than '"', '\' and ']' stands for itself.
func (p *Parser) value(b []byte) (value []byte, used int) {
	end := bytes.IndexByte(b, '"')
	if end < 0 {
		return nil, 0
	}
	if bytes.IndexByte(b[:end], '\\') < 0 {
		return b[:end], end + 1
	}
	start := len(p.values)
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return p.values[start:len(p.values):len(p.values)], i + 1
		case c == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\' || b[i+1] == ']'):
			i++
			p.values = append(p.values, b[i])
		default:
			p.values = append(p.values, c)
		}
	}
	return nil, 0
}
