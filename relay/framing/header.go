package framing

// sniffLen is enough of a line to tell its form: PRI, version, the longest time stamp and
// the beginning of a host name.
const sniffLen = 5 + 4 + 36 + 64

// sniff tells the form of a line. line may be cut behind sniffLen bytes.
func sniff(line []byte) form {
	n := priLen(line)
	if n <= 0 {
		return form{}
	}
	rest := line[n:]
	if v := versionLen(rest); v > 0 {
		if stamp, m := isoShape(rest[v:]); m > 0 {
			return form{rfc5424, stamp, hostHash(rest[v+m:])}
		}
	}
	if stamp, m := isoShape(rest); m > 0 && stamp > 0 {
		return form{rfc3164, stamp, hostHash(rest[m:])}
	}
	if stamp, m := bsdShape(rest); m > 0 {
		return form{rfc3164, stamp, hostHash(rest[m:])}
	}
	return form{class: bare}
}

// priLen returns the length of the PRI that b begins with: 0 when there is none, -1 when b is
// too short to tell.
func priLen(b []byte) int {
	if len(b) == 0 {
		return -1
	}
	if b[0] != '<' {
		return 0
	}
	for i := 1; i < len(b) && i < 5; i++ {
		switch c := b[i]; {
		case c == '>' && i > 1:
			return i + 1
		case c < '0' || c > '9' || i == 4:
			return 0
		}
	}
	return -1
}

// versionLen returns the length of the VERSION SP of RFC 5424 §6.2.2, or 0.
func versionLen(b []byte) int {
	for i := 0; i < len(b) && i < 4; i++ {
		switch c := b[i]; {
		case c == ' ' && i > 0:
			return i + 1
		case c < '0' || c > '9' || i == 0 && c == '0' || i == 3:
			return 0
		}
	}
	return 0
}

// isoShape tells the shape of an RFC 3339 time stamp or NIL with the SP behind it, and its length or 0.
// The shape counts the digits of the fraction and says whether the zone is a letter; NIL is 0.
func isoShape(b []byte) (shape uint8, n int) {
	if len(b) > 1 && b[0] == '-' && b[1] == ' ' {
		return 0, 2
	}
	if len(b) < 20 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, 0
	}
	i := 19
	if b[i] == '.' {
		for i++; i < len(b) && isDigit(b[i]) && i < 31; i++ {
		}
	}
	shape = uint8(i-19)<<1 | 1
	if i < len(b) && b[i] == 'Z' {
		i, shape = i+1, shape+1
	} else {
		i += len("+00:00")
	}
	if i >= len(b) || b[i] != ' ' {
		return 0, 0
	}
	return shape, i + 1
}

// bsdShape tells the shape of a "Mmm dd hh:mm:ss " that b begins with, with a fraction or without, and its length or 0.
// The shape is beyond those of isoShape.
func bsdShape(b []byte) (shape uint8, n int) {
	const pattern = "Aaa _9 99:99:99"
	if len(b) <= len(pattern) {
		return 0, 0
	}
	for i, want := range []byte(pattern) {
		if !fits(b[i], want) {
			return 0, 0
		}
	}
	i := len(pattern)
	if b[i] == '.' {
		for i++; i < len(b) && isDigit(b[i]) && i < len(pattern)+13; i++ {
		}
	}
	if i >= len(b) || b[i] != ' ' {
		return 0, 0
	}
	return 32 + uint8(i-len(pattern)), i + 1
}

// fits reports whether c can stand where a pattern has want: a letter, a digit, '_' for a digit or SP, or itself.
func fits(c, want byte) bool {
	switch want {
	case 'A':
		return 'A' <= c && c <= 'Z'
	case 'a':
		return 'a' <= c && c <= 'z'
	case '9':
		return isDigit(c)
	case '_':
		return c == ' ' || isDigit(c)
	}
	return c == want
}

// hostHash is FNV-1a of the word that b begins with.
func hostHash(b []byte) uint32 {
	h := uint32(2166136261)
	for i := 0; i < len(b) && i < 64 && b[i] > ' '; i++ {
		h = (h ^ uint32(b[i])) * 16777619
	}
	return h
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
