package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"destring/deploy/e2e/parts"
	"destring/relay/pki"
)

// senders is a site of senders and a relay that prints what it takes: no Kafka, no Slack.
type senders struct {
	*site
	plain map[string]int // the relay's ports without TLS, by network
}

func newSenders(t *testing.T) *senders {
	t.Helper()
	ca, err := pki.NewCA("e2e authority", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &senders{&site{t: t, dir: dir, ca: ca, truth: filepath.Join(dir, "truth.jsonl"), redis: filepath.Join(dir, "redis.sock")}, map[string]int{"tcp": freePort(t, "tcp"), "udp": freePort(t, "udp")}}
	s.identity("server", pki.Request{Purpose: pki.Server, Names: []string{"localhost", "127.0.0.1"}, Valid: time.Hour})
	s.identity("worker", pki.Request{Purpose: pki.Client, Names: []string{"worker-1.shop.example"}, Valid: time.Hour})
	s.write("ca.pem", ca.CertPEM(), 0o644)
	s.write("destring.yaml", fmt.Appendf(nil, `listen:
  syslog_tls: {address: "127.0.0.1:0", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
  plain: {tcp: "127.0.0.1:%d", udp: "127.0.0.1:%d"}
spool: {dir: state/spool, min_free: 64MiB}
log: {format: json}
`, s.plain["tcp"], s.plain["udp"]), 0o644)
	return s
}

// freePort finds a port on which nobody listens just now.
func freePort(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// printed is what a record of `serve --stdout` tells about its way.
type printed struct {
	Message string `json:"message"`
	Event   struct {
		ID string `json:"id"`
	} `json:"event"`
	Log struct {
		Syslog struct {
			AppName string `json:"appname"`
		} `json:"syslog"`
	} `json:"log"`
	Destring struct {
		Framing string `json:"framing"`
		Peer    struct {
			Name, Listener string
		} `json:"peer"`
	} `json:"destring"`
}

// connection is the part of event.id that all records of a connection share.
func (p *printed) connection() string { return p.Event.ID[:16] }

// untilPrinted waits until the relay has printed n records, for some time: the comparison says what is missing.
func untilPrinted(relay *process, n int) {
	deadline := time.After(time.Minute)
	for n > 0 {
		select {
		case line := <-relay.lines:
			if strings.HasPrefix(line, recordBegins) {
				n--
			}
		case <-relay.done:
			return
		case <-deadline:
			return
		}
	}
}

// recordBegins tells a record from a line of the relay's log.
const recordBegins = `{"@timestamp"`

// printedBy stops the relay in order and returns the records that it printed.
func (s *senders) printedBy(relay *process) []printed {
	s.t.Helper()
	relay.stop(time.Minute)
	var all []printed
	for line := range strings.Lines(relay.output()) {
		if !strings.HasPrefix(line, recordBegins) {
			continue
		}
		var r printed
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatalf("a record is no JSON: %v\n%s", err, line)
		}
		all = append(all, r)
	}
	return all
}

// Every handler that a shop may have logs a real prefork worker: each record arrives once, as it was written and in
// the order of its process, and what leaks is in none.
func TestPythonHandlersInARealWorker(t *testing.T) {
	parts.Need(t, "python3", "redis-server")
	s := newSenders(t)
	s.python = venv(t, "celery/example/requirements.txt", "e2e/requirements-senders.txt")
	redis := start(t, "redis", s.dir, nil, "redis-server", "--port", "0", "--unixsocket", s.redis, "--save", "", "--appendonly", "no")
	redis.waitFor("eady to accept connections", 20*time.Second)
	relay := s.serve("--stdout")
	planted := secrets()
	_, port, _ := strings.Cut(s.address["syslog_tls"], ":")
	env := append(s.workerEnv(relay, planted), fmt.Sprintf(`E2E_SENDERS=[{"kind":"rfc5424-octet","port":%[1]s},{"kind":"rfc5424-lf","port":%[1]s},{"kind":"tlssyslog","port":%[1]s},{"kind":"stdlib-tcp","port":%d},{"kind":"stdlib-udp","port":%d}]`,
		port, s.plain["tcp"], s.plain["udp"]))
	worker := start(t, "celery", s.dir, env, s.python, "-m", "celery", "-A", "shop", "worker", "-l", "INFO", "--concurrency", "2", "-Q", "shop", "-n", "w1@%h", "-I", "senders,truth")
	worker.waitFor("ready.", time.Minute)
	run(t, s.example(), env, s.python, "drive.py", "3", "2")
	worker.stop(time.Minute)
	truth := readTruth(t, s.truth)
	records := s.printedBy(relay)
	for _, way := range []struct {
		name, listener, framing string
		differs                 func(text string) bool // what the transport does not carry whole
	}{
		{"rfc5424-logging-handler, octet counting", "syslog_tls", "octet", func(string) bool { return false }},
		{"rfc5424-logging-handler, LF", "syslog_tls", "lf", func(text string) bool { return strings.Contains(text, `\n`) }}, // written as it writes a line feed
		{"tlssysloghandler", "syslog_tls", "nul", func(string) bool { return false }},
		{"SysLogHandler, TCP", "plain_tcp", "nul", func(string) bool { return false }},
		{"SysLogHandler, UDP", "plain_udp", "datagram", func(text string) bool { return strings.HasSuffix(text, "\n") }}, // go-syslog's server drops it
	} {
		t.Run(way.name, func(t *testing.T) {
			var got []printed
			for _, r := range records {
				if r.Destring.Peer.Listener == way.listener && r.Destring.Framing == way.framing {
					got = append(got, r)
				}
			}
			if len(got) != len(truth) {
				t.Errorf("%d records were emitted, %d arrived", len(truth), len(got))
			}
			inOrder(t, truth, got, way.framing == "datagram", way.differs)
		})
	}
	s.clean(planted, "standard output and the relay's log", []byte(relay.output()))
	s.cleanFiles(planted)
}

// inOrder wants each connection's records to be those of one process, in its order; datagrams have no
// connection, so theirs may come from all of them.
func inOrder(t *testing.T, truth []told, got []printed, mixed bool, differs func(string) bool) {
	t.Helper()
	left := map[int][]string{}
	for _, x := range truth {
		left[x.PID] = append(left[x.PID], x.Text)
	}
	process := map[string]int{} // of a connection
	for _, r := range got {
		whose := func(fits func(text string) bool) int { // whose turn it is
			return slices.IndexFunc(truth, func(x told) bool {
				pid, known := process[r.connection()]
				return (mixed || !known || pid == x.PID) && len(left[x.PID]) > 0 && fits(left[x.PID][0])
			})
		}
		at := whose(func(text string) bool { return isRedactionOf(r.Message, text) })
		if at < 0 {
			at = whose(differs) // only then: it may be true for what another process wrote
		}
		if at < 0 {
			t.Fatalf("a record is not what its process wrote next:\n%q", r.Message)
		}
		pid := truth[at].PID
		process[r.connection()] = pid
		left[pid] = left[pid][1:]
	}
}

// Forwarders and util-linux's logger bring the lines of a shop over every transport that they have.
func TestForwarders(t *testing.T) {
	parts.Need(t, "rsyslogd", "logger")
	s := newSenders(t)
	syslogNG(t) // before all else: it may have to be fetched
	relay := s.serve("--stdout")
	_, port, _ := strings.Cut(s.address["syslog_tls"], ":")
	planted := map[string]string{"password": randomText("abcdefghijklmnopqrstuvwxyz0123456789", 20)}
	texts := shopTexts(120, planted["password"])

	ways := []forwarder{
		{name: "rsyslog, LF", identity: "rsyslog-lf-escaped", framing: "traditional", escape: "on", template: "RSYSLOG_SyslogProtocol23Format"},
		{name: "rsyslog, octet counting", identity: "rsyslog-octet-escaped", framing: "octet-counted", escape: "on", template: "RSYSLOG_SyslogProtocol23Format"},
		{name: "rsyslog, LF, no escapes", identity: "rsyslog-lf-raw", framing: "traditional", escape: "off", template: "RSYSLOG_SyslogProtocol23Format"},
		{name: "rsyslog, octet counting, no escapes", identity: "rsyslog-octet-raw", framing: "octet-counted", escape: "off", template: "RSYSLOG_SyslogProtocol23Format"},
		{name: "rsyslog, LF, RFC 3164", identity: "rsyslog-lf-3164", framing: "traditional", escape: "on", template: "RSYSLOG_TraditionalForwardFormat"},
		{name: "syslog-ng syslog()", identity: "syslogng-syslog"},
		{name: "syslog-ng network()", identity: "syslogng-network"},
		{name: "syslog-ng as shipped", identity: "worker-1"},
	}
	var stop []*process
	var sockets []string
	var both string // destinations of one syslog-ng
	for _, w := range ways {
		if w.identity == "worker-1" {
			// The package makes the folder that disk buffers lie in by default.
			conf := strings.ReplaceAll(s.shipped("syslog-ng/destring.conf", "6514", "syslog_tls"), "disk-buffer(", fmt.Sprintf("disk-buffer(dir(%q) ", s.dir))
			socket, p := s.syslogng("shipped", conf)
			sockets, stop = append(sockets, socket), append(stop, p)
			continue
		}
		s.identity(w.identity, pki.Request{Purpose: pki.Client, Names: []string{w.identity + ".shop.example"}, Valid: time.Hour})
		if driver, ng := strings.CutPrefix(w.identity, "syslogng-"); ng {
			both += fmt.Sprintf("destination d_%[1]s { %[1]s(\"localhost\" port(%[2]s) persist-name(%[1]q) transport(\"tls\") tls(ca-file(%[3]q) cert-file(%[4]q) key-file(%[5]q) peer-verify(required-trusted))); };\nlog { source(s_src); destination(d_%[1]s); };\n",
				driver, port, filepath.Join(s.dir, "ca.pem"), filepath.Join(s.dir, w.identity+".pem"), filepath.Join(s.dir, w.identity+".key"))
			continue
		}
		socket, p := s.forward(w, port)
		sockets, stop = append(sockets, socket), append(stop, p)
	}
	socket, ng := s.syslogng("syslog-ng", both)
	sockets, stop = append(sockets, socket), append(stop, ng)
	t.Cleanup(func() {
		for _, p := range stop {
			if t.Failed() {
				t.Logf("%s:\n%s", p.name, p.output())
			}
		}
	})
	for _, socket := range sockets {
		log := dialLog(t, socket)
		defer log.Close()
		for _, text := range texts {
			if _, err := log.Write([]byte("<142>Nov 25 10:00:00 celery[4132]: " + text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.write("lines.log", []byte(strings.Join(texts, "\n")+"\n"), 0o600)
	out, err := exec.CommandContext(t.Context(), "logger", "--rfc5424", "--octet-count", "--tcp", "--server", "127.0.0.1", "--port", fmt.Sprint(s.plain["tcp"]), "--tag", "celery", "--size", "8KiB", "--file", filepath.Join(s.dir, "lines.log")).CombinedOutput()
	if err != nil {
		t.Fatalf("logger: %v\n%s", err, out)
	}
	untilPrinted(relay, len(ways)*len(texts)+len(linesOf(texts)))
	for _, p := range stop {
		p.stop(30 * time.Second)
	}
	records := s.printedBy(relay)
	for _, w := range append(ways, forwarder{name: "logger, RFC 5424, octet counting", identity: "logger"}) {
		t.Run(w.name, func(t *testing.T) { wantTexts(t, w, texts, records) })
	}
	s.clean(planted, "standard output and the relay's log", []byte(relay.output()))
	s.cleanFiles(planted)
}

// forwarder is a way of an existing syslog daemon to the relay, with a certificate of its own.
type forwarder struct{ name, identity, framing, escape, template string }

// shopTexts are lines and tracebacks of a worker, each with its number.
func shopTexts(n int, password string) []string {
	var all []string
	for i := range n {
		head := fmt.Sprintf("[2026-11-25 10:00:00,%03d: ", i)
		task := fmt.Sprintf("shop.tasks.pay[0b1f2c3d-0000-4000-8000-%012d]", i)
		all = append(all, head+[]string{
			"INFO/MainProcess] Task " + task + " received",
			"ERROR/ForkPoolWorker-1] Task " + task + " raised unexpected: ValueError('password=" + password + "')\nTraceback (most recent call last):\n  File \"/srv/shop/tasks.py\", line 7, in pay\n    raise ValueError(x)\n\nValueError: password=" + password,
			"WARNING/ForkPoolWorker-1] " + task + ": tab\tand \x1b[1;31mcolour\x1b[0m, Grüße",
			"INFO/ForkPoolWorker-2] " + task + `: {"json": [1, 2.5, null], "path": "/srv/shop"}`,
		}[i%4])
	}
	return all
}

func linesOf(texts []string) []string { return strings.Split(strings.Join(texts, "\n"), "\n") }

// forward starts an rsyslogd of its own for one way.
func (s *senders) forward(w forwarder, port string) (socket string, p *process) {
	s.t.Helper()
	work := filepath.Join(s.dir, w.identity)
	if err := os.MkdirAll(work, 0o700); err != nil {
		s.t.Fatal(err)
	}
	socket = filepath.Join(work, "log.sock")
	conf := fmt.Sprintf(`global(workDirectory=%q parser.escapeControlCharactersOnReceive=%q maxMessageSize="64k"
  DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile=%q DefaultNetstreamDriverCertFile=%q DefaultNetstreamDriverKeyFile=%q)
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket=%q CreatePath="on" RateLimit.Interval="0")
if $programname == "celery" then action(type="omfwd" target="localhost" port=%q protocol="tcp" TCP_Framing=%q StreamDriver="gtls" StreamDriverMode="1"
  StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost" template=%q)
`, work, w.escape, filepath.Join(s.dir, "ca.pem"), work+".pem", work+".key", socket, port, w.framing, w.template)
	file := filepath.Join(work, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return socket, start(s.t, w.name, s.dir, nil, "rsyslogd", "-n", "-f", file, "-i", filepath.Join(work, "pid"))
}

// wantTexts wants the texts in order, once each, by one way; logger sends each line as a message.
func wantTexts(t *testing.T, w forwarder, texts []string, records []printed) {
	t.Helper()
	if w.identity == "logger" {
		texts = linesOf(texts)
	}
	var got []string
	for _, r := range records {
		if r.Destring.Peer.Name == w.identity+".shop.example" && r.Log.Syslog.AppName == "celery" || w.identity == "logger" && r.Destring.Peer.Listener == "plain_tcp" {
			got = append(got, r.Message)
		}
	}
	for i, text := range texts {
		if i >= len(got) {
			break
		}
		if !isRedactionOf(got[i], text) {
			t.Fatalf("record %d arrived as\n%q\nfor\n%q", i, got[i], text)
		}
	}
	if len(got) != len(texts) {
		t.Errorf("%d records were sent, %d arrived", len(texts), len(got))
	}
}
