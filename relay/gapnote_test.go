package relay_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"destring/relay"
)

func openNote(t *testing.T, dir string) (*relay.GapNote, relay.Gap) {
	t.Helper()
	n, gap, err := relay.OpenGapNote(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n, gap
}

func TestTheNoteOfAGapOutlivesTheRelayUntilItIsCleared(t *testing.T) {
	dir := t.TempDir()
	n, gap := openNote(t, dir)
	if gap.Records != 0 {
		t.Errorf("a new note holds %+v", gap)
	}
	want := relay.Gap{Began: time.Unix(0, 1_764_064_800_123_456_789), Ended: time.Unix(0, 1_764_064_805_000_000_001), Records: 4711}
	for _, g := range []relay.Gap{{Began: want.Began, Ended: want.Began, Records: 1}, want} {
		if err := n.Keep(g); err != nil {
			t.Fatal(err)
		}
	}
	n, gap = openNote(t, dir)
	if gap != want {
		t.Errorf("the note holds %+v, want %+v", gap, want)
	}
	if err := n.Clear(); err != nil {
		t.Fatal(err)
	}
	if _, gap = openNote(t, dir); gap.Records != 0 {
		t.Errorf("a cleared note holds %+v", gap)
	}
	info, err := os.Stat(filepath.Join(dir, "shed.gap"))
	if err != nil || info.Mode() != 0o600 || info.Size() != 32 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestADamagedNoteSaysNothing(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"a flipped bit": func(f string) error {
			b, err := os.ReadFile(f)
			if err == nil {
				b[9] ^= 1
				err = os.WriteFile(f, b, 0o600)
			}
			return err
		},
		"cut short": func(f string) error { return os.Truncate(f, 20) },
		"empty":     func(f string) error { return os.Truncate(f, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			n, _ := openNote(t, dir)
			if err := n.Keep(relay.Gap{Began: time.Now(), Ended: time.Now(), Records: 7}); err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(dir, "shed.gap")); err != nil {
				t.Fatal(err)
			}
			if _, gap := openNote(t, dir); gap.Records != 0 {
				t.Errorf("it says %+v", gap)
			}
		})
	}
}

func TestANoteThatLeadsOutOfTheSpoolIsNotFollowed(t *testing.T) {
	dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(dir, "shed.gap")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := relay.OpenGapNote(dir); err == nil {
		t.Error("it was opened")
	}
	if b, _ := os.ReadFile(victim); string(b) != "theirs" {
		t.Errorf("it was written to: %q", b)
	}
}
