package alerting

import (
	"encoding/json"
	"fmt"
	"time"
)

// mendEvery is how often a broken journal is tried again.
const mendEvery = 5 * time.Second

// smallJournal is the size below which a journal is not worth rewriting.
const smallJournal = 4 << 20

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

func (a *Alerter) write() error {
	if len(a.dirty)+len(a.events)+len(a.gone) == 0 {
		return nil
	}
	for _, key := range a.gone {
		if err := a.append(entry{Drop: key}); err != nil {
			return err
		}
	}
	for v := range a.dirty {
		if err := a.append(entryOf(v)); err != nil {
			return err
		}
	}
	if len(a.events) > 0 {
		if err := a.append(entry{Events: a.events}); err != nil {
			return err
		}
	}
	if err := a.opts.Journal.Sync(); err != nil {
		return fmt.Errorf("alerting: journal: %w", err)
	}
	return nil
}

func entryOf(v any) entry {
	switch v := v.(type) {
	case *Alert:
		return entry{Alert: v}
	case *Digest:
		return entry{Digest: v}
	case *Notice:
		return entry{Notice: v}
	case *Silence:
		return entry{Silence: v}
	case *sinkMemory:
		return entry{Sink: v}
	}
	return entry{}
}

func (a *Alerter) append(e entry) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("alerting: journal: %w", err)
	}
	if err := a.opts.Journal.Append(raw); err != nil {
		return fmt.Errorf("alerting: journal: %w", err)
	}
	return nil
}

// compact rewrites the journal when most of it is history. An alert is about 1.5 KiB.
func (a *Alerter) compact() {
	if a.opts.Journal.Size() < max(smallJournal, int64(len(a.mem.alerts))*6<<10) {
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
		return a.mem.each(func(e entry) error {
			raw, err := json.Marshal(e)
			if err != nil {
				return err
			}
			return add(raw)
		})
	})
	if err != nil {
		return fmt.Errorf("alerting: rewrite journal: %w", err)
	}
	return nil
}

// mend tries to get a broken journal to work: the memory, which holds all that was to be
// appended, is written as a whole.
func (a *Alerter) mend() {
	if a.broken == nil {
		return
	}
	if err := a.rewrite(); err != nil {
		a.opts.Metrics.journalErrors.Inc()
		return
	}
	a.broken = nil
	clear(a.dirty)
	a.events, a.gone = nil, nil
	a.opts.Log.Info("the alert journal works again")
}
