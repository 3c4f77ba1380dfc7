package spool

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestListShowsWhatLiesThereBesideARunningRelay(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Config{Dir: dir, Readers: []string{"publisher", "alerting"}})
	appendAll(t, s, 0, 10)
	r := reader(t, s, "publisher")
	f, _ := tryNext(t, r)
	if err := r.Commit(f.Position, []byte("state")); err != nil {
		t.Fatal(err)
	}
	s.note(Gap{Reason: Missing, Segment: segmentName(7), First: 7, Records: 3}, nil)
	for _, c := range []struct {
		name string
		keys Keyring
	}{{"with the key", testKeys(t)}, {"without a key", Keyring{}}} {
		t.Run(c.name, func(t *testing.T) {
			l, err := List(dir, c.keys)
			if err != nil {
				t.Fatal(err)
			}
			if len(l.Segments) != 1 || len(l.Cursors) != 2 || len(l.Gaps) != 1 || l.Recorded[0] {
				t.Fatalf("%+v", l)
			}
			seg, cur, gap := l.Segments[0], l.Cursors[1], l.Gaps[0]
			if seg.First != 1 || seg.KeyID != keyName(testKeys(t).current().id) || seg.Created.IsZero() || seg.Size < framesStart {
				t.Errorf("segment %+v", seg)
			}
			if cur.Reader != "publisher" || cur.Position != f.Position {
				t.Errorf("cursor %+v", cur)
			}
			if gap.Reason != Missing || gap.First != 7 || gap.Records != 3 || gap.Segment != segmentName(7) {
				t.Errorf("gap %+v", gap)
			}
			if withKey := len(c.keys.keys) > 0; withKey != (seg.Err == nil) || withKey != (cur.Err == nil) || !withKey && !errors.Is(seg.Err, errKey) {
				t.Errorf("errors %v, %v", seg.Err, cur.Err)
			}
		})
	}
}

func TestVerifyOfOneSegmentAndOfWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	hundreds(t, Config{Dir: dir, SegmentSize: minSegment, BatchBytes: 16 << 10})
	all, err := Verify(dir, "", testKeys(t))
	if err != nil || all.Records != 1000 || all.Damage() || all.Segments < 3 || all.Newest.Sub(all.Oldest).Milliseconds() != 999 {
		t.Errorf("%+v, %v", all, err)
	}
	one, err := Verify(dir, segmentName(1), testKeys(t))
	if err != nil || one.Segments != 1 || one.Records == 0 || one.Records >= 1000 || one.Damage() {
		t.Errorf("%+v, %v", one, err)
	}
	if _, err := Verify(dir, segmentName(999_999), testKeys(t)); err == nil {
		t.Error("a segment that is not there was verified")
	}
	if _, err := Verify(filepath.Join(dir, "nowhere"), "", testKeys(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	blind, err := Verify(dir, "", Keyring{})
	if err != nil || !blind.Damage() || blind.Records != 0 {
		t.Errorf("without a key: %+v, %v", blind, err)
	}
	var missing uint64
	for _, g := range blind.Gaps {
		if g.Reason != WrongKey {
			t.Error(g)
		}
		missing += g.Records
	}
	if missing != 1000 {
		t.Errorf("without a key %d records are missing, want 1000", missing)
	}
	stop := errors.New("enough")
	if _, err := Cat(dir, "", testKeys(t), func(Frame) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("cat went on: %v", err)
	}
}
