package kafka_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
	"destring/relay/kafka/kafkatest"
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with a valid pointer
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPublish drains a backlog of about 300-byte records into kfake. The CPU figure is
// of publisher and broker together: one process holds both.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1000, 100, 10} {
		for _, codec := range []kafka.Codec{kafka.None, kafka.LZ4, kafka.Zstd} {
			b.Run(fmt.Sprintf("%s/%d a batch", codec, size), func(b *testing.B) {
				k := startBroker(b, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 6}}, Discard: true})
				batches := make([]kafka.Batch, 6)
				for p := range batches {
					batches[p] = batch(b, codec, int32(p), 0, size)
				}
				s := kafkatest.New()
				for i := range (b.N + size - 1) / size {
					s.Add(batches[i%6])
				}
				s.End()
				before := cpu()
				b.ReportAllocs()
				b.ResetTimer()
				publish(b, config(b, k.Addr(), nil), s)
				b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			})
		}
	}
}

func BenchmarkPartition(b *testing.B) {
	key := []byte("worker-17.prod.example\x00celery@worker-17")
	b.ReportAllocs()
	for b.Loop() {
		kafka.Partition(key, 6)
	}
}
