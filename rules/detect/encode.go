package detect

import (
	"encoding/base64"
	"unicode/utf16"
	"unicode/utf8"
)

// encode applies one of the encoding modifiers. base64offset and the dashes of
// windash make several alternatives out of one.
func (c *chain) encode(name string) error {
	if err := c.after(name, testText); err != nil {
		return err
	}
	if err := c.need(name, kindText); err != nil {
		return err
	}
	for i, alternatives := range c.texts {
		var encoded [][]element
		for _, text := range alternatives {
			settled, err := c.settleDashes(text)
			if err != nil {
				return err
			}
			for _, t := range settled {
				codes, err := c.encodeOne(name, t)
				if err != nil {
					return err
				}
				encoded = append(encoded, codes...)
			}
		}
		c.texts[i] = encoded
	}
	return nil
}

func (c *chain) encodeOne(name string, text []element) ([][]element, error) {
	if name != "base64" && name != "base64offset" {
		return [][]element{widen(name, text)}, nil
	}
	plain, ok := plainText(text)
	if !ok {
		return nil, refuse(c.line, "`%s` cannot encode wildcards", name)
	}
	if name == "base64" {
		return [][]element{literalText(base64.StdEncoding.EncodeToString([]byte(plain)))}, nil
	}
	if plain == "" {
		return nil, refuse(c.line, "`%s` of an empty value", name)
	}
	var out [][]element
	for shift := range 3 {
		// Characters that hold bits of what stands before or behind are cut off.
		padded := append(make([]byte, shift), plain...)
		code := base64.RawStdEncoding.EncodeToString(padded)
		code = code[[]int{0, 2, 3}[shift]:]
		if len(padded)%3 != 0 {
			code = code[:len(code)-1]
		}
		if code != "" {
			out = append(out, literalText(code))
		}
	}
	return out, nil
}

func literalText(s string) []element {
	if s == "" {
		return nil
	}
	return []element{{elementPlain, []byte(s)}}
}

// widen writes the plain parts in UTF-16; utf16 puts a byte order mark before them.
func widen(name string, text []element) []element {
	var out []element
	if name == "utf16" {
		out = append(out, element{elementPlain, []byte{0xff, 0xfe}})
	}
	for _, e := range text {
		if e.kind != elementPlain {
			out = append(out, e)
			continue
		}
		var wide []byte
		for _, unit := range utf16.Encode([]rune(string(e.plain))) {
			if name == "utf16be" {
				wide = append(wide, byte(unit>>8), byte(unit))
			} else {
				wide = append(wide, byte(unit), byte(unit>>8))
			}
		}
		if n := len(out); n > 0 && out[n-1].kind == elementPlain {
			out[n-1].plain = append(out[n-1].plain, wide...)
		} else {
			out = append(out, element{elementPlain, wide})
		}
	}
	return out
}

// bytesAsCharacters is how UTF-16 looks in an event whose collector read it byte by
// byte: every byte a character, the byte order mark its own.
func bytesAsCharacters(text []element) []element {
	var out []element
	for _, e := range text {
		if e.kind == elementPlain {
			rest, plain := e.plain, []byte(nil)
			if len(rest) >= 2 && rest[0] == 0xff && rest[1] == 0xfe {
				plain, rest = utf8.AppendRune(plain, '\ufeff'), rest[2:]
			}
			for _, b := range rest {
				plain = utf8.AppendRune(plain, rune(b))
			}
			e.plain = plain
		}
		out = append(out, e)
	}
	return out
}

// settleDashes writes out the five forms of every dash, as an encoding hides them.
func (c *chain) settleDashes(text []element) ([][]element, error) {
	out := [][]element{nil}
	for _, e := range text {
		if e.kind != elementDash {
			for i := range out {
				out[i] = appendElement(out[i], e)
			}
			continue
		}
		if len(out) > 25 {
			return nil, refuse(c.line, "more than three dashes of one value before an encoding")
		}
		var more [][]element
		for _, head := range out {
			for _, d := range dashes {
				more = append(more, appendElement(append([]element(nil), head...), element{elementPlain, []byte(d)}))
			}
		}
		out = more
	}
	return out, nil
}

func appendElement(text []element, e element) []element {
	if n := len(text); n > 0 && e.kind == elementPlain && text[n-1].kind == elementPlain {
		joined := append(append([]byte(nil), text[n-1].plain...), e.plain...)
		return append(text[:n-1:n-1], element{elementPlain, joined})
	}
	return append(text, e)
}
