package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"destring/relay"
	"destring/relay/celery"
	"destring/relay/syslog"
	"destring/rules"
	"destring/rules/event"
	"destring/rules/record"
)

type logtestFlags struct {
	config        string
	sets          []string
	jsonl, syslog bool
}

func newLogtest() *cobra.Command {
	var o logtestFlags
	cmd := &cobra.Command{
		Use:   "logtest [FILE…]",
		Short: "Walk a pasted line through every phase and show what becomes of it",
		Long: `logtest reads lines from files or standard input and shows how each is parsed, read as
Celery, redacted and judged. A line is the message after the syslog header; with
--syslog it is a whole frame. Nothing is stored or sent.`,
		Example: `  echo '[2026-11-25 10:00:00,000: INFO/MainProcess] celery@eu-3 ready.' | destring logtest
  destring logtest --syslog frame.txt`,
		RunE: func(cmd *cobra.Command, args []string) error { return runLogtest(cmd, args, o) },
	}
	cmd.Flags().BoolVar(&o.jsonl, "jsonl", false, `read {"id":…,"line":…} and write {"id":…,"record":{…},"matches":[…]}, a line each`)
	cmd.Flags().BoolVar(&o.syslog, "syslog", false, "lines are whole syslog frames")
	addConfigFlags(cmd, &o.config, &o.sets)
	return cmd
}

func runLogtest(cmd *cobra.Command, args []string, o logtestFlags) error {
	c, err := offlineConfig(o.config, o.sets)
	if err != nil {
		return err
	}
	set, err := c.ruleSet()
	if err != nil {
		return &exitError{exitConfig, err}
	}
	engine, err := c.engine(randomKey(), set)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
	walk := &lineWalk{engine: engine, syslog: o.syslog, out: out, now: time.Now}
	err = inputs(cmd, args, func(in io.Reader) error {
		if o.jsonl {
			return eachQuestion(in, walk.answer)
		}
		return eachLine(in, func(line []byte, _ bool) error { return walk.show(line) })
	})
	if ferr := out.Flush(); err == nil && ferr != nil {
		err = fmt.Errorf("write output: %w", ferr)
	}
	if err == nil && walk.lines == 0 && !o.jsonl {
		return usageError("no input: give a file or a line on standard input")
	}
	return err
}

// lineWalk takes single lines through the rooms as a connection would, each as if it were
// the first of its connection.
type lineWalk struct {
	engine *rules.Engine
	syslog bool
	out    *bufio.Writer
	now    func() time.Time
	lines  int
	parser syslog.Parser
	event  event.Event
}

func (w *lineWalk) walk(line []byte) *rules.Clean {
	w.lines++
	ev := &w.event
	ev.Reset()
	now := w.now().UnixNano()
	ev.ID = event.ID{Message: uint64(w.lines)}
	ev.Received, ev.Timestamp = now, now
	ev.Peer = &event.Peer{Name: "logtest", Listener: "logtest"}
	if w.syslog {
		w.parser.Parse(line, now, ev)
	} else {
		ev.Message = event.NewText(line)
	}
	celery.NewReader(celery.Options{}).Read(ev)
	relay.Date(ev, time.Local)
	return w.engine.NewInspector().Inspect(ev)
}

func (w *lineWalk) answer(q question) error {
	c := w.walk([]byte(*q.Line))
	w.out.WriteString(`{"id":`)
	w.out.Write(q.ID)
	w.out.WriteString(`,"record":`)
	w.out.Write(c.Value())
	w.out.WriteString(`,"matches":[`)
	for i, m := range c.Matches() {
		if i > 0 {
			w.out.WriteByte(',')
		}
		w.out.Write(appendMatch(nil, m))
	}
	_, err := w.out.WriteString("]}\n")
	return err
}

func appendMatch(dst []byte, m rules.Match) []byte {
	dst = record.AppendString(append(dst, `{"rule_id":`...), []byte(m.ID))
	dst = record.AppendString(append(dst, `,"rule_title":`...), []byte(m.Title))
	dst = record.AppendString(append(dst, `,"level":`...), []byte(m.Level.String()))
	return append(dst, '}')
}

// show prints the phases for a person.
func (w *lineWalk) show(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	c := w.walk(line)
	var doc map[string]any
	if err := json.Unmarshal(c.Value(), &doc); err != nil {
		return fmt.Errorf("logtest: the record is no JSON: %w", err)
	}
	phase := func(name string, keys ...string) {
		fmt.Fprintf(w.out, "%s\n", name)
		for _, k := range keys {
			for _, line := range leaves(doc[k], k) {
				fmt.Fprintf(w.out, "  %s\n", line)
			}
		}
	}
	fmt.Fprintf(w.out, "── line %d, %d bytes\n", w.lines, len(line))
	phase("1 parse   the syslog header", "@timestamp", "log")
	phase("2 celery  what kind of line it is", "celery", "error", "process")
	fmt.Fprintf(w.out, "3 redact  %d finding(s)\n", len(c.Findings()))
	for _, f := range c.Findings() {
		fmt.Fprintf(w.out, "  %s in %s (%s)%s\n", f.Detector, f.Field, f.Severity, because(f))
	}
	fmt.Fprintf(w.out, "  message = %s\n", quoted(doc["message"]))
	fmt.Fprintf(w.out, "4 rules   %d match(es)\n", len(c.Matches()))
	for _, m := range c.Matches() {
		fmt.Fprintf(w.out, "  %s (%s) %s\n", m.ID, m.Level, m.Title)
	}
	_, err := fmt.Fprintf(w.out, "5 record  %d bytes to topic %s, key %s\n", len(c.Value()), c.Topic(), quoted(string(c.Key())))
	return err
}

func because(f rules.Finding) string {
	text := ""
	if f.Key != "" {
		text += " by the key " + quoted(f.Key)
	}
	if f.Fingerprint != "" {
		text += " fingerprint " + f.Fingerprint
	}
	return text
}
