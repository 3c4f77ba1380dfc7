package main

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"destring/relay/spool"
)

// besideSpool is where a key of ours lies when the configuration does not say: beside
// spool.dir, never in it.
func (c *Config) besideSpool(configured, name string) string {
	if configured != "" {
		return c.path(configured)
	}
	return filepath.Join(filepath.Dir(filepath.Clean(c.path(c.Spool.Dir))), name)
}

func (c *Config) spoolKeyFile() string  { return c.besideSpool(c.Spool.KeyFile, "spool.key") }
func (c *Config) redactKeyFile() string { return c.besideSpool(c.Redact.KeyFile, "redact.key") }

// alertJournal is where the journal of the alerts lies.
func (c *Config) alertJournal() string {
	return filepath.Join(c.path(c.Spool.Dir), "alerts", "journal")
}

// alertMemory is where a large memory of the correlations lies.
func (c *Config) alertMemory() string {
	return filepath.Join(c.path(c.Spool.Dir), "alerts", "correlations")
}

// loadKey reads the key file at path and makes it with a new random key when it does not
// exist. A crash leaves the whole key or none: it is linked to its name when it is on the disk.
func loadKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	f, err := os.CreateTemp(dir, ".destring-key-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "%x\n", randomKey())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("key: write %s: %w", path, err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("key: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return readKey(path)
}

// readKey reads a key file.
func readKey(path string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if err := checkPrivate(path); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	key := []byte(strings.TrimSpace(string(text)))
	if len(key) < 32 {
		return nil, fmt.Errorf("key: %s holds %d characters; it must hold 32 or more: openssl rand -hex 32", path, len(key))
	}
	return key, nil
}

// deriveKey makes a key of 32 bytes for one purpose, so that no key is used for two.
func deriveKey(master []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, master, nil, "destring "+purpose, 32)
	if err != nil {
		// It fails for lengths beyond 255 hashes only.
		return nil
	}
	return key
}

// openKeys reads or makes the keys of the relay.
func (c *Config) openKeys() (spool.Keyring, []byte, error) {
	dir := c.path(c.Spool.Dir)
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o700); err != nil {
		return spool.Keyring{}, nil, err
	}
	ring, err := spool.LoadKeys(c.spoolKeyFile(), dir)
	if err != nil {
		return ring, nil, err
	}
	master, err := loadKey(c.redactKeyFile())
	return ring, master, err
}

// secretFrom returns a secret from the environment or from its file, without the line feed
// that editors put at the end.
func (c *Config) secretFrom(given Secret, file string) (string, error) {
	if !given.Empty() || file == "" {
		return given.Reveal(), nil
	}
	text, err := readBounded(c.path(file), 1<<16)
	if err != nil {
		return "", fmt.Errorf("%s %w", file, err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" { // else the exit that needs it would silently not be there
		return "", fmt.Errorf("%s is empty", file)
	}
	return secret, nil
}
