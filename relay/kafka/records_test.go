package kafka

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The hashes are those of UtilsTest.testMurmur2 in Apache Kafka.
func TestPartitionIsTheJavaClients(t *testing.T) {
	for key, hash := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107} {
		if got := int32(murmur2([]byte(key))); got != hash {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, hash)
		}
		for _, n := range []int32{1, 6, 97} {
			if got := Partition([]byte(key), n); got != (hash&0x7fffffff)%n {
				t.Errorf("Partition(%q, %d) = %d", key, n, got)
			}
		}
	}
	balancer := kafkago.Murmur2Balancer{Consistent: true}
	for i := range 1000 {
		key := fmt.Appendf(nil, "%0*d", i%40, i)
		if want := balancer.Balance(kafkago.Message{Key: key}, 0, 1, 2, 3, 4, 5, 6); int(Partition(key, 7)) != want {
			t.Errorf("Partition(%q) differs from kafka-go's", key)
		}
	}
}

func encoded(t testing.TB, codec Codec, n int) Batch {
	t.Helper()
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Time: time.UnixMilli(1_760_000_000_000 + int64(i)*7), Value: fmt.Appendf(nil, `{"n":%d}`, i)}
		if i%3 != 0 {
			records[i].Key = fmt.Appendf(nil, "k%d", i)
			records[i].Headers = []Header{{"id", fmt.Append(nil, i)}, {"empty", []byte{}}, {"nil", nil}}
		}
	}
	b, err := Encode("t", 0, codec, records)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// franz-go's reader is the judge of our header.
func TestTheHeaderIsWhatAnotherImplementationReads(t *testing.T) {
	b := encoded(t, None, 5)
	h := makeHeader(identity{1 << 40, 3, 77}, &b)
	var got kmsg.RecordBatch
	if err := got.ReadFrom(append(slices.Clone(h[:]), b.Records...)); err != nil {
		t.Fatal(err)
	}
	if got.Magic != 2 || got.ProducerID != 1<<40 || got.ProducerEpoch != 3 || got.FirstSequence != 77 || got.NumRecords != 5 ||
		got.LastOffsetDelta != 4 || got.FirstTimestamp != 1_760_000_000_000 || got.MaxTimestamp != 1_760_000_000_028 ||
		got.Length != int32(len(b.Records)+49) || got.Attributes != 0 || got.PartitionLeaderEpoch != -1 {
		t.Errorf("header reads as %+v", got)
	}
	if !h.covers(b.Records) || h.covers(b.Records[1:]) || h.count() != 5 || h.identity() != (identity{1 << 40, 3, 77}) {
		t.Error("our own reading of the header is wrong")
	}
}

func TestSequencesWrapAsTheBrokersDo(t *testing.T) {
	for _, c := range []struct {
		from int32
		n    int
		want int32
	}{{0, 1, 1}, {0x7fffffff, 1, 0}, {0x7ffffffe, 1, 0x7fffffff}, {0x7ffffffe, 10, 8}} {
		if got := advance(c.from, c.n); got != c.want {
			t.Errorf("advance(%d, %d) = %d, want %d", c.from, c.n, got, c.want)
		}
	}
}

func TestSplitAndMergeKeepEveryRecordAsItWas(t *testing.T) {
	for _, codec := range []Codec{None, LZ4, Zstd} {
		var c coder
		defer c.close()
		whole := encoded(t, codec, 23)
		want, err := Decode(whole)
		if err != nil {
			t.Fatal(err)
		}
		for cut := 1; cut < 23; cut++ {
			head, tail, err := c.split(&whole, cut)
			if err != nil {
				t.Fatal(err)
			}
			if head.Count != cut || tail.Count != 23-cut {
				t.Fatalf("%s: split at %d gives %d and %d", codec, cut, head.Count, tail.Count)
			}
			merged, err := c.merge([]*Batch{&head, &tail})
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(merged)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || merged.BaseTimestamp != whole.BaseTimestamp || merged.MaxTimestamp != whole.MaxTimestamp {
				t.Fatalf("%s: split at %d and merged differs", codec, cut)
			}
		}
	}
}

