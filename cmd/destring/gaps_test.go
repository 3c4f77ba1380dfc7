package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"destring/relay/kafka/broker"
)

// startSmall starts a relay whose spool is soon full.
func (e *estate) startSmall() *running {
	e.t.Helper()
	c := e.config("")
	c.Spool.MaxSize, c.Listen.Stall = 2<<20, 50*time.Millisecond
	h, err := buildHouse(c, houseOptions{log: slog.New(slog.NewTextHandler(e.log, nil)), level: new(slog.LevelVar)})
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(e.t.Context())
	r := &running{house: h, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- h.run(ctx) }() // ends with ctx
	e.t.Cleanup(func() { r.end(e.t) })
	return r
}

// Kafka is away, the spool is full, records are dropped, and the relay is stopped: there is no room to
// say so. The next run says it, with the exact number.
func TestWhatWasDroppedIsStatedThoughTheSpoolIsFullAtTheStop(t *testing.T) {
	e := newEstate(t)
	r := e.startSmall()
	port := e.broker.Port()
	e.broker.Close()
	conn := e.dial(r, "worker-7.shop.example")
	sent := 0
	for i := 0; ; i++ {
		var b strings.Builder
		for b.Len() < 2000 {
			fmt.Fprintf(&b, " item %d", (i*7919+b.Len()*104729)%1_000_000)
		}
		if _, err := io.WriteString(conn, frame(132, "celery.app.trace", fmt.Sprintf("[2026-11-25 10:00:00,123: WARNING/MainProcess] number %d:%s", i, b.String()))); err != nil {
			t.Fatal(err)
		}
		sent++
		if gap, ok := r.house.relay.Pending(); ok && gap.Records > 20 {
			break
		}
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a connection that lost records was closed in order: %v", err)
	}
	r.end(t)

	var err error
	if e.broker, err = broker.Start(broker.Config{Port: port, Topics: []broker.Topic{{Name: "celery.logs.v1", Partitions: 6}, {Name: "celery.audit.v1", Partitions: 1}}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.broker.Close)
	r = e.startSmall()
	var told struct {
		Event    struct{ Action string }
		Destring struct {
			Signal string
			Gap    struct{ Records int }
		}
	}
	for n := 1; told.Destring.Signal != "shed"; n++ {
		records := e.topic("celery.audit.v1", n)
		if err := json.Unmarshal(records[n-1].Value, &told); err != nil {
			t.Fatal(err)
		}
	}
	arrived := len(e.topic("celery.logs.v1", sent-told.Destring.Gap.Records))
	if arrived+told.Destring.Gap.Records != sent || told.Destring.Gap.Records < 20 {
		t.Errorf("%d sent, %d arrived, and the audit topic tells of %d", sent, arrived, told.Destring.Gap.Records)
	}
	r.end(t)
	if logs := len(e.topic("celery.logs.v1", arrived)); logs != arrived {
		t.Errorf("%d records more than sent", logs-arrived)
	}
}

// Container runtimes kill after ten seconds; what is not told by then is told after the next start.
func TestAStopDoesNotWaitForASlackThatHangs(t *testing.T) {
	e := newEstate(t)
	hang := make(chan struct{})
	asked := make(chan struct{}, 100)
	e.slack.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-hang
	})
	defer close(hang)
	r := e.start("")
	conn := e.dial(r, "worker-7.shop.example")
	for _, line := range leakyLines() {
		io.WriteString(conn, frame(134, "celery.app.trace", line))
	}
	hangUp(t, conn)
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Fatal("Slack was not asked")
	}
	began := time.Now()
	r.end(t)
	if took := time.Since(began); took > 9500*time.Millisecond {
		t.Errorf("stopping took %v", took)
	}
}
