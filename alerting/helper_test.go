package alerting_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
)

// memJournal is a Journal in memory that forgets what was not synced when it crashes.
type memJournal struct {
	mu       sync.Mutex
	synced   [][]byte
	unsynced [][]byte
	size     int64
	fail     error // of Append and Sync
	failAll  error // of Rewrite too
	onSync   func()
}

func (j *memJournal) Replay(apply func([]byte) error) error {
	for _, e := range j.synced {
		if err := apply(e); err != nil {
			return err
		}
	}
	return nil
}

func (j *memJournal) Append(e []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	j.unsynced = append(j.unsynced, bytes.Clone(e))
	j.size += int64(len(e))
	return nil
}

func (j *memJournal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	j.synced, j.unsynced = append(j.synced, j.unsynced...), nil
	if j.onSync != nil {
		j.onSync()
	}
	return nil
}

func (j *memJournal) Rewrite(write func(func([]byte) error) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failAll != nil {
		return j.failAll
	}
	var fresh [][]byte
	size := int64(0)
	if err := write(func(e []byte) error {
		fresh = append(fresh, bytes.Clone(e))
		size += int64(len(e))
		return nil
	}); err != nil {
		return err
	}
	j.synced, j.unsynced, j.size, j.fail = fresh, nil, size, nil
	return nil
}

func (j *memJournal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// crash returns what is left of j when the process is killed now.
func (j *memJournal) crash() *memJournal {
	j.mu.Lock()
	defer j.mu.Unlock()
	return &memJournal{synced: slices.Clone(j.synced), size: j.size}
}

// feed is a Matches that gives what is not committed again after a restart.
type feed struct {
	mu      sync.Mutex
	batches []alerting.Batch
	next    int
	done    int // committed
	more    chan struct{}
	err     error // of Next
	full    error // of Commit
	tries   int   // of Commit
}

func newFeed() *feed { return &feed{more: make(chan struct{}, 1)} }

func (f *feed) add(matches ...alerting.Match) {
	f.mu.Lock()
	f.batches = append(f.batches, alerting.Batch{Matches: matches, Position: len(f.batches) + 1})
	f.mu.Unlock()
	select {
	case f.more <- struct{}{}:
	default:
	}
}

func (f *feed) Next(ctx context.Context) (alerting.Batch, error) {
	for {
		f.mu.Lock()
		if f.err != nil {
			f.mu.Unlock()
			return alerting.Batch{}, f.err
		}
		if f.next < len(f.batches) {
			b := f.batches[f.next]
			b.Matches = slices.Clone(b.Matches)
			f.next++
			f.mu.Unlock()
			return b, nil
		}
		f.mu.Unlock()
		select {
		case <-f.more:
		case <-ctx.Done():
			return alerting.Batch{}, ctx.Err()
		}
	}
}

func (f *feed) Commit(p alerting.Position) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.full == nil {
		f.done = p.(int)
	}
	return f.full
}

func (f *feed) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = f.done
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// said is one message that a sink took.
type said struct {
	at  time.Time
	msg alerting.Message
	ref alerting.Ref
}

// room is a chat room: a Sink with messages that can be edited and searched.
type room struct {
	name   string
	traits alerting.Traits
	mu     sync.Mutex
	log    []said
	shown  map[string]said // by ref
	answer func(m *alerting.Message) (took bool, err error)
	hang   chan struct{} // calls wait for it, or their context
	blind  func() error  // of a search
	n      int
}

func newRoom(name string) *room {
	return &room{name: name, traits: alerting.Traits{Edits: true, Threads: true}, shown: map[string]said{}}
}

func (r *room) Name() string            { return r.name }
func (r *room) Traits() alerting.Traits { return r.traits }

