package redact

// code reports whether the bare value b is an expression of a source line: a call, a subscript,
// an attribute, a name.
func (c *scan) code(b []byte, v value, k *keyName) bool {
	if len(b) == 0 || !isLetter(b[0]) && b[0] != '_' {
		return false
	}
	i := 0
	for i < len(b) && (isAlnum(b[i]) || b[i] == '_' || b[i] == '.') {
		i++
	}
	if i < len(b) && (b[i] == '(' || b[i] == '[') {
		return i > 1 && !hasDigit(b[:i]) && (b[i] == '(' || i+1 < len(b) && (isQuote(b[i+1]) || isLetter(b[i+1]) || isDigit(b[i+1])) || i+1 == len(b))
	}
	if i == len(b) && v.hi < len(c.text) && (c.text[v.hi] == '(' || c.text[v.hi] == '[') {
		return !hasDigit(b)
	}
	if i == len(b) && v.lo >= 3 && (string(c.text[v.lo-3:v.lo]) == "== " || string(c.text[v.lo-3:v.lo]) == "!= " && !hasDigit(b)) {
		return true // a comparison of two names
	}
	if i < len(b) || hasDigit(b) {
		return false
	}
	if dotted(b) {
		return true
	}
	// a plain name: code when it names a credential itself (password=password), or stands on a source line
	if sourceNames[string(lowered(nil, b[:min(len(b), 40)]))] {
		return k.noun.detector != detPassword || c.inCall(k, v) || c.onSourceLine(v.lo)
	}
	return snakeName(b) && c.onSourceLine(v.lo)
}

// inCall reports whether the pair stands among the arguments of a call.
func (c *scan) inCall(k *keyName, v value) bool {
	after := v.hi < len(c.text) && (c.text[v.hi] == ')' || c.text[v.hi] == ',')
	before := k.lo > 0 && c.text[k.lo-1] == '(' || k.lo > 1 && c.text[k.lo-1] == ' ' && (c.text[k.lo-2] == ',' || c.text[k.lo-2] == ';')
	return after || before
}

var sourceNames = wordSet(`password passwd pwd pass secret token key api_key apikey self cls settings config request os environ kwargs args data user params payload value val getpass
	new_password old_password raw_password access_token auth_token secret_key client_secret credentials creds auth headers session cookie cookies username email phone str_password pw passphrase`)

// onSourceLine reports whether at stands on a line of a traceback's source, which comes after a File "…" line.
func (c *scan) onSourceLine(at int) bool {
	lines := 0
	for i := at; i > 0 && at-i < 400; i-- {
		b := c.text[i-1]
		if b == '\n' || i >= 2 && (b == 'n' && c.text[i-2] == '\\') || i >= 4 && b == '2' && string(c.text[i-4:i]) == "#012" {
			lines++
			if lines == 2 {
				return false
			}
			if lines == 1 {
				j := i
				for j > 0 && i-j < 300 {
					if string(c.text[max(0, j-6):j]) == `File "` || string(c.text[max(0, j-7):j]) == `File \"` {
						return true
					}
					j--
				}
				return false
			}
		}
	}
	return false
}

// prose reports whether the bare value b is the beginning of a sentence: "password: must be at least…".
func (c *scan) prose(b []byte, v value, k *keyName) bool {
	if !allLetters(b) || v.cut {
		return false
	}
	if proseWords[string(lowered(nil, b[:min(len(b), 24)]))] {
		return true
	}
	// two more words of small letters follow, and none of them is a pair of name and value
	i, count := v.hi, 0
	for count < 2 && i < len(c.text) && c.text[i] == ' ' {
		w := i + 1
		i = w
		for i < len(c.text) && isLower(c.text[i]) {
			i++
		}
		if i == w || i < len(c.text) && (c.text[i] == '=' || c.text[i] == ':') {
			return false
		}
		count++
	}
	return count == 2 && c.text[v.lo-1] == ' '
}

var proseWords = wordSet(`expected got return raise else elif must is was are were be has have had not no and or for from in on at to the a an this that it its should shall can cannot could would will may might expired expires invalid incorrect
	required missing changed reset updated rotated failed denied rejected accepted ok okay valid wrong empty unknown found refreshed revoked issued created deleted generated sent received
	mismatch unauthorized forbidden error optional enabled disabled success successful successfully please field value format too needs need cannot check verified verification authentication
	using with without by via when if then than as of but because after before into only set unset present absent configured loaded set_by stored encrypted hashed saved cleared removed`)

// numeral reports whether b is a code or a password made of digits.
func numeral(b []byte, k *keyName) bool {
	return allDigits(b) && (k.noun.detector == detPIN && len(b) >= 4 || k.noun.detector == detPassword && len(b) >= 6)
}
