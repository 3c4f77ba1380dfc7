package repr

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
)

// Pickle walks over a pickle and gives its strings, without making an object of any. It knows what
// every opcode of protocols 0 to 5 is followed by (Lib/pickletools.py) and nothing of what they do, but for
// one thing: between a mark and the opcode that fills a dict, strings come as key and value, so a string at an even
// place is the key of what comes next. In a list that is wrong and does no harm.
//
// A pickler writes a string once and then refers to it: the first maxMemo of them are given again, as key or value, where they are
// referred to.
//
// Time is linear, nothing is recursive, MaxDepth marks are kept apart.
type Pickle struct {
	src    []byte
	pos    int
	depth  int
	items  [MaxDepth]int // values since each open mark
	keys   [MaxDepth]Span
	memo   [maxMemo]Span
	stored int  // by MEMOIZE, which counts by itself
	last   Span // the string that a PUT behind it stores
	whole  bool
}

// maxMemo bounds the strings that a pickle can refer back to.
const maxMemo = 128

// IsPickle reports whether b begins as a pickle of protocol 2 or newer does.
func IsPickle(b []byte) bool { return len(b) > 3 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5 }

// Reset makes p read src from its beginning.
func (p *Pickle) Reset(src []byte) { *p = Pickle{src: src} }

// Whole reports, once Next has reported false, whether the walk came to the end of the pickle: its STOP.
func (p *Pickle) Whole() bool { return p.whole }

// Pos returns how far the walk has come, bytes.
func (p *Pickle) Pos() int { return min(p.pos, len(p.src)) }

// Next gives the next string as a token with its Text and Key. It reports false at the end and where the
// pickle is broken or cut.
func (p *Pickle) Next(t *Token) bool {
	for p.pos < len(p.src) && !p.whole {
		op := p.src[p.pos]
		p.pos++
		at := p.pos
		text, ok := p.operand(op)
		if !ok {
			return false
		}
		if text = p.remembered(op, at, text); op == '.' {
			p.whole = true
			return false
		}
		if !text.Empty() || isText(op) {
			*t = Token{Kind: String, Depth: p.depth, Start: text.Start, End: text.End, Text: text, Key: p.push(text), Bytes: op == 'C' || op == 'B' || op == 0x8e || op == 0x96}
			return true
		}
		p.track(op)
	}
	return false
}

func isText(op byte) bool {
	switch op {
	case 'S', 'T', 'U', 'V', 'X', 0x8c, 0x8d, 'C', 'B', 0x8e, 0x96:
		return true
	}
	return false
}

// remembered stores the last string for a PUT, and gives the one that a GET asks for. at is where the operand of op begins.
func (p *Pickle) remembered(op byte, at int, text Span) Span {
	switch op {
	case 0x94: // MEMOIZE
		if p.stored < maxMemo {
			p.memo[p.stored] = p.last
		}
		p.stored++
	case 'q', 'r': // BINPUT, LONG_BINPUT
		if n := p.index(op == 'r', at); n < maxMemo {
			p.memo[n] = p.last
		}
	case 'h', 'j': // BINGET, LONG_BINGET
		if n := p.index(op == 'j', at); n < maxMemo {
			text = p.memo[n]
		}
	default:
		p.last = text
	}
	return text
}

func (p *Pickle) index(long bool, at int) int {
	if long {
		return int(binary.LittleEndian.Uint32(p.src[at:]))
	}
	return int(p.src[at])
}

// push counts a value and returns the key it belongs to.
func (p *Pickle) push(text Span) (key Span) {
	at := min(p.depth, MaxDepth-1)
	if p.items[at]&1 == 1 {
		key = p.keys[at]
	}
	p.keys[at] = text
	p.items[at]++
	return key
}

