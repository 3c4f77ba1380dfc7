package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"destring/relay/pki"
	"destring/rules/event"
)

func TestMain(m *testing.M) {
	// The library's datagram servers cannot be stopped: see Plain.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("gopkg.in/mcuadros/go-syslog%2ev2.(*Server).goParseDatagrams.func1"),
		goleak.IgnoreAnyFunction("gopkg.in/mcuadros/go-syslog%2ev2.(*Server).goReceiveDatagrams.func1"))
}

// record is a copy of what a session was handed.
type record struct {
	Text, Host  string
	Peer        event.Peer
	ID          event.ID
	Hash        [8]byte
	Framing     event.Framing
	Flags       event.Flags
	Fault       event.Fault
	HasHash     bool
	ReceivedNow bool
}

// recorder is a Handler that remembers. Its hooks may be nil.
type recorder struct {
	mu      sync.Mutex
	records []record
	changed chan struct{} // closed and renewed at every change
	opened  int
	closed  int
	synced  int // records at the last Sync
	syncs   int
	flushes int

	handle func(ev *event.Event) error
	sync   func(ctx context.Context) error
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{})} }

func (r *recorder) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) Open(*event.Peer) Session {
	r.change(func() { r.opened++ })
	return &recording{r}
}

type recording struct{ r *recorder }

func (s *recording) Handle(ev *event.Event) error {
	if s.r.handle != nil {
		if err := s.r.handle(ev); err != nil {
			return err
		}
	}
	got := record{Text: string(ev.Message.Reveal()), Host: string(ev.Syslog.Hostname.Reveal()), Peer: *ev.Peer, ID: ev.ID, Hash: ev.Hash, HasHash: ev.HasHash,
		Framing: ev.Syslog.Framing, Flags: ev.Flags, Fault: ev.Fault, ReceivedNow: time.Since(time.Unix(0, ev.Received)) < time.Minute}
	s.r.change(func() { s.r.records = append(s.r.records, got) })
	return nil
}

func (s *recording) Flush() { s.r.change(func() { s.r.flushes++ }) }
func (s *recording) Close() { s.r.change(func() { s.r.closed++ }) }
func (s *recording) Sync(ctx context.Context) error {
	if s.r.sync != nil {
		if err := s.r.sync(ctx); err != nil {
			return err
		}
	}
	s.r.change(func() { s.r.synced, s.r.syncs = len(s.r.records), s.r.syncs+1 })
	return nil
}

// patienceOfTests is how long a test waits for what must come. The machine may be busy.
const patienceOfTests = 30 * time.Second

// until waits until ok, called under the lock, is true.
func (r *recorder) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.After(patienceOfTests)
	for {
		r.mu.Lock()
		done, changed := ok(), r.changed
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-late:
			r.mu.Lock()
			defer r.mu.Unlock()
			t.Fatalf("%s did not happen: %d records, %d opened, %d closed", what, len(r.records), r.opened, r.closed)
		}
	}
}

func (r *recorder) texts(t testing.TB, n int) []string {
	t.Helper()
	r.until(t, fmt.Sprintf("the arrival of %d messages", n), func() bool { return len(r.records) >= n })
	r.mu.Lock()
	defer r.mu.Unlock()
	var texts []string
	for _, rec := range r.records {
		texts = append(texts, rec.Text)
	}
	return texts
}

func (r *recorder) record(t testing.TB, i int) record {
	t.Helper()
	r.texts(t, i+1)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records[i]
}

// logs is a writer for slog that tests read.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// until waits until a line with all words was written.
func (l *logs) until(t testing.TB, words ...string) {
	t.Helper()
	for end := time.Now().Add(patienceOfTests); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		for line := range strings.Lines(l.String()) {
			if containsAll(line, words) {
				return
			}
		}
	}
	t.Fatalf("no log line with %q in:\n%s", words, l.String())
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

// site is a listener under test with all that belongs to it.
type site struct {
	t        testing.TB
	ca       *pki.CA
	security *Security
	cfg      Config
	l        *Listener
	rec      *recorder
	logs     *logs
	reg      *prometheus.Registry
	cancel   context.CancelFunc
	ran      chan error
	asked    int
}

// theCA signs for all tests: making one for each takes time.
var theCA = sync.OnceValue(func() *pki.CA {
	ca, err := pki.NewCA("test CA", 24*time.Hour)
	if err != nil {
		panic(err)
	}
	return ca
})

