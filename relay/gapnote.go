package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// GapNote keeps the count of the running spell of fullness on the disk, so that neither a kill
// nor a spool that is still full at the stop lets it be forgotten. It is one file that is
// written over in place, because a full disk has no room for another:
//
//	0  magic "DsG1"   4  CRC-32C of what follows   8  records u64   16  began, ended i64 (ns since 1970)
//
// A crash between the write of the record on the audit topic and Clear leaves both: the next start states the
// gap again with the same event.id. One goroutine uses it.
type GapNote struct {
	f    *os.File
	open bool // the file holds a gap
}

const (
	noteName  = "shed.gap"
	noteMagic = "DsG1"
	noteSize  = 32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenGapNote opens the note in the folder of the spool, and returns the gap that the last run
// left there. A note that is damaged says nothing.
func OpenGapNote(dir string) (*GapNote, Gap, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, Gap{}, fmt.Errorf("relay: gap note: %w", err)
	}
	defer root.Close()
	f, err := root.OpenFile(noteName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, Gap{}, fmt.Errorf("relay: gap note %s: %w", filepath.Join(dir, noteName), err)
	}
	n := &GapNote{f: f}
	b := make([]byte, noteSize)
	_, err = io.ReadFull(f, b)
	if err == nil && string(b[:4]) == noteMagic && binary.BigEndian.Uint32(b[4:]) == crc32.Checksum(b[8:], castagnoli) {
		at := func(off int) time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(b[off:]))) }
		n.open = true
		return n, Gap{Began: at(16), Ended: at(24), Records: binary.BigEndian.Uint64(b[8:])}, nil
	}
	return n, Gap{}, n.write(make([]byte, noteSize)) // takes the room while there is some
}

// Keep notes what the spell has dropped by now.
func (n *GapNote) Keep(g Gap) error {
	b := make([]byte, noteSize)
	copy(b, noteMagic)
	binary.BigEndian.PutUint64(b[8:], g.Records)
	binary.BigEndian.PutUint64(b[16:], uint64(g.Began.UnixNano()))
	binary.BigEndian.PutUint64(b[24:], uint64(g.Ended.UnixNano()))
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	n.open = true
	return n.write(b)
}

// Clear says that the gap is on record for good.
func (n *GapNote) Clear() error {
	if !n.open {
		return nil
	}
	n.open = false
	return n.write(make([]byte, noteSize))
}

func (n *GapNote) write(b []byte) error {
	_, err := n.f.WriteAt(b, 0)
	if err = errors.Join(err, n.f.Sync()); err != nil {
		return fmt.Errorf("relay: gap note: %w", err)
	}
	return nil
}

// Close gives the file back.
func (n *GapNote) Close() error { return n.f.Close() }
