package redact

// keyName returns the name of k as it may be published. A sender can write anything into a name: one that
// could hold a value itself is cut down to the word of ours that it ends with.
func (c *scan) keyName(k *keyName) string {
	if name := c.text[k.lo:k.hi]; ordinaryName(name) {
		return c.s.name(cleanName(name))
	}
	return c.s.name(cleanName([]byte(k.noun.text)))
}

// ordinaryName reports whether b is a name as people give them: short, of words, with few digits.
func ordinaryName(b []byte) bool {
	return len(b) <= 48 && digits(b) <= 3 && !highEntropy(b)
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

// cookieName is keyName for a cookie's.
func (c *scan) cookieName(name []byte) string {
	if ordinaryName(name) {
		return c.s.name(cleanName(name))
	}
	return "cookie"
}
