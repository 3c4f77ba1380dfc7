package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Keyring holds the master keys. The first one is used for what is written from now on, the
// others only for what was written before, so that a key is changed without rewriting
// anything: put the new one in front and take the old one out when its segments are gone.
type Keyring struct{ keys []masterKey }

type masterKey struct {
	id     uint32
	secret [32]byte
}

// Credential is the name of the systemd credential that LoadKeys looks for.
const Credential = "destring-spool-key"

// NewKeyring makes a Keyring from keys of 32 bytes each.
func NewKeyring(keys ...[]byte) (Keyring, error) {
	var r Keyring
	for i, k := range keys {
		if len(k) != 32 {
			return r, fmt.Errorf("spool: key %d has %d bytes; it must have 32", i+1, len(k))
		}
		mk := masterKey{secret: [32]byte(k)}
		id, err := hkdf.Key(sha256.New, k, nil, "destring spool key id", 4)
		if err != nil {
			return r, fmt.Errorf("spool: key %d: %w", i+1, err)
		}
		mk.id = binary.BigEndian.Uint32(id)
		r.keys = append(r.keys, mk)
	}
	return r, nil
}

// ParseKeys reads a key file: one key a line, 64 hexadecimal digits; blank lines and lines
// that start with # are comments. No error shows a part of it.
func ParseKeys(text []byte) (Keyring, error) {
	var keys [][]byte
	line := 0
	for l := range strings.Lines(string(text)) {
		line++
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		key, err := hex.DecodeString(l)
		if err != nil || len(key) != 32 {
			return Keyring{}, fmt.Errorf("spool: key file line %d: want 64 hexadecimal digits", line)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return Keyring{}, errors.New("spool: no key in the key file; write one with: openssl rand -hex 32")
	}
	return NewKeyring(keys...)
}

// LoadKeys reads the systemd credential destring-spool-key when there is one, else the file
// at path, which it makes with a new random key when it does not exist. path must lie
// outside of spoolDir: who copies or steals the spool must not get its key with it.
func LoadKeys(path, spoolDir string) (Keyring, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		text, err := os.ReadFile(filepath.Join(dir, Credential))
		if err == nil {
			return ParseKeys(text)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Keyring{}, fmt.Errorf("spool: systemd credential %s: %w", Credential, err)
		}
	}
	if err := outside(path, spoolDir); err != nil {
		return Keyring{}, err
	}
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeyFile(path)
	}
	if err != nil {
		return Keyring{}, fmt.Errorf("spool: key file: %w", err)
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return Keyring{}, fmt.Errorf("%w (in %s)", err, path)
	}
	return keys, nil
}

func outside(path, dir string) error {
	p, err := resolved(path)
	if err != nil {
		return fmt.Errorf("spool: key file: %w", err)
	}
	d, err := resolved(dir)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if rel, err := filepath.Rel(d, p); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("spool: key file %s lies in the spool directory %s: keep it elsewhere, or a copy of the spool carries its key", path, dir)
	}
	return nil
}

// resolved follows symbolic links as far as the path exists.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return "", err
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = filepath.Dir(path)
	}
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	mode := info.Mode().Perm()
	if mode&0o007 != 0 || mode&0o070 != 0 && !inGroup(info) {
		return nil, fmt.Errorf("%s has mode %04o and others can reach it: chmod 0600 %s", path, mode, path)
	}
	return os.ReadFile(path)
}

// inGroup reports whether this process is in the file's group: then the group was meant for
// it, as with Kubernetes' fsGroup.
func inGroup(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	groups, _ := os.Getgroups()
	return int(st.Gid) == os.Getegid() || slices.Contains(groups, int(st.Gid))
}

// makeKeyFile writes a new key beside path and links it into place, so that a crash leaves
// either no key file or a whole one, and two processes that start at once use the same.
func makeKeyFile(path string) (Keyring, error) {
	key := make([]byte, 32)
	rand.Read(key)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return Keyring{}, fmt.Errorf("spool: key file: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".destring-key-*") // mode 0600
	if err != nil {
		return Keyring{}, fmt.Errorf("spool: make key file: %w", err)
	}
	defer os.Remove(tmp.Name())
	text := "# destring spool key. Without it the spool cannot be read: keep a copy, apart from the spool.\n" + hex.EncodeToString(key) + "\n"
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return Keyring{}, fmt.Errorf("spool: make key file: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Keyring{}, fmt.Errorf("spool: make key file: %w", err)
	}
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return Keyring{}, fmt.Errorf("spool: make key file: %w", err)
	}
	if text, err := readSecret(path); err != nil {
		return Keyring{}, fmt.Errorf("spool: key file: %w", err)
	} else {
		return ParseKeys(text)
	}
}

func (r Keyring) current() masterKey { return r.keys[0] }

func (r Keyring) find(id uint32) (masterKey, bool) {
	for _, k := range r.keys {
		if k.id == id {
			return k, true
		}
	}
	return masterKey{}, false
}

// ids lists the keys for a message: "7f3a01c2, 00b1c2d3".
func (r Keyring) ids() string {
	var ids []string
	for _, k := range r.keys {
		ids = append(ids, keyName(k.id))
	}
	return strings.Join(ids, ", ")
}

func keyName(id uint32) string { return fmt.Sprintf("%08x", id) }

// derive makes the cipher that one salt belongs to. info binds the key to its use.
func (k masterKey) derive(salt []byte, info string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.secret[:], salt, info, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (k masterKey) segmentAEAD(h *segmentHeader) (cipher.AEAD, error) {
	return k.derive(h.salt[:], "destring spool segment 1"+string(h.raw[:48]))
}
