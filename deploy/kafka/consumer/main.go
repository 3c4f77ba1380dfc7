// Command consumer prints the records of a topic of destring, each once, as JSON lines. It is a
// sample to start from:
//
//	go run ./deploy/kafka/consumer -brokers 127.0.0.1:9092 -group siem
//
// The group goes on where it was. What was printed is committed, so after a crash a record may come
// again; duplicates are dropped by ce_id, without parsing the value.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
)

// remember is how many ids are kept: a duplicate comes soon after its first copy.
const remember = 100_000

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "brokers, comma-separated")
	topic := flag.String("topic", "celery.logs.v1", "topic")
	group := flag.String("group", "destring-sample", "consumer group")
	quiet := flag.Duration("exit-after", 0, "end when nothing came for so long; 0 never ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: strings.Split(*brokers, ","), Topic: *topic, GroupID: *group, StartOffset: kafka.FirstOffset, MaxBytes: 10 << 20})
	err := consume(ctx, reader, *quiet)
	if cerr := reader.Close(); err == nil {
		err = cerr
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(1)
	}
}

func consume(ctx context.Context, reader *kafka.Reader, quiet time.Duration) error {
	out := bufio.NewWriter(os.Stdout)
	seen := newRecent(remember)
	for {
		m, ok, err := fetch(ctx, reader, quiet)
		if err != nil || !ok {
			return err
		}
		if schema := header(m, "destring-schema"); !strings.HasPrefix(schema, "1.") {
			return fmt.Errorf("offset %d of partition %d has schema %q; this consumer knows 1.x", m.Offset, m.Partition, schema)
		}
		if seen.add(header(m, "ce_id")) {
			out.Write(m.Value)
			out.WriteByte('\n')
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if err := reader.CommitMessages(ctx, m); err != nil {
			return err
		}
	}
}

// fetch gives the next record; false when none came in the time.
func fetch(ctx context.Context, reader *kafka.Reader, quiet time.Duration) (m kafka.Message, ok bool, err error) {
	waiting := ctx
	if quiet > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, quiet)
		defer cancel()
	}
	m, err = reader.FetchMessage(waiting)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return m, false, nil
	}
	return m, err == nil, err
}

func header(m kafka.Message, name string) string {
	for _, h := range m.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// recent knows the last ids.
type recent struct {
	known map[string]bool
	ring  []string
	next  int
}

func newRecent(n int) *recent {
	return &recent{known: make(map[string]bool, n), ring: make([]string, n)}
}

// add reports whether id is new.
func (r *recent) add(id string) bool {
	if r.known[id] {
		return false
	}
	delete(r.known, r.ring[r.next])
	r.known[id], r.ring[r.next] = true, id
	r.next = (r.next + 1) % len(r.ring)
	return true
}
