package main

import (
	"fmt"
	"slices"
	"strings"
)

// line is a message without header fields but a PRI, and what a record says of it.
func line(n int) (string, sent) {
	text := fmt.Sprintf("message %d", n)
	return "<13>1 - - - - - - " + text, sent{pri: "13", text: text}
}

// framingCases are streams of several messages (RFC 6587 §3.4, RFC 5425 §4.3).
func framingCases() (all []wire) {
	m1, s1 := line(1)
	m2, s2 := line(2)
	m3, s3 := line(3)
	three := []sent{s1, s2, s3}
	join := strings.Join
	for _, f := range []struct{ name, bytes string }{
		{"counted", counted(m1) + counted(m2) + counted(m3)},
		{"counted, with LF between", counted(m1) + "\n" + counted(m2) + "\n" + counted(m3) + "\n"},
		{"counted, the LF inside the count", counted(m1+"\n") + counted(m2+"\n") + counted(m3+"\n")},
		{"counted, leading zeros", fmt.Sprintf("%04d %s%03d %s%d %s", len(m1), m1, len(m2), m2, len(m3), m3)},
		{"LF", join([]string{m1, m2, m3, ""}, "\n")},
		{"LF, the last without", join([]string{m1, m2, m3, ""}, "\n")},
		{"CR LF", join([]string{m1, m2, m3, ""}, "\r\n")},
		{"NUL", join([]string{m1, m2, m3, ""}, "\x00")},
		{"LF, with empty lines", "\n\n" + m1 + "\n\n\n" + m2 + "\n\r\n" + m3 + "\n\n"},
		{"NUL, with empty frames", "\x00" + m1 + "\x00\x00" + m2 + "\x00" + m3 + "\x00\x00\x00"},
		{"LF, then counted", m1 + "\n" + counted(m2) + counted(m3)},
		{"counted, then LF", counted(m1) + m2 + "\n" + m3 + "\n"},
		{"counted, LF, counted", counted(m1) + m2 + "\n" + counted(m3)},
		{"a count of zero between", counted(m1) + "0 " + counted(m2) + "0 " + counted(m3)},
	} {
		all = append(all, wire{"framing: " + f.name, f.bytes, three})
	}
	all = append(all, wire{"framing: hosts take turns", strings.Repeat(counted("<13>1 - a - - - - one")+counted("<13>1 - b - - - - two"), 20), slices.Repeat([]sent{{pri: "13", host: "a", text: "one"}, {pri: "13", host: "b", text: "two"}}, 20)},
		wire{"framing: lines with a broken PRI between", m1 + "\n<>1 - - - - - - x\n<1234>1 - - - - - - y\n" + m2 + "\n", []sent{s1, {text: "<>1 - - - - - - x", fault: "bad-pri"}, {text: "<1234>1 - - - - - - y", fault: "bad-pri"}, s2}})
	partial := s2
	partial.flags = "partial"
	partial.text = "mess"
	all = append(all,
		wire{"framing: a counted message cut by the end", counted(m1) + counted(m2)[:len(counted(m2))-5], []sent{s1, partial}},
		wire{"framing: a line cut by the end", m1 + "\n" + m2[:len(m2)-5], []sent{s1, partial}},
		wire{"framing: nothing", "", nil},
		wire{"framing: empty lines only", "\n\n\r\n\n", nil},
		wire{"framing: a traceback in lines", m1 + "\nTraceback (most recent call last):\n  File \"x\"\nValueError\n" + m2 + "\n",
			[]sent{{pri: "13", text: "message 1\nTraceback (most recent call last):\n  File \"x\"\nValueError", flags: "continued"}, s2}},
		wire{"framing: counts are of octets", counted("<13>1 - - - - - - Grüße ✓") + counted(m2), []sent{{pri: "13", text: "Grüße ✓"}, s2}},
		wire{"framing: a hundred thousand empty lines", strings.Repeat("\n", 100_000) + m1 + "\n", []sent{s1}},
	)
	var many strings.Builder
	var wants []sent
	for n := range 1000 {
		m, s := line(n)
		many.WriteString(counted(m))
		wants = append(wants, s)
	}
	return append(all, wire{"framing: a thousand at once", many.String(), wants})
}

// hostileCases are counts that lie. A good message behind them on the same connection arrives, or the connection's
// end says so; what came before is kept.
func hostileCases() (all []wire) {
	m1, s1 := line(1)
	m2, s2 := line(2)
	long := "<13>1 - - - - - - " + strings.Repeat("x y ", 300_000)
	cut := sent{pri: "13", text: long[len("<13>1 - - - - - - "):][:1<<20], more: true, flags: "truncated"}
	whole := "<13>1 - - - - - - " + strings.Repeat("long", 1<<18)
	return append(all,
		wire{"hostile: a counted message of 1 MiB", counted(whole) + counted(m2), []sent{{pri: "13", text: strings.Repeat("long", 1<<18)}, s2}},
		wire{"hostile: a line of 1 MiB", whole + "\n" + m2 + "\n", []sent{{pri: "13", text: strings.Repeat("long", 1<<18)}, s2}},
		wire{"hostile: a counted message over the limit", counted(long) + counted(m2), []sent{cut, s2}},
		wire{"hostile: a line over the limit", long + "\n" + m2 + "\n", []sent{cut, s2}},
		wire{"hostile: a count that overflows, then a line", "99999999999999999999 " + m1 + "\n" + m2 + "\n", []sent{{text: "99999999999999999999 " + m1, flags: "partial"}, s2}},
		wire{"hostile: a signed count, then a line", "-5 " + m1 + "\n" + m2 + "\n", []sent{{text: "-5 " + m1, flags: "partial"}, s2}},
		wire{"hostile: HTTP", "GET / HTTP/1.1\r\nHost: relay\r\n\r\n", []sent{{text: "GET / HTTP/1.1"}, {text: "Host: relay"}}},
		wire{"hostile: good before bad", counted(m1) + "zzz\n" + counted(m2), []sent{s1, {text: "zzz", flags: "partial"}, s2}},
	)
}
