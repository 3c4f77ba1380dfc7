package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzSegment gives any bytes to all that reads a segment: the start, a reader, the tools. What
// comes out was put in by the one segment that the seeds hold, and nothing hangs or panics. Run
// it with -fuzzminimizetime 1x: most of what it finds new does not get smaller.
func FuzzSegment(f *testing.F) {
	d := newLiar(1)
	s := openSpool(f, Config{disk: d})
	for i := range 5 {
		appendAll(f, s, i*3, i*3+3)
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	whole := d.names[segmentName(1)].data
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add(append(bytes.Clone(whole), whole[framesStart:]...))
	f.Add(whole[:framesStart])
	f.Add([]byte(segmentMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		d := newLiar(1)
		d.names[segmentName(1)] = &lieFile{data: data, stable: data}
		s := recovered(t, d)
		last := -1
		for _, key := range keysOf(t, reader(t, s, "publisher")) {
			n := int(key[0] - '0')
			if len(key) == 2 {
				n = n*10 + int(key[1]-'0')
			}
			if n <= last || n > 14 {
				t.Fatalf("record %q after %d", key, last)
			}
			last = n
		}
	})
}

// recovered is a spool that was brought in order and has no goroutine: a fuzzer that meets
// anything random stalls.
func recovered(tb testing.TB, d disk) *Spool {
	cfg := Config{disk: d, Keys: testKeys(tb), Readers: []string{"publisher"}}
	if err := cfg.setDefaults(); err != nil {
		tb.Fatal(err)
	}
	s := newSpool(cfg, d)
	if err := s.recover(); err != nil {
		tb.Fatal(err)
	}
	return s
}

// FuzzCursor reads any bytes as a cursor file.
func FuzzCursor(f *testing.F) {
	c := cursor{key: testKeys(f).current()}
	if err := c.fresh(); err != nil {
		f.Fatal(err)
	}
	f.Add(c.encode(17, []byte("state")))
	f.Add(c.encode(1<<60, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "c")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if s, ok := readCursor(osFile{file}, testKeys(t)); ok && s.sealed == nil && s.position != 17 && s.position != 1<<60 {
			t.Fatalf("position %d out of nothing", s.position)
		}
	})
}

// FuzzDecode splits any bytes as a record set.
func FuzzDecode(f *testing.F) {
	set := record(2).AppendRecord(record(1).AppendRecord(nil, 0, 0), 1, 0)
	f.Add(set, 2, uint8(None))
	for _, codec := range []Codec{LZ4, Zstd} {
		c, err := newCompressor(codec)
		if err != nil {
			f.Fatal(err)
		}
		packed, got := c.compress(bytes.Repeat(set, 50))
		f.Add(bytes.Clone(packed), 100, uint8(got))
	}
	f.Fuzz(func(t *testing.T, data []byte, count int, codec uint8) {
		if count < 0 || count > 1<<20 {
			return
		}
		for _, size := range []int{len(data), 100 * len(data)} {
			frame := Frame{Count: count, Codec: Codec(codec), Size: size, Records: data}
			if recs, err := frame.Decode(); err == nil && len(recs) != count {
				t.Fatalf("%d records, the frame says %d", len(recs), count)
			}
		}
	})
}
