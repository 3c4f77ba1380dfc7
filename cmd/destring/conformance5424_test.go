package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// conformanceCases are all cases, each under a name of its own.
func conformanceCases(t *testing.T) []wire {
	t.Helper()
	var all []wire
	for _, list := range [][]wire{priCases(), headerCases(), stampCases(), structuredCases(), textCases(), bsdCases(time.Now().UTC()), framingCases(), hostileCases()} {
		all = append(all, list...)
	}
	all = append(all, together("counted messages on one connection", all, ", counted", ""), together("lines on one connection", all, ", LF", ""), together("lines with CR LF on one connection", all, ", LF", "\r"))
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.name] {
			t.Fatalf("two cases are named %q", c.name)
		}
		seen[c.name] = true
	}
	return all
}

// together sends the messages of all cases of one framing on one connection: what a sender has shown must not change how its next
// message is read.
// A line may get a CR before its LF.
func together(name string, cases []wire, suffix, cr string) wire {
	w := wire{name: name}
	for _, c := range cases {
		if strings.HasSuffix(c.name, suffix) && c.want[0].pri != "" { // a line without PRI would belong to the one before
			w.bytes += strings.TrimSuffix(c.bytes, "\n") + cr + c.bytes[len(strings.TrimSuffix(c.bytes, "\n")):]
			w.want = append(w.want, c.want...)
		}
	}
	return w
}

func counted(m string) string { return fmt.Sprintf("%d %s", len(m), m) }

// each is a case for every framing that can carry the message.
func each(name, message string, want sent) []wire {
	cases := []wire{{name + ", counted", counted(message), []sent{want}}}
	if !strings.ContainsAny(message, "\n\x00") && !strings.HasSuffix(message, "\r") {
		cases = append(cases, wire{name + ", LF", message + "\n", []sent{want}})
	}
	return cases
}

const stampText = "2003-10-11T22:14:15.003Z"

// plainSent is what the header of header(…) says.
func plainSent() sent {
	return sent{pri: "34", time: stampText, host: "mymachine.example.com", app: "su", proc: "123", msgid: "ID47", text: "text"}
}

const plainHeader = "<34>1 " + stampText + " mymachine.example.com su 123 ID47 "

func priCases() (all []wire) {
	every := wire{name: "every PRI"}
	for pri := range 192 {
		every.bytes += counted(fmt.Sprintf("<%d>1 %s h a p m - text", pri, stampText))
		every.want = append(every.want, sent{pri: fmt.Sprint(pri), time: stampText, host: "h", app: "a", proc: "p", msgid: "m", text: "text"})
	}
	all = append(all, every)
	whole := sent{time: stampText, host: "h", app: "a", proc: "p", msgid: "m", text: "text", flags: "pri-out-of-range"}
	for _, pri := range []string{"192", "193", "200", "255", "256", "999"} {
		all = append(all, each("PRI "+pri+" has no facility", "<"+pri+">1 "+stampText+" h a p m - text", whole)...)
		all = append(all, each("PRI "+pri+" before RFC 3164 has no facility", "<"+pri+">app[7]: text", sent{app: "app", proc: "7", text: "text", flags: "pri-out-of-range"})...)
	}
	for _, pri := range []string{"<>", "<-1>", "<+1>", "<1234>", "<00000000000013>", "<99999999999999999999>", "<1x>", "< 13>", "<13", "<13 >"} {
		m := pri + "1 " + stampText + " h a p m - text"
		all = append(all, each("bad PRI "+pri, m, sent{text: m, fault: "bad-pri"})...)
	}
	for _, pri := range []string{"<013>", "<00>", "<000>"} {
		var n int
		fmt.Sscanf(pri, "<%d>", &n)
		all = append(all, each("PRI with leading zeros "+pri, pri+"1 "+stampText+" h a p m - text", sent{pri: fmt.Sprint(n), time: stampText, host: "h", app: "a", proc: "p", msgid: "m", text: "text"})...)
	}
	for _, m := range []string{"<html>text</html>", "text without a PRI", "13>1 - - - - - - text", "{\"a\": 1}", "[13] text", "<module> text"} {
		all = append(all, wire{"no PRI: " + m, m + "\n", []sent{{text: m}}})
	}
	all = append(all, each("a PRI and no more", "<14>", sent{pri: "14"})...)
	return all
}

