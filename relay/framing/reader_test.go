package framing_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"destring/relay/framing"
)

// show writes a frame in one line: kind, flags, text.
func show(f framing.Frame) string {
	flags := ""
	for _, flag := range []struct {
		set  bool
		name string
	}{{f.Truncated, "T"}, {f.Partial, "P"}, {f.Continued, "C"}} {
		if flag.set {
			flags += flag.name
		}
	}
	return fmt.Sprintf("%v%s %q", f.Kind, strings.TrimSuffix("/"+flags, "/"), f.Bytes)
}

// readAll returns every frame of src and what ended it.
func readAll(src io.Reader, opt framing.Options) (frames []string, end error) {
	r := framing.NewReader(src, opt)
	for {
		f, err := r.Next()
		if err != nil {
			return frames, err
		}
		frames = append(frames, show(f))
	}
}

func TestOfEachMessageTheKindIsFound(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"a line", "<13>a\n", []string{`lf "<13>a"`}},
		{"a line with CR LF", "<13>a\r\n<13>b\r\n", []string{`lf "<13>a"`, `lf "<13>b"`}},
		{"a NUL", "<13>a\x00<13>b\x00", []string{`nul "<13>a"`, `nul "<13>b"`}},
		{"a count", "5 <13>a5 <13>b", []string{`octet "<13>a"`, `octet "<13>b"`}},
		{"a count keeps line feeds", "9 <13>a\nb\nc5 <13>d", []string{`octet "<13>a\nb\nc"`, `octet "<13>d"`}},
		{"a count of zero", "0 5 <13>a", []string{`octet "<13>a"`}},
		{"all kinds mixed", "<13>a\n5 <13>b<13>c\x00<13>d\r\n", []string{`lf "<13>a"`, `octet "<13>b"`, `nul "<13>c"`, `lf "<13>d"`}},
		{"a line cut by the end", "<13>a\n<13>b", []string{`lf "<13>a"`, `lf/P "<13>b"`}},
		{"a count cut by the end", "50 <13>a", []string{`octet/P "<13>a"`}},
		{"continuation lines", "<13>a\n  b\n\nc\n<13>d\n", []string{`lf/C "<13>a\n  b\n\nc"`, `lf "<13>d"`}},
		{"lines without any header", "a\nb\n", []string{`lf "a"`, `lf "b"`}},
		{"a traceback in NUL frames", "<13>a\n b\n c\x00<13>d\x00", []string{`nul "<13>a\n b\n c"`, `nul "<13>d"`}},
		{"a signed count", "-5 <14>x\n5 <13>a", []string{`lf/P "-5 <14>x"`, `octet "<13>a"`}},
		{"a huge count", "99999999999999999999 <14>x\n5 <13>a", []string{`lf/P "99999999999999999999 <14>x"`, `octet "<13>a"`}},
		{"a count that is too small", "5 <13>abcdef5 <13>b", []string{`octet "<13>a"`, `octet/P "bcdef"`, `octet "<13>b"`}},
		{"a line that begins with digits", "2026-05-01 started\n12:30 on\n", []string{`lf "2026-05-01 started"`, `lf "12:30 on"`}},
	} {
		for how, src := range map[string]io.Reader{"at once": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				got, err := readAll(src, framing.Options{})
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("%q:\n got %s\nwant %s", c.in, got, c.want)
				}
				if !errors.Is(err, io.EOF) {
					t.Errorf("ended with %v", err)
				}
			})
		}
	}
}