func leafOf(t testing.TB, ca *pki.CA, purpose pki.Purpose, names ...string) *pki.Leaf {
	t.Helper()
	leaf, err := ca.Issue(pki.Request{Purpose: purpose, Names: names, Valid: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// newSite runs a TLS listener on a free port; the functions change its configuration before.
func newSite(t testing.TB, change ...func(*site)) *site {
	t.Helper()
	s := &site{t: t, ca: theCA(), rec: newRecorder(), logs: &logs{}, reg: prometheus.NewRegistry(), ran: make(chan error, 1)}
	s.security = &Security{Certificates: []tls.Certificate{leafOf(t, s.ca, pki.Server, "127.0.0.1", "localhost").TLS()}, ClientCAs: []*x509.Certificate{s.ca.Certificate()}}
	s.cfg = Config{Name: "syslog_tls", Address: "127.0.0.1:0", Security: s.security, Metrics: NewMetrics(s.reg),
		Log: slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})), HashKey: []byte("a key of tests, 16+")}
	for _, f := range change {
		f(s)
	}
	l, err := New(s.cfg, s.rec)
	if err != nil {
		t.Fatal(err)
	}
	s.l = l
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.ran <- l.Run(ctx) }()
	t.Cleanup(func() { s.stop() })
	return s
}

// stop ends the listener and waits until everybody has left.
func (s *site) stop() {
	s.cancel()
	select {
	case err := <-s.ran:
		if err != nil {
			s.t.Errorf("Run: %v", err)
		}
		s.ran <- nil
	case <-time.After(patienceOfTests):
		s.t.Fatal("Run did not return")
	}
}

func plainSite(s *site) { s.cfg.Security = nil }

// metric returns the value of a counter or gauge: name, then label values in the order of their names.
func (s *site) metric(name string, labels ...string) float64 {
	s.t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "destring_listener_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				if l.GetName() != "listener" {
					values = append(values, l.GetValue())
				}
			}
			if strings.Join(values, ",") == strings.Join(labels, ",") {
				if m.GetGauge() != nil {
					return m.GetGauge().GetValue()
				}
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// untilMetric waits for a metric's value.
func (s *site) untilMetric(want float64, name string, labels ...string) {
	s.t.Helper()
	for end := time.Now().Add(patienceOfTests); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if s.metric(name, labels...) == want {
			return
		}
	}
	s.t.Fatalf("%s%v is %v, want %v\n%s", name, labels, s.metric(name, labels...), want, s.logs)
}

// clientConfig is a client's TLS configuration with the leaf; none for nil.
func (s *site) clientConfig(leaf *pki.Leaf) *tls.Config {
	cfg := &tls.Config{RootCAs: s.ca.Pool(), ServerName: "127.0.0.1"}
	if leaf != nil {
		cfg.Certificates = []tls.Certificate{leaf.TLS()}
	}
	return cfg
}

// worker connects as a client with the given name and shakes hands.
func (s *site) worker(name string) *tls.Conn {
	s.t.Helper()
	return s.dial(s.clientConfig(leafOf(s.t, s.ca, pki.Client, name)))
}

func (s *site) dial(cfg *tls.Config) *tls.Conn {
	s.t.Helper()
	c, err := tls.Dial("tcp", s.l.Addr().String(), cfg)
	if err != nil {
		s.t.Fatalf("dial: %v", err)
	}
	s.t.Cleanup(func() { c.NetConn().Close() })
	_ = c.SetReadDeadline(time.Now().Add(patienceOfTests))
	return c
}

func (s *site) raw() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.l.Addr().String())
	if err != nil {
		s.t.Fatalf("dial: %v", err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(patienceOfTests))
	return c
}

func write(t testing.TB, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// octet frames a message by its count.
func octet(s string) string { return fmt.Sprintf("%d %s", len(s), s) }

// served checks that a new client's message arrives within a second. On a busy machine that may fail by
// chance, but not three times.
func (s *site) served(what string) {
	s.t.Helper()
	var took time.Duration
	for range 3 {
		if took = s.servedIn(what); took <= time.Second {
			return
		}
	}
	s.t.Errorf("beside %s a good client waited %v", what, took)
}

func (s *site) servedIn(what string) time.Duration {
	s.t.Helper()
	s.asked++
	text := fmt.Sprintf("good client %d beside %s", s.asked, what)
	begin := time.Now()
	c := s.worker("good.shop.example")
	defer c.Close()
	write(s.t, c, octet("<14>1 - w celery 1 - - "+text))
	s.rec.until(s.t, text, func() bool {
		for _, r := range slices.Backward(s.rec.records) {
			if r.Text == text {
				return true
			}
		}
		return false
	})
	return time.Since(begin)
}

// endsInOrder reports whether the server says close_notify.
func endsInOrder(c *tls.Conn) bool {
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// descriptors is how many files this process may open.
func descriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<20))
}
