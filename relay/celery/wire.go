package celery

import (
	"bytes"

	"destring/rules/event"
	"destring/rules/repr"
)

// Transport is how a forwarder writes the line breaks of a record.
type Transport uint8

// Transports. Auto is learned from the connection.
const (
	Auto      Transport = iota
	Raw                 // as they are: octet counting, NUL, JSON
	Octal               // rsyslog: every control character as #ooo, a line feed as #012
	Backslash           // rfc5424-logging-handler over LF, imfile: the two characters \n
)

// wire is what a connection has shown of its forwarder. What is learned changes the text inside of
// one record only: no form makes two records of one.
type wire struct {
	declared, learned Transport
	loggerInAppName   bool
	seen              bool // a message was seen
	leadingSpace      bool // the first message began with the space that rsyslog's templates put before MSG
	trailingLF        bool // the first counted message ended with the LF that belongs to rsyslog's template

	control bool // a raw control character was seen, so it is not rsyslog's socket that escapes

	scratch []byte
}

// unwrap takes off what the way to us put around the record.
func (r *Reader) unwrap(ev *event.Event) {
	w := &r.wire
	b := ev.Message.Reveal()
	if len(b) == 0 {
		return
	}
	if b = w.frame(ev, b); len(b) == 0 {
		ev.Message = event.Text{}
		return
	}
	if inner, ok := w.container(ev, b); ok {
		ev.Message = event.NewText(inner)
		ev.Flags |= event.Unescaped
		return
	}
	if form := w.form(ev, b); form == Octal && bytes.IndexByte(b, '#') >= 0 || form == Backslash && bytes.IndexByte(b, '\\') >= 0 {
		w.scratch = w.scratch[:0]
		if form == Octal {
			w.scratch = appendOctal(w.scratch, b)
		} else {
			w.scratch = appendBackslash(w.scratch, b)
		}
		if len(w.scratch) != len(b) {
			ev.Flags |= event.Unescaped
			b = w.scratch
		}
	}
	ev.Message = event.NewText(b)
}

// frame takes off the space and the LF that rsyslog's templates add to every message. The first message that begins without a
// space, or with one before what a record can begin with, tells: other texts may have a space of their own.
func (w *wire) frame(ev *event.Event, b []byte) []byte {
	if !w.seen && (b[0] != ' ' || beginsRecord(b[1:])) {
		w.seen = true
		w.leadingSpace = ev.Syslog.Format == event.FormatRFC5424 && b[0] == ' ' && ev.Syslog.MsgID.Empty()
		w.trailingLF = w.leadingSpace && ev.Syslog.Framing == event.FramingOctet && b[len(b)-1] == '\n'
	}
	if w.leadingSpace && b[0] == ' ' {
		b = b[1:]
	}
	if w.trailingLF && len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return b
}

// beginsRecord reports whether b begins as formatters begin a record: with a bracket, an object, a time, a colour or a level.
func beginsRecord(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if c := b[0]; c == '[' || c == '{' || c == '\x1b' || c >= '0' && c <= '9' {
		return true
	}
	word := len(b)
	if i := bytes.IndexAny(b, " :/|"); i >= 0 {
		word = i
	}
	return level(b[:word]) != event.LevelNone
}

// Signs of an escaped traceback, which no single line of text has by chance.
var (
	octalTraceback     = []byte("#012Traceback (most recent call last):#012  File \"")
	backslashTraceback = []byte("\\nTraceback (most recent call last):\\n  File \"")
)

// form returns how b is escaped. A sender that sends a raw line feed escapes none, from then on.
func (w *wire) form(ev *event.Event, b []byte) Transport {
	if w.declared != Auto {
		return w.declared
	}
	if w.learned == Raw || ev.Syslog.Format == event.FormatNone || ev.Syslog.Format == event.FormatBare || ev.Syslog.Framing == event.FramingNUL {
		return Raw
	}
	feed, control := rawControl(b)
	if feed || ev.Flags.Has(event.Continued) || control && w.learned == Octal {
		w.learned = Raw
		return Raw
	}
	w.control = w.control || control
	if isObject(b) { // JSON has escapes of its own
		return Raw
	}
	if w.learned != Auto {
		return w.learned
	}
	switch {
	case !w.control && bytes.Contains(b, octalTraceback):
		w.learned = Octal
	case ev.Syslog.Framing == event.FramingLF && (w.fromHandler(ev) || outsideQuotes(b, backslashTraceback)):
		w.learned = Backslash
	case !w.control && w.fromRsyslog(ev): // it escapes unless it was told not to
		return Octal
	}
	return w.learned
}

