package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// serveTail streams the clean records that are stored from now on, one a line, until the caller
// goes or the relay ends.
func (h *house) serveTail(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(h.ending, cancel)
	defer stop()
	watcher := h.relay.Watch(ctx)
	flush, _ := w.(http.Flusher)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	flush.Flush()
	for record := range watcher.Records {
		if n := watcher.Missed(); n > 0 {
			record = fmt.Appendf(record, "\n{\"destring\":{\"missed\":%d}}", n)
		}
		if _, err := w.Write(append(record, '\n')); err != nil {
			return
		}
		if len(watcher.Records) == 0 {
			flush.Flush()
		}
	}
}

type tailFlags struct {
	worker, task, level, rule string
	json                      bool
}

func newTail() *cobra.Command {
	var file string
	var sets []string
	var f tailFlags
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Watch the clean records of the running relay go by",
		Long: `tail shows records as the relay stores them, redacted ones only, until ^C. A reader
that is too slow misses some and is told how many; the relay never waits for it.`,
		Example: "  destring tail -c destring.yaml --level warning\n  destring tail -c destring.yaml --task 'billing.*' --json | jq .celery",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file, sets, cmdEnviron())
			if err != nil {
				return err
			}
			if f.level != "" && levelRank(f.level) < 0 {
				return usageError("--level %s: must be debug, info, warning, error or critical", f.level)
			}
			res, err := newControlClient(c.controlSocket()).do(cmd.Context(), http.MethodGet, "/v1/tail", nil)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			err = f.show(res.Body, cmd.OutOrStdout())
			if cmd.Context().Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil // ^C, or the relay has ended
			}
			return err
		},
	}
	cmd.Flags().StringVar(&f.worker, "worker", "", "only of workers or peers with this name; * stands for anything")
	cmd.Flags().StringVar(&f.task, "task", "", "only of tasks with this name; * stands for anything")
	cmd.Flags().StringVar(&f.level, "level", "", "only of this level or above")
	cmd.Flags().StringVar(&f.rule, "rule", "", "only what this rule matched; * stands for any rule")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the records as they are published")
	addConfigFlags(cmd, &file, &sets)
	return cmd
}

// tailRecord is what tail needs of a record.
type tailRecord struct {
	Timestamp string `json:"@timestamp"`
	Message   string `json:"message"`
	Log       struct {
		Level string `json:"level"`
	} `json:"log"`
	Celery struct {
		Message string `json:"message"`
		Worker  string `json:"worker"`
		Process string `json:"process"`
		Task    struct {
			Name string `json:"name"`
		} `json:"task"`
	} `json:"celery"`
	Destring struct {
		Missed uint64 `json:"missed"`
		Peer   struct {
			Name string `json:"name"`
		} `json:"peer"`
		Matches []struct {
			ID string `json:"id"`
		} `json:"matches"`
	} `json:"destring"`
}

func (f *tailFlags) show(in io.Reader, out io.Writer) error {
	p, fit := newPaint(out), newScreen(out)
	w := bufio.NewWriter(out)
	return eachLine(in, func(line []byte, _ bool) error {
		var r tailRecord
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("tail: a record cannot be read: %w", err)
		}
		switch {
		case r.Destring.Missed > 0:
			fmt.Fprintln(w, p.dim(fmt.Sprintf("… %d records went by too fast to show", r.Destring.Missed)))
		case !f.wants(&r):
			return nil
		case f.json:
			w.Write(append(line, '\n'))
		default:
			fmt.Fprintln(w, p.record(&r, fit))
		}
		return w.Flush()
	})
}

func (f *tailFlags) wants(r *tailRecord) bool {
	if f.level != "" && levelRank(r.Log.Level) < levelRank(f.level) {
		return false
	}
	if f.task != "" && !like(f.task, r.Celery.Task.Name) {
		return false
	}
	if f.worker != "" && !like(f.worker, r.Celery.Worker) && !like(f.worker, r.Destring.Peer.Name) {
		return false
	}
	if f.rule == "" {
		return true
	}
	for _, m := range r.Destring.Matches {
		if like(f.rule, m.ID) {
			return true
		}
	}
	return false
}

// like matches a name with * wildcards.
func like(pattern, name string) bool {
	ok, err := path.Match(pattern, strings.ReplaceAll(name, "/", "."))
	return err == nil && ok
}

func levelRank(level string) int {
	for i, l := range []string{"debug", "info", "warning", "error", "critical"} {
		if l == level {
			return i
		}
	}
	return -1
}

// paint colours a terminal, and nothing else: not where NO_COLOR is set.
type paint struct{ on bool }

func newPaint(w io.Writer) paint {
	return paint{os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p paint) with(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) dim(s string) string  { return p.with("2", s) }
func (p paint) bold(s string) string { return p.with("1", s) }

func (p paint) level(level string) string {
	padded := fmt.Sprintf("%-8s", strings.ToUpper(level))
	switch level {
	case "critical", "error":
		return p.with("31", padded)
	case "warning":
		return p.with("33", padded)
	case "debug":
		return p.dim(padded)
	}
	return p.with("32", padded)
}

// marks colours the marks of redaction.
func (p paint) marks(s string) string {
	if !p.on {
		return s
	}
	var b strings.Builder
	for {
		at := strings.Index(s, "[REDACTED:")
		if at < 0 {
			break
		}
		end := strings.IndexByte(s[at:], ']')
		if end < 0 {
			break
		}
		b.WriteString(s[:at] + p.with("1;35", s[at:at+end+1]))
		s = s[at+end+1:]
	}
	return b.String() + s
}

// record is one record on one or, with a traceback, several lines. Text in it cannot move the
// terminal: what could is shown as JSON shows it.
func (p paint) record(r *tailRecord, fit screen) string {
	text := r.Celery.Message
	if text == "" {
		text = r.Message
	}
	who := r.Celery.Process
	if who == "" {
		who = r.Destring.Peer.Name
	}
	when := r.Timestamp
	if _, clock, ok := strings.Cut(when, "T"); ok && fit.width > 0 {
		when = clock[:min(len(clock), len("15:04:05.000"))]
	}
	margin := len(when) + 1 + 8 + 1 + len("ForkPoolWorker-10") + 1
	return fmt.Sprintf("%s %s %s %s", p.dim(visible(when)), p.level(r.Log.Level), p.dim(fmt.Sprintf("%-17s", visible(who))), fit.wrap(p.marks(fit.brief(visible(text))), margin))
}
