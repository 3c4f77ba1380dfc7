package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"destring/rules"
	"destring/rules/record"
	"destring/rules/redact"
)

type redactFlags struct {
	config         string
	sets           []string
	jsonl, explain bool
	stats          bool
	list           bool
}

func newRedact() *cobra.Command {
	var o redactFlags
	cmd := &cobra.Command{
		Use:   "redact [FILE…]",
		Short: "Hide secrets and personal data in lines of text",
		Long: `redact reads lines from files or standard input and writes them with every secret
replaced by a mark. Without -c it uses the default policy and a random key, so
that fingerprints are comparable within this run only.`,
		Example: "  kubectl logs deploy/worker | destring redact\n  destring redact --explain old-worker.log",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRedact(cmd, args, o)
		},
	}
	cmd.Flags().BoolVar(&o.jsonl, "jsonl", false, `read {"id":…,"line":…} and write {"id":…,"line":…,"findings":[…]}, a line each`)
	cmd.Flags().BoolVar(&o.explain, "explain", false, "write what was hidden or left, and why, to standard error, never the value")
	cmd.Flags().BoolVar(&o.stats, "stats", false, "write counts by detector to standard error at the end")
	cmd.Flags().BoolVar(&o.list, "detectors", false, "list the detectors and end")
	addConfigFlags(cmd, &o.config, &o.sets)
	return cmd
}

func addConfigFlags(cmd *cobra.Command, file *string, sets *[]string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "configuration file")
	cmd.Flags().StringArrayVar(sets, "set", nil, "set a key of the configuration: --set kafka.topic=logs (may be repeated)")
}

func cmdEnviron() []string { return os.Environ() }

// offlineConfig is the configuration for commands that need none: the file's when one is named, else
// the defaults.
func offlineConfig(file string, sets []string) (*Config, error) {
	if file == "" {
		return defaultConfig(sets)
	}
	return loadConfig(file, sets, cmdEnviron())
}

func randomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return key
}

func runRedact(cmd *cobra.Command, args []string, o redactFlags) error {
	c, err := offlineConfig(o.config, o.sets)
	if err != nil {
		return err
	}
	options, err := c.redactPolicy()
	if err != nil {
		return &exitError{exitConfig, err}
	}
	options.Key = randomKey()
	r, err := redact.New(options)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	if o.list {
		return listDetectors(cmd.OutOrStdout(), r)
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
	run := &redactRun{redactor: r, out: out}
	if o.explain {
		run.explain = cmd.ErrOrStderr()
	}
	err = inputs(cmd, args, func(in io.Reader) error {
		if o.jsonl {
			return eachQuestion(in, run.answer)
		}
		return eachLine(in, run.line)
	})
	if ferr := out.Flush(); err == nil && ferr != nil {
		err = fmt.Errorf("write output: %w", ferr)
	}
	if o.stats {
		run.printStats(cmd.ErrOrStderr())
	}
	return err
}

func listDetectors(w io.Writer, r *redact.Redactor) error {
	p := &printerTo{w: w}
	for _, d := range r.Detectors() {
		p.line("%-32s %-12s %s", d.Name, d.Class, rules.Severity(d.Severity))
	}
	return p.err
}

type redactRun struct {
	redactor *redact.Redactor
	scratch  redact.Scratch
	out      *bufio.Writer
	explain  io.Writer
	lines    int
	buf      []byte
	stats    redact.Stats
}

func (r *redactRun) line(line []byte, ended bool) error {
	res := r.redact(line)
	if ended {
		r.buf = append(append(r.buf[:0], res.Text...), '\n')
		_, err := r.out.Write(r.buf)
		return err
	}
	_, err := r.out.Write(res.Text)
	return err
}

func (r *redactRun) answer(q question) error {
	// Questions are independent of one another: nothing is carried over.
	r.scratch = redact.Scratch{}
	res := r.redact([]byte(*q.Line))
	dst := append(append(r.buf[:0], `{"id":`...), q.ID...)
	dst = record.AppendString(append(dst, `,"line":`...), res.Text)
	dst = append(dst, `,"findings":[`...)
	for i := range res.Findings {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendFinding(dst, &res.Findings[i])
	}
	r.buf = append(dst, "]}\n"...)
	_, err := r.out.Write(r.buf)
	return err
}

func appendFinding(dst []byte, f *redact.Finding) []byte {
	dst = record.AppendString(append(dst, `{"detector":`...), []byte(f.Detector))
	dst = strconv.AppendInt(append(dst, `,"start":`...), int64(f.Start), 10)
	dst = strconv.AppendInt(append(dst, `,"end":`...), int64(f.End), 10)
	if f.HasFingerprint {
		dst = hex.AppendEncode(append(dst, `,"fingerprint":"`...), f.Fingerprint[:])
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

func (r *redactRun) redact(line []byte) redact.Result {
	r.lines++
	if r.explain == nil {
		res := r.redactor.Redact(&r.scratch, line, nil)
		r.stats.Add(&res)
		return res
	}
	res, notes := r.redactor.Explain(&r.scratch, line, nil)
	r.stats.Add(&res)
	for i := range notes {
		fmt.Fprintf(r.explain, "line %d, bytes %d-%d: %s\n", r.lines, notes[i].Start, notes[i].End, describeNote(&notes[i]))
	}
	if res.Withheld != "" {
		fmt.Fprintf(r.explain, "line %d: withheld whole: %s\n", r.lines, res.Withheld)
	}
	return res
}

// describeNote says which detector, layer and rule hid something, or why a candidate was left.
func describeNote(n *redact.Note) string {
	text := fmt.Sprintf("%s (%s", n.Detector, n.Layer)
	if n.Rule != "" {
		text += ", " + n.Rule
	}
	if n.Hidden {
		return text + ") hidden"
	}
	return text + ") left: " + n.Reason
}

func (r *redactRun) printStats(w io.Writer) {
	fmt.Fprintf(w, "%d lines, %d changed, %d withheld\n", r.stats.Texts, r.stats.Changed, r.stats.Withheld)
	for _, name := range r.stats.Names() {
		fmt.Fprintf(w, "%8d  %s\n", r.stats.Detector[name], name)
	}
}
