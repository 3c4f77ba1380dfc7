package record

import "strings"

// tactic is a tactic of ATT&CK Enterprise.
type tactic struct{ tag, id, name string }

// tactics by the tag that Sigma has for them (the appendix on tags in its specification).
var tactics = [...]tactic{
	{"reconnaissance", "TA0043", "Reconnaissance"}, {"resource-development", "TA0042", "Resource Development"}, {"initial-access", "TA0001", "Initial Access"},
	{"execution", "TA0002", "Execution"}, {"persistence", "TA0003", "Persistence"}, {"privilege-escalation", "TA0004", "Privilege Escalation"},
	{"defense-evasion", "TA0005", "Defense Evasion"}, {"credential-access", "TA0006", "Credential Access"}, {"discovery", "TA0007", "Discovery"},
	{"lateral-movement", "TA0008", "Lateral Movement"}, {"collection", "TA0009", "Collection"}, {"command-and-control", "TA0011", "Command and Control"},
	{"exfiltration", "TA0010", "Exfiltration"}, {"impact", "TA0040", "Impact"},
	{"stealth", "TA0005", "Stealth"}, {"defense-impairment", "TA0112", "Defense Impairment"},
}

// tacticOf finds a tactic by its tag, "credential-access" or "credential_access". One that we do not
// know is published under the word that the rule has for it.
func tacticOf(tag string) tactic {
	for _, t := range tactics {
		if sameTag(t.tag, tag) {
			return t
		}
	}
	return tactic{tag, tag, tag}
}

func sameTag(known, tag string) bool {
	if len(known) != len(tag) {
		return false
	}
	for i := range len(tag) {
		if known[i] != tag[i] && (known[i] != '-' || tag[i] != '_') {
			return false
		}
	}
	return true
}

// technique returns the i-th technique; of a sub-technique, the one that it belongs to.
func (r *Rule) technique(i int) string {
	id, _, _ := strings.Cut(r.Techniques[i], ".")
	return id
}

// subtechniques is how many of the techniques are sub-techniques.
func (r *Rule) subtechniques() int {
	n := 0
	for _, t := range r.Techniques {
		if strings.Contains(t, ".") {
			n++
		}
	}
	return n
}

// subtechnique returns the i-th sub-technique.
func (r *Rule) subtechnique(i int) string {
	for _, t := range r.Techniques {
		if !strings.Contains(t, ".") {
			continue
		}
		if i == 0 {
			return t
		}
		i--
	}
	return ""
}

// appendRule appends the most severe rule and what ATT&CK has to say about it.
func appendRule(dst []byte, rule *Rule) []byte {
	begin := len(dst)
	dst = append(dst, `,"rule":`...)
	at := len(dst)
	dst = text(dst, `,"id":"`, view(rule.ID))
	dst = text(dst, `,"name":"`, view(rule.Name))
	dst = text(dst, `,"version":"`, view(rule.Version))
	dst = text(dst, `,"reference":"`, view(rule.Reference))
	dst = closed(dst, begin, at)
	if len(rule.Techniques)+len(rule.Tactics) == 0 {
		return dst
	}
	return appendThreat(dst, rule)
}

func appendThreat(dst []byte, rule *Rule) []byte {
	dst = append(dst, `,"threat":{"framework":"MITRE ATT&CK"`...)
	if len(rule.Tactics) > 0 {
		dst = append(dst, `,"tactic":{"id":`...)
		dst = appendList(dst, len(rule.Tactics), func(i int) string { return tacticOf(rule.Tactics[i]).id })
		dst = append(dst, `,"name":`...)
		dst = appendList(dst, len(rule.Tactics), func(i int) string { return tacticOf(rule.Tactics[i]).name })
		dst = append(dst, '}')
	}
	if len(rule.Techniques) > 0 {
		dst = append(dst, `,"technique":{"id":`...)
		dst = appendList(dst, len(rule.Techniques), rule.technique)
		if n := rule.subtechniques(); n > 0 {
			dst = append(dst, `,"subtechnique":{"id":`...)
			dst = append(appendList(dst, n, rule.subtechnique), '}')
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func appendList(dst []byte, n int, at func(int) string) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, view(at(i)))
	}
	return append(dst, ']')
}
