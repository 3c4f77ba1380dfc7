package detect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"destring/rules/detect"
)

// rule wraps a detection section, written as flow YAML or indented by four, into a rule.
func rule(detection string) string {
	return "title: T\nid: r\ndetection:\n" + indent(detection)
}

func indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ") + "\n"
}

func load(t *testing.T, text string) *detect.Set {
	t.Helper()
	set, err := detect.Load(detect.Bytes("rules.yml", []byte(text)))
	if err != nil {
		t.Fatalf("refused: %v\n%s", err, text)
	}
	return set
}

// hits returns "rule@event" for every firing on the events, one JSON object each.
func hits(t *testing.T, text string, events ...string) string {
	t.Helper()
	var out bytes.Buffer
	if _, _, err := load(t, text).Eval(strings.NewReader(strings.Join(events, "\n")), &out); err != nil {
		t.Fatalf("Eval: %v", err)
	}
	var all []string
	for line := range strings.Lines(out.String()) {
		var hit detect.Hit
		if err := json.Unmarshal([]byte(line), &struct {
			*detect.Hit
			Level string `json:"level"`
		}{Hit: &hit}); err != nil {
			t.Fatalf("Eval wrote %q: %v", line, err)
		}
		all = append(all, fmt.Sprintf("%s@%d", hit.RuleID, hit.EventIndex))
	}
	return strings.Join(all, " ")
}

type matchCase struct {
	name      string
	detection string
	yes, no   []string
}

func runMatchCases(t *testing.T, cases []matchCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := rule(c.detection)
			for _, ev := range c.yes {
				if hits(t, text, ev) != "r@0" {
					t.Errorf("does not match %s\n%s", ev, c.detection)
				}
			}
			for _, ev := range c.no {
				if got := hits(t, text, ev); got != "" {
					t.Errorf("matches %s\n%s", ev, c.detection)
				}
			}
		})
	}
}

// Rules specification, "General", "String Wildcard", "Escape Character".
func TestValuesAreCaseInsensitiveStringsWithWildcards(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"equal in any case", "sel: {a: Whoami}\ncondition: sel", []string{`{"a":"whoami"}`, `{"a":"WHOAMI"}`}, []string{`{"a":"whoami.exe"}`, `{"a":""}`, `{}`, `{"A":"whoami"}`}},
		{"case beyond ASCII", "sel: {a: 'ÄÖÜ ΣΑΣ Kelvin'}\ncondition: sel", []string{`{"a":"äöü σας kelvin"}`, `{"a":"ÄÖü ΣΑσ Kelvin"}`}, []string{`{"a":"aou σας kelvin"}`}},
		{"star", "sel: {a: 'antivirus_V*.exe'}\ncondition: sel", []string{`{"a":"antivirus_V1.exe"}`, `{"a":"antivirus_v21.2.1.exe"}`, `{"a":"antivirus_V.exe"}`}, []string{`{"a":"xantivirus_V1.exe"}`, `{"a":"antivirus_V1.exes"}`}},
		{"star crosses line feeds", "sel: {a: 'Traceback*KeyError'}\ncondition: sel", []string{`{"a":"Traceback\n  File x\nKeyError"}`}, nil},
		{"star alone needs the field", "sel: {a: '*'}\ncondition: sel", []string{`{"a":"x"}`, `{"a":""}`, `{"a":5}`}, []string{`{"b":"x"}`, `{"a":null}`}},
		{"question mark is one character", "sel: {a: 'prog?.exe'}\ncondition: sel", []string{`{"a":"progA.exe"}`, `{"a":"progß.exe"}`, `{"a":"prog世.exe"}`}, []string{`{"a":"prog.exe"}`, `{"a":"progAB.exe"}`}},
		{"question marks behind a star", "sel: {a: '*a?c??'}\ncondition: sel", []string{`{"a":"xxabcde"}`, `{"a":"abcabcde"}`, `{"a":"äaäcää"}`}, []string{`{"a":"abcd"}`, `{"a":"abcdef"}`}},
		{"several stars", "sel: {a: 'a*b*c'}\ncondition: sel", []string{`{"a":"abc"}`, `{"a":"a b b c c"}`}, []string{`{"a":"acb"}`, `{"a":"abcd"}`}},
		{"the last piece is found from the end", "sel: {a: '*ab*ab'}\ncondition: sel", []string{`{"a":"abab"}`, `{"a":"xab ab"}`}, []string{`{"a":"xab"}`, `{"a":"ab"}`}},
		{"plain backslash", `sel: {a: 'C:\Windows\x'}` + "\ncondition: sel", []string{`{"a":"c:\\windows\\x"}`}, []string{`{"a":"c:windowsx"}`}},
		{"double backslash is one", `sel: {a: 'C:\\x'}` + "\ncondition: sel", []string{`{"a":"c:\\x"}`}, []string{`{"a":"c:\\\\x"}`}},
		{"escaped star", `sel: {a: 'a\*b'}` + "\ncondition: sel", []string{`{"a":"a*b"}`}, []string{`{"a":"axb"}`, `{"a":"a\\*b"}`}},
		{"escaped question mark", `sel: {a: 'a\?b'}` + "\ncondition: sel", []string{`{"a":"a?b"}`}, []string{`{"a":"axb"}`}},
		{"backslash, then star", `sel: {a: 'a\\*b'}` + "\ncondition: sel", []string{`{"a":"a\\xxb"}`, `{"a":"a\\b"}`}, []string{`{"a":"a*b"}`}},
		{"backslash and star, both plain", `sel: {a: 'a\\\*b'}` + "\ncondition: sel", []string{`{"a":"a\\*b"}`}, []string{`{"a":"a\\xb"}`}},
		{"three and four backslashes are two", `sel: {a: 'x\\\', b: 'y\\\\'}` + "\ncondition: sel", []string{`{"a":"x\\\\","b":"y\\\\"}`}, []string{`{"a":"x\\","b":"y\\"}`}},
	})
}

