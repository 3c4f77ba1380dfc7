package spool

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// blind is a disk that keeps everything and does not let all of it be read or opened, for a while.
type blind struct {
	*liar
	unread   func(name string, end int64) bool // whether a read that ends there fails
	unopened func(name string) error
}

func (d *blind) openRead(name string) (file, error) {
	if d.unopened != nil {
		if err := d.unopened(name); err != nil {
			return nil, err
		}
	}
	f, err := d.liar.openRead(name)
	if err != nil {
		return nil, err
	}
	return blindFile{f, d, name}, nil
}

type blindFile struct {
	file
	disk *blind
	name string
}

func (f blindFile) ReadAt(b []byte, off int64) (int, error) {
	if f.disk.unread != nil && f.disk.unread(f.name, off+int64(len(b))) {
		return 0, syscall.EIO
	}
	return f.file.ReadAt(b, off)
}

// contents are the bytes of all files, without the zeros at their ends.
func (d *liar) contents() (all [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.names {
		all = append(all, bytes.TrimRight(f.data, "\x00"))
	}
	return all
}

func TestAStartThatCannotReadSegmentsKeepsThemAndSaysSo(t *testing.T) {
	for name, unread := range map[string]func(name string, end int64) bool{
		"nothing of any segment":            func(name string, _ int64) bool { return strings.HasSuffix(name, segmentSuffix) },
		"nothing behind a segment's header": func(name string, end int64) bool { return strings.HasSuffix(name, segmentSuffix) && end > framesStart },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &blind{liar: newLiar(1)}
				s := openSpool(t, Config{disk: d})
				appendAll(t, s, 0, 100)
				s.Close()
				var segment []byte
				for _, c := range d.contents() {
					if len(c) > len(segment) {
						segment = c
					}
				}
				d.unread = unread
				s = openSpool(t, Config{disk: d})
				if g, err := s.NextGap(t.Context()); err != nil || g.Reason != Unreadable {
					t.Errorf("the gap is %v, %v", g, err)
				}
				appendAll(t, s, 100, 110)
				s.Close()
				kept := false
				for _, c := range d.contents() {
					kept = kept || bytes.HasPrefix(c, segment)
				}
				if !kept {
					t.Error("the segment that could not be read is gone")
				}
			})
		})
	}
}

func TestAStartThatCannotOpenTheLastSegmentLosesNothing(t *testing.T) {
	for _, at := range []int{1, 2} {
		d := &blind{liar: newLiar(1)}
		s := openSpool(t, Config{disk: d})
		appendAll(t, s, 0, 100)
		s.Close()
		opened := 0
		d.unopened = func(name string) error {
			if opened++; strings.HasSuffix(name, segmentSuffix) && opened == at {
				return syscall.EMFILE
			}
			return nil
		}
		if s, err := Open(Config{disk: d, Keys: testKeys(t), Readers: []string{"publisher"}}); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("at its opening %d the start ended with %v", at, err)
			if err == nil {
				s.Close()
			}
		}
		d.unopened = nil
		s = openSpool(t, Config{disk: d})
		wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 100)
		s.Close()
	}
}

func TestASegmentInQuarantineStaysThereUntilAllOfItCanBeRead(t *testing.T) {
	d := &blind{liar: newLiar(1)}
	s := openSpool(t, Config{disk: d})
	appendAll(t, s, 0, 1000)
	s.Close()
	other, err := NewKeyring([]byte("another key of thirty-two bytes."))
	if err != nil {
		t.Fatal(err)
	}
	openSpool(t, Config{disk: d, Keys: other}).Close()
	other.keys = append(other.keys, testKeys(t).keys...)
	d.unread = func(name string, end int64) bool {
		return strings.HasPrefix(name, quarantine) && end > framesStart+4096
	}
	s = openSpool(t, Config{disk: d, Keys: other})
	s.background.Wait()
	if got := keysOf(t, reader(t, s, "publisher")); len(got) != 0 {
		t.Errorf("%d records of a segment that cannot be read whole were taken in", len(got))
	}
	s.Close()
	d.unread = nil
	s = openSpool(t, Config{disk: d, Keys: other})
	s.background.Wait()
	wantKeys(t, keysOf(t, reader(t, s, "publisher")), 0, 1000)
}

// failsTwice is a disk on which the first two segments cannot be made; the first attempt waits for hang.
type failsTwice struct {
	*liar
	hang  chan struct{}
	tries int // of the committing goroutine alone
}

func (d *failsTwice) create(name string) (file, error) {
	if _, segment := parseSegmentName(name); segment {
		if d.tries++; d.tries == 1 {
			<-d.hang
		}
		if d.tries <= 2 {
			return nil, syscall.EIO
		}
	}
	return d.liar.create(name)
}

func TestALaterGroupDoesNotSpeakForOneThatWasGivenUpAtClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &failsTwice{liar: newLiar(1), hang: make(chan struct{})}
		s := openSpool(t, Config{disk: d})
		first, err := s.Append("logs", 0, record(1))
		if err != nil {
			t.Fatal(err)
		}
		flushed := make(chan error, 1)
		go func() { flushed <- s.Flush(t.Context()) }()
		synctest.Wait() // the first group is on its way
		second, err := s.Append("logs", 0, record(2))
		if err != nil || second == first {
			t.Fatalf("the second group has ticket %d, the first %d, %v", second, first, err)
		}
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		synctest.Wait()
		close(d.hang)
		if err := <-closed; err == nil {
			t.Error("Close says that all is well")
		}
		if err := <-flushed; err == nil {
			t.Error("Flush says that it is durable")
		}
		if err := s.Wait(t.Context(), first); err == nil {
			t.Error("a record that was given up is called durable")
		}
	})
}
