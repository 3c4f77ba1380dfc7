package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"destring/relay/kafka"
	"destring/relay/pki"
)

// benchRun is one run: the processes around the relay's.
type benchRun struct {
	flags  *benchFlags
	dir    string
	bar    *progress
	relay  *exec.Cmd
	log    bytes.Buffer // of the relay
	status status       // of the relay when it was ready

	broker   *exec.Cmd
	brokerIn io.Closer // its standard input: when it ends, the broker ends
}

func (r *benchRun) path(name string) string { return filepath.Join(r.dir, name) }

// self is this program as another process.
func self(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	return cmd, nil
}

// start starts the broker and the relay.
func (r *benchRun) start(ctx context.Context) error {
	if err := r.certificates(); err != nil {
		return fmt.Errorf("bench: certificates: %w", err)
	}
	brokers := r.flags.brokers
	if len(brokers) == 0 {
		address, err := r.startBroker(ctx)
		if err != nil {
			return fmt.Errorf("bench: the embedded broker: %w", err)
		}
		brokers = []string{address}
	}
	if err := os.WriteFile(r.path("destring.yaml"), r.configuration(brokers, time.Now()), 0o600); err != nil {
		return err
	}
	if _, _, err := r.connection(); err != nil {
		return err
	}
	return r.startRelay(ctx)
}

// configuration is that of a relay in production, with every listener on a free port.
func (r *benchRun) configuration(brokers []string, now time.Time) []byte {
	list, _ := json.Marshal(brokers) // texts can always be written
	prefix := fmt.Sprintf("destring.bench.%d", now.Unix())
	return fmt.Appendf(nil, `# Made by destring bench.
environment: bench
listen:
  syslog_tls: {address: "127.0.0.1:0", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
  relp: {address: "127.0.0.1:0", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
  on_full: block
spool: {dir: spool, min_free: 0B}
kafka: {brokers: %s, allow_plaintext: true, topic: %[2]s.logs, alerts_topic: %[2]s.alerts, audit_topic: %[2]s.audit, dlq_topic: %[2]s.dlq}
metrics: {address: "127.0.0.1:0"}
control: {socket: control.sock}
`, list, prefix)
}

