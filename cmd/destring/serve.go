package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
	_ "time/tzdata" // the image has no zone files

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"destring/alerting"
	"destring/alerting/slack"
	"destring/relay"
	"destring/relay/kafka"
	"destring/relay/spool"
	"destring/rules"
	"destring/rules/detect"
)

type serveFlags struct {
	config string
	sets   []string
	stdout bool
}

func newServe() *cobra.Command {
	var o serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the relay",
		Long: `serve listens for syslog, and publishes clean records to Kafka and alerts to Slack until
it gets SIGTERM or ^C. Then it shuts the door, reads what is in the sockets, delivers
what it can, and ends within ten seconds; what is left stays in the spool for the
next start. A second signal ends it at once.`,
		Example: "  destring serve -c /etc/destring/destring.yaml\n  destring serve -c destring.yaml --stdout | jq .message",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runServe(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&o.stdout, "stdout", false, "print the records of kafka.topic to standard output, one JSON record a line, instead of publishing them")
	addConfigFlags(cmd, &o.config, &o.sets)
	return cmd
}

func runServe(ctx context.Context, o serveFlags, stdout, stderr io.Writer) error {
	if o.config == "" {
		return usageError("serve needs a configuration: -c destring.yaml (destring validate -c FILE checks one)")
	}
	c, err := loadConfig(o.config, o.sets, cmdEnviron())
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	level.Set(c.logLevel())
	log := c.logger(stderr, level)
	if o.stdout {
		remove, err := c.temporarySpool()
		if err != nil {
			return err
		}
		defer remove()
	}
	h, err := buildHouse(c, houseOptions{sets: o.sets, stdout: o.stdout, out: stdout, log: log, level: level})
	if err != nil {
		return err
	}
	return h.run(ctx)
}

// temporarySpool gives a configuration without spool.dir a folder that goes with the process.
func (c *Config) temporarySpool() (remove func(), err error) {
	if c.Spool.Dir != "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "destring-*")
	if err != nil {
		return nil, fmt.Errorf("temporary spool: %w", err)
	}
	c.Spool.Dir = dir + "/spool"
	return func() { _ = os.RemoveAll(dir) }, nil
}

func (c *Config) logLevel() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // the configuration was checked
	return level
}