func headerCases() (all []wire) {
	add := func(name, message string, change func(*sent)) {
		want := plainSent()
		change(&want)
		all = append(all, each(name, message, want)...)
	}
	add("all fields", plainHeader+"- text", func(*sent) {})
	add("all fields NIL", "<34>1 - - - - - - text", func(w *sent) { *w = sent{pri: "34", text: "text"} })
	add("all fields NIL and no MSG", "<34>1 - - - - - -", func(w *sent) { *w = sent{pri: "34"} })
	add("all fields NIL, a SP and no MSG", "<34>1 - - - - - - ", func(w *sent) { *w = sent{pri: "34"} })
	nils := []struct {
		name, message string
		change        func(*sent)
	}{
		{"TIMESTAMP", "<34>1 - mymachine.example.com su 123 ID47 - text", func(w *sent) { w.time = "" }},
		{"HOSTNAME", "<34>1 " + stampText + " - su 123 ID47 - text", func(w *sent) { w.host = "" }},
		{"APP-NAME", "<34>1 " + stampText + " mymachine.example.com - 123 ID47 - text", func(w *sent) { w.app = "" }},
		{"PROCID", "<34>1 " + stampText + " mymachine.example.com su - ID47 - text", func(w *sent) { w.proc = "" }},
		{"MSGID", "<34>1 " + stampText + " mymachine.example.com su 123 - - text", func(w *sent) { w.msgid = "" }},
	}
	for _, n := range nils {
		add("NIL "+n.name, n.message, n.change)
	}
	for _, host := range []string{"192.0.2.1", "2001:db8::1", "fe80::1", "::1", "::ffff:192.0.2.33", "h", "a.b.c.example.com", "host_1", "HOST-A", "host.", strings.Repeat("h", 255), strings.Repeat("abcdefg.", 31) + "example"} {
		add("HOSTNAME "+host, strings.Replace(plainHeader, "mymachine.example.com", host, 1)+"- text", func(w *sent) { w.host = host })
	}
	for _, app := range []string{"a", "celery", "celery.app.trace", "a/b", "a:b", "a[1]", "a\"b", "[a]", "<a>", strings.Repeat("a", 48), strings.Repeat("a", 49), strings.Repeat("a", 300)} {
		add("APP-NAME "+app, strings.Replace(plainHeader, " su ", " "+app+" ", 1)+"- text", func(w *sent) { w.app = app })
	}
	for _, proc := range []string{"0", "1", "4194304", "worker-1", "123-45", "[123]", "--", strings.Repeat("p", 128), strings.Repeat("p", 129)} {
		add("PROCID "+proc, strings.Replace(plainHeader, " 123 ", " "+proc+" ", 1)+"- text", func(w *sent) { w.proc = proc })
	}
	for _, id := range []string{"TCPIN", "x", "ID-1", "1.2", "=", "]", strings.Repeat("m", 32), strings.Repeat("m", 33)} {
		add("MSGID "+id, strings.Replace(plainHeader, " ID47 ", " "+id+" ", 1)+"- text", func(w *sent) { w.msgid = id })
	}
	add("version 2", strings.Replace(plainHeader, ">1 ", ">2 ", 1)+"- text", func(*sent) {})
	add("version 999 is text", "<34>999", func(w *sent) { *w = sent{pri: "34", text: "999"} })
	for _, version := range []string{"0", "01", "1000"} {
		m := strings.Replace(plainHeader, ">1 ", ">"+version+" ", 1) + "- text"
		add("bad version "+version, m, func(w *sent) { *w = sent{pri: "34", text: m, fault: "bad-version"} })
	}
	for i, cut := range []string{"<34>1", "<34>1 ", "<34>1 " + stampText, "<34>1 " + stampText + " ", "<34>1 " + stampText + " h", "<34>1 " + stampText + " h a", "<34>1 " + stampText + " h a p", "<34>1 " + stampText + " h a p m", "<34>1 " + stampText + " h a p m "} {
		want := sent{pri: "34", text: cut, fault: "header-cut-short"}
		if i > 2 {
			want.time = stampText
		}
		for n, field := range []*string{&want.host, &want.app, &want.proc, &want.msgid} {
			if i > 4+n {
				*field = string("hapm"[n])
			}
		}
		all = append(all, each(fmt.Sprintf("header cut short at %d", len(cut)), cut, want)...)
	}
	return all
}

