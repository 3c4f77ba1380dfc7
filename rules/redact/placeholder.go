package redact

import "unicode/utf8"

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
	if maskRun(b) || maskTail(b) || len(b) > 2 && isLetter(b[0]) && run(b, 0, func(x byte) bool { return x == b[0] }) == len(b) {
		return true
	}
	first, last := b[0], b[len(b)-1]
	switch {
	case len(b) > 2 && first == '<' && last == '>':
		return len(b) < 64 && !hasDigit(b)
	case len(b) > 2 && first == '[' && last == ']' && len(b) < 24:
		var low [24]byte
		return maskWords[string(lowered(low[:0], b[1:len(b)-1]))] || upperName(b[1:len(b)-1]) && !hasDigit(b)
	case first == '$' && len(b) > 1:
		return b[1] == '{' || b[1] == '(' || upperName(b[1:])
	case first == '{' && last == '}':
		return len(b) < 40 && !mixed(b[1:len(b)-1])
	case first == '%':
		return len(b) <= 3 || b[1] == '(' || last == '%' && run(b, 1, func(x byte) bool { return isLetter(x) || x == '_' }) == len(b)-1
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

// maskTail reports whether the second half of b is masked: xoxp-572370529330-####################.
func maskTail(b []byte) bool {
	last := b[len(b)-1]
	if last != '*' && last != '#' {
		return false
	}
	n := 0
	for n < len(b) && b[len(b)-1-n] == last {
		n++
	}
	return n >= 8 && n*3 >= len(b)
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
		if b[i] == b[i-1] && b[i] != '\\' {
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
