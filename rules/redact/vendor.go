package redact

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

// The rules of gitleaks v8.30.1, unchanged, under the MIT licence beside them. We read its text and not
// its code: its detector lives on global state, works at 2 MB/s and loses more than half of its own test secrets inside JSON.
//
//go:embed gitleaks/gitleaks.toml
var gitleaksRules []byte

//go:embed rules.toml
var ownRules []byte

// notOurs are rules of gitleaks whose work is done better by a form or by the names of keys: they would
// hide a whole URL or command, or an identifier.
var notOurs = wordSet(`generic-api-key private-key jwt jwt-base64 slack-webhook-url microsoft-teams-webhook curl-auth-header curl-auth-user hashicorp-tf-password nuget-config-password
	kubernetes-secret-yaml sidekiq-sensitive-url gitlab-session-cookie pkcs12-file freemius-secret-key sourcegraph-access-token`)

// ruleFile is the part of gitleaks' format that we use, with samples of our own.
type ruleFile struct {
	Rules []struct {
		ID          string
		Regex       string
		SecretGroup int
		Entropy     float64
		Keywords    []string
		Severity    string
		Hit, Miss   []string
		Allowlists  []struct {
			Regexes     []string
			RegexTarget string
			StopWords   []string
		}
	}
	Allowlist struct {
		Regexes   []string
		StopWords []string
	}
}

// rule is one vendor rule.
type rule struct {
	id        string
	det       detectorID
	keywords  []string
	group     int
	entropy   float64
	keyed     bool // a name, a separator, a value: gitleaks' semi-generic form
	stopWords []string
	allow     []string // patterns of values, or of matches, that are no secrets
	onMatch   []bool
	hit, miss []string
	source    string
	compiled  *lazyRule
}

// lazyRule compiles a rule's patterns when its keyword is first seen: 60 ms for all would
// be paid by each run of the command line tool.
type lazyRule struct {
	once     sync.Once
	err      error
	re       *regexp.Regexp
	allow    []*regexp.Regexp
	anchored bool     // the pattern begins with its keyword
	bounded  bool     // and the keyword with a word's boundary
	exact    []string // the texts that an anchored match begins with, in their case; nil when that does not matter
	shortest int      // bytes of the shortest match
}

const (
	gitleaksHead = `[\w.-]{0,50}?`
	gitleaksJoin = `[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}`
	gitleaksTail = `(?:[\x60'"\s;]|\\[nr]|$)`
	// What we put in their place stands JSON's and Python's backslashes, and any end of a word.
	ourJoin = `[\s'"\\\])]{0,8}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=\\]{0,9}`
	ourTail = `(?:[^0-9A-Za-z_-]|$)`

	windowBefore = 80
	windowAfter  = 480
	windowLong   = 4096 // for tokens, which end at the first blank or quote anyway
)

// loadRules reads both rule sets. A rule of our own that fails its samples is an error.
func (r *Redactor) loadRules() error {
	var errs []error
	for _, f := range [...]struct {
		text []byte
		own  bool
	}{{gitleaksRules, false}, {ownRules, true}} {
		var file ruleFile
		if err := toml.Unmarshal(f.text, &file); err != nil {
			return fmt.Errorf("vendor rules: %w", err)
		}
		for i := range file.Rules {
			raw := &file.Rules[i]
			if !f.own && (notOurs[raw.ID] || raw.Regex == "" || len(raw.Keywords) == 0) {
				continue
			}
			ru := rule{id: raw.ID, group: raw.SecretGroup, entropy: raw.Entropy, hit: raw.Hit, miss: raw.Miss, compiled: new(lazyRule)}
			for _, k := range raw.Keywords {
				ru.keywords = append(ru.keywords, strings.ToLower(k))
			}
			for _, a := range raw.Allowlists {
				for _, re := range a.Regexes {
					ru.allow, ru.onMatch = append(ru.allow, re), append(ru.onMatch, a.RegexTarget == "match" || a.RegexTarget == "line")
				}
				ru.stopWords = append(ru.stopWords, a.StopWords...)
			}
			if f.own && ru.entropy == 0 {
				ru.entropy = 3
			}
			ru.keyed = strings.Contains(raw.Regex, gitleaksJoin)
			ru.source = tolerant.Replace(raw.Regex)
			ru.det = r.vendorDetector(raw.ID, raw.Severity)
			r.rules = append(r.rules, ru)
		}
	}
	return errors.Join(errs...)
}

// vendorDetector returns the detector of a rule, which several rules may share.
func (r *Redactor) vendorDetector(id, severity string) detectorID {
	if i := slices.IndexFunc(r.detectors, func(d Detector) bool { return d.Name == id }); i >= 0 {
		return detectorID(i)
	}
	d := Detector{Name: id, Class: Credential, Severity: Critical, Fingerprint: true}
	if severity == "high" {
		d.Severity = High
	}
	r.detectors = append(r.detectors, d)
	return detectorID(len(r.detectors) - 1)
}

