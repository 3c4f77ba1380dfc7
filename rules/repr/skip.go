package repr

// Skip returns the end of the one value that begins at pos, spaces before it left out, and
// whether it is whole: every bracket and quote closed.
func Skip(src []byte, pos int) (end int, whole bool) {
	var r Reader
	var t Token
	r.Reset(src, pos)
	for r.Next(&t) {
		if t.Kind == String && t.Unclosed {
			return t.End, false
		}
		if r.depth == 0 {
			return r.pos, t.Kind != Cut
		}
	}
	return r.pos, false
}
