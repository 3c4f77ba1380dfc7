package main

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// encodings are the forms in which a secret could be lying about. Base64 comes at the three
// offsets that a text inside a longer one can have, without the characters that its neighbours
// change.
func encodings(secret string) []string {
	forms := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), url.QueryEscape(secret)}
	for pad := range 3 {
		text := strings.Repeat("x", pad) + secret
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			coded := e.EncodeToString([]byte(text))
			forms = append(forms, coded[(pad*8+5)/6:len(coded)-2])
		}
	}
	return forms
}
