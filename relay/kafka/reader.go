package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Range says what of a topic a Reader gives.
type Range struct {
	Topic string

	// From starts at the first record of that time or later. The zero time starts at the
	// beginning, unless Tail.
	From time.Time

	// To ends before the first record of that time or later. The zero time ends where the
	// topic ended when the Reader was opened, unless Follow.
	To time.Time

	Tail   bool // start at the end: new records only
	Follow bool // never end
}

// Reader reads a topic's partitions side by side: each one's records in order, no order
// between them. It is for tail, replay and tests; it joins no group and commits nothing.
type Reader struct {
	client *client
	cancel context.CancelFunc
	parts  sync.WaitGroup
	chunks chan []Record // from one goroutine a partition
	failed chan error
	now    []Record
	total  int64
	given  atomic.Int64
}

// fetchWait is how long a broker may hold a fetch that finds nothing.
const fetchWait = 250 * time.Millisecond

// OpenReader finds the offsets of the range and starts to read. ctx bounds the finding
// only.
func OpenReader(ctx context.Context, conn Connection, what Range) (*Reader, error) {
	if err := conn.Validate(); err != nil {
		return nil, err
	}
	r := &Reader{client: newClient(conn, []string{what.Topic}), chunks: make(chan []Record), failed: make(chan error, 1)}
	spans, err := r.spans(ctx, what)
	if err != nil {
		r.client.close()
		return nil, err
	}
	var reading context.Context
	reading, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, s := range spans {
		if !what.Follow {
			r.total += s.end - s.next
		}
		r.parts.Go(func() { r.read(reading, s) })
	}
	go func() { // ends with the partitions' goroutines
		r.parts.Wait()
		close(r.chunks)
	}()
	return r, nil
}

// span is a partition's offsets from next to before end; end < 0: for ever.
type span struct {
	topic     string
	partition int
	next, end int64
}

func (r *Reader) spans(ctx context.Context, what Range) ([]span, error) {
	l, err := r.client.layout(ctx)
	if err != nil {
		return nil, err
	}
	n := len(l.leaders[what.Topic])
	if n == 0 {
		return nil, fmt.Errorf("kafka: topic %s does not exist, or may not be described", what.Topic)
	}
	first, err := r.offsets(ctx, what.Topic, n, kafkago.FirstOffset)
	if err != nil {
		return nil, err
	}
	last, err := r.offsets(ctx, what.Topic, n, kafkago.LastOffset)
	if err != nil {
		return nil, err
	}
	from, to := first, last
	if what.Tail {
		from = last
	} else if !what.From.IsZero() {
		if from, err = r.offsets(ctx, what.Topic, n, what.From.UnixMilli()); err != nil {
			return nil, err
		}
	}
	if !what.To.IsZero() {
		if to, err = r.offsets(ctx, what.Topic, n, what.To.UnixMilli()); err != nil {
			return nil, err
		}
	}
	spans := make([]span, 0, n)
	for p := range n {
		s := span{topic: what.Topic, partition: p, next: from[p], end: to[p]}
		if s.next < 0 { // no record that late
			s.next = last[p]
		}
		if s.end < 0 {
			s.end = last[p]
		}
		if what.Follow {
			s.end = -1
		}
		if s.end < 0 || s.next < s.end {
			spans = append(spans, s)
		}
	}
	return spans, nil
}

// offsets asks each partition for the offset at a time (ms) or one of kafka-go's marks;
// -1: none.
func (r *Reader) offsets(ctx context.Context, topic string, n int, at int64) ([]int64, error) {
	k, err := r.client.kafka()
	if err != nil {
		return nil, err
	}
	asked := make([]kafkago.OffsetRequest, n)
	for p := range asked {
		asked[p] = kafkago.OffsetRequest{Partition: p, Timestamp: at}
	}
	res, err := k.ListOffsets(ctx, &kafkago.ListOffsetsRequest{Topics: map[string][]kafkago.OffsetRequest{topic: asked}})
	if err != nil {
		return nil, fmt.Errorf("kafka: offsets of %s: %w", topic, err)
	}
	out := make([]int64, n)
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("kafka: offsets of %s/%d: %w", topic, p.Partition, p.Error)
		}
		if p.Partition < 0 || p.Partition >= n {
			continue
		}
		switch at {
		case kafkago.FirstOffset:
			out[p.Partition] = p.FirstOffset
		case kafkago.LastOffset:
			out[p.Partition] = p.LastOffset
		default:
			out[p.Partition] = -1
			for offset := range p.Offsets {
				out[p.Partition] = offset
			}
		}
	}
	return out, nil
}

