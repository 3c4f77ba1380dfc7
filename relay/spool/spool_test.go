package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"destring/rules"
)

var testEngine = func() *rules.Engine {
	var o rules.Options
	o.Redact.Key = []byte("a key of tests only, 32 bytes ok")
	e, err := rules.New(o)
	if err != nil {
		panic(err)
	}
	return e
}()

// testKeys are the same in every test.
func testKeys(tb testing.TB) Keyring {
	tb.Helper()
	k, err := NewKeyring([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// record makes a clean record that says which one it is. It is made once: stating takes
// much longer than spooling.
func record(n int) *rules.Clean {
	if c, ok := records.Load(n); ok {
		return c.(*rules.Clean)
	}
	c := state(n)
	records.Store(n, c)
	return c
}

var records sync.Map

func state(n int) *rules.Clean {
	return testEngine.State(rules.Statement{Topic: rules.Audit, Action: "test", Time: 1_700_000_000_000_000_000 + int64(n)*1e6,
		Key: fmt.Sprint(n), Message: "record " + fmt.Sprint(n)})
}

func openSpool(tb testing.TB, cfg Config) *Spool {
	tb.Helper()
	if cfg.Keys.keys == nil {
		cfg.Keys = testKeys(tb)
	}
	if cfg.Readers == nil {
		cfg.Readers = []string{"publisher"}
	}
	s, err := Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func reader(tb testing.TB, s *Spool, name string) *Reader {
	tb.Helper()
	r, err := s.Reader(name)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// appendAll appends records from to to-1 and waits until they are durable.
func appendAll(tb testing.TB, s *Spool, from, to int) {
	tb.Helper()
	var t Ticket
	for i := from; i < to; i++ {
		var err error
		if t, err = s.Append("logs", 0, record(i)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if err := s.Wait(tb.Context(), t); err != nil {
		tb.Fatal(err)
	}
}

// keysOf reads the keys of all records until the reader has to wait.
func keysOf(tb testing.TB, r *Reader) (keys []string) {
	tb.Helper()
	for {
		f, ok := tryNext(tb, r)
		if !ok {
			return keys
		}
		recs, err := f.Decode()
		if err != nil {
			tb.Fatal(err)
		}
		for _, rec := range recs {
			keys = append(keys, string(rec.Key))
		}
	}
}

// tryNext returns the next frame, false when there is none now.
func tryNext(tb testing.TB, r *Reader) (Frame, bool) {
	tb.Helper()
	for {
		f, res, err := r.step()
		if err != nil {
			tb.Fatal(err)
		}
		switch res {
		case stepFrame:
			return f, true
		case stepWait:
			return f, false
		}
	}
}

func wantKeys(tb testing.TB, got []string, from, to int) {
	tb.Helper()
	if len(got) != to-from {
		tb.Fatalf("%d records, want %d", len(got), to-from)
	}
	for i, k := range got {
		if k != fmt.Sprint(from+i) {
			tb.Fatalf("record %d is %q, want %d", i, k, from+i)
		}
	}
}

func TestWhatWasAppendedComesBackInOrderAfterARestart(t *testing.T) {
	for _, codec := range []Codec{None, LZ4, Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			dir := t.TempDir()
			s := openSpool(t, Config{Dir: dir, Codec: codec})
			appendAll(t, s, 0, 1000)
			wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 1000)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openSpool(t, Config{Dir: dir, Codec: codec})
			appendAll(t, s, 1000, 1500)
			wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 1500)
		})
	}
}

func TestACommittedReaderGoesOnWhereItWasWithItsState(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir})
	appendAll(t, s, 0, 10)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	if err := r.Commit(f.Position, []byte("pid 7")); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, 10, 20)
	s.Close()
	s = openSpool(t, Config{Dir: dir})
	r = reader(t, s, "publisher")
	if string(r.State()) != "pid 7" {
		t.Fatalf("state %q", r.State())
	}
	wantKeys(t, keysOf(t, r), f.Count, 20)
}

func TestASegmentIsDeletedOnceAllReadersArePastIt(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir, Readers: []string{"publisher", "alerting"}, SegmentSize: minSegment, BatchBytes: 4096})
	for i := range 20 {
		appendAll(t, s, i*100, i*100+100)
	}
	count := func() int { return s.Stats().Segments }
	before := count()
	if before < 3 {
		t.Fatalf("%d segments, want several", before)
	}
	for i, name := range []string{"publisher", "alerting"} {
		r := reader(t, s, name)
		var last Frame
		for {
			f, ok := tryNext(t, r)
			if !ok {
				break
			}
			last = f
		}
		if err := r.Commit(last.Position, nil); err != nil {
			t.Fatal(err)
		}
		if want := []int{before, 1}[i]; count() != want {
			t.Fatalf("after %s: %d segments, want %d", name, count(), want)
		}
	}
}

func TestNextWaitsForTheNextFrameAndEndsWhenSealed(t *testing.T) {
	s := openSpool(t, Config{Dir: t.TempDir()})
	r := reader(t, s, "publisher")
	got := make(chan error)
	go func() {
		if _, err := r.Next(t.Context()); err != nil {
			got <- err
			return
		}
		_, err := r.Next(t.Context())
		got <- err
	}()
	appendAll(t, s, 0, 1)
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want io.EOF", err)
	}
	if _, err := s.Append("logs", 0, record(1)); !errors.Is(err, ErrSealed) {
		t.Fatalf("append after seal: %v", err)
	}
}

func TestASecondProcessIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	openSpool(t, Config{Dir: dir})
	_, err := Open(Config{Dir: dir, Keys: testKeys(t), Readers: []string{"publisher"}})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("got %v", err)
	}
}

func TestFilesAreForTheOwnerOnlyAndShowNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := openSpool(t, Config{Dir: dir})
	appendAll(t, s, 0, 100)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	if err := r.Commit(f.Position, []byte("state: record 17")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			if info.Mode().Perm() != 0o700 {
				t.Errorf("%s has mode %04o", path, info.Mode().Perm())
			}
			return nil
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "record") {
			t.Errorf("%s is readable", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFullSpoolRefusesAndTakesAgainAfterACommit(t *testing.T) {
	s := openSpool(t, Config{Dir: t.TempDir(), MaxSize: 1 << 20, BatchBytes: 16 << 10})
	n := 0
	for ; ; n++ {
		ticket, err := s.Append("logs", 0, record(n))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n%50 == 0 {
			if err := s.Wait(t.Context(), ticket); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u := s.Usage(); u < 0.7 {
		t.Errorf("usage %.2f of a full spool", u)
	}
	r := reader(t, s, "publisher")
	var last Frame
	got := 0
	for {
		f, ok := tryNext(t, r)
		if !ok {
			break
		}
		last, got = f, got+f.Count
	}
	if got != n {
		t.Fatalf("%d records, %d were accepted", got, n)
	}
	if err := r.Commit(last.Position, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.WaitRoom(ctx, record(n).Size()); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, n, n+1)
}

func withTimeout(tb testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(tb.Context(), d)
}
