package redact

// dashedID finds national ids that their punctuation and check digits give away.
func (c *scan) dashedID(g *group) bool {
	if g.groups < 2 || !c.stands(g.lo, g.end) && !(g.lo > 3 && g.digits == 9 && c.text[g.lo-1] == '-' && c.stands(c.wordJoined(g.lo), g.end) && c.near(g.lo, ssnWords)) {
		return false
	}
	b := g.value[:g.digits]
	det, rule := detNationalID, ""
	switch {
	case g.digits == 9 && g.groups == 3 && g.sizes[0] == 3 && g.sizes[1] == 2 && (g.sep == '-' || g.sep == ' ' && c.near(g.lo, ssnWords)):
		if !ssn(b) {
			return false
		}
		det, rule = detSSN, "areas"
	case g.digits == 11 && g.groups == 4 && g.sizes[0] == 3 && g.sizes[3] == 2 && g.sizes[1] == 3 && cpf(b):
		rule = "cpf"
	case g.digits == 14 && g.groups == 5 && g.sizes[0] == 2 && g.sizes[3] == 4 && cnpj(b):
		rule = "cnpj"
	case g.digits == 13 && g.groups == 4 && g.sizes[0] == 3 && g.sizes[1] == 4 && string(b[:3]) == "756" && g.sep == '.':
		rule = "ahv"
	case g.digits == 15 && g.groups == 4 && g.sizes[0] == 3 && g.sizes[2] == 7 && string(b[:3]) == "784":
		rule = "emirates-id"
	case g.digits == 13 && g.groups == 2 && g.sizes[0] == 6 && g.sep == '-' && b[6] >= '1' && b[6] <= '8' && monthDay(b[2:6]):
		rule = "rrn"
	default:
		return false
	}
	c.emit(span{det: det, layer: PersonalData, rule: rule, noPrint: true}, g.lo, g.end)
	return true
}

var ssnWords = []string{"ssn", "social sec", "social_sec", "socialsec"}

// ssn checks the areas, groups and serials that are never given out.
func ssn(b []byte) bool {
	area := string(b[:3])
	return area != "000" && area != "666" && b[0] != '9' && string(b[3:5]) != "00" && string(b[5:9]) != "0000"
}

func monthDay(b []byte) bool {
	m, d := int(b[0]-'0')*10+int(b[1]-'0'), int(b[2]-'0')*10+int(b[3]-'0')
	return m >= 1 && m <= 12 && d >= 1 && d <= 31
}

func cpf(b []byte) bool { return checkDigits(b, 9, 10) && checkDigits(b, 10, 11) && !allSame(b) }

// checkDigits is the check digit of the Brazilian CPF at position n, weights falling from w to 2.
func checkDigits(b []byte, n, w int) bool {
	sum := 0
	for i := range n {
		sum += int(b[i]-'0') * (w - i)
	}
	d := 11 - sum%11
	if d > 9 {
		d = 0
	}
	return int(b[n]-'0') == d
}

func cnpj(b []byte) bool {
	return cnpjDigit(b, 12, []int{5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}) && cnpjDigit(b, 13, []int{6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}) && !allSame(b)
}

func cnpjDigit(b []byte, n int, weights []int) bool {
	sum := 0
	for i, w := range weights {
		sum += int(b[i]-'0') * w
	}
	d := 11 - sum%11
	if d > 9 {
		d = 0
	}
	return int(b[n]-'0') == d
}

func allSame(b []byte) bool {
	for _, x := range b {
		if x != b[0] {
			return false
		}
	}
	return true
}

// nhs checks the British NHS number: mod 11 over nine digits.
func nhs(b []byte) bool {
	if len(b) != 10 {
		return false
	}
	sum := 0
	for i := range 9 {
		sum += int(b[i]-'0') * (10 - i)
	}
	d := 11 - sum%11
	if d == 11 {
		d = 0
	}
	return d == int(b[9]-'0') && !allSame(b)
}

