package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"destring/relay/kafka"
	"destring/relay/kafka/kafkatest"
)

// topic is the present test's own: the tests share a node and run one after the other.
var topic string

// batch makes n records numbered from first.
func batch(t testing.TB, partition int32, first, n int) kafka.Batch {
	t.Helper()
	records := make([]kafka.Record, n)
	for i := range records {
		records[i] = kafka.Record{Time: time.Now(), Key: fmt.Appendf(nil, "worker-%d", partition),
			Value:   fmt.Appendf(nil, `{"event.id":"p%d-%06d","message":"%s"}`, partition, first+i, strings.Repeat("Task succeeded ", 10)),
			Headers: []kafka.Header{{Name: "id", Value: fmt.Append(nil, first+i)}}}
	}
	b, err := kafka.Encode(topic, partition, kafka.LZ4, records)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func plain(n *Node) kafka.Connection { return kafka.Connection{Brokers: []string{n.Addr}} }

func config(t testing.TB, conn kafka.Connection, reg prometheus.Registerer) kafka.Config {
	c := kafka.Config{Connection: conn, Topics: []kafka.Topic{{Name: topic, Partitions: 3}}, RequestTimeout: 3 * time.Second,
		BackoffMax: 500 * time.Millisecond, CommitInterval: 2 * time.Millisecond, Metrics: kafka.NewMetrics(reg)}
	if os.Getenv("DESTRING_TEST_LOG") != "" {
		c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return c
}

// background runs a publisher beside the test; stop ends it.
func background(t testing.TB, c kafka.Config, s kafka.Source) (p *kafka.Publisher, stop func()) {
	t.Helper()
	p, err := kafka.New(c, s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("publisher: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return p, stop
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 90 s in vain: %s", what)
		}
	}
}

// read returns all records of the topic.
func read(t testing.TB, conn kafka.Connection) []kafka.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := kafka.OpenReader(ctx, conn, kafka.Range{Topic: topic})
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

// wantOnce fails unless each of the partitions holds 0..n-1 in order.
func wantOnce(t testing.TB, all []kafka.Record, partitions, n int) {
	t.Helper()
	ids := map[int32][]string{}
	for _, r := range all {
		ids[r.Partition] = append(ids[r.Partition], string(r.Headers[0].Value))
	}
	for p := range int32(partitions) {
		if len(ids[p]) != n {
			t.Errorf("partition %d holds %d records, want %d", p, len(ids[p]), n)
		}
		for i, id := range ids[p] {
			if id != fmt.Sprint(i) {
				t.Errorf("partition %d: record %d is %s", p, i, id)
				break
			}
		}
	}
}

func counter(t testing.TB, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "destring_kafka_"+name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// feeder adds batches to a source until stopped, as a relay under load would.
type feeder struct {
	quit, done chan struct{}
	rounds     int // after stop
}

func feed(t testing.TB, s *kafkatest.Source, partitions, size int) *feeder {
	f := &feeder{quit: make(chan struct{}), done: make(chan struct{})}
	go func() { // ends with stop
		defer close(f.done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			for p := range int32(partitions) {
				s.Add(batch(t, p, f.rounds*size, size))
			}
			f.rounds++
			select {
			case <-tick.C:
			case <-f.quit:
				return
			}
		}
	}()
	return f
}

func (f *feeder) stop() int {
	close(f.quit)
	<-f.done
	return f.rounds
}

// One node serves these: starting one takes seconds.
func TestPublisher(t *testing.T) {
	n := Start(t)
	for i, c := range []struct {
		name string
		test func(*testing.T, *Node)
	}{
		{"makes the topic, delivers once and in order", delivers},
		{"a relay killed at any commit sends nothing twice", relayKilled},
		{"Kafka killed under load loses and doubles nothing", kafkaKilled},
		{"Kafka frozen under load loses and doubles nothing", kafkaFrozen},
		{"a topic deleted and made anew is filled on", topicRemade},
		{"batches and records larger than the topic takes are split and cut", oversize},
		{"TLS with each login works, a wrong password is named", logins},
		{"a check of the running cluster finds what is wrong with it", checks},
	} {
		t.Run(c.name, func(t *testing.T) {
			topic = fmt.Sprintf("celery.logs.v%d", i)
			n.For(t)
			c.test(t, n)
		})
	}
	n.For(t)
}

func delivers(t *testing.T, n *Node) {
	s := kafkatest.New()
	for i := range 50 {
		for p := range int32(3) {
			s.Add(batch(t, p, i*20, 20))
		}
	}
	_, stop := background(t, config(t, plain(n), nil), s)
	eventually(t, "all is committed", func() bool { return s.Committed() == 150 })
	stop()
	wantOnce(t, read(t, plain(n)), 3, 1000)
	described := n.Topics("--describe", "--topic", topic)
	for _, want := range []string{"PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=604800000"} {
		if !strings.Contains(described, want) {
			t.Errorf("the topic was made without %s:\n%s", want, described)
		}
	}
}

func relayKilled(t *testing.T, n *Node) {
	s := kafkatest.New()
	for i := range 60 {
		for p := range int32(3) {
			s.Add(batch(t, p, i*10, 10))
		}
	}
	for cut := 1; cut <= 6; cut++ {
		s.CutAfter(cut)
		_, stop := background(t, config(t, plain(n), nil), s)
		eventually(t, "commits fail or all is done", func() bool { return s.Refused() >= 3 || s.Committed() == 180 })
		stop()
		s = s.Reopen()
	}
	reg := prometheus.NewRegistry()
	_, stop := background(t, config(t, plain(n), reg), s)
	eventually(t, "all is committed", func() bool { return s.Committed() == 180 })
	stop()
	wantOnce(t, read(t, plain(n)), 3, 600)
	if n := counter(t, reg, "duplicates_possible_total"); n != 0 {
		t.Errorf("%v records are said to be there twice, perhaps", n)
	}
}

func kafkaKilled(t *testing.T, n *Node) {
	s := kafkatest.New()
	reg := prometheus.NewRegistry()
	p, stop := background(t, config(t, plain(n), reg), s)
	f := feed(t, s, 3, 10)
	for range 2 {
		at := s.Committed()
		eventually(t, "records flow", func() bool { return s.Committed() > at+60 })
		n.Kill()
		eventually(t, "the publisher says so", func() bool { return !p.Status().OK })
		n.Run()
		eventually(t, "records flow again", func() bool { return p.Status().OK })
	}
	rounds := f.stop()
	eventually(t, "all is committed", func() bool { return s.Committed() == 3*rounds })
	stop()
	wantOnce(t, read(t, plain(n)), 3, 10*rounds)
	if n := counter(t, reg, "duplicates_possible_total"); n != 0 {
		t.Errorf("%v records are said to be there twice, perhaps", n)
	}
}

func kafkaFrozen(t *testing.T, n *Node) {
	s := kafkatest.New()
	p, stop := background(t, config(t, plain(n), nil), s)
	f := feed(t, s, 3, 10)
	eventually(t, "records flow", func() bool { return s.Committed() > 60 })
	n.Pause()
	eventually(t, "the publisher says so", func() bool { return p.Status().Class == "timeout" })
	n.Continue()
	eventually(t, "records flow again", func() bool { return p.Status().OK })
	rounds := f.stop()
	eventually(t, "all is committed", func() bool { return s.Committed() == 3*rounds })
	stop()
	wantOnce(t, read(t, plain(n)), 3, 10*rounds)
}

func topicRemade(t *testing.T, n *Node) {
	s := kafkatest.New()
	_, stop := background(t, config(t, plain(n), nil), s)
	for i := range 10 {
		for p := range int32(3) {
			s.Add(batch(t, p, i*10, 10))
		}
	}
	eventually(t, "the first half is committed", func() bool { return s.Committed() == 30 })
	n.Topics("--delete", "--topic", topic) // the publisher makes it anew
	for i := range 10 {
		for p := range int32(3) {
			s.Add(batch(t, p, i*10, 10))
		}
	}
	eventually(t, "the second half is committed", func() bool { return s.Committed() == 60 })
	stop()
	n.Topics("--describe", "--topic", topic) // the deletion is over: it exists
	wantOnce(t, read(t, plain(n)), 3, 100)
}

func oversize(t *testing.T, n *Node) {
	n.Topics("--create", "--topic", topic, "--partitions", "3", "--config", "max.message.bytes=2000")
	s := kafkatest.New()
	for p := range int32(3) {
		long := kafka.Record{Time: time.Now(), Key: []byte("k"), Headers: []kafka.Header{{Name: "id", Value: []byte("0")}},
			Value: fmt.Appendf(nil, `{"event.id":"long","message":"%s"}`, randomText(20_000))}
		b, err := kafka.Encode(topic, p, kafka.None, []kafka.Record{long})
		if err != nil {
			t.Fatal(err)
		}
		s.Add(b, batch(t, p, 1, 999))
	}
	_, stop := background(t, config(t, plain(n), nil), s)
	eventually(t, "all is committed", func() bool { return s.Committed() == 6 })
	stop()
	all := read(t, plain(n))
	wantOnce(t, all, 3, 1000)
	if !strings.Contains(string(all[0].Value), "…[cut by destring: ") {
		t.Errorf("the long record is %.80s…", all[0].Value)
	}
}

func logins(t *testing.T, n *Node) {
	s := kafkatest.New()
	for i, mechanism := range []string{kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512} {
		conn := kafka.Connection{Brokers: []string{n.Secure}, TLS: &kafka.TLS{CAFile: n.CAFile},
			SASL: &kafka.SASL{Mechanism: mechanism, User: User, Password: Password}}
		for p := range int32(3) {
			s.Add(batch(t, p, i*10, 10))
		}
		_, stop := background(t, config(t, conn, nil), s)
		eventually(t, mechanism+": all is committed", func() bool { return s.Committed() == 3*(i+1) })
		stop()
		s = s.Reopen()
		wantOnce(t, read(t, conn), 3, 10*(i+1))
		conn.SASL.Password = "wrong"
		p, stop := background(t, config(t, conn, nil), s)
		eventually(t, mechanism+": a wrong password is named", func() bool { return p.Status().Class == "auth" })
		stop()
	}
	conn := kafka.Connection{Brokers: []string{n.Secure}, TLS: &kafka.TLS{}}
	p, stop := background(t, config(t, conn, nil), s)
	eventually(t, "an untrusted certificate is named", func() bool { return p.Status().Class == "tls" })
	stop()
}

func checks(t *testing.T, n *Node) {
	c := config(t, plain(n), nil)
	c.NoCreate = true
	err := kafka.Check(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "kafka-topics --bootstrap-server "+n.Addr+" --create --topic "+topic) {
		t.Errorf("a missing topic is reported as %v", err)
	}
	n.Topics("--create", "--topic", topic, "--partitions", "3", "--config", "cleanup.policy=compact", "--config", "retention.ms=3600000")
	var text strings.Builder
	for _, f := range kafka.Inspect(t.Context(), c) {
		fmt.Fprintf(&text, "%s %s: %s; %s\n", f.Level, f.Subject, f.Text, f.Fix)
	}
	for _, want := range []string{"ok " + n.Addr + ": reachable", "cleanup.policy is compact", "kept 1h0m0s only", "the cluster has no ACLs", "3 partitions, 1 replicas, we may write"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the check does not say %q:\n%s", want, text.String())
		}
	}
	wrong := config(t, kafka.Connection{Brokers: []string{n.Secure}, TLS: &kafka.TLS{CAFile: n.CAFile},
		SASL: &kafka.SASL{Mechanism: kafka.ScramSHA512, User: User, Password: "wrong"}}, nil)
	if err := kafka.Check(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "login fails") {
		t.Errorf("a wrong password is reported as %v", err)
	}
	wrong.SASL = nil
	if err := kafka.Check(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "kafka.sasl") {
		t.Errorf("a missing login is reported as %v", err)
	}
}

// Write and Describe on the topic are all that a relay needs, its producer id included.
func TestWriteAndDescribeAreEnough(t *testing.T) {
	n := StartWith(t, Options{Properties: map[string]string{
		"authorizer.class.name":          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                    "User:ANONYMOUS", // the plaintext listener: the node itself and the tools
		"allow.everyone.if.no.acl.found": "false",
	}})
	topic = "celery.logs.v1"
	n.Topics("--create", "--topic", topic, "--partitions", "3")
	conn := kafka.Connection{Brokers: []string{n.Secure}, TLS: &kafka.TLS{CAFile: n.CAFile},
		SASL: &kafka.SASL{Mechanism: kafka.ScramSHA512, User: User, Password: Password}}
	c := config(t, conn, nil)
	s := kafkatest.New()
	for p := range int32(3) {
		s.Add(batch(t, p, 0, 10))
	}
	p, stop := background(t, c, s)
	want := "kafka-acls --bootstrap-server " + n.Secure + " --add --allow-principal User:" + User
	eventually(t, "what to allow is said", func() bool { return p.Status().Class == "acl" && strings.Contains(p.Status().Remedy, want) })
	if err := kafka.Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Check without ACLs says %v", err)
	}
	n.ACLs("--add", "--allow-principal", "User:"+User, "--operation", "Write", "--operation", "Describe", "--topic", topic)
	eventually(t, "all is committed", func() bool { return s.Committed() == 3 })
	stop()
	if err := kafka.Check(t.Context(), c); err != nil {
		t.Errorf("Check with Write and Describe says %v", err)
	}
	n.ACLs("--add", "--allow-principal", "User:*", "--operation", "Read", "--topic", "celery.", "--resource-pattern-type", "prefixed")
	n.ACLs("--add", "--allow-principal", "User:siem", "--operation", "Read", "--topic", topic)
	var text strings.Builder
	for _, f := range kafka.Inspect(t.Context(), config(t, plain(n), nil)) {
		fmt.Fprintf(&text, "%s %s: %s; %s\n", f.Level, f.Subject, f.Text, f.Fix)
	}
	for _, want := range []string{"can be read by User:siem (and by", "warning topic " + topic + ": everybody may read it: User:* (by a rule for celery.*)"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the check does not say %q:\n%s", want, text.String())
		}
	}
	wantOnce(t, read(t, plain(n)), 3, 10)
}
