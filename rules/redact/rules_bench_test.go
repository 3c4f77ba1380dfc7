package redact

import (
	"slices"
	"testing"
)

// BenchmarkTwiceTheRules shows what a second set of vendor rules, whose vendors do not turn up, costs on the corpus.
func BenchmarkTwiceTheRules(b *testing.B) {
	lines := readCorpus(b)
	for name, times := range map[string]int{"once": 1, "twice": 2} {
		b.Run(name, func(b *testing.B) {
			r, err := New(Options{Key: []byte("0123456789abcdef")})
			if err != nil {
				b.Fatal(err)
			}
			if times == 2 {
				for _, ru := range slices.Clone(r.rules) {
					ru.keywords = slices.Clone(ru.keywords)
					for i, k := range ru.keywords {
						ru.keywords[i] = "zq" + k
					}
					ru.compiled = new(lazyRule)
					r.rules = append(r.rules, ru)
				}
				r.triggers = nil
				r.compile()
			}
			var s Scratch
			size := 0
			for _, l := range lines {
				size += len(l.line)
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				for i := range lines {
					r.Redact(&s, []byte(lines[i].line), nil)
				}
			}
		})
	}
}
