package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

// demoLines are what a real worker (Celery 5.7, prefork) logged while it ran deploy/celery/example, with
// placeholders for times and secrets.
//
//go:embed demo.jsonl
var demoLines string

type demoLine struct {
	Logger string `json:"logger"`
	PID    int    `json:"pid"`
	Text   string `json:"text"`
}

// demoWorker sends the lines over mutual TLS, as deploy/celery/destring_celery.py does, at the pace at which a
// person can read them.
type demoWorker struct {
	address string
	ca      *x509.CertPool
	dir     string
	sent    chan<- string
	lines   atomic.Int64
}

func (w *demoWorker) count() int64 { return w.lines.Load() }

// demoPace is between two lines.
const demoPace = 120 * time.Millisecond

func (w *demoWorker) run(ctx context.Context) error {
	cert, err := tls.LoadX509KeyPair(filepath.Join(w.dir, "worker.pem"), filepath.Join(w.dir, "worker.key"))
	if err != nil {
		return err
	}
	d := tls.Dialer{Config: &tls.Config{RootCAs: w.ca, ServerName: "localhost", Certificates: []tls.Certificate{cert}}}
	conn, err := d.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return fmt.Errorf("demo: the worker cannot connect: %w", err)
	}
	defer conn.Close()
	tick := time.NewTicker(demoPace)
	defer tick.Stop()
	for round := 0; ; round++ {
		for _, line := range demoRound(round) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			now := time.Now()
			text := strings.ReplaceAll(line.Text, "{time}", now.Format("2006-01-02 15:04:05,000"))
			message := fmt.Sprintf("<134>1 %s demo-worker %s %d - [origin software=\"destring_celery\"] %s", now.UTC().Format("2006-01-02T15:04:05.000000Z"), line.Logger, line.PID, text)
			if _, err := fmt.Fprintf(conn, "%d %s", len(message), message); err != nil {
				return fmt.Errorf("demo: the worker cannot send: %w", err)
			}
			w.lines.Add(1)
			select {
			case w.sent <- text:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// demoRound is the lines with task ids of their own and the secrets of the demo: made up, the same in
// every round so that the second leak of a key folds into the first alert.
func demoRound(round int) []demoLine {
	r := strings.NewReplacer("{aws_key}", "AKIA"+"Q7RZT2NW5KXJ4MBD", "{aws_secret}", "dem0"+"u8Hx2Lq9Vt4Rz7Kp1Ws6Yb3Nc5Mf0Jg8Td2Xe", "{password}", "demo-hunter2-mailbox",
		"{dsn_password}", "demo-pg-s3cr3t", "{email}", "jane.roe@shop.example", "{card}", "4111111111111111")
	ids := map[string]string{}
	var lines []demoLine
	for raw := range strings.Lines(demoLines) {
		var line demoLine
		if json.Unmarshal([]byte(raw), &line) != nil {
			continue // a test reads every line
		}
		line.Text = uuids.ReplaceAllStringFunc(r.Replace(line.Text), func(id string) string {
			if ids[id] == "" {
				ids[id] = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", rand.Uint32(), rand.IntN(1<<16), rand.IntN(1<<12), rand.IntN(1<<12), rand.Int64N(1<<48))
			}
			return ids[id]
		})
		if round == 0 || !strings.Contains(line.Text, "mingle") && !strings.Contains(line.Text, "Connected to") && !strings.Contains(line.Text, " ready.") {
			lines = append(lines, line)
		}
	}
	return lines
}
