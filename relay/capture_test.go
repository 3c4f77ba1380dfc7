package relay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"destring/relay"
	"destring/relay/celery"
	"destring/relay/kafka"
	"destring/relay/listener"
	"destring/relay/pki"
	"destring/rules/event"
)

// captures say what becomes of the example shop's log on each way to us: testdata/captures/capture.py made them, all of
// the same 67 records.
var captures = []struct {
	name    string
	records int    // that come out
	equal   int    // of the 67, how many come out as the worker wrote them
	lost    string // what the transport did to the others
}{
	{"rfc5424-octet", 67, 67, ""},
	{"rfc5424-lf", 67, 66, `a text with the two characters \n in it is not told from a line feed`},
	{"destring-octet", 67, 67, ""},
	{"tlssyslog", 67, 67, ""},
	{"stdlib-tcp", 67, 67, ""},
	{"stdlib-udp", 67, 66, "a line feed at the end dropped, by go-syslog's server"},
	{"rsyslog-lf-5424", 67, 64, "a text with #012 in it is not told from a line feed; cut at 8 kB; a line feed at the end dropped"},
	{"rsyslog-lf-3164", 67, 64, "as above"},
	{"rsyslog-lf-forward", 67, 64, "as above"},
	{"rsyslog-noescape-octet-5424", 67, 66, "a line feed at the end dropped"},
	{"rsyslog-noescape-lf-5424", 67, 66, "as above"},
	{"rsyslog-imfile-lf-5424", 118, 56, "one message a line"},
	{"rsyslog-imfile-multiline-octet-5424", 67, 67, ""},
	{"syslogng-syslog", 67, 66, "a line feed at the end dropped"},
	{"syslogng-network", 68, 65, "as above; line feeds as they are, so that a forged header of the sender's own form begins a record"},
	{"logger-rfc5424-octet", 128, 55, "one message a line, cut at 1 kB"},
}

// leaked is what the shop leaks in the captures, where placeholders of the same length stand for it. The same table
// is in capture.py.
var leaked = map[string]string{
	"aws_key":      "AKIA" + "Q7RZT2NW5KXJ4MBD",
	"aws_secret":   "kR8vT2nW5xJ4mBdQ7zLp" + "Hs3Yf9Gc6Ea1Uo0iNqXt",
	"dsn_password": "s3cr3t" + "dsnpw4711okay",
	"password":     "hunter2" + "IsNotMyPassw",
	"email":        "jane.roe@shop.example",
	"card":         "4111111111" + "111111",
}

func captured(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "captures", name))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range leaked {
		stands := "{{" + name + strings.Repeat(".", len(secret)-len(name)-4) + "}}"
		data = bytes.ReplaceAll(data, []byte(stands), []byte(secret))
	}
	return data
}

// written counts the texts that the worker logged.
func written(t *testing.T) map[string]int {
	t.Helper()
	texts := map[string]int{}
	for line := range bytes.Lines(captured(t, "truth.jsonl")) {
		var record struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		texts[record.Text]++
	}
	return texts
}

// capture is one transport's bytes.
type capture struct {
	Listener string `json:"listener"`
	Lengths  []int  `json:"lengths"` // of the connections, or of the datagrams
	data     []byte
}

func readCapture(t *testing.T, name string) *capture {
	t.Helper()
	c := &capture{data: captured(t, name+".bin")}
	if err := json.Unmarshal(captured(t, name+".json"), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Every transport of a Celery shop replays to exactly its records, as many of them equal to what the worker
// wrote as the transport leaves whole.
func TestCapturesReplayToWhatTheWorkerWrote(t *testing.T) {
	for _, c := range captures {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rec := &recorder{}
			readCapture(t, c.name).replay(t, rec, func() bool { return rec.count() >= c.records })
			left, equal := written(t), 0
			var other []string
			for _, text := range rec.texts {
				if left[text] > 0 {
					left[text]--
					equal++
					continue
				}
				other = append(other, text)
			}
			if len(rec.texts) != c.records || equal != c.equal {
				t.Errorf("%d records, %d equal to what was written; want %d and %d (%s)", len(rec.texts), equal, c.records, c.equal, c.lost)
			}
			if t.Failed() {
				for text, n := range left {
					if n > 0 {
						t.Logf("missing: %.200q", text)
					}
				}
				for _, text := range other {
					t.Logf("other:   %.200q", text)
				}
			}
		})
	}
}

