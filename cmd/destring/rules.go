package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"destring/rules/detect"
	"destring/rules/packs"
	"destring/rules/record"
)

func newRules() *cobra.Command {
	cmd := &cobra.Command{Use: "rules", Short: "List, check, test and try Sigma rules",
		Long: "rules works on Sigma 2.1 rules, correlations and filters: those in --rules PATH (a file or a folder), else those that destring brings along.",
		Example: `  destring rules test --rules ./rules
  destring rules eval --rules ./rules --events events.ndjson
  destring rules explain --rules ./rules --rule leak_cloud_key < event.json`}
	cmd.AddCommand(newRulesList(), newRulesShow(), newRulesLint(), newRulesTest(), newRulesEval(), newRulesExplain(), newRulesReplay())
	return cmd
}

// ruleFlags say which rules a command works on.
type ruleFlags struct {
	path   string
	format string
}

func (f *ruleFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "rules", "", "a file or folder of Sigma rules; those that destring brings along when empty")
	cmd.Flags().StringVarP(&f.format, "output", "o", "text", "text or json")
}

// load compiles the rules. One that is refused refuses them all, with file, line, rule and reason of each.
func (f *ruleFlags) load() (*detect.Set, error) {
	if f.format != "text" && f.format != "json" {
		return nil, usageError("-o %s: must be text or json", f.format)
	}
	source := packs.Source()
	if f.path != "" {
		info, err := os.Stat(f.path)
		if err != nil {
			return nil, usageError("--rules: %w", err)
		}
		dir, name := filepath.Split(filepath.Clean(f.path))
		if dir == "" {
			dir = "."
		}
		source = detect.Folder(dir, os.DirFS(dir), name)
		if info.IsDir() {
			source = detect.Folder(f.path, os.DirFS(f.path), ".")
		}
	}
	set, err := detect.Load(source)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	if len(set.Rules())+len(set.Filters()) == 0 {
		return nil, usageError("there are no rules in %s", f.path)
	}
	return set, nil
}

// find loads the rules and finds one of them.
func (f *ruleFlags) find(key string) (*detect.Set, *detect.Rule, error) {
	set, err := f.load()
	if err != nil {
		return nil, nil, err
	}
	rule := set.Rule(key)
	if rule == nil {
		return nil, nil, usageError("there is no rule with the id, name or title %q; destring rules list shows them", key)
	}
	return set, rule, nil
}

func newRulesList() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{Use: "list", Short: "List the rules, a line each", Args: cobra.NoArgs, Example: "  destring rules list -o json | jq -r '.[].name'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := f.load()
			if err != nil {
				return err
			}
			all := append(set.Rules(), set.Filters()...)
			if f.format == "json" {
				return writeJSON(cmd.OutOrStdout(), all)
			}
			p := &printerTo{w: cmd.OutOrStdout()}
			for _, r := range all {
				note := ""
				if r.Own.Off {
					note = " (off by default)"
				}
				p.line("%-13s %-11s %-28s %s%s", r.Level, r.Kind, nameOf(r), visible(r.Title), note)
			}
			return p.err
		}}
	f.add(cmd)
	return cmd
}

func nameOf(r *detect.Rule) string {
	if r.Name != "" {
		return visible(r.Name)
	}
	return visible(r.Key())
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

func newRulesShow() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{Use: "show RULE", Short: "Show what a rule says of itself and what wakes it", Args: cobra.ExactArgs(1), Example: "  destring rules show leak_cloud_key",
		RunE: func(cmd *cobra.Command, args []string) error {
			set, rule, err := f.find(args[0])
			if err != nil {
				return err
			}
			if f.format == "json" {
				return writeJSON(cmd.OutOrStdout(), rule)
			}
			p := &printerTo{w: cmd.OutOrStdout()}
			p.line("%s (%s, %s) version %s\n%s:%d", visible(rule.Title), rule.Kind, rule.Level, rule.Version, rule.File, rule.Line)
			p.line("%s", visible(rule.Description))
			p.line("tags: %s", visible(strings.Join(rule.Tags, ", ")))
			for _, fp := range rule.FalsePositives {
				p.line("false positive: %s", visible(fp))
			}
			if wakes := set.Wakes(rule); len(wakes) > 0 {
				p.line("judged when one of these is there: %s", visible(strings.Join(wakes, " | ")))
			}
			if text := packs.Runbook(rule.Name); text != "" && f.path == "" {
				p.line("\n%s", visible(text))
			}
			return p.err
		}}
	f.add(cmd)
	return cmd
}

