package e2e

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	realkafka "destring/deploy/e2e/kafka"
	"destring/relay/kafka"
	"destring/relay/pki"
	"destring/rules/record/recordtest"
)

// site is a place where a shop runs: an authority, a Kafka, a Redis, a Slack and a folder.
type site struct {
	t      *testing.T
	dir    string
	ca     *pki.CA
	kafka  *realkafka.Node
	redis  string // path of its socket
	slack  *httptest.Server
	posts  chan string
	python string
	truth  string

	address map[string]string // of the relay's listeners and metrics

	topic   string            // of the logs, where it is not the usual one
	planted map[string]string // what the load leaks
	loads   int               // that were made
}

func newSite(t *testing.T) *site {
	t.Helper()
	ca, err := pki.NewCA("e2e authority", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &site{t: t, dir: dir, ca: ca, kafka: realkafka.Start(t), posts: make(chan string, 1000), python: python(t), truth: filepath.Join(dir, "truth.jsonl"), redis: filepath.Join(dir, "redis.sock")}
	redis := start(t, "redis", dir, nil, "redis-server", "--port", "0", "--unixsocket", s.redis, "--save", "", "--appendonly", "no")
	redis.waitFor("eady to accept connections", 20*time.Second)
	s.slack = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.posts <- string(body)
		io.WriteString(w, "ok")
	}))
	t.Cleanup(s.slack.Close)
	s.identity("server", pki.Request{Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: time.Hour})
	s.identity("worker", pki.Request{Purpose: pki.Client, Names: []string{"worker-1.shop.example"}, Valid: time.Hour})
	s.write("ca.pem", ca.CertPEM(), 0o644)
	s.write("slack.url", []byte(s.slack.URL+"/services/T0/B0/e2e-hook"), 0o600)
	s.write("destring.yaml", fmt.Appendf(nil, `environment: e2e
listen:
  syslog_tls: {address: "127.0.0.1:0", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
  relp: {address: "127.0.0.1:0", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
spool: {dir: state/spool, min_free: 64MiB}
kafka: {brokers: [%q]}
alerts: {group_wait: 1s, group_wait_high: 1s, storm: 1000, slack: {webhook_url_file: slack.url}}
metrics: {address: "127.0.0.1:0"}
log: {format: json}
`, s.kafka.Addr), 0o644)
	return s
}

func (s *site) identity(name string, r pki.Request) {
	s.t.Helper()
	leaf, err := s.ca.Issue(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(name+".pem", leaf.CertPEM, 0o644)
	s.write(name+".key", leaf.KeyPEM, 0o600)
}

func (s *site) write(name string, data []byte, mode os.FileMode) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, mode); err != nil {
		s.t.Fatal(err)
	}
}

// serve starts the relay and learns its addresses from the line in which it says that it is ready.
func (s *site) serve(args ...string) *process {
	s.t.Helper()
	temporary := filepath.Join(s.dir, "tmp")
	if err := os.MkdirAll(temporary, 0o700); err != nil {
		s.t.Fatal(err)
	}
	p := start(s.t, "destring", s.dir, []string{"TMPDIR=" + temporary}, append([]string{destring(s.t), "serve", "-c", "destring.yaml"}, args...)...)
	var ready struct {
		Listeners map[string]string `json:"listeners"`
	}
	line := p.waitFor("relay: ready", 30*time.Second)
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		s.t.Fatalf("%v in %s", err, line)
	}
	s.address = ready.Listeners
	return p
}

func (s *site) workerEnv(_ *process, planted map[string]string) []string {
	secrets, err := json.Marshal(planted)
	if err != nil {
		s.t.Fatal(err)
	}
	deploy := filepath.Join(root(s.t), "deploy")
	_, port, _ := strings.Cut(s.address["syslog_tls"], ":")
	return []string{"PYTHONPATH=" + filepath.Join(deploy, "celery") + ":" + filepath.Join(deploy, "celery", "example") + ":" + filepath.Join(deploy, "e2e"),
		"PYTHONDONTWRITEBYTECODE=1", "SHOP_BROKER=redis+socket://" + s.redis, "SHOP_SECRETS=" + string(secrets), "E2E_TRUTH=" + s.truth,
		"DESTRING_ADDRESS=localhost:" + port, "DESTRING_CA=" + filepath.Join(s.dir, "ca.pem"), "DESTRING_CERT=" + filepath.Join(s.dir, "worker.pem"), "DESTRING_KEY=" + filepath.Join(s.dir, "worker.key")}
}

