package redact

// pem finds a private key in its frame, "-----BEGIN … PRIVATE KEY-----", however the lines are
// joined: real line ends, the escapes of a string at any depth, #012, spaces, nothing. The body goes, the frame
// stays. A key that is cut is hidden up to the cut and, by Scratch, in the records that follow.
func (c *scan) pem(start, end int) {
	label, ok := c.pemLabel(end)
	if !ok {
		return
	}
	lo := c.skipBreaks(label)
	if hasPrefixFold(c.text[lo:], "end ") {
		return // nothing stands between the lines of the frame
	}
	hi, closed := c.pemBody(lo)
	if c.depth == 0 || !closed {
		c.s.carry.open(closed, hi >= len(c.text)-1)
	}
	c.s.charge(hi - start)
	if closed && hi-lo < 24 && words(c.text[lo:hi]) && wordlike(c.text[lo:hi]) {
		return // "…"
	}
	if hi > lo {
		c.emit(span{det: detPrivateKey, layer: Shape, rule: "frame"}, lo, hi)
	}
}

// pemLabel reads the label of a frame line at i and returns where the line ends, if it is of a private key.
func (c *scan) pemLabel(i int) (int, bool) {
	stop := min(len(c.text), i+80)
	lo := i
	for i < stop && c.text[i] != '-' {
		if lineBreak(c.text[i:stop]) > 0 {
			return 0, false
		}
		i++
	}
	if i == stop || indexFold(c.text[lo:i], "private") < 0 && indexFold(c.text[lo:i], "encrypted") < 0 {
		return 0, false
	}
	for i < len(c.text) && c.text[i] == '-' {
		i++
	}
	return i, true
}

// skipBreaks steps over spaces and line ends.
func (c *scan) skipBreaks(i int) int {
	for i < len(c.text) {
		if n := lineBreak(c.text[i:min(len(c.text), i+16)]); n > 0 {
			i += n
		} else if isSpace(c.text[i]) {
			i++
		} else {
			break
		}
	}
	return i
}

// pemBody returns where the body that starts at lo ends, without trailing line ends, and
// whether an end line closes it.
func (c *scan) pemBody(lo int) (int, bool) {
	i, last, line := lo, lo, lo
	for i < len(c.text) {
		rest := c.text[i:min(len(c.text), i+16)]
		if n := lineBreak(rest); n > 0 {
			i += n
			line = i
			continue
		}
		switch b := c.text[i]; {
		case b == '-' && i+4 < len(c.text) && string(c.text[i:i+4]) == "----":
			return last, true
		case isB64(b) || b == '=':
			i++
			last = i
		case b == ' ' || b == '\t' || b == '"' && joint(c.text, i) || b == '\'' && joint(c.text, i) || b == ',' && joint(c.text, i):
			i++
		case b == ':' || b == ',' || b == '(' || b == ')' || b == '.' || b == '@' || b == '<' || b == '>':
			if !c.pemHeader(line, i) {
				return last, false
			}
			i++
			last = i
		case b == '\\' && i+1 < len(c.text) && c.text[i+1] == '/': // JSON may write a slash so
			i += 2
			last = i
		default:
			return last, false
		}
	}
	return last, false
}

// joint reports whether the quote or comma at i joins the pieces of one literal: 'abc\n' 'def'.
func joint(t []byte, i int) bool {
	j := i + 1
	for j < len(t) && j-i < 24 && (t[j] == ' ' || t[j] == '\n' || t[j] == ',' || t[j] == '"' || t[j] == '\'') {
		j++
	}
	n := 0
	for j+n < len(t) && n < 24 && isB64(t[j+n]) {
		n++
	}
	return j-i > 1 && n >= 24 || j+3 < len(t) && j-i > 1 && t[j] == '-' && t[j+1] == '-' && t[j+2] == '-'
}

