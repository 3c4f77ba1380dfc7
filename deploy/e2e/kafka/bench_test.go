package kafka

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"destring/relay/kafka"
	"destring/relay/kafka/kafkatest"
)

// BenchmarkPublish drains a backlog of 300-byte records that hardly compress into a real
// Kafka. CPU is the publisher's alone: the broker is another process. It runs with
// DESTRING_BENCH_KAFKA=1 only, since a node takes half a gigabyte.
func BenchmarkPublish(b *testing.B) {
	if os.Getenv("DESTRING_BENCH_KAFKA") == "" {
		b.Skip("set DESTRING_BENCH_KAFKA=1 to run against a real Kafka")
	}
	n := StartWith(b, Options{HeapMiB: 1024})
	for i, codec := range []kafka.Codec{kafka.None, kafka.LZ4, kafka.Zstd} {
		for _, size := range []int{1000, 100, 10} {
			topic = fmt.Sprintf("bench.%d.%d", i, size)
			b.Run(fmt.Sprintf("%s/%d a batch", codec, size), func(b *testing.B) { drain(b, n, codec, size) })
		}
	}
}

func drain(b *testing.B, n *Node, codec kafka.Codec, size int) {
	text := randomText(300 * size)
	batches := make([]kafka.Batch, 6)
	for p := range batches {
		records := make([]kafka.Record, size)
		for i := range records {
			records[i] = kafka.Record{Time: time.Now(), Key: fmt.Appendf(nil, "worker-%d", p),
				Value: fmt.Appendf(nil, `{"event.id":"%016x","message":%q}`, i, text[i*300:i*300+260])}
		}
		var err error
		if batches[p], err = kafka.Encode(topic, int32(p), codec, records); err != nil {
			b.Fatal(err)
		}
	}
	s := kafkatest.New()
	for i := range (b.N + size - 1) / size {
		s.Add(batches[i%6])
	}
	s.End()
	c := config(b, plain(n), nil)
	c.Topics[0].Partitions, c.Topics[0].Name = 6, topic
	c.RequestTimeout = 30 * time.Second
	p, err := kafka.New(c, s)
	if err != nil {
		b.Fatal(err)
	}
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before) // cannot fail with a valid pointer
	b.ResetTimer()
	if err := p.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
