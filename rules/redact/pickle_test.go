package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"destring/rules/redact"
)

// pickleOf writes what pickle.dumps writes for a list of one dict, by protocol.
func pickleOf(protocol int, pairs ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\x80%c", protocol)
	n := 0
	put := func() {
		if protocol >= 4 {
			b.WriteByte(0x94)
		} else {
			fmt.Fprintf(&b, "q%s", string([]byte{byte(n)}))
		}
		n++
	}
	if protocol >= 4 {
		b.WriteString("\x95\x60\x00\x00\x00\x00\x00\x00\x00")
	}
	b.WriteByte(']')
	put()
	b.WriteString("}")
	put()
	b.WriteByte('(')
	for _, s := range pairs {
		if protocol >= 4 {
			b.WriteString("\x8c" + string([]byte{byte(len(s))}) + s)
		} else {
			b.WriteString("X" + string([]byte{byte(len(s)), 0, 0, 0}) + s)
		}
		put()
	}
	b.WriteString("ua.")
	return b.String()
}

// bytesRepr is Python's repr of b.
func bytesRepr(b string) string {
	var out strings.Builder
	out.WriteString("b'")
	for i := range len(b) {
		switch x := b[i]; {
		case x == '\\' || x == '\'':
			out.WriteString(`\` + string(rune(x)))
		case x == '\n':
			out.WriteString(`\n`)
		case x == '\r':
			out.WriteString(`\r`)
		case x == '\t':
			out.WriteString(`\t`)
		case x < ' ' || x > '~':
			fmt.Fprintf(&out, `\x%02x`, x)
		default:
			out.WriteByte(x)
		}
	}
	return out.String() + "'"
}

// pickleCarriers are the ways in which a pickle comes into a line.
var pickleCarriers = map[string]func(string) string{
	"the repr of bytes":     func(p string) string { return "Received and deleted unknown message. body: " + bytesRepr(p) + " (82b)" },
	"a repr inside of JSON": func(p string) string { return `{"level": "WARN", "body": ` + strconv.Quote(bytesRepr(p)) + `, "n": 1}` },
	"a repr inside of two JSON": func(p string) string {
		return `{"m": ` + strconv.Quote(`{"body": `+strconv.Quote(bytesRepr(p))+`}`) + `}`
	},
	"base64":                func(p string) string { return `body='` + base64.StdEncoding.EncodeToString([]byte(p)) + `' done` },
	"base64 of URLs":        func(p string) string { return `{"body": "` + base64.URLEncoding.EncodeToString([]byte(p)) + `"}` },
	"base64 without an end": func(p string) string { return "body " + base64.RawStdEncoding.EncodeToString([]byte(p)) },
	"base64 in lines": func(p string) string {
		s := base64.StdEncoding.EncodeToString([]byte(p))
		return `body: '` + s[:76] + `\n` + s[76:] + `\n'`
	},
	"a bytea of PostgreSQL": func(p string) string { return `result: \x` + hex.EncodeToString([]byte(p)) + ` row 1` },
}

func TestAPickleGivesNothingAway(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for name, carry := range pickleCarriers {
		for protocol := 2; protocol <= 5; protocol++ {
			line := carry(pickleOf(protocol, "order", "A-17", "password", "hunter2-longer", "note", `{"api_key": "Zx81Qp44Lm90Kv27Rt"}`, "region", "eu-west-1"))
			out := redacted(r, line)
			plain := out
			for _, run := range strings.FieldsFunc(out, func(b rune) bool { return strings.ContainsRune(` '"\`, b) }) {
				if d, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(run, "=")); err == nil {
					plain += string(d)
				}
			}
			if strings.Contains(plain, "hunter2") || strings.Contains(plain, "Zx81Qp44") || out == line {
				t.Errorf("%s, protocol %d:\n%s\n%s", name, protocol, line, out)
			}
			if strings.Contains(line, "region") && !strings.Contains(out, "eu-west-1") {
				t.Errorf("%s, protocol %d: too much is gone:\n%s", name, protocol, out)
			}
			if again := redacted(r, out); again != out {
				t.Errorf("%s, protocol %d: not the same again:\n%s\n%s", name, protocol, out, again)
			}
		}
	}
}

func TestAPickleWithoutASecretStays(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for name, carry := range pickleCarriers {
		for protocol := 2; protocol <= 5; protocol++ {
			line := carry(pickleOf(protocol, "order", "A-17", "task", "shop.tasks.charge", "id", "0f6d9a3e-5b1f-4a52-9d7c-2d3f0f5b8a11", "region", "eu-west-1"))
			if out := redacted(r, line); out != line {
				t.Errorf("%s, protocol %d:\n%s\n%s", name, protocol, line, out)
			}
		}
	}
}

func TestACutPickleIsHiddenFromTheCutOn(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for protocol := 2; protocol <= 5; protocol++ {
		p := pickleOf(protocol, "order", "A-17", "password", "hunter2-longer", "region", "eu-west-1")
		text := bytesRepr(p)
		text = text[:strings.Index(text, "hunter2")+9]
		for name, line := range map[string]string{
			"a repr":    "body: " + text + "... (82b)",
			"the end":   "body: " + text,
			"of base64": "body: " + base64.StdEncoding.EncodeToString([]byte(p))[:len(p)] + "...",
		} {
			out := redacted(r, line)
			if strings.Contains(out, "hunter2") || out == line {
				t.Errorf("protocol %d, %s: %s", protocol, name, out)
			}
			if again := redacted(r, out); again != out {
				t.Errorf("protocol %d, %s: not the same again:\n%s\n%s", protocol, name, out, again)
			}
		}
	}
}
