package redact_test

import (
	"sync"
	"testing"

	"destring/rules/redact"
)

func TestOneRedactorServesManyConnections(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	lines := []string{"password=aB3xyz9Q", "пароль: Zima-2026x", "key " + token, `{"m": "{\"api_key\": \"` + token + `\"}"}`, "body=" + b64(3, 60), "datadog_api_key=" + "0123456789abcdef0123456789abcdef01234567"}
	var want []string
	for _, l := range lines {
		want = append(want, redacted(r, l))
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				for i, l := range lines {
					if got := redacted(r, l); got != want[i] {
						t.Errorf("got %s, want %s", got, want[i])
					}
				}
			}
		})
	}
	group.Wait()
}
