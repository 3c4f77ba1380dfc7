package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var updateGolden = flag.Bool("golden.update", false, "write testdata/v1 anew; only with a new format version")

// TestASpoolOfVersionOneStaysReadable opens a copy of a spool that was written when the format was
// made. It must never be written anew to make this test pass.
func TestASpoolOfVersionOneStaysReadable(t *testing.T) {
	golden := filepath.Join("testdata", "v1")
	if *updateGolden {
		writeGolden(t, golden)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(golden)); err != nil {
		t.Fatal(err)
	}
	s := openSpool(t, Config{Dir: dir})
	r := reader(t, s, "publisher")
	if r.Committed() != 11 || string(r.State()) != "pid 7 epoch 1" {
		t.Errorf("position %d, state %q", r.Committed(), r.State())
	}
	wantKeys(t, keysOf(t, r), 10, 40)
	if got := pendingGaps(s); got != "" {
		t.Errorf("gaps %s", got)
	}
}

func writeGolden(t *testing.T, dir string) {
	tmp := t.TempDir()
	for i, codec := range []Codec{None, LZ4, Zstd} {
		s := openSpool(t, Config{Dir: tmp, Codec: codec})
		if i == 0 {
			appendAll(t, s, 0, 10)
			r := reader(t, s, "publisher")
			f, _ := tryNext(t, r)
			if err := r.Commit(f.Position, []byte("pid 7 epoch 1")); err != nil {
				t.Fatal(err)
			}
		}
		appendAll(t, s, 10+10*i, 20+10*i)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	os.Remove(filepath.Join(tmp, "lock"))
	os.Remove(filepath.Join(tmp, quarantine))
	if err := os.Truncate(filepath.Join(tmp, "publisher.cursor"), 4096); err != nil { // one slot is enough, and small
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(tmp)); err != nil {
		t.Fatal(err)
	}
}

// TestFormatMDIsTrue reads the golden segment by what FORMAT.md says and nothing else of this
// package: offsets, sums, key, nonce, additional data.
func TestFormatMDIsTrue(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "v1", "*.seg"))
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	u32, u64 := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	next := uint64(1)
	for _, name := range names {
		d, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(d[:8]) != "destspl1" || checksum(d[:60]) != u32(d[60:]) || string(d[:64]) != string(d[2048:2048+64]) || u64(d[32:]) != next {
			t.Fatalf("%s: header", name)
		}
		key, err := hkdf.Key(sha256.New, []byte("0123456789abcdef0123456789abcdef"), d[16:32], "destring spool segment 1"+string(d[:48]), 32)
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		for off := 4096; off < len(d); {
			f := d[off:]
			head := 72 + int(f[66])
			body := f[head : head+int(u32(f[12:]))]
			if string(f[:4]) != "DsF1" || checksum(f[8:head]) != u32(f[4:]) || checksum(body) != u32(f[8:]) || u64(f[16:]) != next ||
				u64(f[48:]) != uint64(off) || string(f[72:head]) != "logs" {
				t.Fatalf("%s: frame at %d", name, off)
			}
			nonce := append(make([]byte, 4), f[48:56]...)
			records, err := gcm.Open(nil, nonce, body, f[12:head])
			if err != nil || f[64] == 0 && len(records) != int(u32(f[60:])) {
				t.Fatalf("%s: frame at %d: %v", name, off, err)
			}
			next += uint64(u32(f[24:]))
			off += head + len(body)
		}
	}
	if next != 41 {
		t.Errorf("%d records, want 40", next-1)
	}
}
