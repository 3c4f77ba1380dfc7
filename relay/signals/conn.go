package signals

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"time"

	"destring/rules/event"
)

// Kinds of relay/celery that mean something here; a test holds them to that room.
const (
	taskSucceeded   event.Kind = "task-succeeded"
	taskFailed      event.Kind = "task-failed"
	beatDue         event.Kind = "beat-due"
	workerShutdown  event.Kind = "worker-shutdown"
	workerSoft      event.Kind = "worker-soft-shutdown"
	workerRestart   event.Kind = "worker-restarting"
	controlShutdown event.Kind = "control-shutdown"
	beatStopping    event.Kind = "beat-stopping"
	nodeKinds                  = "node-" // lines about other nodes
	clockDrift      event.Kind = "clock-drift"
	taskKinds                  = "task-"
	brokerKinds                = "broker-"
)

const (
	maxKnown = 512 // names that a connection knows without asking
	recheck  = time.Hour
)

// Conn is one connection's part. One goroutine uses it, as it uses the connection's session.
type Conn struct {
	t    *Tracker
	peer *peer
	ep   *event.Peer
	tag  uint64 // of the connection, 16 bits

	lines, info, loud, odd, read uint64 // since the last Flush
	last                         int64

	newest   int64               // latest time of the sender's
	order    order               // of sequenceId
	fresh    bool                // every message was a repeated one: a resend
	goodbye  bool                // the sender took leave
	hush     [len(Names)]int64   // until when a thing that each line may say is not looked at
	known    map[string]*task    // names that were met; nil without a record
	workers  map[string]struct{} // likewise
	until    int64               // when they are met again
	lastTask string
	lastOf   *task
}

// Open begins a connection of peer.
func (t *Tracker) Open(ep *event.Peer) *Conn {
	now := time.Now().UnixNano()
	c := &Conn{t: t, ep: ep, tag: uint64(t.tags.Add(1) & 0xffff), fresh: ep.Listener == "relp", known: map[string]*task{}, workers: map[string]struct{}{}}
	t.mu.Lock()
	c.peer = t.open(ep, now)
	s, two := t.enter(ep, now)
	t.mu.Unlock()
	if two {
		t.say(s)
	}
	return c
}

// Observe looks at an event after it was read and dated.
func (c *Conn) Observe(ev *event.Event) {
	ce := &ev.Celery
	c.lines++
	c.last = ev.Received
	if c.last > c.until { // what is known is met again now and then, so that it is not forgotten
		c.until = c.last + int64(recheck)
		clear(c.known)
		clear(c.workers)
		c.lastTask = ""
	}
	switch {
	case ce.Level == event.LevelNone:
	case ce.Level <= event.LevelInfo:
		c.info++
	case !strings.HasPrefix(string(ce.Kind), brokerKinds):
		c.loud++
	}
	switch {
	case ce.Kind != "" || ce.Format != "":
		c.read++
	case ce.Group == event.ID{}:
		c.odd++
	}
	c.clock(ev)
	if len(ev.Syslog.Params) > 0 {
		c.sequence(ev)
	}
	c.repeat(ev)
	if !ce.Task.Name.Empty() && strings.HasPrefix(string(ce.Kind), taskKinds) {
		c.task(ev)
	}
	if !ce.Worker.Empty() || !strings.HasPrefix(string(ce.Kind), taskKinds) {
		c.rare(ev)
	}
	if c.lines >= 256 {
		c.Flush()
	}
}

// rare looks at what ordinary lines about tasks do not say.
func (c *Conn) rare(ev *event.Event) {
	switch ev.Celery.Kind {
	case beatDue:
		c.entry(ev)
	case workerShutdown, workerSoft, workerRestart, controlShutdown, beatStopping:
		c.goodbye = true
	}
	if !ev.Celery.Worker.Empty() && !strings.HasPrefix(string(ev.Celery.Kind), nodeKinds) && ev.Celery.Kind != clockDrift {
		c.worker(ev)
	}
}

// Flush hands the counts over; it belongs at the end of a read's batch.
func (c *Conn) Flush() {
	if c.lines == 0 {
		return
	}
	p := c.peer
	p.lines.Add(c.lines)
	p.info.Add(c.info)
	p.loud.Add(c.loud)
	p.odd.Add(c.odd)
	p.read.Add(c.read)
	p.last.Store(c.last)
	c.lines, c.info, c.loud, c.odd, c.read = 0, 0, 0, 0, 0
}

