package alerting

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// FileJournal is a Journal in one file, sealed with AES-256-GCM.
//
//	header  "DSTRALJ1" | salt, 32 bytes | check, 16 bytes
//	frame   length of what follows, uint32 big-endian | entry sealed with nonce n, then n+1, …
//
// Each file has a key of its own, HKDF-SHA256(key, salt), and each open or Rewrite makes a new
// file, so no nonce is used twice: not even after a crash, when nobody knows which
// frames of the old file had reached the disk. The nonce is the number of the frame, so frames
// cannot be moved, doubled or taken out of the middle unseen. The end can be cut off; what is then missing
// is as if it had not been synced. Behind damage the entries go on with the next frame that opens: each holds
// the whole new state of what it is about.
//
//	crash while a frame is written    its tail does not open: it is dropped, for it was not synced
//	crash before the rename           the old file stands; the new one is removed at the next open
//	crash after the rename            the new file stands, synced whole
type FileJournal struct {
	path    string
	key     []byte
	lock    *os.File
	old     []byte // contents found at open, until the first Rewrite
	oldSeal cipher.AEAD
	damage  error

	f      *os.File
	seal   cipher.AEAD
	frames uint64
	size   int64
	broken error // of a write or sync: nothing is appended to this file any more
}

const (
	journalMagic  = "DSTRALJ1"
	journalSalt   = 32
	journalCheck  = 16
	journalHeader = len(journalMagic) + journalSalt + journalCheck
	maxEntry      = 64 << 20
)

// ErrWrongKey says that a journal was sealed with another key.
var ErrWrongKey = errors.New("sealed with another key")

// OpenFileJournal opens or makes the journal at path. key has 32 bytes and is not kept under
// the same folder. The folder is made with mode 0700, the file with 0600. Only one process can have
// it open. Replay has to be called before anything else.
func OpenFileJournal(path string, key []byte) (*FileJournal, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("alerting: journal %s: its key has %d bytes, want 32", path, len(key))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("alerting: journal: %w", err)
	}
	j := &FileJournal{path: path, key: bytes.Clone(key)}
	if err := j.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("alerting: journal %s: %w", path, err), j.Close())
	}
	return j, nil
}

