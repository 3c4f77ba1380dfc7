package main

import (
	"context"
	"fmt"
	"time"

	"destring/relay"
	"destring/rules"
)

// stateGaps states what was shed, until ctx ends: one record for each spell of fullness. While a
// spell lasts its count is in the note, so that a kill does not take it along.
func (h *house) stateGaps(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var said time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			h.stateGap(ctx, false)
			// The gap goes on record when it is over; whoever can mend it should know while it lasts.
			if n, since, on := h.relay.Shedding(); on && now.Sub(said) >= time.Minute {
				said = now
				h.log.Warn("relay: the spool is full and plain syslog is dropped", "records", n, "since", since, "remedy", "mend what keeps Kafka from taking records, or give spool.max_size more room")
			}
		}
	}
}

// stateGap puts the spell that is over on record, with now also one that goes on. What cannot be
// put on record, since the spool is full, is kept in the note.
func (h *house) stateGap(ctx context.Context, now bool) {
	h.stating.Lock() // the last call, at the stop, may meet one of stateGaps
	defer h.stating.Unlock()
	gap, ok := h.relay.Take(now)
	if !ok {
		if gap, ok = h.relay.Pending(); ok {
			h.keepGap(gap)
		}
		return
	}
	err := h.relay.State(shedStatement(gap))
	if err == nil {
		err = h.spool.Flush(ctx)
	}
	if err != nil { // there is no room; it is tried again every second, and at the next start
		h.relay.Return(gap)
		h.keepGap(gap)
		return
	}
	h.log.Error("relay: records were shed because the spool was full", "records", gap.Records, "from", gap.Began, "to", gap.Ended)
	if err := h.gapNote.Clear(); err != nil {
		h.log.Error("relay: the gap will be stated twice", "error", err)
	}
}

func (h *house) keepGap(gap relay.Gap) {
	if err := h.gapNote.Keep(gap); err != nil {
		h.log.Error("relay: the count of shed records is in memory only", "error", err)
	}
}

// openGapNote opens the note, and takes up what the last run could not put on record.
func (h *house) openGapNote() (err error) {
	var left relay.Gap
	if h.gapNote, left, err = relay.OpenGapNote(h.config.path(h.config.Spool.Dir)); err == nil && left.Records > 0 {
		h.relay.Return(left)
	}
	return err
}

func shedStatement(gap relay.Gap) rules.Statement {
	return rules.Statement{Topic: rules.Audit, Action: "records-shed", Time: time.Now().UnixNano(), Severity: rules.High, ID: fmt.Sprintf("records-shed-%d-%d", gap.Began.UnixNano(), gap.Records),
		Message: fmt.Sprintf("%d records were dropped because the spool was full. Give it more room (spool.max_size) or mend what keeps Kafka from taking records.", gap.Records),
		Fields: []rules.Field{rules.String("destring.signal", "shed"), rules.Int("destring.gap.records", int64(gap.Records)), rules.Time("event.start", gap.Began.UnixNano()),
			rules.Time("event.end", gap.Ended.UnixNano())}}
}
