package kafka

import (
	"context"
	"fmt"
)

// Codec is a compression by its number in a record batch's attributes.
type Codec int8

// Codecs that destring writes.
const (
	None Codec = 0
	LZ4  Codec = 3
	Zstd Codec = 4
)

// String returns Kafka's name for c.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec-%d", int8(c))
}

// Batch is a run of records of one partition, encoded as they go to the broker.
type Batch struct {
	// Position is the source's own mark of this batch. The publisher only hands it back.
	Position any

	// First numbers the batch's first record. It rises from batch to batch, by Count if
	// nothing is missing between, and is the same when the source is opened again: by
	// it the publisher knows what the last run has delivered.
	First uint64

	Topic         string
	Partition     int32
	Count         int   // records, 1 or more
	BaseTimestamp int64 // the first record's, milliseconds since 1970
	MaxTimestamp  int64 // milliseconds since 1970

	// Records is the record set after a batch's header: records in format v2,
	// compressed with Codec. The source must not change it afterwards.
	Codec   Codec
	Records []byte
}

// Source is where batches come from: a durable log with a cursor. Run calls Next from one
// goroutine and Commit from another.
type Source interface {
	// Next waits for the batch after the last one. io.EOF: there will be no more,
	// and Run ends when all are delivered.
	Next(ctx context.Context) (Batch, error)

	// Commit makes durable that the batch at position and all before it are
	// delivered, with the publisher's state beside it, both or neither. A nil position
	// leaves the cursor where it is.
	Commit(position any, state []byte) error

	// State returns what the last Commit stored, nil at first. Next starts behind
	// that commit's position.
	State() []byte
}

// DeadLetter is one record that the broker will never take.
type DeadLetter struct {
	Topic     string
	Partition int32
	Timestamp int64 // milliseconds since 1970
	Key       []byte
	Value     []byte
	Reason    string // the broker's refusal, or ours; no record text
}
