package repr

// MaxDepth is how deep containers are followed. What is nested deeper is still
// read, value by value, as if it stood at MaxDepth.
const MaxDepth = 64

// Kind is what a token is.
type Kind uint8

// Kinds of tokens.
const (
	None     Kind = iota
	Open          // a container begins; Shape says which
	Close         // it ends
	String        // a str or bytes literal, a JSON string
	Number        // 12, -0.5, 1e9, 0x1f, 2j
	Constant      // None, True, False, null, true, false, NaN
	Word          // text without quotes
	Cut           // "...": the writer left the rest out
)

// Shape is the form of a container.
type Shape uint8

// Shapes of containers.
const (
	Plain Shape = iota // no container: the outermost level
	Dict               // {…}, a set too
	List               // […]
	Tuple              // (…)
	Call               // Name(…): Text of the Open token is the name
	Angle              // <…>
)

// Span is a half-open range of byte offsets into the source; the zero Span names nothing.
type Span struct{ Start, End int }

// Empty reports whether s names nothing.
func (s Span) Empty() bool { return s.End <= s.Start }

// Of returns the part of src that s names.
func (s Span) Of(src []byte) []byte { return src[s.Start:s.End] }

// Token is one value of a repr, or the begin or end of one that holds others.
type Token struct {
	Kind  Kind
	Shape Shape // of the container that Open and Close stand for
	Depth int   // how many containers it stands in; Open and Close have the depth of the container itself

	Start, End int  // as written, with prefix and quotes; Open and Close are only the bracket (and the name of a call)
	Text       Span // what is inside of the quotes; the name of a call; else the whole
	Key        Span // text of the dict key or name of the field that this is the value of; empty for none

	Quote    byte // ' or " of a String
	Bytes    bool // b'…'
	Raw      bool // r'…': its backslashes are no escapes
	Escaped  bool // Text holds escapes: see AppendText
	Unclosed bool // the source ended before the closing quote
}
