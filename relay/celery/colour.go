package celery

// colours returns where the text begins and ends without the colour sequences (ECMA-48 SGR) that a formatter put
// around it, and without line ends.
func colours(b []byte) (start, end int) {
	end = len(b)
	for start < end {
		n := sgr(b[start:])
		if n == 0 {
			break
		}
		start += n
	}
	for end > start {
		if c := b[end-1]; c == '\n' || c == '\r' {
			end--
			continue
		}
		if n := sgrBefore(b[start:end]); n > 0 {
			end -= n
			continue
		}
		break
	}
	if start == end { // nothing else: leave it as it is
		return 0, len(b)
	}
	return start, end
}

// sgr returns the length of the sequence ESC [ digits ; m at the beginning of b, 0 for none.
func sgr(b []byte) int {
	if len(b) < 3 || b[0] != 0x1b || b[1] != '[' {
		return 0
	}
	for i := 2; i < len(b) && i < 24; i++ {
		switch c := b[i]; {
		case c == 'm':
			return i + 1
		case c >= '0' && c <= '9', c == ';', c == ':':
		default:
			return 0
		}
	}
	return 0
}

// sgrBefore returns the length of the sequence that ends b.
func sgrBefore(b []byte) int {
	if len(b) < 3 || b[len(b)-1] != 'm' {
		return 0
	}
	for i := len(b) - 2; i >= 0 && len(b)-i < 24; i-- {
		if b[i] == 0x1b {
			if sgr(b[i:]) == len(b)-i {
				return len(b) - i
			}
			return 0
		}
	}
	return 0
}
