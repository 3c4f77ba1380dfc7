package redact

import "slices"

// automaton finds all of a set of words in one pass over a text (Aho-Corasick), without
// regard to ASCII case. It is a dense table over byte classes: a state is the offset of its row, so that a
// step is one addition and one load. Rows of states near the root stay in the first-level cache.
type automaton struct {
	class   [256]uint16
	classes int
	next    []uint32   // next[state+class]; the top bit says that the target has words
	words   [][]uint16 // by row number: the words that end there, longest first
	lens    []uint8
	longest int // bytes of the longest word
}

const hasWords = 1 << 31

// newAutomaton builds the automaton of words, which are in lower case and hold "_" for each of "_-. ": they
// count as one letter, for names are written with any of them. The number that find
// reports is the index in words.
func newAutomaton(words []string) *automaton {
	a := &automaton{classes: 1, lens: make([]uint8, len(words))}
	for i, w := range words {
		a.lens[i] = uint8(len(w))
		a.longest = max(a.longest, len(w))
		for j := range len(w) {
			if a.class[w[j]] == 0 {
				a.class[w[j]] = uint16(a.classes)
				a.classes++
			}
		}
	}
	for _, c := range "-. " {
		a.class[c] = a.class['_']
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.class[c] = a.class[c+'a'-'A']
	}
	total := 1
	for _, w := range words {
		total += len(w)
	}
	a.next = make([]uint32, 0, total*a.classes)
	a.grow()
	for i, w := range words {
		if w == "" {
			continue
		}
		s := uint32(0)
		for j := range len(w) {
			at := s + uint32(a.class[w[j]])
			if a.next[at] == 0 {
				a.next[at] = uint32(len(a.next))
				a.grow()
			}
			s = a.next[at]
		}
		row := int(s) / a.classes
		a.words[row] = append(a.words[row], uint16(i))
	}
	a.next = slices.Clone(a.next)
	a.link()
	return a
}

func (a *automaton) grow() {
	a.next = a.next[:len(a.next)+a.classes] // there is room: see newAutomaton
	a.words = append(a.words, nil)
}

// link turns the trie into a table: missing edges go where the longest proper suffix goes.
func (a *automaton) link() {
	fail := make([]uint32, len(a.words))
	queue := make([]uint32, 0, len(a.words))
	for c := range a.classes {
		if t := a.next[c]; t != 0 {
			queue = append(queue, t)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		f := fail[int(s)/a.classes]
		row, from := int(s)/a.classes, int(f)/a.classes
		a.words[row] = append(slices.Clip(a.words[row]), a.words[from]...)
		for c := range uint32(a.classes) {
			t := a.next[s+c]
			if t == 0 {
				a.next[s+c] = a.next[f+c]
				continue
			}
			fail[int(t)/a.classes] = a.next[f+c]
			queue = append(queue, t)
		}
	}
	for i, t := range a.next {
		if len(a.words[int(t)/a.classes]) > 0 {
			a.next[i] |= hasWords
		}
	}
}
