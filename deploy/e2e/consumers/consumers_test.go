package consumers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	realkafka "destring/deploy/e2e/kafka"
	"destring/deploy/e2e/parts"
	"destring/relay/celery"
	"destring/relay/kafka"
	"destring/relay/kafka/kafkatest"
	"destring/relay/syslog"
	"destring/rules"
	"destring/rules/event"
	"destring/rules/record/recordtest"
	"destring/rules/redact"
)

const (
	topic   = "celery.logs.v1"
	records = 300
	samples = "../../kafka/"
)

// batches are what the relay publishes of a worker's day: three hosts, text of many kinds.
func batches(t *testing.T) []kafka.Batch {
	t.Helper()
	engine, err := rules.New(rules.Options{Redact: redact.Options{Key: bytes.Repeat([]byte{9}, 32)}, Observer: "relay-1"})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{
		"[2026-11-25 00:08:12,807: INFO/MainProcess] Task shop.tasks.charge[0b1f2c3d-0000-4000-8000-%012d] received",
		"[2026-11-25 00:08:12,807: INFO/ForkPoolWorker-2] Task shop.tasks.charge[0b1f2c3d-0000-4000-8000-%012d] succeeded in 0.01s: {'tab': '\t', 'line': '\\n', 'é': '日本'}",
		"[2026-11-25 00:08:12,807: ERROR/ForkPoolWorker-2] order %d: password=correct-horse-7\nTraceback (most recent call last):\n  File \"/a.py\", line 1, in f\n\x1b[31mKeyError\t, ce_id=forged\n",
	}
	var (
		all    [3]bytes.Buffer
		counts [3]int
		parser syslog.Parser
		ev     event.Event
	)
	now := time.Now().UnixNano()
	in, reader, peer := engine.NewInspector(), celery.NewReader(celery.Options{}), &event.Peer{Name: "worker-1.shop.example", Listener: "syslog_tls"}
	for i := range records {
		ev.Reset()
		ev.ID, ev.Received, ev.Timestamp, ev.Peer = event.ID{Connection: 7, Message: uint64(i)}, now, now, peer
		frame := fmt.Sprintf("<134>1 2026-11-25T00:08:12.807Z shop-%d celery 4132 - - ", i%3) + fmt.Sprintf(texts[i%len(texts)], i)
		parser.Parse([]byte(frame), now, &ev)
		reader.Read(&ev)
		c := in.Inspect(&ev)
		for _, fault := range recordtest.Log(c.Value()) {
			t.Error(fault)
		}
		p := kafka.Partition(c.Key(), 3)
		all[p].Write(c.AppendRecord(nil, counts[p], now/1e6))
		counts[p]++
	}
	var out []kafka.Batch
	for p := range all {
		if counts[p] > 0 {
			out = append(out, kafka.Batch{Topic: topic, Partition: int32(p), Count: counts[p], BaseTimestamp: now / 1e6, MaxTimestamp: now / 1e6, Records: all[p].Bytes()})
		}
	}
	return out
}

// publish sends everything twice, as two runs of a relay that has lost its memory.
func publish(t *testing.T, n *realkafka.Node) {
	t.Helper()
	b := batches(t)
	for range 2 {
		source := kafkatest.New(b...)
		source.End()
		p, err := kafka.New(kafka.Config{Connection: kafka.Connection{Brokers: []string{n.Addr}}, Topics: []kafka.Topic{{Name: topic, Partitions: 3}}, RequestTimeout: 10 * time.Second}, source)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err = p.Run(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, env []string, command ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, stderr.String())
	}
	return out
}

// python returns the interpreter of a virtual environment with the sample's requirements.
func python(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, nil, "python3", "-m", "venv", dir)
	interpreter := filepath.Join(dir, "bin", "python")
	run(t, nil, interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", samples+"requirements.txt")
	return interpreter
}

// whole fails unless out has each record once, those of a host in their order.
func whole(t *testing.T, out []byte) {
	t.Helper()
	next := map[string]int{}
	n := 0
	for line := range bytes.Lines(out) {
		var r struct {
			Event struct{ ID string }
			Host  struct{ Hostname string }
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		for _, fault := range recordtest.Log(line) {
			t.Error(fault)
		}
		var i int
		if _, err := fmt.Sscanf(r.Event.ID, "0000000000000007%016x", &i); err != nil {
			t.Fatalf("event.id %q: %v", r.Event.ID, err)
		}
		if i < next[r.Host.Hostname] {
			t.Errorf("record %d of %s comes again or out of order", i, r.Host.Hostname)
		}
		next[r.Host.Hostname] = i + 1
		n++
	}
	if n != records {
		t.Errorf("%d records, want each of %d once", n, records)
	}
}

func TestTheSampleConsumersGiveEachRecordOnce(t *testing.T) {
	parts.Need(t, "kcat", "python3", "go")
	n := realkafka.Start(t)
	publish(t, n)
	twice := bytes.Count(run(t, nil, "kcat", "-C", "-q", "-b", n.Addr, "-t", topic, "-o", "beginning", "-e", "-f", "%h\n"), []byte("\n"))
	if twice != 2*records {
		t.Fatalf("%d records in Kafka, want %d", twice, 2*records)
	}
	t.Run("kcat", func(t *testing.T) { whole(t, run(t, nil, "sh", samples+"consume.sh", n.Addr)) })
	t.Run("go", func(t *testing.T) {
		binary := filepath.Join(t.TempDir(), "consumer")
		run(t, nil, "go", "build", "-o", binary, "destring/deploy/kafka/consumer")
		whole(t, run(t, nil, binary, "-brokers", n.Addr, "-group", "go-sample", "-exit-after", "10s"))
		if again := run(t, nil, binary, "-brokers", n.Addr, "-group", "go-sample", "-exit-after", "10s"); len(again) > 0 {
			t.Errorf("the group gets records again that were committed: %.200s", again)
		}
	})
	t.Run("python", func(t *testing.T) {
		whole(t, run(t, nil, python(t), samples+"consume.py", "--brokers", n.Addr, "--group", "python-sample", "--exit-after", "10"))
	})
}

func TestHeadersAreThoseOfCloudEvents(t *testing.T) {
	for _, b := range batches(t) {
		rs, err := kafka.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			headers := map[string]string{}
			for _, h := range r.Headers {
				headers[h.Name] = string(h.Value)
			}
			if faults := recordtest.Headers(headers); len(faults) > 0 {
				t.Fatal(faults)
			}
		}
	}
}
