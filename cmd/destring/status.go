package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// status is a look at a running relay, one page of it.
type status struct {
	Version   string            `json:"version"`
	PID       int               `json:"pid"`
	Started   time.Time         `json:"started"`
	Listeners map[string]string `json:"listeners"`
	// Certificates are the SHA-256 fingerprints of those that the TLS listeners show, by name.
	Certificates map[string]string `json:"certificates,omitempty"`
	Problems     map[string]string `json:"problems,omitempty"`
	Peers        []peerStatus      `json:"peers"`
	Spool        spoolStatus       `json:"spool"`
	Kafka        *kafkaStatus      `json:"kafka,omitempty"`
	Alerts       map[string]int    `json:"alerts"` // open ones by level
}

type peerStatus struct {
	Name        string    `json:"name"`
	Listener    string    `json:"listener"`
	Connections int       `json:"connections"`
	LastSeen    time.Time `json:"last_seen"`
	Messages    uint64    `json:"messages"`
	NotAfter    time.Time `json:"certificate_expires,omitzero"`
}

type spoolStatus struct {
	Dir      string         `json:"dir"`
	Bytes    int64          `json:"bytes"`
	Usage    float64        `json:"usage"`
	Refusing string         `json:"refusing,omitempty"`
	Readers  []readerStatus `json:"readers"`
}

type readerStatus struct {
	Name   string    `json:"name"`
	Depth  uint64    `json:"records"`
	Oldest time.Time `json:"oldest,omitzero"`
}

type kafkaStatus struct {
	OK      bool      `json:"ok"`
	Problem string    `json:"problem,omitempty"`
	Remedy  string    `json:"remedy,omitempty"`
	Since   time.Time `json:"since"`
}

func (h *house) status() status {
	st := status{Version: readBuildInfo().Version, PID: os.Getpid(), Started: h.started, Listeners: h.addresses(), Certificates: h.shownCertificates(), Problems: h.problems(), Alerts: map[string]int{}, Peers: []peerStatus{}}
	s := h.spool.Stats()
	st.Spool = spoolStatus{Dir: h.config.path(h.config.Spool.Dir), Bytes: s.Bytes, Usage: s.Usage}
	if s.Refusing != nil {
		st.Spool.Refusing = s.Refusing.Error()
	}
	for _, r := range s.Readers {
		st.Spool.Readers = append(st.Spool.Readers, readerStatus{r.Name, r.Depth, r.Oldest})
	}
	if h.publisher != nil {
		k := h.publisher.Status()
		st.Kafka = &kafkaStatus{OK: k.OK, Problem: k.Problem, Remedy: k.Remedy, Since: k.Since}
	}
	for _, p := range h.relay.Peers() {
		st.Peers = append(st.Peers, peerStatus{p.Name, p.Listener, p.Connections, p.LastSeen, p.Messages, p.NotAfter})
	}
	for level, n := range h.alerter.Counts() {
		st.Alerts[level.String()] = n
	}
	return st
}

func newStatus() *cobra.Command {
	var file, format string
	var sets []string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show how the running relay fares, on one page",
		Example: "  destring status -c /etc/destring/destring.yaml\n  destring status -c destring.yaml -o json | jq .kafka",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file, sets, cmdEnviron())
			if err != nil {
				return err
			}
			var st status
			if err := newControlClient(c.controlSocket()).ask(cmd.Context(), http.MethodGet, "/v1/status", nil, &st); err != nil {
				return err
			}
			switch format {
			case "json":
				return json.NewEncoder(cmd.OutOrStdout()).Encode(st)
			case "text":
				return st.print(cmd.OutOrStdout(), time.Now())
			}
			return usageError("-o %s: must be text or json", format)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	addConfigFlags(cmd, &file, &sets)
	return cmd
}

// print writes the page.
func (s *status) print(w io.Writer, now time.Time) error {
	p := &printerTo{w: w}
	p.line("destring %s, process %d, up %s", s.Version, s.PID, age(now, s.Started))
	p.line("")
	for _, name := range slices.Sorted(maps.Keys(s.Listeners)) {
		p.line("listener  %-12s %s", name, s.Listeners[name])
	}
	for _, part := range slices.Sorted(maps.Keys(s.Problems)) {
		p.line("PROBLEM   %-12s %s", part, s.Problems[part])
	}
	p.line("spool     %.1f %% of its quota, %s in %s", 100*s.Spool.Usage, rough(Size(s.Spool.Bytes)), s.Spool.Dir)
	if s.Spool.Refusing != "" {
		p.line("PROBLEM   spool        %s", s.Spool.Refusing)
	}
	for _, r := range s.Spool.Readers {
		behind := ""
		if !r.Oldest.IsZero() {
			behind = ", oldest " + age(now, r.Oldest) + " old"
		}
		p.line("          %-12s %d records to read%s", r.Name, r.Depth, behind)
	}
	switch {
	case s.Kafka == nil:
		p.line("kafka     not used (--stdout)")
	case s.Kafka.OK:
		p.line("kafka     ok since %s", age(now, s.Kafka.Since))
	default:
		p.line("PROBLEM   kafka        for %s: %s", age(now, s.Kafka.Since), s.Kafka.Problem)
		if s.Kafka.Remedy != "" {
			p.line("                       %s", s.Kafka.Remedy)
		}
	}
	p.line("alerts    %s", s.alerts())
	p.line("peers     %d", len(s.Peers))
	width := 0
	for _, x := range s.Peers {
		width = max(width, len(x.Name))
	}
	for _, x := range s.Peers {
		expires := ""
		if !x.NotAfter.IsZero() {
			expires = ", certificate ends " + x.NotAfter.UTC().Format("2006-01-02")
		}
		p.line("          %-*s  %-10s  %s, %d messages, last %s ago%s", width, visible(x.Name), x.Listener, plural(x.Connections, "connection"), x.Messages, age(now, x.LastSeen), expires)
	}
	return p.err
}

// alerts are the open ones by level, the worst first.
func (s *status) alerts() string {
	open := 0
	var parts []string
	for _, level := range []string{"critical", "high", "medium", "low", "informational"} {
		if n := s.Alerts[level]; n > 0 {
			open += n
			parts = append(parts, fmt.Sprintf("%d %s", n, level))
		}
	}
	if open == 0 {
		return "0 open"
	}
	return fmt.Sprintf("%d open: %s", open, strings.Join(parts, ", "))
}

// printerTo writes lines and keeps the first error.
type printerTo struct {
	w   io.Writer
	err error
}

func (p *printerTo) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// age is how long ago t was, in one unit.
func age(now, t time.Time) string {
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}
