package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"destring/rules/event"
	"destring/rules/redact"
)

// token is a value with the form of a vendor's, put together here.
const token = "sk_" + "live_" + "9sVt4QbX2mKc7RzLd0PfYh3J"

var fingerprintOf = regexp.MustCompile(`\[REDACTED:[a-z0-9-]+:([0-9a-f]{16})\]`)

func TestOneSecretHasOneFingerprintInEveryEncoding(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	forms := map[string]string{
		"plain":             "using " + token + " now",
		"under a key":       "{'stripe_key': '" + token + "'}",
		"JSON in JSON":      `{"m": "{\"api_key\": \"` + token + `\"}"}`,
		"percent":           "next=" + strings.ReplaceAll(url.QueryEscape("/cb?token="+token), "_", "%5F"),
		"base64 of a text":  "body=" + base64.StdEncoding.EncodeToString([]byte(`{"token": "`+token+`"}`)),
		"hex of a text":     "body=" + hex.EncodeToString([]byte(`{"token": "`+token+`"}`)),
		"unicode escapes":   `{"token": "\u0073` + token[1:] + `"}`,
		"the end of a line": "bad key: " + token + `\n`,
	}
	want, _ := r.Fingerprint([]byte(token))
	for name, line := range forms {
		out := redacted(r, line)
		m := fingerprintOf.FindStringSubmatch(out)
		if m == nil || m[1] != hex.EncodeToString(want[:]) {
			t.Errorf("%s: %s has no fingerprint %x", name, out, want)
		}
	}
	other := newRedactor(t, redact.Options{Key: []byte("another key of a deployment")})
	if got, _ := other.Fingerprint([]byte(token)); got == want {
		t.Error("two deployments have the same fingerprint")
	}
	if got, _ := newRedactor(t, redact.Options{Environment: "staging"}).Fingerprint([]byte(token)); got == want {
		t.Error("two environments have the same fingerprint")
	}
	rotated := newRedactor(t, redact.Options{Key: []byte("another key of a deployment"), PreviousKeys: [][]byte{testKey}})
	if _, before := rotated.Fingerprint([]byte(token)); len(before) != 1 || before[0] != want {
		t.Errorf("after a rotation the old fingerprint is lost: %x", before)
	}
}

func TestWhatCanBeGuessedHasNoFingerprint(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for _, line := range []string{"password=aB3xyz9Q", "api_key=abcd1234", "card 4111111111111111", "mail kim@corp-mail.org", "Authorization: Basic a2ltOmFCM3h5ejlR", "redis://:hunter2x@cache/0"} {
		if out := redacted(r, line); !strings.Contains(out, "[REDACTED:") || fingerprintOf.MatchString(out) {
			t.Errorf("%s -> %s", line, out)
		}
	}
}

