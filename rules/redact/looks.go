package redact

import (
	"math"
	"math/bits"
)

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

// pairLike reports whether b is a pair of logfmt: status=200.
func pairLike(b []byte) bool {
	i := run(b, 0, func(x byte) bool { return isLower(x) || x == '_' })
	return i > 1 && i+1 < len(b) && b[i] == '=' && b[i+1] != '='
}

// secretLike reports whether b by itself looks made by a generator: long enough, of mixed classes,
// and none of the things that look so and are public.
func secretLike(b []byte) bool {
	return len(b) >= 12 && mixed(b) && !expression(b) && !uuidLike(b) && !plainURL(b) && !plainPath(b) && !dateLike(b) && !arn(b) && !dotted(b) && !titled(b) && entropy(b) >= 2.8 && noSpace(b)
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
