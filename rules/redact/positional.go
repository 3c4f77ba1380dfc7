package redact

// element is one item of a tuple or list of a repr.
type element struct{ lo, hi int }

// parameters maps SQLAlchemy's "[parameters: (…)]" to the columns of the statement before it.
func (c *scan) parameters(start, end int) {
	c.positional(start, end, "[sql:")
}

// arguments maps "Arguments: (…)" of a logging error to the format of the "Message:" before it.
func (c *scan) arguments(start, end int) {
	c.positional(start, end, "message:")
}

// insertValues maps the literals of INSERT INTO t (columns) VALUES (…) to its columns.
func (c *scan) insertValues(start, end int) {
	from := max(0, start-1024)
	at := lastFold(c.text[from:start], "insert into")
	if at < 0 || end-1 >= len(c.text) {
		return
	}
	columns := c.insertColumns(c.text[from+at : start])
	c.s.charge(start - from)
	c.s.elements = c.items(end-1, c.s.elements[:0])
	for _, e := range c.s.elements {
		var name []byte
		name, columns = nextColumn(columns)
		if n := c.nounOf(name); n != nil {
			k := keyName{noun: n, lo: end, word: end, hi: end, strength: n.strength}
			if v, ok := c.quotedValue(e.lo); ok {
				c.judge(&k, v, sepSign)
			}
		}
	}
}

// positional hides the items of a tuple by the names that their places in a template give them.
func (c *scan) positional(start, end int, head string) {
	t := c.text
	open := end
	for open < len(t) && open-end < 3 && t[open] == ' ' {
		open++
	}
	if open >= len(t) || t[open] != '(' && t[open] != '[' {
		return
	}
	from := max(0, start-4096)
	at := lastFold(t[from:start], head)
	if at < 0 {
		return
	}
	c.s.charge(2 * (start - from))
	template := t[from+at+len(head) : start]
	c.s.elements = c.items(open, c.s.elements[:0])
	if len(c.s.elements) == 0 {
		return
	}
	base := from + at + len(head)
	place := 0
	columns := c.insertColumns(template)
	for i := 0; i < len(template) && place < len(c.s.elements); i++ {
		if !holder(template, i) {
			continue
		}
		var name []byte
		if columns != nil {
			name, columns = nextColumn(columns)
		} else {
			name = nameBefore(template[:i])
		}
		if n := c.nounOf(name); n != nil {
			e := c.s.elements[place]
			lo := base + i
			k := keyName{noun: n, lo: lo, word: lo, hi: lo, strength: n.strength}
			if v, ok := c.quotedValue(e.lo); ok {
				c.judge(&k, v, sepSign)
			} else {
				c.judge(&k, value{lo: e.lo, hi: e.hi}, sepSign)
			}
		}
		place++
	}
}

// items lists the top-level items of the tuple or list that opens at i.
func (c *scan) items(i int, dst []element) []element {
	t := c.text
	end := min(len(t), i+8192)
	for i++; i < end && len(dst) < 64; {
		for i < end && (t[i] == ' ' || t[i] == ',' || t[i] == '(') {
			i++
		}
		if i >= end || t[i] == ')' || t[i] == ']' {
			return dst
		}
		lo := i
		if v, ok := c.quotedValue(i); ok {
			i = min(end, v.hi+v.slashes+1)
		} else {
			depth := 0
			for i < end && (depth > 0 || t[i] != ',' && t[i] != ')' && t[i] != ']') {
				if t[i] == '(' || t[i] == '[' || t[i] == '{' {
					depth++
				} else if t[i] == ')' || t[i] == ']' || t[i] == '}' {
					depth--
				}
				i++
			}
		}
		dst = append(dst, element{lo, i})
	}
	return dst
}

// holder reports whether a placeholder of SQL or of a format stands at i.
func holder(b []byte, i int) bool {
	switch b[i] {
	case '?':
		return true
	case '%':
		return i+1 < len(b) && (b[i+1] == 's' || b[i+1] == 'r' || b[i+1] == 'd' || b[i+1] == 'a')
	case '$', ':':
		return i+1 < len(b) && isDigit(b[i+1]) && (i == 0 || b[i-1] == ' ' || b[i-1] == '(' || b[i-1] == '=' || b[i-1] == ',')
	}
	return false
}

// insertColumns returns the column list of an INSERT, or nil.
func (c *scan) insertColumns(b []byte) []byte {
	at := indexFold(b, "insert into")
	if at < 0 {
		return nil
	}
	for i := at; i < len(b); i++ {
		if b[i] == '(' {
			e := run(b, i+1, func(x byte) bool { return x != ')' })
			return b[i+1 : e]
		}
	}
	return nil
}

// nextColumn takes the first name off a column list.
func nextColumn(b []byte) (name, rest []byte) {
	i := run(b, 0, func(x byte) bool { return !isToken(x) })
	e := run(b, i, func(x byte) bool { return x != ',' })
	name = b[i:e]
	for len(name) > 0 && !isToken(name[len(name)-1]) {
		name = name[:len(name)-1]
	}
	return name, b[min(len(b), e+1):]
}

// nameBefore returns the last name before a placeholder: "password=%s", "SET password = %s", "with key %r".
func nameBefore(b []byte) []byte {
	e := len(b)
	for e > 0 && len(b)-e < 6 && !isToken(b[e-1]) {
		e--
	}
	lo := e
	for lo > 0 && e-lo < maxKeyName && isToken(b[lo-1]) {
		lo--
	}
	return b[lo:e]
}

// nounOf returns the noun that name ends with, or nil.
func (c *scan) nounOf(name []byte) *noun {
	if len(name) == 0 || len(name) > maxKeyName {
		return nil
	}
	a := c.a
	state := uint32(0)
	for i, b := range name {
		state = a.next[state+uint32(a.class[b])]
		last := i == len(name)-1
		if state&hasWords == 0 {
			continue
		}
		state &^= hasWords
		if !last {
			continue
		}
		for _, w := range a.words[int(state)/a.classes] {
			lo := i + 1 - int(a.lens[w])
			for _, t := range c.r.triggers[w] {
				if t.kind != onKey {
					continue
				}
				n := &c.r.nouns[t.index]
				if (lo == 0 || n.glued || !isLetter(name[lo-1])) && !(n.alone && lo > 0) && !n.query {
					return n
				}
			}
		}
	}
	return nil
}
