package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen fits lines to a terminal. Where there is none (width 0) every line stays as it is, for
// programs and files.
type screen struct{ width int }

// minScreen is the width below which nothing is fitted.
const minScreen = 60

func newScreen(w io.Writer) screen {
	f, ok := w.(*os.File)
	if !ok {
		return screen{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < minScreen {
		return screen{}
	}
	return screen{width}
}

var (
	lineDate = regexp.MustCompile(`^\[\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d),\d{3}: `)
	taskID   = regexp.MustCompile(`\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	escapes  = regexp.MustCompile(`\x1b\[[0-9;]*m`)
)

// brief leaves out what a person who looks on does not read: the day, and all but the beginning of
// task ids.
func (s screen) brief(line string) string {
	if s.width == 0 {
		return line
	}
	return taskID.ReplaceAllString(lineDate.ReplaceAllString(line, "[$1 "), "$1…")
}

// wrap breaks lines between words, so that what goes on stands below the text and not below the
// margin columns that come before it. Colours take no room.
func (s screen) wrap(text string, margin int) string {
	if s.width == 0 || s.width-margin < minScreen/2 {
		return text
	}
	hang := "\n" + strings.Repeat(" ", margin)
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		column := 0
		if i == 0 { // further lines bring their own margin
			column = margin
		}
		for j, word := range strings.Split(line, " ") {
			n := utf8.RuneCountInString(escapes.ReplaceAllString(word, ""))
			if j > 0 && column+1+n > s.width {
				b.WriteString(hang + word)
				column = margin + n
				continue
			}
			if j > 0 {
				b.WriteString(" ")
				column++
			}
			b.WriteString(word)
			column += n
		}
	}
	return b.String()
}
