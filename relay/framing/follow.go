package framing

import "bytes"

// answer is what a line is to the message before it.
type answer uint8

const (
	undecided answer = iota
	begins
	continues
)

// follows tells whether the line behind the complete message at hand begins a new one.
func (s *scanner) follows(b []byte) answer {
	for s.seen < len(b) && (b[s.seen] == '\n' || b[s.seen] == '\r' || b[s.seen] == 0) {
		if b[s.seen] == 0 && s.kind == LF && s.lfs == 0 && s.mode == Auto {
			return continues // LF NUL: a text that ends with a line feed, framed by NUL
		}
		s.seen++
	}
	if s.seen == len(b) {
		return undecided
	}
	rest := b[s.seen:]
	if rest[0] == '<' {
		return s.header(rest)
	}
	if s.mode != Auto || !isDigit(rest[0]) {
		return continues
	}
	_, size, v := count(rest, s.limit)
	if v == counted && size < len(rest) && rest[size] != '<' || v == text || v == badCount {
		return continues
	}
	if v == unknown || size == len(rest) {
		return undecided
	}
	switch p := priLen(rest[size:]); {
	case p < 0:
		return undecided
	case p == 0, s.octets == 0 && s.form.strict():
		return continues
	}
	return begins
}

// header judges a line that begins with '<' behind a message that is complete.
func (s *scanner) header(line []byte) answer {
	switch p := priLen(line); {
	case p < 0:
		return undecided
	case p == 0:
		return s.broken(line)
	}
	if !s.form.strict() && !s.mayBeNUL() {
		return begins
	}
	begin := line[:min(len(line), sniffLen)]
	if i := indexDelimiter(begin); i >= 0 {
		begin = begin[:i]
	} else if len(line) < sniffLen {
		return undecided
	}
	f := sniff(begin)
	if !s.form.fits(f, s.joined) {
		return continues
	}
	if s.mayBeNUL() && f.class != bare {
		return nulBeforeHeader(line)
	}
	s.coming = f
	return begins
}

// maxBroken is the longest PRI that is recognised as a wrong one.
const maxBroken = 24

// broken judges a line that begins with '<' and no PRI: with a number in the brackets, or nothing, and a version or a
// time behind, it is a message of its own that its sender got wrong.
func (s *scanner) broken(line []byte) answer {
	n := 1
	for n < len(line) && n < maxBroken && (isDigit(line[n]) || line[n] == '-' || line[n] == '+' || line[n] == ' ') {
		n++
	}
	switch {
	case n == len(line):
		return undecided
	case line[n] != '>' || s.form.strict() || s.mayBeNUL():
		return continues
	}
	rest := line[n+1:]
	if len(rest) < sniffLen && indexDelimiter(rest) < 0 {
		return undecided
	}
	version := versionLen(rest)
	if shape, m := isoShape(rest[version:]); m > 0 && (version > 0 || shape > 0) {
		return begins
	}
	if _, m := bsdShape(rest); m > 0 {
		return begins
	}
	return continues
}

// nulBeforeHeader tells whether a NUL ends the text that line begins: then line is part of that text.
func nulBeforeHeader(line []byte) answer {
	stop := bytes.Index(line, []byte("\n<"))
	if stop >= 0 {
		line = line[:stop]
	}
	switch {
	case bytes.IndexByte(line, 0) >= 0:
		return continues
	case stop < 0:
		return undecided
	}
	return begins
}

// mayBeNUL reports whether the line feed at hand may stand inside the first frames of a Python SysLogHandler: it
// ends frames with NUL and writes a PRI and nothing else, so that a fuller header before
// a NUL is text.
func (s *scanner) mayBeNUL() bool {
	return s.mode == Auto && s.kind == LF && s.lfs == 0 && s.head.class == bare
}
