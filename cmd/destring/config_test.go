package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeConfig writes a configuration and the files that it names, and returns its path.
func writeConfig(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"server.pem": 0o644, "server.key": 0o600, "ca.pem": 0o644, "open.key": 0o644, "slack.url": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "destring.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const goodConfig = `listen:
  syslog_tls: {address: "127.0.0.1:6514", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}
  on_full: shed
spool: {dir: spool, max_size: 10GiB}
kafka: {brokers: ["127.0.0.1:9092"], topic: celery.logs.v1, alerts_topic: celery.alerts.v1, compression: lz4}
alerts: {slack: {webhook_url_file: slack.url}}
metrics: {address: "127.0.0.1:9514"}
`

func TestAGoodConfigurationIsReadWithItsDefaults(t *testing.T) {
	c, err := loadConfig(writeConfig(t, goodConfig), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Spool.MaxSize != 10<<30 || c.Listen.Stall != 2*time.Second || c.Listen.MaxMessage != 1<<20 || c.Kafka.Partitions != 6 || !c.Kafka.CreateTopics || c.Listen.SyslogTLS.ClientAuth != "require" {
		t.Errorf("read as %+v", c)
	}
}

func TestWhatIsWrongIsSaidWithItsPlaceAndRemedy(t *testing.T) {
	cases := []struct {
		name, yaml string
		sets, env  []string
		want       []string // each must be in the error; "" in front of ":" marks a place
	}{
		{name: "an unknown key names its place and the nearest key", yaml: strings.Replace(goodConfig, "brokers", "brokes", 1),
			want: []string{"destring.yaml:5:9: kafka.brokes: no such key (did you mean kafka.brokers?)"}},
		{name: "a duplicate key is refused", yaml: goodConfig + "metrics: {address: \"127.0.0.1:1\"}\n", want: []string{"metrics"}},
		{name: "all faults are reported at once", yaml: goodConfig + "zone: Mars/Olympus\nenvironment: prod\nredact: {profile: debug}\n",
			want: []string{"destring.yaml:8:1: zone: \"Mars/Olympus\" is no time zone", "redact.profile: debug shows too much for environment prod"}},
		{name: "a duration without a unit is refused", yaml: strings.Replace(goodConfig, "on_full: shed", "stall: 5", 1), want: []string{"listen.stall: 5 is no duration"}},
		{name: "a size without a unit is refused", yaml: strings.Replace(goodConfig, "10GiB", "10", 1), want: []string{"spool.max_size: 10 is no size"}},
		{name: "a word that is not in the list is refused", yaml: strings.Replace(goodConfig, "compression: lz4", "compression: lz5", 1), want: []string{`kafka.compression: "lz5" is none of none, lz4, zstd (did you mean lz4?)`}},
		{name: "a number is no text", yaml: strings.Replace(goodConfig, "topic: celery.logs.v1", "topic: 0123", 1), want: []string{"kafka.topic: 83 is no text: put it in quotes"}},
		{name: "a secret in the file is refused", yaml: goodConfig + "x: 1\n", sets: nil, want: []string{"x: no such key"}},
		{name: "a token in the file is refused", yaml: strings.Replace(goodConfig, "webhook_url_file: slack.url", "token: abc", 1), want: []string{"alerts.slack.token: a secret must not stand in this file"}},
		{name: "a secret on the command line is refused", yaml: goodConfig, sets: []string{"alerts.slack.token=abc"}, want: []string{"--set alerts.slack.token: a secret on the command line"}},
		{name: "an unknown variable is refused", yaml: goodConfig, env: []string{"DESTRING_KAFKA_BROKER=x:1"}, want: []string{"DESTRING_KAFKA_BROKER: no such variable (did you mean DESTRING_KAFKA_BROKERS?)"}},
		{name: "a key that others can read is refused", yaml: strings.Replace(goodConfig, "server.key", "open.key", 1), want: []string{"listen.syslog_tls.key_file", "chmod 0600"}},
		{name: "a file that is missing is named", yaml: strings.Replace(goodConfig, "client_ca_file: ca.pem", "client_ca_file: nothere.pem", 1), want: []string{"listen.syslog_tls.client_ca_file: there is no such file", "nothere.pem"}},
		{name: "a broker that is not loopback needs TLS", yaml: strings.Replace(goodConfig, "127.0.0.1:9092", "kafka.example:9092", 1), want: []string{"kafka.brokers: kafka.example:9092 is not loopback"}},
		{name: "a plain input that is not loopback is refused", yaml: strings.Replace(goodConfig, "on_full: shed", `plain: {udp: "0.0.0.0:514"}`, 1), want: []string{"listen.plain.udp: 0.0.0.0:514 is not loopback"}},
		{name: "nothing that listens is refused", yaml: "kafka: {brokers: [\"127.0.0.1:9092\"]}\n", want: []string{"listen.syslog_tls.address: must not be empty: nothing listens"}},
		{name: "a key in the spool is refused", yaml: goodConfig + "redact: {key_file: spool/redact.key}\n", want: []string{"redact.key_file", "lies in spool.dir"}},
		{name: "a second document is refused", yaml: goodConfig + "---\nkafka: {topic: other}\n", want: []string{"destring.yaml:8:1", "a second document"}},
		{name: "a name that Kafka does not take is refused", yaml: strings.Replace(goodConfig, "celery.logs.v1", "a b", 1), want: []string{`kafka.topic: "a b" is no name of a topic`}},
		{name: "a port that there is not is refused", yaml: strings.Replace(goodConfig, "127.0.0.1:9514", "127.0.0.1:99999", 1), want: []string{"metrics.address"}},
		{name: "a name with a line feed is refused", yaml: goodConfig + "name: \"a\\nb\"\n", want: []string{"name: must be at most 255"}},
		{name: "a list of peers has keys of its own", yaml: goodConfig + "peers: [{match: \"*.shop\", zon: UTC}]\n", want: []string{"peers: entry 1: zon: no such key (did you mean zone?)"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := writeConfig(t, c.yaml)
			if strings.Contains(c.name, "key in the spool") {
				spool := filepath.Join(filepath.Dir(file), "spool")
				if err := os.MkdirAll(spool, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(spool, "redact.key"), []byte("k"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := loadConfig(file, c.sets, c.env)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in:\n%s", want, err)
				}
			}
		})
	}
}

func TestLaterLayersWin(t *testing.T) {
	c, origin, err := loadConfigOrigins(writeConfig(t, goodConfig), []string{"kafka.partitions=3", "listen.stall=1s"},
		[]string{"DESTRING_KAFKA_PARTITIONS=9", "DESTRING_KAFKA_BROKERS=127.0.0.1:1, 127.0.0.1:2", "DESTRING_KAFKA_CREATE_TOPICS=false", "PATH=/"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Kafka.Partitions != 3 || len(c.Kafka.Brokers) != 2 || c.Kafka.CreateTopics || c.Listen.Stall != time.Second {
		t.Errorf("read as %+v", c.Kafka)
	}
	for key, want := range map[string]string{"kafka.partitions": "set", "kafka.brokers": "env", "kafka.topic": "file", "kafka.tls.enabled": "default"} {
		if origin[key] != want {
			t.Errorf("%s comes from %s, want %s", key, origin[key], want)
		}
	}
}

func TestPeersAreReadWithTheirDefaults(t *testing.T) {
	c, err := loadConfig(writeConfig(t, goodConfig+"peers:\n  - {match: \"*.shop\", zone: Europe/Berlin, hosts: [Shop-A]}\n"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Peers) != 1 || c.Peers[0].Transport != "auto" || c.Peers[0].Hosts[0] != "Shop-A" {
		t.Errorf("read as %+v", c.Peers)
	}
}

func TestASecretOfTheConfigurationDoesNotPrintItself(t *testing.T) {
	s := NewSecret("hunter2")
	c := Config{}
	c.Alerts.Slack.Token = s
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "secret", s, "config", c)
	for _, out := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %q %x", c, c, s, s), string(raw), log.String()} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74") {
			t.Errorf("shown: %s", out)
		}
	}
}

func TestSizesAreReadAndWritten(t *testing.T) {
	for in, want := range map[string]Size{"0B": 0, "1KiB": 1024, "1.5MiB": 1572864, "10GiB": 10 << 30, "3kB": 3000, "2 MB": 2e6} {
		got, err := ParseSize(in)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "10", "-1B", "GiB", "1PiB", "1e30TiB"} {
		if _, err := ParseSize(in); err == nil {
			t.Errorf("%q accepted", in)
		}
	}
	if got := Size(10 << 30).String(); got != "10GiB" {
		t.Error(got)
	}
}
