package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode/utf8"
)

const (
	cutMark    = "…[cut by destring: "
	cutMarkEnd = " bytes]"

	// cutFloor is the shortest text that is worth cutting.
	cutFloor = 256
)

// cutText shortens a JSON document by about n bytes: it cuts the end of the longest
// string value, again and again, and marks each cut as "…[cut by destring: n bytes]", where n
// counts bytes of the encoded string. The document stays valid. False: nothing is long enough.
func cutText(doc []byte, n int) ([]byte, bool) {
	want := len(doc) - n
	done := false
	for len(doc) > want {
		start, end := longestString(doc)
		text, before := splitMark(doc[start:end])
		if len(text) < cutFloor {
			break
		}
		keep := max(len(text)-(len(doc)-want)-len(cutMark)-len(cutMarkEnd)-20, cutFloor/2)
		keep = cutBorder(text, min(keep, len(text)/2+len(text)/4))
		mark := fmt.Sprintf("%s%d%s", cutMark, before+len(text)-keep, cutMarkEnd)
		out := make([]byte, 0, len(doc))
		out = append(out, doc[:start+keep]...)
		out = append(out, mark...)
		doc, done = append(out, doc[end:]...), true
	}
	return doc, done
}

// longestString returns the inside of the longest string value (not a key) of a valid JSON
// document.
func longestString(doc []byte) (start, end int) {
	for i := 0; i < len(doc); i++ {
		if doc[i] != '"' {
			continue
		}
		first := i + 1
		for i = first; i < len(doc) && doc[i] != '"'; i++ {
			if doc[i] == '\\' {
				i++
			}
		}
		last := min(i, len(doc))
		rest := bytes.TrimLeft(doc[min(last+1, len(doc)):], " \t\r\n")
		if isKey := len(rest) > 0 && rest[0] == ':'; !isKey && last-first > end-start {
			start, end = first, last
		}
	}
	return start, end
}

// splitMark takes the mark of an earlier cut off text and returns what it counted.
func splitMark(text []byte) ([]byte, int) {
	body, ok := bytes.CutSuffix(text, []byte(cutMarkEnd))
	if !ok {
		return text, 0
	}
	at := bytes.LastIndex(body, []byte(cutMark))
	if at < 0 {
		return text, 0
	}
	n, err := strconv.Atoi(string(body[at+len(cutMark):]))
	if err != nil || n < 0 || n > 1<<30 {
		return text, 0
	}
	return text[:at], n
}

// cutBorder returns the largest cut of at most n that breaks neither a character nor an
// escape sequence.
func cutBorder(text []byte, n int) int {
	last := 0
	for i := 0; i <= n && i < len(text); {
		last = i
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == 'u':
			i += 6
			// A surrogate pair is one character: both or neither.
			if i+1 < len(text) && text[i] == '\\' && text[i+1] == 'u' && isHighSurrogate(text[i-4:i]) {
				i += 6
			}
		case c == '\\':
			i += 2
		case c < utf8.RuneSelf:
			i++
		default:
			_, size := utf8.DecodeRune(text[i:])
			i += size
		}
	}
	return last
}

func isHighSurrogate(hex []byte) bool {
	v, err := strconv.ParseUint(string(hex), 16, 16)
	return err == nil && v >= 0xd800 && v < 0xdc00
}

// appendTail appends key, value and headers as they end a record.
func appendTail(dst, key, value, headers []byte) []byte {
	if key == nil {
		dst = binary.AppendVarint(dst, -1)
	} else {
		dst = append(binary.AppendVarint(dst, int64(len(key))), key...)
	}
	dst = append(binary.AppendVarint(dst, int64(len(value))), value...)
	return append(dst, headers...)
}
