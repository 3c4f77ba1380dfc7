package redact

import "encoding/base64"

// ownForms are the shapes that have a word to set them off and a scanner written by hand.

func ownForms() []form {
	return []form{
		{"[redacted:", (*scan).mark},
		{"://", (*scan).url},
		{"@", (*scan).at},
		{"-----begin ---- begin", (*scan).pem},
		{"-----end ---- end", (*scan).pemTail},
		{"eyj", (*scan).jwt},
		{"bearer", (*scan).bearer},
		{"auth_plain", (*scan).saslPlain},
		{"basic", (*scan).basic},
		{"$2a$ $2b$ $2y$ $2x$ $argon2 pbkdf2 $6$ $5$ $1$ $y$ $7$ $apr1$ $p$ $h$ {ssha {sha {md5} {crypt} {pbkdf2 scrypt: scrypt$ scram-sha- sha1$ sha256$ sha512$ md5$ $sha1$ $shiro1$ $bcrypt-", (*scan).passwordHash},
		{"hooks.slack.com/ discord.com/api/webhooks/ discordapp.com/api/webhooks/ webhook.office.com/webhookb2/ api.telegram.org/bot hooks.zapier.com/ maker.ifttt.com/ chat.googleapis.com/v1/spaces/ outlook.office.com/webhook/ open.feishu.cn/open-apis/bot/ oapi.dingtalk.com/robot/ logic.azure.com hook.make.com/ hook.eu1.make.com/ hook.us1.make.com/", (*scan).webhook},
		{"mysql mysqldump mysqladmin mariadb sshpass curl redis-cli ldapsearch ldapmodify docker 7z zip", (*scan).command},
		{"jdbc:oracle:thin: sqlplus", (*scan).oracle},
		{"basicauth( digestauth( proxyauth( ntlmauth( .login( authenticate(", (*scan).loginCall},
		{"miie mhcc mc4caq b3blbnnzac mhqcaqee mihuagea miid mihcagea miig miij miic", (*scan).bareKey},
		{"login_from logged_in_from request_from sign-in_from signin_from access_from attempt_from attempts_from connection_from accepted_from client", (*scan).clientIP},
		{"kty", (*scan).jwk},
		{"kind", (*scan).manifest},
		{"values_( values(", (*scan).insertValues},
		{"[parameters:", (*scan).parameters},
		{"arguments:", (*scan).arguments},
	}
}

// mark steps over a mark of our own form, and relabels one that is not: nothing from the wire may
// look like our word without being exactly it.
func (c *scan) mark(start, end int) {
	if string(c.text[start:end]) != markOpen {
		return
	}
	if n := c.r.markLen(c.text[start:]); n > 0 {
		c.markEnd = start + n
		lo, hi := c.v.origin(start, start+n)
		c.s.marks = append(c.s.marks, element{lo, hi})
		return
	}
	c.emit(span{det: detForeignMark, layer: Shape, rule: "foreign-mark", noPrint: true, relabel: true}, start+1, start+1+len(markWord))
}

// jwt finds JSON web tokens; a cut one too.
func (c *scan) jwt(start, _ int) {
	if string(c.text[start:start+3]) != "eyJ" || start > 0 && isToken(c.text[start-1]) && !c.escapeEnds(start) {
		return
	}
	t := c.text
	h := run(t, start, isB64URL)
	if h-start < 12 {
		return
	}
	if h >= len(t) || t[h] != '.' || h+1 >= len(t) || !isB64URL(t[h+1]) {
		if c.cutAt(h) && headerJSON(t[start:h]) {
			c.emit(span{det: detJWT, layer: Shape, rule: "cut-token"}, start, h)
		}
		return
	}
	if !headerJSON(t[start:h]) {
		return
	}
	end := run(t, h+1, isB64URL)
	if end-h < 5 {
		return
	}
	for range 3 {
		if end+1 < len(t) && t[end] == '.' && isB64URL(t[end+1]) {
			end = run(t, end+1, isB64URL)
		}
	}
	c.s.charge(end - start)
	c.emit(span{det: detJWT, layer: Shape, rule: "token"}, start, end)
}