// Goodbye notes that the sender ended the connection in order.
func (c *Conn) Goodbye() { c.goodbye = true }

// Close ends the connection.
func (c *Conn) Close() {
	c.Flush()
	t := c.t
	t.mu.Lock()
	defer t.mu.Unlock()
	c.peer.leave(c.goodbye, time.Now().UnixNano())
	t.exit(c.ep)
}

// once reports whether a thing that each line may say is to be said now.
func (c *Conn) once(i int, now int64) bool {
	if now < c.hush[i] {
		return false
	}
	c.hush[i] = now + int64(sayEvery)
	return true
}

// Places in Conn.hush.
const (
	hushAhead = iota
	hushBack
	hushGap
	hushDuplicate
)

func (c *Conn) signal(name Name, ev *event.Event) Signal {
	return Signal{Name: name, Time: ev.Received, Origin: originOf(c.ep), Host: plain(ev.Syslog.Hostname.Reveal(), maxName)}
}

// clock looks at the sender's.
func (c *Conn) clock(ev *event.Event) {
	if ev.TimestampFrom == event.TimeReceipt {
		return
	}
	at := ev.Timestamp
	switch {
	case at > ev.Received+int64(clockSlack):
		if c.once(hushAhead, ev.Received) {
			s := c.signal(TimeAhead, ev)
			s.Since, s.After = at, float64(at-ev.Received)/1e9
			c.t.say(s)
		}
	case at > c.newest:
		c.newest = at
	case at < c.newest-int64(clockSlack):
		if c.once(hushBack, ev.Received) {
			s := c.signal(TimeBackwards, ev)
			s.Since, s.After = c.newest, float64(c.newest-at)/1e9
			c.t.say(s)
		}
		c.newest = at
	}
}

// recentSlots is how many messages are known again, roughly.
const recentSlots = 1 << 15

// repeat looks whether the same message came on another connection. Each slot of recent has 48 bits of a
// message's hash and 16 of the connection that brought it. Only a message with a time finer than
// seconds is distinct: "heartbeat ok" may well come twice.
//
// A RELP sender sends again what it got no answer for, first thing on its new connection; that is as it should be.
func (c *Conn) repeat(ev *event.Event) {
	at := ev.Syslog.Time
	if !ev.Syslog.HasTime {
		at = ev.Celery.Time
	}
	if at%int64(time.Second) == 0 || ev.Message.Empty() {
		return
	}
	raw := ev.Message.Reveal()
	h := maphash.Bytes(c.t.seed, raw[:min(len(raw), 256)])
	h ^= uint64(at)*0x9e3779b97f4a7c15 + uint64(len(raw))
	if id := ev.Syslog.ProcID; !id.Empty() {
		h = h*0xff51afd7ed558ccd ^ maphash.Bytes(c.t.seed, id.Reveal())
	}
	slot := &c.t.recent[h%recentSlots]
	old := slot.Load()
	if old>>16 != h>>16 {
		c.fresh = false
		slot.Store(h&^0xffff | c.tag)
		return
	}
	if old&0xffff == c.tag || c.fresh {
		return
	}
	if c.once(hushDuplicate, ev.Received) {
		s := c.signal(Duplicate, ev)
		s.Since = ev.Timestamp
		c.t.say(s)
	}
}

// task notes a task that this worker runs, and how a run ended.
func (c *Conn) task(ev *event.Event) {
	raw := fact(ev, ev.Celery.Task.Name)
	k := c.lastOf
	if c.lastTask == "" || c.lastTask != string(raw) || k.gone.Load() {
		var met bool
		if k, met = c.known[string(raw)]; !met || k != nil && k.gone.Load() {
			k = c.meetTask(ev, raw)
		}
		c.lastTask, c.lastOf = "", nil
		if k != nil {
			c.lastTask, c.lastOf = k.name, k
		}
	}
	if k == nil {
		return
	}
	switch ev.Celery.Kind {
	case taskSucceeded:
		k.finished.Add(1)
	case taskFailed:
		k.finished.Add(1)
		k.failed.Add(1)
	}
}