// Rules specification, "Lists", "Maps", "Special Field Values", "Field Existence".
func TestListsMapsAndSpecialValues(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"a map is and, a list of values is or", "sel: {log: Security, id: [517, 1102]}\ncondition: sel", []string{`{"log":"security","id":517}`, `{"log":"security","id":"1102"}`}, []string{`{"log":"security","id":5}`, `{"id":517}`}},
		{"a list of maps is or", "sel:\n- a: x\n- b: y\ncondition: sel", []string{`{"a":"x"}`, `{"b":"y"}`}, []string{`{"a":"y","b":"x"}`}},
		{"numbers", "sel: {a: 5, b: 1.5}\ncondition: sel", []string{`{"a":5,"b":1.5}`, `{"a":5.0,"b":"1.5"}`, `{"a":"5","b":1.50}`}, []string{`{"a":50,"b":1.5}`, `{"a":"05","b":1.5}`}},
		{"a quoted number is a number too", "sel: {a: '5'}\ncondition: sel", []string{`{"a":5}`, `{"a":"5"}`}, []string{`{"a":55}`}},
		{"hexadecimal as written or as a number", "sel: {a: 0x17}\ncondition: sel", []string{`{"a":"0x17"}`, `{"a":23}`, `{"a":"23"}`}, []string{`{"a":17}`}},
		{"large whole numbers keep their digits", "sel: {a: '9007199254740993'}\ncondition: sel", []string{`{"a":9007199254740993}`}, []string{`{"a":9007199254740992}`}},
		{"booleans", "sel: {a: true}\ncondition: sel", []string{`{"a":true}`, `{"a":"True"}`}, []string{`{"a":false}`, `{"a":1}`, `{}`}},
		{"a quoted boolean", "sel: {a: 'false'}\ncondition: sel", []string{`{"a":false}`, `{"a":"FALSE"}`}, []string{`{"a":true}`}},
		{"empty", "sel: {a: ''}\ncondition: sel", []string{`{"a":""}`}, []string{`{"a":" "}`, `{"a":null}`, `{}`}},
		{"null", "sel: {a: null}\ncondition: sel", []string{`{"a":null}`, `{}`}, []string{`{"a":""}`, `{"a":0}`, `{"a":{}}`}},
		{"not null", "sel: {b: 1}\nfilter: {a: null}\ncondition: sel and not filter", []string{`{"b":1,"a":"x"}`}, []string{`{"b":1}`, `{"b":1,"a":null}`}},
		{"exists", "sel: {a|exists: true}\ncondition: sel", []string{`{"a":"x"}`, `{"a":""}`, `{"a":null}`, `{"a":[]}`, `{"a":{"b":1}}`}, []string{`{"b":1}`}},
		{"exists not", "sel: {a|exists: false}\ncondition: sel", []string{`{"b":1}`}, []string{`{"a":null}`, `{"a":"x"}`}},
		{"dotted fields, nested or flat or half", "sel: {a.b.c: x}\ncondition: sel", []string{`{"a":{"b":{"c":"x"}}}`, `{"a.b.c":"x"}`, `{"a.b":{"c":"x"}}`, `{"a":{"b.c":"x"}}`}, []string{`{"a":{"b":"x"}}`, `{"c":"x"}`}},
		{"any element of an array", "sel: {a: x}\ncondition: sel", []string{`{"a":["y","x"]}`, `{"a":[["x"]]}`}, []string{`{"a":["y"]}`, `{"a":[]}`}},
		{"fields of objects in arrays", "sel: {a.b: x}\ncondition: sel", []string{`{"a":[{"b":"y"},{"b":"x"}]}`}, []string{`{"a":[{"b":"y"}]}`}},
		{"one element of an array", "sel: {a.1: x, 'b[0].c': y}\ncondition: sel", []string{`{"a":["z","x"],"b":[{"c":"y"}]}`}, []string{`{"a":["x","z"],"b":[{"c":"y"}]}`, `{"a":["z","x"],"b":[{},{"c":"y"}]}`}},
		{"a key that is a number", "sel: {a.1: x}\ncondition: sel", []string{`{"a":{"1":"x"}}`}, []string{`{"a":"x"}`}},
		{"no element of an array", "sel: {a: x}\ncondition: not sel", []string{`{"a":["y"]}`, `{}`}, []string{`{"a":["y","x"]}`}},
	})
}

