package relay

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"destring/rules"
)

// tap lets people watch the clean records that go by. Nobody waits for a watcher: a slow one
// misses records, and is told how many.
type tap struct {
	on       atomic.Bool // somebody watches: the hot path asks this and nothing else
	mu       sync.Mutex
	watchers map[*Watcher]struct{}
}

// Watcher is one who watches.
type Watcher struct {
	Records chan []byte // JSON, each the watcher's own
	missed  atomic.Uint64
}

// Missed returns how many records were not handed over since the last call.
func (w *Watcher) Missed() uint64 { return w.missed.Swap(0) }

// watchBuffer is how many records a watcher may be behind.
const watchBuffer = 1024

// Watch hands over every record that is stored from now on until ctx ends; then Records is closed.
func (r *Relay) Watch(ctx context.Context) *Watcher {
	w := &Watcher{Records: make(chan []byte, watchBuffer)}
	t := &r.tap
	t.mu.Lock()
	if t.watchers == nil {
		t.watchers = map[*Watcher]struct{}{}
	}
	t.watchers[w] = struct{}{}
	t.on.Store(true)
	t.mu.Unlock()
	context.AfterFunc(ctx, func() {
		t.mu.Lock()
		delete(t.watchers, w)
		t.on.Store(len(t.watchers) > 0)
		close(w.Records)
		t.mu.Unlock()
	})
	return w
}

// show hands c to the watchers.
func (t *tap) show(c *rules.Clean) {
	if !t.on.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := range t.watchers {
		if len(w.Records) == cap(w.Records) { // no copy for a watcher that is behind
			w.missed.Add(1)
			continue
		}
		w.Records <- bytes.Clone(c.Value()) // does not wait: mu is held, and there is no other sender
	}
}
