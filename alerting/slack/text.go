package slack

import (
	"strings"
	"unicode/utf8"

	"destring/alerting"
)

// Limits of Block Kit, in characters, and our own on the whole message: Slack refuses one of
// about 13,200 without a word in its documentation (bolt-js #2509).
const (
	maxHeader  = 150
	maxField   = 2000
	maxSection = 3000
	maxBlocks  = 50
	maxTotal   = 10_000
)

// escape makes s show as it is: control and bidirectional characters as \u escapes, & < > as
// entities, cut to n characters of the result at a rune and entity border.
func escape(s string, n int) string {
	s = alerting.Visible(alerting.Cut(s, 4*n+utf8.UTFMax))
	var b strings.Builder
	used, room := 0, -1 // room: length of b when one character was left for the ellipsis
	for _, r := range s {
		piece := entity(r)
		size := utf8.RuneCountInString(piece)
		if used+size > n-1 && room < 0 {
			room = b.Len()
		}
		if used+size > n {
			return b.String()[:room] + "…"
		}
		b.WriteString(piece)
		used += size
	}
	return b.String()
}

func entity(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

// name reduces s to letters, digits and the plainest punctuation of ASCII, for the notification
// text, the one place where a name stands that Slack might parse; with "parse": "none"
// it makes no link of a bare domain either.
func name(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_', r == ' ', r == ',', r == '(', r == ')':
			return r
		}
		return '-'
	}, s[:min(len(s), 120)])
}