// Rules specification, "Keywords search".
func TestKeywordsAreSearchedInTheWholeEvent(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"any of them in any value", "k: [EVILSERVICE, 'svchost.exe -n evil']\ncondition: k", []string{`{"m":"start EvilService now"}`, `{"a":{"b":["x","C:\\svchost.exe -n evil"]}}`}, []string{`{"m":"svchost.exe"}`, `{"evilservice":"x"}`}},
		{"all, in whichever values", "k: {'|all': [OabVirtualDirectory, ' -ExternalUrl ']}\ncondition: k", []string{`{"a":"oabvirtualdirectory","b":"x -externalurl y"}`}, []string{`{"a":"OabVirtualDirectory"}`}},
		{"with wildcards", "k: ['a*z', 'q?q']\ncondition: k", []string{`{"m":"..abcz.."}`, `{"m":"xqaqx"}`}, []string{`{"m":"za"}`}},
		{"numbers", "k: [4711]\ncondition: k", []string{`{"m":"code 4711"}`, `{"n":4711}`}, []string{`{"n":471}`}},
		{"one keyword", "k: mimikatz\ncondition: k", []string{`{"m":"run Mimikatz"}`}, []string{`{"m":"katz"}`}},
		{"a regular expression", "k: {'|re': 'ab+c'}\ncondition: k", []string{`{"m":"xabbc"}`}, []string{`{"m":"ac"}`}},
		{"keywords and maps in one list", "k:\n- evil\n- a: 5\ncondition: k", []string{`{"m":"evil"}`, `{"a":5}`}, []string{`{"a":6}`}},
	})
}

