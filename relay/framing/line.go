package framing

import "bytes"

// lines returns a delimited frame: a line, and the lines behind it that have no header of
// their own and came soon enough.
func (s *scanner) lines(b []byte) (f Frame, used int, ok bool) {
	for {
		if s.end >= 0 && !s.cont {
			switch s.follows(b) {
			case begins:
				return s.emit(b, s.end, 1)
			case undecided:
				if s.lapsed || s.final || len(b) > s.max {
					return s.emit(b, s.end, 1)
				}
				s.hold = true
				return Frame{}, 0, false
			}
			s.cont = true
		}
		i := s.delimiter(b, s.seen)
		stop := len(b)
		if i >= 0 {
			stop = i
		}
		if s.resync {
			if at := s.nextCount(b[:stop]); at > 0 {
				return s.emit(b, at, 0)
			}
		}
		if i < 0 {
			return s.unfinished(b)
		}
		if len(trimCR(b[:i])) > s.max {
			return s.oversize(b, i)
		}
		if !s.complete(b, i) {
			return s.emit(b, i, 1)
		}
	}
}

// complete takes in the line that ends at b[i] and reports whether more lines may follow it.
func (s *scanner) complete(b []byte, i int) bool {
	if s.end >= 0 {
		if s.kind == LF {
			s.joined, s.form.rawLF = true, true
		}
	} else {
		if s.head.class == headless {
			s.head = sniff(b[:min(i, sniffLen)])
		}
		s.form.learn(s.head)
	}
	s.end, s.seen, s.cont, s.kind = i, i+1, false, LF
	if b[i] == 0 {
		s.kind = NUL
	}
	switch {
	case !s.joins || s.resync || s.mode == NULOnly:
		return false
	case s.kind == LF:
		return s.form.classes != 0
	case s.head.class == headless:
		return false
	}
	// A NUL at the end of what has come is a trailer, except from a sender of lines.
	return len(b) > i+1 || s.lfs > 0 && s.nuls == 0
}

// unfinished handles a line whose end has not come.
func (s *scanner) unfinished(b []byte) (f Frame, used int, ok bool) {
	s.seen = len(b)
	if s.resync { // a PRI may have come in part
		s.seen = max(0, len(b)-len("<191>"))
	}
	if s.nulOnly() && b[len(b)-1] == '\n' { // Python writes a message and its NUL at once
		s.hold = true
		if s.lapsed || s.final {
			s.nuls, s.seen, s.end, s.cont = 0, 0, -1, false // it has changed to lines
			return s.lines(b)
		}
	}
	switch {
	case len(b) > s.max+1:
		return s.oversize(b, len(b))
	case s.final:
		return s.emit(b, len(b), 0)
	case s.end >= 0 && s.lapsed:
		return s.emit(b, s.end, 1)
	}
	s.hold = s.hold || s.end >= 0
	return Frame{}, 0, false
}

// oversize handles a message that became too long with the line that ends at b[i], or has not ended at
// len(b): whole lines that fit go out whole, a single line is cut.
func (s *scanner) oversize(b []byte, i int) (f Frame, used int, ok bool) {
	if s.end >= 0 {
		return s.emit(b, s.end, 1)
	}
	s.form.learn(sniff(b[:min(len(b), sniffLen)]))
	f = Frame{Bytes: wholeRunes(b[:s.max]), Kind: s.likely(), Truncated: true}
	s.state = dropping
	s.seen = 0
	if i < len(b) {
		s.state = between
		i++
	}
	s.finish(f.Kind)
	return f, i, true
}

// emit hands out b[:end], behind which a delimiter of size bytes stands.
func (s *scanner) emit(b []byte, end, size int) (f Frame, used int, ok bool) {
	f = Frame{Bytes: b[:end], Kind: s.kind, Continued: s.joined || s.cont && end > s.end}
	if size == 0 {
		f.Partial = true
		f.Kind = s.likely()
		if s.head == (form{}) {
			s.form.learn(sniff(b[:min(end, sniffLen)]))
		}
	} else {
		s.finish(f.Kind)
		if f.Kind == LF {
			f.Bytes = trimCR(f.Bytes)
		} else if bytes.IndexByte(f.Bytes, '\n') >= 0 {
			s.form.rawLF = true
		}
	}
	if len(f.Bytes) > s.max { // by the byte that could have been a carriage return
		f.Bytes, f.Truncated = wholeRunes(f.Bytes[:s.max]), true
	}
	f.Partial = f.Partial || s.resync
	f.Continued = f.Continued && f.Kind == LF
	s.state = between
	return f, end + size, len(f.Bytes) > 0
}

// likely is the kind of a frame whose end was not seen.
func (s *scanner) likely() Kind {
	switch {
	case s.mode == OctetOnly || s.resync && s.afterCount():
		return Octet
	case s.mode == NULOnly || s.mode == Auto && s.nuls > 0 && s.lfs == 0:
		return NUL
	}
	return LF
}

// delimiter returns the index of the first byte of b[from:] that can end a frame, or -1.
func (s *scanner) delimiter(b []byte, from int) int {
	switch {
	case s.mode == LFOnly:
		return indexFrom(b, from, '\n')
	case s.mode == NULOnly || s.nulOnly():
		return indexFrom(b, from, 0)
	case s.mode == OctetOnly:
		return -1
	}
	// The line feed is looked for once, however many NULs come before it: else they would cost its distance each.
	s.lf = max(s.lf, from)
	lf := indexFrom(b, s.lf, '\n')
	s.lf = lf
	if lf < 0 {
		s.lf = len(b)
	}
	if nul := indexFrom(b[:s.lf], from, 0); nul >= 0 {
		return nul
	}
	return lf
}

// nulOnly reports whether the sender is known to end its messages with NUL.
func (s *scanner) nulOnly() bool { return s.mode == Auto && s.nuls >= nulSettled && s.lfs == 0 }

// indexFrom returns the index of the first c in b[from:], or -1.
func indexFrom(b []byte, from int, c byte) int {
	i := bytes.IndexByte(b[from:], c)
	if i < 0 {
		return -1
	}
	return from + i
}

// indexDelimiter returns the index of the first line feed or NUL in b, or -1.
func indexDelimiter(b []byte) int {
	lf := bytes.IndexByte(b, '\n')
	if lf >= 0 {
		b = b[:lf]
	}
	if nul := bytes.IndexByte(b, 0); nul >= 0 {
		return nul
	}
	return lf
}

// nextCount returns where in b, searched from just before s.seen, a count before a PRI stands, or -1.
func (s *scanner) nextCount(b []byte) int {
	from := s.seen
	for {
		i := bytes.IndexByte(b[from:], '<')
		if i < 0 {
			return -1
		}
		i += from
		if at := countBefore(b, i); at > 0 && priLen(b[i:]) > 0 {
			if _, _, v := count(b[at:], s.limit); v == counted {
				return at
			}
		}
		from = i + 1
	}
}
