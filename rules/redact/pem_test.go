package redact_test

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"destring/rules/redact"
)

// keyLines is a private key of nobody, line by line.
func keyLines(t *testing.T) []string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(7, 11))
	body := make([]byte, 608)
	for i := range body {
		body[i] = byte(rnd.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(body)
	lines := []string{"-----BEGIN RSA " + "PRIVATE KEY-----"}
	for len(text) > 64 {
		lines, text = append(lines, text[:64]), text[64:]
	}
	return append(lines, text, "-----END RSA "+"PRIVATE KEY-----")
}

func TestAKeyPrintedLineByLineIsHiddenThoughOtherRecordsComeBetween(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	others := []string{
		"other line here",
		"[2025-11-25 00:08:12,807: INFO/ForkPoolWorker-2] Task shop.tasks.charge[0b1f2c3d-0000-4000-8000-5eed00000001] succeeded in 0.0123s: None",
		"image sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"GET /srv/shop/static/bundles/ForkPoolWorker2/main/app/js",
	}
	for _, head := range []string{"", "[2025-11-25 00:08:12,807: WARNING/ForkPoolWorker-2] "} {
		for every := 1; every <= 4; every++ {
			var s redact.Scratch
			n := 0
			for i, line := range keyLines(t) {
				if i%every == 0 {
					for range 1 + i%3 {
						other := others[n%len(others)]
						n++
						if got := r.Redact(&s, []byte(other), nil).Text; string(got) != other {
							t.Errorf("every %d: a record of something else is changed: %s", every, got)
						}
					}
				}
				got := string(r.Redact(&s, []byte(head+line), nil).Text)
				if !strings.HasPrefix(line, "--") && strings.Contains(got, line) {
					t.Errorf("head %q, every %d, line %d: %s", head, every, i, got)
				}
			}
		}
	}
}

func TestAKeyThatDoesNotGoOnIsForgotten(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	var s redact.Scratch
	lines := keyLines(t)
	r.Redact(&s, []byte(lines[0]), nil)
	r.Redact(&s, []byte(lines[1]), nil)
	for range 12 {
		r.Redact(&s, []byte("something else"), nil)
	}
	if got := r.Redact(&s, []byte(lines[2]), nil).Text; string(got) != lines[2] {
		t.Errorf("a connection waits for ever: %s", got)
	}
}
