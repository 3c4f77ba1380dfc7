package event

import (
	"fmt"
	"log/slog"
	"strconv"
	"unsafe"
)

// Text is raw text from the wire. It shows only its length, whoever prints it.
//
// It is a pointer to one byte and a length instead of a slice or string,
// because fmt cannot call methods on unexported fields: a struct that
// hides a string in one is printed whole by %v, %+v and by debug printers that
// walk with reflection. Of a *byte they show an address, or one byte at most.
type Text struct {
	first *byte
	n     int
}

// NewText returns b as Text. It does not copy: b must not change while the Text lives.
func NewText(b []byte) Text {
	return Text{unsafe.SliceData(b), len(b)}
}

// Reveal returns the raw bytes, not a copy; the caller must not change them.
// The house test names the rooms that may call it.
func (t Text) Reveal() []byte { return unsafe.Slice(t.first, t.n) }

// Len returns the length in bytes.
func (t Text) Len() int { return t.n }

// Empty reports whether there is no text.
func (t Text) Empty() bool { return t.n == 0 }

// Slice returns the part of t that s names; a span outside of t gives what is
// inside of both, which may be nothing.
func (t Text) Slice(s Span) Text {
	lo, hi := min(int(s.Start), t.n), min(int(s.End), t.n)
	if lo >= hi {
		return Text{}
	}
	return NewText(t.Reveal()[lo:hi])
}

func (t Text) mask() string { return "[raw text, " + strconv.Itoa(t.n) + " bytes]" }

// String returns the length in words, never the text.
func (t Text) String() string { return t.mask() }

// GoString is String for %#v.
func (t Text) GoString() string { return t.mask() }

// Format covers every verb, %x and %q with their flags too.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.mask())) }

// MarshalText covers encoding/json, encoding/xml, YAML and TOML encoders.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.mask()), nil }

// LogValue covers log/slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.mask()) }

// Span is a half-open range of byte offsets. The zero Span names nothing.
type Span struct{ Start, End uint32 }

// Len returns the number of bytes in s.
func (s Span) Len() int { return int(s.End) - int(s.Start) }

// Empty reports whether s names nothing.
func (s Span) Empty() bool { return s.End <= s.Start }
