package main

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"destring/alerting"
	"destring/relay/signals"
	"destring/rules"
	"destring/rules/event"
)

// Signals are what the relay notices by its memory of the stream.
type Signals struct {
	Enabled       bool          `key:"enabled" default:"true" doc:"Puts on the audit topic what no rule can see in one record: silence, new names, gaps, clocks, identities, shares."`
	Learning      time.Duration `key:"learning" default:"168h" doc:"How long the names of tasks, workers and entries of the schedule are learned in an environment before a new one is said; 0s learns nothing."`
	SilenceFactor int           `key:"silence_factor" default:"5" doc:"A worker is silent after so many times the longest interval that is usual for it."`
	SilenceLeast  time.Duration `key:"silence_least" default:"5m" doc:"And not before this."`
	Grace         time.Duration `key:"grace" default:"1m" doc:"How long a worker that went without goodbye has time to come again."`
}

func (l *loader) checkSignals(s *Signals) {
	if s.SilenceFactor < 2 {
		l.fault("signals.silence_factor", "must be at least 2: once the usual interval is no silence yet")
	}
	for key, d := range map[string]time.Duration{"signals.silence_least": s.SilenceLeast, "signals.grace": s.Grace} {
		if d < time.Second {
			l.fault(key, "must be at least 1s")
		}
	}
	if s.Learning < 0 {
		l.fault("signals.learning", "must not be less than 0s")
	}
}

// memory of signals is made durable so often, and at the stop.
const saveSignals = 5 * time.Minute

// signalHouse is the memory of the stream and the file in which it lies while nothing runs.
type signalHouse struct {
	*signals.Tracker
	journal *alerting.FileJournal
}

// openSignals makes what notices, with what it knew before. What it says goes to the audit queue, which
// exists before the first event comes.
func (h *house) openSignals(master []byte) error {
	c := &h.config.Signals
	if !c.Enabled {
		return nil
	}
	learning := c.Learning
	if learning == 0 {
		learning = -1
	}
	var said atomic.Uint64
	tracker := signals.New(signals.Options{Say: func(s signals.Signal) { h.audit.add(signalStatement(s, said.Add(1))) }, Key: deriveKey(master, "signals"),
		Environment: h.config.Environment, Learning: learning, Factor: float64(c.SilenceFactor), Least: c.SilenceLeast, Grace: c.Grace, Metrics: signals.NewMetrics(h.metrics)})
	path := filepath.Join(h.config.path(h.config.Spool.Dir), "alerts", "signals")
	j, err := alerting.OpenFileJournal(path, deriveKey(master, "signal memory"))
	if err != nil {
		return fmt.Errorf("signals: %w", err)
	}
	h.signals = &signalHouse{tracker, j}
	state, err := readWhole(j)
	if err != nil {
		return fmt.Errorf("signals: memory: %w", err)
	}
	if len(state) > 0 {
		if err := tracker.Restore(state); err != nil {
			h.log.Error("signals: what was learned cannot be read; learning begins anew", "error", err)
		}
	}
	return nil
}

// tracker is what notices, nil when that is switched off.
func (h *house) tracker() *signals.Tracker {
	if h.signals == nil {
		return nil
	}
	return h.signals.Tracker
}

// refused tells what notices of clients that were turned away; nil when nothing notices.
func (h *house) refused() func(*event.Peer, string) {
	if h.signals == nil {
		return nil
	}
	return h.signals.Refused
}

// notice runs what notices until ctx ends, and saves what it learned.
func (h *house) notice(ctx context.Context) error {
	if h.signals == nil {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- h.signals.Run(ctx) }() // ends with ctx
	tick := time.NewTicker(saveSignals)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.saveSignals()
		case <-ctx.Done():
			h.saveSignals() // while the connections are there: after the restart they are awaited
			return <-done
		}
	}
}

func (h *house) saveSignals() {
	if err := writeWhole(h.signals.journal, h.signals.AppendState(nil)); err != nil {
		h.log.Error("signals: what was learned could not be saved", "error", err)
	}
}

// signalStatement is a signal as a record of the audit topic; n makes its id unique, for many things can be noticed at
// once. Its texts are redacted on the way.
func signalStatement(s signals.Signal, n uint64) rules.Statement {
	st := rules.Statement{Topic: rules.Audit, Action: string(s.Name), Time: s.Time, Severity: rules.Low, Message: s.Text(),
		ID: string(s.Name) + "-" + strconv.FormatInt(s.Time, 36) + "-" + strconv.FormatUint(n, 36), Fields: []rules.Field{rules.String("destring.signal", string(s.Name))}}
	for _, f := range []struct{ name, value string }{
		{"destring.peer.name", s.Origin.Name}, {"destring.peer.listener", s.Origin.Listener}, {"source.ip", addressText(s.Origin.Address)}, {"tls.client.hash.sha256", s.Origin.Fingerprint},
		{"celery.worker", s.Worker}, {"celery.task.name", s.Task}, {"celery.schedule.entry", s.Entry}, {"log.syslog.hostname", s.Host}, {"event.reason", s.Reason},
	} {
		if f.value != "" {
			st.Fields = append(st.Fields, rules.String(f.name, f.value))
		}
	}
	for _, f := range []struct {
		name  string
		value int64
	}{{"destring.measure.count", s.Count}, {"destring.measure.of", s.Of}, {"destring.measure.skipped", int64(s.Skipped)}} {
		if f.value != 0 {
			st.Fields = append(st.Fields, rules.Int(f.name, f.value))
		}
	}
	if s.Before != 0 || s.After != 0 {
		st.Fields = append(st.Fields, rules.Float("destring.measure.before", s.Before), rules.Float("destring.measure.after", s.After))
	}
	if s.Since != 0 {
		st.Fields = append(st.Fields, rules.Time("event.start", s.Since))
	}
	return st
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// readWhole and writeWhole keep one thing in a journal that may be longer than an entry. When a piece
// of it is damaged there is nothing.
func readWhole(j *alerting.FileJournal) (raw []byte, err error) {
	err = j.Replay(func(entry []byte) error {
		raw = append(raw, entry...)
		return nil
	})
	if j.Damage() != nil {
		return nil, err
	}
	return raw, err
}

func writeWhole(j *alerting.FileJournal, raw []byte) error {
	return j.Rewrite(func(add func(entry []byte) error) error {
		for len(raw) > 0 {
			n := min(len(raw), memoryEntry)
			if err := add(raw[:n]); err != nil {
				return err
			}
			raw = raw[n:]
		}
		return nil
	})
}

func (s *signalHouse) close() error {
	if s == nil {
		return nil
	}
	return s.journal.Close()
}
