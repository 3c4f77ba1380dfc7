// Command destring is a syslog relay with SIEM alerting for Celery.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, as scripts rely on them.
const (
	exitOK       = 0
	exitFindings = 1  // lint, verify, rules test found something
	exitUsage    = 2  // wrong call, or nothing to work on
	exitFailure  = 3  // it was to be done and could not be
	exitConfig   = 78 // EX_CONFIG of sysexits.h: the configuration or a rule is wrong
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with its surroundings given, so that tests can call it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	hideMemory()
	// The first SIGTERM or ^C asks for an orderly end; after it the default action is
	// back, so that a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)

	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if msg := err.Error(); msg != "" {
		fmt.Fprintln(stderr, "destring: "+strings.ReplaceAll(msg, "\n", "\ndestring: "))
	}
	return exitCode(err)
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func exitCode(err error) int {
	var coded *exitError
	var faults Faults
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &faults):
		return exitConfig
	case strings.HasPrefix(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "unknown flag"), strings.HasPrefix(err.Error(), "unknown shorthand"):
		return exitUsage
	}
	return exitFailure
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "destring",
		Short: "A syslog relay with SIEM alerting for Celery",
		Long: `destring takes Celery's logs over mutually authenticated TLS, reads them as Celery,
hides secrets and personal data before anything is stored, and hands them on to
Kafka; a leak raises an alert in Slack.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError("%w", err) })
	root.AddCommand(newDemo(), newBench(), newBenchLoad(), newBenchBroker(), newInit(), newConfigCommand(), newServe(), newValidate(), newDoctor(), newDeploy(), newRedact(), newLogtest(), newSpool(), newReplay(), newReload(), newStatus(), newTail(), newAlert(), newSilence(), newRules(), newSchema(), newHealth(), newVersion())
	refuseUnknown(root)
	return root
}

// refuseUnknown makes a group of commands refuse a word that is none of them; cobra would show its
// help and call that a success.
func refuseUnknown(group *cobra.Command) {
	for _, c := range group.Commands() {
		refuseUnknown(c)
		if !c.HasSubCommands() || c.Runnable() {
			continue
		}
		c.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			return usageError("unknown command %q for %q%s; see %s --help", args[0], cmd.CommandPath(), didYouMean(args[0], names), cmd.CommandPath())
		}
	}
}
