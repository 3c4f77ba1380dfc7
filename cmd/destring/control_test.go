package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"destring/relay/pki"
)

// commandLine runs a command in this process and returns what it wrote and its exit code.
func commandLine(args ...string) (stdout, stderr string, code int) {
	var out, errOut bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errOut)
	return out.String(), errOut.String(), code
}

func TestReloadTakesANewCertificateAndKeepsConnections(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	file := filepath.Join(e.dir, "destring.yaml")
	conn := e.dial(r, "worker-1.example")

	leaf := e.issue(pki.Request{Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: time.Hour})
	e.write("server.pem", leaf.CertPEM, 0o644)
	e.write("server.key", leaf.KeyPEM, 0o600)
	e.rewrite("environment: test", "environment: staging\nredact: {profile: strict}")
	out, errOut, code := commandLine("reload", "-c", file)
	if code != exitOK || !strings.Contains(out, "changed: redact.profile") || !strings.Contains(out, "wait for a restart: environment") {
		t.Fatalf("reload: code %d, %s%s", code, out, errOut)
	}
	renewed := e.dial(r, "worker-2.example")
	if got := renewed.ConnectionState().PeerCertificates[0].SerialNumber; got.Cmp(leaf.TLS().Leaf.SerialNumber) != 0 {
		t.Error("the new certificate is not shown")
	}
	renewed.Close()
	io.WriteString(conn, frame(134, "celery.app.trace", leakyLines()[1]))
	hangUp(t, conn) // the old connection lived on
	var doc map[string]any
	if err := json.Unmarshal(e.topic("celery.logs.v1", 1)[0].Value, &doc); err != nil {
		t.Fatal(err)
	}
	if got := get(doc, "service", "environment"); got != "test" {
		t.Errorf("the record says environment %v before the restart", got)
	}
	// The strict profile gives no fingerprints.
	if text, _ := get(doc, "message").(string); !strings.Contains(text, "[REDACTED:aws-access-token]") {
		t.Errorf("the old policy is in force: %s", text)
	}
}

func (e *estate) rewrite(old, new string) {
	e.t.Helper()
	data, err := os.ReadFile(filepath.Join(e.dir, "destring.yaml"))
	if err != nil {
		e.t.Fatal(err)
	}
	e.write("destring.yaml", []byte(strings.Replace(string(data), old, new, 1)), 0o644)
}

func TestARefusedConfigurationChangesNothingAndSaysWhy(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	e.write("server.pem", []byte("no certificate"), 0o644)
	e.rewrite("environment: test", "environment: staging")
	_, errOut, code := commandLine("reload", "-c", filepath.Join(e.dir, "destring.yaml"))
	if code != exitConfig || !strings.Contains(errOut, "the old configuration stays: listen.syslog_tls: cert_file") {
		t.Errorf("reload: code %d, %s", code, errOut)
	}
	if !strings.Contains(e.log.String(), "the new configuration is refused") {
		t.Error("the relay's log does not say it")
	}
	if r.house.config.Environment != "test" {
		t.Error("part of the new configuration took effect")
	}
	e.dial(r, "worker-1.example").Close()
}

