package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	realkafka "destring/deploy/e2e/kafka"
	"destring/deploy/e2e/parts"
	"destring/relay/pki"
)

// long asks for the long form: as many kills, and as long outages, as issue 4 names.
func long() bool { return os.Getenv("DESTRING_LONG") != "" }

// longOr is n in the long form and short in the short one.
func longOr[T any](n, short T) T {
	if long() {
		return n
	}
	return short
}

// Everything that may befall a relay, under load by RELP and by plain TLS, with a real Kafka and the
// relay as a process of its own. What was acknowledged is in the topic afterwards, in order, and nothing
// readable lies on the disk.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	parts.Need(t, "java", "mvn")
	node := realkafka.Start(t)
	for i, c := range []struct {
		name string
		test func(*site)
	}{
		{"SIGTERM under load", stopped},
		{"kill -9 under load", killed},
		{"a reload every half second", reloaded},
		{"Kafka killed, or not there at the start", kafkaKilled},
		{"Kafka frozen", kafkaFrozen},
		{"Kafka killed and the relay with it", bothKilled},
		{"the topic is deleted", topicDeleted},
		{"the spool is full: shed", shed},
		{"the spool is full: block", blocked},
	} {
		if !t.Run(c.name, func(t *testing.T) {
			node.For(t)
			c.test(newRelaySite(t, node, fmt.Sprintf("chaos.logs.v%d", i), "shed", ""))
		}) {
			break // the ones behind it would meet a Kafka in an unknown state
		}
	}
	node.For(t)
}

// newRelaySite is a site without workers: an authority, a Kafka and a folder. The relay keeps its
// ports over restarts, and has a topic of its own.
func newRelaySite(t *testing.T, node *realkafka.Node, topic, onFull, spool string) *site {
	t.Helper()
	ca, err := pki.NewCA("e2e authority", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: t.TempDir(), ca: ca, kafka: node, topic: topic}
	s.identity("server", pki.Request{Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: time.Hour})
	s.identity("worker", pki.Request{Purpose: pki.Client, Names: []string{"worker-1.shop.example"}, Valid: time.Hour})
	s.write("ca.pem", ca.CertPEM(), 0o644)
	ports := realkafka.FreePorts(t, 3)
	s.write("destring.yaml", fmt.Appendf(nil, `environment: e2e
listen:
  on_full: %s
  syslog_tls: {address: %q, cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
  relp: {address: %q, cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
spool: {dir: state/spool%s}
kafka: {brokers: [%q], topic: %s, audit_topic: %s.audit}
metrics: {address: %q}
log: {format: json}
`, onFull, ports[0], ports[1], spool, node.Addr, topic, topic, ports[2]), 0o644)
	s.address = map[string]string{"syslog_tls": ports[0], "relp": ports[1], "metrics": ports[2]}
	return s
}

// kill ends the relay as a power cut would, but for what the kernel has taken.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// stopTime bounds an orderly stop: container runtimes kill after ten seconds.
const stopTime = 10 * time.Second

// gauge reads one metric of the relay; not there is -1.
func (s *site) gauge(name string) float64 {
	res, err := http.Get("http://" + s.address["metrics"] + "/metrics")
	if err != nil {
		return -1
	}
	res.Body.Close()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(s.metrics(nil))
	if m == nil {
		return -1
	}
	v, _ := strconv.ParseFloat(m[1], 64)
	return v
}

const depth = `destring_spool_depth_records{reader="kafka"}`

// await polls until ok.
func (s *site) await(what string, within time.Duration, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %v in vain: %s", within, what)
		}
	}
}

// delivered waits until Kafka has all that the relay took.
func (s *site) delivered() {
	s.t.Helper()
	s.await("everything is delivered", 2*time.Minute, func() bool { return s.gauge(depth) == 0 })
}

// caughtUp waits until Kafka has nearly all that the relay took: with senders that go on there is always
// something on its way.
func (s *site) caughtUp() {
	s.t.Helper()
	s.await("the backlog is gone", 2*time.Minute, func() bool { return s.gauge(depth) < 1000 })
}

// flows waits until n more messages were sent.
func (l *load) flows(s *site, n int) {
	s.t.Helper()
	at := l.sentCount()
	s.await("messages are sent", time.Minute, func() bool { return l.sentCount() >= at+n })
}

// usual is the load of most tests: four plain connections and two RELP sessions.
func (s *site) usual() *load {
	l := s.newLoad(5*time.Millisecond, 300)
	s.planted = map[string]string{"password": randomText("abcdefghijklmnopqrstuvwxyz0123456789", 20)}
	l.secret = s.planted["password"]
	l.start(4, 2)
	return l
}

// finish ends the load and then the relay in order, and settles. resent is how many messages RELP
// senders may have sent again: those that were durable and not answered when the relay was killed.
func (s *site) finish(l *load, relay *process, resent int) {
	s.t.Helper()
	s.account(l, relay).wantKept(s.t, resent)
}

func (s *site) account(l *load, relay *process) account {
	s.t.Helper()
	l.stop()
	s.delivered()
	relay.stop(stopTime)
	s.finishClean(relay)
	return l.settle(s.arrivals(s.topic))
}

