package spool

import (
	"bytes"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

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
	for _, name := range []string{segmentName(1), "publisher" + cursorSuffix} {
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
		{"the older slot", []int{0}, places[2], "\x02"},
		{"the newer slot", []int{1}, places[1], "\x01"},
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

func TestTheFirstErrorOfTheDiskIsNotSeen(t *testing.T) {
	for _, op := range []string{"write", "sync", "create", "allocate", "syncdir"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newLiar(1)
				s := openSpool(t, Config{disk: d})
				defer s.Close()
				if op == "write" || op == "sync" {
					appendAll(t, s, 0, 10)
				}
				failed := 0
				d.fail = func(o, _ string) error {
					if o == op && failed == 0 {
						failed++
						return syscall.EIO
					}
					return nil
				}
				appendAll(t, s, 10, 20)
				if failed != 1 {
					t.Fatal("nothing failed")
				}
				got := keysOf(t, reader(t, s, "publisher"))
				wantKeys(t, got[len(got)-10:], 10, 20)
			})
		})
	}
}

func TestNoDescriptorIsSyncedAgainAfterASyncFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		s := openSpool(t, Config{disk: d})
		defer s.Close()
		appendAll(t, s, 0, 10)
		bad := ""
		d.fail = func(op, name string) error {
			switch {
			case op == "sync" && bad == "":
				bad = name
				return syscall.EIO
			case bad == name && (op == "sync" || op == "write"):
				t.Errorf("%s of %s after its sync failed", op, name)
			}
			return nil
		}
		appendAll(t, s, 10, 20)
		if bad != segmentName(1) || len(d.segments()) != 2 {
			t.Errorf("failed: %s, segments %v", bad, d.segments())
		}
		wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 20)
	})
}

func TestADiskThatRefusesIsSaidSoAndTriedAgain(t *testing.T) {
	for _, c := range []struct {
		errno syscall.Errno
		want  error
	}{{syscall.EIO, ErrDisk}, {syscall.ENOSPC, ErrFull}, {syscall.EROFS, ErrDisk}} {
		t.Run(c.errno.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newLiar(1)
				s := openSpool(t, Config{disk: d})
				defer s.Close()
				d.fail = func(op, _ string) error {
					if op == "allocate" {
						return c.errno
					}
					return nil
				}
				ticket, err := s.Append("logs", 0, record(0))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := withTimeout(t, 5*time.Second)
				defer cancel()
				if err := s.Wait(ctx, ticket); !errors.Is(err, ctx.Err()) || err == nil {
					t.Fatalf("wait: %v", err)
				}
				if _, err := s.Append("logs", 0, record(1)); !errors.Is(err, c.want) || !errors.Is(err, c.errno) {
					t.Errorf("append: %v", err)
				}
				if s.Usage() != 1 {
					t.Errorf("usage %.2f", s.Usage())
				}
				d.mu.Lock()
				d.fail = nil
				d.mu.Unlock()
				if err := s.Wait(t.Context(), ticket); err != nil {
					t.Fatal(err)
				}
				appendAll(t, s, 1, 2)
				wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 2)
			})
		})
	}
}

func TestCloseSaysHowManyRecordsItCouldNotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		s := openSpool(t, Config{disk: d})
		d.fail = func(op, _ string) error {
			if op == "allocate" {
				return syscall.EIO
			}
			return nil
		}
		ticket, _ := s.Append("logs", 0, record(0))
		err := s.Close()
		if err == nil || !strings.Contains(err.Error(), "1 records") {
			t.Errorf("close: %v", err)
		}
		if err := s.Wait(t.Context(), ticket); err == nil {
			t.Error("wait says that it is durable")
		}
	})
}