// Next returns the next record; io.EOF at the end of the range. Its slices stay valid.
func (r *Reader) Next(ctx context.Context) (Record, error) {
	for len(r.now) == 0 {
		select {
		case chunk, open := <-r.chunks:
			if !open {
				select {
				case err := <-r.failed:
					return Record{}, err
				default:
					return Record{}, io.EOF
				}
			}
			r.now = chunk
		case <-ctx.Done():
			return Record{}, ctx.Err()
		}
	}
	record := r.now[0]
	r.now = r.now[1:]
	r.given.Add(1)
	return record, nil
}

// Progress returns how many records Next gave and how many there are in the range (0 when
// following): an upper bound, since compaction leaves holes.
func (r *Reader) Progress() (given, total int64) { return r.given.Load(), r.total }

// Close ends the reading. Next must not run any more.
func (r *Reader) Close() {
	r.cancel()
	for range r.chunks { // until the last goroutine has gone
	}
	r.client.close()
}

// read fetches one partition until its end or the context's. Brokers that are away are
// waited for; a refusal ends the Reader.
func (r *Reader) read(ctx context.Context, s span) {
	for tries := 0; ctx.Err() == nil && (s.end < 0 || s.next < s.end); {
		chunk, err := r.fetch(ctx, &s)
		if err == nil {
			tries = 0
			if len(chunk) > 0 {
				select {
				case r.chunks <- chunk:
				case <-ctx.Done():
				}
			}
			continue
		}
		switch c := classify(err); c {
		case aclRefused, authRefused, tlsRefused, local, poison:
			r.fail(err)
			return
		case retriable:
			if errors.Is(err, kafkago.OffsetOutOfRange) { // deleted by retention meanwhile
				r.fail(err)
				return
			}
		}
		tries++
		r.client.refresh()
		select {
		case <-time.After(min(100*time.Millisecond<<min(tries, 10), 5*time.Second)):
		case <-ctx.Done():
		}
	}
}

func (r *Reader) fail(err error) {
	select {
	case r.failed <- err:
	default: // another partition was first
	}
	r.cancel()
}

func (r *Reader) fetch(ctx context.Context, s *span) ([]Record, error) {
	k, err := r.client.kafka()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	res, err := k.Fetch(ctx, &kafkago.FetchRequest{Topic: s.topic, Partition: s.partition, Offset: s.next,
		MinBytes: 1, MaxBytes: 4 << 20, MaxWait: fetchWait})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: fetch %s/%d: %w", s.topic, s.partition, err)
	}
	var chunk []Record
	before := s.next
	for {
		rec, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("kafka: fetch %s/%d at %d: %w", s.topic, s.partition, s.next, err)
		}
		out, err := copyRecord(s, rec)
		if err != nil {
			return nil, err
		}
		if out.Offset < s.next || s.end >= 0 && out.Offset >= s.end {
			continue // batches come whole
		}
		s.next = out.Offset + 1
		chunk = append(chunk, out)
	}
	if s.next == before && res.HighWatermark > before && len(chunk) == 0 {
		s.next++ // a hole: compaction, or a transaction's marker
	}
	return chunk, nil
}

func copyRecord(s *span, rec *kafkago.Record) (Record, error) {
	out := Record{Topic: s.topic, Partition: int32(s.partition), Offset: rec.Offset, Time: rec.Time}
	var err error
	if rec.Key != nil {
		if out.Key, err = kafkago.ReadAll(rec.Key); err == nil {
			err = rec.Key.Close()
		}
	}
	if err == nil && rec.Value != nil {
		if out.Value, err = kafkago.ReadAll(rec.Value); err == nil {
			err = rec.Value.Close()
		}
	}
	for _, h := range rec.Headers {
		out.Headers = append(out.Headers, Header{Name: h.Key, Value: append([]byte(nil), h.Value...)})
	}
	if err != nil {
		return out, fmt.Errorf("kafka: read %s/%d at %d: %w", s.topic, s.partition, rec.Offset, err)
	}
	return out, nil
}