// Rules specification, "Condition".
func TestConditions(t *testing.T) {
	abc := "a: {x: 1}\nb: {y: 1}\nc: {z: 1}\n"
	sel := "sel_a: {x: 1}\nsel_b: {y: 1}\nfilter_a: {z: 1}\n"
	runMatchCases(t, []matchCase{
		{"and binds more than or", abc + "condition: a or b and c", []string{`{"x":1}`, `{"y":1,"z":1}`}, []string{`{"y":1}`, `{"z":1}`}},
		{"brackets", abc + "condition: (a or b) and c", []string{`{"x":1,"z":1}`}, []string{`{"x":1}`, `{"z":1}`}},
		{"not binds most", abc + "condition: not a and b", []string{`{"y":1}`}, []string{`{"x":1,"y":1}`, `{}`}},
		{"not of brackets", abc + "condition: not (a or b)", []string{`{}`, `{"z":1}`}, []string{`{"x":1}`}},
		{"not not", abc + "condition: not not a", []string{`{"x":1}`}, []string{`{}`}},
		{"1 of them", abc + "condition: 1 of them", []string{`{"z":1}`}, []string{`{}`}},
		{"all of them", abc + "condition: all of them", []string{`{"x":1,"y":1,"z":1}`}, []string{`{"x":1,"y":1}`}},
		{"them leaves out underscores", "_a: {x: 1}\nb: {y: 1}\ncondition: 1 of them", []string{`{"y":1}`}, []string{`{"x":1}`}},
		{"a pattern leaves out underscores", "_sel: {x: 1}\nsel: {y: 1}\ncondition: 1 of *sel", []string{`{"y":1}`}, []string{`{"x":1}`}},
		{"an underscore by name", "_a: {x: 1}\ncondition: _a", []string{`{"x":1}`}, []string{`{}`}},
		{"1 of a pattern and not 1 of another", sel + "condition: 1 of sel_* and not 1 of filter*", []string{`{"x":1}`, `{"y":1}`}, []string{`{"x":1,"z":1}`, `{"z":1}`}},
		{"all of a pattern", sel + "condition: all of sel_*", []string{`{"x":1,"y":1}`}, []string{`{"x":1}`}},
		{"a pattern with a star in the middle", sel + "condition: 1 of s*_b", []string{`{"y":1}`}, []string{`{"x":1}`}},
		{"not 1 of", sel + "condition: not 1 of sel_*", []string{`{"z":1}`}, []string{`{"x":1}`}},
		{"over several lines", abc + "condition: >\n  (\n    a or\n    b\n  )\n  and not c", []string{`{"x":1}`, `{"y":1}`}, []string{`{"x":1,"z":1}`}},
		{"an anchor and its alias", "a: &sel {x: 1}\nb: {y: 1}\nc: *sel\ncondition: b and c", []string{`{"x":1,"y":1}`}, []string{`{"y":1}`}},
		{"any of is 1 of", sel + "condition: any of sel_*", []string{`{"y":1}`}, []string{`{"z":1}`}},
		{"names with a hyphen or beginning with a digit", "my-sel: {x: 1}\n1st: {y: 1}\ncondition: my-sel and 1st", []string{`{"x":1,"y":1}`}, []string{`{"x":1}`}},
		{"a list is or", abc + "condition: [a and b, c]", []string{`{"z":1}`, `{"x":1,"y":1}`}, []string{`{"x":1}`}},
		{"names that begin like operators", "notes: {x: 1}\norder: {y: 1}\nandy: {z: 1}\ncondition: notes and order or andy", []string{`{"z":1}`, `{"x":1,"y":1}`}, []string{`{"x":1}`}},
		{"operators in capitals", abc + "condition: a AND NOT b OR c", []string{`{"x":1}`, `{"z":1}`}, []string{`{"x":1,"y":1}`}},
		{"not of an absent field", "a: {x: 1}\ncondition: not a", []string{`{}`, `{"x":2}`}, []string{`{"x":1}`}},
	})
}

// Modifiers appendix, "Generic Modifiers".
func TestGenericModifiers(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"contains", "sel: {a|contains: Evil}\ncondition: sel", []string{`{"a":"an evil thing"}`, `{"a":["x","EVIL"]}`}, []string{`{"a":"good"}`}},
		{"contains a wildcard", "sel: {a|contains: 'e?il*x'}\ncondition: sel", []string{`{"a":"an e-il and x."}`}, []string{`{"a":"eil x"}`}},
		{"contains a number", "sel: {a|contains: 471}\ncondition: sel", []string{`{"a":47115}`, `{"a":"no 471"}`}, []string{`{"a":41}`}},
		{"startswith", "sel: {a|startswith: adm}\ncondition: sel", []string{`{"a":"ADMIN"}`, `{"a":"adm"}`}, []string{`{"a":"xadm"}`}},
		{"endswith", `sel: {a|endswith: '\cmd.exe'}` + "\ncondition: sel", []string{`{"a":"C:\\cmd.exe"}`}, []string{`{"a":"C:\\cmd.exe "}`}},
		{"all", "sel: {a|contains|all: [one, two]}\ncondition: sel", []string{`{"a":"two and one"}`, `{"a":["one","two"]}`}, []string{`{"a":"one"}`}},
		{"cased", "sel: {a|cased: Abc}\ncondition: sel", []string{`{"a":"Abc"}`}, []string{`{"a":"abc"}`}},
		{"contains cased", "sel: {a|contains|cased: Abc}\ncondition: sel", []string{`{"a":"xAbcx"}`}, []string{`{"a":"xabcx"}`}},
		{"cased contains", "sel: {a|cased|contains: Abc}\ncondition: sel", []string{`{"a":"xAbcx"}`}, []string{`{"a":"xabcx"}`}},
		{"neq", "sel: {a|neq: x}\ncondition: sel", []string{`{"a":"y"}`, `{"a":5}`}, []string{`{"a":"X"}`}},
		{"neq of a list is none of them", "sel: {a|neq: [x, 5]}\ncondition: sel", []string{`{"a":"y"}`}, []string{`{"a":"x"}`, `{"a":5}`}},
		{"neq with contains", "sel: {a|contains|neq: x}\ncondition: sel", []string{`{"a":"y"}`}, []string{`{"a":"axb"}`}},
	})
}

