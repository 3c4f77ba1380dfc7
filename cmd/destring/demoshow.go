package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"destring/relay/kafka"
)

// demoShow is what the demo prints.
type demoShow struct {
	logFile *os.File

	mu        sync.Mutex // one goroutine shows records, another alerts
	out       io.Writer
	paint     paint
	screen    screen
	published int
	changed   int
	alerted   int
	detectors map[string]int
}

func newDemoShow(out io.Writer) *demoShow {
	return &demoShow{out: out, paint: newPaint(out), screen: newScreen(out), detectors: map[string]int{}}
}

func (s *demoShow) line(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *demoShow) welcome(dir, port, kafka string, kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.paint
	s.line("%s  a relay on 127.0.0.1:%s (TLS, client certificates), a broker on %s", p.bold("destring demo"), port, kafka)
	s.line("Everything is thrown away at the end%s. ^C ends it.", map[bool]string{true: " but " + dir, false: ""}[kept])
	s.line("")
	s.line("In another terminal, with the files of the demo:  D=%s", dir)
	s.line("%s a Celery worker of yours (deploy/celery/destring_celery.py lies beside your app):", p.bold("Attach"))
	s.line("  DESTRING_ADDRESS=localhost:%s DESTRING_CA=$D/ca.pem DESTRING_CERT=$D/worker.pem DESTRING_KEY=$D/worker.key \\", port)
	s.line("    celery -A yourapp worker -I destring_celery")
	s.line("%s a line by hand:", p.bold("Send"))
	s.line("  printf '<14>[2026-11-25 10:00:00,000: INFO/MainProcess] login password=hunter2\\n' | \\")
	s.line("    openssl s_client -quiet -no_ign_eof -connect localhost:%s -CAfile $D/ca.pem -cert $D/worker.pem -key $D/worker.key", port)
	s.line("%s what left, or ask the relay:", p.bold("Read"))
	s.line("  kcat -C -b %s -t celery.logs.v1", kafka)
	s.line("  destring tail -c $D/destring.yaml      destring status -c $D/destring.yaml")
	s.line("")
}

// record shows a line as it arrived and as it left; one line where nothing was hidden.
func (s *demoShow) record(arrived string, r kafka.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published++
	left, found := s.read(r)
	if len(found) == 0 {
		s.line("%s", s.paint.dim("same    "+s.fit(firstLine(left))))
		return
	}
	s.changed++
	s.line("%s %s", s.paint.with("31", "arrived"), s.fit(s.paint.hidden(indent(arrived), indent(left))))
	s.line("%s %s", s.paint.with("32", "left   "), s.fit(s.paint.marks(indent(left))))
}

// fit makes text fit behind the first column.
func (s *demoShow) fit(text string) string { return s.screen.wrap(s.screen.brief(text), 8) }

// hidden colours in what arrived what left does not show any more: what stands where left has marks.
func (p paint) hidden(arrived, left string) string {
	if !p.on {
		return arrived
	}
	var b strings.Builder
	for {
		kept, rest, more := strings.Cut(left, "[REDACTED:")
		before, found := strings.CutPrefix(arrived, kept)
		if !more || !found {
			break
		}
		_, left, _ = strings.Cut(rest, "]")
		next, _, _ := strings.Cut(left, "[REDACTED:")
		next = next[:min(len(next), 8)]
		end := strings.Index(before, next)
		if next == "" || end < 0 {
			end = len(before)
		}
		b.WriteString(kept + p.with("1;31", before[:end]))
		arrived = before[end:]
	}
	return b.String() + arrived
}

// other shows a record of a worker that somebody attached: what arrived is not known here.
func (s *demoShow) other(r kafka.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published++
	left, _ := s.read(r)
	s.line("%s %s", s.paint.with("36", "yours  "), s.fit(s.paint.marks(indent(left))))
}

// read returns the message of a record and the detectors that found something, and counts them.
func (s *demoShow) read(r kafka.Record) (message string, detectors []string) {
	var doc struct {
		Message  string `json:"message"`
		Destring struct {
			Findings []struct {
				Detector string `json:"detector"`
			} `json:"findings"`
		} `json:"destring"`
	}
	if err := json.Unmarshal(r.Value, &doc); err != nil {
		return "(a record that is no JSON)", nil
	}
	for _, f := range doc.Destring.Findings {
		detectors = append(detectors, f.Detector)
		s.detectors[f.Detector]++
	}
	return visible(doc.Message), detectors
}

func firstLine(s string) string {
	line, rest, more := strings.Cut(s, "\n")
	if more {
		return line + fmt.Sprintf(" … %d lines more", strings.Count(rest, "\n")+1)
	}
	return line
}

// indent keeps the lines of a traceback under the first, and of a long one only its ends.
func indent(s string) string {
	lines := strings.Split(s, "\n")
	if len(lines) > 4 {
		lines = append(append(lines[:1:1], "…"), lines[len(lines)-2:]...)
	}
	for i := 1; i < len(lines); i++ {
		lines[i] = "        " + strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// alerts shows what is posted to the stand-in for Slack until ctx ends.
func (s *demoShow) alerts(ctx context.Context, posts <-chan []byte) error {
	for {
		select {
		case post := <-posts:
			s.mu.Lock()
			s.alerted++
			s.line("%s", s.paint.with("33", box(renderBlocks(post), s.screen)))
			s.counters()
			s.mu.Unlock()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// counters prints the sums of this run. mu is held.
func (s *demoShow) counters() {
	s.line("%s", s.paint.dim(s.screen.wrap(fmt.Sprintf("── published %d, redacted %d records %s, alerts %d", s.published, s.changed, s.byDetector(), s.alerted), 3)))
}

func (s *demoShow) byDetector() string {
	names := slices.SortedFunc(maps.Keys(s.detectors), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.detectors[b], s.detectors[a]), cmp.Compare(a, b))
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%s×%d", n, s.detectors[n])
	}
	return "(" + strings.Join(names, " ") + ")"
}

func (s *demoShow) summary(received int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line("")
	s.line("%s received %d, published %d, redacted %d records %s, alerts %d", s.paint.bold("summary"), received, s.published, s.changed, s.byDetector(), s.alerted)
}

// box draws a frame around lines.
func box(lines []string, fit screen) string {
	var b strings.Builder
	b.WriteString("┌─ Slack\n")
	for _, l := range lines {
		b.WriteString("│ " + strings.ReplaceAll(fit.wrap(l, 4), "\n    ", "\n│   ") + "\n")
	}
	b.WriteString("└─")
	return b.String()
}