func TestOnlyAnExactMarkFromTheWireStays(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for line, want := range map[string]string{
		"[REDACTED:password]":                           "[REDACTED:password]",
		"[REDACTED:jwt:0123456789abcdef]":               "[REDACTED:jwt:0123456789abcdef]",
		"[REDACTED:jwt:0123456789ABCDEF]":               "[SENDER-REDACTED:jwt:[REDACTED:secret:",
		"[REDACTED:nosuch]":                             "[SENDER-REDACTED:nosuch]",
		"[REDACTED:x:password=aB3xyz9Q]":                "[SENDER-REDACTED:x:password=[REDACTED:password]]",
		"[REDACTED:password:hunter2]":                   "[SENDER-REDACTED:password:[REDACTED:password]]",
		"[REDACTED:" + token + "]":                      "[SENDER-REDACTED:[REDACTED:stripe-access-token:",
		"password=[REDACTED:email]aB3xyz9Q":             "password=[REDACTED:email][REDACTED:password]",
		"[redacted:password] and [Filtered] and <none>": "[redacted:password] and [Filtered] and <none>",
	} {
		if got := redacted(r, line); !strings.HasPrefix(got, want) {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
	var s redact.Scratch
	res := r.Redact(&s, []byte("[REDACTED:nosuch]"), nil)
	if len(res.Findings) != 1 || res.Findings[0].Detector != "foreign-mark" || res.Findings[0].Class != redact.Integrity {
		t.Errorf("a forged mark is no finding: %+v", res.Findings)
	}
}

// run redacts records one after another on one connection.
func run(r *redact.Redactor, records ...string) []string {
	var s redact.Scratch
	var out []string
	for _, rec := range records {
		out = append(out, string(r.Redact(&s, []byte(rec), nil).Text))
	}
	return out
}

func b64(seed, n int) string {
	raw := make([]byte, n)
	x := uint32(seed)*2654435761 + 1
	for i := range raw {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		raw[i] = byte(x >> 11)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestAKeyOverManyRecordsIsHiddenInEach(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	const prefix = "[2026-04-02 08:14:55,120: WARNING/ForkPoolWorker-2] "
	lines := []string{prefix + "-----BEGIN RSA PRIVATE KEY-----"}
	var bodies []string
	for i := range 12 {
		bodies = append(bodies, b64(i, 48))
		lines = append(lines, prefix+bodies[i])
	}
	bodies = append(bodies, b64(99, 9))
	lines = append(lines, prefix+b64(99, 9), prefix+"-----END RSA PRIVATE KEY-----", prefix+"id 6ba7b810-9dad-11d1-80b4-00c04fd430c8 done")
	all := strings.Join(run(r, lines...), "\n")
	for _, body := range bodies {
		if strings.Contains(all, body) {
			t.Errorf("%s is left", body)
		}
	}
	for _, keep := range []string{"-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----", "id 6ba7b810-9dad-11d1-80b4-00c04fd430c8 done"} {
		if !strings.Contains(all, keep) {
			t.Errorf("%s is lost", keep)
		}
	}
}

func TestARecordCutInsideOfAKeyOrAValueGoesOnHidden(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	filler := strings.Repeat("{'id': 1, 'note': 'ok'}, ", 60)
	body := b64(7, 600)
	out := run(r, "rows "+filler+"'-----BEGIN PRIVATE KEY-----\\n"+body[:300], body[300:]+"\\n-----END PRIVATE KEY-----\\n', 'n': 1}", "Task a.b[1] succeeded")
	if strings.Contains(out[0], body[:40]) || strings.Contains(out[1], body[300:340]) || !strings.Contains(out[1], "'n': 1}") || out[2] != "Task a.b[1] succeeded" {
		t.Errorf("got %q", out[1:])
	}
	out = run(r, "rows "+filler+"key "+token[:18], token[18:]+" used", "Traceback (most recent call last):")
	if strings.Contains(out[0], token[:18]) || strings.Contains(out[1], token[18:]) || !strings.HasSuffix(out[1], " used") || out[2] != "Traceback (most recent call last):" {
		t.Errorf("got %q", out[1:])
	}
	out = run(r, "rows "+filler+"password=aB3xyz9Q", "Traceback (most recent call last):")
	if out[1] != "Traceback (most recent call last):" {
		t.Errorf("got %q", out[1:])
	}
	out = run(r, "rows "+filler+"'db_password': 'corr3ct-hor", "se-Battery', 'n': 1}", "rest of it")
	if strings.Contains(out[1], "Battery") || !strings.Contains(out[1], "', 'n': 1}") || out[2] != "rest of it" {
		t.Errorf("got %q", out[1:])
	}
}

func TestAValueOnceFoundIsFoundBareForAWhile(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	out := run(r, "received args=() kwargs={'password': 'n0t-Guess-able'}", "ValueError: invalid literal for int(): 'n0t-Guess-able'", "unrelated n0t-Guess-ables and xn0t-Guess-able")
	if out[1] != "ValueError: invalid literal for int(): '[REDACTED:repeated-secret]'" || out[2] != "unrelated n0t-Guess-ables and xn0t-Guess-able" {
		t.Errorf("got %q", out)
	}
	out = run(r, "connect(dsn='postgres://svc:n0t-Guess-able@db/x')\nValueError: invalid literal for int(): 'n0t-Guess-able'")
	if strings.Contains(out[0], "n0t-Guess-able") {
		t.Errorf("got %q", out)
	}
	// a plain word is not remembered: it would take that word out of every later line
	out = run(r, "{'password': 'production'}", "starting in production")
	if out[1] != "starting in production" {
		t.Errorf("got %q", out)
	}
	// nor for ever
	records := []string{"kwargs={'password': 'n0t-Guess-able'}"}
	for i := range 2100 {
		records = append(records, "tick "+strconv.Itoa(i))
	}
	out = run(r, append(records, "again n0t-Guess-able")...)
	if got := out[len(out)-1]; got != "again n0t-Guess-able" {
		t.Errorf("got %q", got)
	}
}

func TestMapFollowsASpanIntoTheOutput(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	line := "a password=aB3xyz9Q b card=4111111111111111 c"
	var s redact.Scratch
	res := r.Redact(&s, []byte(line), nil)
	for _, part := range []struct{ in, want string }{
		{"a", "a"}, {" b ", " b "}, {" c", " c"}, {"password=aB3xyz9Q", "password=[REDACTED:password]"}, {"aB3x", "[REDACTED:password]"}, {"9Q b card=41", "[REDACTED:password] b card=[REDACTED:card]"},
	} {
		lo := strings.Index(line, part.in)
		a, b := res.Map(event.Span{Start: uint32(lo), End: uint32(lo + len(part.in))})
		if got := string(res.Text[a:b]); got != part.want {
			t.Errorf("Map(%q) = %q, want %q", part.in, got, part.want)
		}
	}
	for _, f := range res.Findings {
		if got := string(res.Text[f.OutStart:f.OutEnd]); got != "[REDACTED:"+f.Detector+"]" {
			t.Errorf("finding %s stands at %q", f.Detector, got)
		}
	}
}

func TestExplainTellsWhatHidAndWhyACandidateWasLeft(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	var s redact.Scratch
	_, notes := r.Explain(&s, []byte("password=aB3xyz9Q token_count=5 api_key=xxxxxxxx"), nil)
	var hid, masked, telling bool
	for _, n := range notes {
		hid = hid || n.Hidden && n.Detector == "password" && n.Layer == redact.Structure && n.Rule == "password"
		masked = masked || !n.Hidden && n.Detector == "secret" && strings.Contains(n.Reason, "masked")
		telling = telling || !n.Hidden && strings.Contains(n.Reason, "about the secret")
	}
	if !hid || !masked || !telling {
		t.Errorf("hid %v masked %v telling %v: %+v", hid, masked, telling, notes)
	}
}

func TestStatsCountAndNeverShow(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	var s redact.Scratch
	var stats redact.Stats
	for _, line := range []string{"password=aB3xyz9Q", "password=aB3xyz9Q card=4111111111111111", "clean"} {
		res := r.Redact(&s, []byte(line), nil)
		stats.Add(&res)
	}
	if stats.Texts != 3 || stats.Changed != 2 || stats.Withheld != 0 || stats.Detector["password"] != 2 || strings.Join(stats.Names(), " ") != "password card" {
		t.Errorf("got %+v", stats)
	}
}

func TestATextThatIsTooLongIsWithheldWhole(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	var s redact.Scratch
	text := bytes.Repeat([]byte("password=aB3xyz9Q "), redact.MaxText/18+2)
	res := r.Redact(&s, text, nil)
	if res.Withheld != redact.WithheldSize || bytes.Contains(res.Text, []byte("aB3xyz9Q")) || len(res.Text) > 200 || len(res.Findings) != 1 {
		t.Errorf("withheld %q, %d bytes, %+v", res.Withheld, len(res.Text), res.Findings)
	}
	if again := redacted(r, string(res.Text)); again != string(res.Text) {
		t.Errorf("the placeholder is changed to %s", again)
	}
}
