package alerting

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sink is one place that alerts go to: a Slack channel, a webhook, a Kafka topic.
// To add one is to write Name, Traits and Deliver.
type Sink interface {
	// Name is unique, from the configuration; routes name it and it labels metrics.
	Name() string
	Traits() Traits
	// Deliver says m and returns once the sink has it. A nil error means that it is there to
	// stay. Other errors are a *DeliveryError, else it is taken for Unknown. No error may hold
	// a URL or a token.
	Deliver(ctx context.Context, m *Message) (Ref, error)
}

// Finder is a Sink that can be searched for a message that may or may not have arrived.
type Finder interface {
	Find(ctx context.Context, m *Message) (ref Ref, found bool, err error)
}

// Traits are what a sink can do.
type Traits struct {
	Edits   bool // can change a message that was sent
	Threads bool // can reply to one
	// Keeper is a sink for machines that keeps a record of everything: told of each alert at
	// once, of silenced ones too, never folded into a digest nor held to the budget.
	Keeper bool
}

// Ref names a message in its sink. Slack: the channel's id and the message's ts.
type Ref struct {
	Channel string `json:",omitempty"`
	ID      string `json:",omitempty"`
}

// Act is what a sink is asked to do.
type Act uint8

// Acts.
const (
	Post  Act = iota // a new message
	Edit             // change the message at Ref; for a Keeper: a record of the change
	Reply            // in the thread of the message at Ref
)

var actNames = [...]string{"post", "edit", "reply"}

// String returns a name that may label a metric.
func (a Act) String() string {
	if int(a) < len(actNames) {
		return actNames[a]
	}
	return "unknown"
}

// Message is what a sink has to say. Exactly one of Alert, Digest and Notice is set.
type Message struct {
	Act   Act
	Key   string    // the same over every retry of this message and of no other
	Ref   Ref       // for Edit and Reply
	Began time.Time // when it was first tried
	Posts int       // how often the alert was posted before: a repeat when not zero
	Plain bool      // the full layout was refused: say it in one short plain text

	Alert  *Alert
	Digest *Digest
	Notice *Notice
}

// Outcome is what became of a message that was not taken.
type Outcome uint8

// Outcomes of a failed delivery.
const (
	Unknown  Outcome = iota // it may have arrived
	Retry                   // it did not arrive; try again
	Rejected                // the sink will never take it in this form
	Gone                    // the message at Ref is there no more or cannot be changed
)

var outcomeNames = [...]string{"unknown", "retry", "rejected", "gone"}

// String returns a name that may label a metric.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "unknown"
}

// DeliveryError is why a message was not taken. Reason is from our own words or the
// sink's error code; it may be shown.
type DeliveryError struct {
	Outcome Outcome
	After   time.Duration // for Retry: as the sink asked; zero leaves it to us
	Reason  string
}

// Error implements error.
func (e *DeliveryError) Error() string {
	if e.After > 0 {
		return fmt.Sprintf("%s (%s, again after %s)", e.Reason, e.Outcome, e.After)
	}
	return fmt.Sprintf("%s (%s)", e.Reason, e.Outcome)
}

func asDeliveryError(err error) *DeliveryError {
	var d *DeliveryError
	if errors.As(err, &d) {
		return d
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &DeliveryError{Outcome: Unknown, Reason: "no answer in time"}
	}
	return &DeliveryError{Outcome: Unknown, Reason: err.Error()}
}

// Notice is a short text of our own: a silence that ends.
type Notice struct {
	ID       string
	Sink     string
	Time     time.Time
	Text     string
	Delivery Delivery
}

// Digest tells of many alerts in one message.
type Digest struct {
	ID       string
	Sink     string
	Started  time.Time
	Ended    time.Time `json:",omitzero"`
	Revision int
	Alerts   int      // folded into it
	Levels   [5]int   // of them, by level
	Lines    []string `json:"-"` // the worst of them, filled for a sink
	Events   int64    `json:"-"`
	Delivery Delivery
}

// Title is one line about g.
func (g *Digest) Title() string {
	if g.Ended.IsZero() {
		return fmt.Sprintf("%d alerts at once, folded into this digest", g.Alerts)
	}
	return fmt.Sprintf("%d alerts at once, folded into this digest; it is over", g.Alerts)
}
