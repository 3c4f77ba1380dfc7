package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"destring/rules/event"
)

// TestAFindingMarksItsFrameAndItsSecretIsNowhere inspects a line that leaks a password among lines
// that do not, and looks for it in every file of the spool, also inside of the records.
func TestAFindingMarksItsFrameAndItsSecretIsNowhere(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir})
	secret := "hunter2" + "-Tr0ub4dor"
	inspector := testEngine.NewInspector()
	for p, line := range []string{"connected to the broker", "connecting with password=" + secret, "done"} {
		ev := event.Event{Received: 1_700_000_000_000_000_000, Peer: &event.Peer{}, Message: event.NewText([]byte(line))}
		if _, err := s.Append("logs", int32(p), inspector.Inspect(&ev)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := reader(t, s, "publisher")
	r.Filter(func(f *Frame) bool { return f.Matched })
	f, ok := tryNext(t, r)
	if !ok || f.Partition != 1 || f.Count != 1 {
		t.Fatalf("frame %+v", f)
	}
	if _, ok := tryNext(t, r); ok {
		t.Error("a frame without a finding is marked")
	}
	if at := s.Stats().Readers[0]; at.Depth != 2 || at.Oldest.IsZero() {
		t.Errorf("before the commit: %+v, want this record and the one behind it", at)
	}
	if bytes.Contains(f.Records, []byte(secret)) || !bytes.Contains(f.Records, []byte("[REDACTED:")) {
		t.Errorf("record: %s", f.Records)
	}
	if err := r.Commit(f.Position, f.Records); err != nil {
		t.Fatal(err)
	}
	if at := s.Stats().Readers[0]; at.Depth != 0 || !at.Oldest.IsZero() {
		t.Errorf("all was committed or passed over, yet %+v", at)
	}
	if _, err := s.Append("logs", 0, record(0)); err != nil { // nothing that the reader wants
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := tryNext(t, r); ok {
		t.Error("a frame without a finding is marked")
	}
	if at := s.Stats().Readers[0]; at.Depth != 0 || !at.Oldest.IsZero() {
		t.Errorf("what is passed over is said to be unread: %+v", at)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if info, _ := os.Stat(name); info.IsDir() {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{secret, "REDACTED", "broker"} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%q is readable in %s", word, name)
			}
		}
	}
}
