package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"destring/rules/event"
)

var shared = sync.OnceValue(func() *Redactor {
	r, err := New(Options{Key: []byte("0123456789abcdef")})
	if err != nil {
		panic(err)
	}
	return r
})

// holds checks what must be true of every text.
func holds(t *testing.T, r *Redactor, text []byte) {
	t.Helper()
	var s Scratch
	before := bytes.Clone(text)
	res := r.Redact(&s, text, nil)
	if !bytes.Equal(before, text) {
		t.Fatalf("the input was changed: %q", before)
	}
	if res.Withheld == WithheldPanic {
		t.Fatalf("it panicked on %q", text)
	}
	if res.Withheld != "" {
		return
	}
	out := bytes.Clone(res.Text)
	last := 0
	for _, f := range res.Findings {
		if f.Start < last || f.End < f.Start || f.End > len(text) || f.OutStart < 0 || f.OutEnd < f.OutStart || f.OutEnd > len(out) {
			t.Fatalf("offsets of %+v outside of %q", f, text)
		}
		last = f.End
		for i := range len(f.Key) {
			if c := f.Key[i]; !isToken(c) && c != '.' {
				t.Fatalf("key %q is no identifier", f.Key)
			}
		}
	}
	for lo := 0; lo <= len(text); lo += 1 + len(text)/7 {
		a, b := res.Map(event.Span{Start: uint32(lo), End: uint32(min(len(text), lo+9))})
		if a < 0 || b < a || b > len(out) {
			t.Fatalf("Map(%d) = %d,%d of %d for %q", lo, a, b, len(out), text)
		}
	}
	if utf8.Valid(text) && !utf8.Valid(out) {
		t.Fatalf("no UTF-8 any more: %q -> %q", text, out)
	}
	if len(text) > 0 && text[0] == '{' && json.Valid(text) && !json.Valid(out) {
		t.Fatalf("no JSON any more: %q -> %q", text, out)
	}
	var again Scratch
	if res := r.Redact(&again, out, nil); !bytes.Equal(res.Text, out) {
		t.Fatalf("not idempotent:\n %q\n %q\n %q", text, out, res.Text)
	}
}

func FuzzRedactKeepsItsPromises(f *testing.F) {
	for _, l := range readCorpus(f) {
		f.Add([]byte(l.line))
	}
	f.Add([]byte("[REDACTED:password:hunter2] [REDACTED:x:secret] [REDACTED:jwt] password=[REDACTED:email]hunter2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 1<<14 {
			holds(t, shared(), text)
		}
	})
}

// carriers wrap a text the way that a sender may.
var carriers = []func(string) string{
	func(s string) string { return strconv.Quote(s) },
	func(s string) string { return pyRepr(s) },
	func(s string) string { return "{'payload': " + pyRepr(s) + ", 'n': 3}" },
	func(s string) string { b, _ := json.Marshal(map[string]string{"message": s}); return string(b) },
	func(s string) string { return "https://api.example.net/cb?next=" + url.QueryEscape(s) + "&x=1" },
	func(s string) string { return "body=" + base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return "hex=" + hex.EncodeToString([]byte(s)) },
	func(s string) string { return strings.ReplaceAll(s, "\n", "#012") },
	func(s string) string { return "raised unexpected: ValueError(" + pyRepr(s) + ")" },
	func(s string) string {
		return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "'", "&#39;", "<", "&lt;", ">", "&gt;").Replace(s)
	},
	func(s string) string { return "[2026-04-02 08:14:55,120: INFO/ForkPoolWorker-2] " + s },
	func(s string) string { return "b" + pyRepr(s) },
	func(s string) string { return "<![CDATA[" + s + "]]>" },
}

// pyRepr is repr() of Python for a str.
func pyRepr(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	return quote + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, quote, `\`+quote).Replace(s) + quote
}

// holders are texts that hold a secret in a way that gives it away.
var holders = []string{"password=%s", "{'password': '%s'}", `{"db_password": "%s", "n": 1}`, "api_key: %s", "client_secret = '%s'", "token='%s' n=1", "<password>%s</password>", "--password %s",
	"('X-Api-Key', '%s')", "redis://:%s@cache:6379/0", "Authorization: Bearer %s", "{'name': 'secret_key', 'value': '%s'}", "login?access_token=%s&n=1", "secret: %s"}

func planted(n uint64) string {
	v, _ := fill([]string{"<an:24>", "<hex:32>", "<url:30>", "<low:16>A1", "<an:40>"}[n%5])
	rot := int(n/5) % len(v)
	return "k7" + v[rot:] + v[:rot]
}

func FuzzNoCarrierSavesASecret(f *testing.F) {
	for h := range holders {
		for c := range carriers {
			f.Add(uint8(h), uint8(c), uint8(c+3), uint8(255), uint64(h*7+c))
		}
	}
	f.Fuzz(func(t *testing.T, h, c1, c2, c3 uint8, n uint64) {
		value := planted(n)
		text := fmt.Sprintf(holders[int(h)%len(holders)], value)
		for _, c := range []uint8{c1, c2, c3} {
			if int(c) < len(carriers) {
				text = carriers[c](text)
			}
		}
		r := shared()
		var s Scratch
		res := r.Redact(&s, []byte(text), nil)
		if leaked(value, string(res.Text)) {
			t.Fatalf("%q leaks:\n %q\n %q", value, text, res.Text)
		}
		for _, enc := range []string{base64.StdEncoding.EncodeToString([]byte(value)), hex.EncodeToString([]byte(value))} {
			if strings.Contains(string(res.Text), enc[:len(enc)-4]) {
				t.Fatalf("%q leaks encoded:\n %q\n %q", value, text, res.Text)
			}
		}
		holds(t, r, []byte(text))
	})
}

// signs are what a value may hold that a careless reader takes for its end.
var signs = []string{"'", `"`, `\`, " ", "&", "=", ":", ",", ";", "%", "@", "/", "#", "<", "}", `\n`, "''", "\n", "$"}

func FuzzSignsInsideOfAValueDoNotSaveIt(f *testing.F) {
	for i := range signs {
		f.Add(uint8(i), uint8(i), uint8(i*3), uint8(i*5), uint64(i))
		f.Add(uint8(i+1), uint8(i), uint8(255), uint8(255), uint64(i))
	}
	f.Fuzz(func(t *testing.T, h, sign, c1, c2 uint8, n uint64) {
		left, right := planted(n)[:14], planted(n + 1)[2:14]
		value := left + signs[int(sign)%len(signs)] + right
		asJSON, _ := json.Marshal(map[string]any{"db_password": value, "order": "keep-me-17"})
		text := []string{"{'password': " + pyRepr(value) + ", 'order': 'keep-me-17'}", string(asJSON),
			"Config(api_secret=" + pyRepr(value) + ", order='keep-me-17')", "[('X-Api-Key', " + pyRepr(value) + "), ('order', 'keep-me-17')]"}[h%4]
		encoded := false
		for _, c := range []uint8{c1, c2} {
			if i := int(c); i < len(carriers)-1 {
				text = carriers[i](text)
				encoded = encoded || i == 5 || i == 6 // hidden as a whole
			}
		}
		var s Scratch
		out := string(shared().Redact(&s, []byte(text), nil).Text)
		if strings.Contains(out, left) || strings.Contains(out, right) {
			t.Fatalf("%q leaks:\n %q\n %q", value, text, out)
		}
		if !encoded && !strings.Contains(out, "keep-me-17") {
			t.Fatalf("too much went:\n %q\n %q", text, out)
		}
		holds(t, shared(), []byte(text))
	})
}
