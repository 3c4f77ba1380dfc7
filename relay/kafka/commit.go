package kafka

import "time"

// change notes that the state changed and returns its new version.
func (r *run) change() uint64 {
	r.version++
	return r.version
}

// advance moves the cursor over the frames that are done.
func (r *run) advance() {
	n := 0
	for n < len(r.frames) && r.frames[n].pieces == 0 {
		r.cursor, r.end, r.moved = r.frames[n].position, r.frames[n].end, true
		n++
	}
	if n > 0 {
		clear(r.frames[:n])
		r.frames = r.frames[n:]
	}
	r.change()
}

// fold makes one frame of done ones in a row. So a partition that is stuck for long holds
// back the cursor, but not the others: only what waits takes memory.
func (r *run) fold() {
	kept := r.frames[:0]
	for _, f := range r.frames {
		if n := len(kept); f.pieces == 0 && n > 0 && kept[n-1].pieces == 0 {
			f.first = kept[n-1].first
			kept[n-1] = f
			continue
		}
		kept = append(kept, f)
	}
	clear(r.frames[len(kept):])
	r.frames = kept
}

// commit stores the state and the cursor: at once when a lane waits for it, else every
// CommitInterval.
func (r *run) commit(now time.Time) time.Time {
	if r.committing || r.version == r.durable {
		r.urgent = false
		return now.Add(time.Hour)
	}
	if now.Before(r.commitAt) && (r.commitFail > 0 || !r.urgent && !r.stopping && !r.eof) {
		return r.commitAt
	}
	var position any
	moved := r.moved
	if moved {
		position = r.cursor
	}
	encoded, version := r.snapshot(), r.version
	r.committing, r.moved, r.urgent = true, false, false
	r.aside(func() func() {
		err := r.source.Commit(position, encoded)
		return func() { r.committed(version, moved, err) }
	})
	return now.Add(time.Hour)
}

func (r *run) committed(version uint64, moved bool, err error) {
	r.committing = false
	r.commitAt = time.Now().Add(r.cfg.CommitInterval)
	if err != nil {
		r.moved = r.moved || moved
		r.commitFail++
		r.commitAt = time.Now().Add(r.backoff(r.commitFail))
		if r.commitFail == 1 {
			r.cfg.Log.Error("kafka: cannot store the publisher's position; trying again", "error", err)
		}
		return
	}
	r.commitFail, r.durable = 0, version
	for _, l := range r.order {
		l.unsaved -= l.saving
		l.saving = 0
	}
}

// snapshot encodes the state as it is now.
func (r *run) snapshot() []byte {
	s := state{cluster: r.cluster, producer: r.producer, epoch: r.epoch}
	if !r.disordered {
		s.end, s.frames = r.end, progressOf(r.frames, r.skip)
	}
	for _, l := range r.order {
		s.lanes = append(s.lanes, laneState{l.topic, l.partition, l.producer, l.epoch, l.next, l.doubtful, l.saved()})
	}
	return s.encode()
}
