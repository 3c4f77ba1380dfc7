package redact

import (
	"math"
	"math/bits"
	"unicode/utf8"
)

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
		return c.personal(k, v)
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
	sp := span{det: det, layer: Structure, rule: k.noun.text, key: c.s.name(cleanName(c.text[k.lo:k.hi]))}
	b := c.text[v.lo:v.hi]
	if v.quote == 0 && k.quote != 0 {
		sp.quote, sp.slashes = k.quote, uint8(min(k.slashes, 63))
		if k.dashes || len(b) > 0 && !isDigit(b[0]) && b[0] != '-' {
			sp.quote = 0
		}
	}
	sp.noPrint = !highEntropy(b)
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
	case v.quote == 0 && sep != sepQuery && c.code(b, v, k):
		return "code"
	case sep == sepProse && !mixed(b) && v.quote == 0 && !numeral(b, k), sep == sepNear && v.quote == 0 && !standsOut(b, k):
		return "prose"
	case sep == sepTable && !mixed(b):
		return "a word in a table"
	case v.quote == 0 && sep == sepSign && k.noun.detector != detRecoveryPhrase && c.prose(b, v, k):
		return "prose"
	}
	if k.noun.detector == detPIN {
		return harmlessPIN(b)
	}
	switch k.strength {
	case strong:
		return harmlessStrong(b, k, v)
	case medium:
		return harmlessToken(b, v)
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

// harmlessStrong judges the value of a name that is a credential's for certain.
func harmlessStrong(b []byte, k *keyName, v value) string {
	if k.noun.detector == detPassword || k.noun.detector == detPasswordHash || k.noun.detector == detRecoveryPhrase || k.noun.detector == detOTPSeed {
		if v.quote == 0 && len(b) == 1 {
			return "one character"
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
	case words(b):
		return "words"
	}
	return ""
}

// tokenWords stand under "token" and the like and are none.
var tokenWords = wordSet(`bearer basic digest jwt none null access refresh access_token refresh_token id_token expired valid invalid missing required optional revoked
	active inactive enabled disabled default unknown public private session string bytes token secret password key true false oauth oauth2 saml mac api apikey api_key test csrftoken sessionid
	authorization signing encryption rotation custom manual auto auto_generated generated encrypted hashed plain present absent provided not_provided unset configured changed ok failed error`)

// placeholder reports whether b holds nothing: empty, masked by somebody, a variable.
func placeholder(b []byte) bool {
	b = trimSpace(b)
	if len(b) == 0 {
		return true
	}
	if maskRun(b) {
		return true
	}
	first, last := b[0], b[len(b)-1]
	switch {
	case len(b) > 2 && first == '<' && last == '>':
		return len(b) < 64 && !hasDigit(b)
	case len(b) > 2 && first == '[' && last == ']' && len(b) < 24:
		var low [24]byte
		return maskWords[string(lowered(low[:0], b[1:len(b)-1]))]
	case first == '$' && len(b) > 1:
		return b[1] == '{' || b[1] == '(' || upperName(b[1:])
	case first == '{' && last == '}':
		return len(b) < 40
	case first == '%':
		return len(b) <= 3 || b[1] == '(' || last == '%' && upperName(b[1:len(b)-1])
	}
	var low [32]byte
	if len(b) > len(low) {
		return false
	}
	return maskWords[string(lowered(low[:0], b))]
}

var maskWords = wordSet(`none null nil undefined nan n/a na redacted masked hidden filtered removed scrubbed sanitized censored suppressed omitted
	unset notset not-set empty blank secretstr <redacted> [filtered] [redacted] [masked] [hidden] [removed] (hidden) (redacted) xxx your_password your-password
	your_api_key your-api-key yourpassword *hidden* --redacted-- ***redacted*** __redacted__ protected required optional enabled disabled present absent missing sensitive private [secret] {redacted} obfuscated`)

// maskRun reports whether b is made of mask characters, with a few characters shown at one end at most.
func maskRun(b []byte) bool {
	first, n := utf8.DecodeRune(b)
	switch first {
	case '*', '•', '●', '█', '·', '∙', '▪', '■', '#', '_', '-', '.', '=', '?':
	case 'x', 'X':
		if len(b) < 3 {
			return false
		}
	default:
		if i := maskStart(b); i > 0 && i <= 4 {
			return maskRun(b[i:])
		}
		return false
	}
	i := n
	for i < len(b) {
		r, m := utf8.DecodeRune(b[i:])
		if r != first && r != '-' && r != ' ' {
			break
		}
		i += m
	}
	return i == len(b) || i >= 3*n && len(b)-i <= 4
}

// maskStart finds the first run of three mask characters in b.
func maskStart(b []byte) int {
	for i := 0; i+2 < len(b) && i < 8; i++ {
		if b[i] == '*' && b[i+1] == '*' && b[i+2] == '*' {
			return i
		}
	}
	return -1
}

func upperName(b []byte) bool {
	for _, x := range b {
		if !isUpper(x) && !isDigit(x) && x != '_' {
			return false
		}
	}
	return len(b) > 0
}

// halfOne reports whether half of b and more is one character in a row.
func halfOne(b []byte) bool {
	run, longest := 1, 1
	for i := 1; i < len(b); i++ {
		if b[i] == b[i-1] {
			run++
			longest = max(longest, run)
		} else {
			run = 1
		}
	}
	return longest >= 6 && longest*2 >= len(b)
}

// exampleLike reports whether b is a token of a manual: half of it one character, or words that say so.
func exampleLike(b []byte) bool {
	if halfOne(b) || indexFold(b, lettersLow) >= 0 {
		return true
	}
	for i := range b {
		for _, w := range exampleWords[b[i]|0x20] {
			if hasPrefixFold(b[i:], w) {
				return true
			}
		}
	}
	return false
}

// exampleWords are the words of manuals in the place of a token, by their first letter.
var exampleWords = func() (t [256][]string) {
	for _, w := range [...]string{"example", "your_", "your-", "yourtoken", "placeholder", "xxxxxxxx", "changeme", "change_me", "replace_me", "replaceme", "redacted", "not_real", "insert_", "token_here", "tokenhere", "key_here"} {
		t[w[0]] = append(t[w[0]], w)
	}
	return t
}()

// literal reports whether b is a truth value or nothing in some language.
func literal(b []byte) bool {
	if len(b) > 9 {
		return false
	}
	var low [9]byte
	switch string(lowered(low[:0], b)) {
	case "true", "false", "none", "null", "nil", "yes", "no", "on", "off", "undefined", "nan", "0", "1", "-", "ellipsis", "{}", "[]", "()":
		return true
	}
	return false
}

func typeName(b []byte) bool {
	switch string(b) {
	case "str", "string", "bytes", "SecretStr", "Optional[str]", "int", "bool", "CharField", "str,", "String", "dict", "list", "Any":
		return true
	}
	return len(b) > 2 && (b[0] == '<' && (hasPrefixFold(b, "<class") || hasPrefixFold(b, "<object") || hasPrefixFold(b, "<function") || hasPrefixFold(b, "<bound")) ||
		hasPrefixFold(b, "typing.") || hasPrefixFold(b, "secretstr("))
}

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

var proseWords = wordSet(`must is was are were be has have had not no and or for from in on at to the a an this that it its should shall can cannot could would will may might expired expires invalid incorrect
	required missing changed reset updated rotated failed denied rejected accepted ok okay valid wrong empty unknown found refreshed revoked issued created deleted generated sent received
	mismatch unauthorized forbidden error optional enabled disabled success successful successfully please field value format too needs need cannot check verified verification authentication
	using with without by via when if then than as of but because after before into only set unset present absent configured loaded set_by stored encrypted hashed saved cleared removed`)

// numeral reports whether b is a code or a password made of digits.
func numeral(b []byte, k *keyName) bool {
	return allDigits(b) && (k.noun.detector == detPIN && len(b) >= 4 || k.noun.detector == detPassword && len(b) >= 6)
}

// standsOut reports whether b, which only follows a credential's name, is one by its own look.
func standsOut(b []byte, k *keyName) bool {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == '=' && b[i+1] != '=' {
			return false // the next pair of a name and a value
		}
	}
	if k.noun.detector == detPassword && k.strength == strong {
		return len(b) >= 8 && mixed(b) && hasDigit(b) && !dotted(b) && !plainURL(b) && !plainPath(b) && !uuidLike(b) && !dateLike(b)
	}
	return secretLike(b) && hasDigit(b)
}

// secretLike reports whether b by itself looks made by a generator: long enough, of mixed classes,
// and none of the things that look so and are public.
func secretLike(b []byte) bool {
	return len(b) >= 12 && mixed(b) && !expression(b) && !uuidLike(b) && !plainURL(b) && !plainPath(b) && !dateLike(b) && !arn(b) && !dotted(b) && entropy(b) >= 2.8 && noSpace(b)
}

// expression reports whether b holds a bracket or a pair of a name and a value, which a token does not.
func expression(b []byte) bool {
	for i, x := range b {
		if x == '{' || x == '(' || x == '[' || x == '=' && i+1 < len(b) && b[i+1] != '=' && i > 0 && b[i-1] != '=' {
			return true
		}
	}
	return false
}

// highEntropy reports whether b cannot be guessed, so that a keyed hash of it tells nobody anything.
func highEntropy(b []byte) bool { return len(b) >= 16 && mixed(b) && entropy(b) >= 3.0 && noSpace(b) }

// mixed reports whether b has letters and digits, or a letter and two signs.
func mixed(b []byte) bool {
	if len(b) < 6 {
		return false
	}
	letters, digits, signs, upper, lower := 0, 0, 0, 0, 0
	for _, x := range b {
		switch {
		case isUpper(x):
			letters, upper = letters+1, upper+1
		case isLower(x):
			letters, lower = letters+1, lower+1
		case isDigit(x):
			digits++
		case x > ' ' && x != '.' && x != ',' && x != ':' && x != '-' && x != '_' && x != '/':
			signs++
		}
	}
	return letters > 0 && (digits > 0 || signs > 1) || upper > 2 && lower > 2 && len(b) >= 12 && upper*4 > len(b) && !words(b)
}

// mixedRun is mixed for a text that may be short.
func mixedRun(b []byte) bool { return len(b) >= 8 && hasDigit(b) && hasLetter(b) && noSpace(b) }

// entropy is Shannon's, in bits a byte.
func entropy(b []byte) float64 {
	if len(b) == 0 {
		return 0
	}
	var count [256]uint16
	b = b[:min(len(b), maxEntropy)]
	for _, x := range b {
		count[x]++
	}
	// the sum of k log k over the counts, each byte's class taken once
	sum := 0.0
	for _, x := range b {
		if k := count[x]; k > 0 {
			sum += xlogx[k]
			count[x] = 0
		}
	}
	return (xlogx[len(b)] - sum) / float64(len(b))
}

const maxEntropy = 512

// xlogx[k] is k times the binary logarithm of k.
var xlogx = func() (t [maxEntropy + 1]float64) {
	for k := 2; k <= maxEntropy; k++ {
		t[k] = float64(k) * math.Log2(float64(k))
	}
	return t
}()

// words reports whether b is made of small words joined by signs, as names and slugs are.
func words(b []byte) bool {
	if len(b) > 64 {
		return false
	}
	run, vowels := 0, 0
	for i, x := range b {
		switch {
		case isLower(x) || isUpper(x) && i == 0:
			run++
			if x == 'a' || x == 'e' || x == 'i' || x == 'o' || x == 'u' || x == 'y' {
				vowels++
			}
		case x == '_' || x == '-' || x == '.' || x == '/' || x == ' ' || x == ':':
			run = 0
		default:
			return false
		}
		if run > 14 {
			return false
		}
	}
	return vowels*5 >= len(b)
}

// dotted reports whether b is a dotted name of code: accounts.User, settings.SECRET_KEY.
func dotted(b []byte) bool {
	dots, run := 0, 0
	for _, x := range b {
		switch {
		case x == '.':
			if run == 0 {
				return false
			}
			dots, run = dots+1, 0
		case isLetter(x) || x == '_' || isDigit(x) && run > 0 && !hasDigitHeavy(b):
			run++
		default:
			return false
		}
		if run > 40 {
			return false
		}
	}
	return dots > 0 && run > 1
}

func dots(b []byte) int {
	n := 0
	for _, x := range b {
		if x == '.' {
			n++
		}
	}
	return n
}

func hasDigitHeavy(b []byte) bool {
	n := 0
	for _, x := range b {
		if isDigit(x) {
			n++
		}
	}
	return n > 3
}

func arn(b []byte) bool { return hasPrefixFold(b, "arn:") || hasPrefixFold(b, "projects/") }

// plainPath reports whether b is a path of a file.
func plainPath(b []byte) bool {
	if len(b) < 3 {
		return false
	}
	rooted := b[0] == '/' && isAlnum(b[1]) || b[0] == '.' && (b[1] == '/' || b[1] == '.') || b[0] == '~' && b[1] == '/' || b[1] == ':' && (b[2] == '\\' || b[2] == '/')
	if !rooted {
		return false
	}
	slashes := 0
	for _, x := range b {
		switch {
		case x == '/' || x == '\\':
			slashes++
		case isAlnum(x) || x == '_' || x == '-' || x == '.' || x == ' ' || x == ':' || x == '~':
		default:
			return false
		}
	}
	return slashes >= 1 && (entropy(b) < 4.2 || slashes >= 3)
}

// plainURL reports whether b is a URL, whose secrets the scanner of URLs finds.
func plainURL(b []byte) bool {
	i := 0
	for i < len(b) && i < 24 && (isAlnum(b[i]) || b[i] == '+' || b[i] == '-' || b[i] == '.') {
		i++
	}
	return i > 1 && i+2 < len(b) && b[i] == ':' && b[i+1] == '/' && b[i+2] == '/'
}

func dateLike(b []byte) bool {
	return len(b) >= 8 && len(b) <= 35 && isDigit(b[0]) && isDigit(b[3]) && (b[4] == '-' || b[4] == '/') && isDigit(b[5]) && isDigit(b[6]) && (b[7] == '-' || b[7] == '/')
}

func uuidLike(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, x := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if x != '-' {
				return false
			}
		} else if hexDigit[x] > 15 {
			return false
		}
	}
	return true
}