func (c *Config) logger(w io.Writer, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// house is the relay put together:
//
//	listener ──► relay (celery ► rules ► spool.Append) ──► spool ──► publisher or printer
//	                    │                                    └────► alerter ──► slack, relay.State
//	                    └──► signals ──► audit ──► relay.State
//
// It is built from the back to the front, so that nothing is handed to what is not there yet, and
// ended from the front to the back (run.go).
type house struct {
	config    *Config
	log       *slog.Logger
	metrics   *prometheus.Registry
	spool     *spool.Spool
	relay     *relay.Relay
	publisher *kafka.Publisher // nil with --stdout
	outlet    interface {
		Run(context.Context) error
	}
	alerter *alerting.Alerter
	matches *spoolMatches
	stating sync.Mutex // guards gapNote
	gapNote *relay.GapNote
	journal *alerting.FileJournal
	memory  *memoryFile
	signals *signalHouse // nil when they are switched off
	audit   *auditQueue
	slack   *slack.Client // nil without a bot token
	admin   *admin        // nil when metrics.address is not set
	control *control
	door    door

	started   time.Time
	set       *detect.Set     // the rules in force
	master    []byte          // the keys of fingerprints and hashes are derived from it
	sets      []string        // --set, for a reload
	level     *slog.LevelVar  // of log
	reloading sync.Mutex      // one reload at a time; guards the reloadable keys of config
	ending    context.Context // ends when nobody should wait for room in the spool any more
	end       context.CancelFunc
}

// houseOptions are what the command line says beside the configuration.
type houseOptions struct {
	sets   []string
	stdout bool // print records to out instead of publishing them
	out    io.Writer
	log    *slog.Logger
	level  *slog.LevelVar
}

// Names of the spool's readers: their cursors are files with these names.
const (
	readerKafka  = "kafka"
	readerAlerts = "alerts"
)

func buildHouse(c *Config, o houseOptions) (h *house, err error) {
	h = &house{config: c, log: o.log, level: o.level, sets: o.sets, metrics: prometheus.NewRegistry(), started: time.Now()}
	h.ending, h.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	h.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if c.Spool.Dir == "" {
		return h, Faults{{Key: "spool.dir", Message: "must not be empty", File: c.file}}
	}
	ring, master, err := c.openKeys()
	if err != nil {
		return h, &exitError{exitConfig, err}
	}
	h.master = master
	if o.stdout {
		c.maxRecord = printedRecord
	}
	set, err := c.ruleSet()
	if err != nil {
		return h, &exitError{exitConfig, err}
	}
	h.set = set
	engine, err := c.engine(master, set)
	if err != nil {
		return h, &exitError{exitConfig, err}
	}
	if err := h.openSpool(ring); err != nil {
		return h, err
	}
	if err := h.openOutlet(o.stdout, o.out); err != nil {
		return h, err
	}
	read, err := c.celeryOptions()
	if err != nil {
		return h, &exitError{exitConfig, err}
	}
	if err := h.openSignals(master); err != nil {
		return h, err
	}
	h.relay = relay.New(relay.Config{Spool: h.spool, Topics: c.topics(), Partitions: h.partitions, Zone: c.zone(),
		Shed: c.Listen.OnFull == "shed", Stall: c.Listen.Stall, Metrics: relay.NewMetrics(h.metrics), Stop: h.ending, Signals: h.tracker()}, relay.Policy{Engine: engine, Celery: read})
	if err := h.openGapNote(); err != nil {
		return h, err
	}
	if err := h.openAlerting(master, set); err != nil {
		return h, err
	}
	if c.Metrics.Address != "" {
		if h.admin, err = newAdmin(c.Metrics.Address, h.metrics, h.problems, o.log); err != nil {
			return h, err
		}
	}
	if h.control, err = newControl(c.controlSocket(), h.routes(), o.log); err != nil {
		return h, err
	}
	return h, h.openDoor(master)
}

// printedRecord bounds a record that is printed: a message of 1 MiB goes out whole, in message and celery.message,
// though every byte of it be escaped.
const printedRecord = 14 << 20

// engine makes the rules' engine of the configuration.
func (c *Config) engine(master []byte, set *detect.Set) (*rules.Engine, error) {
	options, err := c.redactPolicy()
	if err != nil {
		return nil, err
	}
	options.Key = deriveKey(master, "fingerprint "+c.Environment)
	for _, file := range c.Redact.OldKeyFiles {
		old, err := readKey(c.path(file))
		if err != nil {
			return nil, fmt.Errorf("redact.old_key_files: %w", err)
		}
		options.PreviousKeys = append(options.PreviousKeys, deriveKey(old, "fingerprint "+c.Environment))
	}
	return rules.New(rules.Options{Redact: options, Rules: set, Environment: c.Environment, Observer: c.observer(), MaxRecord: c.maxRecord})
}

func (c *Config) topics() [rules.Topics]string {
	return [rules.Topics]string{rules.Logs: c.Kafka.Topic, rules.Alerts: c.Kafka.AlertsTopic, rules.Audit: c.Kafka.AuditTopic, rules.DeadLetters: c.Kafka.DLQTopic}
}

func (c *Config) zone() *time.Location {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil { // it was checked
		return time.UTC
	}
	return zone
}

// commitDelay is how long records wait for others before they are written and synced together: every
// round of writing and publishing costs about a millisecond of processor time, whatever it carries.
const commitDelay = 5 * time.Millisecond

func (h *house) openSpool(ring spool.Keyring) (err error) {
	c := h.config
	codec, err := spool.ParseCodec(c.Kafka.Compression)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	h.spool, err = spool.Open(spool.Config{Dir: c.path(c.Spool.Dir), Keys: ring, Readers: []string{readerKafka, readerAlerts}, MaxSize: int64(c.Spool.MaxSize),
		MinFree: int64(c.Spool.MinFree), CommitDelay: commitDelay, Codec: codec, Stall: max(c.Listen.Stall, 10*time.Millisecond), Log: h.log, Metrics: spool.NewMetrics(h.metrics)})
	return err
}

// openOutlet makes what empties the spool: the publisher, or the printer of --stdout.
func (h *house) openOutlet(toStdout bool, stdout io.Writer) error {
	reader, err := h.spool.Reader(readerKafka)
	if err != nil {
		return err
	}
	source := relay.NewOutlet(reader)
	if toStdout {
		h.outlet = &printer{source: source, topic: h.config.Kafka.Topic, out: stdout}
		return nil
	}
	if len(h.config.Kafka.Brokers) == 0 {
		return Faults{{Key: "kafka.brokers", Message: "must not be empty (set kafka.brokers or DESTRING_KAFKA_BROKERS)", File: h.config.file}}
	}
	cfg, err := h.config.kafka()
	if err != nil {
		return &exitError{exitConfig, err}
	}
	cfg.Log, cfg.Metrics = h.log, kafka.NewMetrics(h.metrics)
	cfg.DeadLetter, cfg.DeadLetterTopic = h.bury, h.config.Kafka.DLQTopic
	h.publisher, err = kafka.New(cfg, source)
	h.outlet = h.publisher
	return err
}

// partitions is how many partitions a topic has: what Kafka says, else the configuration. Printed records have one, so that
// they come in the order in which they were taken.
func (h *house) partitions(topic string) int32 {
	if h.publisher == nil {
		return 1
	}
	if n, ok := h.publisher.Partitions(topic); ok {
		return n
	}
	if topic != h.config.Kafka.Topic {
		return 1
	}
	return int32(h.config.Kafka.Partitions)
}

// maxBuried is how much of a refused record its dead letter holds, in bytes.
const maxBuried = 32 << 10

// bury makes a dead letter of a record that the broker refused for good, and returns once it is
// durable: the publisher gives the record up then. What it holds of the record was clean already.
func (h *house) bury(d kafka.DeadLetter) error {
	err := h.relay.State(rules.Statement{Topic: rules.DeadLetters, Action: "record-refused", Kind: "event", Time: time.Now().UnixNano(), Severity: rules.High, Key: string(d.Key),
		Message: "The broker refused this record for good.", Fields: []rules.Field{rules.String("destring.dead_letter.reason", d.Reason), rules.String("destring.dead_letter.topic", d.Topic),
			rules.Int("destring.dead_letter.partition", int64(d.Partition)), rules.Int("destring.dead_letter.bytes", int64(len(d.Value))),
			rules.String("destring.dead_letter.record", string(d.Value[:min(len(d.Value), maxBuried)]))}})
	if err != nil {
		return err
	}
	return h.spool.Flush(h.ending)
}

// problems says what keeps the relay from doing its work, for /readyz. Kafka being away is none:
// the spool takes what comes.
func (h *house) problems() map[string]string {
	problems := map[string]string{}
	if h.spool.Usage() >= 1 {
		problems["spool"] = "full"
	}
	if n, since, on := h.relay.Shedding(); on {
		problems["spool"] = fmt.Sprintf("full since %s: plain syslog is dropped, %d records so far", since.UTC().Format(time.RFC3339), n)
	}
	return problems
}
