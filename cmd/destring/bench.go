package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
)

type benchFlags struct {
	plan    loadPlan
	brokers []string
	state   string
	format  string
}

// maxBenchConnections bounds --connections: a benchmark of more wants more machines.
const maxBenchConnections = 10_000

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the relay end to end on this machine",
		Long: `bench runs the relay as serve does, in a process of its own, and sends it Celery's lines over
mutual TLS: clean ones, failures with tracebacks, and in eight of a hundred a made-up secret.
The sender and the embedded broker are processes of their own too, so that the CPU that is
reported is the relay's alone; they take part of the machine all the same. What comes out
of Kafka is read, counted and searched for the secrets. Exit code 1 when a message was
lost or a secret survived.

Latency under a load without --rate is mostly waiting: give a rate that the machine can carry to see
that of the relay. With --brokers, topics named destring.bench.* stay behind there; the keys
kafka.tls and kafka.sasl can be set by DESTRING_KAFKA_… variables.`,
		Example: "  destring bench\n  destring bench --messages 1000000 --connections 64 --chunk 1\n  destring bench --rate 5000 -o json | jq .kafka_latency\n  destring bench --brokers kafka-1:9092,kafka-2:9092",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			report, err := runBench(cmd.Context(), &f, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if f.format == "json" {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				err = out.Encode(report)
			} else {
				err = report.print(cmd.OutOrStdout())
			}
			if err == nil && (report.Lost > 0 || report.Survived > 0) {
				return &exitError{code: exitFindings}
			}
			return err
		},
	}
	cmd.Flags().IntVar(&f.plan.Messages, "messages", 200_000, "messages to send, over all connections")
	cmd.Flags().IntVar(&f.plan.Connections, "connections", 8, "connections, each of them a worker")
	cmd.Flags().IntVar(&f.plan.Chunk, "chunk", 8, "messages in one TLS record; 1 is a worker that logs now and then")
	cmd.Flags().IntVar(&f.plan.Rate, "rate", 0, "messages a second; 0 sends as fast as the relay takes them")
	cmd.Flags().Uint64Var(&f.plan.Seed, "seed", 1, "of the traffic: the same seed sends the same lines")
	cmd.Flags().StringSliceVar(&f.brokers, "brokers", nil, "host:port of a Kafka to publish to, instead of the embedded broker")
	cmd.Flags().StringVar(&f.state, "state", "", "folder for the spool, on the disk that is to be measured; a temporary one when empty")
	cmd.Flags().StringVarP(&f.format, "output", "o", "text", "text or json")
	return cmd
}

func (f *benchFlags) check() error {
	switch p := &f.plan; {
	case f.format != "text" && f.format != "json":
		return usageError("-o %s: must be text or json", f.format)
	case p.Messages < 1:
		return usageError("--messages %d: must be at least 1: there would be nothing to measure", p.Messages)
	case p.Connections < 1 || p.Connections > maxBenchConnections:
		return usageError("--connections %d: must be between 1 and %d", p.Connections, maxBenchConnections)
	case p.Connections > p.Messages:
		return usageError("--connections %d: there are fewer messages (%d) than connections", p.Connections, p.Messages)
	case p.Chunk < 1 || p.Rate < 0:
		return usageError("--chunk must be at least 1, and --rate 0 or more")
	}
	return nil
}

// benchReport is what was measured.
type benchReport struct {
	Version     string    `json:"version"`
	Go          string    `json:"go"`
	CPUs        int       `json:"cpus"`
	Broker      string    `json:"broker"`
	Messages    int       `json:"messages"`
	Connections int       `json:"connections"`
	Chunk       int       `json:"chunk"`
	Rate        int       `json:"rate_asked,omitempty"`
	Bytes       int64     `json:"bytes"`
	Seconds     float64   `json:"seconds"`
	CPUMillion  float64   `json:"cpu_seconds_per_million"`
	CPU         float64   `json:"cpu_seconds"`
	Accepted    float64   `json:"accepted_per_second"`  // durable in the spool
	Published   float64   `json:"published_per_second"` // read back from Kafka
	PeakRSS     int64     `json:"peak_rss_bytes"`
	Probes      int       `json:"probes"`
	Durable     quantiles `json:"durable_latency"`
	Kafka       quantiles `json:"kafka_latency"`
	Lost        int       `json:"lost"`
	Duplicates  int       `json:"duplicates"`
	Secrets     int       `json:"secrets_planted"`
	Survived    int       `json:"secrets_survived"`
}

