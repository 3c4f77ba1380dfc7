package alerting

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
)

// DryRun is a Sink that stands in for another: it says what would be sent and sends nothing. Give an
// Alerter of dry-run sinks a journal of its own, for what it notes as told was told to nobody.
type DryRun struct {
	name   string
	traits Traits
	say    func(string)
	n      atomic.Int64
}

// NewDryRun stands in for s. say is called with one line for each message.
func NewDryRun(s Sink, say func(line string)) *DryRun {
	return &DryRun{name: s.Name(), traits: s.Traits(), say: say}
}

// Name implements Sink.
func (d *DryRun) Name() string { return d.name }

// Traits implements Sink.
func (d *DryRun) Traits() Traits { return d.traits }

// Deliver implements Sink.
func (d *DryRun) Deliver(_ context.Context, m *Message) (Ref, error) {
	d.say(fmt.Sprintf("would %s to %s: %s", m.Act, d.name, m.Summary()))
	if m.Act == Edit {
		return m.Ref, nil
	}
	return Ref{Channel: d.name, ID: strconv.FormatInt(d.n.Add(1), 10)}, nil
}

// Summary is m in one line, safe for a terminal.
func (m *Message) Summary() string {
	switch {
	case m.Alert != nil:
		a := m.Alert
		return Visible(fmt.Sprintf("%s %q, task %q, worker %q, count %d, %s, alert %s", a.Level, a.Title(), a.Match.Task, a.Match.Worker, a.Count, a.Status, a.ID))
	case m.Digest != nil:
		return m.Digest.Title()
	case m.Notice != nil:
		return Visible(m.Notice.Text)
	}
	return "nothing"
}
