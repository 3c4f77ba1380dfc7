package rules

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestReprsBecomeFlatObjects(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a dict", `{'order': 4711, 'ok': True, 'note': None}`, `{"order":"4711","ok":"True","note":"None"}`},
		{"a tuple of arguments", `(1, 'two', 3.5)`, `{"0":"1","1":"two","2":"3.5"}`},
		{"containers in each other", `{'order': {'id': 7, 'lines': [{'sku': 'A-1'}, {'sku': 'B-2'}]}}`, `{"order.id":"7","order.lines.0.sku":"A-1","order.lines.1.sku":"B-2"}`},
		{"JSON", `{"a": [1, null, true]}`, `{"a.0":"1","a.1":"null","a.2":"true"}`},
		{"a call with one value is that value", `{'price': Decimal('19.99'), 'id': UUID('0b1f')}`, `{"price":"19.99","id":"0b1f"}`},
		{"a call with fields", `Card(number='x', cvv=7)`, `{"number":"x","cvv":"7"}`},
		{"a call with several values", `{'at': date(2026, 11, 25)}`, `{"at.0":"2026","at.1":"11","at.2":"25"}`},
		{"a mark in quotes", `{'password': '[REDACTED:password]', 'a': 1}`, `{"password":"[REDACTED:password]","a":"1"}`},
		{"a bare mark", `{'card': [REDACTED:card-number:00112233445566ff], 'a': 1}`, `{"card":"[REDACTED:card-number:00112233445566ff]","a":"1"}`},
		{"escapes stay as they are written", `{'a': 'it\'s\x41'}`, `{"a":"it\\'s\\x41"}`},
		{"what Celery cut says so", `{'a': 1, 'b': [1, 2, ...`, `{"a":"1","b.0":"1","b.1":"2","...":"..."}`},
		{"a name that comes twice keeps its first value", `{'a': 1, 'a': 2, 'a.b': 3}`, `{"a":"1","a.b":"3","...":"..."}`},
		{"names that are no UTF-8 are one name", "{'\xff': 1, '\xfe': 2}", `{"\ufffd":"1","...":"..."}`},
		{"a set", `{1, 2}`, `{"0":"1","1":"2"}`},
		{"a scalar has no structured form", `'text'`, ``},
		{"a number", `42`, ``},
		{"a text with a bracket", `done (3 of 4)`, ``},
		{"an empty container", `{}`, ``},
		{"nothing", ``, ``},
		{"a whole mark", `[REDACTED:password]`, ``},
		{"a bracket alone", `{`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v values
			if got := string(v.append(nil, []byte(c.in))); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

func TestStructuredValuesAreBounded(t *testing.T) {
	many := "[" + strings.Repeat("'x', ", 10000) + "]"
	long := "{'a': '" + strings.Repeat("é", 5000) + "'}"
	deep := strings.Repeat("[", 500) + "1" + strings.Repeat("]", 500)
	names := "{'" + strings.Repeat("k", 5000) + "': 1, 'b': 2}"
	equal := "{'b': 1, " + strings.Repeat("'a': 1, ", 100_000) + "}"
	empty := "['x', " + strings.Repeat("f(), ", 100_000) + "]"
	hostile := "{" + strings.Repeat(`'\x00\x1b': '"', `, 5000)
	for name, in := range map[string]string{"values": many, "a value": long, "depth": deep, "names": names, "escapes": hostile, "equal names": equal, "empty calls": empty} {
		var v values
		out := v.append(nil, []byte(in))
		var got map[string]string
		if len(out) > 0 {
			if err := json.Unmarshal(out, &got); err != nil {
				t.Errorf("%s: %v in %.100s", name, err, out)
			}
		}
		if len(got) > maxValues+1 || len(out) > maxValues*6*(maxValue+maxPath+8) {
			t.Errorf("%s: %d values in %d bytes", name, len(got), len(out))
		}
		if len(out) > 0 && got["..."] == "" {
			t.Errorf("%s: does not say that something was left out: %.200s", name, out)
		}
	}
}

// Elasticsearch refuses a document in which a name stands twice.
func FuzzStructuredValues(f *testing.F) {
	for _, s := range []string{`{'a': {'b': 1}, 'a.b': 2}`, `Card(x=1, y=[2, Decimal('3')])`, `[REDACTED:x], [`, "{'\xff': (1, {2: 3}), ...", `{"a":"{\"b\":1}"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var v values
		out := v.append(nil, in)
		if len(out) == 0 {
			return
		}
		d := json.NewDecoder(strings.NewReader(string(out)))
		seen := map[string]bool{}
		for i := 0; ; i++ {
			token, err := d.Token()
			if err != nil {
				break
			}
			if name, ok := token.(string); ok && i%2 == 1 {
				if seen[name] {
					t.Fatalf("%q stands twice in %s", name, out)
				}
				seen[name] = true
			}
		}
		var got map[string]string
		if err := json.Unmarshal(out, &got); err != nil || len(got) != len(seen) {
			t.Fatalf("%v: %s", err, out)
		}
	})
}

func BenchmarkValues(b *testing.B) {
	for _, in := range []string{`4711`, `{'order': 4711, 'status': 'charged', 'amount': 19.99, 'currency': 'EUR'}`} {
		b.Run(fmt.Sprint(len(in), " bytes"), func(b *testing.B) {
			var v values
			src := []byte(in)
			var dst []byte
			b.ReportAllocs()
			before := used()
			for b.Loop() {
				dst = v.append(dst[:0], src)
			}
			b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}