// headerJSON reports whether b is base64 of what can be the header of a token.
func headerJSON(b []byte) bool {
	var raw [192]byte
	n := min(len(b), 256) &^ 3
	m, err := base64.RawURLEncoding.Decode(raw[:], b[:n])
	if err != nil || m < 8 {
		return false
	}
	return indexFold(raw[:m], `"`) >= 0 && (indexFold(raw[:m], `"alg"`) >= 0 || indexFold(raw[:m], `"typ"`) >= 0 || indexFold(raw[:m], `"enc"`) >= 0 || indexFold(raw[:m], `"kid"`) >= 0 || m >= 48)
}

// cutAt reports whether the text ends at i, or is cut there by dots.
func (c *scan) cutAt(i int) bool {
	return i >= len(c.text) || c.text[i] == '.' && (i+1 >= len(c.text) || c.text[i+1] == '.') || c.text[i] >= 0x80
}

// escapeEnds reports whether an escape ends right before i, so that a word may begin there: \n, %3D, \u003d, #012.
func (c *scan) escapeEnds(i int) bool {
	t := c.text
	switch {
	case i >= 2 && isLetter(t[i-1]) && escapedLetter(t, i-1):
		return true
	case i >= 3 && t[i-3] == '%' && hexDigit[t[i-2]] < 16 && hexDigit[t[i-1]] < 16:
		return true
	case i >= 4 && (t[i-4] == '#' || t[i-4] == '\\' && t[i-3] == 'x') && hexDigit[t[i-2]] < 16 && hexDigit[t[i-1]] < 16:
		return true
	case i >= 6 && t[i-6] == '\\' && t[i-5] == 'u':
		return true
	}
	return false
}

// run returns where the run of bytes of kind ok that starts at i ends.
func run(t []byte, i int, ok func(byte) bool) int {
	for i < len(t) && ok(t[i]) {
		i++
	}
	return i
}

func isB64URL(b byte) bool { return isAlnum(b) || b == '-' || b == '_' }
func isToken(b byte) bool  { return isAlnum(b) || b == '_' || b == '-' }

// isBearer is the token68 of RFC 7235 §2.1.
func isBearer(b byte) bool {
	return isAlnum(b) || b == '-' || b == '.' || b == '_' || b == '~' || b == '+' || b == '/'
}

// bearer finds "Bearer <token>" wherever it stands.
func (c *scan) bearer(start, end int) {
	if start > 0 && isToken(c.text[start-1]) && !c.escapeEnds(start) {
		return
	}
	i := end
	for i < len(c.text) && i-end < 8 && (c.text[i] == ' ' || c.text[i] == '+' || c.text[i] == ':') {
		i++
	}
	if i == end || i >= len(c.text) || !isAlnum(c.text[i]) {
		return
	}
	hi := run(c.text, i, isBearer)
	for hi < len(c.text) && c.text[hi] == '=' {
		hi++
	}
	b := trimDots(c.text[i:hi])
	c.s.charge(len(b))
	if len(b) < 8 && !(len(b) >= 4 && c.cutAt(i+len(b))) || words(b) || !mixedRun(b) && len(b) < 20 {
		c.left(detBearer, Shape, i, i+len(b), "a word, not a token")
		return
	}
	c.emit(span{det: detBearer, layer: Shape, rule: "bearer", noPrint: !highEntropy(b), remember: memorable(b)}, i, i+len(b))
}

