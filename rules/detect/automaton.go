package detect

import "slices"

// automaton is Aho and Corasick's, as a table of states by byte classes. ASCII
// case is folded in the classes, so ASCII text need not be folded to be read.
//
// A state is the offset of its row. States in which a literal ends come last:
// one comparison in the loop tells them.
type automaton struct {
	class    [256]uint8
	next     []uint32
	firstHit uint32
	width    uint32
	targets  [][]target // of the states from firstHit on, by row
}

// target is what a literal that was seen in a slot wakes.
type target struct {
	slot   int32
	gate   int32
	length int32 // of the literal, to tell where it began
}

type trieNode struct {
	children map[byte]int
	fail     int
	out      []target
}

// newAutomaton builds the table for literals, which are folded and not empty.
func newAutomaton(literals map[string][]target) *automaton {
	a := &automaton{}
	a.classify(literals)
	nodes := buildTrie(literals, &a.class)
	order := linkFailures(nodes)
	a.number(nodes, order)
	return a
}

// classify gives every byte that occurs in a literal a class of its own, and all others class 0.
func (a *automaton) classify(literals map[string][]target) {
	var used [256]bool
	for l := range literals {
		for i := range len(l) {
			used[l[i]] = true
		}
	}
	a.width = 1
	for c := range 256 {
		if used[c] {
			a.class[c] = uint8(a.width)
			a.width++
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.class[c] = a.class[c+'a'-'A']
	}
}

func buildTrie(literals map[string][]target, class *[256]uint8) []trieNode {
	nodes := []trieNode{{children: map[byte]int{}}}
	keys := make([]string, 0, len(literals))
	for l := range literals {
		keys = append(keys, l)
	}
	slices.Sort(keys) // the table is the same for the same rules
	for _, l := range keys {
		at := 0
		for i := range len(l) {
			c := class[l[i]]
			child, ok := nodes[at].children[c]
			if !ok {
				child = len(nodes)
				nodes = append(nodes, trieNode{children: map[byte]int{}})
				nodes[at].children[c] = child
			}
			at = child
		}
		nodes[at].out = append(nodes[at].out, literals[l]...)
	}
	return nodes
}

// linkFailures returns the nodes in breadth-first order, with fail and inherited output set.
func linkFailures(nodes []trieNode) []int {
	order := []int{0}
	for i := 0; i < len(order); i++ {
		at := order[i]
		for c, child := range nodes[at].children {
			order = append(order, child)
			fail := nodes[at].fail
			for at != 0 {
				if to, ok := nodes[fail].children[c]; ok {
					nodes[child].fail = to
					break
				}
				if fail == 0 {
					break
				}
				fail = nodes[fail].fail
			}
			nodes[child].out = append(nodes[child].out, nodes[nodes[child].fail].out...)
		}
	}
	return order
}

// number lays the rows out and fills them. Breadth-first keeps the rows that every text visits together.
func (a *automaton) number(nodes []trieNode, order []int) {
	row := make([]uint32, len(nodes))
	n := uint32(0)
	for _, hits := range []bool{false, true} {
		if hits {
			a.firstHit = n * a.width
		}
		for _, at := range order {
			if (len(nodes[at].out) > 0) == hits {
				row[at] = n * a.width
				n++
				if hits {
					a.targets = append(a.targets, nodes[at].out)
				}
			}
		}
	}
	a.next = make([]uint32, int(n*a.width))
	for _, at := range order { // a node's failure node comes before it
		for c := range a.width {
			to := uint32(0)
			if child, ok := nodes[at].children[byte(c)]; ok {
				to = row[child]
			} else if at != 0 {
				to = a.next[row[nodes[at].fail]+c]
			}
			a.next[row[at]+c] = to
		}
	}
}
