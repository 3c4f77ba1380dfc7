package spool

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// captured is a log that a test reads.
func captured() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

func TestASymbolicLinkIsNotFollowed(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{segmentName(1), "publisher" + cursorSuffix, quarantine} {
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := openSpool(t, Config{Dir: dir})
	appendAll(t, s, 0, 10)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	if err := r.Commit(f.Position, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(outside); string(got) != "precious" {
		t.Errorf("the file behind the link is now %q", got)
	}
	if got := pendingGaps(s); got != "foreign:0 foreign:0" {
		t.Errorf("gaps %q", got)
	}
}

func TestALinkInPlaceOfTheLockIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir, Keys: testKeys(t), Readers: []string{"publisher"}}); err == nil {
		t.Fatal("opened")
	}
}

func TestASegmentThatOthersCanReadIsClosedToThem(t *testing.T) {
	dir := t.TempDir()
	name := hundreds(t, Config{Dir: dir})
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	openSpool(t, Config{Dir: dir})
	if info, _ := os.Stat(name); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
}

func TestADirectoryThatOthersCanReachIsClosedToThem(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	openSpool(t, Config{Dir: dir})
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
}

func TestAWrongKeyMovesSegmentsAsideAndSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	hundreds(t, Config{Dir: dir})
	other, err := NewKeyring([]byte("another key of thirty-two bytes."))
	if err != nil {
		t.Fatal(err)
	}
	log, said := captured()
	s := openSpool(t, Config{Dir: dir, Keys: other, Log: log})
	if got := pendingGaps(s); got != "key:1000" {
		t.Errorf("gaps %q", got)
	}
	id := keyName(testKeys(t).current().id)
	if !strings.Contains(said.String(), id) || !strings.Contains(said.String(), segmentName(1)) || !strings.Contains(said.String(), "key file") {
		t.Errorf("the log names not key, segment and remedy: %s", said)
	}
	appendAll(t, s, 1000, 1010)
	wantKeys(t, keysOf(t, reader(t, s, "publisher")), 1000, 1010)
}

func TestRecordsAreTakenInAgainOnceTheirKeyIsBack(t *testing.T) {
	dir := t.TempDir()
	hundreds(t, Config{Dir: dir, Codec: LZ4})
	other, err := NewKeyring([]byte("another key of thirty-two bytes."))
	if err != nil {
		t.Fatal(err)
	}
	s := openSpool(t, Config{Dir: dir, Keys: other})
	recordGaps(t, s)
	appendAll(t, s, 1000, 1010)
	s.Close()
	other.keys = append(other.keys, testKeys(t).keys...)
	s = openSpool(t, Config{Dir: dir, Keys: other})
	r := reader(t, s, "publisher")
	var keys []string
	for len(keys) < 1010 {
		f, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		recs, err := f.Decode()
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			keys = append(keys, string(rec.Key))
		}
	}
	wantKeys(t, keys[:10], 1000, 1010)
	wantKeys(t, keys[10:], 0, 1000)
	s.background.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, quarantine, "*")); len(left) > 0 {
		t.Errorf("left in quarantine: %v", left)
	}
}

func TestAKeyIsChangedWithoutRewriting(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir})
	appendAll(t, s, 0, 100)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	if err := r.Commit(f.Position, []byte("state")); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, 100, 200)
	s.Close()
	both, err := NewKeyring([]byte("another key of thirty-two bytes."), []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	s = openSpool(t, Config{Dir: dir, Keys: both})
	r = reader(t, s, "publisher")
	if string(r.State()) != "state" {
		t.Errorf("state %q", r.State())
	}
	appendAll(t, s, 200, 300)
	wantKeys(t, keysOf(t, r), f.Count, 300)
	l, err := List(dir, both)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(l.Segments); n != 2 || l.Segments[0].KeyID == l.Segments[1].KeyID {
		t.Errorf("segments %+v", l.Segments)
	}
}

func TestOneTornSlotOfACursorLeavesTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir})
	r := reader(t, s, "publisher")
	var places []Position
	for i := range 3 {
		appendAll(t, s, i*10, i*10+10)
		f, _ := tryNext(t, r)
		if err := r.Commit(f.Position, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		places = append(places, f.Position)
	}
	s.Close()
	path := filepath.Join(dir, "publisher"+cursorSuffix)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		slots []int // that are damaged
		place Position
		state string
	}{
		{"the older slot", []int{1}, places[2], "\x02"},
		{"the newer slot", []int{0}, places[1], "\x01"},
		{"both slots", []int{0, 1}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := bytes.Clone(whole)
			for _, slot := range c.slots {
				data[slot*slotSize+45] ^= 1
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s := openSpool(t, Config{Dir: dir})
			defer s.Close()
			r := reader(t, s, "publisher")
			if r.Committed() != c.place || string(r.State()) != c.state {
				t.Errorf("position %d, state %q; want %d, %q", r.Committed(), r.State(), c.place, c.state)
			}
		})
	}
}

func TestACursorAheadOfTheRecordsKeepsSequencesFromBeingUsedTwice(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir})
	appendAll(t, s, 0, 100)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	for f.Position < 101 {
		f, _ = tryNext(t, r)
	}
	if err := r.Commit(f.Position, nil); err != nil {
		t.Fatal(err)
	}
	s.Close()
	os.Remove(filepath.Join(dir, segmentName(1)))
	s = openSpool(t, Config{Dir: dir})
	appendAll(t, s, 100, 110)
	r = reader(t, s, "publisher")
	f, _ = tryNext(t, r)
	if f.First != 101 {
		t.Errorf("sequence %d, want 101", f.First)
	}
}

func TestACursorBehindTheOldestRecordIsAGap(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, SegmentSize: minSegment, BatchBytes: 8 << 10}
	s := openSpool(t, cfg)
	appendAll(t, s, 0, 10)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	if err := r.Commit(f.Position, nil); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, 10, 1000)
	s.Close()
	os.Remove(filepath.Join(dir, segmentName(1)))
	s = openSpool(t, cfg)
	oldest := s.segments[0].first
	first, ok := tryNext(t, reader(t, s, "publisher"))
	if !ok || first.First != oldest {
		t.Fatalf("first record %d, want %d", first.First, oldest)
	}
	g, err := s.NextGap(t.Context())
	if err != nil || g.Reason != Missing || g.First != uint64(f.Position) || g.First+g.Records != oldest {
		t.Errorf("gap %v, %v", g, err)
	}
}

func TestOldCopiesInQuarantineAreGivenUp(t *testing.T) {
	dir := t.TempDir()
	openSpool(t, Config{Dir: dir}).Close()
	file := func(n int, reason Reason, suffix string) string {
		g := Gap{Reason: reason, Segment: segmentName(uint64(n)), First: uint64(n), Records: 1}
		return filepath.Join(dir, strings.TrimSuffix(g.fileName(), suffixNew)+suffix)
	}
	for n := 1; n <= keptGaps+10; n++ {
		for _, name := range []string{file(n, Damaged, suffixBad), file(n, WrongKey, suffixBad)} {
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(file(1, Missing, suffixNew), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSpool(t, Config{Dir: dir})
	if got := pendingGaps(s); got != "missing:1" {
		t.Errorf("gaps %q", got)
	}
	left, _ := filepath.Glob(filepath.Join(dir, quarantine, "*"))
	if want := keptGaps + keptGaps + 10 + 1; len(left) != want {
		t.Errorf("%d files are left, want %d: the newest copies, all whole segments, what is not on record", len(left), want)
	}
	if _, err := os.Stat(file(1, Damaged, suffixBad)); err == nil {
		t.Error("the oldest copy is still there")
	}
}
