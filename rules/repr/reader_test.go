package repr_test

import (
	"fmt"
	"strings"
	"testing"

	"destring/rules/repr"
)

// read writes every token of s as one word: shape and name of containers, key=value of the rest.
func read(s string) string {
	var r repr.Reader
	var t repr.Token
	var out []string
	src := []byte(s)
	r.Reset(src, 0)
	for r.Next(&t) {
		key := ""
		if !t.Key.Empty() {
			key = string(t.Key.Of(src)) + "="
		}
		switch t.Kind {
		case repr.Open:
			out = append(out, key+string(t.Text.Of(src))+"<{[("[map[repr.Shape]int{repr.Angle: 0, repr.Dict: 1, repr.List: 2, repr.Tuple: 3, repr.Call: 3}[t.Shape]:][:1])
		case repr.Close:
			out = append(out, string(src[t.Start:t.End]))
		default:
			kind := map[repr.Kind]string{repr.String: "s", repr.Number: "n", repr.Constant: "c", repr.Word: "w", repr.Cut: "cut"}[t.Kind]
			out = append(out, fmt.Sprintf("%s%s:%s", key, kind, repr.AppendText(nil, src, &t)))
		}
	}
	return strings.Join(out, " ")
}

func TestReader(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a dict of scalars", `{'user': 'ann', 'n': -1.5, 'ok': True, 'x': None}`, `{ user=s:ann n=n:-1.5 ok=c:True x=c:None }`},
		{"containers take keys too", `{'a': {'b': [1, (2,)]}}`, `{ a={ b=[ n:1 ( n:2 ) ] } }`},
		{"JSON", `{"a": null, "b": [true, 1e9], "c\"d": "\u00e9\ud83d\ude00"}`, `{ a=c:null b=[ c:true n:1e9 ] c\"d=s:é😀 }`},
		{"a dataclass", `Credentials(user='ann', password='x y', retries=3)`, `Credentials( user=s:ann password=s:x y retries=n:3 )`},
		{"an exception", `ConnectionError('SMTP login failed', {'k': 1})`, `ConnectionError( s:SMTP login failed { k=n:1 } )`},
		{"calls in calls", `OrderedDict([('a', Decimal('1.50')), ('d', datetime.date(2026, 1, 2))])`, `OrderedDict( [ ( s:a Decimal( s:1.50 ) ) ( s:d datetime.date( n:2026 n:1 n:2 ) ) ] )`},
		{"an object", `<shop.Order object at 0x7f74a1648220>`, `< w:shop.Order object at 0x7f74a1648220 >`},
		{"a Django model with a comma", `[<User: ann, lee>, <Q [1]>]`, `[ < w:User w:ann w:lee > < w:Q [ n:1 ] > ]`},
		{"an SQLAlchemy model", `<User id=5 name='ann'>`, `< w:User id=n:5 name=s:ann >`},
		{"fields without a call, as pydantic's str", `user='ann' password=SecretStr('**') age=3`, `user=s:ann password=SecretStr( s:** ) age=n:3`},
		{"prefixes and escapes", `[b'\x80\n', r'\d', u'\xe9', 'it\'s', Rb'\x']`, "[ s:\x80\n s:\\d s:é s:it's s:\\x ]"},
		{"a set is no dict", `{'a', 'b'}`, `{ s:a s:b }`},
		{"other keys", `{1: 'a', (1, 2): 'b', None: 'c', name: 'd'}`, `{ 1=s:a ( n:1 n:2 ) s:b None=s:c name=s:d }`},
		{"cut by saferepr", `{'a': 'xxx...', ...}`, `{ a=s:xxx... cut:... }`},
		{"cut in a string", `{'a': ['xx`, `{ a=[ s:xx`},
		{"text with an apostrophe stays text", `it can't be O'Brien's`, `w:it can't be O'Brien's`},
		{"a stray closing bracket ends it", `'a') and more`, `s:a`},
		{"a missing bracket is closed by the outer one", `{'a': [1, 2}`, `{ a=[ n:1 n:2 }`},
		{"empty", ``, ``},
		{"a lone equal sign and colon", `= : ;`, ``},
	} {
		if got := read(c.in); got != c.want {
			t.Errorf("%s:\n  in   %s\n  got  %s\n  want %s", c.name, c.in, got, c.want)
		}
	}
}