// pemHeader reports whether the line from lo is a header of an encrypted key: "Proc-Type: 4,ENCRYPTED".
func (c *scan) pemHeader(lo, at int) bool {
	line := c.text[lo:min(len(c.text), max(at, lo+1))]
	for _, h := range [...]string{"proc-type", "dek-info", "comment", "version", "subject", "hash", "charset", "key-", "encryption"} {
		if hasPrefixFold(c.text[lo:], h) {
			return len(line) < 200
		}
	}
	return false
}

// pemTail finds the end of a key whose beginning is not in this text.
func (c *scan) pemTail(start, end int) {
	if _, ok := c.pemLabel(end); !ok {
		return
	}
	hi := start
	for hi > 0 {
		if isSpace(c.text[hi-1]) {
			hi--
		} else if (c.text[hi-1] == 'n' || c.text[hi-1] == 'r') && slashesBefore(c.text, hi-1) > 0 {
			hi -= 1 + slashesBefore(c.text, hi-1)
		} else if hi >= 4 && lineBreak(c.text[hi-4:hi]) == 4 {
			hi -= 4
		} else {
			break
		}
	}
	lo := hi
	for lo > 0 {
		b := c.text[lo-1]
		if !isStdB64(b) && b != '=' && b != '\n' && b != '\r' && b != '\\' && !(b == '#' && lineBreak(c.text[lo-1:min(len(c.text), lo+3)]) == 4) && !(b == ' ' && lo >= 2 && isStdB64(c.text[lo-2]) && blockBefore(c.text, lo-1)) {
			break
		}
		lo--
	}
	c.s.charge(hi - lo)
	lo = c.skipBreaks(lo)
	if hi-lo >= 16 {
		c.emit(span{det: detPrivateKey, layer: Shape, rule: "tail"}, lo, hi)
	}
	c.s.carry.closePEM()
}

func isStdB64(b byte) bool { return isAlnum(b) || b == '+' || b == '/' }

// blockBefore reports whether a run of at least 40 base64 characters ends at i.
func blockBefore(t []byte, i int) bool {
	n := 0
	for i-n > 0 && n < 40 && isStdB64(t[i-n-1]) {
		n++
	}
	return n >= 40
}

// bareKey finds a DER or OpenSSH private key in base64 without its frame, by the bytes that each begins with.
func (c *scan) bareKey(start, _ int) {
	if start > 0 && isB64(c.text[start-1]) && !c.escapeEnds(start) {
		return
	}
	t := c.text[start:]
	known := false
	for _, head := range [...]string{"MIIEvQIBADANBg", "MIIEvAIBADANBg", "MIIEvgIBADANBg", "MIIEuwIBADANBg", "MIIJQgIBADANBg", "MIIJQwIBADANBg", "MIIJRAIBADANBg", "MIIJQQIBADANBg", "MIICdgIBADANBg", "MIICdwIBADANBg", "MIICeAIBADANBg",
		"MIIEpAIBAAKCAQEA", "MIIEowIBAAKCAQEA", "MIIEogIBAAKCAQEA", "MIIEpQIBAAKCAQEA", "MIIJKQIBAAKCAgEA", "MIIJKAIBAAKCAgEA", "MIIJJwIBAAKCAgEA", "MIIJKgIBAAKCAgEA", "MIICXQIBAAKBgQ", "MIICXAIBAAKBgQ", "MIICXgIBAAKBgQ", "MIICWwIBAAKBgQ", "MIIG4wIBAAKCAYEA", "MIIG5AIBAAKCAYEA", "MIIG5QIBAAKCAYEA", "MIGHAgEAMBMGByqGSM49", "MIHuAgEAMBAGByqGSM49", "MIGTAgEAMBMGByqGSM49", "MHcCAQEEI", "MC4CAQAwBQYDK2Vw", "MHQCAQEEI", "b3BlbnNzaC1rZXktdjE", "MIIFDjBABgkqhkiG9w0BBQ0"} {
		if len(t) >= len(head) && string(t[:len(head)]) == head {
			known = true
			break
		}
	}
	if !known {
		return
	}
	hi, _ := c.pemBody(start)
	if hi-start >= 40 {
		c.s.charge(hi - start)
		c.emit(span{det: detPrivateKey, layer: Shape, rule: "der"}, start, hi)
	}
}
