package kafka

import (
	"errors"
	"slices"
	"time"
)

const (
	// mergeAfter is how many batches must wait in a lane before small ones are merged:
	// only a backlog is worth the unpacking.
	mergeAfter = 8
	mergeBelow = 250 // records: larger ones are worth a place of their own
	mergeBytes = 256 << 10
	mergeCount = 2000

	// poisonAttempts is how often a batch may be refused as damaged before its records
	// are tried one by one: a checksum can fail on the way.
	poisonAttempts = 2

	// planPatience is how long a lane waits for the rest of a batch that the last run
	// merged. It is in the source already, unless the source lost its tail.
	planPatience = 2 * time.Second
)

// build makes the head of l ready to send: as the last run did if the state says so, else
// merged with those behind it in a backlog, else as it is. False: wait.
func (r *run) build(l *lane, now time.Time) bool {
	head := l.queue[0]
	switch {
	case head.built:
		return true
	case head.torn && (l.suspects > 0 || len(l.plan) > 0):
		r.renew(l)
		return false
	case len(l.plan) > 0:
		return r.rebuild(l, now)
	case r.plain[l.topic] && head.Codec != None:
		if !r.unpack(l) {
			return false
		}
	case head.Count > 1 && r.tooLarge(l.topic, head):
		r.halve(l)
	case l.suspects == 0 && l.doubtful == 0:
		r.merge(l)
	}
	l.seal()
	if head = l.queue[0]; head.planned {
		head.need = r.change()
	}
	return true
}

func (r *run) tooLarge(topic string, p *piece) bool {
	limit, known := r.refused[topic]
	return known && p.size() >= limit
}

// rebuild cuts the head as the last run's header says, so that the broker can recognise it.
func (r *run) rebuild(l *lane, now time.Time) bool {
	want, n, sum := l.plan[0].count(), 0, 0
	for n < len(l.queue) && sum < want {
		sum += l.queue[n].Count
		n++
	}
	if sum < want {
		if l.planSince.IsZero() {
			l.planSince = now
		}
		if !r.eof && now.Sub(l.planSince) < planPatience {
			return false
		}
	}
	torn := slices.ContainsFunc(l.queue[:n], func(p *piece) bool { return p.torn })
	ok := l.plan[0].identity() == l.identity() && sum >= want && !torn
	switch {
	case ok && sum == want && n > 1:
		ok = r.join(l, n)
	case ok && sum > want:
		ok = n == 1 && r.cut(l, want)
	}
	if !ok { // the source gives other batches than the last run saw
		l.queue[0].uncertain = true
		r.renew(l)
		return false
	}
	head := l.queue[0]
	if h := l.plan[0]; h.covers(head.Records) {
		head.header, head.built = h, true
	} else {
		l.seal() // packed by another version of the library: same records, same identity
	}
	l.plan = l.plan[1:]
	l.planSince = time.Time{}
	head.uncertain, head.need = true, 0
	return true
}

// merge joins small batches of a backlog.
func (r *run) merge(l *lane) {
	if len(l.queue) < mergeAfter {
		return
	}
	first := l.queue[0]
	n, size, count := 0, 0, 0
	for _, p := range l.queue {
		size, count = size+len(p.Records), count+p.Count
		limit, known := r.refused[l.topic]
		if p.Codec != first.Codec || p.planned || p.Count >= mergeBelow || size > mergeBytes || count > mergeCount || known && size+headerSize >= limit {
			break
		}
		n++
	}
	if n > 1 {
		r.join(l, n)
	}
}

// join replaces the first n pieces by one.
func (r *run) join(l *lane, n int) bool {
	batches := make([]*Batch, n)
	joined := &piece{planned: true, parts: append([]*piece(nil), l.queue[:n]...)}
	for i, p := range joined.parts {
		batches[i] = &p.Batch
		joined.frames = append(joined.frames, p.frames...)
		joined.uncertain = joined.uncertain || p.uncertain
	}
	merged, err := r.coder.merge(batches)
	if err != nil {
		return false // sent one by one, the damaged one will show
	}
	joined.Batch = merged
	l.replace(n, joined)
	return true
}

// part undoes join.
func (r *run) part(l *lane) {
	head := l.queue[0]
	for _, p := range head.parts {
		p.planned, p.sent, p.uncertain = true, false, head.uncertain
		p.unbuild()
	}
	if head.sent {
		head.parts[0].sent = true
	}
	l.replace(1, head.parts...)
}

// cut splits the head after its first n records.
func (r *run) cut(l *lane, n int) bool {
	p := l.queue[0]
	a, b, err := r.coder.split(&p.Batch, n)
	if err != nil {
		return false
	}
	first := &piece{Batch: a, frames: p.frames, planned: true, sent: p.sent, uncertain: p.uncertain}
	second := &piece{Batch: b, frames: p.frames, planned: true, uncertain: p.uncertain}
	for _, f := range p.frames {
		f.pieces++
	}
	l.replace(1, first, second)
	return true
}

// halve splits the head until its first part is below what the topic refused.
func (r *run) halve(l *lane) {
	for l.queue[0].Count > 1 && r.tooLarge(l.topic, l.queue[0]) {
		if !r.cut(l, l.queue[0].Count/2) {
			return
		}
	}
}