// tolerant replaces the parts of gitleaks' patterns that stop at an escape.
var tolerant = strings.NewReplacer(gitleaksHead, "", gitleaksJoin, ourJoin, gitleaksTail, ourTail)

// compile finds out whether the pattern can be anchored at its keyword, and compiles it.
func (ru *rule) compile(l *lazyRule) {
	source := ru.source
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		l.err = err
		return
	}
	var prefixes []string
	l.bounded = beginsBounded(tree)
	if literalPrefixes(tree, &prefixes) {
		l.anchored = len(prefixes) > 0
		for _, p := range prefixes {
			l.anchored = l.anchored && slices.ContainsFunc(ru.keywords, func(k string) bool { return strings.HasPrefix(p, k) || strings.HasPrefix(k, p) })
		}
	}
	l.shortest = shortest(tree)
	if l.anchored {
		l.exact = exactPrefixes(tree)
		bare, folded := strings.CutPrefix(source, `(?i)`)
		source = `\A(?:` + strings.TrimPrefix(bare, `\b`) + `)`
		if folded {
			source = `(?i)` + source
		}
	}
	if l.re, l.err = regexp.Compile(source); l.err != nil {
		return
	}
	for _, a := range ru.allow {
		re, err := regexp.Compile(a)
		if err != nil {
			l.err = err
		}
		l.allow = append(l.allow, re)
	}
}

func beginsBounded(re *syntax.Regexp) bool {
	for {
		switch re.Op {
		case syntax.OpWordBoundary:
			return true
		case syntax.OpCapture, syntax.OpConcat:
			if len(re.Sub) == 0 {
				return false
			}
			re = re.Sub[0]
		default:
			return false
		}
	}
}

// exactPrefixes returns the prefixes of literalPrefixes in their case, nil when one of them folds case.
func exactPrefixes(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpCapture:
		return exactPrefixes(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.Op != syntax.OpWordBoundary && sub.Op != syntax.OpEmptyMatch {
				return exactPrefixes(sub)
			}
		}
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return []string{string(re.Rune)}
		}
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			p := exactPrefixes(sub)
			if p == nil {
				return nil
			}
			out = append(out, p...)
		}
		return out
	}
	return nil
}

// shortest returns a lower bound of a match's length.
func shortest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * shortest(re.Sub[0])
	case syntax.OpConcat:
		n := 0
		for _, sub := range re.Sub {
			n += shortest(sub)
		}
		return n
	case syntax.OpAlternate:
		n := shortest(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = min(n, shortest(sub))
		}
		return n
	}
	return 0
}

// literalPrefixes collects, in lower case, the texts that a match can begin with. It reports
// false when they are not a short list.
func literalPrefixes(re *syntax.Regexp, out *[]string) bool {
	switch re.Op {
	case syntax.OpCapture:
		return literalPrefixes(re.Sub[0], out)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.Op == syntax.OpWordBoundary || sub.Op == syntax.OpEmptyMatch {
				continue
			}
			return literalPrefixes(sub, out)
		}
		return false
	case syntax.OpLiteral:
		*out = append(*out, strings.ToLower(string(re.Rune)))
		return true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if !literalPrefixes(sub, out) {
				return false
			}
		}
		return len(*out) < 64
	}
	return false
}

func (ru *rule) patterns() *lazyRule {
	ru.compiled.once.Do(func() { ru.compile(ru.compiled) })
	return ru.compiled
}

// vendor runs a rule on the window round its keyword at [start,end).
func (c *scan) vendor(ru *rule, start, end int) {
	t := c.text
	if ru.keyed && !hasSeparator(t[end:min(len(t), end+36)]) {
		return
	}
	lo, hi := start, min(len(t), end+windowAfter)
	p := ru.patterns()
	switch {
	case p.re == nil:
		return
	case ru.keyed:
		if !p.anchored {
			lo = max(0, start-windowBefore)
		}
	case p.anchored:
		if p.bounded && start > 0 && (isAlnum(t[start-1]) || t[start-1] == '_') && !c.escapeEnds(start) {
			return
		}
		if len(p.exact) > 0 && !hasAnyPrefix(t[start:], p.exact) {
			return
		}
		hi = end
		for stop := min(len(t), end+windowLong); hi < stop && t[hi] > ' ' && !isQuote(t[hi]); hi++ {
		}
		c.s.charge(hi - end)
		if hi-start < p.shortest {
			c.cutToken(ru, start, end)
			return
		}
		hi = min(len(t), hi+1)
	default:
		lo = max(0, start-windowBefore)
	}
	c.s.charge(3 * (hi - lo))
	m := p.re.FindSubmatchIndex(t[lo:hi])
	if m == nil {
		if p.anchored && !ru.keyed {
			c.cutToken(ru, start, end)
		}
		return
	}
	a, b := ru.secret(m)
	for b > a && !isAlnum(t[lo+b-1]) && t[lo+b-1] != '=' && t[lo+b-1] != '_' && t[lo+b-1] != '-' {
		b-- // a pattern without a group takes the end of the word with it
	}
	value := t[lo+a : lo+b]
	if !ru.keyed && (uuidLike(value) || c.inHexRun(lo+a, lo+b) || c.shown(lo+a, lo+b)) || ru.harmless(p, value, t[lo+m[0]:lo+m[1]]) || c.touchesMark(lo+a, lo+b) {
		c.left(ru.det, Shape, lo+a, lo+b, "too regular, or a known example")
		return
	}
	c.emit(span{det: ru.det, layer: Shape, rule: ru.id, remember: memorable(value)}, lo+a, lo+b)
}

