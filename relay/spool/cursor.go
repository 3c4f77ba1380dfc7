package spool

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// A cursor file ("publisher.cursor") holds a reader's place and state in two slots of 256 KiB
// that are written in turn, so that a torn write leaves the one before.
//
//	 0  magic "DsC1"                      40  position u64: sequence of the first record not done
//	 4  crc32c of byte 8 to the end       48  length of the state u32, with the tag
//	 8  version u16, zero                 52  zero, 12 bytes
//	12  key id u32                        64  AES-256-GCM(state) and its tag
//	16  salt, 16 random bytes
//	32  generation u64
//
// The key is HKDF-SHA256 of the master key and the salt, the nonce the generation, bytes 8–63
// additional data. The salt is new at each start and each time the file is made anew, and a
// generation is never used twice under it, also not after a failed write.
const (
	cursorMagic   = "DsC1"
	cursorVersion = 1
	cursorHead    = 64
	slotSize      = 256 << 10
	cursorSuffix  = ".cursor"
	cursorNew     = ".cursor.new"

	// MaxState is the most that a reader can keep beside its position, in bytes.
	MaxState = slotSize - cursorHead - tagSize
)

type cursor struct {
	disk disk
	name string
	key  masterKey

	file       file // nil: to be made anew
	aead       cipher.AEAD
	salt       [16]byte
	generation uint64 // of the last attempt to write
}

func (c *cursor) fresh() error {
	rand.Read(c.salt[:])
	var err error
	c.aead, err = c.key.derive(c.salt[:], "destring spool cursor 1")
	return err
}

func (c *cursor) encode(position uint64, state []byte) []byte {
	c.generation++
	b := make([]byte, cursorHead, cursorHead+len(state)+tagSize)
	copy(b, cursorMagic)
	binary.BigEndian.PutUint16(b[8:], cursorVersion)
	binary.BigEndian.PutUint32(b[12:], c.key.id)
	copy(b[16:], c.salt[:])
	binary.BigEndian.PutUint64(b[32:], c.generation)
	binary.BigEndian.PutUint64(b[40:], position)
	binary.BigEndian.PutUint32(b[48:], uint32(len(state)+tagSize))
	nonce := frameNonce(c.generation)
	b = c.aead.Seal(b, nonce[:], state, b[8:cursorHead])
	binary.BigEndian.PutUint32(b[4:], checksum(b[8:]))
	return b
}

// write makes position and state durable. After an error the file is not used again: the
// next write makes a new one and renames it into place.
func (c *cursor) write(position uint64, state []byte) error {
	if len(state) > MaxState {
		return fmt.Errorf("spool: cursor %s: state of %d bytes, at most %d", c.name, len(state), MaxState)
	}
	if c.file == nil {
		return c.remake(position, state)
	}
	b := c.encode(position, state)
	err := writeAll(c.file, b, int64(c.generation%2)*slotSize)
	if err == nil {
		err = c.file.sync()
	}
	if err != nil {
		c.close()
		return fmt.Errorf("spool: write cursor %s: %w", c.name, err)
	}
	return nil
}

// remake writes a new file. A crash in here leaves the old one, and a *.cursor.new that the
// next start removes.
func (c *cursor) remake(position uint64, state []byte) error {
	if err := c.fresh(); err != nil {
		return fmt.Errorf("spool: cursor %s: %w", c.name, err)
	}
	tmp := strings.TrimSuffix(c.name, cursorSuffix) + cursorNew
	if err := c.disk.remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool: make cursor %s: %w", c.name, err)
	}
	f, err := c.disk.create(tmp)
	if err != nil {
		return fmt.Errorf("spool: make cursor %s: %w", c.name, err)
	}
	err = f.allocate(2 * slotSize) // so that a full disk shows now and never at a commit
	if err == nil {
		b := c.encode(position, state)
		err = writeAll(f, b, int64(c.generation%2)*slotSize)
	}
	if err == nil {
		err = f.sync()
	}
	if err == nil {
		err = c.disk.rename(tmp, c.name)
	}
	if err == nil {
		err = c.disk.syncDir(".")
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("spool: make cursor %s: %w", c.name, err)
	}
	c.file = f
	return nil
}

func (c *cursor) close() {
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
}

// slot is what one slot of a cursor file says.
type slot struct {
	generation, position uint64
	state                []byte
	sealed               error // why the state cannot be read, nil when it can
}