// shrink answers a refusal for size: fewer records, or of a single one less text.
func (r *run) shrink(l *lane) {
	head := l.queue[0]
	size, known := head.size(), r.refused[l.topic]
	if known == 0 {
		r.cfg.Log.Warn("kafka: the topic takes no batch of this size; sending smaller ones, and cutting the text of records that do not fit alone",
			"topic", l.topic, "bytes", size, "remedy", alter(r.cfg, l.topic, "max.message.bytes=1048588"))
	}
	if known == 0 || size < known {
		r.refused[l.topic] = size
	}
	head.unbuild()
	switch {
	case len(head.parts) > 0:
		r.part(l)
	case head.Count > 1:
		if !r.cut(l, head.Count/2) {
			r.damaged(l)
		}
	default:
		r.shorten(l)
	}
}

// shorten cuts text out of the head's only record.
func (r *run) shorten(l *lane) {
	head := l.queue[0]
	entries, err := r.coder.unpack(&head.Batch)
	if err != nil {
		r.damaged(l)
		return
	}
	e := &entries[0]
	value, ok := cutText(e.value, len(e.value)/2)
	if !ok {
		r.bury(l, e, "larger than the topic takes (max.message.bytes), and no text left to cut")
		return
	}
	if !head.planned {
		r.cfg.Metrics.cut.Inc()
	}
	e.tail = appendTail(nil, e.key, value, e.headers)
	if head.Batch, err = r.coder.pack(&head.Batch, entries); err != nil {
		r.damaged(l)
		return
	}
	head.planned = true
}

// unpack takes the compression off the head: the topic does not take its codec.
func (r *run) unpack(l *lane) bool {
	head := l.queue[0]
	if head.Codec == None {
		r.isolate(l, errors.New("compression refused though there is none"))
		return false
	}
	r.plain[l.topic] = true
	set, err := r.coder.decompress(nil, head.Codec, head.Records)
	if err != nil {
		r.damaged(l)
		return false
	}
	head.unbuild()
	head.Records, head.Codec = set, None
	return true
}

// isolate finds the record that the broker refuses: batches are halved, so that the good
// ones go on, and a single one goes to the dead letters.
func (r *run) isolate(l *lane, reason error) {
	head := l.queue[0]
	head.unbuild()
	l.failures = 0
	if len(head.parts) > 0 {
		r.part(l)
		return
	}
	if head.Count > 1 {
		if !r.cut(l, head.Count/2) {
			r.damaged(l)
		}
		return
	}
	entries, err := r.coder.unpack(&head.Batch)
	if err != nil {
		r.damaged(l)
		return
	}
	r.bury(l, &entries[0], reason.Error())
}

// damaged gives up a batch that cannot even be read. The spool's own checks make this
// all but impossible; it must not stop the stream.
func (r *run) damaged(l *lane) {
	head := l.queue[0]
	r.cfg.Metrics.abandoned.Add(float64(head.Count))
	r.cfg.Log.Error("kafka: a batch is refused and cannot be unpacked; giving it up",
		"topic", l.topic, "partition", l.partition, "records", head.Count)
	r.giveUp(l)
}

func (r *run) giveUp(l *lane) {
	r.done(l)
	// The next batch takes this one's sequence: only once the state says that this
	// one is not coming.
	l.need = r.change()
	r.urgent = true
}

// bury hands the head's only record to the dead letters, as often as it takes.
func (r *run) bury(l *lane, e *entry, reason string) {
	head := l.queue[0]
	if r.cfg.DeadLetter == nil || l.topic == r.cfg.DeadLetterTopic {
		r.cfg.Metrics.abandoned.Inc()
		r.cfg.Log.Error("kafka: a record is refused for good and there is no dead letter topic for it; dropped",
			"topic", l.topic, "partition", l.partition, "reason", reason)
		r.giveUp(l)
		return
	}
	letter := DeadLetter{Topic: l.topic, Partition: l.partition, Timestamp: head.BaseTimestamp + e.timestamp,
		Key: e.key, Value: e.value, Reason: reason}
	l.busy = true
	r.aside(func() func() {
		err := r.cfg.DeadLetter(letter)
		return func() {
			l.busy = false
			if err != nil {
				l.failures++
				r.trouble(l.topic, poison, err)
				l.retryAt = time.Now().Add(r.backoff(l.failures))
				return
			}
			r.cfg.Metrics.dead.Inc()
			r.giveUp(l)
		}
	})
}

// scatter moves what waits in l to the n partitions that its topic has now: the topic was
// made anew with fewer. Records go where their keys belong, in the source's order.
func (r *run) scatter(l *lane, n int32) {
	queue := l.queue
	l.queue = nil
	for _, p := range queue {
		if p.uncertain || l.suspects > 0 || l.doubtful > 0 {
			l.suspects, l.doubtful = max(l.suspects-1, 0), max(l.doubtful-1, 0)
			r.doubt(l, p.Count)
		}
		groups := map[int32][]entry{l.partition % n: nil}
		entries, err := r.coder.unpack(&p.Batch)
		if err == nil {
			delete(groups, l.partition%n)
		}
		for _, e := range entries {
			to := l.partition % n
			if e.key != nil {
				to = Partition(e.key, n)
			}
			groups[to] = append(groups[to], e)
		}
		for _, f := range p.frames {
			f.pieces += len(groups) - 1
			f.scattered = true
		}
		for to, some := range groups {
			moved := &piece{Batch: p.Batch, frames: p.frames, planned: true}
			moved.Partition = to
			if some != nil {
				if moved.Batch, err = r.coder.pack(&moved.Batch, some); err != nil {
					moved.Batch = p.Batch // cannot be: it was unpacked by the same coder
				}
			}
			r.lane(l.topic, to).insert(moved)
		}
	}
	l.forget()
	l.doubtful = 0
	r.change()
}
