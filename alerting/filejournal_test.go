package alerting_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"destring/alerting"
)

var journalKey = bytes.Repeat([]byte{7}, 32)

// entriesOf opens the journal and reads it.
func entriesOf(t *testing.T, path string) (list []string, damage error) {
	t.Helper()
	j, err := alerting.OpenFileJournal(path, journalKey)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.Replay(func(e []byte) error { list = append(list, string(e)); return nil }); err != nil {
		t.Fatal(err)
	}
	return list, j.Damage()
}

// written makes a journal with n entries and returns its bytes and where each entry ends.
func written(t *testing.T, n int) (raw []byte, ends []int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alerts", "journal")
	j, err := alerting.OpenFileJournal(path, journalKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Replay(func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	ends = append(ends, int(j.Size()))
	for i := range n {
		if err := errors.Join(j.Append(entryNo(i)), j.Sync()); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, int(j.Size()))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return raw, ends
}

func entryNo(i int) []byte {
	return fmt.Appendf(nil, "entry %d: the sample says [REDACTED:password]", i)
}

func TestAJournalCutAnywhereGivesWhatWasSynced(t *testing.T) {
	raw, ends := written(t, 3)
	for cut := range len(raw) + 1 {
		if cut > 0 && cut < ends[0] || cut%3 != 0 && !slices.Contains(ends, cut) && !slices.Contains(ends, cut+1) {
			continue // a header is renamed into place whole; each open costs two fsyncs
		}
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, raw[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if cut == 0 {
			_ = os.Remove(path)
		}
		want := 0
		for want < 3 && ends[want+1] <= cut {
			want++
		}
		for range 2 { // reading it once must not lose anything
			if got, damage := entriesOf(t, path); len(got) != want || damage != nil {
				t.Fatalf("cut at %d of %d: %d entries (%v), want %d", cut, len(raw), len(got), damage, want)
			}
		}
	}
}

// entriesIn are the numbers of the entries that a journal of these bytes gives.
func entriesIn(t *testing.T, path string, raw []byte) (numbers []int, damage error) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	got, damage := entriesOf(t, path)
	for _, e := range got {
		n := 0
		if _, err := fmt.Sscanf(e, "entry %d:", &n); err != nil || e != string(entryNo(n)) {
			t.Fatalf("an entry that nobody wrote: %q", e)
		}
		numbers = append(numbers, n)
	}
	return numbers, damage
}

func TestAChangedBitCostsOneEntryAtMostAndIsSaid(t *testing.T) {
	raw, ends := written(t, 4)
	for at := ends[0]; at < len(raw); at += 3 {
		broken := bytes.Clone(raw)
		broken[at] ^= 0x10
		path := filepath.Join(t.TempDir(), "journal")
		got, damage := entriesIn(t, path, broken)
		hit := 0
		for ends[hit+1] <= at {
			hit++
		}
		want := []int{0, 1, 2, 3}
		if at >= ends[hit]+4 { // else only its length is wrong
			want = slices.Delete(want, hit, hit+1)
		}
		if !slices.Equal(got, want) {
			t.Errorf("byte %d, of entry %d: entries %v, want %v", at, hit, got, want)
		}
		if hit == 3 && len(got) == 3 {
			continue // the last one looks as if it had not been synced
		}
		kept, err := os.ReadFile(path + ".damaged")
		if damage == nil || !strings.Contains(damage.Error(), path+".damaged") || err != nil || !bytes.Equal(kept, broken) {
			t.Errorf("byte %d, of entry %d: said %v; the copy: %v", at, hit, damage, err)
		}
	}
}

func TestAfterDamageTheJournalGoesOn(t *testing.T) {
	raw, ends := written(t, 100)
	zero := func(from, to int) func([]byte) []byte {
		return func(b []byte) []byte { clear(b[from:to]); return b }
	}
	for name, c := range map[string]struct {
		do   func([]byte) []byte
		lost []int
	}{
		"a length that announces too much":   {func(b []byte) []byte { b[ends[1]] ^= 0x01; return b }, nil},
		"a length that announces too little": {func(b []byte) []byte { b[ends[1]+3] ^= 0x20; return b }, nil},
		"a lost block":                       {zero(ends[10]+20, ends[13]-20), []int{10, 11, 12}},
		"two lost blocks":                    {func(b []byte) []byte { return zero(ends[50], ends[51])(zero(ends[3]+1, ends[4])(b)) }, []int{3, 50}},
		"bytes put in":                       {func(b []byte) []byte { return slices.Insert(b, ends[7], bytes.Repeat([]byte{0, 0, 0, 60}, 64)...) }, nil},
		"a torn end as well":                 {func(b []byte) []byte { b[ends[96]+9] ^= 1; return b[:len(b)-5] }, []int{96, 99}},
		"the first length":                   {zero(ends[0], ends[0]+4), nil},
	} {
		path := filepath.Join(t.TempDir(), "journal")
		got, damage := entriesIn(t, path, c.do(bytes.Clone(raw)))
		var want []int
		for i := range 100 {
			if !slices.Contains(c.lost, i) {
				want = append(want, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: entries %v, lost should be %v", name, got, c.lost)
		}
		if damage == nil {
			t.Errorf("%s: nothing is said", name)
		}
		if again, damage := entriesOf(t, path); len(again) != len(got) || damage != nil {
			t.Errorf("%s: the next start reads %d entries (%v), want %d", name, len(again), damage, len(got))
		}
	}
}

func TestEntriesThatAreMovedOrTakenOutAreNoticed(t *testing.T) {
	raw, ends := written(t, 3)
	first, second, third := raw[ends[0]:ends[1]], raw[ends[1]:ends[2]], raw[ends[2]:ends[3]]
	for name, parts := range map[string][][]byte{"swapped": {second, first, third}, "doubled": {first, first, second}, "taken out": {second, third}} {
		path := filepath.Join(t.TempDir(), "journal")
		got, damage := entriesIn(t, path, append(bytes.Clone(raw[:ends[0]]), bytes.Join(parts, nil)...))
		if damage == nil || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%s: entries %v, %v", name, got, damage)
		}
		if kept, err := os.Stat(path + ".damaged"); err != nil || kept.Mode().Perm() != 0o600 {
			t.Errorf("%s: the damaged file is not kept for whoever looks into it: %v", name, err)
		}
	}
}

func TestAJournalShowsNothingAndIsForItsOwnerAlone(t *testing.T) {
	raw, _ := written(t, 3)
	if bytes.Contains(raw, []byte("sample")) || bytes.Contains(raw, []byte("REDACTED")) {
		t.Error("the file holds its entries in plain")
	}
	path := filepath.Join(t.TempDir(), "alerts", "journal")
	entriesOf(t, path)
	for p, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + ".lock": 0o600} {
		if s, err := os.Stat(p); err != nil || s.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", filepath.Base(p), s.Mode().Perm(), err, want)
		}
	}
}

func TestEachOpenSealsAnew(t *testing.T) {
	raw, ends := written(t, 1)
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	entriesOf(t, path)
	again, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(raw[:ends[0]], again[:ends[0]]) || bytes.Equal(raw[ends[0]:], again[ends[0]:]) {
		t.Error("the same salt or the same sealed bytes after another open: a nonce may be used twice")
	}
}

func TestAJournalThatIsNotOursIsLeftAlone(t *testing.T) {
	raw, _ := written(t, 1)
	dir := t.TempDir()
	mine, text, link := filepath.Join(dir, "mine"), filepath.Join(dir, "text"), filepath.Join(dir, "link")
	for path, content := range map[string][]byte{mine: raw, text: []byte("just some text, long enough to hold a whole header of a journal, and more of it")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(mine, link); err != nil {
		t.Fatal(err)
	}
	if _, err := alerting.OpenFileJournal(mine, bytes.Repeat([]byte{8}, 32)); !errors.Is(err, alerting.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := alerting.OpenFileJournal(mine, []byte("short")); err == nil {
		t.Error("a key of 5 bytes is accepted")
	}
	if _, err := alerting.OpenFileJournal(text, journalKey); err == nil || !strings.Contains(err.Error(), "no alert journal") {
		t.Errorf("a text: %v", err)
	}
	if _, err := alerting.OpenFileJournal(link, journalKey); err == nil {
		t.Error("a symbolic link is followed")
	}
	if after, err := os.ReadFile(mine); err != nil || !bytes.Equal(after, raw) {
		t.Errorf("the file was changed: %v", err)
	}
	j, err := alerting.OpenFileJournal(mine, journalKey)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := alerting.OpenFileJournal(mine, journalKey); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second open: %v", err)
	}
}

func TestARewriteThatFailsLeavesTheOldJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := alerting.OpenFileJournal(path, journalKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Replay(func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Append(entryNo(0)), j.Sync()); err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	if err := j.Rewrite(func(add func([]byte) error) error { return errors.Join(add([]byte("half")), full) }); !errors.Is(err, full) {
		t.Errorf("Rewrite: %v", err)
	}
	if err := errors.Join(j.Append(entryNo(1)), j.Sync(), j.Close()); err != nil {
		t.Errorf("the old journal does not go on: %v", err)
	}
	if got, _ := entriesOf(t, path); len(got) != 2 {
		t.Errorf("%q, want the two entries", got)
	}
	if err := j.Append(nil); err == nil {
		t.Error("Append after Close is accepted")
	}
}

func FuzzFileJournal(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x00\x00\x10abcdefghabcdefgh"))
	f.Add([]byte("\xff\xff\xff\xff"))
	dir := f.TempDir()
	path := filepath.Join(dir, "journal")
	f.Fuzz(func(t *testing.T, tail []byte) {
		_ = os.Remove(path)
		j, err := alerting.OpenFileJournal(path, journalKey)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(j.Replay(func([]byte) error { return nil }), j.Append([]byte("kept")), j.Sync(), j.Close())
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.Write(tail)
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		if got, _ := entriesOf(t, path); len(got) != 1 || got[0] != "kept" {
			t.Errorf("%q", got)
		}
	})
}

func BenchmarkFileJournal(b *testing.B) {
	j, err := alerting.OpenFileJournal(filepath.Join(b.TempDir(), "journal"), journalKey)
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	if err := j.Replay(func([]byte) error { return nil }); err != nil {
		b.Fatal(err)
	}
	entry := bytes.Repeat([]byte("x"), 1500)
	b.SetBytes(int64(len(entry)))
	for b.Loop() {
		if err := errors.Join(j.Append(entry), j.Sync()); err != nil {
			b.Fatal(err)
		}
	}
}
