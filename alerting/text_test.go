package alerting_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"destring/alerting"
)

func TestTextIsCutAtARuneBorder(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "…"}, {"äöüß", 8, "äöüß"}, {"äöüß!", 8, "äö…"}, {"a\xffb", 10, "a\ufffdb"}, {"", 5, ""}, {"日本語テキスト", 10, "日本…"}} {
		if got := alerting.Cut(c.text, c.n); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

func TestWhatAScreenWouldHideIsShown(t *testing.T) {
	for text, want := range map[string]string{"plain ünïcode 日本\n\tx": "plain ünïcode 日本\n\tx", "\x1b[31m": `\u001b[31m`, "a\u202eb": `a\u202eb`, "\U000e0041": `\U000e0041`, "\r\x00\u200b": `\u000d\u0000\u200b`} {
		if got := alerting.Visible(text); got != want {
			t.Errorf("Visible(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("日本語", 5)
	f.Add("\xff\xff\xff", 4)
	f.Add(strings.Repeat("é", 300), 256)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 3 || n > 1<<16 {
			return
		}
		got := alerting.Cut(s, n)
		if len(got) > n || !utf8.ValidString(got) {
			t.Errorf("Cut(%q, %d) = %q", s, n, got)
		}
		if len(s) <= n && utf8.ValidString(s) && got != s {
			t.Errorf("%q is changed to %q", s, got)
		}
	})
}
