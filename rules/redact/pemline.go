package redact

// keyPiece reports whether the run of base64 at [lo,hi) is a piece of the key that is open. hidden says that one stands before it in the same
// record. After a record of something else more is asked for: a run that ends its line, and letters of every kind.
func (s *carry) keyPiece(text []byte, lo, hi int, hidden bool) bool {
	b := text[lo:hi]
	if lo > 0 && (text[lo-1] == '-' || text[lo-1] == '.' || text[lo-1] == '/') || uuidLike(b) {
		return false
	}
	ends := hi == len(text) || lineBreak(text[hi:min(len(text), hi+16)]) > 0
	if len(b) >= 40 {
		return keyLetters(b) && !deepPath(b) && (s.misses == 0 || ends || isQuote(text[hi]))
	}
	switch starts := startsLine(text, lo); {
	case !ends || len(b) < 4 || s.misses > 0 && !starts:
		return false
	case b[len(b)-1] == '=' || hidden || lo == 0 && len(b) >= 8 && s.misses == 0:
		return true
	case !s.hid || hi < len(text):
		return false
	case starts && s.misses == 0:
		return mixedLine(b)
	}
	return keyLetters(b) && hasDigit(b)
}

// startsLine reports whether a line starts at i, or what follows the head of a record of Celery.
func startsLine(text []byte, i int) bool {
	switch {
	case i == 0 || text[i-1] == '\n':
		return true
	case text[i-1] == 'n' && slashesBefore(text, i-1) > 0:
		return true
	case i > 1 && text[i-1] == ' ' && text[i-2] == ']':
		return true
	}
	return i >= 4 && lineBreak(text[i-4:i]) == 4
}

// keyLetters reports whether b has capitals and small letters, as a digest and most words have not.
func keyLetters(b []byte) bool {
	var upper, lower bool
	for _, x := range b {
		upper, lower = upper || isUpper(x), lower || isLower(x)
	}
	return upper && lower
}

// mixedLine reports whether b has letters of two kinds, as the short last line of a key has.
func mixedLine(b []byte) bool {
	return keyLetters(b) || hasLetter(b) && !allLetters(b)
}

// deepPath reports whether b is a path of a file that could be a line of base64.
func deepPath(b []byte) bool {
	slashes := 0
	for _, x := range b {
		if x == '/' {
			slashes++
		}
	}
	return b[0] == '/' && slashes >= 3 && entropy(b) < 4.7
}
