package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
	"destring/relay/kafka/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const logs = "celery.logs.v1"

var start = time.UnixMilli(1_760_000_000_000)

// batch makes n records numbered from first.
func batch(t testing.TB, codec kafka.Codec, partition int32, first, n int) kafka.Batch {
	t.Helper()
	records := make([]kafka.Record, n)
	for i := range records {
		id := first + i
		records[i] = kafka.Record{Time: start.Add(time.Duration(id) * time.Millisecond), Key: fmt.Appendf(nil, "worker-%d", partition),
			Value:   fmt.Appendf(nil, `{"@timestamp":"2025-10-09T08:53:20Z","event.id":"p%d-%06d","message":"Task shop.tasks.charge[%08x] succeeded in 0.%03ds: None"}`, partition, id, id, id%1000),
			Headers: []kafka.Header{{Name: "content-type", Value: []byte("application/json")}, {Name: "id", Value: fmt.Append(nil, id)}}}
	}
	b, err := kafka.Encode(logs, partition, codec, records)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func startBroker(t testing.TB, c broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// config is a publisher's for a test: impatient.
func config(t testing.TB, addr string, reg prometheus.Registerer) kafka.Config {
	c := kafka.Config{Connection: kafka.Connection{Brokers: []string{addr}}, Topics: []kafka.Topic{{Name: logs}},
		RequestTimeout: 2 * time.Second, BackoffMin: 5 * time.Millisecond, BackoffMax: 50 * time.Millisecond,
		CommitInterval: time.Millisecond, Metrics: kafka.NewMetrics(reg)}
	if os.Getenv("DESTRING_TEST_LOG") != "" {
		c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return c
}

// publish runs a publisher until its source ends.
func publish(t testing.TB, c kafka.Config, source kafka.Source) {
	t.Helper()
	p, err := kafka.New(c, source)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Run(ctx); err != nil {
		t.Fatalf("run: %v; status %+v", err, p.Status())
	}
}

// readAll returns the ids in the topic by partition.
func readAll(t testing.TB, addr string) map[int32][]string {
	t.Helper()
	ids := map[int32][]string{}
	for _, r := range records(t, addr, kafka.Range{Topic: logs}) {
		for _, h := range r.Headers {
			if h.Name == "id" {
				ids[r.Partition] = append(ids[r.Partition], string(h.Value))
			}
		}
	}
	return ids
}

func records(t testing.TB, addr string, what kafka.Range) []kafka.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := kafka.OpenReader(ctx, kafka.Connection{Brokers: []string{addr}}, what)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []kafka.Record
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
}

// wantIDs fails unless each partition holds exactly 0..n-1 in order.
func wantIDs(t testing.TB, got map[int32][]string, partitions, n int) {
	t.Helper()
	for p := range int32(partitions) {
		if len(got[p]) != n {
			t.Errorf("partition %d holds %d records, want %d", p, len(got[p]), n)
		}
		for i, id := range got[p] {
			if id != fmt.Sprint(i) {
				t.Errorf("partition %d: record %d has id %s", p, i, id)
				break
			}
		}
	}
}

func fill(t testing.TB, codec kafka.Codec, partitions, batches, size int) *kafkatest.Source {
	s := kafkatest.New()
	for i := range batches {
		for p := range int32(partitions) {
			s.Add(batch(t, codec, p, i*size, size))
		}
	}
	return s
}

func counter(t testing.TB, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == "destring_kafka_"+name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestEveryRecordArrivesOnceAndInOrder(t *testing.T) {
	for _, codec := range []kafka.Codec{kafka.None, kafka.LZ4, kafka.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			b := startBroker(t, broker.Config{})
			s := fill(t, codec, 6, 20, 50)
			s.End()
			reg := prometheus.NewRegistry()
			publish(t, config(t, b.Addr(), reg), s)
			wantIDs(t, readAll(t, b.Addr()), 6, 1000)
			if s.Committed() != 120 {
				t.Errorf("%d batches are committed, want 120", s.Committed())
			}
			if n := counter(t, reg, "records_total"); n != 6000 {
				t.Errorf("records_total is %v", n)
			}
		})
	}
}

func TestRecordsKeepKeyTimeAndHeaders(t *testing.T) {
	b := startBroker(t, broker.Config{})
	s := fill(t, kafka.LZ4, 1, 1, 3)
	s.End()
	publish(t, config(t, b.Addr(), nil), s)
	got := records(t, b.Addr(), kafka.Range{Topic: logs})
	if len(got) != 3 {
		t.Fatalf("%d records", len(got))
	}
	r := got[2]
	if string(r.Key) != "worker-0" || !r.Time.Equal(start.Add(2*time.Millisecond)) || len(r.Headers) != 2 || r.Headers[0].Name != "content-type" {
		t.Errorf("record came back as %+v", r)
	}
}