// What the worker leaked is in no record, whichever way it came and however that cut it.
func TestCapturesComeOutClean(t *testing.T) {
	for _, c := range captures {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSpool(t, 1<<30)
			counted := &counter{inner: newRelay(t, s)}
			readCapture(t, c.name).replay(t, counted, func() bool { return counted.count() >= c.records })
			reader, err := s.Reader("kafka")
			if err != nil {
				t.Fatal(err)
			}
			for n := 0; n < c.records; {
				frame, err := reader.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				records, err := kafka.Decode(relay.BatchOf(frame))
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range records {
					n++
					for name, secret := range leaked {
						if bytes.Contains(r.Value, []byte(secret)) {
							t.Errorf("a record holds %s:\n%s", name, r.Value)
						}
					}
				}
			}
		})
	}
}

// replay sends a capture to a real listener of its kind, and returns when all of it was handled.
func (c *capture) replay(t *testing.T, handler listener.Handler, done func() bool) {
	t.Helper()
	var parts [][]byte
	rest := c.data
	for _, n := range c.Lengths {
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	if len(rest) > 0 {
		t.Fatalf("%d bytes belong to no connection", len(rest))
	}
	if c.Listener == "syslog_tls" {
		replayTLS(t, handler, parts)
		return
	}
	replayPlain(t, c.Listener, handler, parts)
	for late := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			return // the comparison says what is missing
		}
	}
}

func replayTLS(t *testing.T, handler listener.Handler, parts [][]byte) {
	ca, err := pki.NewCA("test authority", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(purpose pki.Purpose, name string) tls.Certificate {
		leaf, err := ca.Issue(pki.Request{Purpose: purpose, Names: []string{name}, Valid: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return leaf.TLS()
	}
	l, err := listener.New(listener.Config{Name: "syslog_tls", Address: "127.0.0.1:0", Metrics: listener.NewMetrics(prometheus.NewRegistry()),
		Security: &listener.Security{Certificates: []tls.Certificate{leaf(pki.Server, "localhost")}, ClientCAs: []*x509.Certificate{ca.Certificate()}}}, handler)
	if err != nil {
		t.Fatal(err)
	}
	runUntilTheEnd(t, l.Run)
	worker := leaf(pki.Client, "worker-1.shop.example")
	for _, part := range parts {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{worker}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // all of it was handled
			t.Fatal(err)
		}
		conn.Close()
	}
}

func replayPlain(t *testing.T, name string, handler listener.Handler, parts [][]byte) {
	network := strings.TrimPrefix(name, "plain_")
	cfg := listener.PlainConfig{Metrics: listener.NewMetrics(prometheus.NewRegistry())}
	address := freeAddress(t, network)
	if network == "udp" {
		cfg.UDP = address
	} else {
		cfg.TCP = address
	}
	p, err := listener.NewPlain(cfg, handler)
	if err != nil {
		t.Fatal(err)
	}
	runUntilTheEnd(t, p.Run)
	var conn net.Conn
	for _, part := range parts {
		if conn == nil || network == "tcp" {
			if conn, err = net.Dial(network, address); err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		if _, err := conn.Write(part); err != nil {
			t.Fatal(err)
		}
		if network == "tcp" {
			conn.Close()
		}
	}
}

// freeAddress is an address on which nobody listens just now.
func freeAddress(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func runUntilTheEnd(t *testing.T, run func(context.Context) error) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// recorder reads events as Celery and keeps their texts.
type recorder struct {
	mu    sync.Mutex
	texts []string
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.texts)
}

func (r *recorder) Open(*event.Peer) listener.Session {
	return &recording{r, celery.NewReader(celery.Options{})}
}

type recording struct {
	to     *recorder
	reader *celery.Reader
}

func (r *recording) Handle(ev *event.Event) error {
	r.reader.Read(ev)
	r.to.mu.Lock()
	defer r.to.mu.Unlock()
	r.to.texts = append(r.to.texts, string(ev.Message.Reveal()))
	return nil
}

func (r *recording) Flush()                     {}
func (r *recording) Sync(context.Context) error { return nil }
func (r *recording) Close()                     {}

// counter counts the events that a handler has taken.
type counter struct {
	inner listener.Handler
	mu    sync.Mutex
	n     int
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *counter) Open(p *event.Peer) listener.Session { return &counting{c.inner.Open(p), c} }

type counting struct {
	listener.Session
	by *counter
}

func (c *counting) Handle(ev *event.Event) error {
	err := c.Session.Handle(ev)
	c.by.mu.Lock()
	defer c.by.mu.Unlock()
	c.by.n++
	return err
}