func (r *benchRun) certificates() error {
	ca, err := pki.NewCA("destring bench", 24*time.Hour)
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.pem": ca.CertPEM()}
	for name, request := range map[string]pki.Request{
		"server": {Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: 24 * time.Hour},
		"worker": {Purpose: pki.Client, Names: []string{"worker-1.bench"}, Valid: 24 * time.Hour},
	} {
		leaf, err := ca.Issue(request)
		if err != nil {
			return err
		}
		files[name+".pem"], files[name+".key"] = leaf.CertPEM, leaf.KeyPEM
	}
	for name, data := range files {
		if err := os.WriteFile(r.path(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (r *benchRun) startBroker(ctx context.Context) (address string, err error) {
	if r.broker, err = self(context.WithoutCancel(ctx), "bench-broker", r.path("kafka")); err != nil {
		return "", err
	}
	r.broker.Stderr = os.Stderr
	if r.brokerIn, err = r.broker.StdinPipe(); err != nil {
		return "", err
	}
	out, err := r.broker.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := r.broker.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), err
}

// startRelay starts `destring serve` and waits until it is ready.
func (r *benchRun) startRelay(ctx context.Context) (err error) {
	if r.relay, err = self(context.WithoutCancel(ctx), "serve", "-c", r.path("destring.yaml")); err != nil {
		return err
	}
	r.relay.Stderr = &r.log
	if err := r.relay.Start(); err != nil {
		r.relay = nil
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := newControlClient(r.path("control.sock"))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.ask(ctx, http.MethodGet, "/v1/status", nil, &r.status)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.stop()
			return fmt.Errorf("bench: the relay did not start: %w\n%s", err, r.log.String())
		}
	}
}

// measure sends the load, reads it back and asks what it cost.
func (r *benchRun) measure(ctx context.Context) (*benchReport, error) {
	brokers, topic, err := r.connection()
	if err != nil {
		return nil, err
	}
	opening, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	reader, err := awaitTopic(opening, brokers, kafka.Range{Topic: topic, Follow: true})
	if err != nil {
		return nil, fmt.Errorf("bench: the topic %s was not made: %w\n%s", topic, err, r.log.String())
	}
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	tally := &benchTally{seen: map[int][]uint64{}}
	readEnded := make(chan error, 1)
	go func() { readEnded <- tally.read(reading, reader) }() // ends with reading

	before := cpuOf(ctx, r.status.Listeners["metrics"])
	sent, err := r.load(ctx, tally)
	r.bar.done()
	stopReading()
	if err = errors.Join(err, <-readEnded); err != nil {
		return nil, err
	}
	reader.Close()
	rss := peakRSS(r.relay.Process.Pid)
	cpu, most, err := r.stopRelay()
	if err != nil {
		return nil, err
	}
	if rss == 0 {
		rss = most
	}
	return r.report(sent, tally, cpu-before, rss), nil
}

// load runs the loader and waits until the tally is full or stands still.
func (r *benchRun) load(ctx context.Context, tally *benchTally) (*loadResult, error) {
	plan := r.flags.plan
	plan.Dir, plan.Syslog, plan.RELP = r.dir, r.status.Listeners["syslog_tls"], r.status.Listeners["relp"]
	input, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	loader, err := self(ctx, "bench-load")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	loader.Stdin, loader.Stdout, loader.Stderr = bytes.NewReader(input), &out, os.Stderr
	if err := loader.Start(); err != nil {
		return nil, err
	}
	loaded := make(chan error, 1)
	go func() { loaded <- loader.Wait() }() // ends with the loader, which ends with ctx
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var result loadResult
	expected := int64(-1)
	for {
		select {
		case err := <-loaded:
			if err != nil {
				return nil, fmt.Errorf("bench: the sender: %w\n%s", err, r.log.String())
			}
			if err := json.Unmarshal(out.Bytes(), &result); err != nil {
				return nil, fmt.Errorf("bench: the sender: %w", err)
			}
			expected = int64(result.Sent + result.Probes)
		case <-ctx.Done():
			return nil, ctx.Err()
		case now := <-tick.C:
			r.bar.show(min(tally.unique.Load(), int64(plan.Messages)), int64(plan.Messages)) // the probes come on top
			still := now.Sub(time.Unix(0, max(tally.last.Load(), result.Ended.UnixNano())))
			if expected >= 0 && (tally.unique.Load() >= expected || still > benchPatience) {
				return &result, nil
			}
		}
	}
}

// stopRelay ends the relay in order and returns what its process took in all.
func (r *benchRun) stopRelay() (cpu time.Duration, rss int64, err error) {
	relay := r.relay
	r.relay = nil
	if err := relay.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, 0, fmt.Errorf("bench: the relay is gone: %w\n%s", err, r.log.String())
	}
	if err := relay.Wait(); err != nil {
		return 0, 0, fmt.Errorf("bench: the relay: %w\n%s", err, r.log.String())
	}
	if usage, ok := relay.ProcessState.SysUsage().(*syscall.Rusage); ok {
		rss = usage.Maxrss << 10 // kilobytes on Linux
	}
	return relay.ProcessState.UserTime() + relay.ProcessState.SystemTime(), rss, nil
}

// stop ends what still runs, the relay before the broker.
func (r *benchRun) stop() {
	if r.relay != nil {
		_, _, _ = r.stopRelay() // the run has failed already
	}
	if r.broker != nil && r.broker.Process != nil {
		_ = r.brokerIn.Close()
		_ = r.broker.Wait() // what it says is of no use any more
		r.broker = nil
	}
}

// cpuOf asks a relay's metrics for the CPU that its process took so far; 0 when they do not say.
func cpuOf(ctx context.Context, address string) time.Duration {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return 0
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<22))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "\nprocess_cpu_seconds_total ")
	line, _, _ := strings.Cut(after, "\n")
	seconds, err := strconv.ParseFloat(line, 64)
	if err != nil {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// peakRSS reads Linux's high water mark of a process's memory; 0 elsewhere. The rusage of a child
// is no less than its parent's memory at the fork.
func peakRSS(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "\nVmHWM:")
	line, _, _ := strings.Cut(after, " kB")
	kilobytes, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return kilobytes << 10
}