func TestStatusIsOnePageAboutTheRunningRelay(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	conn := e.dial(r, "worker-1.example")
	io.WriteString(conn, frame(134, "celery.app.trace", "[2026-11-25 10:00:00,123: INFO/MainProcess] celery@shop-a ready."))
	hangUp(t, conn)
	e.topic("celery.logs.v1", 1)
	file := filepath.Join(e.dir, "destring.yaml")
	out, errOut, code := commandLine("status", "-c", file)
	if code != exitOK {
		t.Fatalf("status: code %d, %s", code, errOut)
	}
	for _, want := range []string{"listener  syslog_tls", "spool     ", "kafka     ok", "alerts    0 open", "worker-1.example", "1 messages", "certificate ends"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out, _, _ = commandLine("status", "-c", file, "-o", "json")
	var st status
	if err := json.Unmarshal([]byte(out), &st); err != nil || len(st.Peers) != 1 || st.Peers[0].Messages != 1 {
		t.Errorf("%v in %s", err, out)
	}
}

func TestTailShowsCleanRecordsAsTheyGoBy(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := newControlClient(r.house.config.controlSocket()).do(ctx, http.MethodGet, "/v1/tail", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	conn := e.dial(r, "worker-1.example")
	for _, line := range leakyLines() {
		io.WriteString(conn, frame(134, "celery.app.trace", line))
	}
	hangUp(t, conn)
	var shown bytes.Buffer
	in := bufio.NewReader(res.Body)
	for range leakyLines() {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		shown.WriteString(line)
	}
	e.leaks([]string{shown.String()})
	var out bytes.Buffer
	f := tailFlags{level: "error", task: "shop.tasks.import_*"}
	if err := f.show(&shown, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "raised unexpected") != 1 || strings.Contains(got, "mailing") || strings.Contains(got, "\x1b") {
		t.Errorf("the filter shows %s", got)
	}
}

func TestAlertsAndSilencesAreManagedOverTheSocket(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	file := filepath.Join(e.dir, "destring.yaml")
	conn := e.dial(r, "worker-1.example")
	io.WriteString(conn, frame(134, "celery.app.trace", leakyLines()[1]))
	hangUp(t, conn)
	receive(t, e.slack.posts)
	out, _, code := commandLine("alert", "list", "-c", file)
	id, _, _ := strings.Cut(out, " ")
	if code != exitOK || len(id) != 16 || !strings.Contains(out, "critical") {
		t.Fatalf("list: code %d, %s", code, out)
	}
	if _, errOut, code := commandLine("alert", "ack", "-c", file, id, "--note", "rotated"); code != exitOK {
		t.Fatalf("ack: %s", errOut)
	}
	if out, _, _ := commandLine("alert", "show", "-c", file, id); !strings.Contains(out, `"AckNote": "rotated"`) {
		t.Errorf("show: %s", out)
	}
	if _, errOut, code := commandLine("alert", "ack", "-c", file, "0000000000000000"); code != exitFailure || !strings.Contains(errOut, "0000000000000000") {
		t.Errorf("ack of nothing: code %d, %s", code, errOut)
	}
	out, errOut, code := commandLine("silence", "add", "-c", file, "--match", "task=shop.*", "--for", "1h", "--reason", "test")
	if code != exitOK {
		t.Fatalf("silence add: %s", errOut)
	}
	silence := strings.Fields(out)[1]
	if out, _, _ := commandLine("silence", "list", "-c", file); !strings.Contains(out, silence) || !strings.Contains(out, "task=shop.*") {
		t.Errorf("silence list: %s", out)
	}
	if _, errOut, code := commandLine("silence", "expire", "-c", file, silence); code != exitOK {
		t.Errorf("silence expire: %s", errOut)
	}
	if _, errOut, code := commandLine("silence", "add", "-c", file, "--for", "1h"); code != exitUsage || !strings.Contains(errOut, "needs --match") {
		t.Errorf("a silence for everything: code %d, %s", code, errOut)
	}
}

func TestACommandWithoutARelaySaysSo(t *testing.T) {
	e := newEstate(t)
	e.config("")
	_, errOut, code := commandLine("status", "-c", filepath.Join(e.dir, "destring.yaml"))
	if code != exitFailure || !strings.Contains(errOut, "no relay answers on") {
		t.Errorf("code %d, %s", code, errOut)
	}
}

func TestAPortInUseIsSaidWithTheFlagThatChangesIt(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	_, errOut, code := commandLine("demo", "--for", "1s", "--port", port)
	if code != exitFailure || !strings.Contains(errOut, "port "+port+" is in use: choose another with --port") {
		t.Errorf("code %d, %s", code, errOut)
	}
}