func stampCases() (all []wire) {
	good := map[string]string{ // as sent: as published, where it differs
		"1985-04-12T23:20:50.52Z": "", "1985-04-12T19:20:50.52-04:00": "", "2003-10-11T22:14:15.003Z": "", "2003-08-24T05:14:15.000003-07:00": "",
		"2026-01-01T00:00:00Z": "", "2026-12-31T23:59:59.999999Z": "", "2024-02-29T12:00:00Z": "", "2026-05-01T00:30:00+14:00": "", "2026-05-01T23:30:00-12:00": "",
		"2026-05-01T12:00:00+05:45": "", "2026-05-01T12:00:00-00:00": "", "2026-05-01T12:00:00+00:00": "", "1970-01-01T00:00:00Z": "", "1969-12-31T23:59:59.5Z": "", "2099-01-01T00:00:00Z": "",
		"2016-12-31T23:59:60Z": "2017-01-01T00:00:00Z", "2016-12-31T23:59:60.5Z": "2017-01-01T00:00:00.5Z",
	}
	for n := 1; n <= 9; n++ {
		good["2026-05-01T12:00:00."+"123456789"[:n]+"Z"] = ""
		good["2026-05-01T12:00:00."+"000000001"[9-n:]+"+01:00"] = ""
	}
	for text, published := range good {
		want := plainSent()
		if want.time = published; published == "" {
			want.time = text
		}
		all = append(all, each("TIMESTAMP "+text, strings.Replace(plainHeader, stampText, text, 1)+"- text", want)...)
	}
	for _, text := range []string{"2026-13-01T12:00:00Z", "2026-00-01T12:00:00Z", "2026-02-30T12:00:00Z", "2025-02-29T12:00:00Z", "2026-04-31T12:00:00Z", "2026-05-00T12:00:00Z", "2026-05-01T24:00:00Z",
		"2026-05-01T12:60:00Z", "2026-05-01T12:00:61Z", "2026-05-01T12:00:00", "2026-05-01t12:00:00z", "2026-05-01T12:00:00.Z", "2026-05-01T12:00:00,5Z", "2026-05-01T12:00:00+0100", "2026-05-01T12:00:00+24:00", "2026-05-01T12:00:00+01:60",
		"26-05-01T12:00:00Z", "2026-5-1T12:00:00Z", "2026-05-01", "12:00:00Z", "1777631500", "yesterday", "2026-05-01_12:00:00Z", "+2026-05-01T12:00:00Z", "2026-05-01T12:00Z", "2026-05-01T12:00:00ZZ", "--"} {
		m := strings.Replace(plainHeader, stampText, text, 1) + "- text"
		all = append(all, each("bad TIMESTAMP "+text, m, sent{pri: "34", text: m, fault: "bad-timestamp"})...)
	}
	return all
}

func structuredCases() (all []wire) {
	name32 := strings.Repeat("n", 32)
	good := []struct{ name, text, want string }{
		{"one element", `[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]`, `{"exampleSDID@32473":{"iut":"3","eventSource":"Application","eventID":"1011"}}`},
		{"two elements", `[exampleSDID@32473 iut="3"][examplePriority@32473 class="high"]`, `{"exampleSDID@32473":{"iut":"3"},"examplePriority@32473":{"class":"high"}}`},
		{"no parameters", `[a@1]`, `{"a@1":{}}`},
		{"no parameters, then some", `[a@1][b@1 x="1"]`, `{"a@1":{},"b@1":{"x":"1"}}`},
		{"empty value", `[a@1 x=""]`, `{"a@1":{"x":""}}`},
		{"escaped quote", `[a@1 x="say \"hi\""]`, `{"a@1":{"x":"say \"hi\""}}`},
		{"escaped backslash", `[a@1 x="C:\\dir\\"]`, `{"a@1":{"x":"C:\\dir\\"}}`},
		{"escaped bracket", `[a@1 x="a[0\] b"]`, `{"a@1":{"x":"a[0] b"}}`},
		{"all escapes at once", `[a@1 x="\"\\\]"]`, `{"a@1":{"x":"\"\\]"}}`},
		{"unknown escapes stay", `[a@1 x="\n\t\x\/"]`, `{"a@1":{"x":"\\n\\t\\x\\/"}}`},
		{"backslash before an escaped quote", `[a@1 x="\\\""]`, `{"a@1":{"x":"\\\""}}`},
		{"bracket that is not escaped", `[a@1 x="a]b"]`, `{"a@1":{"x":"a]b"}}`},
		{"spaces and equals in a value", `[a@1 x=" a = b "]`, `{"a@1":{"x":" a = b "}}`},
		{"other characters in a value", `[a@1 x="Grüße ✓ 日本"]`, `{"a@1":{"x":"Grüße ✓ 日本"}}`},
		{"tab in a value", "[a@1 x=\"a\tb\"]", `{"a@1":{"x":"a\tb"}}`},
		{"a name twice", `[origin ip="192.0.2.1" ip="192.0.2.129"]`, `{"origin":{"ip":["192.0.2.1","192.0.2.129"]}}`},
		{"a name three times, others between", `[a@1 x="1" y="2" x="3" x="4"]`, `{"a@1":{"x":["1","3","4"],"y":"2"}}`},
		{"an element twice", `[a@1 x="1"][a@1 y="2"]`, `{"a@1":{"x":"1","y":"2"}}`},
		{"names of 32 characters", `[` + name32 + ` ` + name32 + `="v"]`, `{"` + name32 + `":{"` + name32 + `":"v"}}`},
		{"names longer than 32 characters", `[` + name32 + `n ` + name32 + `n="v"]`, `{"` + name32 + `n":{"` + name32 + `n":"v"}}`},
		{"registered elements", `[timeQuality tzKnown="1" isSynced="0"][origin ip="192.0.2.1" software="app"][meta sequenceId="7"]`, `{"timeQuality":{"tzKnown":"1","isSynced":"0"},"origin":{"ip":"192.0.2.1","software":"app"},"meta":{"sequenceId":"7"}}`},
		{"names of ours", `[destring flags="x"][event original="y" id="z"][log.syslog hostname="w"][celery.task id="v"]`, `{"destring":{"flags":"x"},"event":{"original":"y","id":"z"},"log.syslog":{"hostname":"w"},"celery.task":{"id":"v"}}`},
		{"dots in names", `[a.b@1 c.d="1"]`, `{"a.b@1":{"c.d":"1"}}`},
		{"a long value", `[a@1 x="` + strings.Repeat("v ", 2000) + `"]`, `{"a@1":{"x":"` + strings.Repeat("v ", 2000) + `"}}`},
	}
	for _, c := range good {
		want := plainSent()
		want.sd = c.want
		all = append(all, each("SD: "+c.name, plainHeader+c.text+" text", want)...)
		want.text = ""
		all = append(all, each("SD: "+c.name+", no MSG", plainHeader+c.text, want)...)
	}
	for _, text := range []string{`[a@1 x="1"`, `[a@1 x="1]`, `[a@1 x=1]`, `[a@1 x]`, `[a@1 ="1"]`, `[]`, `[ a@1 x="1"]`, `[a@1 x="1"y="2"]`, `[a=1 x="1"]`, `x`, `[a@1 x="1"]text`, `-text`, `[a@1 x="1\"]`, `["a" x="1"]`, `{a@1}`, `[a@1 x='1']`} {
		m := plainHeader + text + " text"
		want := plainSent()
		want.text, want.fault = m, "bad-structured-data"
		all = append(all, each("bad SD: "+text, m, want)...)
	}
	return all
}

