package slack

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"destring/alerting"
)

var whole = regexp.MustCompile(`&(amp|lt|gt);`)

// In the package, for escape and name are the one way in which text of a log gets into a message.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "<!channel>", strings.Repeat("<", 200), "&lt;&amp;", "a\u202eb\x1b[2J", "\xff\xfe", "👩‍👩‍👧‍👦", strings.Repeat("é&", 90)} {
		f.Add(s, 50)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > 5000 || len(s) > 1<<16 {
			return
		}
		got := escape(s, n)
		switch {
		case utf8.RuneCountInString(got) > n:
			t.Errorf("%d characters, want at most %d", utf8.RuneCountInString(got), n)
		case !utf8.ValidString(got) || alerting.Visible(got) != got:
			t.Errorf("hidden characters in %q", got)
		case strings.ContainsAny(whole.ReplaceAllString(got, ""), "&<>"):
			t.Errorf("not escaped, or cut inside an entity: %q", got)
		}
		if short := len(s) < n/6 && utf8.ValidString(s); short && alerting.Visible(s) != whole.ReplaceAllStringFunc(got, unescaped) {
			t.Errorf("%q is changed to %q", s, got)
		}
		if strings.ContainsAny(name(s), "<>&@*`~|:/\n") {
			t.Errorf("name lets %q through", name(s))
		}
	})
}

func unescaped(e string) string {
	return map[string]string{"&amp;": "&", "&lt;": "<", "&gt;": ">"}[e]
}
