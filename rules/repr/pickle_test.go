package repr_test

import (
	"strings"
	"testing"

	"destring/rules/repr"
)

// Made by pickle.dumps of {'password': 'hunter2abc9', 'user': 'ann', 'card': {'number': 'x', 'api_key': 'zz'}, 'n': [1, 'p', 'q']}.
var pickles = map[string]string{
	"protocol 0": "(dp0\nVpassword\np1\nVhunter2abc9\np2\nsVuser\np3\nVann\np4\nsVcard\np5\n(dp6\nVnumber\np7\nVx\np8\nsVapi_key\np9\nVzz\np10\nssVn\np11\n(lp12\nI1\naVp\np13\naVq\np14\nas.",
	"protocol 2": "\x80\x02}q\x00(X\x08\x00\x00\x00passwordq\x01X\x0b\x00\x00\x00hunter2abc9q\x02X\x04\x00\x00\x00userq\x03X\x03\x00\x00\x00annq\x04X\x04\x00\x00\x00cardq\x05}q\x06(X\x06\x00\x00\x00numberq\x07X\x01\x00\x00\x00xq\bX\x07\x00\x00\x00api_keyq\tX\x02\x00\x00\x00zzq\nuX\x01\x00\x00\x00nq\x0b]q\x0c(K\x01X\x01\x00\x00\x00pq\rX\x01\x00\x00\x00qq\x0eeu.",
	"protocol 4": "\x80\x04\x95X\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x08password\x94\x8c\x0bhunter2abc9\x94\x8c\x04user\x94\x8c\x03ann\x94\x8c\x04card\x94}\x94(\x8c\x06number\x94\x8c\x01x\x94\x8c\x07api_key\x94\x8c\x02zz\x94u\x8c\x01n\x94]\x94(K\x01\x8c\x01p\x94\x8c\x01q\x94eu.",
}

func TestAPicklesStringsAreReadWithTheirKeys(t *testing.T) {
	for name, src := range pickles {
		var p repr.Pickle
		var tok repr.Token
		p.Reset([]byte(src))
		got := map[string]string{}
		for p.Next(&tok) {
			if !tok.Key.Empty() {
				got[src[tok.Key.Start:tok.Key.End]] = src[tok.Text.Start:tok.Text.End]
			}
		}
		for key, want := range map[string]string{"password": "hunter2abc9", "user": "ann", "number": "x", "api_key": "zz"} {
			if got[key] != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got[key], want)
			}
		}
	}
}

func TestBase64IsReadWhereItSaysSomething(t *testing.T) {
	for in, want := range map[string]string{
		"W1sxXSwgeyJwYXNzd29yZCI6ICJ4In1d": `[[1], {"password": "x"}]`,
		"eyJhIjogIj8_Pz8-In0":              `{"a": "????>"}`,
		"gAJ9cQAoWAgAAABwYXNzd29yZHU=":     "\x80\x02}q\x00(X\x08\x00\x00\x00passwordu",
		"aGVsbG8gd29ybGQgaGVsbG8=":         "", // "hello world hello"
		"charge_card_with_a_long_name":     "",
		"W10=":                             "",
	} {
		got, ok := repr.AppendBase64(nil, []byte(in))
		if string(got) != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", in, got, ok, want)
		}
	}
}

func FuzzPickle(f *testing.F) {
	for _, s := range pickles {
		f.Add([]byte(s))
	}
	f.Add([]byte("\x80\x04" + strings.Repeat("(", 100) + "sssuuu"))
	f.Fuzz(func(t *testing.T, src []byte) {
		var p repr.Pickle
		var tok repr.Token
		p.Reset(src)
		for n := 0; p.Next(&tok); n++ {
			if n > len(src) || tok.Text.Start > tok.Text.End || tok.Text.End > len(src) || tok.Key.End > len(src) {
				t.Fatalf("token %d %+v of %q", n, tok, src)
			}
		}
		repr.AppendBase64(nil, src)
	})
}

func TestAPicklesStringIsKnownAgainWhereItIsReferredTo(t *testing.T) {
	const src = "\x80\x04\x95K\x00\x00\x00\x00\x00\x00\x00]\x94(}\x94(\x8c\x08password\x94\x8c\x03one\x94\x8c\x01n\x94K\x01u}\x94(h\x02\x8c\x03two\x94\x8c\x01x\x94h\x03ue."
	var p repr.Pickle
	var tok repr.Token
	var got []string
	p.Reset([]byte(src))
	for p.Next(&tok) {
		if !tok.Key.Empty() {
			got = append(got, src[tok.Key.Start:tok.Key.End]+"="+src[tok.Text.Start:tok.Text.End])
		}
	}
	if want := "password=one password=two x=one"; strings.Join(got, " ") != want || !p.Whole() {
		t.Errorf("got %q, whole %v; want %q", got, p.Whole(), want)
	}
	p.Reset([]byte(src[:60]))
	for p.Next(&tok) {
	}
	if p.Whole() {
		t.Error("a cut pickle counts as whole")
	}
}
