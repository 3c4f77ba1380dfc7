package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
	"destring/relay/pki"
)

type demoFlags struct {
	length time.Duration
	state  string
	port   int
}

func newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch Celery's lines come in over TLS and go out clean; needs nothing else",
		Long: `demo runs the whole relay in one process, with a Kafka-compatible broker, a throw-away
certificate authority, a stand-in for Slack and the traffic of a small Celery shop that
leaks. It shows what arrived beside what left, and how to attach a worker of yours.
It needs no network, no root and no configuration.`,
		Example: "  destring demo\n  destring demo --for 10s\n  destring demo --state ./state     # keeps data and certificates",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), f, cmd.OutOrStdout())
		},
	}
	cmd.Flags().DurationVar(&f.length, "for", 0, "end after this time with a summary; 0 runs until ^C")
	cmd.Flags().StringVar(&f.state, "state", "", "keep data, certificates and configuration in this folder")
	cmd.Flags().IntVar(&f.port, "port", 6514, "port of the TLS listener; 0 takes a free one")
	return cmd
}

// demo is the stage: a relay as serve builds it, and around it what a shop would have.
type demo struct {
	flags  demoFlags
	dir    string
	broker *broker.Broker
	slack  *slackStandIn
	house  *house
	ca     *pki.CA
	show   *demoShow
}

func runDemo(ctx context.Context, f demoFlags, out io.Writer) (err error) {
	// The embedded broker makes its files with mode 0644; they hold redacted logs only, and yet.
	syscall.Umask(0o077)
	if f.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.length)
		defer cancel()
	}
	d := &demo{flags: f, dir: f.state, show: newDemoShow(out)}
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "destring-demo-*"); err != nil {
			return err
		}
		defer os.RemoveAll(d.dir)
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	defer d.close()
	if err := d.build(); err != nil {
		return err
	}
	return d.run(ctx)
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// build sets the stage up, from the back to the front.
func (d *demo) build() (err error) {
	if err := d.certificates(); err != nil {
		return fmt.Errorf("demo: certificates: %w", err)
	}
	if d.broker, err = broker.Start(broker.Config{Dir: d.path("kafka")}); err != nil {
		return fmt.Errorf("demo: the embedded broker: %w", err)
	}
	if d.slack, err = startSlackStandIn(); err != nil {
		return fmt.Errorf("demo: the stand-in for Slack: %w", err)
	}
	if err := os.WriteFile(d.path("slack.url"), []byte(d.slack.url), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(d.path("destring.yaml"), []byte(d.configuration()), 0o600); err != nil {
		return err
	}
	c, err := loadConfig(d.path("destring.yaml"), nil, nil)
	if err != nil {
		return err
	}
	logFile, err := os.OpenFile(d.path("destring.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	d.show.logFile = logFile
	level := new(slog.LevelVar)
	d.house, err = buildHouse(c, houseOptions{log: c.logger(logFile, level), level: level})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("demo: port %d is in use: choose another with --port, or --port 0 for a free one", d.flags.port)
	}
	return err
}

func (d *demo) configuration() string {
	return fmt.Sprintf(`# Made by destring demo; destring tail, status and alert work with it while the demo runs.
environment: demo
listen:
  syslog_tls: {address: "127.0.0.1:%d", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
spool: {dir: spool, max_size: 1GiB, min_free: 0B}
kafka: {brokers: [%q]}
alerts: {group_wait: 2s, group_wait_high: 1s, storm: 100, slack: {webhook_url_file: slack.url}}
`, d.flags.port, d.broker.Addr())
}

// certificates makes the authority of the demo, or takes that of the state folder.
func (d *demo) certificates() (err error) {
	certPEM, err1 := os.ReadFile(d.path("ca.pem"))
	keyPEM, err2 := os.ReadFile(d.path("ca.key"))
	if err1 == nil && err2 == nil {
		d.ca, err = pki.LoadCA(certPEM, keyPEM)
	} else {
		d.ca, err = pki.NewCA("destring demo", 30*24*time.Hour)
	}
	if err != nil {
		return err
	}
	if keyPEM, err = d.ca.KeyPEM(); err != nil {
		return err
	}
	files := map[string][]byte{"ca.pem": d.ca.CertPEM(), "ca.key": keyPEM}
	for name, request := range map[string]pki.Request{
		"server": {Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: 7 * 24 * time.Hour},
		"worker": {Purpose: pki.Client, Names: []string{"worker-1.demo"}, Valid: 7 * 24 * time.Hour},
	} {
		leaf, err := d.ca.Issue(request)
		if err != nil {
			return err
		}
		files[name+".pem"], files[name+".key"] = leaf.CertPEM, leaf.KeyPEM
	}
	for name, data := range files {
		if err := os.WriteFile(d.path(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// run plays until ctx ends, then ends the relay in order and sums up.
func (d *demo) run(ctx context.Context) error {
	_, port, _ := net.SplitHostPort(d.house.door.Addresses()["syslog_tls"])
	d.show.welcome(d.dir, port, d.broker.Addr(), d.flags.state != "")
	relayCtx, stopRelay := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRelay()
	ended := make(chan error, 1)
	go func() { ended <- d.house.run(relayCtx) }() // ends with relayCtx

	var players sync.WaitGroup
	playing, stopPlaying := context.WithCancel(ctx)
	defer stopPlaying()
	sent := make(chan string, 1024)
	errs := make(chan error, 3)
	play := func(part func(context.Context) error) {
		players.Go(func() {
			if err := part(playing); err != nil && playing.Err() == nil {
				errs <- err
				stopPlaying()
			}
		})
	}
	worker := &demoWorker{address: "127.0.0.1:" + port, ca: d.ca.Pool(), dir: d.dir, sent: sent}
	play(worker.run)
	play(func(ctx context.Context) error { return d.watch(ctx, sent) })
	play(func(ctx context.Context) error { return d.show.alerts(ctx, d.slack.posts) })
	players.Wait()
	stopRelay()
	err := <-ended
	select {
	case perr := <-errs:
		err = errors.Join(err, perr)
	default:
	}
	d.show.summary(worker.count())
	return err
}

// watch reads the topic and shows each record beside the line that it was made of. The demo's worker
// has one connection and so one partition: records come in the order in which they were sent.
func (d *demo) watch(ctx context.Context, sent <-chan string) error {
	what := kafka.Range{Topic: d.house.config.Kafka.Topic, From: time.Now(), Follow: true}
	reader, err := awaitTopic(ctx, kafka.Connection{Brokers: []string{d.broker.Addr()}}, what)
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		record, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(record.Key), "worker-1.demo/demo-worker") {
			d.show.other(record) // a worker that somebody attached
			continue
		}
		select {
		case line := <-sent:
			d.show.record(line, record)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitTopic opens a topic as soon as the publisher has made it.
func awaitTopic(ctx context.Context, brokers kafka.Connection, what kafka.Range) (*kafka.Reader, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := kafka.OpenReader(ctx, brokers, what)
		if err == nil {
			return r, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (d *demo) close() {
	if d.broker != nil {
		d.broker.Close()
	}
	if d.slack != nil {
		d.slack.close()
	}
	if d.show.logFile != nil {
		_ = d.show.logFile.Close() // it was only appended to
	}
}