// saslPlain finds the initial response of SMTP's and IMAP's AUTH PLAIN (RFC 4616): base64 of user and password between NULs.
func (c *scan) saslPlain(_, end int) {
	if end >= len(c.text) || c.text[end] != ' ' {
		return
	}
	hi := run(c.text, end+1, isB64)
	var head [48]byte
	n := min(hi-end-1, 64) &^ 3
	if m, err := base64.StdEncoding.Decode(head[:], c.text[end+1:end+1+n]); err != nil || !hasByte(head[:m], 0) {
		return
	}
	for hi < len(c.text) && c.text[hi] == '=' {
		hi++
	}
	c.emit(span{det: detBasic, layer: Shape, rule: "sasl-plain", noPrint: true}, end+1, hi)
}

// basic finds "Basic <base64 of user:password>".
func (c *scan) basic(start, end int) {
	if end >= len(c.text) || c.text[end] != ' ' || start > 0 && isToken(c.text[start-1]) && !c.escapeEnds(start) {
		return
	}
	lo := end + 1
	hi := run(c.text, lo, isB64)
	if hi-lo < 6 {
		return
	}
	var raw [48]byte
	n := min(hi-lo, 64) &^ 3
	m, err := base64.StdEncoding.Decode(raw[:], c.text[lo:lo+n])
	if m == 0 && err != nil {
		return
	}
	colon, clean := false, true
	for _, x := range raw[:m] {
		colon = colon || x == ':'
		clean = clean && x >= ' ' && x != 0x7f
	}
	for hi < len(c.text) && c.text[hi] == '=' {
		hi++
	}
	if clean && !words(c.text[lo:hi]) && (colon || c.cutAt(hi) && hi-lo >= 8) {
		c.emit(span{det: detBasic, layer: Shape, rule: "basic", noPrint: true}, lo, hi)
	}
}

func isB64(b byte) bool { return isAlnum(b) || b == '+' || b == '/' || b == '-' || b == '_' }

// passwordHash finds stored passwords: crypt, bcrypt, argon2, PBKDF2, scrypt, LDAP, SCRAM.
func (c *scan) passwordHash(start, end int) {
	if start < c.hashDone {
		return
	}
	lo := start
	for lo > 0 && start-lo < 24 && (isAlnum(c.text[lo-1]) || c.text[lo-1] == '_') {
		if isLetter(c.text[lo-1]) && escapedLetter(c.text, lo-1) {
			break
		}
		lo--
	}
	isByte := isHashByte
	if c.text[start] == '$' {
		isByte = func(b byte) bool { return isHashByte(b) && b != ':' } // /etc/shadow goes on
	}
	hi := run(c.text[:min(len(c.text), end+512)], end, isByte)
	b := trimDots(c.text[lo:hi])
	hi = lo + len(b)
	c.hashDone = hi
	dollars, colons := 0, 0
	for _, x := range b {
		switch x {
		case '$':
			dollars++
		case ':':
			colons++
		}
	}
	c.s.charge(hi - lo)
	min := 24
	if c.cutAt(hi) {
		min = 12
	}
	if hi-lo < min || dollars < 2 && colons < 2 && c.text[start] != '{' || c.text[start] == '{' && !mixedRun(c.text[end:hi]) {
		return
	}
	c.emit(span{det: detPasswordHash, layer: Shape, rule: "hash", noPrint: true}, lo, hi)
}

func isHashByte(b byte) bool {
	return isAlnum(b) || b == '$' || b == '.' || b == '/' || b == '+' || b == '=' || b == ',' || b == ':' || b == '-' || b == '_' || b == '}' || b == '*'
}

