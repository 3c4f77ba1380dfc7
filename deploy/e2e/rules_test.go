package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"destring/alerting"
	"destring/deploy/e2e/parts"
	"destring/relay/pki"
)

// newAttackedSite is a site without Kafka: alerts are what matters. Its relay prints the records.
func newAttackedSite(t *testing.T, signals string) *site {
	t.Helper()
	ca, err := pki.NewCA("e2e authority", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &site{t: t, dir: dir, ca: ca, posts: make(chan string, 1000), python: venv(t, "celery/example/requirements.txt", "e2e/requirements-auth.txt"), redis: filepath.Join(dir, "redis.sock")}
	redis := start(t, "redis", dir, nil, "redis-server", "--port", "0", "--unixsocket", s.redis, "--save", "", "--appendonly", "no")
	redis.waitFor("eady to accept connections", 20*time.Second)
	s.slack = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.posts <- string(body)
		io.WriteString(w, "ok")
	}))
	t.Cleanup(s.slack.Close)
	s.identity("server", pki.Request{Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: time.Hour})
	s.write("ca.pem", ca.CertPEM(), 0o644)
	s.write("slack.url", []byte(s.slack.URL+"/services/T0/B0/e2e-hook"), 0o600)
	s.write("destring.yaml", fmt.Appendf(nil, `environment: e2e
listen:
  syslog_tls: {address: "127.0.0.1:0", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
spool: {dir: state/spool, min_free: 64MiB}
alerts: {group_wait: 1s, group_wait_high: 1s, storm: 1000, slack: {webhook_url_file: slack.url}}
signals: {%s}
log: {format: json}
`, signals), 0o644)
	return s
}

// attacked starts a worker of abuse.py that sends as a peer of this name.
func (s *site) attacked(name, queue string, env ...string) *process {
	s.identity(name, pki.Request{Purpose: pki.Client, Names: []string{name}, Valid: time.Hour})
	return start(s.t, name, s.dir, s.attackEnv(name, env...), s.python, "-m", "celery", "-A", "abuse", "worker", "-l", "INFO", "--concurrency", "2", "-Q", queue, "-n", name+"@%h", "-I", "destring_celery")
}

func (s *site) attackEnv(name string, env ...string) []string {
	e2e, err := filepath.Abs(".")
	if err != nil {
		s.t.Fatal(err)
	}
	return append([]string{"PYTHONPATH=" + filepath.Join(root(s.t), "deploy", "celery") + ":" + e2e, "PYTHONDONTWRITEBYTECODE=1", "ABUSE_BROKER=redis+socket://" + s.redis, "ABUSE_CERTS=" + s.dir,
		"DESTRING_ADDRESS=" + strings.Replace(s.address["syslog_tls"], "127.0.0.1", "localhost", 1), "DESTRING_CA=" + filepath.Join(s.dir, "ca.pem"),
		"DESTRING_CERT=" + filepath.Join(s.dir, name+".pem"), "DESTRING_KEY=" + filepath.Join(s.dir, name+".key")}, env...)
}

func (s *site) attack(name string, env ...string) {
	s.t.Helper()
	run(s.t, s.dir, s.attackEnv("attacker", env...), s.python, filepath.Join(root(s.t), "deploy", "e2e", "abuse.py"), name)
}

