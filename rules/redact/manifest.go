package redact

import "encoding/base64"

// manifest hides what a Secret of Kubernetes holds, whatever the names of its entries: kind: Secret with data: (base64)
// or stringData: beside it, as YAML or JSON.
func (c *scan) manifest(start, end int) {
	t := c.text
	i := run(t, end, func(b byte) bool { return isQuote(b) || b == '\\' || b == ' ' || b == ':' })
	if i == end || i-end > 12 || !hasPrefixFold(t[i:], "secret") || i+6 < len(t) && isAlnum(t[i+6]) || start > 0 && isToken(t[start-1]) && !c.escapeEnds(start) {
		return
	}
	lo, hi := max(0, start-manifestReach), min(len(t), end+manifestReach)
	c.s.charge(2 * (hi - lo))
	for at := lo; at < hi; {
		n := indexFold(t[at:hi], "data")
		if n < 0 {
			return
		}
		at += n
		plain := at >= 6 && hasPrefixFold(t[at-6:], "string")
		name := at
		at += len("data")
		if !plain && name > lo && isLetter(t[name-1]) && !c.escapeEnds(name) { // metadata
			continue
		}
		colon := run(t[:hi], at, func(b byte) bool { return isQuote(b) || b == '\\' })
		if colon < hi && t[colon] == ':' && colon-at <= 8 {
			at = c.entries(colon+1, hi, plain)
		}
	}
}

// manifestReach is how far from its kind the data of a manifest may stand, bytes.
const manifestReach = 8192

// entries hides the values of the entries from i on, up to the end of their map, and returns where that is.
func (c *scan) entries(i, hi int, plain bool) int {
	t := c.text
	for i < hi {
		k := i
		for k < hi && !isToken(t[k]) && t[k] != '.' && t[k] != '}' {
			if n := lineBreak(t[k:min(hi, k+16)]); n > 0 {
				k += n
				continue
			}
			k++
		}
		e := run(t[:hi], k, func(b byte) bool { return isToken(b) || b == '.' })
		colon := run(t[:hi], e, func(b byte) bool { return isQuote(b) || b == '\\' })
		if k >= hi || t[k] == '}' || colon >= hi || t[colon] != ':' || manifestFields[string(lowered(nil, t[k:min(e, k+24)]))] {
			return e
		}
		p := run(t[:hi], colon+1, func(b byte) bool { return b == ' ' || b == '|' || b == '>' || b == '-' })
		v, ok := c.quotedValue(min(p, len(t)-1))
		if !ok {
			v = value{lo: c.skipBreaks(p)}
			v.hi = v.lo
			for v.hi < hi && lineBreak(t[v.hi:min(hi, v.hi+16)]) == 0 && !isQuote(t[v.hi]) && t[v.hi] != ' ' && t[v.hi] != ',' && t[v.hi] != '}' {
				v.hi++
			}
		}
		if b := t[v.lo:max(v.lo, v.hi)]; (plain || encodedText(b)) && len(b) >= 4 && !placeholder(b) && !c.marks(b) {
			c.emit(span{det: detSecret, layer: Structure, rule: "kubernetes-secret", key: c.s.name(cleanName(t[k:e])), noPrint: !highEntropy(b)}, v.lo, v.hi)
		}
		i = max(v.hi, e+1)
	}
	return i
}

var manifestFields = wordSet(`metadata kind type apiversion immutable data stringdata spec status`)

func encodedText(b []byte) bool {
	if len(b) < 8 || len(b)%4 != 0 {
		return false
	}
	var head [48]byte
	_, err := base64.StdEncoding.Decode(head[:], b[:min(len(b), 64)])
	return err == nil
}
