package kafka_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
	"destring/relay/kafka/kafkatest"
)

func TestBatchesLargerThanTheTopicTakesAreSplit(t *testing.T) {
	for _, codec := range []kafka.Codec{kafka.None, kafka.LZ4, kafka.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}},
				Configs: map[string]string{"message.max.bytes": "2000"}})
			s := fill(t, codec, 2, 5, 200)
			s.End()
			publish(t, config(t, b.Addr(), nil), s)
			wantIDs(t, readAll(t, b.Addr()), 2, 1000)
		})
	}
}

func TestASplitBatchSurvivesAKill(t *testing.T) {
	for cut := 1; cut <= 8; cut++ {
		b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}},
			Configs: map[string]string{"message.max.bytes": "2000"}})
		s := fill(t, kafka.None, 2, 5, 40)
		s.CutAfter(cut)
		_, stop := background(t, config(t, b.Addr(), nil), s)
		eventually(t, "commits fail", func() bool { return s.Refused() >= 3 || s.Committed() == 10 })
		_ = stop()
		last := s.Reopen()
		last.End()
		publish(t, config(t, b.Addr(), nil), last)
		wantIDs(t, readAll(t, b.Addr()), 2, 200)
	}
}

func TestASingleRecordThatIsTooLargeLosesTextOnly(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 1}},
		Configs: map[string]string{"message.max.bytes": "4000"}})
	long := strings.Repeat(`línea \"x\" \\ \u00e9\n`, 3000)
	value := `{"event.id":"abc-1","message":"` + long + `","celery":{"task":{"name":"shop.tasks.charge"}},"tail":true}`
	big, err := kafka.Encode(logs, 0, kafka.None, []kafka.Record{{Time: start, Key: []byte("k"), Value: []byte(value), Headers: []kafka.Header{{Name: "id", Value: []byte("0")}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := kafkatest.New(big, batch(t, kafka.LZ4, 0, 1, 5))
	s.End()
	reg := prometheus.NewRegistry()
	publish(t, config(t, b.Addr(), reg), s)
	wantIDs(t, readAll(t, b.Addr()), 1, 6)
	got := records(t, b.Addr(), kafka.Range{Topic: logs})[0]
	var doc map[string]any
	if err := json.Unmarshal(got.Value, &doc); err != nil {
		t.Fatalf("not valid JSON any more: %v", err)
	}
	message := doc["message"].(string)
	if !strings.HasPrefix(message, `línea "x" \ é`) || !strings.Contains(message, "…[cut by destring: ") || !strings.HasSuffix(message, " bytes]") {
		t.Errorf("message is %.60s … %s", message, message[max(0, len(message)-60):])
	}
	if doc["event.id"] != "abc-1" || doc["tail"] != true {
		t.Errorf("other fields changed: %v", doc)
	}
	if n := counter(t, reg, "cut_total"); n != 1 {
		t.Errorf("cut_total is %v", n)
	}
}

// poisonous makes the broker refuse batches that carry the marker, as a broker with a
// record validator does.
func poisonous(b *broker.Broker, marker string) {
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1, When: func(r kmsg.Request) bool {
		for _, t := range r.(*kmsg.ProduceRequest).Topics {
			for _, p := range t.Partitions {
				if bytes.Contains(p.Records, []byte(marker)) {
					return true
				}
			}
		}
		return false
	}})
}

func TestAPoisonRecordGoesToTheDeadLettersAndTheRestGoesOn(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 1}}})
	poisonous(b, `"event.id":"p0-000033"`)
	var letters []kafka.DeadLetter
	c := config(t, b.Addr(), nil)
	refusals := 2
	c.DeadLetter = func(d kafka.DeadLetter) error {
		if refusals--; refusals >= 0 {
			return errors.New("the spool is busy")
		}
		letters = append(letters, d)
		return nil
	}
	s := fill(t, kafka.None, 1, 10, 10)
	s.End()
	publish(t, c, s)
	got := readAll(t, b.Addr())[0]
	if len(got) != 99 || got[33] != "34" {
		t.Errorf("%d records arrived: %v", len(got), got)
	}
	if len(letters) != 1 || !bytes.Contains(letters[0].Value, []byte("p0-000033")) || string(letters[0].Key) != "worker-0" ||
		letters[0].Timestamp != start.UnixMilli()+33 || !strings.Contains(letters[0].Reason, "Invalid Record") {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestDeadLettersOfTheDeadLetterTopicEndThere(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 1}}})
	poisonous(b, `"event.id":"p0-000003"`)
	reg := prometheus.NewRegistry()
	c := config(t, b.Addr(), reg)
	c.DeadLetterTopic = logs
	c.DeadLetter = func(kafka.DeadLetter) error {
		t.Error("a dead letter was handed back to its own topic")
		return nil
	}
	s := fill(t, kafka.None, 1, 2, 4)
	s.End()
	publish(t, c, s)
	if n := counter(t, reg, "abandoned_total"); n != 1 {
		t.Errorf("abandoned_total is %v", n)
	}
	if n := len(readAll(t, b.Addr())[0]); n != 7 {
		t.Errorf("%d records arrived", n)
	}
}

func TestABatchWithAnUnknownOutcomeCountsAsPerhapsDoubleWhenTheProducerIsForgotten(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 1}}})
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID})
	s := fill(t, kafka.LZ4, 1, 1, 10)
	s.End()
	reg := prometheus.NewRegistry()
	publish(t, config(t, b.Addr(), reg), s)
	if n := len(readAll(t, b.Addr())[0]); n != 20 {
		t.Errorf("%d records: the fault did not do what the test needs", n)
	}
	if n := counter(t, reg, "duplicates_possible_total"); n != 10 {
		t.Errorf("duplicates_possible_total is %v, want 10", n)
	}
	if n := counter(t, reg, "producer_ids_total"); n != 2 {
		t.Errorf("producer_ids_total is %v, want 2", n)
	}
}

