package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
	"destring/relay/kafka/kafkatest"
)

// eventually polls until ok; it fails the test after 20 s.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s in vain: %s", what)
		}
	}
}

// background runs a publisher beside the test; stop ends it and returns its error.
func background(t testing.TB, c kafka.Config, s kafka.Source) (p *kafka.Publisher, stop func() error) {
	t.Helper()
	p, err := kafka.New(c, s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() {
			cancel()
			result = <-done
		})
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return p, stop
}

func TestEachRefusalIsOvercomeWithoutLossOrDuplicate(t *testing.T) {
	for _, e := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.RequestTimedOut, kerr.NetworkException,
		kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.KafkaStorageError, kerr.CorruptMessage,
		kerr.UnknownTopicOrPartition, kerr.TopicAuthorizationFailed, kerr.ThrottlingQuotaExceeded, kerr.UnknownServerError,
		kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch, kerr.UnsupportedCompressionType,
		kerr.MessageTooLarge, kerr.FencedLeaderEpoch} {
		t.Run(e.Message, func(t *testing.T) {
			b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 3}}})
			h := b.Refuse(logs, e.Code, 2)
			s := fill(t, kafka.LZ4, 3, 10, 20)
			s.End()
			publish(t, config(t, b.Addr(), nil), s)
			wantIDs(t, readAll(t, b.Addr()), 3, 200)
			if h.Hits() == 0 {
				t.Error("the broker refused nothing: the test shows nothing")
			}
		})
	}
}

func TestConnectionsThatBreakCostNothing(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 3}}})
	b.Hangup(5)
	s := fill(t, kafka.None, 3, 10, 20)
	s.End()
	publish(t, config(t, b.Addr(), nil), s)
	wantIDs(t, readAll(t, b.Addr()), 3, 200)
}

func TestAFrozenBrokerIsWaitedFor(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 3}}})
	s := fill(t, kafka.LZ4, 3, 5, 20)
	c := config(t, b.Addr(), nil)
	c.RequestTimeout = 100 * time.Millisecond
	thaw := b.Freeze()
	p, stop := background(t, c, s)
	eventually(t, "timeouts are noticed", func() bool { return p.Status().Class == "timeout" })
	thaw()
	eventually(t, "all is committed", func() bool { return s.Committed() == 15 })
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if st := p.Status(); !st.OK {
		t.Errorf("status after recovery: %+v", st)
	}
	wantIDs(t, readAll(t, b.Addr()), 3, 100)
}

func TestStoppingDoesNotWaitForAFrozenBroker(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 3}}})
	c := config(t, b.Addr(), nil)
	c.RequestTimeout = time.Hour
	s := fill(t, kafka.LZ4, 3, 5, 20)
	frozen := make(chan struct{}, 100)
	b.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		frozen <- struct{}{}
		return nil, nil, true
	})
	_, stop := background(t, c, s)
	<-frozen
	began := time.Now()
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestKafkaMayComeLater(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().(*net.TCPAddr)
	ln.Close()
	s := fill(t, kafka.LZ4, 6, 5, 20)
	p, _ := background(t, config(t, addr.String(), nil), s)
	eventually(t, "the failure is said", func() bool { return p.Status().Problem != "" && p.Status().Remedy != "" })
	if n, ok := p.Partitions(logs); ok {
		t.Errorf("Partitions says %d before Kafka is there", n)
	}
	startBroker(t, broker.Config{Port: addr.Port})
	eventually(t, "all is committed", func() bool { return s.Committed() == 30 })
	wantIDs(t, readAll(t, addr.String()), 6, 100)
	if n, ok := p.Partitions(logs); !ok || n != kafka.DefaultPartitions {
		t.Errorf("Partitions says %d, %v", n, ok)
	}
}

// A kill -9 of the relay at each of its commits: the next process sends again what the
// broker has already, and the broker must recognise it.
func TestAKillAtAnyCommitLosesAndDoublesNothing(t *testing.T) {
	for cut := 1; cut <= 12; cut++ {
		t.Run(fmt.Sprintf("commit %d", cut), func(t *testing.T) {
			b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 3}}})
			s := kafkatest.New()
			for i := range 40 { // half of them can be merged with their neighbours
				codec := kafka.LZ4
				if i%2 == 0 && i < 20 {
					codec = kafka.Zstd
				}
				for part := range int32(3) {
					s.Add(batch(t, codec, part, i*7, 7))
				}
			}
			s.CutAfter(cut)
			_, stop := background(t, config(t, b.Addr(), nil), s)
			eventually(t, "commits fail or all is done", func() bool { return s.Refused() >= 3 || s.Committed() == 120 })
			_ = stop()
			killed := s.Reopen()
			killed.CutAfter(cut) // and again, before what was in flight is settled
			_, stop = background(t, config(t, b.Addr(), nil), killed)
			eventually(t, "commits fail or all is done", func() bool { return killed.Refused() >= 3 || killed.Committed() == 120 })
			_ = stop()
			last := killed.Reopen()
			last.End()
			reg := prometheus.NewRegistry()
			publish(t, config(t, b.Addr(), reg), last)
			wantIDs(t, readAll(t, b.Addr()), 3, 280)
			if n := counter(t, reg, "duplicates_possible_total"); n != 0 {
				t.Errorf("%v records are said to be there twice, perhaps", n)
			}
		})
	}
}