func (r *room) Deliver(ctx context.Context, m *alerting.Message) (alerting.Ref, error) {
	if r.hang != nil {
		select {
		case <-r.hang:
		case <-ctx.Done():
			return alerting.Ref{}, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	took, err := true, error(nil)
	if r.answer != nil {
		took, err = r.answer(m)
	}
	if !took {
		return alerting.Ref{}, err
	}
	ref := m.Ref
	if m.Act != alerting.Edit {
		r.n++
		ref = alerting.Ref{Channel: r.name, ID: fmt.Sprint(r.n)}
	}
	s := said{time.Now(), *m, ref}
	r.log = append(r.log, s)
	if m.Act != alerting.Reply {
		r.shown[ref.ID] = s
	}
	if err != nil {
		return alerting.Ref{}, err
	}
	return ref, nil
}

func (r *room) Find(_ context.Context, m *alerting.Message) (alerting.Ref, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blind != nil {
		if err := r.blind(); err != nil {
			return alerting.Ref{}, false, err
		}
	}
	for _, s := range r.log {
		if s.msg.Act != alerting.Edit && s.msg.Key == m.Key {
			return s.ref, true, nil
		}
	}
	return alerting.Ref{}, false, nil
}

func (r *room) all() []said {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

// message is what the message of that number shows now.
func (r *room) message(id string) alerting.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shown[id].msg
}

func (r *room) acts(act alerting.Act) (list []said) {
	for _, s := range r.all() {
		if s.msg.Act == act {
			list = append(list, s)
		}
	}
	return list
}

// audit collects decisions.
type audit struct {
	mu   sync.Mutex
	list []alerting.Decision
}

func (a *audit) add(d alerting.Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, d)
}

func (a *audit) count(v alerting.Verdict) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.list {
		if d.Outcome == v {
			n++
		}
	}
	return n
}

// house is an Alerter that runs, and its surroundings.
type house struct {
	t       *testing.T
	opts    alerting.Options
	journal *memJournal
	feed    *feed
	audit   *audit
	*alerting.Alerter
	stop func()
}

// start runs an Alerter; sinks and further options as given.
func start(t *testing.T, opts alerting.Options, sinks ...alerting.Sink) *house {
	t.Helper()
	h := &house{t: t, opts: opts, journal: &memJournal{}, feed: newFeed(), audit: &audit{}}
	h.opts.Sinks, h.opts.Audit = sinks, h.audit.add
	h.run()
	return h
}

func (h *house) run() {
	h.t.Helper()
	h.opts.Journal = h.journal
	a, err := alerting.New(h.opts)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, h.feed) }()
	h.Alerter = a
	h.stop = func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			h.t.Errorf("Run: %v", err)
		}
	}
}

// restart is a restart in good order.
func (h *house) restart() {
	h.t.Helper()
	h.stop()
	h.feed.restart()
	h.run()
}

// kill is SIGKILL at this moment, and a start.
func (h *house) kill() {
	h.t.Helper()
	left := h.journal.crash()
	done := h.feed.done
	h.stop()
	h.journal = left
	h.feed.done = done
	h.feed.restart()
	h.run()
}

var events int

// match makes a match of its own record.
func match(level rules.Severity, change ...func(*alerting.Match)) alerting.Match {
	events++
	m := alerting.Match{Time: time.Now(), EventID: fmt.Sprintf("%032x", events),
		Rule:    alerting.Rule{ID: "leak_cloud_key", Title: "Cloud key in a Celery log", Version: "3", Level: level, Tags: []string{"attack.t1552.001"}},
		Finding: alerting.Finding{Detector: "aws-access-key-id", Class: "cloud-key", Severity: level, Fingerprint: "9c1f22aa", Key: "aws_key"},
		Task:    "billing.sync", TaskID: "5b1e2f8a-0000-4000-8000-000000000001", Worker: "celery@eu-3", Peer: "worker.eu-3", PeerFingerprint: "ab12cd34", PeerAddress: "10.1.2.3:55002",
		Host: "eu-3", Environment: "production", Sample: "key=[REDACTED:aws-access-key-id:9c1f22aa]"}
	for _, c := range change {
		c(&m)
	}
	return m
}

func task(name string) func(*alerting.Match) { return func(m *alerting.Match) { m.Task = name } }
func secret(fp string) func(*alerting.Match) {
	return func(m *alerting.Match) { m.Finding.Fingerprint = fp }
}
func eventID(id string) func(*alerting.Match)  { return func(m *alerting.Match) { m.EventID = id } }
func withRule(id string) func(*alerting.Match) { return func(m *alerting.Match) { m.Rule.ID = id } }
func withoutRule(m *alerting.Match)            { m.Rule = alerting.Rule{} }
func withoutFinding(m *alerting.Match)         { m.Finding = alerting.Finding{} }
