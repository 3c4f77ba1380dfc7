package main

import (
	"bytes"
	"path/filepath"
	"testing"
)

func TestALargeMemoryOfCorrelationsOutlivesARestart(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "correlations"), bytes.Repeat([]byte{3}, 32)
	m, err := openMemoryFile(path, key)
	if err != nil {
		t.Fatal(err)
	}
	if m.position != 0 || len(m.state) != 0 {
		t.Errorf("a new file remembers %d bytes at %d", len(m.state), m.position)
	}
	large := bytes.Repeat([]byte("group "), memoryEntry/3) // two entries
	for at, state := range [][]byte{[]byte("first"), large} {
		if err := m.save(7+1000*1, state); err != nil {
			t.Fatal(at, err)
		}
	}
	if err := m.journal.Close(); err != nil {
		t.Fatal(err)
	}
	m, err = openMemoryFile(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer m.journal.Close()
	if m.position != 1007 || !bytes.Equal(m.state, large) {
		t.Errorf("after the restart: %d bytes at %d", len(m.state), m.position)
	}
}
