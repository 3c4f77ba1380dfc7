package relay_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"destring/relay"
	"destring/relay/celery"
	"destring/relay/framing"
	"destring/relay/listener"
	"destring/relay/spool"
	"destring/relay/syslog"
	"destring/rules"
	"destring/rules/event"
	"destring/rules/redact"
)

// tmpfs is a folder in memory where there is one, so that the disk is not what is measured.
func tmpfs(tb testing.TB) string {
	if dir, err := os.MkdirTemp("/dev/shm", "destring-*"); err == nil {
		tb.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return tb.TempDir()
}

func newSpool(tb testing.TB, size int64) *spool.Spool {
	tb.Helper()
	ring, err := spool.NewKeyring(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := spool.Open(spool.Config{Dir: filepath.Join(tmpfs(tb), "spool"), Keys: ring, Readers: []string{"kafka"}, MaxSize: size, MinFree: 1, Codec: spool.LZ4, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func newPolicy(tb testing.TB) relay.Policy {
	tb.Helper()
	engine, err := rules.New(rules.Options{Redact: redact.Options{Key: bytes.Repeat([]byte{9}, 32)}})
	if err != nil {
		tb.Fatal(err)
	}
	return relay.Policy{Engine: engine, Celery: func(*event.Peer) celery.Options { return celery.Options{} }}
}

func newRelay(tb testing.TB, s *spool.Spool) *relay.Relay {
	tb.Helper()
	return relay.New(relay.Config{Spool: s, Topics: [rules.Topics]string{"logs", "alerts", "audit", "dlq"}, Partitions: func(string) int32 { return 6 }, Shed: true, Stall: time.Second}, newPolicy(tb))
}

// traffic is what a worker at INFO sends: mostly clean lines, now and then a failure with a secret.
func traffic(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		id := fmt.Sprintf("0b1f2c3d-0000-4000-8000-%012d", i)
		text := fmt.Sprintf("[2026-11-25 10:00:00,%03d: INFO/MainProcess] Task shop.tasks.charge[%s] received", i%1000, id)
		switch i % 50 {
		case 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39:
			text = fmt.Sprintf("[2026-11-25 10:00:00,%03d: INFO/ForkPoolWorker-2] Task shop.tasks.charge[%s] succeeded in 0.0123%02ds: {'order': %d, 'status': 'charged', 'amount': 19.99, 'currency': 'EUR'}", i%1000, id, i%100, 4700+i)
		case 40:
			text = fmt.Sprintf("[2026-11-25 10:00:00,%03d: ERROR/ForkPoolWorker-2] Task shop.tasks.pay[%s] raised unexpected: ValueError('login failed with password=%s')\nTraceback (most recent call last):\n  File \"/srv/shop/tasks.py\", line 31, in pay\n    raise ValueError(x)\nValueError: login failed with password=%s", i%1000, id, "correct-horse-7", "correct-horse-7")
		}
		m := fmt.Sprintf("<134>1 2026-11-25T10:00:00.123456Z shop-a celery.app.trace 4132 - - %s", text)
		fmt.Fprintf(&b, "%d %s", len(m), m)
	}
	return b.Bytes()
}

// endless repeats data.
type endless struct {
	data []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.data[e.at:])
	e.at = (e.at + n) % len(e.data)
	return n, nil
}

// drain commits everything that comes, as a publisher does.
func drain(b *testing.B, s *spool.Spool) {
	r, err := s.Reader("kafka")
	if err != nil {
		b.Fatal(err)
	}
	go func() { // ends when the spool is closed
		for {
			f, err := r.Next(b.Context())
			if err != nil || r.Commit(f.Position, nil) != nil {
				return
			}
		}
	}()
}

// BenchmarkAdmit is one message's walk from the bytes of a connection to the spool: framing, parse,
// Celery, redaction, rules, record, append; then compression, encryption and sync beside it. The frames of
// testing.B.Loop are single messages.
func BenchmarkAdmit(b *testing.B) {
	s := newSpool(b, 1<<30)
	drain(b, s)
	session := newRelay(b, s).Open(&event.Peer{Name: "worker-1", Listener: "syslog_tls"})
	reader := framing.NewReader(&endless{data: traffic(1000)}, framing.Options{})
	var (
		p  syslog.Parser
		ev event.Event
		n  uint64
	)
	now := time.Now().UnixNano()
	b.ReportAllocs()
	for b.Loop() {
		f, err := reader.Next()
		if err != nil {
			b.Fatal(err)
		}
		ev.Reset()
		n++
		ev.ID, ev.Received, ev.Peer = event.ID{Connection: 1, Message: n}, now, nil
		p.Parse(f.Bytes, now, &ev)
		if err := session.Handle(&ev); err != nil && err != listener.ErrShed {
			b.Fatal(err)
		}
	}
}

// BenchmarkStages prints what each room costs a message of the same traffic.
func BenchmarkStages(b *testing.B) {
	frames := func() *framing.Reader { return framing.NewReader(&endless{data: traffic(1000)}, framing.Options{}) }
	now := time.Now().UnixNano()
	b.Run("framing", func(b *testing.B) {
		r := frames()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("framing+parse", func(b *testing.B) {
		r := frames()
		var p syslog.Parser
		var ev event.Event
		b.ReportAllocs()
		for b.Loop() {
			f, _ := r.Next()
			ev.Reset()
			p.Parse(f.Bytes, now, &ev)
		}
	})
	b.Run("framing+parse+celery", func(b *testing.B) {
		r := frames()
		var p syslog.Parser
		var ev event.Event
		c := celery.NewReader(celery.Options{})
		b.ReportAllocs()
		for b.Loop() {
			f, _ := r.Next()
			ev.Reset()
			p.Parse(f.Bytes, now, &ev)
			c.Read(&ev)
		}
	})
	b.Run("framing+parse+celery+inspect", func(b *testing.B) {
		r := frames()
		var p syslog.Parser
		var ev event.Event
		c := celery.NewReader(celery.Options{})
		engine, err := rules.New(rules.Options{Redact: redact.Options{Key: bytes.Repeat([]byte{9}, 32)}})
		if err != nil {
			b.Fatal(err)
		}
		in := engine.NewInspector()
		b.ReportAllocs()
		for b.Loop() {
			f, _ := r.Next()
			ev.Reset()
			p.Parse(f.Bytes, now, &ev)
			c.Read(&ev)
			in.Inspect(&ev)
		}
	})
}