func TestARecordSetThatLiesAboutItselfIsRefused(t *testing.T) {
	var c coder
	good := encoded(t, None, 3)
	for name, spoil := range map[string]func(*Batch){
		"more records said":   func(b *Batch) { b.Count = 4 },
		"fewer records said":  func(b *Batch) { b.Count = 2 },
		"no records said":     func(b *Batch) { b.Count = 0 },
		"billions said":       func(b *Batch) { b.Count = 1 << 40 },
		"cut short":           func(b *Batch) { b.Records = b.Records[:len(b.Records)-1] },
		"length past the end": func(b *Batch) { b.Records = append([]byte{0x7e}, b.Records[1:]...) },
		"unknown codec":       func(b *Batch) { b.Codec = 2 },
		"not lz4":             func(b *Batch) { b.Codec = LZ4 },
		"not zstd":            func(b *Batch) { b.Codec = Zstd },
	} {
		b := good
		b.Records = slices.Clone(good.Records)
		spoil(&b)
		if _, err := c.unpack(&b); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestABombIsNotUnpacked(t *testing.T) {
	var c coder
	defer c.close()
	for _, codec := range []Codec{LZ4, Zstd} {
		packed, err := c.compress(codec, make([]byte, maxDecompressed+1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.decompress(nil, codec, packed); err == nil {
			t.Errorf("%s: %d bytes were unpacked to more than 64 MiB", codec, len(packed))
		}
	}
}

func FuzzRecordSet(f *testing.F) {
	for _, codec := range []Codec{None, LZ4, Zstd} {
		b := encoded(f, codec, 4)
		f.Add(int8(codec), 4, b.Records)
	}
	f.Add(int8(None), 1, []byte{0x0c, 0, 0, 0, 1, 0, 0})
	f.Add(int8(None), 1, binary.AppendVarint(nil, 1<<40))
	f.Fuzz(func(t *testing.T, codec int8, count int, records []byte) {
		var c coder
		defer c.close()
		b := Batch{Codec: Codec(codec), Count: count, Records: records}
		entries, err := c.unpack(&b)
		if err != nil {
			return
		}
		again, err := c.pack(&b, entries)
		if err != nil {
			t.Fatal(err)
		}
		back, err := c.unpack(&again)
		if err != nil {
			t.Fatalf("what we packed cannot be unpacked: %v", err)
		}
		for i := range back {
			if !bytes.Equal(back[i].tail, entries[i].tail) || back[i].offset != int64(i) {
				t.Fatalf("record %d changed", i)
			}
		}
		if n := count / 2; n > 0 {
			if _, _, err := c.split(&b, n); err != nil {
				t.Fatalf("split of a good batch: %v", err)
			}
		}
	})
}

func TestCutTextKeepsTheDocumentValidAndCountsWhatIsGone(t *testing.T) {
	long := strings.Repeat("Zeile ä\\n\\\"x\\\" \\ud83d\\ude00 ", 200)
	for name, doc := range map[string]string{
		"a plain field":                `{"message":"` + long + `","n":1}`,
		"the longest of several":       `{"a":"short","message":"` + long + `","b":"` + strings.Repeat("y", 300) + `"}`,
		"a nested field":               `{"error":{"stack_trace":"` + long + `"}}`,
		"inside an array":              `{"args":["x","` + long + `"]}`,
		"a long key is not text":       `{"` + strings.Repeat("k", 9000) + `":1,"message":"` + long + `"}`,
		"spaces between key and colon": `{"` + strings.Repeat("k", 9000) + `" : "v","message":"` + long + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			out, ok := cutText([]byte(doc), 1500)
			if !ok {
				t.Fatal("nothing was cut")
			}
			if !json.Valid(out) || !utf8.Valid(out) {
				t.Fatalf("not valid: %.200s", out)
			}
			if len(out) > len(doc)-1500 {
				t.Errorf("%d bytes became %d", len(doc), len(out))
			}
			at := bytes.Index(out, []byte(cutMark))
			var n int
			if _, err := fmt.Sscanf(string(out[at+len(cutMark):]), "%d", &n); err != nil {
				t.Fatal(err)
			}
			if mark := len(cutMark) + len(fmt.Sprint(n)) + len(cutMarkEnd); len(doc)-n+mark != len(out) {
				t.Errorf("the mark says %d bytes are gone; %d became %d", n, len(doc), len(out))
			}
			again, ok := cutText(out, 500)
			if !ok || !json.Valid(again) || bytes.Count(again, []byte(cutMark)) != 1 {
				t.Errorf("a second cut gives %.300s", again)
			}
		})
	}
}

func TestCutTextSaysWhenThereIsNothingToCut(t *testing.T) {
	for _, doc := range []string{``, `{}`, `{"n":1}`, `{"message":"short"}`, `"`, `{"a":"`, `{"a":"\`, `[1,2`} {
		if out, ok := cutText([]byte(doc), 100); ok || string(out) != doc {
			t.Errorf("%q was cut to %q", doc, out)
		}
	}
}

func FuzzCutText(f *testing.F) {
	f.Add(`{"message":"`+strings.Repeat("a\\u00e9ä", 200)+`"}`, 300)
	f.Add(`{"message":"`+strings.Repeat("\\ud83d\\ude00", 100)+`","x":["`+strings.Repeat("b", 400)+`"]}`, 700)
	f.Fuzz(func(t *testing.T, doc string, n int) {
		out, cut := cutText([]byte(doc), n)
		if json.Valid([]byte(doc)) && !json.Valid(out) {
			t.Fatalf("valid JSON became %q", out)
		}
		if cut && len(out) >= len(doc) {
			t.Fatal("a cut made it longer")
		}
	})
}

func TestStateComesBackAsItWas(t *testing.T) {
	b := encoded(t, None, 2)
	h := makeHeader(identity{5, 1, 9}, &b)
	s := &state{cluster: "c-1", producer: 1 << 41, epoch: 2, end: 40, frames: []progress{{first: 41, last: 1 << 50}, {first: 1<<50 + 1, last: 1<<50 + 1, part: true, settled: 17}, {first: 1 << 51, last: 1 << 52}},
		lanes: []laneState{{"logs", 3, 7, 1, 0x7fffffff, 4, []header{h, h}}, {"audit", 0, -1, 0, 0, 0, nil}}}
	got, err := decodeState(s.encode())
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(s) {
		t.Errorf("came back as %v, was %v", got, s)
	}
	whole := s.encode()
	for n := range whole {
		if _, err := decodeState(whole[:n]); !errors.Is(err, errState) {
			t.Errorf("the first %d of %d bytes were taken: %v", n, len(whole), err)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add((&state{cluster: "c", producer: 1, frames: []progress{{first: 3, last: 9}, {first: 10, last: 10, part: true, settled: 2}}, lanes: []laneState{{topic: "t", plan: make([]header, 2)}}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeState(b)
		if err != nil {
			return
		}
		again, err := decodeState(s.encode())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(s) {
			t.Fatalf("%v, %v", again, err)
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	batch := encoded(b, None, 1)
	batch.Records, batch.Count = make([]byte, 300_000), 1000
	r := rand.New(rand.NewPCG(1, 1))
	for i := range batch.Records {
		batch.Records[i] = byte(r.Uint32())
	}
	b.SetBytes(int64(len(batch.Records)))
	b.ReportAllocs()
	for b.Loop() {
		makeHeader(identity{1, 0, 0}, &batch)
	}
}
