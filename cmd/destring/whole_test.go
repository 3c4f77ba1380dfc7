package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
	"destring/relay/pki"
	"destring/rules/record/recordtest"
)

// estate is everything around a relay: a certificate authority, a broker in the process, a
// Slack that takes webhooks, a folder.
type estate struct {
	t      *testing.T
	dir    string
	ca     *pki.CA
	broker *broker.Broker
	slack  *fakeSlack
	log    *lockedBuffer
}

// lockedBuffer is what the relay logs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fakeSlack takes what is posted to a webhook.
type fakeSlack struct {
	*httptest.Server
	posts chan string
}

func newFakeSlack(t *testing.T) *fakeSlack {
	s := &fakeSlack{posts: make(chan string, 100)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.posts <- string(body)
		io.WriteString(w, "ok")
	}))
	t.Cleanup(s.Close)
	return s
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	ca, err := pki.NewCA("test authority", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{t: t, dir: t.TempDir(), ca: ca, slack: newFakeSlack(t), log: &lockedBuffer{}}
	if e.broker, err = broker.Start(broker.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.broker.Close)
	server := e.issue(pki.Request{Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: time.Hour})
	e.write("server.pem", server.CertPEM, 0o644)
	e.write("server.key", server.KeyPEM, 0o600)
	e.write("ca.pem", ca.CertPEM(), 0o644)
	e.write("slack.url", []byte(e.slack.URL+"/services/T0/B0/hook-secret\n"), 0o600)
	return e
}

func (e *estate) issue(r pki.Request) *pki.Leaf {
	e.t.Helper()
	leaf, err := e.ca.Issue(r)
	if err != nil {
		e.t.Fatal(err)
	}
	return leaf
}

func (e *estate) write(name string, data []byte, mode os.FileMode) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, name), data, mode); err != nil {
		e.t.Fatal(err)
	}
}

// config writes the configuration and reads it as serve does.
func (e *estate) config(more string) *Config {
	e.t.Helper()
	e.write("destring.yaml", fmt.Appendf(nil, `environment: test
zone: UTC
listen:
  syslog_tls: {address: "127.0.0.1:0", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
spool: {dir: spool, min_free: 0B}
kafka: {brokers: [%q]}
alerts: {slack: {webhook_url_file: slack.url}}
metrics: {address: "127.0.0.1:0"}
%s`, e.broker.Addr(), more), 0o644)
	c, err := loadConfig(filepath.Join(e.dir, "destring.yaml"), nil, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	return c
}

// running is a relay that runs in this process.
type running struct {
	house *house
	stop  context.CancelFunc
	done  chan error
}

func (e *estate) start(more string) *running {
	e.t.Helper()
	h, err := buildHouse(e.config(more), houseOptions{log: slog.New(slog.NewTextHandler(e.log, nil)), level: new(slog.LevelVar)})
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(e.t.Context())
	r := &running{house: h, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- h.run(ctx) }() // ends with ctx
	e.t.Cleanup(func() { r.end(e.t) })
	return r
}

// end stops the relay in order.
func (r *running) end(t *testing.T) {
	t.Helper()
	if r.done == nil {
		return
	}
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("the relay ended with: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the relay did not end")
	}
	r.done = nil
}

// dial connects as a worker.
func (e *estate) dial(r *running, name string) *tls.Conn {
	e.t.Helper()
	leaf := e.issue(pki.Request{Purpose: pki.Client, Names: []string{name}, Valid: time.Hour})
	conn, err := tls.Dial("tcp", r.house.door.listeners[0].Addr().String(), &tls.Config{RootCAs: e.ca.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{leaf.TLS()}})
	if err != nil {
		e.t.Fatal(err)
	}
	return conn
}

// frame is an octet-counted RFC 5424 message as rfc5424-logging-handler sends it.
func frame(pri int, logger, text string) string {
	m := fmt.Sprintf("<%d>1 2026-11-25T10:00:00.123456Z shop-a %s 4132 - - %s", pri, logger, text)
	return fmt.Sprintf("%d %s", len(m), m)
}

// hangUp ends the connection in order and waits for the relay's word that all is durable.
func hangUp(t *testing.T, conn *tls.Conn) {
	t.Helper()
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("the relay did not answer close_notify: %v", err)
	}
	conn.Close()
}

// topic reads n records of a topic.
func (e *estate) topic(name string, n int) []kafka.Record {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 30*time.Second)
	defer cancel()
	r, err := kafka.OpenReader(ctx, kafka.Connection{Brokers: []string{e.broker.Addr()}}, kafka.Range{Topic: name, Follow: true})
	if err != nil {
		e.t.Fatal(err)
	}
	defer r.Close()
	var all []kafka.Record
	for len(all) < n {
		record, err := r.Next(ctx)
		if err != nil {
			e.t.Fatalf("%d of %d records of %s came: %v\n%s", len(all), n, name, err, e.log.String())
		}
		e.conforms(record)
		all = append(all, record)
	}
	return all
}

// conforms holds a record to ECS, our schema and CloudEvents.
func (e *estate) conforms(r kafka.Record) {
	e.t.Helper()
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Name] = string(h.Value)
	}
	for _, fault := range recordtest.Published(r.Value, headers) {
		e.t.Errorf("%s: %s\nin %s", r.Topic, fault, r.Value)
	}
}

