package redact

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

// camelWords reports whether b is a name in capitals and small letters: DHPrivateKey, ParseResults.
func camelWords(b []byte) bool {
	vowels, start, pieces := 0, 0, 0
	for i, x := range b {
		if !isLetter(x) && x != '_' {
			return false
		}
		if isUpper(x) && i > 0 && isLower(b[i-1]) {
			if i-start < 3 {
				return false
			}
			start = i
			pieces++
		}
		switch x | 0x20 {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			vowels++
		}
	}
	return len(b) <= 48 && pieces > 0 && pieces*4 <= len(b) && vowels*5 >= len(b)
}

// wordlike reports whether the letters of b follow each other as they do in words: three of four pairs are among the 299 pairs that make
// up 94 % of the words of Go's and Python's source. Of generated strings of 16 letters 4 % pass, of 24 1.5 %; of words 96 %.
func wordlike(b []byte) bool {
	pairs, known := 0, 0
	for i := 1; i < len(b); i++ {
		if !isLetter(b[i]) || !isLetter(b[i-1]) || isUpper(b[i]) && isLower(b[i-1]) {
			continue
		}
		pairs++
		if commonPairs[b[i-1]|0x20-'a']>>(b[i]|0x20-'a')&1 != 0 {
			known++
		}
	}
	return pairs < 6 || known*4 >= pairs*3
}

// commonPairs[a] has a bit for each letter that follows a in words.
var commonPairs = [26]uint32{0x1febd6f, 0x1164917, 0x01eddbd, 0x016493f, 0x1eff97f, 0x01e493d, 0x01669d5, 0x01a4111, 0x2aef87f, 0x0000000, 0x0040111, 0x11ce919, 0x01cd91b,
	0x03ced7d, 0x07efd6f, 0x11ec995, 0x0100000, 0x13efd7f, 0x15efdf5, 0x11ed9bf, 0x00eb97f, 0x0000111, 0x0466111, 0x0088114, 0x00cb000, 0x0000010}

// titled reports whether b is a name of several words with numbers, as people number things: DOC_Vector_5_32, jjwt-jackson-0.11.2.
func titled(b []byte) bool {
	if len(b) > 64 {
		return false
	}
	pieces, longest, letters := 0, 0, 0
	for i := 0; i < len(b); {
		w := i
		i = run(b, i, isLetter)
		n := i - w
		d := i
		i = run(b, i, isDigit)
		if i == w || i-d > 5 || i < len(b) && b[i] != '_' && b[i] != '-' && b[i] != '.' && b[i] != '/' {
			return false
		}
		pieces, longest, letters = pieces+1, max(longest, n), letters+n
		if i < len(b) {
			i++
		}
	}
	return pieces > 1 && longest >= 4 && longest <= 20 && letters*2 >= len(b) && wordlike(b)
}

// released reports whether b is the name of a package with its version: jjwt-jackson-0.11.2.
func released(b []byte) bool {
	i := run(b, 0, func(x byte) bool { return isLower(x) || x == '-' || x == '_' })
	dots := 0
	for j := i; j < len(b); j++ {
		if b[j] == '.' && j > i {
			dots++
		} else if !isDigit(b[j]) {
			return false
		}
	}
	return i > 3 && dots > 0 && dots < 4 && b[i-1] == '-'
}

// comparison reports whether b is code that compares: default_rc==0. Base64 has its two signs at the end.
func comparison(b []byte) bool {
	for i := 1; i+2 < len(b); i++ {
		if b[i] == '=' && b[i+1] == '=' && b[i+2] != '=' && (isAlnum(b[i-1]) || b[i-1] == '_') {
			return true
		}
	}
	return false
}

// markup reports whether b is the beginning of an XML element, or of a further pair, whose own quotes end the value.
func markup(b []byte) bool {
	if len(b) > 2 && b[0] == '<' && isLetter(b[1]) {
		return hasByte(b, ' ') && hasByte(b, '=')
	}
	b = trimSpace(b)
	i := run(b, 0, func(x byte) bool { return isToken(x) || x == '.' })
	return i > 0 && i+1 < len(b) && b[i] == ' ' && b[len(b)-1] == '=' && len(trimSpace(b[i:len(b)-1])) == 0
}