// titles counts the posts by what they are about, until every one of want has come and nothing more
// is to come: all records are read and all their alerts told.
func (s *site) titles(want []string) map[string]int {
	s.t.Helper()
	got := map[string]int{}
	missing := func() (all []string) {
		for _, title := range want {
			if got[title] == 0 {
				all = append(all, title)
			}
		}
		return all
	}
	take := func() {
		for len(s.posts) > 0 {
			got[titleOf(s.t, <-s.posts)]++
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		take()
		if len(missing()) == 0 && s.toldAll() {
			take() // a post is in the channel before its sender has the answer
			return got
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no alert says %q, or alerts are not told; there are %v", missing(), got)
		}
	}
}

// toldAll reports whether alerting has read everything that the relay took, and told all of it.
func (s *site) toldAll() bool {
	s.t.Helper()
	read := func() bool {
		var st struct {
			Spool struct {
				Readers []struct {
					Name    string
					Records uint64
				}
			}
		}
		if err := json.Unmarshal([]byte(run(s.t, s.dir, nil, destring(s.t), "status", "-c", "destring.yaml", "-o", "json")), &st); err != nil {
			s.t.Fatal(err)
		}
		for _, r := range st.Spool.Readers {
			if r.Name == "alerts" {
				return r.Records == 0
			}
		}
		s.t.Fatalf("status says nothing of the alerts' reader: %+v", st)
		return false
	}
	if !read() {
		return false
	}
	api := alerting.NewClient(filepath.Join(s.dir, "state", "control.sock"))
	list, err := api.Alerts(s.t.Context(), nil, true)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range list {
		if a, err = api.Alert(s.t.Context(), a.ID); err != nil {
			s.t.Fatal(err)
		}
		for _, d := range a.Deliveries {
			if d.Posts == 0 || d.Attempt != nil {
				return false
			}
		}
	}
	return read() // what came of them is read too
}

var head = regexp.MustCompile(`"type":"header","text":\{[^}]*"text":"([^"]*)"`)

// titleOf is the rule's title in the header of a post.
func titleOf(t *testing.T, post string) string {
	t.Helper()
	m := head.FindStringSubmatch(post)
	if m == nil {
		t.Fatalf("a post without header: %s", post)
	}
	_, title, _ := strings.Cut(m[1], "· ")
	var text string
	if err := json.Unmarshal([]byte(`"`+title+`"`), &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// posture are alerts about the place in which the test runs.
var posture = map[string]bool{"Worker runs as root": true, "Connection to the broker without TLS": true}

func wantTitles(t *testing.T, got map[string]int, want []string) {
	t.Helper()
	expected := map[string]bool{}
	for _, title := range want {
		expected[title] = true
		if got[title] != 1 {
			t.Errorf("%q was posted %d times, want once", title, got[title])
		}
	}
	for title, n := range got {
		if !expected[title] && !posture[title] {
			t.Errorf("%q was posted %d times, and nobody did that", title, n)
		}
	}
}

// Real workers are attacked in the ways that the rules are about; each raises its alert once.
func TestEachAttackOnAWorkerRaisesItsAlertOnce(t *testing.T) {
	parts.Need(t, "python3", "redis-server")
	s := newAttackedSite(t, "learning: 24h")
	s.signers()
	port := s.lockedRedis()
	relay := s.serve("--stdout")
	abused := s.attacked("abused", "abused")
	// A database of its own: the worker of signed messages refuses the commands to the other one too.
	apart := []string{"ABUSE_SIGNED=1", "ABUSE_BROKER=redis+socket://" + s.redis + "?virtual_host=1"}
	signed := s.attacked("signed", "signed", apart...)
	locked := s.attacked("locked-out", "abused", fmt.Sprintf("ABUSE_BROKER=redis://:not-the-password@127.0.0.1:%d/0", port))
	abused.waitFor("ready.", time.Minute)
	signed.waitFor("ready.", time.Minute)
	for _, attack := range []string{"pickle", "unregistered", "rate_limit", "terminate"} {
		s.attack(attack)
	}
	s.attack("signature", apart...)
	want := []string{"Pickle or YAML message to a worker that refuses it", "Task that the worker does not have", "Limits of a task changed by remote control",
		"Task terminated by remote control", "Signed message that does not verify", "Broker refused the credentials of a worker"}
	got := s.titles(want)
	wantTitles(t, got, want)

	signed.stop(time.Minute)
	_ = locked.cmd.Process.Signal(syscall.SIGKILL)
	s.attack("shutdown")
	select {
	case <-abused.done:
	case <-time.After(time.Minute):
		t.Errorf("the worker did not stop:\n%s", abused.output())
	}
	last := []string{"Worker stopped by remote control"}
	wantTitles(t, s.titles(last), last)
	relay.stop(time.Minute)
}

// A worker that stands still while its connection lives is missed, and one that is killed; each is said once.
func TestAStoppedWorkerIsMissedOnce(t *testing.T) {
	parts.Need(t, "python3", "redis-server")
	s := newAttackedSite(t, "learning: 5s, silence_factor: 2, silence_least: 6s, grace: 2s")
	relay := s.serve("--stdout")
	worker := s.attacked("abused", "abused")
	worker.waitFor("ready.", time.Minute)
	s.attack("beat")
	worker.waitFor("beat 9 of", time.Minute)
	_ = syscall.Kill(-worker.cmd.Process.Pid, syscall.SIGSTOP)
	// What is new after five seconds of learning is no matter here.
	fresh := map[string]bool{"Task that was never seen before": true, "Worker that was never seen before": true}
	for _, want := range []string{"Worker is silent", "Worker went without goodbye"} {
		got := s.titles([]string{want})
		for title := range fresh {
			delete(got, title)
		}
		wantTitles(t, got, []string{want})
		_ = syscall.Kill(-worker.cmd.Process.Pid, syscall.SIGKILL)
	}
	relay.stop(time.Minute)
}

// lockedRedis is a broker with a password. It returns its port.
func (s *site) lockedRedis() int {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	redis := start(s.t, "locked redis", s.dir, nil, "redis-server", "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--requirepass", randomText("abcdef0123456789", 32), "--save", "", "--appendonly", "no")
	redis.waitFor("eady to accept connections", 20*time.Second)
	return port
}

// signers makes the certificate that the worker of signed messages trusts, and the key of somebody else. Celery
// takes RSA alone.
func (s *site) signers() {
	s.t.Helper()
	key, rogue := rsaKey(s.t), rsaKey(s.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "shop"}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
	for name, k := range map[string]*rsa.PrivateKey{"key.pem": key, "rogue.key": rogue} {
		s.write(name, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}), 0o600)
	}
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Another implementation of Sigma finds nothing to say against the rules that destring brings along.
func TestSigmaCLIFindsNoIssueInTheRules(t *testing.T) {
	parts.Need(t, "python3")
	python := venv(t, "e2e/requirements-sigma.txt")
	out := run(t, root(t), nil, filepath.Join(filepath.Dir(python), "sigma"), "check", "--fail-on-error", "--fail-on-issues", "-x", "attacktag", "-x", "d3_fendtag", "-x", "custom_attributes", filepath.Join("rules", "packs"))
	if !strings.Contains(out, "Found 0 errors, 0 condition errors and 0 issues.") {
		t.Errorf("sigma check says:\n%s", out)
	}
}
