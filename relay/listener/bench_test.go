package listener

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"destring/relay/pki"
	"destring/rules/event"
)

// benchMessage is a line of Celery in RFC 5424, 300 bytes, counted.
var benchMessage = func() string {
	head := "<14>1 2026-11-25T10:00:00.123456Z worker-1.shop.example celery.app.trace 4711 - - "
	text := "[2026-11-25 10:00:00,123: INFO/ForkPoolWorker-3] Task shop.tasks.send_invoice[8f1a1f0e-5d0c-4c1c-9a53-0d3b8e0a7c11] succeeded in 0.0123s: None "
	return octet(head + text + strings.Repeat("x", 300-len(head)-len(text)))
}()

// counting is a session that counts.
type counting struct {
	discard
	n    atomic.Int64
	want int64
	done chan struct{}
}

func (c *counting) Open(*event.Peer) Session { return &countingSession{c: c} }

type countingSession struct {
	discard
	c    *counting
	mine int64
}

func (s *countingSession) Handle(ev *event.Event) error {
	if ev.Message.Empty() {
		panic("an empty message")
	}
	s.mine++
	return nil
}

func (s *countingSession) Flush() {
	if s.c.n.Add(s.mine) == s.c.want {
		close(s.c.done)
	}
	s.mine = 0
}

// BenchmarkReadToParse is the whole way from the socket to a parsed event over loopback mTLS with 8
// connections, beside a bare crypto/tls reader of the same bytes. The clients are a process of their own;
// cpu-ns/msg is what this process used, ns/op also depends on what the clients can send.
func BenchmarkReadToParse(b *testing.B) {
	for _, perRecord := range []int{1, 50} {
		b.Run(fmt.Sprintf("bare/%d_a_record", perRecord), func(b *testing.B) { benchReaders(b, perRecord, bareReader) })
		b.Run(fmt.Sprintf("listener/%d_a_record", perRecord), func(b *testing.B) { benchReaders(b, perRecord, (*conn).serve) })
	}
}

const benchClients = 8

// benchReaders lets serve read what 8 clients send.
func benchReaders(b *testing.B, perRecord int, serve func(*conn)) {
	rounds := max(b.N/(perRecord*benchClients), 1)
	rec := &counting{want: int64(rounds * perRecord * benchClients), done: make(chan struct{})}
	s := newSite(b, func(s *site) { s.cfg.Log = nil })
	s.l.handler = rec
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer socket.Close()
	start := startClients(b, s, socket.Addr().String(), perRecord, rounds)
	var readers sync.WaitGroup
	for range benchClients {
		raw, err := socket.Accept()
		if err != nil {
			b.Fatal(err)
		}
		c := newConn(s.l, raw)
		if _, why := s.l.door.enter(c); why != "" {
			b.Fatal(why)
		}
		if err := c.tls.Handshake(); err != nil {
			b.Fatal(err)
		}
		readers.Go(func() { serve(c) })
	}
	b.SetBytes(int64(len(benchMessage)))
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	start()
	readers.Wait()
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-before)/float64(rec.want), "cpu-ns/msg")
	if n := rec.n.Load(); n != rec.want && n != 0 {
		b.Errorf("%d of %d messages", n, rec.want)
	}
}

// bareReader reads to the end of the stream and does nothing with it.
func bareReader(c *conn) {
	defer c.l.door.leave(c)
	defer c.raw.Close()
	buf := make([]byte, 32<<10)
	for {
		if _, err := c.tls.Read(buf); err != nil {
			return
		}
	}
}

func cpuTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// startClients starts the clients' process, which is this test binary again; the returned function
// lets it write. It ends by itself when it has written.
func startClients(b *testing.B, s *site, address string, perRecord, rounds int) (start func()) {
	b.Helper()
	leaf := leafOf(b, s.ca, pki.Client, "w")
	cmd := exec.Command(os.Args[0], "-test.run=^TestClientsOfTheBenchmark$")
	cmd.Env = append(os.Environ(), "LISTENER_BENCH="+address, "LISTENER_BENCH_CERT="+string(leaf.CertPEM), "LISTENER_BENCH_KEY="+string(leaf.KeyPEM),
		fmt.Sprintf("LISTENER_BENCH_SIZES=%d %d", perRecord, rounds))
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Wait() })
	return func() { in.Close() }
}

// TestClientsOfTheBenchmark is the clients' process, and a test of its own messages otherwise.
func TestClientsOfTheBenchmark(t *testing.T) {
	address := os.Getenv("LISTENER_BENCH")
	if address == "" {
		s := newSite(t)
		write(t, s.worker("w"), benchMessage)
		if r := s.rec.record(t, 0); r.Fault != "" || !strings.HasPrefix(r.Text, "[2026-11-25 10:00:00,123: INFO/") || r.Host != "worker-1.shop.example" {
			t.Errorf("the benchmark's message: %+v", r)
		}
		return
	}
	cert := must(tls.X509KeyPair([]byte(os.Getenv("LISTENER_BENCH_CERT")), []byte(os.Getenv("LISTENER_BENCH_KEY"))))
	var perRecord, rounds int
	_, _ = fmt.Sscan(os.Getenv("LISTENER_BENCH_SIZES"), &perRecord, &rounds)
	var conns []*tls.Conn
	for range benchClients {
		conns = append(conns, must(tls.Dial("tcp", address, &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true})))
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	record := []byte(strings.Repeat(benchMessage, perRecord))
	var writers sync.WaitGroup
	for _, c := range conns {
		writers.Go(func() {
			for range rounds {
				_ = must(c.Write(record))
			}
			_ = c.CloseWrite()
			_, _ = c.Read(make([]byte, 1)) // until the relay has closed
		})
	}
	writers.Wait()
}

// BenchmarkTake is parse and hand-over of one message, without the network.
func BenchmarkTake(b *testing.B) {
	_, frame, _ := strings.Cut(benchMessage, " ")
	in := intake{gauges: NewMetrics(newRegistry()).of("x"), session: discard{}, peer: &event.Peer{Name: "w"}}
	in.begin()
	bytes := []byte(frame)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if in.take(bytes, event.FramingOctet, 0) != nil {
			b.Fatal("not taken")
		}
	}
}
