package main

import (
	"strings"
	"testing"
)

func TestLinesAreFittedToATerminalAndLeftAloneElsewhere(t *testing.T) {
	const line = "[2026-11-25 10:00:00,123: INFO/MainProcess] Task shop.tasks.charge[0b1f2c3d-4a5b-4c6d-8e7f-001122334455] received and a few words more"
	for name, c := range map[string]struct {
		width  int
		text   string
		margin int
		want   string
	}{
		"no terminal":                         {0, line, 8, line},
		"a terminal that is too narrow":       {70, "some words that go on and on and on beyond the margin", 60, "some words that go on and on and on beyond the margin"},
		"words go to the next line":           {60, strings.Repeat("word ", 12) + "end", 8, strings.Repeat("word ", 9) + "word\n        word word end"},
		"colours take no room":                {60, "\x1b[31m" + strings.Repeat("word ", 10) + "ab\x1b[0m", 8, "\x1b[31m" + strings.Repeat("word ", 10) + "ab\x1b[0m"},
		"a long word stays whole":             {60, strings.Repeat("x", 90), 8, strings.Repeat("x", 90)},
		"further lines bring their own start": {60, "a\n    b", 8, "a\n    b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (screen{c.width}).wrap(c.text, c.margin); got != c.want {
				t.Errorf("got\n%q\nwant\n%q", got, c.want)
			}
		})
	}
	if got := (screen{}).brief(line); got != line {
		t.Errorf("%q was shortened where no terminal is", got)
	}
	if got, want := (screen{100}).brief(line), "[10:00:00 INFO/MainProcess] Task shop.tasks.charge[0b1f2c3d…] received and a few words more"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestWhatWasHiddenIsColouredInWhatArrived(t *testing.T) {
	for _, c := range []struct{ arrived, left, want string }{
		{"password=hunter2 rest", "password=[REDACTED:password] rest", "password=<hunter2> rest"},
		{"a=1 b=22 end", "a=[REDACTED:x] b=[REDACTED:y]", "a=<1> b=<22 end>"},
		{"nothing", "nothing", "nothing"},
		{"other text", "and [REDACTED:x] does not fit", "other text"},
	} {
		got := strings.NewReplacer("\x1b[1;31m", "<", "\x1b[0m", ">").Replace(paint{true}.hidden(c.arrived, c.left))
		if got != c.want {
			t.Errorf("%q beside %q: got %q, want %q", c.arrived, c.left, got, c.want)
		}
		if plain := (paint{}).hidden(c.arrived, c.left); plain != c.arrived {
			t.Errorf("without colours: %q", plain)
		}
	}
}
