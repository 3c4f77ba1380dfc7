package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"destring/alerting"
	"destring/relay"
	"destring/relay/kafka"
	"destring/relay/spool"
	"destring/rules"
	"destring/rules/detect"
)

// spoolMatches lets alerting read the spool: frames in, matches out. It is alerting.Matches. The
// correlations' memory is saved with the cursor, so a restart neither forgets nor fires again.
type spoolMatches struct {
	reader  *spool.Reader
	log     *slog.Logger
	judge   *alerting.Judge
	next    atomic.Pointer[detect.Set] // rules of a reload, for the next frame
	saved   time.Time                  // when the place was last made durable
	buf     []byte
	unsaved int            // records judged since then
	pending spool.Position // journaled and not durable yet; 0 is none
	file    *memoryFile    // for a memory that does not fit beside the cursor
}

// inFile is the state beside the cursor when the correlations' memory lies in the file.
const inFile = "in file"

// leastAlert is from which severity a finding that no rule speaks of raises an alert.
const leastAlert = rules.Medium

// newSpoolMatches reads the frames of topics in which something matched. The header of a frame says
// so, thus the others are not even decrypted.
func newSpoolMatches(reader *spool.Reader, file *memoryFile, topics []string, set *detect.Set, log *slog.Logger) *spoolMatches {
	state, counted := reader.State(), spool.Position(0)
	if string(state) == inFile {
		state, counted = file.state, file.position
	}
	reader.Filter(func(f *spool.Frame) bool {
		return f.Matched && slices.Contains(topics, f.Topic) && f.Position > counted
	})
	m := &spoolMatches{reader: reader, file: file, log: log, judge: alerting.NewJudge(set, leastAlert, detect.CorrelatorOptions{})}
	m.restore(state)
	return m
}

func (m *spoolMatches) restore(state []byte) {
	if len(state) == 0 {
		return
	}
	forgotten, err := m.judge.Restore(state)
	if err != nil {
		m.log.Error("alerts: what the correlations remembered cannot be read; they begin anew", "error", err)
	} else if forgotten > 0 {
		m.log.Info("alerts: rules that changed begin to count anew", "groups", forgotten)
	}
}

// Use takes other rules from the next frame on; what the correlations count goes on where a rule
// is the same.
func (m *spoolMatches) Use(set *detect.Set) { m.next.Store(set) }

// behind reports whether there are frames that alerting has not read.
func (m *spoolMatches) behind() bool { return m.reader.Behind() }

// Next waits for the next frame with a match.
func (m *spoolMatches) Next(ctx context.Context) (alerting.Batch, error) {
	f, err := m.frame(ctx)
	if err != nil {
		return alerting.Batch{}, err
	}
	if set := m.next.Swap(nil); set != nil {
		state := m.judge.AppendState(nil)
		m.judge = alerting.NewJudge(set, leastAlert, detect.CorrelatorOptions{})
		m.restore(state)
	}
	return alerting.Batch{Matches: m.read(f), Position: f.Position}, nil
}

// frame waits for a frame. What is journaled is made durable after saveEvery at the latest, also when
// nothing more comes: a reader that does not move on keeps the spool from deleting anything.
func (m *spoolMatches) frame(ctx context.Context) (spool.Frame, error) {
	for m.pending != 0 {
		wait, cancel := context.WithTimeout(ctx, saveEvery)
		f, err := m.reader.Next(wait)
		cancel()
		late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
		if !late && !errors.Is(err, io.EOF) {
			return f, err
		}
		if serr := m.save(m.pending); serr != nil {
			// It is tried again as long as there is time; what is not saved is read again at the next start.
			m.log.Error("alerts: the place in the spool could not be saved", "error", serr)
		}
		if !late {
			return f, err
		}
	}
	return m.reader.Next(ctx)
}

// read takes the matches out of a frame. What cannot be read was damaged after it was checked; it
// is said and passed over, for it will not get better.
func (m *spoolMatches) read(f spool.Frame) []alerting.Match {
	records, err := kafka.Decode(relay.BatchOf(f))
	if err != nil {
		m.log.Error("alerts: a frame of the spool cannot be decoded", "sequence", f.First, "error", err)
		return nil
	}
	values := make([][]byte, len(records))
	for i := range records {
		values[i] = records[i].Value
	}
	m.unsaved += len(values)
	matches, unreadable := m.judge.Frame(values, saidToMatch(records))
	if unreadable > 0 {
		m.log.Error("alerts: records of the spool cannot be read", "sequence", f.First, "records", unreadable)
	}
	return matches
}

// saidToMatch returns which records have the header that says so. It is nil, for all, when none has: a frame of
// an older destring knows only that something in it matched.
func saidToMatch(records []kafka.Record) func(i int) bool {
	said := func(i int) bool {
		return slices.ContainsFunc(records[i].Headers, func(h kafka.Header) bool { return h.Name == rules.MatchedHeader })
	}
	for i := range records {
		if said(i) {
			return said
		}
	}
	return nil
}

const (
	smallState = 64 << 10                      // of correlations: bytes that are cheap to write with every commit
	saveEvery  = 5 * time.Second               // otherwise
	saveAfter  = alerting.RememberedEvents / 2 // records, so that those read again after a crash are known
)

// Commit says that all up to p is in the journal of the alerts, and makes that durable together with the
// correlations' memory. When that is large it is not done every time: after a crash
// alerting reads a few frames again and knows their events.
func (m *spoolMatches) Commit(p alerting.Position) error {
	at := p.(spool.Position)
	if len(m.buf) > smallState && time.Since(m.saved) < saveEvery && m.unsaved < saveAfter {
		m.pending = at
		return nil
	}
	return m.save(at)
}

// save makes durable that all up to at is done.
func (m *spoolMatches) save(at spool.Position) error {
	m.buf = m.judge.AppendState(m.buf[:0])
	state := m.buf
	if len(state) > spool.MaxState {
		if err := m.file.save(at, state); err != nil {
			return err
		}
		state = []byte(inFile)
	}
	if err := m.reader.Commit(at, state); err != nil {
		return err
	}
	m.saved, m.unsaved, m.pending = time.Now(), 0, 0
	return nil
}