func (j *FileJournal) open() (err error) {
	if j.lock, err = os.OpenFile(j.path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600); err != nil {
		return err
	}
	if err := syscall.Flock(int(j.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another process has it open: %w", err)
	}
	f, err := os.OpenFile(j.path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if j.old, err = io.ReadAll(f); err != nil {
		return err
	}
	if len(j.old) < journalHeader || string(j.old[:len(journalMagic)]) != journalMagic {
		return fmt.Errorf("%s is no alert journal; move it away to start with an empty one", j.path)
	}
	seal, check, err := journalKeys(j.key, j.old[len(journalMagic):len(journalMagic)+journalSalt])
	if err != nil {
		return err
	}
	if !bytes.Equal(check, j.old[journalHeader-journalCheck:journalHeader]) {
		return fmt.Errorf("%w; give back the old key, or move the file away: alerts that were sent may then be sent again", ErrWrongKey)
	}
	j.oldSeal = seal
	return nil
}

// journalKeys derives the sealing key of one file, and a value that tells whether the key is right.
func journalKeys(key, salt []byte) (cipher.AEAD, []byte, error) {
	derived, err := hkdf.Key(sha256.New, key, salt, "destring alert journal v1", 32+journalCheck)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(derived[:32])
	if err != nil {
		return nil, nil, err
	}
	seal, err := cipher.NewGCM(block)
	return seal, derived[32:], err
}

// Replay implements Journal. It starts a new file with the entries of the old one. When there is damage
// (see Damage) entries may be missing between those that it applies.
func (j *FileJournal) Replay(apply func([]byte) error) error {
	read := opening{seal: j.oldSeal, file: j.old, effort: searchBytes}
	entries, damaged, first := read.entries()
	j.damage = damageOf(j.path, damaged, first, len(entries))
	if j.damage != nil { // kept for whoever looks into it
		if err := os.WriteFile(j.path+".damaged", j.old, 0o600); err != nil {
			return fmt.Errorf("alerting: journal: %w", err)
		}
	}
	j.old, j.oldSeal = nil, nil
	for _, e := range entries {
		if err := apply(e); err != nil {
			return err
		}
	}
	return j.Rewrite(func(add func([]byte) error) error {
		for _, e := range entries {
			if err := add(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Damage says what Replay could not read; nil when it read everything but a torn tail. The
// damaged file is then kept beside the journal as *.damaged.
func (j *FileJournal) Damage() error { return j.damage }

// Append implements Journal.
func (j *FileJournal) Append(entry []byte) error {
	switch {
	case j.broken != nil:
		return j.broken
	case j.f == nil:
		return errors.New("alerting: journal: Append before Replay or after Close")
	case len(entry) > maxEntry-64:
		return fmt.Errorf("alerting: journal: an entry of %d bytes", len(entry))
	}
	if err := j.frame(j.f, entry); err != nil {
		j.broken = fmt.Errorf("alerting: journal: append: %w", err)
	}
	return j.broken
}

func (j *FileJournal) frame(w io.Writer, entry []byte) error {
	buf := make([]byte, 4, 4+len(entry)+j.seal.Overhead())
	buf = j.seal.Seal(buf, frameNonce(j.frames), entry, nil)
	binary.BigEndian.PutUint32(buf, uint32(len(buf)-4))
	j.frames++
	n, err := w.Write(buf)
	j.size += int64(n)
	return err
}

func frameNonce(n uint64) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[4:], n)
	return nonce
}

// Sync implements Journal. After a failed fsync the kernel may have dropped the pages and
// would report success next time, so the file is given up.
func (j *FileJournal) Sync() error {
	if j.broken != nil {
		return j.broken
	}
	if err := j.f.Sync(); err != nil {
		j.broken = fmt.Errorf("alerting: journal: sync: %w", err)
	}
	return j.broken
}

// Size implements Journal.
func (j *FileJournal) Size() int64 { return j.size }

// Rewrite implements Journal.
func (j *FileJournal) Rewrite(write func(add func([]byte) error) error) (err error) {
	salt := make([]byte, journalSalt)
	_, _ = rand.Read(salt) // never fails, by its documentation
	seal, check, err := journalKeys(j.key, salt)
	if err != nil {
		return fmt.Errorf("alerting: journal: %w", err)
	}
	tmp := j.path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("alerting: journal: %w", err)
	}
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("alerting: journal: %w", err)
	}
	next := &FileJournal{f: f, seal: seal}
	if err = next.fill(check, salt, write); err == nil {
		err = os.Rename(tmp, j.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("alerting: journal: rewrite: %w", err), f.Close())
	}
	if j.f != nil {
		_ = j.f.Close() // replaced; nothing in it matters any more
	}
	j.f, j.seal, j.frames, j.size, j.broken = f, seal, next.frames, next.size, nil
	if err := syncFolder(filepath.Dir(j.path)); err != nil { // a power cut may bring the old file back
		j.broken = fmt.Errorf("alerting: journal: rewrite: %w", err)
	}
	return j.broken
}

func (j *FileJournal) fill(check, salt []byte, write func(add func([]byte) error) error) error {
	n, err := j.f.Write(append(append([]byte(journalMagic), salt...), check...))
	if err != nil {
		return err
	}
	j.size = int64(n)
	if err := write(func(entry []byte) error { return j.frame(j.f, entry) }); err != nil {
		return err
	}
	return j.f.Sync()
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close gives the file free. It does not sync.
func (j *FileJournal) Close() error {
	var errs []error
	for _, f := range []*os.File{j.f, j.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	j.f, j.lock = nil, nil
	return errors.Join(errs...)
}
