package redact

import "fmt"

// ownSamples are true values of our own detectors, with holes as in fill. Allow entries that would
// match one are refused.
var ownSamples = map[detectorID][]string{
	detPassword: {"hunter2", "Tr0ub4dor&3", "correct-horse-battery-staple", "P@ssw0rd!"}, detPasswordHash: {"$2b$12$" + "<an:53>"}, detSecret: {"<an:32>", "<hex:32>", "<b64:44>", "<url:43>"},
	detURLPassword: {"s3cr3t<an:8>"}, detURLToken: {"<url:40>"}, detBearer: {"<url:48>"}, detBasic: {"<b64:24>"}, detCookie: {"<low:32>"}, detJWT: {"eyJ<url:30>.eyJ<url:60>.<url:43>"},
	detPrivateKey: {"MIIE<b64:60>"}, detOTPSeed: {"<b32:32>"}, detPIN: {"482913"}, detSignature: {"<hex:64>"}, detWebhook: {"<an:24>"}, detAuthHeader: {"<url:40>"},
	detEmail: {"jane.doe@mail.example.org"}, detPhone: {"+442079460123"}, detCard: {"4111" + "111111111111"}, detIBAN: {"DE89" + "370400440532013000"}, detSSN: {"123-45-6789"},
	detNationalID: {"529.982.247-25"}, detPassport: {"X1234567"}, detHealthID: {"MRN-0123456"}, detName: {"Jane Doe"}, detBirthDate: {"1980-02-29"}, detAddress: {"12 Long Lane, London"}, detIP: {"203.0.113.7"},
}

// samples returns true values of a detector.
func (r *Redactor) samples(id detectorID) []string {
	var out []string
	for _, s := range ownSamples[id] {
		if v, err := fill(s); err == nil {
			out = append(out, v)
		}
	}
	for i := range r.rules {
		if r.rules[i].det == id {
			out = append(out, r.rules[i].examples()...)
		}
	}
	return out
}

// prove runs the samples of our own vendor rules through the redactor itself.
func (r *Redactor) prove() error {
	var s Scratch
	for i := range r.rules {
		ru := &r.rules[i]
		if len(ru.hit) > 0 && ru.patterns().err != nil {
			return fmt.Errorf("rule %s: %w", ru.id, ru.patterns().err)
		}
		for _, sample := range ru.hit {
			v, err := fill(sample)
			if err != nil {
				return fmt.Errorf("rule %s: %w", ru.id, err)
			}
			if !r.finds(&s, ru, v) {
				return fmt.Errorf("rule %s does not find its sample %q", ru.id, sample)
			}
		}
		for _, sample := range ru.miss {
			v, err := fill(sample)
			if err != nil {
				return fmt.Errorf("rule %s: %w", ru.id, err)
			}
			if r.finds(&s, ru, v) {
				return fmt.Errorf("rule %s finds %q, which it must miss", ru.id, sample)
			}
		}
	}
	return nil
}

// finds reports whether rule ru by itself finds something in text.
func (r *Redactor) finds(s *Scratch, ru *rule, text string) bool {
	s.reset(len(text))
	r.scanOnly(s, []byte(text), ru)
	for i := range s.spans {
		if s.spans[i].det == ru.det {
			return true
		}
	}
	return false
}

// scanOnly runs one rule over text, as often as its keywords stand in it.
func (r *Redactor) scanOnly(s *Scratch, text []byte, ru *rule) {
	v := view{text: text}
	c := scan{r: r, s: s, v: &v, text: text}
	for _, k := range ru.keywords {
		for at := 0; at < len(text); at++ {
			i := indexFold(text[at:], k)
			if i < 0 {
				break
			}
			at += i
			c.vendor(ru, at, at+len(k))
		}
	}
}

// examples returns values that ru finds: its samples, or texts made from its pattern.
func (ru *rule) examples() []string {
	var out []string
	for _, h := range ru.hit {
		v, err := fill(h)
		if err != nil {
			continue
		}
		p := ru.patterns()
		for lo := range v {
			if m := p.re.FindStringSubmatchIndex(v[lo:]); m != nil {
				a, b := m[0], m[1]
				if len(m) > 2 && m[2] >= 0 {
					a, b = m[2], m[3]
				}
				out = append(out, v[lo+a:lo+b])
				break
			}
		}
	}
	return out
}