func TestOffsetsPointIntoTheSource(t *testing.T) {
	src := []byte(`x = {'key': b'v\x41lue'}`)
	var r repr.Reader
	var tok repr.Token
	r.Reset(src, 4)
	r.Next(&tok)
	r.Next(&tok)
	if got := string(src[tok.Start:tok.End]); got != `b'v\x41lue'` {
		t.Errorf("token is %q", got)
	}
	if got := string(tok.Key.Of(src)); got != "key" {
		t.Errorf("key is %q", got)
	}
	if got := string(tok.Text.Of(src)); got != `v\x41lue` {
		t.Errorf("text is %q", got)
	}
}

func TestSkipFindsTheEndOfOneValue(t *testing.T) {
	for in, want := range map[string]string{
		`{'a': (1, 2)} [rest]`: `{'a': (1, 2)}`, `'x' y`: `'x'`, `None, 1`: `None`, `(1, [2`: ``, `'x`: ``, ``: ``,
	} {
		end, whole := repr.Skip([]byte(in), 0)
		if whole != (want != "") || whole && in[:end] != want {
			t.Errorf("Skip(%s) = %s, %v; want %s", in, in[:end], whole, want)
		}
	}
}

func TestNestingHasNoLimitOnInputButOneOnMemory(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + "'x'" + strings.Repeat("]", 100_000) + " 'y'"
	var r repr.Reader
	var tok repr.Token
	r.Reset([]byte(deep), 0)
	n, last := 0, ""
	for r.Next(&tok) {
		n++
		if tok.Kind == repr.String {
			last = string(tok.Text.Of([]byte(deep)))
		}
	}
	if n != 200_002 || last != "y" || r.Depth() != 0 {
		t.Errorf("%d tokens, last string %q, depth %d", n, last, r.Depth())
	}
}

var typical = []byte(`{'order_id': 'O-1842', 'lines': [{'sku': 'SKU-0001', 'price': 9.5, 'qty': 2}, {'sku': 'SKU-0002', 'price': 20.0, 'qty': 1}], 'customer': {'name': 'Farah Lindqvist', 'email': 'farah@example.com', 'note': 'ring twice, it\'s the back door'}, 'notify': True, 'coupon': None}`)

func BenchmarkReader(b *testing.B) {
	b.SetBytes(int64(len(typical)))
	b.ReportAllocs()
	var r repr.Reader
	var t repr.Token
	for b.Loop() {
		r.Reset(typical, 0)
		for r.Next(&t) {
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{string(typical), `Credentials(user='x', ...)`, `<a b='c'>`, `{'a': 'x...`, `[[[[`, `b'\x80\x04'`, `"\ud83d"`, `a=b=c==d`, `'\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var r repr.Reader
		var tok repr.Token
		r.Reset(src, 0)
		for before := -1; r.Next(&tok); {
			if tok.Start <= before && tok.End <= before || tok.End > len(src) || tok.Start > tok.End || tok.Text.Start > tok.Text.End || tok.Text.End > len(src) || tok.Key.End > len(src) {
				t.Fatalf("token %+v of %q after %d", tok, src, before)
			}
			before = tok.Start
			if text := repr.AppendText(nil, src, &tok); len(text) > 2*len(tok.Text.Of(src)) {
				t.Fatalf("%+v of %q has a text of %d bytes", tok, src, len(text))
			}
		}
		if end, _ := repr.Skip(src, 0); end > len(src) {
			t.Fatal("Skip beyond the end")
		}
	})
}
