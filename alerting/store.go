package alerting

import (
	"encoding/json"
	"fmt"
	"time"
)

// mendEvery is how often a broken journal is tried again.
const mendEvery = 5 * time.Second

// smallJournal is the size below which a journal is not worth rewriting.
const smallJournal = 1 << 20

// flush writes what changed to the journal and syncs it. Until it has returned nil nothing of the
// change may be acted on. Call with mu held.
func (a *Alerter) flush() error {
	if a.broken != nil {
		return a.broken
	}
	if err := a.write(); err != nil {
		a.broken = err
		a.opts.Metrics.journalErrors.Inc()
		a.opts.Log.Error("the alert journal cannot be written; nothing is taken or told until it can: look at the disk of its folder", "error", err)
		return err
	}
	clear(a.dirty)
	a.events, a.gone = nil, nil
	a.compact()
	return nil
}

// write makes one entry of all that changed, so that a crash keeps all of it or nothing: an alert
// without the ids of its records would count them twice. (A simulated kill between two
// writes did just that.)
func (a *Alerter) write() error {
	if len(a.dirty)+len(a.events)+len(a.gone) == 0 {
		return nil
	}
	changes := make([]change, 0, len(a.gone)+len(a.dirty)+1)
	for _, key := range a.gone {
		changes = append(changes, change{Drop: key})
	}
	for v := range a.dirty {
		changes = append(changes, changeOf(v))
	}
	if len(a.events) > 0 {
		changes = append(changes, change{Events: a.events})
	}
	raw, err := json.Marshal(changes)
	if err == nil {
		err = a.opts.Journal.Append(raw)
	}
	if err == nil {
		err = a.opts.Journal.Sync()
	}
	if err != nil {
		return fmt.Errorf("alerting: journal: %w", err)
	}
	return nil
}

func changeOf(v any) change {
	switch v := v.(type) {
	case *Alert:
		return change{Alert: v}
	case *Digest:
		return change{Digest: v}
	case *Notice:
		return change{Notice: v}
	case *Silence:
		return change{Silence: v}
	case *sinkMemory:
		return change{Sink: v}
	}
	return change{}
}

// compact rewrites the journal when two thirds of it are history.
func (a *Alerter) compact() {
	if a.opts.Journal.Size() < max(smallJournal, 3*a.base) {
		return
	}
	if err := a.rewrite(); err != nil {
		a.broken = err
		a.opts.Metrics.journalErrors.Inc()
		a.opts.Log.Error("the alert journal cannot be rewritten; nothing is taken or told until it can: look at the disk of its folder", "error", err)
	}
}

func (a *Alerter) rewrite() error {
	err := a.opts.Journal.Rewrite(func(add func([]byte) error) error {
		return a.mem.each(func(c change) error {
			raw, err := json.Marshal([]change{c})
			if err != nil {
				return err
			}
			return add(raw)
		})
	})
	if err != nil {
		return fmt.Errorf("alerting: rewrite journal: %w", err)
	}
	a.base = a.opts.Journal.Size()
	return nil
}

// mend tries to get a broken journal to work: the memory, which holds all that was to be
// appended, is written as a whole. It is true when that worked.
func (a *Alerter) mend() bool {
	if a.broken == nil {
		return false
	}
	if err := a.rewrite(); err != nil {
		a.opts.Metrics.journalErrors.Inc()
		return false
	}
	a.broken = nil
	clear(a.dirty)
	a.events, a.gone = nil, nil
	a.opts.Log.Info("the alert journal works again")
	return true
}