// shown reports whether what looks like a token at [lo,hi) is only its head, before a run of mask characters, or a part of a
// file's name: video_box.ico-7a38….png.
func (c *scan) shown(lo, hi int) bool {
	t := c.text
	if e := run(t, hi, func(b byte) bool { return b == t[hi] }); hi < len(t) && e-hi >= 4 && (t[hi] == '#' || t[hi] == '*') {
		return true
	}
	return lo > 1 && t[lo-1] == '.' && isAlnum(t[lo-2]) && hi+2 < len(t) && t[hi] == '.' && isLower(t[hi+1]) && isAlnum(t[hi+2])
}

func hasAnyPrefix(b []byte, prefixes []string) bool {
	for _, p := range prefixes {
		if len(b) >= len(p) && string(b[:len(p)]) == p {
			return true
		}
	}
	return false
}

// secret returns which part of a match is the secret: the group that the rule names, else the first that took part,
// else all of it.
func (ru *rule) secret(m []int) (int, int) {
	if g := ru.group; g > 0 && 2*g+1 < len(m) && m[2*g] >= 0 {
		return m[2*g], m[2*g+1]
	}
	for g := 1; 2*g+1 < len(m); g++ {
		if m[2*g] >= 0 && m[2*g] < m[2*g+1] {
			return m[2*g], m[2*g+1]
		}
	}
	return m[0], m[1]
}

// cutToken finds the beginning of a token that the sender or the transport has cut.
func (c *scan) cutToken(ru *rule, start, end int) {
	hi := run(c.text, end, func(b byte) bool { return isToken(b) || b == '.' })
	b := trimDots(c.text[end:hi])
	if end-start < 4 || len(b) < 6 || !c.cutAt(end+len(b)) {
		return
	}
	if start > 0 && isAlnum(c.text[start-1]) && !c.escapeEnds(start) {
		return
	}
	atEnd := end+len(b) == len(c.text)
	if atEnd && len(c.text) < minCut {
		return // the text ends here by itself
	}
	if !hasDigit(b) && len(b) < 16 || words(b) || atEnd && (len(b) < 10 || !mixedRun(b)) || dotted(b) {
		return
	}
	c.emit(span{det: ru.det, layer: Shape, rule: "cut-token", noPrint: true}, start, end+len(b))
}

// touchesMark reports whether a mark of our own stands in [lo,hi).
func (c *scan) touchesMark(lo, hi int) bool {
	for i := lo; i < hi; i++ {
		if c.text[i] == '[' && c.r.markLen(c.text[i:]) > 0 {
			return true
		}
	}
	return false
}

func hasSeparator(b []byte) bool {
	for _, x := range b {
		if x == '=' || x == ':' || x == '>' || x == '|' || x == ',' {
			return true
		}
	}
	return false
}

// harmless applies a rule's floor of entropy, its stop words and its patterns of examples.
func (ru *rule) harmless(p *lazyRule, value, match []byte) bool {
	if ru.entropy > 0 && entropy(value) < ru.entropy {
		return true
	}
	if ru.entropy > 1 && (maskRun(value) || halfOne(value)) || indexFold(value, lettersLow) >= 0 || hasSuffixFold(value, "example") {
		return true
	}
	if !ru.keyed && !hasDigit(value) && (words(value) || camelWords(value)) && wordlike(value) {
		return true // napi_configurable, GLC_CreateLightmapTextures
	}
	if tail := value[max(0, len(value)-10):]; hasSuffixFold(tail, "here") && !hasDigit(tail) && wordlike(tail) {
		return true // …YourTokenHere
	}
	for _, w := range ru.stopWords {
		if indexFold(value, w) >= 0 {
			return true
		}
	}
	for i, re := range p.allow {
		if re == nil {
			continue
		}
		if ru.onMatch[i] && re.Match(match) || !ru.onMatch[i] && re.Match(value) {
			return true
		}
	}
	return false
}