// meetTask learns a task, and says what is new about it. A name with other characters than names have is not
// known: rules see destring.flags odd-task-name.
func (c *Conn) meetTask(ev *event.Event, raw []byte) *task {
	name := plain(raw, maxName)
	if name == "" {
		return nil
	}
	t, now := c.t, ev.Received
	t.mu.Lock()
	k := t.taskOf(name)
	isNew := t.seen.meet(t.hash("task", name), now, t.opts.Learning)
	onWorker := t.seen.meet(t.hash("task on worker", name, c.ep.Name), now, t.opts.Learning)
	// A worker that is new itself runs everything for the first time.
	onWorker = onWorker && now-c.peer.first >= int64(t.opts.Learning)
	worker := c.peer.worker
	t.mu.Unlock()
	if len(c.known) >= maxKnown {
		clear(c.known)
	}
	c.known[name] = k
	s := c.signal(FirstSeenTask, ev)
	s.Task, s.Worker = name, worker
	if isNew {
		t.say(s)
	} else if onWorker {
		s.Name = FirstSeenTaskWorker
		t.say(s)
	}
	return k
}

// entry learns an entry of beat's schedule.
func (c *Conn) entry(ev *event.Event) {
	raw := dueEntry(fact(ev, ev.Celery.Body))
	if len(raw) == 0 {
		return
	}
	task := plain(fact(ev, ev.Celery.Task.Name), maxName)
	t := c.t
	t.mu.Lock()
	isNew := t.seen.meet(t.hash("entry", string(raw), task), ev.Received, t.opts.Learning)
	t.mu.Unlock()
	if isNew {
		s := c.signal(FirstSeenBeatEntry, ev)
		s.Task, s.Entry = task, entryName(raw)
		t.say(s)
	}
}

// worker learns the node name that the sender says is its own.
func (c *Conn) worker(ev *event.Event) {
	raw := fact(ev, ev.Celery.Worker)
	if _, met := c.workers[string(raw)]; met {
		return
	}
	name := plain(raw, maxName)
	if name == "" {
		return
	}
	if len(c.workers) >= maxKnown {
		clear(c.workers)
	}
	c.workers[name] = struct{}{}
	t := c.t
	t.mu.Lock()
	c.peer.worker = name
	isNew := t.seen.meet(t.hash("worker", name), ev.Received, t.opts.Learning)
	t.mu.Unlock()
	s := c.signal(FirstSeenWorker, ev)
	s.Worker = name
	if isNew {
		t.say(s)
	}
	if host := nodeHost(name); host != "" && c.ep.SpeaksFor != nil && !c.ep.SpeaksFor(host) {
		s.Name = WorkerMismatch
		t.say(s)
	}
}

// sharedBy is in how many places a certificate may be before it is plain that a fleet shares it: each
// new host would be said for ever.
const sharedBy = 4

// enter notes where a certificate is in use; it is said once of each address that comes beside another one. mu is held.
func (t *Tracker) enter(ep *event.Peer, now int64) (Signal, bool) {
	if ep.Fingerprint == "" {
		return Signal{}, false
	}
	place := placeOf(ep.Address.Addr())
	open := t.places[ep.Fingerprint]
	if open == nil {
		open = map[string]int{}
		t.places[ep.Fingerprint] = open
	}
	open[place]++
	if len(open) < 2 || len(open) > sharedBy || open[place] > 1 {
		return Signal{}, false
	}
	if !t.seen.meet(t.hash("place", ep.Fingerprint, place), now, 0) {
		return Signal{}, false
	}
	return Signal{Name: CertificateTwoPlaces, Time: now, Origin: originOf(ep), Count: int64(len(open))}, true
}

// exit notes that a connection left its place. mu is held.
func (t *Tracker) exit(ep *event.Peer) {
	open, place := t.places[ep.Fingerprint], placeOf(ep.Address.Addr())
	if open == nil {
		return
	}
	if open[place]--; open[place] <= 0 {
		delete(open, place)
	}
	if len(open) == 0 {
		delete(t.places, ep.Fingerprint)
	}
}

// placeOf is an address, or the network of a host with changing ones (IPv6 privacy addresses, RFC 8981).
func placeOf(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
