package framing

import (
	"bytes"
	"testing"
)

// What may be a count or the first word of a line is told alike however the bytes come, and what was searched for an
// end once is not searched again.
func TestTheFirstBytesInDoubtAreSearchedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want Kind
	}{
		"a line":              {"60000000 orders were shipped\nand one more\n", LF},
		"a line in NUL":       {"60000000 orders were shipped\x00and one more\x00", NUL},
		"a count without end": {"60000 " + string(bytes.Repeat([]byte("x"), 60000)) + "6 <14>ab", Octet},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScanner(Options{MaxMessage: 1 << 20})
			for n := 1; n <= len(c.in); n++ {
				before := s.plain
				f, _, ok := s.next([]byte(c.in[:n]))
				if ok {
					t.Fatalf("%v came out of the first %d bytes while in doubt", f, n)
				}
				if s.state != between || s.hold {
					break
				}
				if s.plain != before && s.plain != n {
					t.Fatalf("of %d bytes %d are known to be plain", n, s.plain)
				}
			}
			s.final = true
			if f, _, ok := s.next([]byte(c.in)); !ok || f.Kind != c.want {
				t.Errorf("it is %v of kind %v, want %v", ok, f.Kind, c.want)
			}
			if s.plain != 0 {
				t.Errorf("%d bytes of the frame before are taken for those of the next", s.plain)
			}
		})
	}
}