// planted are secrets that a worker logs in the tests; none may be anywhere behind the door.
var planted = []string{"AKIA" + "Q7RZT2NW5KXJ4MBD", "hunter2-is-the-password", "s3cr3t-dsn-pw", "jane.roe@shop.example"}

func leakyLines() []string {
	id := "0b1f2c3d-0000-4000-8000-000000000001"
	return []string{
		"[2026-11-25 10:00:00,123: INFO/MainProcess] Task shop.tasks.rotate_keys[" + id + "] received",
		"[2026-11-25 10:00:00,223: INFO/ForkPoolWorker-1] Task shop.tasks.rotate_keys[" + id + "] succeeded in 0.1s: {'aws_access_key_id': '" + planted[0] + "'}",
		"[2026-11-25 10:00:00,323: WARNING/ForkPoolWorker-1] shop.tasks.sync[" + id + "]: logging in with {'user': 'jane', 'password': '" + planted[1] + "'}",
		"[2026-11-25 10:00:00,423: ERROR/ForkPoolWorker-2] Task shop.tasks.import_customers[" + id + "] raised unexpected: ConnectionError('could not connect to postgresql://shop:" + planted[2] + "@db.internal/shop')\nTraceback (most recent call last):\n  File \"/srv/shop/tasks.py\", line 31, in import_customers\n    raise ConnectionError(dsn)\nConnectionError: could not connect to postgresql://shop:" + planted[2] + "@db.internal/shop",
		"[2026-11-25 10:00:00,523: INFO/ForkPoolWorker-2] mailing " + planted[3],
	}
}

func TestALineWalksTheWholeHouse(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	conn := e.dial(r, "worker-7.shop.example")
	lines := leakyLines()
	for _, line := range lines {
		io.WriteString(conn, frame(134, "celery.app.trace", line))
	}
	hangUp(t, conn)

	var failed map[string]any
	for _, record := range e.topic("celery.logs.v1", len(lines)) {
		var doc map[string]any
		if err := json.Unmarshal(record.Value, &doc); err != nil {
			t.Fatalf("not JSON: %v\n%s", err, record.Value)
		}
		if got := string(record.Key); got != "worker-7.shop.example/shop-a" {
			t.Errorf("key %q", got)
		}
		if get(doc, "celery", "event") == "task-failed" {
			failed = doc
		}
	}
	for path, want := range map[string]any{"celery.task.name": "shop.tasks.import_customers", "celery.task.id": "0b1f2c3d-0000-4000-8000-000000000001", "celery.task.state": "FAILURE",
		"celery.process": "ForkPoolWorker-2", "log.level": "error", "log.logger": "celery.app.trace", "error.type": "ConnectionError", "log.origin.function": "import_customers",
		"destring.peer.name": "worker-7.shop.example", "@timestamp": "2026-11-25T10:00:00.123456Z", "log.syslog.hostname": "shop-a", "process.pid": 4132.0} {
		if got := get(failed, strings.Split(path, ".")...); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	if text, _ := get(failed, "message").(string); !strings.Contains(text, "postgresql://shop:[REDACTED:") || !strings.Contains(text, "@db.internal/shop") {
		t.Errorf("only the password goes: %s", text)
	}
	post := receive(t, e.slack.posts)
	if !strings.Contains(post, "aws") || !strings.Contains(post, "shop.tasks.rotate_keys") {
		t.Errorf("the alert does not say what and where: %s", post)
	}
	alerts := e.topic("celery.alerts.v1", 1)
	metrics := e.metrics(r)
	r.end(t)
	if strings.Contains(e.log.String(), "could not be stored") {
		t.Errorf("a decision was lost at the stop:\n%s", e.log.String())
	}
	e.leaks(append([]string{post, metrics, e.log.String(), string(alerts[0].Value)}, e.everyTopic()...))
}

func receive(t *testing.T, c <-chan string) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was posted to Slack")
		return ""
	}
}

func get(doc map[string]any, path ...string) any {
	var v any = doc
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (e *estate) metrics(r *running) string {
	e.t.Helper()
	res, err := http.Get("http://" + r.house.admin.ln.Addr().String() + "/metrics")
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(body)
}

// everyTopic is all that is in Kafka.
func (e *estate) everyTopic() []string {
	e.t.Helper()
	var all []string
	for _, name := range []string{"celery.logs.v1", "celery.alerts.v1", "celery.audit.v1", "celery.dlq.v1"} {
		r, err := kafka.OpenReader(e.t.Context(), kafka.Connection{Brokers: []string{e.broker.Addr()}}, kafka.Range{Topic: name})
		if err != nil {
			e.t.Fatal(err)
		}
		for {
			record, err := r.Next(e.t.Context())
			if err != nil {
				break
			}
			e.conforms(record)
			all = append(all, string(record.Value), string(record.Key), fmt.Sprint(record.Headers))
		}
		r.Close()
	}
	return all
}

// leaks looks for the planted secrets in texts and in every file of the estate, in the
// encodings in which they could get there.
func (e *estate) leaks(texts []string) {
	e.t.Helper()
	err := filepath.WalkDir(e.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		texts = append(texts, string(data))
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, secret := range planted {
		for _, form := range encodings(secret) {
			for _, text := range texts {
				if strings.Contains(text, form) {
					e.t.Errorf("%q is to be found behind the door", form)
				}
			}
		}
	}
}
