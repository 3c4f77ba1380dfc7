package rules

import (
	"bytes"

	"destring/rules/event"
	"destring/rules/record"
)

// headText remembers the last value of a header field and what became of it: a connection sends
// the same host, application and process in nearly every message.
type headText struct {
	raw, clean []byte
	known      bool
	findings   []Finding
	published  []record.Finding
}

// maxHead is the longest header text that is remembered, in bytes.
const maxHead = 256

// header returns the clean text of a header field. Findings are noted for every message.
func (in *Inspector) header(slot int, field string, t event.Text) []byte {
	if t.Empty() {
		return nil
	}
	h, raw := &in.head[slot], t.Reveal()
	if h.known && bytes.Equal(h.raw, raw) {
		in.clean.findings = append(in.clean.findings, h.findings...)
		in.record.Findings = append(in.record.Findings, h.published...)
		return h.clean
	}
	before := len(in.clean.findings)
	res := in.engine.redactor.Aside(&in.scratch, raw, nil)
	in.found(field, &res)
	h.known = len(raw) <= maxHead && res.Withheld == "" && !in.scratch.Open() // what hides a piece of a key today need not tomorrow
	h.raw, h.clean = append(h.raw[:0], raw...), append(h.clean[:0], res.Text...)
	h.findings = append(h.findings[:0], in.clean.findings[before:]...)
	h.published = append(h.published[:0], in.record.Findings[before:]...)
	return h.clean
}

// params redacts structured data. Each value is judged as name="value", for the name may be
// what gives it away.
func (in *Inspector) params(params []event.Param) {
	for i := range params {
		p := &params[i]
		q := record.Param{Element: in.short(p.Element), Name: in.short(p.Name)}
		if string(p.Element.Reveal()) == "origin" && string(p.Name.Reveal()) == "ip" {
			q.Value = in.short(p.Value) // RFC 5424 §7.2: it is the sender's own, not that of a person
		} else {
			q.Value = in.value(p.Name, p.Value)
		}
		in.record.Params = append(in.record.Params, q)
	}
}

// short redacts a text that is not remembered.
func (in *Inspector) short(t event.Text) []byte {
	if t.Empty() {
		return nil
	}
	res := in.engine.redactor.Aside(&in.scratch, t.Reveal(), nil)
	in.found("log.syslog.structured_data", &res)
	return in.own(t, res.Text)
}

func (in *Inspector) value(name, value event.Text) []byte {
	if value.Empty() {
		return nil
	}
	prefix, quoted := name.Len()+2, bytes.IndexByte(value.Reveal(), '"') >= 0
	in.pair = append(append(in.pair[:0], name.Reveal()...), '=', '"')
	for _, b := range value.Reveal() {
		if quoted && (b == '"' || b == '\\') {
			in.pair = append(in.pair, '\\') // or the quote would end the value
		}
		in.pair = append(in.pair, b)
	}
	end := len(in.pair)
	in.pair = append(in.pair, '"')
	res := in.engine.redactor.Aside(&in.scratch, in.pair, nil)
	in.found("log.syslog.structured_data", &res)
	clean := res.Text
	if res.Withheld == "" {
		from, to := res.Map(event.Span{Start: uint32(prefix), End: uint32(end)})
		clean = res.Text[from:to]
	}
	// Both the pair and the redactor's scratch are used again for the next parameter.
	return in.hold(func(dst []byte) []byte {
		for i := 0; i < len(clean); i++ {
			if quoted && clean[i] == '\\' && i+1 < len(clean) {
				i++
			}
			dst = append(dst, clean[i])
		}
		return dst
	})
}
