package syslog

import (
	"bytes"

	"destring/rules/event"
)

// rfc3164 reads what follows the PRI in the forms that RFC 3164 describes and the world sends, and returns the
// text. What is no header stays in the text.
func rfc3164(b []byte, received int64, h *event.Syslog) []byte {
	var s stamp
	spaces := len(b) - len(bytes.TrimLeft(b, " "))
	n, cisco := readStamp(b[spaces:], &s, h)
	if n == 0 {
		return bare(b, h)
	}
	rest := b[spaces+n:]
	if !cisco && (levelWord(rest) || s.iso && !goesOn(rest)) {
		return b // the text's own time, not a header's
	}
	h.Format = event.FormatRFC3164
	if s.year == 0 && !s.iso {
		h.Time, h.HasTime = inferYear(&s, received)
	} else {
		h.Time, h.HasTime = s.ns()
	}
	h.TimeHasZone = h.HasTime && s.zoned
	if cisco {
		return readTag(rest, h)
	}
	return hostAndTag(rest, h)
}

// bare returns the text behind a PRI without time. Python's SysLogHandler writes it, perhaps behind its
// ident. A word and a colon are no tag here: Celery writes "mingle: all alone".
func bare(b []byte, h *event.Syslog) []byte {
	t, ok := tagOf(b)
	switch {
	case !ok:
		return b
	case len(t.pid) > 0 && number(t.pid), t.name[0] == '%': // "%ASA-6-302013: "
	case len(t.pid) == 0 && beginsCeleryLine(b[t.size:]):
	default:
		return b
	}
	h.Format = event.FormatRFC3164
	return t.put(b, h)
}

// hostAndTag reads HOSTNAME SP TAG, either of which may be missing.
func hostAndTag(b []byte, h *event.Syslog) []byte {
	b = bytes.TrimLeft(b, " ")
	if t, ok := tagOf(b); ok && t.spaced && !t.celerys(b) {
		return t.put(b, h)
	}
	word, rest, ok := cutWord(b)
	if !ok {
		word, rest = b, nil
	}
	if !hostname(word) || string(word) == "Task" { // "Task name[id] received" is Celery's
		return b
	}
	h.Hostname = event.NewText(word)
	if bytes.HasPrefix(rest, []byte(": ")) { // ASA: "host : %ASA-…"
		rest = rest[2:]
	}
	return readTag(rest, h)
}

// goesOn reports whether b goes on as a header does behind its time: with a tag, with a HOSTNAME before a tag or
// Celery's line, or with a word that can hardly be anything but a HOSTNAME. Many formatters begin a text
// with an RFC 3339 time, so that alone makes no header.
func goesOn(b []byte) bool {
	if _, ok := tagOf(b); ok {
		return true
	}
	word, rest, _ := cutWord(b)
	if !hostname(word) || len(rest) == 0 {
		return false
	}
	_, ok := tagOf(rest)
	return ok || rest[0] == '[' || bytes.HasPrefix(rest, []byte(": ")) || bytes.ContainsAny(word, "-.0123456789")
}

func readTag(b []byte, h *event.Syslog) []byte {
	if t, ok := tagOf(b); ok && !t.celerys(b) {
		return t.put(b, h)
	}
	return b
}

// tag is "name:", "name[pid]:" or "name[123]" (RFC 3164 §5.3) at the beginning of a text.
type tag struct {
	name, pid []byte
	size      int  // with the SP behind it
	spaced    bool // SP or nothing follows the colon
}

func (t tag) put(b []byte, h *event.Syslog) []byte {
	h.AppName, h.ProcID = event.NewText(t.name), event.NewText(t.pid)
	return b[t.size:]
}

// celerys reports whether the word and its colon are the beginning of one of Celery's own messages, as in "mingle: all
// alone", and not what a logger wrote before Celery's line.
func (t tag) celerys(b []byte) bool {
	switch string(t.name) {
	case "mingle", "consumer", "beat", "worker", "Scheduler", "DatabaseScheduler":
		return len(t.pid) == 0 && !beginsCeleryLine(b[t.size:])
	}
	return false
}

// beginsCeleryLine reports whether b begins as "[2026-05-01 20:51:40,807: INFO/MainProcess] …" does.
func beginsCeleryLine(b []byte) bool { return bytes.HasPrefix(b, []byte("[20")) }

const maxTag = 128

// tagOf returns the tag that b begins with. A task's "name[id]: " in Celery's own lines is none, nor is
// "[time: LEVEL/Process]", a scheme or a time of day.
func tagOf(b []byte) (t tag, ok bool) {
	n, letters := 0, false
	for n < len(b) && n <= maxTag && tagByte[b[n]] {
		letters = letters || b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z'
		n++
	}
	if n == 0 || n > maxTag || n == len(b) || !letters && b[n] != '[' {
		return tag{}, false
	}
	t.name = b[:n]
	if b[n] == '[' {
		end := bytes.IndexByte(b[n:min(len(b), n+maxTag)], ']')
		if end < 2 {
			return tag{}, false
		}
		t.pid = b[n+1 : n+end]
		n += end + 1
		if !number(t.pid) && !processName(t) {
			return tag{}, false
		}
	}
	switch {
	case n < len(b) && b[n] == ':':
		n++
	case len(t.pid) == 0 || !number(t.pid) || n < len(b) && b[n] != ' ':
		return tag{}, false
	}
	switch {
	case n == len(b):
		t.spaced = true
	case b[n] == ' ':
		t.spaced = true
		n++
	case b[n] == '/' || b[n] == ':' || isDigit(b[n]):
		return tag{}, false
	}
	t.size = n
	return t, true
}

// processName reports whether what stands in a tag's brackets, not being a number, may still name a
// process ("app[web.1]:"), and is not a task's id, which Celery writes behind the task's dotted name.
func processName(t tag) bool {
	return len(t.pid) <= 20 && graphic(t.pid) && bytes.IndexByte(t.name, '.') < 0 && string(t.pid) != "???"
}

func number(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}

// hostname reports whether word can be a host's name or address.
func hostname(word []byte) bool {
	for _, c := range word {
		if !hostByte[c] {
			return false
		}
	}
	n := len(word)
	return n > 0 && n <= 255 && (word[n-1] != ':' || bytes.HasSuffix(word, []byte("::"))) && !bytes.Contains(word, []byte("//"))
}

// levelWord reports whether b begins with a level in capitals, as the texts of many formatters do behind their time.
func levelWord(b []byte) bool {
	word, _, ok := cutWord(bytes.TrimLeft(b, " "))
	if !ok {
		return false
	}
	switch string(bytes.TrimSuffix(word, []byte(":"))) {
	case "DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL", "TRACE", "NOTICE":
		return true
	}
	return false
}

var tagByte, hostByte = byteSet("-_./+@%#()~*$&!,"), byteSet("-_.:/%")

// byteSet holds letters, digits and the bytes of more.
func byteSet(more string) (set [256]bool) {
	for c := range set {
		set[c] = 'a' <= c|0x20 && c|0x20 <= 'z' && c < 0x80 || isDigit(byte(c))
	}
	for _, c := range []byte(more) {
		set[c] = true
	}
	return set
}