// namedNumber finds a number whose kind a word right before it tells. It reports whether it did.
func (c *scan) namedNumber(g *group) bool {
	if g.sep == '?' || g.sep == '/' || !c.stands(g.lo, g.end) {
		return false
	}
	word := beforeLink(c.text[max(0, g.lo-40):g.lo])
	if len(word) < 3 || !isLetter(word[len(word)-1]) || g.lo == 0 {
		return false
	}
	c.s.charge(len(word) * 2)
	b := g.value[:g.digits]
	for i := range numberWords {
		w := &numberWords[i]
		if g.digits < w.min || g.digits > w.max || !hasSuffixFold(word, w.word) {
			continue
		}
		if at := len(word) - len(w.word); at > 0 && isAlnum(word[at-1]) {
			continue
		}
		if w.check != nil && !w.check(b) {
			c.left(w.det, PersonalData, g.lo, g.end, "its check digit is wrong")
			continue
		}
		c.emit(span{det: w.det, layer: PersonalData, rule: w.word, noPrint: true}, g.lo, g.end)
		return true
	}
	return false
}

// beforeLink takes off the end of b what may stand between a word and its number: signs, "number", "no".
func beforeLink(b []byte) []byte {
	for range 4 {
		n := len(b)
		for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == ':' || b[len(b)-1] == '#' || b[len(b)-1] == '=' || b[len(b)-1] == '.' || isQuote(b[len(b)-1]) || b[len(b)-1] == '(' || b[len(b)-1] == '+') {
			b = b[:len(b)-1]
		}
		for _, w := range [...]string{" number", " no", " nr", " is"} {
			if hasSuffixFold(b, w) {
				b = b[:len(b)-len(w)]
				break
			}
		}
		if len(b) == n {
			break
		}
	}
	return b
}

// numberWords are the words that tell what the number behind them is.
var numberWords = []struct {
	word     string
	det      detectorID
	min, max int
	check    func([]byte) bool
}{
	{"nhs", detHealthID, 10, 10, nhs}, {"mrn", detHealthID, 6, 12, nil}, {"patient", detHealthID, 7, 12, nil}, {"medical record", detHealthID, 6, 12, nil}, {"medicare", detHealthID, 9, 12, nil},
	{"ssn", detSSN, 9, 9, ssn}, {"social security", detSSN, 9, 9, ssn}, {"cpf", detNationalID, 11, 11, cpf}, {"cnpj", detNationalID, 14, 14, cnpj},
	{"pesel", detNationalID, 11, 11, nil}, {"aadhaar", detNationalID, 12, 12, nil}, {"aadhar", detNationalID, 12, 12, nil}, {"bsn", detNationalID, 9, 9, nil}, {"steuer-id", detNationalID, 11, 11, nil}, {"sin", detNationalID, 9, 9, luhn},
	{"tax id", detNationalID, 9, 13, nil}, {"national id", detNationalID, 6, 16, nil}, {"passport", detPassport, 7, 9, nil}, {"personnummer", detNationalID, 10, 12, nil}, {"codigo", detPIN, 4, 8, nil},
	{"phone", detPhone, 7, 15, nil}, {"mobile", detPhone, 7, 15, nil}, {"telefon", detPhone, 7, 15, nil}, {"sms to", detPhone, 7, 15, nil}, {"call to", detPhone, 9, 15, nil}, {"tel", detPhone, 7, 15, nil},
	{"account number", detBankAccount, 6, 17, nil}, {"routing number", detBankAccount, 9, 9, nil}, {"otp", detPIN, 4, 8, nil}, {"verification code", detPIN, 4, 8, nil}, {"one-time code", detPIN, 4, 8, nil}, {"security code", detPIN, 3, 8, nil},
}

// linking reports whether b is only what may stand between a word and its number.
func linking(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		switch {
		case b[0] == ' ' || b[0] == ':' || b[0] == '#' || b[0] == '=' || b[0] == '.' || isQuote(b[0]) || b[0] == '(' || b[0] == '+':
			b = b[1:]
		case hasPrefixFold(b, "number"):
			b = b[6:]
		case hasPrefixFold(b, "no"):
			b = b[2:]
		case hasPrefixFold(b, "nr"), hasPrefixFold(b, "id"), hasPrefixFold(b, "is"):
			b = b[2:]
		default:
			return false
		}
	}
	return true
}