func textCases() (all []wire) {
	const bom = "\ufeff"
	for _, text := range []string{"text", "two words", "with a trailing space ", "tab\tinside", "\ttab first", "Grüße, 日本語, 🦊", "[not structured=\"data\"]", "<13>1 - - - - - - inside", "{\"json\": [1, 2.5, null]}",
		"back\\slash \"quotes\" 'single'", "a / b < c > d & e", "percent %s %d %%", "\u2028 line separator", "\u0085 next line", "\x1b[31mred\x1b[0m", "\x07 bell \x01", "\u007f delete", "-", "- - -", "=", " ", strings.Repeat("long ", 20000)} {
		want := plainSent()
		want.text = text
		all = append(all, each("MSG "+clip(text), plainHeader+"- "+text, want)...)
		all = append(all, each("MSG with BOM "+clip(text), plainHeader+"- "+bom+text, want)...)
	}
	for _, text := range []string{" one leading space", "  two leading spaces"} {
		want := plainSent()
		want.text = text
		all = append(all, each("MSG with"+text, plainHeader+"- "+text, want)...)
	}
	bomInside := plainSent()
	bomInside.text = "a" + bom + "b"
	all = append(all, each("BOM inside", plainHeader+"- a"+bom+"b", bomInside)...)
	empty := plainSent()
	empty.text = ""
	all = append(all, each("BOM and no more", plainHeader+"- "+bom, empty)...)
	for _, text := range []string{"first\nsecond\nthird", "first\r\nsecond", "ends with\n\nempty lines\n.", "\nbegins with one", "a\x00b", "traceback\n<13>1 - forged - - - - line\n<13>forged", "10 <13>forged"} {
		want := plainSent()
		want.text = text
		all = append(all, wire{"counted MSG " + text, counted(plainHeader + "- " + text), []sent{want}})
	}
	bad := []struct{ name, text, want string }{
		{"Latin-1", "Gr\xfc\xdfe", "Gr\ufffd\ufffde"}, {"cut character", "a\xe2\x82", "a\ufffd"}, {"continuation byte", "a\x80b", "a\ufffdb"}, {"overlong", "a\xc0\xafb", "a\ufffd\ufffdb"},
		{"surrogate", "a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb"}, {"FE FF", "\xfe\xff", "\ufffd\ufffd"}, {"beyond Unicode", "a\xf4\x90\x80\x80b", "a\ufffd\ufffd\ufffd\ufffdb"}, {"good behind bad", "\xff Grüße ✓", "\ufffd Grüße ✓"},
	}
	for _, b := range bad {
		want := plainSent()
		want.text, want.flags = b.want, "invalid-utf8"
		all = append(all, each("not UTF-8: "+b.name, plainHeader+"- "+b.text, want)...)
	}
	return all
}