// memorable reports whether b is worth remembering: found again elsewhere it can only be the same secret.
func memorable(b []byte) bool {
	if len(b) < minRemembered || len(b) > 256 || !noSpace(b) {
		return false
	}
	var classes uint8
	for _, x := range b {
		switch {
		case isUpper(x):
			classes |= 1
		case isLower(x):
			classes |= 2
		case isDigit(x):
			classes |= 4
		default:
			classes |= 8
		}
	}
	return bits.OnesCount8(classes) >= 2 && !uuidLike(b) && !dateLike(b) && !words(b) && entropy(b) >= 2.5
}

func allDigits(b []byte) bool {
	for _, x := range b {
		if !isDigit(x) {
			return false
		}
	}
	return len(b) > 0
}

func allLetters(b []byte) bool {
	for _, x := range b {
		if !isLetter(x) {
			return false
		}
	}
	return len(b) > 0
}

func hasDigit(b []byte) bool {
	for _, x := range b {
		if isDigit(x) {
			return true
		}
	}
	return false
}

func hasLetter(b []byte) bool {
	for _, x := range b {
		if isLetter(x) {
			return true
		}
	}
	return false
}

func snakeName(b []byte) bool {
	for _, x := range b {
		if !isLower(x) && x != '_' {
			return false
		}
	}
	return true
}

func noSpace(b []byte) bool {
	for _, x := range b {
		if isSpace(x) {
			return false
		}
	}
	return true
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func trimDots(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

// cleanName reduces a key's name to what may be published: identifier characters, 64 at most.
func cleanName(b []byte) []byte {
	clean := make([]byte, 0, 64)
	for _, x := range b {
		if len(clean) == 64 {
			break
		}
		if isAlnum(x) || x == '_' || x == '-' || x == '.' {
			clean = append(clean, x)
		} else if x == ' ' {
			clean = append(clean, '_')
		}
	}
	return clean
}
