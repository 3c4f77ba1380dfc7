package detect

import (
	"regexp/syntax"
	"unicode/utf8"
)

// An atom is something cheap that a rule cannot match without: a literal in a
// slot (or any slot), or, with an empty literal, a value in the slot, which
// may have to compare as bound says.
type atom struct {
	slot    int32
	literal string // folded
	bound   comparison
}

// A need is a set of atoms of which one must be there. nil: nothing is needed
// and the rule is judged on every event.
type need []atom

const (
	maxLiteral = 16  // bytes of a literal that go into the automaton
	maxNeed    = 512 // atoms; more than that and the rule is better judged by presence
)

// cost estimates how often a need is met by events that the rule is not about.
func (n need) cost() int {
	if n == nil {
		return 1 << 30
	}
	sum := 0
	for _, a := range n {
		switch l := len(a.literal); {
		case l == 0 && a.bound.op == "":
			sum += 5000
		case l == 0:
			sum += 2000
		default:
			sum += 1 + 400/(l*l)
		}
	}
	return sum
}

func union(needs []need) need {
	var out need
	for _, n := range needs {
		if n == nil {
			return nil
		}
		out = append(out, n...)
	}
	return out
}

func cheapest(needs []need) need {
	var best need
	for _, n := range needs {
		if n.cost() < best.cost() {
			best = n
		}
	}
	return best
}

// needOf finds what an expression cannot be true without.
func needOf(e expr) need {
	switch e := e.(type) {
	case named:
		return needOf(e.of)
	case allOf:
		return cheapest(needsOf(e))
	case anyOf:
		return union(needsOf(e))
	case *existsTest:
		if e.want {
			return need{{slot: e.slot}}
		}
	case *fieldTest:
		return e.need()
	}
	return nil // negations: what they deny need not be there
}

func needsOf(list []expr) []need {
	out := make([]need, len(list))
	for i, e := range list {
		out[i] = needOf(e)
	}
	return out
}

func (f *fieldTest) need() need {
	if f.negate || f.absent {
		return nil
	}
	presence := need(nil)
	if f.slot != everySlot {
		presence = need{{slot: f.slot}}
	}
	needs := make([]need, len(f.tests))
	for i, t := range f.tests {
		if needs[i] = valueNeed(t, f.slot); needs[i] == nil {
			needs[i] = presence
		}
	}
	best := union(needs)
	if f.every {
		best = cheapest(needs)
	}
	if len(best) > maxNeed || presence.cost() < best.cost() {
		return presence
	}
	return best
}

// valueNeed is what a test needs in its slot, nil when that is no literal.
func valueNeed(t valueTest, slot int32) need {
	switch t := t.(type) {
	case textTest:
		if l := t.literal(); len(l) > 0 {
			return need{newAtom(slot, appendFold(nil, l))}
		}
	case alternativeTest:
		needs := make([]need, len(t))
		for i, one := range t {
			needs[i] = valueNeed(one, slot)
		}
		return union(needs)
	case numberTest:
		var out need
		for _, form := range append(t.forms, appendNumber(nil, t.number)) {
			out = append(out, newAtom(slot, form))
		}
		return out
	case boolTest:
		if t {
			return need{newAtom(slot, []byte("true"))}
		}
		return need{newAtom(slot, []byte("false"))}
	case compareTest:
		if slot != everySlot {
			return need{{slot: slot, bound: comparison(t)}}
		}
	case *regexTest:
		var out need
		for _, l := range regexLiterals(t.String()) {
			out = append(out, newAtom(slot, []byte(l)))
		}
		return out
	}
	return nil
}

// newAtom keeps the end of a long literal: beginnings are more often shared.
func newAtom(slot int32, folded []byte) atom {
	return atom{slot: slot, literal: string(folded[max(0, len(folded)-maxLiteral):])}
}

const (
	maxExact      = 32 // strings of a set that a regular expression is exactly
	maxExactBytes = 64
	maxWidth      = 8 // characters of a class that are written out
)

// regexLiterals returns folded texts of which every match of the expression
// contains one; nil when there is no such set that would help.
func regexLiterals(source string) []string {
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil
	}
	return required(parsed.Simplify())
}

// required returns a set of which one text is in every match.
func required(re *syntax.Regexp) []string {
	if set := exact(re); useful(set) {
		return set
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			set := required(sub)
			if set == nil || len(out)+len(set) > 4*maxExact {
				return nil
			}
			out = append(out, set...)
		}
		return out
	case syntax.OpConcat:
		return requiredOfConcat(re.Sub)
	}
	return nil
}

// requiredOfConcat takes the best of the runs that are exact sets and of the single parts.
func requiredOfConcat(subs []*syntax.Regexp) []string {
	var best []string
	better := func(set []string) {
		if useful(set) && (best == nil || setCost(set) < setCost(best)) {
			best = set
		}
	}
	run := []string{""}
	for _, sub := range subs {
		set := exact(sub)
		joined := cross(run, set)
		if joined == nil {
			better(run)
			better(required(sub))
			joined = []string{""}
			if set != nil {
				joined = set
			}
		}
		run = joined
	}
	better(run)
	return best
}

// exact returns all texts that re matches, folded, when they are few.
func exact(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}
	case syntax.OpLiteral:
		var text []byte
		for _, r := range re.Rune {
			text = utf8.AppendRune(text, foldRune(r))
		}
		return []string{string(text)}
	case syntax.OpCharClass:
		return exactClass(re.Rune)
	case syntax.OpCapture:
		return exact(re.Sub[0])
	case syntax.OpQuest:
		if set := exact(re.Sub[0]); set != nil && len(set) < maxExact {
			return append([]string{""}, set...)
		}
	case syntax.OpConcat:
		out := []string{""}
		for _, sub := range re.Sub {
			if out = cross(out, exact(sub)); out == nil {
				return nil
			}
		}
		return out
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			set := exact(sub)
			if set == nil || len(out)+len(set) > maxExact {
				return nil
			}
			out = append(out, set...)
		}
		return out
	}
	return nil
}

func exactClass(ranges []rune) []string {
	seen := make(map[string]bool)
	var out []string
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] >= maxWidth {
			return nil
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if s := string(foldRune(r)); !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
		if len(out) > maxWidth {
			return nil
		}
	}
	return out
}

// cross joins every text of a with every text of b; nil when one is unknown or
// the product too large.
func cross(a, b []string) []string {
	if a == nil || b == nil || len(a)*len(b) > maxExact {
		return nil
	}
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxExactBytes {
				return nil
			}
			out = append(out, x+y)
		}
	}
	return out
}

// useful reports whether a set of texts narrows anything down.
func useful(set []string) bool {
	for _, s := range set {
		if len(s) < 2 {
			return false
		}
	}
	return len(set) > 0
}

func setCost(set []string) int {
	sum := 0
	for _, s := range set {
		sum += 1 + 400/(len(s)*len(s))
	}
	return sum
}