func decodeSlot(b []byte, keys Keyring) (slot, bool) {
	var s slot
	if len(b) < cursorHead || string(b[:4]) != cursorMagic || binary.BigEndian.Uint16(b[8:]) != cursorVersion {
		return s, false
	}
	n := int64(binary.BigEndian.Uint32(b[48:]))
	if n < tagSize || n > int64(len(b)-cursorHead) || checksum(b[8:cursorHead+n]) != binary.BigEndian.Uint32(b[4:]) {
		return s, false
	}
	s.generation = binary.BigEndian.Uint64(b[32:])
	s.position = binary.BigEndian.Uint64(b[40:])
	key, ok := keys.find(binary.BigEndian.Uint32(b[12:]))
	if !ok {
		s.sealed = errKey
		return s, true
	}
	aead, err := key.derive(b[16:32], "destring spool cursor 1")
	if err == nil {
		nonce := frameNonce(s.generation)
		s.state, err = aead.Open(nil, nonce[:], b[cursorHead:cursorHead+n], b[8:cursorHead])
	}
	s.sealed = err
	return s, err == nil
}

// readCursor returns the newer of the two slots that are whole, false when none is.
func readCursor(f file, keys Keyring) (best slot, ok bool) {
	b := make([]byte, slotSize)
	for i := range int64(2) {
		n, err := f.ReadAt(b, i*slotSize)
		if err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		if s, good := decodeSlot(b[:n], keys); good && (!ok || s.generation > best.generation) {
			best, ok = s, true
		}
	}
	return best, ok
}

// loadCursors makes the readers, each at its place. Cursor files of readers that are no
// longer configured are removed: they would hold back deletion when they come back.
func (s *Spool) loadCursors(infos []fs.FileInfo) error {
	oldest := s.next
	if len(s.segments) > 0 {
		oldest = s.segments[0].first
	}
	for _, name := range s.cfg.Readers {
		r := &Reader{s: s, name: name, cursor: cursor{disk: s.disk, name: name + cursorSuffix, key: s.cfg.Keys.current()}}
		found, err := s.loadCursor(r)
		if err != nil {
			return err
		}
		if !found {
			r.committed = oldest
		}
		s.readers[name] = r
	}
	for _, r := range s.readers {
		s.next = max(s.next, r.committed) // a lost tail that a reader has seen: its sequences are not used again
	}
	for _, r := range s.readers {
		s.makeCursor(r)
		r.next, r.delivered, r.passed, r.done = r.committed, r.committed, r.committed, r.committed
		r.reached.Store(r.committed)
	}
	for _, info := range infos {
		if name, ok := strings.CutSuffix(info.Name(), cursorSuffix); ok && s.readers[name] == nil {
			s.log.Warn("spool: reader is no longer configured, its place is given up", "reader", name)
			s.remove(info.Name())
		}
	}
	return nil
}

// makeCursor makes the file of a reader that has none, now, while the disk has room: with a
// full disk no reader could commit, and so nothing could ever be deleted.
func (s *Spool) makeCursor(r *Reader) {
	if r.cursor.file != nil {
		return
	}
	if err := r.cursor.write(r.committed, r.state); err != nil {
		s.log.Error("spool: make a cursor; the first commit tries again", "reader", r.name, "error", err)
	}
}

func (s *Spool) loadCursor(r *Reader) (found bool, err error) {
	f, err := s.disk.open(r.cursor.name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if errors.Is(err, errNotRegular) {
		s.log.Error("spool: cursor is not a regular file, it is not followed", "reader", r.name)
		s.exile(Gap{Reason: Foreign, Segment: r.cursor.name})
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("spool: open cursor: %w", err)
	}
	best, ok := readCursor(f, s.cfg.Keys)
	if !ok {
		f.Close()
		s.log.Error("spool: cursor is damaged; its reader begins at the oldest record, so records may come twice", "reader", r.name)
		s.exile(Gap{Reason: NoCursor, Segment: r.cursor.name})
		return false, nil
	}
	if best.sealed != nil {
		s.log.Error("spool: the state beside a cursor cannot be opened; its reader keeps its place and begins with an empty state", "reader", r.name, "error", best.sealed)
	}
	r.committed, r.state = best.position, best.state
	r.cursor.file, r.cursor.generation = f, best.generation
	if err := f.sync(); err != nil { // what a killed process wrote counts from now on
		s.log.Warn("spool: sync cursor; the next commit makes a new one", "reader", r.name, "error", err)
		r.cursor.close()
	}
	return true, r.cursor.fresh()
}
