package rules

import (
	"encoding/hex"

	"destring/rules/event"
	"destring/rules/record"
	"destring/rules/redact"
)

// found notes the findings in the text of a field. Another field than the message that is withheld says so in
// its own place.
func (in *Inspector) found(field string, res *redact.Result) {
	if res.Withheld != "" && field == "message" {
		in.record.Withheld = res.Withheld
	}
	for i := range res.Findings {
		in.note(field, &res.Findings[i])
	}
}

// foundInner notes the findings in Inner that Message did not have: they are the same
// text, once as the line has it and once decoded.
func (in *Inspector) foundInner(res *redact.Result, body event.Span) {
	if res.Withheld != "" {
		in.record.Withheld = res.Withheld
	}
	if len(res.Findings) == 0 {
		return
	}
	type found struct{ detector, key, fingerprint string }
	known := make(map[found]bool) // a hostile line has ten thousands of them
	for i := range in.clean.findings {
		g := &in.clean.findings[i]
		known[found{g.Detector, g.Key, g.Fingerprint}], known[found{g.Detector, g.Key, ""}] = true, true
	}
	from, to := res.Map(body)
	for i := range res.Findings {
		f := res.Findings[i]
		same := found{f.Detector, f.Key, ""}
		if f.HasFingerprint {
			same.fingerprint = hex.EncodeToString(f.Fingerprint[:])
		}
		if known[same] {
			continue
		}
		// Places are those in celery.message; what stands in another member has none.
		if f.OutStart -= from; f.OutStart < 0 || f.OutEnd > to {
			f.OutStart, f.OutEnd = 0, from
		}
		f.OutEnd -= from
		in.note("celery.message", &f)
	}
}

func (in *Inspector) note(field string, f *redact.Finding) {
	found := Finding{Detector: f.Detector, Severity: Severity(f.Severity), Field: field, Start: f.OutStart, End: f.OutEnd, Key: f.Key}
	published := record.Finding{Detector: f.Detector, Class: f.Class.String(), Severity: found.Severity.String(), Field: field, Key: []byte(f.Key), Kept: f.Action == redact.Keep}
	if f.HasFingerprint {
		found.Fingerprint = hex.EncodeToString(f.Fingerprint[:])
		published.Fingerprint = []byte(found.Fingerprint)
	}
	in.clean.findings = append(in.clean.findings, found)
	in.record.Findings = append(in.record.Findings, published)
}
