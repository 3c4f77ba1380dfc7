package redact

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldRune appends what r looks like to a reader who is not told of alphabets: lower case,
// without accents, full width and mathematical letters as plain ones, Cyrillic and Greek
// letters that look Latin as Latin ones, and nothing at all for characters that cannot be seen.
func foldRune(dst []byte, r rune) []byte {
	switch {
	case r < utf8.RuneSelf:
		return append(dst, byte(r))
	case r < maxFoldTable:
		return append(dst, foldTable()[r]...)
	case r >= 0x3040 && r < 0xA000 || r >= 0xAC00 && r < 0xD7A4: // kana, ideographs, hangul: as they are
		return utf8.AppendRune(dst, r)
	case r >= 0xFF01 && r <= 0xFF5E: // full width
		return append(dst, byte(unicode.ToLower(r-0xFEE0)))
	}
	return foldSlow(dst, r)
}

// foldTable is foldSlow for the runes that most texts are made of; it is made with the first text that is not ASCII.
var foldTable = sync.OnceValue(func() []string {
	table := make([]string, maxFoldTable)
	for r := rune(utf8.RuneSelf); r < maxFoldTable; r++ {
		table[r] = string(foldSlow(nil, r))
	}
	return table
})

const maxFoldTable = 0x2600

func foldSlow(dst []byte, r rune) []byte {
	if c, ok := lookalikes[unicode.ToLower(r)]; ok {
		return append(dst, c...)
	}
	switch {
	case r == utf8.RuneError:
		return append(dst, "\uFFFD"...)
	case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) || r == 0x034F || r == 0x115F || r == 0x3164:
		return dst
	case unicode.Is(unicode.Zs, r):
		return append(dst, ' ')
	case r >= 0x2500 && r <= 0x257F: // box drawing, as rich draws round locals
		return append(dst, '|')
	}
	var raw [utf8.UTFMax]byte
	n := utf8.EncodeRune(raw[:], r)
	var buf [64]byte
	decomposed := norm.NFKD.AppendString(buf[:0], string(raw[:n]))
	for len(decomposed) > 0 {
		d, n := utf8.DecodeRune(decomposed)
		decomposed = decomposed[n:]
		if unicode.Is(unicode.Mn, d) && d < 0x0483 {
			continue // a Latin, Greek or Cyrillic accent; the marks of other scripts spell
		}
		d = unicode.ToLower(d)
		if c, ok := lookalikes[d]; ok {
			dst = append(dst, c...)
			continue
		}
		dst = utf8.AppendRune(dst, d)
	}
	return dst
}

// foldBytes folds all of b, without offsets: for the vocabulary.
func foldBytes(b []byte) []byte {
	var out []byte
	for _, r := range string(b) {
		out = foldRune(out, r)
	}
	return out
}

// lookalikes are the letters that NFKD does not bring to ASCII. The vocabulary goes through
// the same fold, so Russian key names still match.
var lookalikes = map[rune]string{
	'а': "a", 'в': "b", 'е': "e", 'к': "k", 'м': "m", 'н': "h", 'о': "o", 'р': "p", 'с': "c", 'т': "t", 'у': "y", 'х': "x", 'і': "i", 'ј': "j", 'ѕ': "s", 'ԁ': "d", 'һ': "h", 'ԛ': "q", 'ԝ': "w", 'ё': "e", 'й': "и", 'ѵ': "v", 'ӏ': "l", 'ь': "b", 'г': "r",
	'α': "a", 'ο': "o", 'ρ': "p", 'ν': "v", 'ι': "i", 'κ': "k", 'τ': "t", 'υ': "u", 'χ': "x", 'ε': "e", 'η': "n", 'ω': "w", 'ς': "o", 'σ': "o",
	'ı': "i", 'ł': "l", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ß': "ss", 'æ': "ae", 'œ': "oe", 'ħ': "h", 'ŋ': "n", 'ɑ': "a", 'ɡ': "g", 'ɩ': "i", 'ѐ': "e",
	'օ': "o", 'ѡ': "w", 'ᴀ': "a", 'ᴇ': "e", 'ᴏ': "o", 'ᴘ': "p", 'ꜱ': "s", 'ᴡ': "w", 'ᴅ': "d", 'ʀ': "r", 'ᴋ': "k", 'ɴ': "n", 'ᴛ': "t", 'ʏ': "y",
	'＂': "\"", '＇': "'", '\u2018': "'", '\u2019': "'", '\u201c': "\"", '\u201d': "\"", '\u201e': "\"", '\u00ab': "\"", '\u00bb': "\"", '：': ":", '＝': "=", '∶': ":", '﹕': ":", '→': ">", '⇒': ">", '➔': ">", '➜': ">", '⟶': ">", '⟹': ">", '–': "-", '—': "-", '‐': "-", '‑': "-", '−': "-", '－': "-",
	'\u00a0': " ", '、': ",", '，': ",", '；': ";", '。': ".",
}
