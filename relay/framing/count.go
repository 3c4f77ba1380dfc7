package framing

// verdict is what the beginning of a frame was taken for.
type verdict uint8

const (
	unknown  verdict = iota // too little has come to tell
	counted                 // an octet count
	text                    // no count: the frame ends at a delimiter
	badCount                // meant as a count, but not a valid one
	nothing                 // a count of zero
)

// maxCountDigits bounds a count; it keeps the arithmetic far from overflow.
const maxCountDigits = 9

// count reads the MSG-LEN SP of RFC 6587 §3.4.1 that b begins with: its value and how many
// bytes it takes. It leaves to the caller whether digits and a SP before text are meant as a count.
func count(b []byte, limit int) (n, size int, v verdict) {
	i := 0
	for i < len(b) && isDigit(b[i]) && i <= maxCountDigits {
		n = n*10 + int(b[i]-'0')
		i++
	}
	switch {
	case i == len(b) && i <= maxCountDigits:
		return 0, 0, unknown
	case i == 0:
		return 0, 0, sign(b)
	case i > maxCountDigits:
		return 0, 0, long(b)
	case b[i] == '<':
		return 0, 0, badCount
	case b[i] != ' ':
		return 0, 0, text
	case n == 0:
		return 0, i + 1, nothing
	case n > limit:
		return 0, 0, badCount
	}
	return n, i + 1, counted
}

// long tells a count of too many digits from text that begins with digits.
func long(b []byte) verdict {
	for i, c := range b {
		switch {
		case i > 64:
			return text
		case c == ' ' || c == '<':
			return badCount
		case !isDigit(c):
			return text
		}
	}
	return unknown
}

// sign tells a signed count before a PRI from text.
func sign(b []byte) verdict {
	if b[0] != '-' && b[0] != '+' {
		return text
	}
	i := 1
	for i < len(b) && i < 32 && isDigit(b[i]) {
		i++
	}
	switch {
	case i == len(b):
		return unknown
	case i > 1 && (b[i] == ' ' || b[i] == '<'):
		return badCount
	}
	return text
}

// countBefore returns where the octet count begins that stands directly before b[i], a '<' that begins a
// PRI, or -1: the place where a stream that lost step can be taken up again.
func countBefore(b []byte, i int) int {
	if i < 2 || b[i-1] != ' ' || priLen(b[i:]) == 0 {
		return -1
	}
	start := i - 1
	for start > 0 && isDigit(b[start-1]) && i-start <= maxCountDigits {
		start--
	}
	if start == i-1 || start > 0 && (isDigit(b[start-1]) || b[start-1] == '-' || b[start-1] == '+') {
		return -1 // none, too long or signed
	}
	return start
}
