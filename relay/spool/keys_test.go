package spool

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyFiles(t *testing.T) {
	good := hex.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string // in the error
	}{
		{"one key", good + "\n", 0o600, ""},
		{"comments, blank lines and two keys", "# new\n" + strings.Repeat("ab", 32) + "\n\n# old\n" + good, 0o400, ""},
		{"others can read it", good, 0o604, "chmod 0600"},
		{"too short", good[:60], 0o600, "line 1"},
		{"not hexadecimal", "\n" + strings.Repeat("x", 64), 0o600, "line 2"},
		{"empty", "# nothing\n", 0o600, "no key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadKeys(path, t.TempDir())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), good[:8]) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestAKeyIsMadeOnceOutsideOfTheSpool(t *testing.T) {
	base := t.TempDir()
	dir, path := filepath.Join(base, "spool"), filepath.Join(base, "etc", "spool.key")
	first, err := LoadKeys(path, dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadKeys(path, dir)
	if err != nil || first.ids() != second.ids() || first.keys[0] != second.keys[0] {
		t.Errorf("another key the second time (%v)", err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	for _, inside := range []string{filepath.Join(dir, "key"), filepath.Join(dir, "a", "key"), filepath.Join(base, "link", "key")} {
		if _, err := LoadKeys(inside, dir); err == nil {
			t.Errorf("a key at %s was accepted", inside)
		}
	}
}

func TestASystemdCredentialIsUsedBeforeTheFile(t *testing.T) {
	creds := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", creds)
	key := []byte("0123456789abcdef0123456789abcdef")
	if err := os.WriteFile(filepath.Join(creds, Credential), []byte(hex.EncodeToString(key)), 0o400); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	got, err := LoadKeys(path, t.TempDir())
	if err != nil || got.ids() != testKeys(t).ids() {
		t.Fatalf("%s, %v", got.ids(), err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a key file was made beside the credential")
	}
}
