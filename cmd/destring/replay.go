package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"destring/relay/kafka"
)

type replayFlags struct {
	controlFlags
	topic, to, from, until string
}

func newReplay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Publish records of a topic again",
		Long: `replay reads the records of a topic from one time to another and publishes them again, to the same
topic or to another one: for a SIEM that lost them, or for trying out a consumer.
Values, keys, headers and timestamps stay as they are, so event.id tells the
copies; records of one key keep their order. It goes through no rules and no
alerting (destring rules replay does). A replay that was broken off starts anew.

Times are RFC 3339 (2026-11-25T10:00:00Z), a date, or how long ago: 90m, 168h.`,
		Example: "  destring replay -c destring.yaml --topic celery.logs.v1 --from 2026-11-25T10:00:00Z --to 2026-11-25T12:00:00Z\n  destring replay -c destring.yaml --from 24h --to-topic celery.logs.again",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.topic, "topic", "", "topic to read; kafka.topic of the configuration when empty")
	cmd.Flags().StringVar(&f.to, "to-topic", "", "topic to write; the same when empty")
	cmd.Flags().StringVar(&f.from, "from", "", "time of the first record (needed)")
	cmd.Flags().StringVar(&f.until, "to", "", "time behind the last record; where the topic ends now when empty")
	return cmd
}

// times reads --from and --to.
func (f *replayFlags) times(now time.Time) (from, until time.Time, err error) {
	if f.from == "" {
		return from, until, usageError("replay needs --from, a time or how long ago (--from 24h)")
	}
	if from, err = parseWhen(f.from, now); err != nil {
		return from, until, usageError("--from: %w", err)
	}
	if f.until != "" {
		if until, err = parseWhen(f.until, now); err != nil {
			return from, until, usageError("--to: %w", err)
		}
		if !until.After(from) {
			return from, until, usageError("--to %s is not after --from %s", f.until, f.from)
		}
	}
	return from, until, nil
}

// parseWhen reads a time, or how long before now it is.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(s); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time (2026-11-25T10:00:00Z, 2026-11-25) and no duration (24h)", s)
}

func (f *replayFlags) run(cmd *cobra.Command) error {
	from, until, err := f.times(time.Now())
	if err != nil {
		return err
	}
	if f.config == "" {
		return usageError("replay needs -c FILE for the Kafka to read and to write")
	}
	c, err := loadConfig(f.config, f.sets, cmdEnviron())
	if err != nil {
		return err
	}
	k, err := c.kafka()
	if err != nil {
		return &exitError{exitConfig, err}
	}
	what := kafka.Range{Topic: f.topic, From: from, To: until}
	if what.Topic == "" {
		what.Topic = c.Kafka.Topic
	}
	target := f.to
	if target == "" {
		target = what.Topic
	}
	reader, err := kafka.OpenReader(cmd.Context(), k.Connection, what)
	if err != nil {
		return err
	}
	defer reader.Close()
	k.Topics = []kafka.Topic{replayTopic(k.Topics, target, c.Kafka.Partitions)}
	k.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return replay(cmd, k, reader, what.Topic, target)
}

// replayTopic is the topic with the settings that the relay would make it with.
func replayTopic(known []kafka.Topic, name string, partitions int) kafka.Topic {
	if i := slices.IndexFunc(known, func(t kafka.Topic) bool { return t.Name == name }); i >= 0 {
		return known[i]
	}
	return kafka.Topic{Name: name, Partitions: int32(partitions)}
}

func replay(cmd *cobra.Command, k kafka.Config, reader *kafka.Reader, from, to string) error {
	_, total := reader.Progress()
	if total == 0 {
		return usageError("topic %s has no records in that time", from)
	}
	var refused atomic.Int64
	k.DeadLetter = func(kafka.DeadLetter) error {
		refused.Add(1)
		return nil
	}
	began := time.Now()
	source := &again{reader: reader, topic: to, bar: newProgress(cmd.ErrOrStderr(), "replay"), total: total}
	publisher, err := kafka.New(k, source)
	if err != nil {
		return err
	}
	source.partitions = publisher.Partitions
	err = publisher.Run(cmd.Context())
	source.bar.done()
	done := source.done.Load()
	if err != nil {
		return fmt.Errorf("replay: broken off after %d of %d records: %w", done, total, err)
	}
	took := time.Since(began)
	fmt.Fprintf(cmd.OutOrStdout(), "replayed %d records of %s to %s in %v, %.0f/s\n", done-refused.Load(), from, to, took.Round(time.Millisecond), float64(done)/took.Seconds())
	if n := refused.Load(); n > 0 {
		return &exitError{exitFindings, fmt.Errorf("%d records were refused by Kafka for good", n)}
	}
	return nil
}

// again is the records of a reader as batches for a publisher. It keeps nothing: the topic that is read is
// the store. Next is called from one goroutine and Commit from another.
type again struct {
	reader     *kafka.Reader
	topic      string
	partitions func(topic string) (int32, bool)
	bar        *progress
	total      int64

	parts   map[int32][]kafka.Record // gathered, by partition of topic
	ready   []kafka.Batch
	batched int64
	ended   bool

	mu    sync.Mutex
	state []byte
	done  atomic.Int64 // records that Kafka has acknowledged
}

// replayBatch is how many records make a batch.
const replayBatch = 500

// Next gathers records until a batch is full or the range ends.
func (a *again) Next(ctx context.Context) (kafka.Batch, error) {
	if a.parts == nil {
		a.parts = map[int32][]kafka.Record{}
	}
	for len(a.ready) == 0 {
		if a.ended {
			return kafka.Batch{}, io.EOF
		}
		if err := a.gather(ctx); err != nil {
			return kafka.Batch{}, err
		}
	}
	b := a.ready[0]
	a.ready = a.ready[1:]
	b.First = uint64(a.batched)
	a.batched += int64(b.Count)
	b.Position = a.batched
	return b, nil
}

// gather takes one record.
func (a *again) gather(ctx context.Context) error {
	n, known := a.partitions(a.topic)
	if !known {
		var err error
		if n, err = a.count(ctx); err != nil {
			return err
		}
	}
	r, err := a.reader.Next(ctx)
	if errors.Is(err, io.EOF) {
		a.ended = true
		for p := range a.parts {
			err = a.encode(p)
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	p := r.Partition % n
	if r.Key != nil {
		p = kafka.Partition(r.Key, n)
	}
	if a.parts[p] = append(a.parts[p], r); len(a.parts[p]) >= replayBatch {
		return a.encode(p)
	}
	return nil
}

func (a *again) encode(p int32) error {
	if len(a.parts[p]) == 0 {
		return nil
	}
	b, err := kafka.Encode(a.topic, p, kafka.LZ4, a.parts[p])
	a.parts[p] = nil
	a.ready = append(a.ready, b)
	return err
}

// count waits until Kafka has told how many partitions the topic has.
func (a *again) count(ctx context.Context) (int32, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if n, ok := a.partitions(a.topic); ok {
			return n, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Commit counts what has arrived.
func (a *again) Commit(position any, state []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = slices.Clone(state)
	if n, ok := position.(int64); ok {
		a.done.Store(n)
		a.bar.show(n, a.total)
	}
	return nil
}

// State returns what the last Commit stored, as long as the process lives.
func (a *again) State() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}
