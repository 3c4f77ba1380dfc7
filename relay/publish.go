package relay

import (
	"context"

	"destring/relay/kafka"
	"destring/relay/spool"
)

// Outlet lets the publisher read the spool. It is a kafka.Source.
type Outlet struct{ reader *spool.Reader }

// NewOutlet makes an Outlet of a reader of the spool.
func NewOutlet(r *spool.Reader) *Outlet { return &Outlet{r} }

// Next waits for the next frame and hands it on as it is: a spool frame holds the records of
// one partition, encoded and compressed once.
func (o *Outlet) Next(ctx context.Context) (kafka.Batch, error) {
	f, err := o.reader.Next(ctx)
	if err != nil {
		return kafka.Batch{}, err
	}
	return BatchOf(f), nil
}

// BatchOf is a frame as a batch for Kafka.
func BatchOf(f spool.Frame) kafka.Batch {
	return kafka.Batch{Position: f.Position, First: f.First, Topic: f.Topic, Partition: f.Partition, Count: f.Count,
		BaseTimestamp: f.BaseTimestamp, MaxTimestamp: f.MaxTimestamp, Codec: kafka.Codec(f.Codec), Records: f.Records}
}

// Commit moves the reader's durable cursor and stores the publisher's state with it.
func (o *Outlet) Commit(position any, state []byte) error {
	if p, ok := position.(spool.Position); ok {
		return o.reader.Commit(p, state)
	}
	return o.reader.Commit(o.reader.Committed(), state)
}

// State returns what the last Commit stored.
func (o *Outlet) State() []byte { return o.reader.State() }