// worker starts the example shop as an operator would, with the handler that deploy ships.
func (s *site) worker(relay *process, planted map[string]string) *process {
	return start(s.t, "celery", s.dir, s.workerEnv(relay, planted), s.python, "-m", "celery", "-A", "shop", "worker", "-l", "INFO", "--concurrency", "2", "-Q", "shop",
		"-n", "w1@%h", "-I", "destring_celery,truth")
}

// follow opens a topic from its beginning, as soon as the relay has made it.
func (s *site) follow(ctx context.Context, topic string) *kafka.Reader {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := kafka.OpenReader(ctx, kafka.Connection{Brokers: []string{s.kafka.Addr}}, kafka.Range{Topic: topic, Follow: true})
		if err == nil {
			return r
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("topic %s did not come: %v", topic, err)
		}
	}
}

// read reads n records of a topic.
func (s *site) read(topic string, n int, within time.Duration) []published {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	r := s.follow(ctx, topic)
	defer r.Close()
	var all []published
	for len(all) < n {
		record, err := r.Next(ctx)
		if err != nil {
			s.t.Errorf("%d of %d records of %s came: %v", len(all), n, topic, err)
			break
		}
		var p published
		if err := json.Unmarshal(record.Value, &p); err != nil {
			s.t.Fatalf("a record is no JSON: %v", err)
		}
		all = append(all, p)
	}
	return all
}

// alerts waits for n posts.
func (s *site) alerts(n int) []string {
	s.t.Helper()
	var all []string
	deadline := time.After(2 * time.Minute)
	for len(all) < n {
		select {
		case post := <-s.posts:
			all = append(all, post)
		case <-deadline:
			s.t.Fatalf("%d of %d alerts were posted", len(all), n)
		}
	}
	return all
}

func (s *site) metrics(*process) string {
	s.t.Helper()
	res, err := http.Get("http://" + s.address["metrics"] + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// clean looks for the planted secrets in data, in the encodings in which they could get there.
func (s *site) clean(planted map[string]string, where string, data []byte) {
	s.t.Helper()
	for name, secret := range planted {
		for _, form := range encodings(secret) {
			if strings.Contains(string(data), form) {
				s.t.Errorf("%s holds %s as %q", where, name, form)
			}
		}
	}
}

func encodings(secret string) []string {
	forms := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), url.QueryEscape(secret), url.PathEscape(secret)}
	for pad := range 3 {
		text := strings.Repeat("x", pad) + secret
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			coded := e.EncodeToString([]byte(text))
			forms = append(forms, coded[(pad*8+5)/6:len(coded)-2])
		}
	}
	return forms
}

// cleanTopics looks through everything in Kafka, keys and headers too.
func (s *site) cleanTopics(planted map[string]string) {
	s.t.Helper()
	for _, topic := range []string{"celery.logs.v1", "celery.alerts.v1", "celery.audit.v1", "celery.dlq.v1"} {
		s.cleanTopic(planted, topic)
	}
}

func (s *site) cleanTopic(planted map[string]string, topic string) {
	s.t.Helper()
	s.eachRecord(topic, func(record kafka.Record) {
		s.clean(planted, topic, record.Value)
		s.clean(planted, topic+" (key)", record.Key)
		for _, h := range record.Headers {
			s.clean(planted, topic+" (header)", h.Value)
		}
	})
}

// conforms holds a record to ECS, to the schema of destring and to CloudEvents.
func (s *site) conforms(r kafka.Record) {
	s.t.Helper()
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Name] = string(h.Value)
	}
	for _, fault := range recordtest.Published(r.Value, headers) {
		s.t.Errorf("%s: %s", r.Topic, fault)
	}
}

// cleanFiles looks through everything that the relay has put on the disk; what belongs to the
// worker (the truth, Redis) is left out.
func (s *site) cleanFiles(planted map[string]string) {
	s.t.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(s.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			s.t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		data, err := os.ReadFile(path)
		s.clean(planted, path, data)
		return err
	})
	if err != nil || files == 0 {
		s.t.Errorf("%d files of the relay looked through: %v", files, err)
	}
}

func randomText(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
