package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"destring/relay/celery"
	"destring/relay/kafka"
	"destring/relay/syslog"
	"destring/rules/detect"
	"destring/rules/event"
	"destring/rules/record/recordtest"
	"destring/rules/redact"
)

// sender is one connection: what the relay does with its bytes up to Inspect.
type sender struct {
	t      testing.TB
	in     *Inspector
	parser syslog.Parser
	reader *celery.Reader
	peer   *event.Peer
	ev     event.Event
	n      uint64
}

const received = 1764029292809123456 // 2025-11-25T00:08:12.809123456Z

func newEngine(t testing.TB, sigma string) *Engine {
	t.Helper()
	o := Options{Redact: redact.Options{Key: bytes.Repeat([]byte{9}, 32)}, Environment: "test", Observer: "relay-1"}
	if sigma != "" {
		set, err := detect.Load(detect.Bytes("test.yml", []byte(sigma)))
		if err != nil {
			t.Fatal(err)
		}
		o.Rules = set
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newSender(t testing.TB, e *Engine) *sender {
	peer := &event.Peer{Name: "worker-7.example", Names: []string{"worker-7.example"}, CommonName: "worker", Issuer: "CN=shop CA", Serial: "01ab", Fingerprint: strings.Repeat("ab", 32),
		NotAfter: time.Unix(1800000000, 0), TLSVersion: "1.3", Cipher: "TLS_AES_128_GCM_SHA256", Address: netip.MustParseAddrPort("192.0.2.7:4711"), Listener: "syslog_tls"}
	return &sender{t: t, in: e.NewInspector(), reader: celery.NewReader(celery.Options{}), peer: peer}
}

// read parses a frame; the event is valid until the next.
func (s *sender) read(frame string) *event.Event {
	ev := &s.ev
	ev.Reset()
	s.n++
	ev.ID, ev.Received, ev.Timestamp, ev.Peer = event.ID{Connection: 0x5eed, Message: s.n}, received, received, s.peer
	s.parser.Parse([]byte(frame), received, ev)
	s.reader.Read(ev)
	if ev.Syslog.HasTime && ev.Syslog.TimeHasZone {
		ev.Timestamp, ev.TimestampFrom = ev.Syslog.Time, event.TimeHeader
	}
	return ev
}

// send inspects a frame and checks what must hold for every record.
func (s *sender) send(frame string) published {
	s.t.Helper()
	return check(s.t, s.in.Inspect(s.read(frame)))
}

// line sends a line of Celery in a header of RFC 5424.
func (s *sender) line(text string) published {
	s.t.Helper()
	return s.send("<134>1 2025-11-25T00:08:12.807Z shop-a celery.app.trace 4132 - - " + text)
}

// published is a record as a consumer reads it from Kafka.
type published struct {
	t       testing.TB
	raw     string
	value   map[string]any
	headers map[string]string
	key     string
	time    time.Time
	clean   *Clean
}

// check reads c back out of Kafka's own form and holds it to the schemas.
func check(t testing.TB, c *Clean) published {
	t.Helper()
	const base = received/1_000_000 - 250
	batch := kafka.Batch{Topic: "logs", Count: 1, BaseTimestamp: base, MaxTimestamp: c.Received() / 1e6, Records: c.AppendRecord(nil, 0, base)}
	if len(batch.Records) > c.Size() {
		t.Errorf("a record of %d bytes, Size says at most %d", len(batch.Records), c.Size())
	}
	records, err := kafka.Decode(batch)
	if err != nil {
		t.Fatalf("Kafka's record format: %v", err)
	}
	r := records[0]
	if string(r.Value) != string(c.Value()) || string(r.Key) != string(c.Key()) {
		t.Error("Kafka's record has another key or value than the clean record")
	}
	p := published{t: t, raw: string(r.Value), headers: map[string]string{}, key: string(r.Key), time: r.Time, clean: c}
	for _, h := range r.Headers {
		p.headers[h.Name] = string(h.Value)
	}
	faults := recordtest.Any(r.Value)
	if c.Topic() == Logs {
		faults = recordtest.Log(r.Value)
	}
	for _, fault := range append(faults, recordtest.Headers(p.headers)...) {
		t.Errorf("%s\nin %s", fault, r.Value)
	}
	if err := json.Unmarshal(r.Value, &p.value); err != nil {
		t.Fatal(err)
	}
	return p
}

// at returns the value of a dotted name as text, "" when it is not there.
func (p published) at(name string) string {
	var v any = p.value
	for part := range strings.SplitSeq(name, ".") {
		m, _ := v.(map[string]any)
		v = m[part]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// says fails for each name that has not the value.
func (p published) says(want map[string]string) {
	p.t.Helper()
	for name, value := range want {
		if got := p.at(name); got != value {
			p.t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

// hides fails when the record holds one of the texts, anywhere.
func (p published) hides(secrets ...string) {
	p.t.Helper()
	everything := p.raw + p.key + fmt.Sprint(p.headers, p.clean.Findings(), p.clean.Matches())
	for _, secret := range secrets {
		if strings.Contains(everything, secret) {
			p.t.Errorf("%q is in the record: %s", secret, everything)
		}
	}
}
