package redact

// valueMember reports whether the dict that opens before p begins with a member that is only a value:
// {"value": …}, DynamoDB's {"S": …}.
func (c *scan) valueMember(p int) bool {
	v, ok := c.quotedValue(p)
	if !ok {
		return false
	}
	switch b := c.text[v.lo:v.hi]; string(b) {
	case "S", "old", "new", "previous", "plain", "plaintext", "raw", "text", "confirm":
		return true
	default:
		return valueWord(b)
	}
}

// container hides the strings in a list, tuple or set under a credential's name.
func (c *scan) container(k *keyName, p int) bool {
	plural := k.strength == strong || k.strength == medium
	tuple := k.noun.text == "auth" && c.text[p] != '{'
	if !plural && !tuple || c.text[p] == '{' && !hasSuffixFold(c.text[k.lo:k.hi], "s") && !c.valueMember(p+1) {
		return false
	}
	if tuple { // auth=('user', 'password')
		pair := *k
		pair.strength = strong
		k = &pair
	}
	i, end, count := p+1, min(len(c.text), p+4096), 0
	for i < end && count < 64 {
		switch b := c.text[i]; {
		case b == ' ' || b == ',' || b == '\n':
			i++
		case isQuote(b) || b == '\\' || (b == 'b' || b == 'u') && c.quotedAt(i):
			v, ok := c.quotedValue(i)
			if !ok {
				return count > 0
			}
			next := v.hi + v.slashes + 1
			for next < end && c.text[next] == ' ' {
				next++
			}
			if next+2 < end && c.text[next] == ':' { // a member: what its own name says
				for next++; next < end && c.text[next] == ' '; next++ {
				}
				if v, ok = c.quotedValue(next); !ok {
					return count > 0
				}
				next = v.hi + v.slashes + 1
			}
			if !tuple || count == 1 {
				c.judge(k, v, sepSign)
			}
			count++
			i = next
		case isDigit(b):
			v := c.bareValue(i, k, sepSign)
			if v.hi <= i {
				return count > 0
			}
			if k.noun.detector == detPIN {
				c.judge(k, v, sepSign)
			}
			count++
			i = v.hi
		default:
			return count > 0
		}
	}
	return count > 0
}
