package kafka_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
)

func TestReaderTakesATimeRange(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	s := fill(t, kafka.Zstd, 2, 10, 10) // record i is i ms behind start
	s.End()
	publish(t, config(t, b.Addr(), nil), s)
	for name, c := range map[string]struct {
		what kafka.Range
		want int // in each partition
	}{
		"all":               {kafka.Range{}, 100},
		"from":              {kafka.Range{From: start.Add(30 * time.Millisecond)}, 70},
		"to":                {kafka.Range{To: start.Add(30 * time.Millisecond)}, 30},
		"between":           {kafka.Range{From: start.Add(30 * time.Millisecond), To: start.Add(35 * time.Millisecond)}, 5},
		"behind everything": {kafka.Range{From: start.Add(time.Hour)}, 0},
		"before everything": {kafka.Range{To: start.Add(-time.Hour)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c.what.Topic = logs
			got := records(t, b.Addr(), c.what)
			if len(got) != 2*c.want {
				t.Errorf("%d records, want %d", len(got), 2*c.want)
			}
			for _, r := range got {
				if !c.what.From.IsZero() && r.Time.Before(c.what.From) || !c.what.To.IsZero() && !r.Time.Before(c.what.To) {
					t.Errorf("record of %v", r.Time)
				}
			}
		})
	}
}

func TestReaderFollowsFromTheEnd(t *testing.T) {
	b := startBroker(t, broker.Config{Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	s := fill(t, kafka.None, 2, 1, 10)
	_, _ = background(t, config(t, b.Addr(), nil), s)
	eventually(t, "all is committed", func() bool { return s.Committed() == 2 })
	r, err := kafka.OpenReader(t.Context(), kafka.Connection{Brokers: []string{b.Addr()}}, kafka.Range{Topic: logs, Tail: true, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Add(batch(t, kafka.LZ4, 1, 77, 1))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	rec, err := r.Next(ctx)
	if err != nil || string(rec.Headers[1].Value) != "77" || rec.Offset != 10 || rec.Partition != 1 {
		t.Errorf("%+v, %v", rec, err)
	}
	if given, total := r.Progress(); given != 1 || total != 0 {
		t.Errorf("progress %d of %d", given, total)
	}
	ended, stop := context.WithCancel(ctx)
	stop()
	if _, err := r.Next(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Next after the end of its context: %v", err)
	}
}

func TestReaderOutlivesABrokerThatIsAway(t *testing.T) {
	dir := t.TempDir()
	first, err := broker.Start(broker.Config{Dir: dir, Topics: []broker.Topic{{Name: logs, Partitions: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	addr, port := first.Addr(), first.Port()
	s := fill(t, kafka.None, 1, 2, 10)
	_, _ = background(t, config(t, addr, nil), s)
	eventually(t, "all is committed", func() bool { return s.Committed() == 2 })
	r, err := kafka.OpenReader(t.Context(), kafka.Connection{Brokers: []string{addr}}, kafka.Range{Topic: logs, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	first.Close()
	startBroker(t, broker.Config{Dir: dir, Port: port})
	s.Add(batch(t, kafka.None, 0, 20, 1))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range 21 {
		if rec, err := r.Next(ctx); err != nil || rec.Offset != int64(i) {
			t.Fatalf("record %d: %+v, %v", i, rec, err)
		}
	}
}

func TestReaderNamesATopicThatIsNotThere(t *testing.T) {
	b := startBroker(t, broker.Config{})
	_, err := kafka.OpenReader(t.Context(), kafka.Connection{Brokers: []string{b.Addr()}}, kafka.Range{Topic: "nope"})
	if err == nil || !strings.Contains(err.Error(), "nope") {
		t.Errorf("%v", err)
	}
	if errors.Is(err, io.EOF) {
		t.Error("a missing topic reads as an empty one")
	}
}