// Modifiers appendix, "String Modifiers", "Regular Expression", "Encoding".
func TestStringModifiers(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"windash", "sel: {a|windash|contains: ' -f '}\ncondition: sel", []string{`{"a":"x -f y"}`, `{"a":"x /f y"}`, `{"a":"x –f y"}`, `{"a":"x —F y"}`, `{"a":"x ―f y"}`}, []string{`{"a":"x f y"}`, `{"a":"x +f y"}`}},
		{"windash from a slash", "sel: {a|windash|endswith: ' /s /q'}\ncondition: sel", []string{`{"a":"del -s /q"}`, `{"a":"del –s —q"}`}, []string{`{"a":"del s q"}`}},
		{"contains, then windash", "sel: {a|contains|windash: '-enc'}\ncondition: sel", []string{`{"a":"p /ENC x"}`}, []string{`{"a":"p enc x"}`}},
		{"windash and all", "sel: {a|windash|contains|all: [' -a', ' -b']}\ncondition: sel", []string{`{"a":"x /b -a"}`}, []string{`{"a":"x -a"}`}},
		{"re is case-sensitive and searches", "sel: {a|re: 'ab+c'}\ncondition: sel", []string{`{"a":"xabbcx"}`}, []string{`{"a":"ABC"}`, `{"a":"ac"}`}},
		{"re i", "sel: {a|re|i: 'ab+c'}\ncondition: sel", []string{`{"a":"xABBCx"}`}, []string{`{"a":"ac"}`}},
		{"re anchors", "sel: {a|re: '^ab$'}\ncondition: sel", []string{`{"a":"ab"}`}, []string{`{"a":"x\nab"}`, `{"a":"abc"}`}},
		{"re m", "sel: {a|re|m: '^ab$'}\ncondition: sel", []string{`{"a":"x\nab\ny"}`}, []string{`{"a":"xab"}`}},
		{"re dot", "sel: {a|re: 'a.b'}\ncondition: sel", []string{`{"a":"axb"}`}, []string{`{"a":"a\nb"}`}},
		{"re s", "sel: {a|re|s: 'a.b'}\ncondition: sel", []string{`{"a":"a\nb"}`}, []string{`{"a":"ab"}`}},
		{"re i m s", "sel: {a|re|i|m|s: '^A.B$'}\ncondition: sel", []string{`{"a":"x\na\nb"}`}, []string{`{"a":"x a b"}`}},
		{"re of a list, all", "sel: {a|re|all: ['a[0-9]', 'b[0-9]']}\ncondition: sel", []string{`{"a":"b1 a2"}`}, []string{`{"a":"a1"}`}},
		{"re of a number", "sel: {a|re: '^4[0-9]{2}$'}\ncondition: sel", []string{`{"a":404}`, `{"a":"499"}`}, []string{`{"a":500}`}},
		{"re backslashes are the expression's", `sel: {a|re: '\\d\.exe'}` + "\ncondition: sel", []string{`{"a":"C:\\d.exe"}`}, []string{`{"a":"5.exe"}`}},
		{"base64", "sel: {a|base64: 'foobar'}\ncondition: sel", []string{`{"a":"Zm9vYmFy"}`}, []string{`{"a":"xZm9vYmFy"}`}},
		{"base64 contains", "sel: {a|base64|contains: 'ping'}\ncondition: sel", []string{`{"a":"run cGluZw== now"}`}, []string{`{"a":"ping"}`}},
		{"base64offset", "sel: {a|base64offset|contains: 'http://'}\ncondition: sel", []string{`{"a":"aHR0cDovL3g="}`, `{"a":"eGh0dHA6Ly95"}`, `{"a":"eHhodHRwOi8veQ=="}`}, []string{`{"a":"http://"}`}},
		{"wide base64offset", "sel: {a|wide|base64offset|contains: 'ping'}\ncondition: sel", []string{`{"a":"cABpAG4AZwA="}`}, []string{`{"a":"cGluZw=="}`}},
		{"utf16le base64", "sel: {a|utf16le|base64: 'cmd'}\ncondition: sel", []string{`{"a":"YwBtAGQA"}`}, nil},
		{"utf16be base64", "sel: {a|utf16be|base64: 'cmd'}\ncondition: sel", []string{`{"a":"AGMAbQBk"}`}, nil},
		{"utf16 has a byte order mark", "sel: {a|utf16|base64: 'cmd'}\ncondition: sel", []string{`{"a":"//5jAG0AZAA="}`}, nil},
		{"wide", "sel: {a|wide|contains: 'cmd'}\ncondition: sel", []string{`{"a":"x c\u0000m\u0000d\u0000"}`}, []string{`{"a":"cmd"}`}},
		{"wide base64offset of a list, all", "sel: {a|wide|base64offset|contains|all: ['ping', 'pong']}\ncondition: sel", []string{`{"a":"cABpAG4AZwA= cABvAG4AZwA="}`}, []string{`{"a":"cABpAG4AZwA="}`}},
	})
}

