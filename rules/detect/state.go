package detect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"destring/rules/event"
)

// The state of a Correlator, as it is saved beside the cursor of the matches it has read:
//
//	"DSC1"
//	uvarint n, then n correlations: text key, text version
//	groups, the quiet ones first: uvarint 1 + correlation, byte firing, text group-by values,
//	    uvarint entries, each: varint time since the entry before, 16 bytes event id,
//	    8 bytes mark, 8 bytes number
//	uvarint 0
//
// A text is uvarint length and bytes; fixed integers are big-endian. Entries of one group are in
// order of time. Event ids make at-least-once delivery harmless: what was counted is known.
const stateMagic = "DSC1"

const entryBytes = 1 + 16 + 8 + 8 // the least that one takes

// AppendState appends the state.
func (c *Correlator) AppendState(dst []byte) []byte {
	dst = append(dst, stateMagic...)
	dst = binary.AppendUvarint(dst, uint64(len(c.set.correlations)))
	for _, cor := range c.set.correlations {
		dst = appendText(appendText(dst, cor.rule.Key()), cor.rule.Version)
	}
	for g := c.oldest; g != nil; g = g.next {
		dst = binary.AppendUvarint(dst, uint64(g.of.index)+1)
		dst = append(dst, map[bool]byte{true: 1}[g.firing])
		dst = appendText(dst, g.key[keyPrefix:])
		dst = binary.AppendUvarint(dst, uint64(len(g.entries)))
		before := int64(0)
		for _, e := range g.entries {
			dst = binary.AppendVarint(dst, e.time-before)
			dst = binary.BigEndian.AppendUint64(dst, e.id.Connection)
			dst = binary.BigEndian.AppendUint64(dst, e.id.Message)
			dst = binary.BigEndian.AppendUint64(dst, e.mark)
			dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(e.number))
			before = e.time
		}
	}
	return append(dst, 0)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Restore replaces the state by a saved one. Groups of correlations that this set does not have, or has in
// another version, are forgotten and counted.
func (c *Correlator) Restore(state []byte) (forgotten int, err error) {
	c.groups, c.oldest, c.newest, c.used = make(map[string]*group), nil, nil, 0
	if len(state) == 0 {
		return 0, nil
	}
	if len(state) < len(stateMagic) || string(state[:len(stateMagic)]) != stateMagic {
		return 0, errors.New("correlation state: not of this form")
	}
	r := &stateReader{rest: state[len(stateMagic):]}
	known := r.correlations(c.set)
	for r.err == nil {
		g := r.group(known)
		switch {
		case r.err != nil:
			return forgotten, fmt.Errorf("correlation state: byte %d: %w", len(state)-len(r.rest), r.err)
		case g == nil:
			return forgotten, nil
		case g.of == nil:
			forgotten++
		case c.groups[g.key] == nil && len(g.entries) > 0:
			c.groups[g.key] = g
			c.append(g)
			c.touch(g)
		}
	}
	return forgotten, fmt.Errorf("correlation state: byte %d: %w", len(state)-len(r.rest), r.err)
}

var errCut = errors.New("ends too early")

// stateReader reads numbers and texts until something is wrong; err stays.
type stateReader struct {
	rest []byte
	err  error
}

func (r *stateReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.err = errCut
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *stateReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.err = errCut
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *stateReader) bytes(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.rest)) {
		r.err = errCut
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *stateReader) fixed() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// correlations returns for each of the saved ones that of the set, nil when it is not the same.
func (r *stateReader) correlations(s *Set) []*correlation {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.err = errCut
		return nil
	}
	known := make([]*correlation, n)
	for i := range known {
		key, version := string(r.bytes(r.uvarint())), string(r.bytes(r.uvarint()))
		for _, c := range s.correlations {
			if c.rule.Key() == key && c.rule.Version == version {
				known[i] = c
			}
		}
	}
	return known
}

// group reads one group; nil at the end. Its correlation is nil when that is not known.
func (r *stateReader) group(known []*correlation) *group {
	index := r.uvarint()
	if r.err != nil || index == 0 {
		return nil
	}
	firing := r.bytes(1)
	key, n := r.bytes(r.uvarint()), r.uvarint()
	if index > uint64(len(known)) || n > uint64(len(r.rest))/entryBytes {
		r.err = errCut
	}
	if r.err != nil {
		return nil
	}
	g := &group{of: known[index-1], firing: firing[0] == 1, entries: make([]entry, 0, n)}
	if g.of != nil {
		g.key = string(binary.BigEndian.AppendUint32(nil, uint32(g.of.index))) + string(key)
	}
	before := int64(0)
	for range n {
		before += r.varint()
		e := entry{time: before, id: event.ID{Connection: r.fixed(), Message: r.fixed()}, mark: r.fixed(), number: math.Float64frombits(r.fixed())}
		if (g.of == nil || len(g.entries) < g.of.limit()) && (len(g.entries) == 0 || g.entries[len(g.entries)-1].time <= e.time) && (g.of == nil || g.of.markFits(e.mark)) {
			g.entries = append(g.entries, e)
		}
	}
	return g
}

// markFits keeps a damaged state from naming a part that the correlation does not have.
func (c *correlation) markFits(mark uint64) bool {
	return !c.temporal() || mark < uint64(len(c.parts))
}
