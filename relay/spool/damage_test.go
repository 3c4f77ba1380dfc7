package spool

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// frames finds the frames of a segment file.
func frames(t *testing.T, data []byte) (offs []int) {
	t.Helper()
	for off := framesStart; off < len(data); {
		h, err := decodeFrameHeader(data[off:], int64(off), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		offs = append(offs, off)
		off += int(h.size())
	}
	return offs
}

// hundreds writes 1,000 records in ten frames and closes the spool. It returns the name of the
// only segment file.
func hundreds(t *testing.T, cfg Config) string {
	t.Helper()
	cfg.CommitDelay = time.Hour // each hundred is one frame, however slow the machine is
	s := openSpool(t, cfg)
	for i := range 10 {
		appendAll(t, s, i*100, i*100+100)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(cfg.Dir, "*"+segmentSuffix))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return names[0]
}

// without lists 0 to 999 but for the hundreds named.
func without(gone ...int) (keys []string) {
	for i := range 1000 {
		if !slices.Contains(gone, i/100) {
			keys = append(keys, fmt.Sprint(i))
		}
	}
	return keys
}

// TestDamage is the table of what survives which damage to a segment of 1,000 records in ten
// frames of a hundred. A wrong record never comes out.
func TestDamage(t *testing.T) {
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, c := range []struct {
		name   string
		damage func(data []byte, at []int) []byte
		lost   []int  // hundreds
		gaps   string // reason:records, in order
	}{
		{"nothing", func(d []byte, at []int) []byte { return d }, nil, ""},
		{"the tail is cut by 57 bytes", func(d []byte, at []int) []byte { return d[:len(d)-57] }, []int{9}, "tail:0"},
		{"the tail is cut inside a frame header", func(d []byte, at []int) []byte { return d[:at[9]+20] }, []int{9}, "tail:0"},
		{"the last frame is cut off whole", func(d []byte, at []int) []byte { return d[:at[9]] }, []int{9}, ""},
		{"a bit of a length flips", flip(4, 14), []int{4}, "damaged:100"},
		{"a high bit of a length flips", flip(4, 12), []int{4}, "damaged:100"},
		{"a bit of a body flips", flip(4, 500), []int{4}, "damaged:100"},
		{"a bit of a sum flips", flip(4, 6), []int{4}, "damaged:100"},
		{"a bit of a sequence flips", flip(4, 23), []int{4}, "damaged:100"},
		{"a bit of a count flips", flip(4, 27), []int{4}, "damaged:100"},
		{"a bit of a topic flips", flip(4, 73), []int{4}, "damaged:100"},
		{"a bit of a magic flips", flip(4, 0), []int{4}, "damaged:100"},
		{"a bit of the first frame flips", flip(0, 200), []int{0}, "damaged:100"},
		{"a bit of the last frame flips", flip(9, 200), []int{9}, "tail:0"},
		{"two frames behind each other are damaged", func(d []byte, at []int) []byte {
			return flip(4, 200)(flip(5, 30)(d, at), at)
		}, []int{4, 5}, "damaged:200"},
		{"two frames apart are damaged", func(d []byte, at []int) []byte {
			return flip(2, 200)(flip(5, 30)(d, at), at)
		}, []int{2, 5}, "damaged:100 damaged:100"},
		{"a sector in the middle is zeros", func(d []byte, at []int) []byte {
			clear(d[at[4]&^4095 : at[4]&^4095+4096])
			return d
		}, []int{3, 4}, "damaged:200"},
		{"a bit flips and the sums are made good again", func(d []byte, at []int) []byte {
			flip(4, 500)(d, at)
			h := d[at[4]:at[5]]
			head := frameFixed + int(h[66])
			binary.BigEndian.PutUint32(h[8:], checksum(h[head:]))
			binary.BigEndian.PutUint32(h[4:], checksum(h[8:head]))
			return d
		}, []int{4}, "damaged:100"},
		{"the count is changed and the sums are made good again", func(d []byte, at []int) []byte {
			h := d[at[4]:at[5]]
			binary.BigEndian.PutUint32(h[24:], 99)
			binary.BigEndian.PutUint32(h[4:], checksum(h[8:frameFixed+int(h[66])]))
			return d
		}, []int{4}, "damaged:100"},
		{"zeros follow", func(d []byte, at []int) []byte { return append(d, make([]byte, 100_000)...) }, nil, ""},
		{"garbage follows", func(d []byte, at []int) []byte { return append(d, garbage(5000)...) }, nil, "tail:0"},
		{"garbage that looks like frames follows", func(d []byte, at []int) []byte {
			return append(d, []byte(strings.Repeat(frameMagic+"xxxxxxxx", 5000))...)
		}, nil, "tail:0"},
		{"an old frame is copied to the tail", func(d []byte, at []int) []byte { return append(d, d[at[3]:at[4]]...) }, nil, "tail:0"},
		{"the last frame is copied over an older one", func(d []byte, at []int) []byte {
			copy(d[at[7]:at[8]], slices.Clone(d[at[9]:]))
			return d
		}, []int{7}, "damaged:100"},
		{"one copy of the segment header is damaged", func(d []byte, at []int) []byte { d[20] ^= 1; return d }, nil, ""},
		{"the other copy of the segment header is damaged", func(d []byte, at []int) []byte { d[headerCopy+20] ^= 1; return d }, nil, ""},
		{"both copies of the segment header are damaged", func(d []byte, at []int) []byte {
			d[20] ^= 1
			d[headerCopy+20] ^= 1
			return d
		}, all, "header:1000"},
		{"the file is cut inside the segment header", func(d []byte, at []int) []byte { return d[:30] }, all, "header:0"},
		{"the file is cut behind the segment header", func(d []byte, at []int) []byte { return d[:headerSize] }, all, "header:0"},
		{"the file is empty", func(d []byte, at []int) []byte { return nil }, all, ""},
		{"the file is zeros", func(d []byte, at []int) []byte { return make([]byte, len(d)) }, all, ""},
		{"the file is garbage", func(d []byte, at []int) []byte { return garbage(len(d)) }, all, "header:0"},
	} {
		for _, codec := range []Codec{None, LZ4} {
			t.Run(c.name+"/"+codec.String(), func(t *testing.T) {
				cfg := Config{Dir: t.TempDir(), Codec: codec}
				name := hundreds(t, cfg)
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, c.damage(data, frames(t, data)), 0o600); err != nil {
					t.Fatal(err)
				}
				checkDamage(t, cfg, without(c.lost...), c.gaps)
			})
		}
	}
}