// Modifiers appendix, "Numeric Modifiers", "Time Modifiers", "IP Modifiers", "Specific Modifiers".
func TestNumbersTimesAddressesAndReferences(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"gt", "sel: {a|gt: 5}\ncondition: sel", []string{`{"a":6}`, `{"a":5.1}`, `{"a":"6"}`}, []string{`{"a":5}`, `{"a":"x"}`, `{}`, `{"a":true}`}},
		{"gte", "sel: {a|gte: 5}\ncondition: sel", []string{`{"a":5}`}, []string{`{"a":4.9}`}},
		{"lt", "sel: {a|lt: 5}\ncondition: sel", []string{`{"a":-6}`}, []string{`{"a":5}`}},
		{"lte", "sel: {a|lte: 0.5}\ncondition: sel", []string{`{"a":0.5}`}, []string{`{"a":0.51}`}},
		{"between", "sel: {a|gte: 5, a|lt: 10}\ncondition: sel", []string{`{"a":7}`}, []string{`{"a":10}`, `{"a":4}`}},
		{"hour", "sel: {t|hour: 9}\ncondition: sel", []string{`{"t":"2024-03-01T09:59:59Z"}`, `{"t":"2024-03-01T09:00:00+05:00"}`, `{"t":"2024-03-01 09:30:00"}`, `{"t":1709283600}`}, []string{`{"t":"2024-03-01T10:00:00Z"}`, `{"t":"soon"}`, `{}`}},
		{"hours", "sel: {t|hour: [22, 23, 0]}\ncondition: sel", []string{`{"t":"2024-03-01T23:00:00Z"}`}, []string{`{"t":"2024-03-01T21:00:00Z"}`}},
		{"hour compared", "sel: {t|hour|gte: 22}\ncondition: sel", []string{`{"t":"2024-03-01T23:00:00Z"}`}, []string{`{"t":"2024-03-01T21:00:00Z"}`}},
		{"minute, day, week, month, year", "sel: {t|minute: 5, t|day: 29, t|week: 9, t|month: 2, t|year: 2024}\ncondition: sel", []string{`{"t":"2024-02-29T01:05:00Z"}`}, []string{`{"t":"2023-02-28T01:05:00Z"}`}},
		{"cidr", "sel: {ip|cidr: 10.0.0.0/8}\ncondition: sel", []string{`{"ip":"10.1.2.3"}`, `{"ip":"::ffff:10.1.2.3"}`}, []string{`{"ip":"11.0.0.1"}`, `{"ip":"x"}`, `{"ip":"10.1.2.3.4"}`}},
		{"cidr of IPv6", "sel: {ip|cidr: ['fe80::/10', '2001:db8::/32']}\ncondition: sel", []string{`{"ip":"FE80::1"}`, `{"ip":"2001:db8:0:0::5"}`}, []string{`{"ip":"2001:db9::1"}`, `{"ip":"10.0.0.1"}`}},
		{"fieldref", "sel: {a|fieldref: b}\ncondition: sel", []string{`{"a":"x","b":"X"}`, `{"a":5,"b":5.0}`}, []string{`{"a":"x","b":"y"}`, `{"a":"x"}`, `{"b":"x"}`}},
		{"fieldref neq", "sel: {a|fieldref|neq: b}\ncondition: sel", []string{`{"a":"x","b":"y"}`}, []string{`{"a":"x","b":"X"}`}},
		{"fieldref contains", "sel: {a|fieldref|contains: b}\ncondition: sel", []string{`{"a":"axb","b":"X"}`}, []string{`{"a":"x","b":"axb"}`}},
	})
}

func roundTrip(t *testing.T, step detect.Step) (out detect.Step) {
	t.Helper()
	text, err := json.Marshal(step)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