// track follows marks and values that are no strings.
func (p *Pickle) track(op byte) {
	switch op {
	case '(': // MARK
		if p.depth++; p.depth < MaxDepth {
			p.items[p.depth] = 0
		}
	case 't', 'd', 'l', 'i', 'o', 0x8f, 0x91: // a mark becomes one value: TUPLE, DICT, LIST, INST, OBJ, FROZENSET
		p.unmark()
		p.push(Span{})
		p.even(op)
	case 'e', 'u', 0x90: // a mark goes into what stands below it: APPENDS, SETITEMS, ADDITEMS
		p.unmark()
	case 's': // SETITEM
		p.items[min(p.depth, MaxDepth-1)] -= 2
	case 'N', 'I', 'K', 'M', 'J', 'L', 'F', 'G', '}', ']', ')', 0x88, 0x89, 0x8a, 0x8b, 'h', 'j', 'g', 'c', 'P':
		p.push(Span{})
		p.even(op)
	}
}

// even begins to count anew behind a dict that was just made: its first key comes next.
func (p *Pickle) even(op byte) {
	if op == '}' || op == 'd' {
		p.items[min(p.depth, MaxDepth-1)] = 0
	}
}

func (p *Pickle) unmark() {
	if p.depth > 0 {
		p.depth--
	}
}

// operand reads what follows op and returns the text of a string.
func (p *Pickle) operand(op byte) (text Span, ok bool) {
	switch op {
	case 'S', 'V', 'I', 'L', 'F', 'g', 'p', 'P': // one line
		return p.line(op)
	case 'c', 'i': // two lines: module and name
		if text, ok = p.line('c'); ok {
			_, ok = p.line('c')
		}
		return Span{}, ok
	case 'K', 'h', 'q', 0x80, 0x82:
		return p.skip(1)
	case 'M', 0x83:
		return p.skip(2)
	case 'J', 'j', 'r', 0x84:
		return p.skip(4)
	case 'G', 0x95: // BINFLOAT, FRAME
		return p.skip(8)
	case 'U', 'C', 0x8c, 0x8a: // one byte of length
		return p.counted(op, 1)
	case 'T', 'X', 'B', 0x8b: // four
		return p.counted(op, 4)
	case 0x8d, 0x8e, 0x96: // eight
		return p.counted(op, 8)
	}
	return Span{}, true
}

func (p *Pickle) skip(n int) (Span, bool) {
	p.pos += n
	return Span{}, p.pos <= len(p.src)
}

func (p *Pickle) line(op byte) (Span, bool) {
	n := bytes.IndexByte(p.src[p.pos:], '\n')
	if n < 0 {
		return Span{}, false
	}
	s := Span{p.pos, p.pos + n}
	p.pos += n + 1
	switch op {
	case 'S': // a repr: without its quotes
		if s.End-s.Start >= 2 {
			s = Span{s.Start + 1, s.End - 1}
		}
		return s, true
	case 'V':
		return s, true
	}
	return Span{}, true
}

func (p *Pickle) counted(op byte, width int) (Span, bool) {
	if p.pos+width > len(p.src) {
		return Span{}, false
	}
	var room [8]byte
	copy(room[:], p.src[p.pos:p.pos+width])
	n := binary.LittleEndian.Uint64(room[:])
	p.pos += width
	if n > uint64(len(p.src)-p.pos) {
		return Span{}, false
	}
	s := Span{p.pos, p.pos + int(n)}
	p.pos = s.End
	if !isText(op) { // a long integer
		s = Span{}
	}
	return s, true
}

// minBase64 is the length from which on a run of letters is tried as base64: a pickle of anything is longer.
const minBase64 = 16

// AppendBase64 appends what the base64 of either alphabet in b says, with or without its padding. It reports false when b is no
// base64 or says neither JSON, a repr nor a pickle.
func AppendBase64(dst, b []byte) ([]byte, bool) {
	if len(b) < minBase64 {
		return dst, false
	}
	b = bytes.TrimRight(b, "=")
	enc := base64.RawStdEncoding
	if bytes.ContainsAny(b, "-_") {
		enc = base64.RawURLEncoding
	}
	at := len(dst)
	out, err := enc.AppendDecode(dst, b)
	if err != nil {
		return dst, false
	}
	says := bytes.TrimLeft(out[at:], " \t\r\n")
	if IsPickle(says) || len(says) > 0 && bytes.IndexByte([]byte("{[(\"'"), says[0]) >= 0 {
		return out, true
	}
	return dst, false
}
