package kafka_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
	"destring/relay/kafka/kafkatest"
)

var runs = flag.Int("runs", 25, "how many random histories TestRandomHistories lives through")

// faults that the broker may answer with at any time, without forgetting the producer.
var anyTime = []*kerr.Error{kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicas,
	kerr.NotEnoughReplicasAfterAppend, kerr.KafkaStorageError, kerr.UnknownTopicOrPartition, kerr.UnknownServerError}

// forgetful faults make the producer start anew: records may come twice, and are counted.
var forgetful = []*kerr.Error{kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch}

// Random histories: batches of every size and codec, faults, broken connections, moving
// leaders, kills of the relay between any two commits. In the end each partition holds every
// record in order; without forgetful faults exactly once, with them no more
// duplicates than were counted.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(*runs) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { history(t, seed) })
	}
}

func history(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	const partitions = 3
	b := startBroker(t, broker.Config{Nodes: 2, Topics: []broker.Topic{{Name: logs, Partitions: partitions}},
		Configs: map[string]string{"message.max.bytes": strconv.Itoa(1000 + r.IntN(20_000))}})
	s := kafkatest.New()
	var next [partitions]int
	batches := 20 + r.IntN(100)
	for range batches {
		part, n := r.IntN(partitions), 1+r.IntN(40)
		codec := []kafka.Codec{kafka.None, kafka.LZ4, kafka.Zstd}[r.IntN(3)]
		s.Add(batch(t, codec, int32(part), next[part], n))
		next[part] += n
	}
	forgets := seed%3 == 2
	reg := prometheus.NewRegistry()
	c := config(t, b.Addr(), reg)
	c.MaxPending = 10_000 + r.IntN(100_000)
	for range r.IntN(6) {
		inject(b, r, forgets)
		s.CutAfter(1 + r.IntN(20))
		_, stop := background(t, c, s)
		eventually(t, "the power is off or all is done", func() bool { return s.Refused() >= 1+r.IntN(3) || s.Committed() == batches })
		_ = stop()
		s = s.Reopen()
	}
	inject(b, r, forgets)
	s.End()
	publish(t, c, s)
	if s.Committed() != batches {
		t.Errorf("%d of %d batches are committed", s.Committed(), batches)
	}
	judge(t, readAll(t, b.Addr()), next[:], forgets, int(counter(t, reg, "duplicates_possible_total")))
}

func inject(b *broker.Broker, r *rand.Rand, forgets bool) {
	for range r.IntN(6) {
		e := anyTime[r.IntN(len(anyTime))]
		if forgets && r.IntN(3) == 0 {
			e = forgetful[r.IntN(len(forgetful))]
		}
		b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: e, Count: 1 + r.IntN(3), Partitions: []int32{r.Int32N(3)}})
	}
	if r.IntN(3) == 0 {
		b.Hangup(1 + r.IntN(2))
	}
	if r.IntN(3) == 0 {
		_ = b.MoveTopicPartition(logs, r.Int32N(3), r.Int32N(2)) // both exist
	}
}

// judge compares what arrived with what was sent. Records that come twice must be a run
// that the order explains: a batch again, right behind where it was.
func judge(t *testing.T, got map[int32][]string, want []int, forgets bool, counted int) {
	t.Helper()
	double := 0
	for p, n := range want {
		seen := map[string]bool{}
		var first []string
		for _, id := range got[int32(p)] {
			if seen[id] {
				double++
				continue
			}
			seen[id] = true
			first = append(first, id)
		}
		expected := make([]string, n)
		for i := range expected {
			expected[i] = strconv.Itoa(i)
		}
		if !slices.Equal(first, expected) {
			t.Errorf("partition %d: %d of %d records, or not in order", p, len(first), n)
		}
	}
	if double > counted || !forgets && double+counted > 0 {
		t.Errorf("%d records came twice, %d were counted as perhaps", double, counted)
	}
}