// fromRsyslog recognises what rsyslog received on its socket, by the shape of its templates. What it read from a file has
// no PROCID and other escapes.
func (w *wire) fromRsyslog(ev *event.Event) bool {
	return (w.leadingSpace || ev.Syslog.Format == event.FormatRFC3164) && !ev.Syslog.ProcID.Empty()
}

// fromHandler recognises rfc5424-logging-handler: it sends a byte order mark, which hardly anybody else does, or the logger's
// dotted name as APP-NAME, and no space before MSG.
func (w *wire) fromHandler(ev *event.Event) bool {
	return ev.Syslog.Format == event.FormatRFC5424 && !w.leadingSpace && (ev.Syslog.BOM || bytes.IndexByte(ev.Syslog.AppName.Reveal(), '.') > 0)
}

// rawControl reports whether b holds a line feed before its end, and whether it holds other control characters.
func rawControl(b []byte) (feed, control bool) {
	for _, c := range b[:max(len(b)-1, 0)] {
		if c < ' ' {
			feed, control = feed || c == '\n', control || c != '\n'
		}
	}
	return feed, control
}

func isObject(b []byte) bool { return len(b) > 1 && b[0] == '{' && jsonKeyFollows(b, 1) }

// outsideQuotes reports whether sign stands in b outside of string literals: the repr of a traceback holds it too.
func outsideQuotes(b, sign []byte) bool {
	at := bytes.Index(b, sign)
	if at < 0 {
		return false
	}
	var walk repr.Reader
	var t repr.Token
	walk.Reset(b, 0)
	for walk.Pos() < at {
		if !walk.Next(&t) {
			walk.Reset(b, walk.Pos()+1)
			continue
		}
		if t.Kind == repr.String && !t.Unclosed && t.Start < at && t.End > at {
			return false
		}
	}
	return true
}

// appendOctal undoes rsyslog's #ooo for control characters.
func appendOctal(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '#')
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		if c, ok := octal(b[i+1:]); ok {
			dst, b = append(dst, c), b[i+4:]
			continue
		}
		dst, b = append(dst, '#'), b[i+1:]
	}
}

func octal(b []byte) (byte, bool) {
	if len(b) < 3 || b[0] > '1' || b[0] < '0' || b[1] < '0' || b[1] > '7' || b[2] < '0' || b[2] > '7' {
		return 0, false
	}
	c := (b[0]-'0')<<6 | (b[1]-'0')<<3 | (b[2] - '0')
	return c, c < ' ' || c == 0x7f
}

// appendBackslash makes line feeds of the two characters \n outside of string literals: inside of them Python's repr
// wrote them.
func appendBackslash(dst, b []byte) []byte {
	var walk repr.Reader
	var t repr.Token
	done := 0
	walk.Reset(b, 0)
	for done < len(b) {
		if !walk.Next(&t) {
			if walk.Pos() >= len(b) {
				break
			}
			walk.Reset(b, walk.Pos()+1)
			continue
		}
		if t.Kind == repr.String && t.Text.Empty() && t.End < len(b) && b[t.End] == t.Quote { // """: billiard's mark around a traceback
			walk.Reset(b, t.End+1)
			continue
		}
		if t.Kind == repr.String && !t.Unclosed && bytes.IndexByte(t.Text.Of(b), '\\') >= 0 && !bytes.Contains(t.Text.Of(b), []byte("\\n  File ")) {
			dst = append(lineFeeds(dst, b[done:t.Start]), b[t.Start:t.End]...)
			done = t.End
		}
	}
	return lineFeeds(dst, b[done:])
}

func lineFeeds(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		switch b[i+1] {
		case 'n':
			dst = append(dst, '\n')
		default:
			dst = append(dst, b[i], b[i+1])
		}
		b = b[i+2:]
	}
}
