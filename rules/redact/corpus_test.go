package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// labelled is a line of a corpus with what must go and what must stay.
type labelled struct {
	line    string
	secrets []secret
	keep    []string
	plain   string // the line without its secrets
}

type secret struct{ kind, value string }

// readCorpus reads testdata/corpus.txt; its head describes the format.
func readCorpus(t testing.TB) []labelled {
	t.Helper()
	raw, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []labelled
	for text := range strings.Lines(string(raw)) {
		text = strings.TrimRight(text, "\n")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		text, err := fillHoles(strings.ReplaceAll(text, "⏎", "\n"))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, parseLabelled(t, text))
	}
	return list
}

// fillHoles is fill for a line that may hold other angle brackets.
func fillHoles(text string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '<' {
			if end := strings.IndexByte(text[i:], '>'); end > 0 {
				kind, _, ok := strings.Cut(text[i+1:i+end], ":")
				if ok && sampleAlphabets[kind] != "" {
					v, err := fill(text[i : i+end+1])
					if err != nil {
						return "", err
					}
					// a different value for each place
					rot := (i*7 + 3) % len(v)
					out.WriteString(v[rot:] + v[:rot])
					i += end + 1
					continue
				}
			}
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String(), nil
}

func parseLabelled(t testing.TB, text string) labelled {
	t.Helper()
	var l labelled
	var line, plain strings.Builder
	for text != "" {
		i := strings.IndexAny(text, "«‹")
		if i < 0 {
			line.WriteString(text)
			plain.WriteString(text)
			break
		}
		line.WriteString(text[:i])
		plain.WriteString(text[:i])
		if rest, ok := strings.CutPrefix(text[i:], "«"); ok {
			body, after, _ := strings.Cut(rest, "»")
			kind, value, ok := strings.Cut(body, ":")
			if !ok {
				t.Fatalf("no kind in %q", body)
			}
			l.secrets = append(l.secrets, secret{kind, value})
			line.WriteString(value)
			plain.WriteByte(0)
			text = after
			continue
		}
		body, after, _ := strings.Cut(strings.TrimPrefix(text[i:], "‹"), "›")
		l.keep = append(l.keep, body)
		line.WriteString(body)
		plain.WriteString(body)
		text = after
	}
	l.line, l.plain = line.String(), plain.String()
	return l
}

// leaked reports whether a piece of v that tells something is left in out: 8 bytes and 60 % of it, 24 at most.
func leaked(v, out string) bool {
	n := len(v)
	limit := min(n, max(8, min(int(math.Ceil(.6*float64(n))), 24)))
	for i := 0; i+limit <= n; i++ {
		if strings.Contains(out, v[i:i+limit]) {
			return true
		}
	}
	return false
}

// score is what a run over a corpus gives.
type score struct {
	secrets, hidden           int
	keep, kept                int
	plain, lost               int
	clean, untouched          int
	lines, right, json, valid int
	kinds                     map[string][2]int // hidden, all
}

func (s score) String() string {
	pct := func(a, b int) float64 { return 100 * float64(a) / float64(max(b, 1)) }
	return fmt.Sprintf("recall %.2f keep %.2f over-redaction %.3f clean %.2f right %.2f JSON %.1f", pct(s.hidden, s.secrets), pct(s.kept, s.keep),
		pct(s.lost, s.plain), pct(s.untouched, s.clean), pct(s.right, s.lines), pct(s.valid, s.json))
}

// lostPlain counts the bytes of the plain text that are no longer in order in out.
func lostPlain(l *labelled, out string) int {
	rest, lost := out, 0
	for _, token := range strings.FieldsFunc(l.plain, func(r rune) bool { return strings.ContainsRune(" '\"{}[](),;\x00", r) }) {
		i := strings.Index(rest, token)
		if i < 0 {
			lost += len(token)
			continue
		}
		rest = rest[i+len(token):]
	}
	return lost
}

func (s *score) add(l *labelled, out string) (ok bool) {
	ok = true
	if s.kinds == nil {
		s.kinds = make(map[string][2]int)
	}
	for _, sec := range l.secrets {
		s.secrets++
		k := s.kinds[sec.kind]
		k[1]++
		if leaked(sec.value, out) {
			ok = false
		} else {
			s.hidden++
			k[0]++
		}
		s.kinds[sec.kind] = k
	}
	for _, keep := range l.keep {
		s.keep++
		if strings.Contains(out, keep) {
			s.kept++
		} else {
			ok = false
		}
	}
	s.plain += len(l.plain)
	s.lost += lostPlain(l, out)
	if len(l.secrets) == 0 {
		s.clean++
		if out == l.line {
			s.untouched++
		} else {
			ok = false
		}
	}
	s.lines++
	if ok {
		s.right++
	}
	if strings.HasPrefix(l.line, "{") && json.Valid([]byte(l.line)) {
		s.json++
		if json.Valid([]byte(out)) {
			s.valid++
		}
	}
	return ok
}

func TestTheCorpusIsRedactedWithinTheGates(t *testing.T) {
	r, err := New(Options{Key: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	var total score
	for _, l := range readCorpus(t) {
		var s Scratch
		out := string(r.Redact(&s, []byte(l.line), nil).Text)
		if !total.add(&l, out) {
			t.Logf("not right:\n  %q\n  %q", l.line, out)
		} else if lostPlain(&l, out) > 0 {
			t.Logf("too much:\n  %q\n  %q", l.line, out)
		}
		var again Scratch
		if twice := r.Redact(&again, []byte(out), nil).Text; !bytes.Equal(twice, []byte(out)) {
			t.Errorf("not idempotent:\n  %q\n  %q", out, twice)
		}
	}
	t.Log(total)
	for kind, k := range total.kinds {
		if k[0] < k[1] {
			t.Logf("%s: %d of %d hidden", kind, k[0], k[1])
		}
	}
	if total.hidden*1000 < total.secrets*995 || total.kept*1000 < total.keep*995 || total.lost*1000 > total.plain || total.untouched*1000 < total.clean*995 || total.valid < total.json {
		t.Errorf("below the gates: %v", total)
	}
}