func TestAnotherClusterGetsAnotherProducer(t *testing.T) {
	a := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	s := fill(t, kafka.LZ4, 2, 3, 10)
	s.End()
	publish(t, config(t, a.Addr(), nil), s)
	next := s.Reopen()
	for part := range int32(2) {
		next.Add(batch(t, kafka.LZ4, part, 0, 10))
	}
	b := startBroker(t, broker.Config{ClusterID: "another", Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	reg := prometheus.NewRegistry()
	publish(t, config(t, b.Addr(), reg), next)
	wantIDs(t, readAll(t, b.Addr()), 2, 10)
	if n := counter(t, reg, "producer_ids_total"); n != 1 {
		t.Errorf("producer_ids_total is %v, want 1", n)
	}
}

func TestADamagedStateIsReplaced(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	s := fill(t, kafka.LZ4, 2, 3, 10)
	if err := s.Commit(nil, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	s.End()
	publish(t, config(t, b.Addr(), nil), s)
	wantIDs(t, readAll(t, b.Addr()), 2, 30)
}

func TestBacklogForATopicNoLongerConfiguredGoesThere(t *testing.T) {
	b := startBroker(t, broker.Config{})
	s := fill(t, kafka.LZ4, 2, 3, 10)
	s.End()
	c := config(t, b.Addr(), nil)
	c.Topics = []kafka.Topic{{Name: "celery.logs.v2"}}
	publish(t, c, s)
	wantIDs(t, readAll(t, b.Addr()), 2, 30)
}

// A topic that refuses for long holds back the cursor, but not the other topics; and a kill
// meanwhile doubles nothing.
func TestATopicThatRefusesDoesNotHoldUpTheOthers(t *testing.T) {
	const audit = "celery.audit.v1"
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}, {Name: audit, Partitions: 1}}})
	refusal := b.Refuse(audit, kerr.TopicAuthorizationFailed.Code, -1)
	s := kafkatest.New()
	const rounds = 3000
	for i := range rounds {
		if i%1000 == 0 {
			stuck := batch(t, kafka.None, 0, i/1000, 1)
			stuck.Topic = audit
			s.Add(stuck)
		}
		s.Add(batch(t, kafka.None, 0, i, 1), batch(t, kafka.None, 1, i, 1))
	}
	c := config(t, b.Addr(), nil)
	c.Topics = append(c.Topics, kafka.Topic{Name: audit})
	delivered := func() bool {
		return b.PartitionInfo(logs, 0).HighWatermark == rounds && b.PartitionInfo(logs, 1).HighWatermark == rounds
	}
	p, stop := background(t, c, s)
	eventually(t, "the other topic is delivered", delivered)
	if s.Committed() != 0 || p.Status().OK {
		t.Errorf("the cursor moved over a batch that is not delivered: %d; status %+v", s.Committed(), p.Status())
	}
	_ = stop()
	s = s.Reopen()
	refusal.Remove()
	s.End()
	publish(t, c, s)
	wantIDs(t, readAll(t, b.Addr()), 2, rounds)
	if n := b.PartitionInfo(audit, 0).HighWatermark; n != 3 {
		t.Errorf("%d audit records", n)
	}
}

// A disk may damage a batch that the last run has sent: those behind it must not be taken
// for it, though they get its place in the sequence.
func TestABatchLostByTheSourceIsNotTakenForAnother(t *testing.T) {
	for lost := range 14 {
		for cut := 1; cut <= 3; cut++ {
			b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
			s := fill(t, kafka.LZ4, 2, 7, 10)
			s.CutAfter(cut)
			_, stop := background(t, config(t, b.Addr(), nil), s)
			eventually(t, "commits fail or all is done", func() bool { return s.Refused() >= 2 || s.Committed() == 14 })
			_ = stop()
			s = s.Reopen()
			s.Lose(lost)
			s.End()
			publish(t, config(t, b.Addr(), nil), s)
			for part, ids := range readAll(t, b.Addr()) {
				have := map[string]bool{}
				for _, id := range ids {
					have[id] = true
				}
				for id := range 70 {
					gone := int32(lost%2) == part && id/10 == lost/2
					if !have[strconv.Itoa(id)] && !gone {
						t.Fatalf("batch %d lost, cut at commit %d: record %d of partition %d did not arrive", lost, cut, id, part)
					}
				}
			}
		}
	}
}

func TestASourceThatDoesNotCountIsDeliveredAllTheSame(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	s := fill(t, kafka.LZ4, 2, 20, 10)
	s.CutAfter(3)
	_, stop := background(t, config(t, b.Addr(), nil), uncounted{s})
	eventually(t, "commits fail or all is done", func() bool { return s.Refused() >= 2 || s.Committed() == 40 })
	_ = stop()
	s = s.Reopen()
	s.End()
	publish(t, config(t, b.Addr(), nil), uncounted{s})
	for part, ids := range readAll(t, b.Addr()) {
		have := map[string]bool{}
		for _, id := range ids {
			have[id] = true
		}
		if len(have) != 200 {
			t.Errorf("partition %d holds %d different records", part, len(have))
		}
	}
}

type uncounted struct{ *kafkatest.Source }

func (u uncounted) Next(ctx context.Context) (kafka.Batch, error) {
	b, err := u.Source.Next(ctx)
	b.First = 0
	return b, err
}
