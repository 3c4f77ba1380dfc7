package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"destring/relay/kafka"
	"destring/relay/pki"
)

// doctor runs doctor and returns what it found, by subject and level.
func (e *estate) doctor(t *testing.T, more ...string) (found []diagnosis, code int) {
	t.Helper()
	out, errOut, code := commandLine(append([]string{"doctor", "-c", filepath.Join(e.dir, "destring.yaml"), "-o", "json"}, more...)...)
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v: %s%s", err, out, errOut)
	}
	return found, code
}

// has reports whether there is a line of that level about the subject with the text and, unless it is
// empty, the fix.
func has(found []diagnosis, level, subject, text, fix string) bool {
	return slices.ContainsFunc(found, func(d diagnosis) bool {
		return d.Level == level && d.Subject == subject && strings.Contains(d.Text, text) && strings.Contains(d.Fix, fix)
	})
}

func TestDoctorFindsNoFaultInASoundRelayAndTheReloadThatWasForgotten(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	conn := e.dial(r, "worker-1.example")
	hangUp(t, conn)
	reader, err := awaitTopic(t.Context(), kafka.Connection{Brokers: []string{e.broker.Addr()}}, kafka.Range{Topic: "celery.logs.v1"})
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	found, code := e.doctor(t)
	for _, want := range []diagnosis{{levelOK, "relay", "process", ""}, {levelOK, "listen.syslog_tls", "with the certificate of the file", ""}, {levelOK, "spool", "of its quota", ""},
		{levelOK, "kafka: topic celery.logs.v1", "we may write", ""}, {levelWarning, "peer worker-1.example", "its certificate ends", "renew it there"}, {levelNote, "alerts.slack", "nothing was posted", ""}} {
		if !has(found, want.Level, want.Subject, want.Text, want.Fix) {
			t.Errorf("no %v in\n%v", want, found)
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d: %v", code, found)
	}

	server := e.issue(pki.Request{Purpose: pki.Server, Names: []string{"localhost"}, Valid: time.Hour})
	e.write("server.pem", server.CertPEM, 0o644)
	e.write("server.key", server.KeyPEM, 0o600)
	if found, code = e.doctor(t); code != exitFindings || !has(found, levelFault, "listen.syslog_tls", "shows another certificate", "destring reload") {
		t.Errorf("exit code %d: %v", code, found)
	}
	select {
	case post := <-e.slack.posts:
		t.Errorf("doctor posted: %s", post)
	default:
	}
}

func TestCertificatesAreCheckedForTimeUseAndOrder(t *testing.T) {
	e := newEstate(t)
	other, err := pki.NewCA("another authority", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	good := e.issue(pki.Request{Purpose: pki.Server, Names: []string{"localhost"}, Valid: 30 * time.Minute})
	client := e.issue(pki.Request{Purpose: pki.Client, Names: []string{"worker"}, Valid: 30 * time.Minute})
	for name, c := range map[string]struct {
		leaf   *pki.Leaf
		behind []byte // further certificates of the file
		at     time.Duration
		want   diagnosis
	}{
		"one that is good":                   {good, nil, 0, diagnosis{levelOK, "listen.syslog_tls.cert_file", "is valid until", ""}},
		"one with its CA behind it":          {good, e.ca.CertPEM(), 0, diagnosis{levelOK, "listen.syslog_tls.cert_file", "is valid until", ""}},
		"one near its end":                   {good, nil, 25 * time.Minute, diagnosis{levelWarning, "listen.syslog_tls.cert_file", "ends in", "destring reload"}},
		"one that has ended":                 {good, nil, 31 * time.Minute, diagnosis{levelFault, "listen.syslog_tls.cert_file", "ended on", "renew it"}},
		"one that is not valid yet":          {good, nil, -24 * time.Hour, diagnosis{levelFault, "listen.syslog_tls.cert_file", "is valid from", "clock"}},
		"one for clients":                    {client, nil, 0, diagnosis{levelFault, "listen.syslog_tls.cert_file", "lacks serverAuth", "extendedKeyUsage"}},
		"one before a CA that is not its CA": {good, other.CertPEM(), 0, diagnosis{levelFault, "listen.syslog_tls.cert_file", "certificate 2 of the file did not sign certificate 1", "cat server.pem intermediate.pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			e.write("server.pem", append(slices.Clone(c.leaf.CertPEM), c.behind...), 0o644)
			e.write("server.key", c.leaf.KeyPEM, 0o600)
			var u checkup
			e.config("").certificates(&u, time.Now().Add(c.at))
			if !has(u.Lines, c.want.Level, c.want.Subject, c.want.Text, c.want.Fix) {
				t.Errorf("no %v in\n%v", c.want, u.Lines)
			}
		})
	}
}

func TestValidateAsksSlackWhetherTheTokenIsGoodAndPostsNothing(t *testing.T) {
	e := newEstate(t)
	var asked []string
	answer := `{"ok":true,"team":"t","user":"u","team_id":"T1","user_id":"U1"}`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}))
	defer api.Close()
	e.config("")
	file := filepath.Join(e.dir, "destring.yaml")
	e.write("slack.token", []byte("xoxb-"+"made-up-token"), 0o600)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e.write("destring.yaml", []byte(strings.Replace(string(text), "webhook_url_file: slack.url", "token_file: slack.token, channel: soc, api_url: \""+api.URL+"/api/\"", 1)), 0o644)
	if _, errOut, code := commandLine("validate", "-c", file, "--offline"); code != exitOK || len(asked) > 0 {
		t.Errorf("--offline: exit code %d, asked %v: %s", code, asked, errOut)
	}
	if _, errOut, code := commandLine("validate", "-c", file); code != exitOK || !slices.Equal(asked, []string{"/api/auth.test"}) {
		t.Errorf("exit code %d, asked %v: %s", code, asked, errOut)
	}
	answer = `{"ok":false,"error":"invalid_auth"}`
	if _, errOut, code := commandLine("validate", "-c", file); code != exitConfig || !strings.Contains(errOut, "alerts.slack: slack: auth.test") || strings.Contains(errOut, "made-up-token") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
}
