package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"destring/alerting"
	"destring/relay/spool"
)

// memoryFile keeps what the correlations remember when it is too large for the spool's cursor: sealed, and
// replaced as a whole. It carries the position up to which it counted. It is written before the
// cursor moves on, so after a crash in between it may be ahead of the cursor: frames up to its
// position are then passed over, for their matches are in the journal of the alerts too.
type memoryFile struct {
	journal  *alerting.FileJournal
	position spool.Position
	state    []byte // found at the start
}

// memoryEntry bounds one entry of the file, in bytes.
const memoryEntry = 8 << 20

func openMemoryFile(path string, key []byte) (*memoryFile, error) {
	j, err := alerting.OpenFileJournal(path, key)
	if err != nil {
		return nil, err
	}
	m := &memoryFile{journal: j}
	raw, err := readWhole(j)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("alerts: memory of correlations: %w", err), j.Close())
	}
	if len(raw) >= 8 {
		m.position, m.state = spool.Position(binary.BigEndian.Uint64(raw)), raw[8:]
	}
	return m, nil
}

// save replaces the contents by state, which counted all up to p.
func (m *memoryFile) save(p spool.Position, state []byte) error {
	raw := append(binary.BigEndian.AppendUint64(nil, uint64(p)), state...)
	if err := writeWhole(m.journal, raw); err != nil {
		return fmt.Errorf("alerts: memory of correlations: %w", err)
	}
	m.position, m.state = p, nil
	return nil
}