// TestAStalledDiskHoldsAppendForStallAndNoLonger lets a sync hang.
func TestAStalledDiskHoldsAppendForStallAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		s := openSpool(t, Config{disk: stalled{newLiar(1), hang}, MaxUnsynced: 20 << 10, BatchBytes: 4 << 10})
		defer s.Close()
		start := time.Now()
		var err error
		n := 0
		for ; err == nil; n++ {
			_, err = s.Append("logs", 0, record(n))
		}
		if !errors.Is(err, ErrFull) || time.Since(start) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if _, err := s.Append("logs", 0, record(n)); !errors.Is(err, ErrFull) || time.Since(start) != 2*time.Second {
			t.Errorf("the next waits too: after %v: %v", time.Since(start), err)
		}
		close(hang)
		if err := s.WaitRoom(t.Context(), 500); err != nil {
			t.Fatal(err)
		}
		appendAll(t, s, n-1, n)
		wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, n)
	})
}

// stalled is a disk whose files hang when they are made.
type stalled struct {
	*liar
	hang chan struct{}
}

func (d stalled) create(name string) (file, error) {
	<-d.hang
	return d.liar.create(name)
}

// TestAStartReadsTheLastSegmentOnly is what keeps a start with 10 GiB short; BenchmarkStart
// measures it.
func TestAStartReadsTheLastSegmentOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		cfg := Config{disk: d, SegmentSize: 1, BatchBytes: 32 << 10}
		s := openSpool(t, cfg)
		appendAll(t, s, 0, 10_000)
		s.Close()
		n := len(d.segments())
		d = d.reboot(false)
		reads := 0
		d.fail = func(op, name string) error {
			if op == "read" {
				reads++
			}
			return nil
		}
		cfg.disk = d
		s = openSpool(t, cfg)
		defer s.Close()
		if n < 20 || reads > n+50 {
			t.Errorf("%d reads with %d segments", reads, n)
		}
	})
}

func TestAnIdleSpoolDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newLiar(1)
		s := openSpool(t, Config{disk: d})
		defer s.Close()
		appendAll(t, s, 0, 10)
		go func() { reader(t, s, "publisher").Next(t.Context()) }()
		synctest.Wait()
		d.fail = func(op, name string) error {
			t.Errorf("%s of %s", op, name)
			return nil
		}
		time.Sleep(24 * time.Hour)
		d.fail = nil
	})
}

func TestKeyFiles(t *testing.T) {
	good := hex.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string // in the error
	}{
		{"one key", good + "\n", 0o600, ""},
		{"comments, blank lines and two keys", "# new\n" + strings.Repeat("ab", 32) + "\n\n# old\n" + good, 0o400, ""},
		{"others can read it", good, 0o604, "chmod 0600"},
		{"too short", good[:60], 0o600, "line 1"},
		{"not hexadecimal", "\n" + strings.Repeat("x", 64), 0o600, "line 2"},
		{"empty", "# nothing\n", 0o600, "no key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadKeys(path, t.TempDir())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), good[:8]) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestAKeyIsMadeOnceOutsideOfTheSpool(t *testing.T) {
	base := t.TempDir()
	dir, path := filepath.Join(base, "spool"), filepath.Join(base, "etc", "spool.key")
	first, err := LoadKeys(path, dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadKeys(path, dir)
	if err != nil || first.ids() != second.ids() || first.keys[0] != second.keys[0] {
		t.Errorf("another key the second time (%v)", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	for _, inside := range []string{filepath.Join(dir, "key"), filepath.Join(dir, "a", "key"), filepath.Join(base, "link", "key")} {
		if _, err := LoadKeys(inside, dir); err == nil {
			t.Errorf("a key at %s was accepted", inside)
		}
	}
}

func TestASystemdCredentialIsUsedBeforeTheFile(t *testing.T) {
	creds := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", creds)
	key := []byte("0123456789abcdef0123456789abcdef")
	if err := os.WriteFile(filepath.Join(creds, Credential), []byte(hex.EncodeToString(key)), 0o400); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	got, err := LoadKeys(path, t.TempDir())
	if err != nil || got.ids() != testKeys(t).ids() {
		t.Fatalf("%s, %v", got.ids(), err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a key file was made beside the credential")
	}
}