// webhook hides the secret last parts of a webhook's URL.
func (c *scan) webhook(start, end int) {
	t := c.text
	stop := end
	for stop < len(t) && stop-end < 400 && t[stop] > ' ' && !isQuote(t[stop]) && t[stop] != '\\' && t[stop] != '<' && t[stop] != '>' && t[stop] != ')' && t[stop] != ',' && t[stop] < 0x80 {
		stop++
	}
	c.s.charge(3 * (stop - start))
	if c.touchesMark(end, stop) {
		return
	}
	lo, hi := 0, 0
	for i := end; i < stop && t[i] != '?' && t[i] != '#'; i++ {
		if i > end && t[i-1] != '/' {
			continue
		}
		e := run(t[:stop], i, func(b byte) bool { return b != '/' && b != '?' && b != '#' && b != '[' })
		part := t[i:e]
		if hasPrefixFold(part, "incomingwebhook") && e+1 < stop { // Microsoft's: the next part is the secret
			lo = e + 1
			hi = run(t[:stop], lo, func(b byte) bool { return b != '/' && b != '?' })
			break
		}
		switch {
		case len(part) < 8 || words(part) || allDigits(part) || uuidLike(part):
		case !hasDigit(part) && hi > 0, hasByte(part, '@'):
		case len(part) >= 16 && hasDigit(part) || hi == 0:
			lo, hi = i, e
		}
	}
	if hi > lo && (hasDigit(t[lo:hi]) || hi-lo >= 20) {
		c.emit(span{det: detWebhook, layer: Shape, rule: "webhook"}, lo, hi)
	}
}

// jwk hides the private members of a JSON web key.
func (c *scan) jwk(start, end int) {
	if start == 0 || end >= len(c.text) || !isQuote(c.text[start-1]) {
		return
	}
	lo, hi := max(0, start-1200), min(len(c.text), end+2400)
	c.s.charge(hi - lo)
	for i := lo + 1; i+3 < hi; i++ {
		if !isQuote(c.text[i-1]) || !isLower(c.text[i]) {
			continue
		}
		e := run(c.text[:hi], i, isLower)
		switch string(c.text[i:e]) {
		case "d", "p", "q", "dp", "dq", "qi", "k":
		default:
			i = e
			continue
		}
		n := slashRun(c.text, e)
		if e+n+1 >= hi || !isQuote(c.text[e+n]) {
			continue
		}
		at := e + n + 1
		for at < hi && (c.text[at] == ':' || c.text[at] == ' ') {
			at++
		}
		if v, ok := c.quotedValue(at); ok && at > e+n+1 && v.hi-v.lo >= 16 && highEntropy(c.text[v.lo:v.hi]) {
			c.emit(span{det: detPrivateKey, layer: Shape, rule: "jwk"}, v.lo, v.hi)
		}
	}
}

// oracle finds the password of jdbc:oracle:thin:user/password@host.
func (c *scan) oracle(_, end int) {
	for end < len(c.text) && c.text[end] == ' ' {
		end++
	}
	i := run(c.text, end, func(b byte) bool { return isAlnum(b) || b == '_' || b == '$' || b == '#' })
	if i == end || i >= len(c.text) || c.text[i] != '/' {
		return
	}
	hi := i + 1
	for hi < len(c.text) && hi-i < 128 && c.text[hi] > ' ' && c.text[hi] != '@' {
		hi++
	}
	if hi < len(c.text) && c.text[hi] == '@' && !placeholder(c.text[i+1:hi]) {
		c.emit(span{det: detURLPassword, layer: Shape, rule: "oracle", noPrint: true, remember: memorable(c.text[i+1 : hi])}, i+1, hi)
	}
}

// loginCall hides the second of two strings in HTTPBasicAuth('user', 'password') and the like.
func (c *scan) loginCall(_, end int) {
	user, ok := c.quotedValue(end)
	if !ok || user.cut {
		return
	}
	p := user.hi + user.slashes + 1
	for p < len(c.text) && (c.text[p] == ',' || c.text[p] == ' ') {
		p++
	}
	v, ok := c.quotedValue(p)
	if !ok || p == user.hi+user.slashes+1 {
		return
	}
	if b := c.text[v.lo:v.hi]; !placeholder(b) && !c.marks(b) && len(b) > 2 {
		c.emit(span{det: detPassword, layer: Structure, rule: "login-call", noPrint: true, remember: memorable(b)}, v.lo, v.hi)
	}
}