func (r *benchReport) print(w io.Writer) error {
	p := &printerTo{w: w}
	p.line("%d messages (%s) over %s, %s a TLS record, to %s; %d CPUs, %s", r.Messages, rough(Size(r.Bytes)), plural(r.Connections, "connection"), plural(r.Chunk, "message"), r.Broker, r.CPUs, r.Go)
	p.line("cpu         %.2f s per million messages (%.2f s, the relay's process alone)", r.CPUMillion, r.CPU)
	p.line("rate        %.0f msg/s durable in the spool, %.0f msg/s read back from Kafka", r.Accepted, r.Published)
	p.line("memory      %s at most (RSS)", rough(Size(r.PeakRSS)))
	p.line("durable     %s, from a RELP sender's write to its reply (%s beside the load)", r.Durable, plural(r.Probes, "probe"))
	p.line("kafka       %s, from receipt to a consumer", r.Kafka)
	p.line("lost        %d", r.Lost)
	p.line("duplicates  %d", r.Duplicates)
	p.line("secrets     %d of %d survived", r.Survived, r.Secrets)
	return p.err
}

// runBench sets the processes up, from the back to the front, and measures.
func runBench(ctx context.Context, f *benchFlags, stderr io.Writer) (*benchReport, error) {
	syscall.Umask(0o077)
	dir, remove, err := stateFolder(f.state)
	if err != nil {
		return nil, err
	}
	defer remove()
	r := &benchRun{flags: f, dir: dir, bar: newProgress(stderr, "bench")}
	defer r.stop()
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	return r.measure(ctx)
}

// stateFolder is the folder that was asked for, or one that goes away.
func stateFolder(asked string) (dir string, remove func(), err error) {
	if asked == "" {
		dir, err = os.MkdirTemp("", "destring-bench-*")
		return dir, func() { _ = os.RemoveAll(dir) }, err
	}
	if dir, err = filepath.Abs(asked); err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", nil, fmt.Errorf("--state: %w", err)
	}
	return dir, func() {}, nil
}

func (f *benchFlags) brokerName() string {
	if len(f.brokers) > 0 {
		return "Kafka at " + strings.Join(f.brokers, ",")
	}
	return "the embedded broker"
}

// newBenchBroker is the embedded broker of bench, as a process of its own. It prints its address and
// runs until its standard input ends.
func newBenchBroker() *cobra.Command {
	return &cobra.Command{Use: "bench-broker DIR", Hidden: true, Short: "Run the broker of bench", Args: cobra.ExactArgs(1), Example: "  (called by destring bench)",
		RunE: func(cmd *cobra.Command, args []string) error {
			syscall.Umask(0o077)
			b, err := broker.Start(broker.Config{Dir: args[0]})
			if err != nil {
				return err
			}
			defer b.Close()
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), b.Addr()); err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, cmd.InOrStdin())
			return err
		}}
}

// report puts together what was measured.
func (r *benchRun) report(sent *loadResult, tally *benchTally, cpu time.Duration, rss int64) *benchReport {
	expected := sent.Sent + sent.Probes
	to := func(end time.Time) float64 { return max(end.Sub(sent.Began).Seconds(), 1e-6) }
	return &benchReport{Version: readBuildInfo().Version, Go: runtime.Version(), CPUs: runtime.NumCPU(), Broker: r.flags.brokerName(),
		Messages: sent.Sent, Connections: r.flags.plan.Connections, Chunk: r.flags.plan.Chunk, Rate: r.flags.plan.Rate, Bytes: sent.Bytes,
		Seconds: to(tally.Ended), CPU: cpu.Seconds(), CPUMillion: cpu.Seconds() / float64(expected) * 1e6,
		Accepted: float64(sent.Sent) / to(sent.Ended), Published: float64(tally.unique.Load()) / to(tally.Ended), PeakRSS: rss,
		Probes: sent.Probes, Durable: quantilesOf(sent.Durable), Kafka: quantilesOf(tally.Latency),
		Lost: expected - int(tally.unique.Load()), Duplicates: tally.Duplicates, Secrets: sent.Secrets, Survived: tally.Survived}
}

// benchPatience is how long the tally may stand still before what has not come counts as lost.
const benchPatience = 15 * time.Second

// connection is the way to the cluster, as the relay's own configuration has it.
func (r *benchRun) connection() (kafka.Connection, string, error) {
	c, err := loadConfig(filepath.Join(r.dir, "destring.yaml"), nil, cmdEnviron())
	if err != nil {
		return kafka.Connection{}, "", err
	}
	k, err := c.kafka()
	return k.Connection, c.Kafka.Topic, err
}