// finishClean looks for secrets in everything that the relay leaves behind.
func (s *site) finishClean(relay *process) {
	s.t.Helper()
	s.clean(s.planted, "the relay's log", []byte(relay.output()))
	s.cleanFiles(s.planted)
	if left, err := os.ReadDir(filepath.Join(s.dir, "tmp")); err != nil || len(left) > 0 {
		s.t.Errorf("temporary files: %v, %v", left, err)
	}
	s.cleanTopic(s.planted, s.topic)
	s.cleanTopic(s.planted, s.topic+".audit")
	s.modes()
}

func stopped(s *site) {
	relay := s.serve()
	l := s.usual()
	for range longOr(10, 3) {
		l.flows(s, 1000)
		l.fault()
		relay.stop(stopTime)
		relay = s.serve()
	}
	l.flows(s, 500)
	s.finish(l, relay, 0)
}

func killed(s *site) {
	relay := s.serve()
	l := s.usual()
	n := longOr(20, 5)
	for i := range n {
		if i%4 != 3 { // every fourth start is killed before anything flows
			l.flows(s, 1000)
		}
		l.fault()
		relay.kill()
		s.clean(s.planted, "the relay's log", []byte(relay.output()))
		s.cleanFiles(s.planted)
		relay = s.serve()
	}
	l.flows(s, 500)
	s.finish(l, relay, 2*relpWindow*n)
}

func reloaded(s *site) {
	relay := s.serve()
	l := s.usual()
	for i := range longOr(40, 10) {
		l.flows(s, 400)
		if i%3 == 0 { // a rotated certificate: connections live on, new ones get the new one
			s.identity("server", pki.Request{Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: time.Hour})
		}
		if err := relay.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			s.t.Fatal(err)
		}
		relay.waitFor("relay: reloaded", 10*time.Second)
	}
	s.finish(l, relay, 0)
}

// kafkaKilled has two relays: one that loses its Kafka, and one that starts when there is none.
func kafkaKilled(s *site) {
	relay := s.serve()
	l := s.usual()
	l.flows(s, 1000)
	s.kafka.Kill()
	late := newRelaySite(s.t, s.kafka, s.topic+".late", "shed", "")
	lateRelay := late.serve()
	lateLoad := late.usual()
	l.outage(s, longOr(30*time.Second, 3*time.Second))
	lateLoad.flows(late, 500)
	s.kafka.Run()
	l.flows(s, 500)
	lateLoad.flows(late, 500)
	s.finish(l, relay, 0)
	late.finish(lateLoad, lateRelay, 0)
}

func kafkaFrozen(s *site) {
	relay := s.serve()
	l := s.usual()
	l.flows(s, 1000)
	s.kafka.Pause()
	l.outage(s, longOr(15*time.Second, 3*time.Second))
	for _, look := range []string{"ls", "stat", "verify", "cat"} { // beside the running relay
		shown := run(s.t, s.dir, nil, destring(s.t), "spool", look, "--dir", "state/spool")
		s.clean(s.planted, "spool "+look, []byte(shown))
	}
	s.kafka.Continue()
	l.flows(s, 500)
	s.kafka.Pause()
	l.flows(s, 500)
	l.fault()
	relay.stop(stopTime) // though nothing can be delivered
	s.kafka.Continue()
	relay = s.serve()
	l.flows(s, 500)
	s.finish(l, relay, 0)
}

// outage lets the load go on for so long. It must not notice.
func (l *load) outage(s *site, d time.Duration) {
	s.t.Helper()
	for until := time.Now().Add(d); time.Now().Before(until); {
		l.flows(s, 100)
	}
}

func bothKilled(s *site) {
	relay := s.serve()
	l := s.usual()
	l.flows(s, 1000)
	s.kafka.Kill()
	n := longOr(3, 2)
	for range n {
		l.flows(s, 1000)
		l.fault()
		relay.kill()
		relay = s.serve()
	}
	s.kafka.Run()
	l.flows(s, 500)
	s.finish(l, relay, 2*relpWindow*n)
}

func topicDeleted(s *site) {
	relay := s.serve()
	first := s.usual()
	first.flows(s, 500)
	first.stop()
	s.delivered()
	s.kafka.Topics("--delete", "--topic", s.topic)
	l := s.usual()
	l.flows(s, 1000)
	s.finish(l, relay, 0)
	s.replayed()
}

// replayed publishes the topic's records again, to another one, and wants the same there.
func (s *site) replayed() {
	s.t.Helper()
	again := s.topic + ".again"
	s.t.Log(run(s.t, s.dir, nil, destring(s.t), "replay", "-c", "destring.yaml", "--topic", s.topic, "--from", "1h", "--to-topic", again))
	want, got := s.arrivals(s.topic), s.arrivals(again)
	if len(want) == 0 || !maps.EqualFunc(want, got, slices.Equal) {
		s.t.Errorf("%d streams were replayed as %d, or not the same", len(want), len(got))
	}
}

// modes wants every file that only the relay may read 0600 and every folder 0700.
func (s *site) modes() {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, "state"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			s.t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		s.t.Error(err)
	}
}
