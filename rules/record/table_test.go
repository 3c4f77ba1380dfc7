package record

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"destring/rules/event"
)

// table encodes r by the table of Fields.
func table(r *Record) string {
	return "{" + string(members(Fields(), r)[1:]) + "}"
}

// random fills a record: each member with even odds absent.
func random(g *rand.Rand, peers []*Peer) *Record {
	r := &Record{Peer: peers[g.IntN(len(peers))]}
	fill(g, reflect.ValueOf(r).Elem())
	r.Timestamp = g.Int64N(2e18) + 1
	r.TimestampSource, r.Framing, r.Format = event.TimeSource(g.IntN(3)), event.Framing(g.IntN(5)), event.Format(g.IntN(4))
	r.Facility, r.Severity = int8(g.IntN(25)-1), int8(g.IntN(9)-1)
	r.Level, r.Flags = event.Level(g.IntN(6)), event.Flags(g.Uint32N(1<<11))
	for _, o := range []*[]byte{&r.ArgsValues, &r.KwargsValues, &r.ResultValues} {
		if len(*o) > 0 {
			*o = []byte(`{"a.0":"1"}`)
		}
	}
	return r
}

var words = []string{"", "SUCCESS", "FAILURE", "REJECTED", "task-received", "task-failed", "content-disallowed", "control-revoke", "broker-lost", "queue-added", "credential-access", "T1552.001", "T1078", "x"}

func fill(g *rand.Rand, v reflect.Value) {
	if g.IntN(2) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(g, v.Field(i))
		}
	case reflect.String:
		v.SetString(words[g.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(g.Int64N(5) - 1)
	case reflect.Uint8:
		v.SetUint(g.Uint64N(2))
	case reflect.Float64:
		v.SetFloat(g.ExpFloat64())
	case reflect.Slice:
		n := g.IntN(4)
		if v.Type().Elem().Kind() == reflect.Uint8 {
			n = g.IntN(40)
		}
		s := reflect.MakeSlice(v.Type(), n, n)
		for i := range n {
			if v.Type().Elem().Kind() == reflect.Uint8 {
				s.Index(i).SetUint(uint64(" ab\"\\\n\x1b\xc3\xa9\xff"[g.IntN(10)]))
				continue
			}
			fill(g, s.Index(i))
		}
		v.Set(s)
	}
}

func same(t *testing.T, r *Record) {
	t.Helper()
	got, want := string(NewEncoder(0).Append(nil, r)), table(r)
	if got != want {
		t.Fatalf("Append and the table differ:\nappend %s\ntable  %s", got, want)
	}
	if !json.Valid([]byte(got)) {
		t.Fatalf("not JSON: %s", got)
	}
}

func TestAppendWritesWhatTheTableSays(t *testing.T) {
	same(t, typical())
	same(t, full())
	bare := &Record{Timestamp: 1, Retries: -1, Facility: -1, Severity: -1, Peer: testPeer()}
	same(t, bare)
	g := rand.New(rand.NewPCG(1, 2))
	peers := []*Peer{testPeer(), NewPeer(&event.Peer{Name: "127.0.0.1"}, Service{}, func(s string) string { return s })}
	for range 2000 {
		same(t, random(g, peers))
	}
}

func FuzzAppendWritesWhatTheTableSays(f *testing.F) {
	peers := []*Peer{testPeer()}
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { same(t, random(rand.New(rand.NewPCG(a, b)), peers)) })
}
