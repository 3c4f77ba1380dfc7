package rules

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"destring/rules/event"
)

var update = flag.Bool("update", false, "write the expected records again")

// TestTypicalRecords reads testdata/records/*.txt, one frame each, as a worker's connection would bring it, and
// compares the record with the .json beside it: what a consumer gets, to be read by people.
func TestTypicalRecords(t *testing.T) {
	frames, err := filepath.Glob("testdata/records/*.txt")
	if err != nil || len(frames) == 0 {
		t.Fatalf("%d frames: %v", len(frames), err)
	}
	e := newEngine(t, leakRule)
	for _, path := range frames {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			frame, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := newSender(t, e)
			ev := s.read(string(frame))
			switch name {
			case "resent": // as RELP brings it: the same frame has the same hash
				ev.Hash, ev.HasHash, ev.Syslog.Framing = [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, true, event.FramingRELP
			}
			compare(t, strings.TrimSuffix(path, ".txt")+".json", check(t, s.in.Inspect(ev)).raw)
		})
	}
	t.Run("withheld", func(t *testing.T) {
		s := newSender(t, e)
		ev := s.read("<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - - password=" + secret)
		compare(t, "testdata/records/withheld.json", check(t, s.in.withhold(ev, "panic")).raw)
	})
}

// fingerprint is what package redact's own tests look after; here one stands for all.
var fingerprint = regexp.MustCompile(`(:|"fingerprint":")[0-9a-f]{16}([]"])`)

func compare(t *testing.T, path, raw string) {
	t.Helper()
	raw = fingerprint.ReplaceAllString(raw, "${1}00112233445566ff$2")
	var got bytes.Buffer
	if err := json.Indent(&got, []byte(raw), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("%s (go test ./rules -run TypicalRecords -update writes it again):\n got %s\nwant %s", path, got.String(), want)
	}
}
