package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"destring/relay/kafka"
	"destring/relay/pki"
)

// signalsOf waits for the signals of these names on the audit topic, and returns them.
func (e *estate) signalsOf(want ...string) map[string]map[string]any {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	open := func() (*kafka.Reader, error) {
		return kafka.OpenReader(ctx, kafka.Connection{Brokers: []string{e.broker.Addr()}}, kafka.Range{Topic: "celery.audit.v1", Follow: true})
	}
	r, err := open()
	for ; err != nil && ctx.Err() == nil; r, err = open() { // the relay makes the topic a moment after its start
		<-tick.C
	}
	if err != nil {
		e.t.Fatal(err)
	}
	defer r.Close()
	got := map[string]map[string]any{}
	for len(got) < len(want) {
		record, err := r.Next(ctx)
		if err != nil {
			e.t.Fatalf("%v came, want %v: %v\n%s", got, want, err, e.log.String())
		}
		var doc map[string]any
		if err := json.Unmarshal(record.Value, &doc); err != nil {
			e.t.Fatal(err)
		}
		name, _ := get(doc, "destring", "signal").(string)
		for _, w := range want {
			if w == name {
				got[name] = doc
			}
		}
	}
	return got
}

const quickSignals = "signals: {learning: 0s, grace: 1s}\n"

// A signal is a record of the audit topic with the fields that the pack's rules group by, and
// what a sender wrote in it is redacted.
func TestSignalsAreRecordsOfTheAuditTopic(t *testing.T) {
	e := newEstate(t)
	r := e.start(quickSignals + "peers: [{match: worker-7.shop.example, hosts: [shop-a]}]\n")
	conn := e.dial(r, "worker-7.shop.example")
	for _, line := range []string{"[2026-11-25 10:00:00,123: INFO/MainProcess] celery@shop-b ready.",
		"[2026-11-25 10:00:00,223: INFO/MainProcess] Task shop.tasks." + planted[0] + "[0b1f2c3d-0000-4000-8000-000000000001] received",
		"[2026-11-25 10:00:00,323: INFO/MainProcess] Scheduler: Sending due task nightly clean-up (shop.tasks.clean)"} {
		io.WriteString(conn, frame(134, "celery.worker", line))
	}
	conn.NetConn().Close() // without goodbye

	stranger, err := pki.NewCA("stranger", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := stranger.Issue(pki.Request{Purpose: pki.Client, Names: []string{"worker-7.shop.example"}, Valid: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	cert := leaf.TLS()
	if c, err := tls.Dial("tcp", r.house.door.listeners[0].Addr().String(), &tls.Config{RootCAs: e.ca.Pool(), ServerName: "localhost",
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }}); err == nil {
		_, _ = c.Read(make([]byte, 1)) // the refusal
		c.Close()
	}
	got := e.signalsOf("first-seen-worker", "worker-mismatch", "first-seen-task", "first-seen-beat-entry", "handshake-refused", "worker-closed")
	for _, c := range []struct{ signal, path, want string }{
		{"worker-mismatch", "celery.worker", "celery@shop-b"}, {"worker-mismatch", "destring.peer.name", "worker-7.shop.example"}, {"worker-mismatch", "service.environment", "test"},
		{"first-seen-beat-entry", "celery.schedule.entry", "nightly clean-up"}, {"first-seen-beat-entry", "celery.task.name", "shop.tasks.clean"},
		{"first-seen-task", "log.syslog.hostname", "shop-a"},
		{"handshake-refused", "source.ip", "127.0.0.1"}, {"handshake-refused", "event.reason", "unknown-authority"},
		{"worker-closed", "celery.worker", "celery@shop-b"}, {"worker-closed", "event.module", "destring"}, {"worker-closed", "event.action", "worker-closed"},
	} {
		if v := get(got[c.signal], strings.Split(c.path, ".")...); v != c.want {
			t.Errorf("%s: %s = %v, want %s", c.signal, c.path, v, c.want)
		}
	}
	for _, signal := range []string{"worker-mismatch", "worker-closed"} {
		if hash, _ := get(got[signal], "tls", "client", "hash", "sha256").(string); len(hash) != 64 {
			t.Errorf("%s: fingerprint %q", signal, hash)
		}
	}
	r.end(t)
	e.leaks(append(e.everyTopic(), e.log.String()))
}

// What was learned outlives the relay: after a restart a known task is no news, and a new one is.
func TestWhatSignalsLearnedOutlivesTheRelay(t *testing.T) {
	e := newEstate(t)
	say := func(r *running, tasks ...string) {
		conn := e.dial(r, "worker-7.shop.example")
		for _, task := range tasks {
			io.WriteString(conn, frame(134, "celery.worker", "[2026-11-25 10:00:00,223: INFO/MainProcess] Task "+task+"[0b1f2c3d-0000-4000-8000-000000000001] received"))
		}
		hangUp(t, conn)
	}
	r := e.start("signals: {learning: 1ns}\n")
	say(r, "shop.known", "shop.marker")
	e.signalsOf("first-seen-task")
	r.end(t)
	again := e.start("signals: {learning: 1ns}\n")
	say(again, "shop.known", "shop.unknown")
	again.end(t)
	var told []string
	for _, text := range e.everyTopic() {
		var doc map[string]any
		if json.Unmarshal([]byte(text), &doc) == nil && get(doc, "destring", "signal") == "first-seen-task" {
			name, _ := get(doc, "celery", "task", "name").(string)
			told = append(told, name)
		}
	}
	if got := strings.Join(told, " "); got != "shop.marker shop.unknown" {
		t.Errorf("told of %q; shop.known began the learning", got)
	}
}

func TestSignalsCanBeSwitchedOff(t *testing.T) {
	e := newEstate(t)
	r := e.start("signals: {enabled: false, learning: 0s}\n")
	conn := e.dial(r, "worker-7.shop.example")
	io.WriteString(conn, frame(134, "celery.worker", "[2026-11-25 10:00:00,223: INFO/MainProcess] Task shop.new[0b1f2c3d-0000-4000-8000-000000000001] received"))
	hangUp(t, conn)
	e.topic("celery.logs.v1", 1)
	r.end(t)
	for _, text := range e.everyTopic() {
		if strings.Contains(text, "first-seen") {
			t.Errorf("said %s", text)
		}
	}
}