func lastFold(b []byte, lower string) int {
	for i := len(b) - len(lower); i >= 0; i-- {
		if hasPrefixFold(b[i:], lower) {
			return i
		}
	}
	return -1
}

// letteredID finds ids that begin with letters: passports and records after their word, the Italian
// tax code, the British national insurance number, Spanish NIE, Singapore's NRIC.
func (c *scan) letteredID(i int) {
	t := c.text
	lo := i
	for lo > 0 && i-lo < 7 && isLetter(t[lo-1]) {
		lo--
	}
	if lo > 0 && (isToken(t[lo-1]) || t[lo-1] == '.' || t[lo-1] == '/' || t[lo-1] == '@') && !c.escapeEnds(lo) {
		return
	}
	hi := run(t[:min(len(t), lo+32)], i, isAlnum)
	if hi < len(t) && (t[hi] == '_' || t[hi] == '-' && hi+1 < len(t) && isAlnum(t[hi+1]) || t[hi] == '@') {
		return
	}
	b := t[lo:hi]
	c.s.charge(hi - lo)
	det, rule := detNationalID, ""
	switch {
	case len(b) == 16 && fiscalCode(b):
		rule = "codice-fiscale"
	case len(b) == 9 && nino(b) && c.near(lo, []string{"nino", "national insurance", "ni number", "ni no"}):
		rule = "nino"
	case len(b) == 9 && nric(b) && c.near(lo, []string{"nric", "fin ", "fin=", "identity"}):
		rule = "nric"
	case i-lo <= 3 && len(b) >= 7 && len(b) <= 12 && digits(b) >= 6:
		window := t[max(0, lo-24):lo]
		c.s.charge(len(window) * 2)
		switch {
		case wordBefore(window, "passport") || wordBefore(window, "reisepass") || wordBefore(window, "passeport"):
			det, rule = detPassport, "passport"
		case wordBefore(window, "mrn") || wordBefore(window, "medical record") || wordBefore(window, "patient"):
			det, rule = detHealthID, "mrn"
		default:
			return
		}
	default:
		return
	}
	c.emit(span{det: det, layer: PersonalData, rule: rule, noPrint: true}, lo, hi)
}

func wordBefore(window []byte, word string) bool {
	at := lastFold(window, word)
	return at >= 0 && linking(window[at+len(word):])
}

// fiscalCode checks the form and the check letter of the Italian codice fiscale.
func fiscalCode(b []byte) bool {
	odd := [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i, x := range b {
		digit := i == 6 || i == 7 || i == 9 || i == 10 || i >= 12 && i <= 14
		if isLower(x) {
			x -= 'a' - 'A'
		}
		v := 0
		switch {
		case isDigit(x) && digit:
			v = int(x - '0')
		case isUpper(x) && !digit:
			v = int(x - 'A')
		default:
			return false
		}
		if i == 15 {
			return sum%26 == v
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	return false
}

func nino(b []byte) bool {
	return isUpper(b[0]) && isUpper(b[1]) && allDigits(b[2:8]) && b[8] >= 'A' && b[8] <= 'D'
}

func nric(b []byte) bool {
	weights := [7]int{2, 7, 6, 5, 4, 3, 2}
	if !allDigits(b[1:8]) || !isUpper(b[8]) {
		return false
	}
	sum := 0
	for i, w := range weights {
		sum += int(b[1+i]-'0') * w
	}
	switch b[0] {
	case 'S':
		return "JZIHGFEDCBA"[sum%11] == b[8]
	case 'T':
		return "JZIHGFEDCBA"[(sum+4)%11] == b[8]
	case 'F':
		return "XWUTRQPNMLK"[sum%11] == b[8]
	case 'G':
		return "XWUTRQPNMLK"[(sum+4)%11] == b[8]
	}
	return false
}
