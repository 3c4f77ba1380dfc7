package redact

import "strings"

// iban finds an IBAN at lo: the country's length and letters, and the check digits of ISO 7064 (mod 97).
func (c *scan) iban(lo int) {
	n, ok := ibanAt(c.text[lo:min(len(c.text), lo+48)], 0)
	if !ok {
		return
	}
	hi := lo + n
	if hi < len(c.text) && (isAlnum(c.text[hi]) || c.text[hi] == '_') || c.inHexRun(lo, hi) {
		return
	}
	c.emit(span{det: detIBAN, layer: PersonalData, rule: "mod97", noPrint: true}, lo, hi)
	c.numberDone = hi
}

// ibanAt returns the length of the IBAN at i of b, with its spaces.
func ibanAt(b []byte, i int) (int, bool) {
	if len(b) < i+5 || !isLetter(b[i]) || !isLetter(b[i+1]) || !isDigit(b[i+2]) || !isDigit(b[i+3]) {
		return 0, false
	}
	form := bbans[string([]byte{b[i] &^ 0x20, b[i+1] &^ 0x20})]
	want := len(form) + 4
	if form == "" {
		return 0, false
	}
	check := int(b[i+2]-'0')*10 + int(b[i+3]-'0')
	if check < 2 || check > 98 {
		return 0, false
	}
	var plain [34]byte
	n, j := 0, i
	for ; j < len(b) && n < want; j++ {
		switch x := b[j]; {
		case isAlnum(x):
			if isLower(x) {
				x -= 'a' - 'A'
			}
			if n >= 4 && !bbanByte(form[n-4], x) {
				return 0, false
			}
			plain[n] = x
			n++
		case (x == ' ' || x == '-') && n > 0 && n%4 == 0:
		default:
			return 0, false
		}
	}
	return j - i, n == want && mod97(plain[:n])
}

// bbanByte reports whether x may stand where a country's form has kind: n for a digit, a for a letter, c for either.
func bbanByte(kind, x byte) bool {
	return kind == 'c' || isDigit(x) == (kind == 'n')
}

// inHexRun reports whether [lo,hi) is a piece of an identifier of hexadecimal digits, with hyphens or not: a UUID, a digest.
func (c *scan) inHexRun(lo, hi int) bool {
	a, b, digits := lo, hi, 0
	for a > 0 && lo-a < 64 && (hexDigit[c.text[a-1]] < 16 || c.text[a-1] == '-') {
		a--
	}
	for b < len(c.text) && b-hi < 64 && (hexDigit[c.text[b]] < 16 || c.text[b] == '-') {
		b++
	}
	for _, x := range c.text[a:b] {
		if x != '-' {
			digits++
		}
	}
	return (a < lo || b > hi) && digits >= 32
}

func mod97(b []byte) bool {
	m := 0
	for i := range b {
		x := b[(i+4)%len(b)]
		if isDigit(x) {
			m = (m*10 + int(x-'0')) % 97
		} else {
			m = (m*100 + int(x-'A') + 10) % 97
		}
	}
	return m == 1
}

// bbans is the registry of SWIFT (release 99): by country the form of what follows the check digits, one letter a place.
var bbans = func() map[string]string {
	fields := strings.Fields(`AD n8c12 AE n19 AL n8c16 AT n16 AZ a4c20 BA n16 BE n12 BG a4n6c8 BH a4c14 BI n23 BR n23a1c1 BY c4n4c16 CH n5c12 CR n18 CY n8c16 CZ n20 DE n18 DJ n23 DK n14 DO c4n20
		EE n16 EG n25 ES n20 FI n14 FK a2n12 FO n14 FR n10c11n2 GB a4n14 GE a2n16 GI a4c15 GL n14 GR n7c16 GT c24 HN a4n20 HR n17 HU n24 IE a4n14 IL n19 IQ a4n15 IS n22 IT a1n10c12 JO a4n4c18 KW a4c22 KZ n3c13
		LB n4c20 LC a4c24 LI n5c12 LT n16 LU n3c13 LV a4c13 LY n21 MC n10c11n2 MD c20 ME n18 MK n3c10n2 MN n16 MR n23 MT a4n5c18 MU a4n19a3 NI a4n20 NL a4n10 NO n11 OM n3c16 PK a4c16 PL n24 PS a4c21 PT n21 QA a4c21
		RO a4c16 RS n18 RU n14c15 SA n2c18 SC a4n20a3 SD n14 SE n20 SI n15 SK n20 SM a1n10c12 SO n19 ST n21 SV a4n20 TL n19 TN n20 TR n6c16 UA n6c19 VA n18 VG a4n16 XK n16 YE a4n4c18`)
	out := make(map[string]string, len(fields)/2)
	for i := 0; i < len(fields); i += 2 {
		var form strings.Builder
		for f := fields[i+1]; f != ""; {
			n, j := 0, 1
			for ; j < len(f) && isDigit(f[j]); j++ {
				n = n*10 + int(f[j]-'0')
			}
			form.WriteString(strings.Repeat(f[:1], n))
			f = f[j:]
		}
		out[fields[i]] = form.String()
	}
	return out
}()