// flip returns damage to one bit, at byte off of frame n.
func flip(n, off int) func([]byte, []int) []byte {
	return func(d []byte, at []int) []byte {
		d[at[n]+off] ^= 0x10
		return d
	}
}

func garbage(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// checkDamage opens a damaged spool twice: exactly keys come out of the first, with these
// gaps, and new records go in and come out behind them. The second shows the same again
// and reports nothing anew.
func checkDamage(t *testing.T, cfg Config, keys []string, gaps string) {
	t.Helper()
	checkTools(t, cfg, keys, gaps)
	for i := range 2 {
		s := openSpool(t, cfg)
		r := reader(t, s, "publisher")
		appendAll(t, s, 5000+i, 5001+i)
		keys = append(keys, fmt.Sprint(5000+i))
		if got := keysOf(t, r); !slices.Equal(got, keys) {
			t.Fatalf("start %d: %d records come out, want %d", i+1, len(got), len(keys))
		}
		if got := pendingGaps(s); got != gaps {
			t.Errorf("start %d: gaps %q, want %q", i+1, got, gaps)
		}
		if i == 1 {
			recordGaps(t, s)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openSpool(t, cfg)
	keysOf(t, reader(t, s, "publisher"))
	if got := pendingGaps(s); got != "" {
		t.Errorf("gaps %q come again after they were recorded", got)
	}
}

// checkTools looks at a damaged spool as the tools do: the same records, the same verdict, and
// nothing is changed.
func checkTools(t *testing.T, cfg Config, keys []string, gaps string) {
	t.Helper()
	before := snapshot(t, cfg.Dir)
	var got []string
	report, err := Cat(cfg.Dir, "", testKeys(t), func(f Frame) error {
		recs, err := f.Decode()
		for _, rec := range recs {
			got = append(got, string(rec.Key))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, keys) || report.Records != uint64(len(keys)) {
		t.Errorf("cat shows %d records and reports %d, want %d", len(got), report.Records, len(keys))
	}
	if want := gaps != "" && !strings.HasPrefix(gaps, "tail"); want && !report.Damage() {
		t.Errorf("verify finds %v, want %s", report.Gaps, gaps)
	}
	if after := snapshot(t, cfg.Dir); after != before {
		t.Error("looking at the spool changed it")
	}
}

// snapshot sums up all files below dir.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintln(&b, path, len(data), checksum(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func pendingGaps(s *Spool) string {
	var words []string
	for _, g := range s.gaps.pending {
		words = append(words, fmt.Sprintf("%s:%d", g.Reason, g.Records))
	}
	return strings.Join(words, " ")
}

// recordGaps does what the relay does with gaps.
func recordGaps(t *testing.T, s *Spool) {
	t.Helper()
	for range len(s.gaps.pending) {
		g, err := s.NextGap(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(s.cfg.Dir, g.File)); err != nil {
			t.Error(err)
		}
		if err := s.Recorded(g); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMissingSegmentIsAGapOfAsManyRecords(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentSize: minSegment, BatchBytes: 16 << 10}
	hundreds(t, cfg)
	names, _ := filepath.Glob(filepath.Join(cfg.Dir, "*"+segmentSuffix))
	if len(names) < 4 {
		t.Fatalf("%d segments", len(names))
	}
	next := func(i int) int {
		n, _ := parseSegmentName(filepath.Base(names[i]))
		return int(n) - 1
	}
	for _, c := range []struct {
		name     string
		from, to int // segments that go
	}{
		{"the first", 0, 1}, {"one in the middle", 1, 2}, {"two in the middle", 1, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir()}
			var keys []string
			for i, name := range names {
				if i >= c.from && i < c.to {
					continue
				}
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(cfg.Dir, filepath.Base(name)), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 1000 {
				if i < next(c.from) || i >= next(c.to) {
					keys = append(keys, fmt.Sprint(i))
				}
			}
			gaps := fmt.Sprintf("missing:%d", next(c.to)-next(c.from))
			if c.from == 0 { // a reader without a cursor begins at the oldest record there is
				gaps = ""
			}
			checkDamage(t, cfg, keys, gaps)
		})
	}
}
