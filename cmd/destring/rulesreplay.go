package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"

	"destring/relay/kafka"
	"destring/rules/detect"
	"destring/rules/packs"
)

func newRulesReplay() *cobra.Command {
	var f ruleFlags
	var c controlFlags
	var key, events, topic string
	var since time.Duration
	cmd := &cobra.Command{Use: "replay", Short: "Say what a rule would have done to past records", Args: cobra.NoArgs,
		Long: `replay runs one rule over a file of NDJSON events, or over a topic of Kafka, by the code that
judges live records: hits a day, the workers and tasks with the most, examples, and what is
different from the version of the rule that destring runs now.`,
		Example: "  destring rules replay --rules ./rules --rule exports --since 168h -c destring.yaml\n  destring rules replay --rule leak_cloud_key --events records.ndjson",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, rule, err := f.find(key)
			if err != nil {
				return err
			}
			running, err := packs.Load()
			if err != nil {
				return err
			}
			if f.path == "" {
				running = nil // it would be compared with itself
			}
			past, err := pastEvents(cmd.Context(), c, events, topic, since, newProgress(cmd.ErrOrStderr(), "replay"))
			if err != nil {
				return err
			}
			replay, err := set.Replay(rule.Key(), past, running)
			if err != nil {
				return err
			}
			if replay.Events == 0 {
				return usageError("no events to replay")
			}
			if f.format == "json" {
				return writeJSON(cmd.OutOrStdout(), replay)
			}
			return printReplay(cmd.OutOrStdout(), replay)
		}}
	f.add(cmd)
	c.add(cmd)
	cmd.Flags().StringVar(&key, "rule", "", "id, name or title of the rule")
	cmd.Flags().StringVar(&events, "events", "", "file of NDJSON events, instead of Kafka")
	cmd.Flags().StringVar(&topic, "topic", "", "topic to read; kafka.topic of the configuration when empty")
	cmd.Flags().DurationVar(&since, "since", 7*24*time.Hour, "how far back to begin in the topic")
	return cmd
}

// pastEvents are those of a file, or of a topic.
func pastEvents(ctx context.Context, flags controlFlags, file, topic string, since time.Duration, bar *progress) (iter.Seq2[detect.Event, error], error) {
	if file != "" {
		in, err := os.Open(file)
		if err != nil {
			return nil, usageError("--events: %w", err)
		}
		return func(yield func(detect.Event, error) bool) {
			defer in.Close()
			for ev, err := range detect.ReadEvents(in) {
				if !yield(ev, err) {
					return
				}
			}
		}, nil
	}
	if flags.config == "" {
		return nil, usageError("replay needs --events FILE, or -c FILE for the Kafka to read")
	}
	c, err := loadConfig(flags.config, flags.sets, cmdEnviron())
	if err != nil {
		return nil, err
	}
	k, err := c.kafka()
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	if topic == "" {
		topic = c.Kafka.Topic
	}
	reader, err := kafka.OpenReader(ctx, k.Connection, kafka.Range{Topic: topic, From: time.Now().Add(-since)})
	if err != nil {
		return nil, err
	}
	return topicEvents(ctx, reader, bar), nil
}

func topicEvents(ctx context.Context, reader *kafka.Reader, bar *progress) iter.Seq2[detect.Event, error] {
	return func(yield func(detect.Event, error) bool) {
		defer reader.Close()
		defer bar.done()
		for {
			record, err := reader.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			var ev detect.Event
			if err == nil {
				ev, err = detect.ParseEvent(record.Value)
			}
			bar.show(reader.Progress())
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

func printReplay(w io.Writer, r *detect.Replay) error {
	p := &printerTo{w: w}
	p.line("%s: %d hits in %d events", visible(r.Rule), r.Hits, r.Events)
	if x := r.Running; x != nil {
		p.line("the version that runs now: %d hits; the new one gains %d and loses %d", x.Hits, x.Gained, x.Lost)
	}
	for _, part := range []struct {
		name   string
		counts []detect.Count
	}{{"days", r.Days}, {"workers", r.Workers}, {"tasks", r.Tasks}} {
		for _, c := range part.counts {
			p.line("  %-8s %8d  %s", part.name, c.N, visible(c.What))
		}
	}
	for _, x := range r.Examples {
		p.line("  example  event %d at %s %s", x.Index, x.Time.UTC().Format(time.RFC3339), visible(x.ID))
	}
	return p.err
}

// progress shows how far long work has come: a bar on a terminal, else a line every ten seconds.
type progress struct {
	out      io.Writer
	what     string
	terminal bool
	began    time.Time
	last     time.Time
}

func newProgress(out io.Writer, what string) *progress {
	now := time.Now()
	return &progress{out: out, what: what, terminal: isTerminal(out), began: now, last: now}
}

func (p *progress) show(done, total int64) {
	every := 10 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return
	}
	p.last = time.Now()
	rate := float64(done) / max(time.Since(p.began).Seconds(), 1e-3)
	eta := "?"
	if rate > 0 && total >= done {
		eta = (time.Duration(float64(total-done)/rate) * time.Second).Round(time.Second).String()
	}
	text := fmt.Sprintf("%s: %d of %d (%d %%), %.0f/s, %s left", p.what, done, total, 100*done/max(total, 1), rate, eta)
	if p.terminal {
		const width = 30
		full := int(width * done / max(total, 1))
		fmt.Fprintf(p.out, "\r\x1b[K[%-30s] %s", bar(full, width), text)
		return
	}
	fmt.Fprintln(p.out, text)
}

func bar(full, width int) string {
	b := make([]byte, max(min(full, width), 0))
	for i := range b {
		b[i] = '#'
	}
	return string(b)
}

// done ends the line of the bar.
func (p *progress) done() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