func TestWithoutCommitsALaneStopsAtItsWindow(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 1}}})
	s := fill(t, kafka.LZ4, 1, 7, 10) // too few to be merged
	s.CutAfter(2)
	_, stop := background(t, config(t, b.Addr(), nil), s)
	eventually(t, "commits fail", func() bool { return s.Refused() >= 5 })
	_ = stop()
	if n := len(readAll(t, b.Addr())[0]); n > 50+10*s.Committed() {
		t.Errorf("%d records went out with %d batches committed: more than five batches would not be recognised", n, s.Committed())
	}
}

func TestCommitsThatFailForAWhileCostNothing(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	s := fill(t, kafka.LZ4, 2, 30, 10)
	s.FailCommits(errors.New("no space left"))
	_, _ = background(t, config(t, b.Addr(), nil), s)
	eventually(t, "commits fail", func() bool { return s.Refused() >= 3 })
	s.FailCommits(nil)
	eventually(t, "all is committed", func() bool { return s.Committed() == 60 })
	wantIDs(t, readAll(t, b.Addr()), 2, 300)
}

func TestABacklogOfSmallBatchesIsMerged(t *testing.T) {
	for _, codec := range []kafka.Codec{kafka.None, kafka.LZ4, kafka.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
			requests := 0
			b.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				requests++
				return nil, nil, false
			})
			s := fill(t, codec, 2, 500, 2)
			s.End()
			publish(t, config(t, b.Addr(), nil), s)
			wantIDs(t, readAll(t, b.Addr()), 2, 1000)
			if requests > 200 {
				t.Errorf("%d requests for 1,000 batches: nothing was merged", requests)
			}
		})
	}
}

func TestATopicMadeAnewIsFilledOn(t *testing.T) {
	for _, partitions := range []int32{6, 4, 1, 9} {
		t.Run(fmt.Sprintf("with %d partitions", partitions), func(t *testing.T) {
			b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 6}}})
			s := fill(t, kafka.LZ4, 6, 5, 10)
			p, _ := background(t, config(t, b.Addr(), nil), s)
			eventually(t, "the first half is committed", func() bool { return s.Committed() == 30 })
			if err := b.DeleteTopic(logs); err != nil {
				t.Fatal(err)
			}
			if err := b.CreateTopic(logs, partitions, nil); err != nil {
				t.Fatal(err)
			}
			for i := 5; i < 10; i++ {
				for part := range int32(6) {
					s.Add(batch(t, kafka.LZ4, part, i*10, 10))
				}
			}
			eventually(t, "the second half is committed", func() bool { return s.Committed() == 60 })
			eventually(t, "the new number is known", func() bool { n, _ := p.Partitions(logs); return n == partitions })
			byKey := map[string][]string{}
			for _, r := range records(t, b.Addr(), kafka.Range{Topic: logs}) {
				if r.Partition >= partitions {
					t.Fatalf("record in partition %d", r.Partition)
				}
				byKey[string(r.Key)] = append(byKey[string(r.Key)], string(r.Headers[1].Value))
			}
			for key, ids := range byKey {
				for i, id := range ids {
					if id != fmt.Sprint(50+i) {
						t.Errorf("%s: record %d is %s of %d", key, i, id, len(ids))
						break
					}
				}
				if len(ids) != 50 {
					t.Errorf("%s: %d records", key, len(ids))
				}
			}
			if len(byKey) != 6 {
				t.Errorf("records of %d keys", len(byKey))
			}
		})
	}
}

func TestLeadersMayMove(t *testing.T) {
	b := startBroker(t, broker.Config{Nodes: 3, Topics: []broker.Topic{{Name: logs, Partitions: 6}}})
	s := fill(t, kafka.LZ4, 6, 10, 10)
	_, _ = background(t, config(t, b.Addr(), nil), s)
	for round := range 5 {
		eventually(t, "a round is committed", func() bool { return s.Committed() == (round+1)*60 })
		for part := range int32(6) {
			if err := b.MoveTopicPartition(logs, part, (b.LeaderFor(logs, part)+1)%3); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			for part := range int32(6) {
				s.Add(batch(t, kafka.LZ4, part, ((round+1)*10+i)*10, 10))
			}
		}
	}
	eventually(t, "all is committed", func() bool { return s.Committed() == 360 })
	wantIDs(t, readAll(t, b.Addr()), 6, 600)
}
