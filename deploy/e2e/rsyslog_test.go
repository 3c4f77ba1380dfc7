package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"destring/deploy/e2e/parts"
)

// shipped returns a configuration that deploy ships, pointed at this site: its folder for
// /etc/destring and the relay's port.
func (s *site) shipped(name, port, listener string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(root(s.t), "deploy", name))
	if err != nil {
		s.t.Fatal(err)
	}
	_, actual, _ := net.SplitHostPort(s.address[listener])
	text := strings.ReplaceAll(string(data), "/etc/destring/", s.dir+"/")
	if !strings.Contains(text, port) {
		s.t.Fatalf("%s does not name port %s", name, port)
	}
	return strings.ReplaceAll(text, port, actual)
}

// rsyslog starts rsyslogd with a shipped configuration behind a datagram socket, as /dev/log is one.
func (s *site) rsyslog(conf string) (socket string, p *process) {
	s.t.Helper()
	socket = filepath.Join(s.dir, "log.sock")
	work := filepath.Join(s.dir, "rsyslog")
	if err := os.MkdirAll(work, 0o700); err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(work, "rsyslog.conf")
	// The rate limit and the parsing of the kernel's peer data are of the input, which is the machine's own business.
	head := fmt.Sprintf("global(workDirectory=%q)\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=%q CreatePath=\"on\" RateLimit.Interval=\"0\" UseSpecialParser=\"on\")\n", work, socket)
	if err := os.WriteFile(file, []byte(head+conf), 0o600); err != nil {
		s.t.Fatal(err)
	}
	p = start(s.t, "rsyslogd", s.dir, nil, "rsyslogd", "-n", "-f", file, "-i", filepath.Join(work, "pid"))
	return socket, p
}

// dialLog connects to the socket as soon as rsyslogd has made it.
func dialLog(t *testing.T, socket string) *net.UnixConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err == nil {
			return c
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("nobody made the socket: %v", err)
		}
	}
}

// Celery's lines, tracebacks among them, come through rsyslog with the configurations that deploy
// ships: each once, in order, with its line feeds, and clean.
func TestRsyslogForwardsWithTheShippedConfigurations(t *testing.T) {
	parts.Need(t, "rsyslogd", "java", "mvn")
	for _, way := range []struct{ name, file, port, listener string }{
		{"syslog over TLS", "rsyslog/destring-tls.conf", "6514", "syslog_tls"},
		{"RELP over TLS", "rsyslog/destring-relp.conf", "2514", "relp"},
	} {
		t.Run(way.name, func(t *testing.T) {
			s := newSite(t)
			relay := s.serve()
			socket, rsyslogd := s.rsyslog(s.shipped(way.file, way.port, way.listener))
			log := dialLog(t, socket)
			defer log.Close()
			password := randomText("abcdefghijklmnopqrstuvwxyz0123456789", 20)
			const n = 200
			for i := range n {
				line := fmt.Sprintf("<142>Nov 25 10:00:00 celery[4132]: [2026-11-25 10:00:00,%03d: ERROR/ForkPoolWorker-1] Task shop.tasks.pay[0b1f2c3d-0000-4000-8000-%012d] raised unexpected: ValueError('password=%s')\nTraceback (most recent call last):\n  File \"/srv/shop/tasks.py\", line %d, in pay\n    raise ValueError\nValueError: password=%s", i, i, password, i+1, password)
				if _, err := log.Write([]byte(line)); err != nil {
					t.Fatal(err)
				}
			}
			s.wantInOrder(n)
			rsyslogd.stop(30 * time.Second)
			relay.stop(time.Minute)
			planted := map[string]string{"password": password}
			s.cleanTopics(planted)
			s.cleanFiles(planted)
			s.clean(planted, "the relay's log", []byte(relay.output()))
		})
	}
}

// wantInOrder wants n failures in the topic, whose tracebacks name the lines 1 to n in this order.
func (s *site) wantInOrder(n int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	r := s.follow(ctx, "celery.logs.v1")
	defer r.Close()
	for i := 0; i < n; {
		record, err := r.Next(ctx)
		if err != nil {
			s.t.Fatalf("%d of %d records came: %v", i, n, err)
		}
		var doc struct {
			Message string `json:"message"`
			Celery  struct {
				Event string `json:"event"`
			} `json:"celery"`
			Log struct {
				Origin struct {
					File struct {
						Line int `json:"line"`
					} `json:"file"`
				} `json:"origin"`
				Syslog struct {
					AppName string `json:"appname"`
				} `json:"syslog"`
			} `json:"log"`
		}
		if err := json.Unmarshal(record.Value, &doc); err != nil {
			s.t.Fatal(errors.Join(err, errors.New("a record is no JSON")))
		}
		if doc.Log.Syslog.AppName != "celery" {
			continue // rsyslog's own words
		}
		i++
		if doc.Celery.Event != "task-failed" || doc.Log.Origin.File.Line != i || !strings.Contains(doc.Message, "\nTraceback") {
			s.t.Fatalf("record %d: event %q, line %d:\n%s", i, doc.Celery.Event, doc.Log.Origin.File.Line, doc.Message)
		}
	}
}