func newRulesLint() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{Use: "lint", Short: "Say what authors of rules may want to change; exit code 1 when there is something", Args: cobra.NoArgs, Example: "  destring rules lint --rules ./rules",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := f.load()
			if err != nil {
				return err
			}
			known := map[string]bool{"destring.signal": true}
			for _, field := range record.Fields() {
				known[field.Name] = true
			}
			findings := append(set.Lint(), set.LintFields(func(field string) bool {
				return known[field] || strings.HasPrefix(field, "log.syslog.structured_data.")
			})...)
			if f.format == "json" {
				err = writeJSON(cmd.OutOrStdout(), findings)
			} else {
				p := &printerTo{w: cmd.OutOrStdout()}
				for _, x := range findings {
					p.line("%s:%d: %s: %s", x.File, x.Line, visible(x.Rule), visible(x.Message))
				}
				p.line("%d rules, %d remarks", len(set.Rules()), len(findings))
				err = p.err
			}
			if err == nil && len(findings) > 0 {
				return &exitError{exitFindings, nil}
			}
			return err
		}}
	f.add(cmd)
	return cmd
}

func newRulesTest() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{Use: "test", Short: "Run the tests that rules carry; exit code 1 when one fails or a rule has none", Args: cobra.NoArgs,
		Long:    "test runs the events and timed sequences under `destring: {tests: {fire: […], quiet: […]}}` of each rule. A rule without at least one of both fails.",
		Example: "  destring rules test --rules ./rules",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := f.load()
			if err != nil {
				return err
			}
			results, untested := set.Test()
			if len(results) == 0 {
				return usageError("no rule carries a test")
			}
			failed := len(untested)
			for _, r := range results {
				if !r.OK() {
					failed++
				}
			}
			if f.format == "json" {
				err = writeJSON(cmd.OutOrStdout(), map[string]any{"results": results, "untested": untested})
			} else {
				err = printTests(cmd.OutOrStdout(), results, untested)
			}
			if err == nil && failed > 0 {
				return &exitError{exitFindings, nil}
			}
			return err
		}}
	f.add(cmd)
	return cmd
}

func printTests(w io.Writer, results []detect.TestResult, untested []*detect.Rule) error {
	p := &printerTo{w: w}
	ok := 0
	for _, r := range results {
		switch {
		case r.OK():
			ok++
		case r.Must:
			p.line("%s:%d: %s: did not fire and must", r.File, r.Line, visible(r.Rule))
		default:
			p.line("%s:%d: %s: fired and must not", r.File, r.Line, visible(r.Rule))
		}
	}
	for _, r := range untested {
		p.line("%s:%d: %s: lacks a test that must fire or one that must not", r.File, r.Line, nameOf(r))
	}
	p.line("%d passed, %d failed, %d rules untested", ok, len(results)-ok, len(untested))
	return p.err
}

func newRulesEval() *cobra.Command {
	var f ruleFlags
	var events string
	cmd := &cobra.Command{Use: "eval", Short: "Run rules over events and print what fires, a JSON object each", Args: cobra.NoArgs,
		Long:    "eval reads NDJSON events with @timestamp (epoch seconds or RFC 3339); every rule sees every event. A correlation prints on the event that completes it. Exit code 0 whatever fires, 78 when a rule is refused.",
		Example: "  destring rules eval --rules ./rules --events events.ndjson",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := f.load()
			if err != nil {
				return err
			}
			names := []string{}
			if events != "" {
				names = append(names, events)
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			err = inputs(cmd, names, func(in io.Reader) error {
				_, _, err := set.Eval(in, out)
				return err
			})
			return errors.Join(err, out.Flush())
		}}
	f.add(cmd)
	cmd.Flags().StringVar(&events, "events", "", "file of NDJSON events; standard input when empty")
	return cmd
}

func newRulesExplain() *cobra.Command {
	var f ruleFlags
	var key string
	cmd := &cobra.Command{Use: "explain [FILE]", Short: "Say why a rule matches an event, or why not", Args: cobra.MaximumNArgs(1),
		Example: "  destring logtest --jsonl < q.jsonl | jq -c .record | destring rules explain --rule leak_cloud_key",
		RunE: func(cmd *cobra.Command, args []string) error {
			set, rule, err := f.find(key)
			if err != nil {
				return err
			}
			n := 0
			err = inputs(cmd, args, func(in io.Reader) error {
				return eachLine(in, func(line []byte, _ bool) error {
					ev, err := detect.ParseEvent(line)
					if err != nil {
						return usageError("input line %d is no JSON object", n+1)
					}
					n++
					return writeJSON(cmd.OutOrStdout(), set.Explain(rule, ev))
				})
			})
			if err == nil && n == 0 {
				return usageError("no events: give a file or JSON lines on standard input")
			}
			return err
		}}
	f.add(cmd)
	cmd.Flags().StringVar(&key, "rule", "", "id, name or title of the rule")
	return cmd
}
