package redact

// judge decides whether v, the value of k, is hidden, and records it. It reports whether the pair
// is settled: whether the name was one that has a value.
func (c *scan) judge(k *keyName, v value, sep separation) bool {
	b := c.text[v.lo:v.hi]
	if v.quote == 0 && v.cut {
		b = trimDots(b)
		v.hi = v.lo + len(b)
	}
	n := k.noun
	if c.r.detectors[n.detector].Class == Personal {
		return c.personal(k, v, sep)
	}
	if c.marks(b) {
		return true
	}
	v = c.proper(k, v)
	if why := c.harmless(k, v, sep); why != "" {
		c.left(n.detector, Structure, v.lo, v.hi, why)
		return true
	}
	c.hide(k, v, n.detector)
	return true
}

// proper cuts off what the form of a value brings with it, or takes in what belongs to it: "sha256=" before a
// signature, the other words of a recovery phrase.
func (c *scan) proper(k *keyName, v value) value {
	switch {
	case k.noun.detector == detSignature:
		for i := v.lo; i < v.hi && i-v.lo < 8; i++ {
			if c.text[i] == '=' && i+1 < v.hi {
				v.lo = i + 1
				break
			}
		}
	case k.noun.detector == detRecoveryPhrase && v.quote == 0:
		hi := v.hi
		for n := 0; n < 24 && hi+1 < len(c.text) && c.text[hi] == ' ' && isLower(c.text[hi+1]); n++ {
			hi = run(c.text, hi+1, isLower)
			if n >= 9 {
				v.hi = hi
			}
		}
	}
	return v
}

// marks reports whether b is nothing but marks of our own.
func (c *scan) marks(b []byte) bool {
	n := 0
	for len(b) > 0 {
		if n = c.r.markLen(b); n == 0 {
			return false
		}
		b = b[n:]
	}
	return n > 0
}

// hide emits the span of a value under a name.
func (c *scan) hide(k *keyName, v value, det detectorID) {
	sp := span{det: det, layer: Structure, rule: k.noun.text, key: c.keyName(k)}
	b := c.text[v.lo:v.hi]
	if v.quote == 0 && k.quote != 0 {
		sp.quote, sp.slashes = k.quote, uint8(min(k.slashes, 63))
		if k.dashes || len(b) > 0 && !isDigit(b[0]) && b[0] != '-' {
			sp.quote = 0
		}
	}
	sp.noPrint = !highEntropy(b)
	sp.open = v.quote != 0 && v.cut
	sp.remember = memorable(b) && c.r.detectors[det].Class == Credential
	c.emit(sp, v.lo, v.hi)
	c.hiddenTo = v.hi
}

// harmless says why the value v of a credential's name is left, or nothing when it is to be hidden.
func (c *scan) harmless(k *keyName, v value, sep separation) string {
	b := c.text[v.lo:v.hi]
	switch {
	case placeholder(b):
		return "empty, masked or a placeholder"
	case v.quote == 0 && literal(b):
		return "None or a truth value"
	case typeName(b):
		return "the name of a type"
	case sep == sepPair && (sourceNames[string(lowered(nil, b[:min(len(b), 40)]))] || tokenWords[string(lowered(nil, b[:min(len(b), 40)]))]):
		return "a list of names"
	case sep == sepSpace && v.quote != 0 && !k.dashes && (v.quote == '`' || len(k.noun.text) <= 5) && !mixed(b):
		return "prose"
	case v.quote == 0 && sep != sepQuery && (c.code(b, v, k) || comparison(b)):
		return "code"
	case sep == sepSpace && v.quote == 0 && pairLike(b):
		return "the next pair of a name and a value"
	case (sep == sepNear || k.strength == weak) && len(b) > 0 && b[len(b)-1] == '=' && v.hi < len(c.text) && c.text[v.hi] == '[':
		return "the next pair of a name and a value"
	case sep == sepProse && !mixed(b) && v.quote == 0 && !numeral(b, k), sep == sepNear && v.quote == 0 && !standsOut(b, k) && !nearCode(b, k):
		return "prose"
	case sep == sepTable && !mixed(b):
		return "a word in a table"
	case v.quote == 0 && sep == sepSign && k.noun.detector != detRecoveryPhrase && c.prose(b, v, k):
		return "prose"
	}
	if k.noun.detector == detPIN {
		if k.strength == weak {
			return "the name goes on with words that we do not know"
		}
		return harmlessPIN(b)
	}
	switch k.strength {
	case strong:
		return harmlessStrong(b, k, v)
	case medium:
		return harmlessToken(b, v)
	}
	if exampleLike(b) {
		return "an example out of a manual"
	}
	if !secretLike(b) || indexFold(b, "/aws4_request") > 0 {
		return "does not look like a secret"
	}
	return ""
}

func harmlessPIN(b []byte) string {
	digits := 0
	for _, x := range b {
		if isDigit(x) {
			digits++
		}
	}
	if len(b) < 3 || digits < 2 || len(b) > 64 {
		return "no code"
	}
	return ""
}

// nearCode reports whether b is the code that a word such as PIN stands right before.
func nearCode(b []byte, k *keyName) bool {
	return k.noun.detector == detPIN && k.noun.text != "tan" && allDigits(b) && len(b) >= 4 && len(b) <= 8
}

// harmlessStrong judges the value of a name that is a credential's for certain.
func harmlessStrong(b []byte, k *keyName, v value) string {
	if k.noun.detector == detPassword || k.noun.detector == detPasswordHash || k.noun.detector == detRecoveryPhrase || k.noun.detector == detOTPSeed {
		if v.quote == 0 && (len(b) == 1 || k.noun.text == "pass" && allDigits(b) && len(b) < 4) {
			return "one character, or a count"
		}
		if arn(b) || dotted(b) && !hasDigit(b) && (v.quote == 0 || dots(b) > 1) {
			return "a name of a class or resource"
		}
		return ""
	}
	return harmlessToken(b, v)
}

// harmlessToken judges the value of a token, secret or key.
func harmlessToken(b []byte, v value) string {
	switch {
	case len(b) < 4 && !v.cut:
		return "too short"
	case exampleLike(b):
		return "an example out of a manual"
	case allDigits(b) && len(b) < 8:
		return "a count"
	case arn(b) || dotted(b) || plainPath(b):
		return "a name of a class, path or resource"
	case tokenWords[string(lowered(nil, b[:min(len(b), 32)]))]:
		return "a word that says what kind of token"
	case plainURL(b):
		return "an address"
	case dateLike(b):
		return "a time"
	case (words(b) || camelWords(b)) && wordlike(b):
		return "words"
	case released(b):
		return "a package and its version"
	case markup(b):
		return "the beginning of something else"
	}
	return ""
}
