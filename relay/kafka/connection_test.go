package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/scram"

	"destring/relay/kafka"
	"destring/relay/kafka/broker"
)

func TestValidateNamesEveryFaultAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		conn kafka.Connection
		want []string // empty: valid
	}{
		"nothing set":              {kafka.Connection{}, []string{"no broker named"}},
		"loopback by address":      {kafka.Connection{Brokers: []string{"127.0.0.1:9092", "[::1]:9092", "localhost:9092"}}, nil},
		"plaintext to elsewhere":   {kafka.Connection{Brokers: []string{"kafka.example:9092"}}, []string{"plaintext to kafka.example:9092", "allow_plaintext"}},
		"plaintext allowed":        {kafka.Connection{Brokers: []string{"kafka.example:9092"}, AllowPlaintext: true}, nil},
		"a name that looks local":  {kafka.Connection{Brokers: []string{"127.0.0.1.example:9092"}}, []string{"plaintext to"}},
		"TLS to elsewhere":         {kafka.Connection{Brokers: []string{"kafka.example:9093"}, TLS: &kafka.TLS{}}, nil},
		"no port, and a key alone": {kafka.Connection{Brokers: []string{"kafka.example"}, TLS: &kafka.TLS{KeyFile: "k"}}, []string{`"kafka.example" is not host:port`, "belong together"}},
		"mechanism unknown": {kafka.Connection{Brokers: []string{"localhost:1"}, SASL: &kafka.SASL{Mechanism: "GSSAPI", User: "u", Password: "p"}},
			[]string{`"GSSAPI" is unknown`, "SCRAM-SHA-512"}},
		"no password": {kafka.Connection{Brokers: []string{"localhost:1"}, SASL: &kafka.SASL{Mechanism: kafka.Plain, User: "u"}}, []string{"both needed"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.conn.Validate()
			if len(c.want) == 0 && err != nil {
				t.Errorf("refused: %v", err)
			}
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}

func TestAPasswordPrintsNowhere(t *testing.T) {
	s := kafka.SASL{Mechanism: kafka.Plain, User: "relay", Password: "hunter-" + "two"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "sasl", s, "p", &s)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s", s, s, s, &s), log.String()} {
		if strings.Contains(text, "hunter") {
			t.Errorf("password in %s", text)
		}
	}
}

// authority is a CA in a test's folder.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.key, a.cert = a.issue("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return a
}

// issue writes name.pem and name.key.
func (a *authority) issue(name string, c *x509.Certificate, parent *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signer := a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, cert
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// server is a broker's TLS that demands certificates of its clients.
func (a *authority) server() *tls.Config {
	a.t.Helper()
	a.issue("broker", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"kafka.internal"}}, a.cert)
	a.issue("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, a.cert)
	pair, err := tls.LoadX509KeyPair(a.file("broker.pem"), a.file("broker.key"))
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
}

func TestMutualTLS(t *testing.T) {
	a := newAuthority(t)
	b := startBroker(t, broker.Config{TLS: a.server()})
	c := config(t, b.Addr(), nil)
	c.TLS = &kafka.TLS{CAFile: a.file("ca.pem"), CertFile: a.file("client.pem"), KeyFile: a.file("client.key"), ServerName: "kafka.internal"}
	s := fill(t, kafka.LZ4, 2, 2, 10)
	s.End()
	publish(t, c, s)
	if s.Committed() != 4 {
		t.Errorf("%d batches are committed", s.Committed())
	}
	for name, spoil := range map[string]func(*kafka.TLS){
		"another authority": func(c *kafka.TLS) { c.CAFile = newAuthority(t).file("ca.pem") },
		"another name":      func(c *kafka.TLS) { c.ServerName = "kafka.example" },
		"no certificate":    func(c *kafka.TLS) { c.CertFile, c.KeyFile = "", "" },
		"no such file":      func(c *kafka.TLS) { c.CAFile = "/nowhere/ca.pem" },
	} {
		t.Run(name, func(t *testing.T) {
			wrong := *c.TLS
			spoil(&wrong)
			c := c
			c.TLS, c.Metrics = &wrong, nil
			p, _ := background(t, c, fill(t, kafka.LZ4, 1, 1, 1))
			eventually(t, "the fault is named", func() bool {
				class := p.Status().Class
				return class == "tls" || class == "local" && strings.Contains(p.Status().Problem, "/nowhere/ca.pem")
			})
			if err := kafka.Check(t.Context(), c); err == nil {
				t.Error("Check sees no fault")
			}
		})
	}
}

// A certificate that was renewed on the disk is taken up without a restart.
func TestRenewedFilesAreTakenUp(t *testing.T) {
	a := newAuthority(t)
	b := startBroker(t, broker.Config{TLS: a.server()})
	c := config(t, b.Addr(), nil)
	stranger := newAuthority(t)
	stranger.issue("client", &x509.Certificate{}, stranger.cert)
	c.TLS = &kafka.TLS{CAFile: a.file("ca.pem"), CertFile: stranger.file("client.pem"), KeyFile: stranger.file("client.key")}
	s := fill(t, kafka.LZ4, 2, 2, 10)
	p, _ := background(t, c, s)
	eventually(t, "the stranger is refused", func() bool { return p.Status().Class == "tls" })
	for _, f := range []string{"client.pem", "client.key"} {
		content, err := os.ReadFile(a.file(f))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(stranger.file(f), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is committed", func() bool { return s.Committed() == 4 })
}

func TestEachLoginWorksAndAWrongPasswordIsNamed(t *testing.T) {
	for _, mechanism := range []string{kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			b := startBroker(t, broker.Config{Users: []broker.User{{Mechanism: mechanism, Name: "relay", Password: "right", Super: true}}})
			c := config(t, b.Addr(), nil)
			c.SASL = &kafka.SASL{Mechanism: mechanism, User: "relay", Password: "right"}
			s := fill(t, kafka.LZ4, 2, 2, 10)
			s.End()
			publish(t, c, s)
			if err := kafka.Check(t.Context(), c); err != nil {
				t.Errorf("Check: %v", err)
			}
			c.Metrics = nil
			c.SASL = &kafka.SASL{Mechanism: mechanism, User: "relay", Password: "wrong"}
			if err := kafka.Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), "login fails") {
				t.Errorf("Check says %v", err)
			}
			p, _ := background(t, c, fill(t, kafka.LZ4, 1, 1, 1))
			eventually(t, "a problem is said", func() bool { return p.Status().Problem != "" })
		})
	}
}

func TestARelayThatMayNotWriteWaitsUntilItMay(t *testing.T) {
	admin := broker.User{Mechanism: kafka.ScramSHA256, Name: "admin", Password: "a", Super: true}
	relay := broker.User{Mechanism: kafka.ScramSHA256, Name: "relay", Password: "r"}
	b := startBroker(t, broker.Config{Users: []broker.User{admin, relay}, ACLs: true, Topics: []broker.Topic{{Name: logs, Partitions: 2}}})
	c := config(t, b.Addr(), nil)
	c.NoCreate = true
	c.SASL = &kafka.SASL{Mechanism: relay.Mechanism, User: relay.Name, Password: relay.Password}
	if err := kafka.Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), "kafka-acls") || !strings.Contains(err.Error(), "User:relay") {
		t.Errorf("Check says %v", err)
	}
	s := fill(t, kafka.LZ4, 2, 2, 10)
	p, _ := background(t, c, s)
	eventually(t, "a problem is said", func() bool {
		return strings.Contains(p.Status().Problem, "Authorization") || p.Status().Class != "network"
	})
	allow(t, b.Addr(), "User:relay", logs, kafkago.ACLOperationTypeDescribe, kafkago.ACLOperationTypeWrite)
	eventually(t, "all is committed", func() bool { return s.Committed() == 4 })
	if err := kafka.Check(t.Context(), c); err != nil {
		t.Errorf("Check with Write and Describe says %v", err)
	}
}

// allow adds ACLs as the user admin.
func allow(t *testing.T, addr, principal, topic string, operations ...kafkago.ACLOperationType) {
	t.Helper()
	login, err := scram.Mechanism(scram.SHA256, "admin", "a")
	if err != nil {
		t.Fatal(err)
	}
	transport := &kafkago.Transport{SASL: login}
	defer transport.CloseIdleConnections()
	client := &kafkago.Client{Addr: kafkago.TCP(addr), Transport: transport}
	for _, op := range operations {
		res, err := client.CreateACLs(t.Context(), &kafkago.CreateACLsRequest{ACLs: []kafkago.ACLEntry{{
			ResourceType: kafkago.ResourceTypeTopic, ResourceName: topic, ResourcePatternType: kafkago.PatternTypeLiteral,
			Principal: principal, Host: "*", Operation: op, PermissionType: kafkago.ACLPermissionTypeAllow}}})
		if err != nil || res.Errors[0] != nil {
			t.Fatal(err, res)
		}
	}
}

func TestTheCheckListsWhoCanRead(t *testing.T) {
	admin := broker.User{Mechanism: kafka.ScramSHA256, Name: "admin", Password: "a", Super: true}
	b := startBroker(t, broker.Config{Users: []broker.User{admin}, ACLs: true,
		Topics: []broker.Topic{{Name: logs, Partitions: 2}, {Name: "celery.audit.v1", Partitions: 1}}})
	allow(t, b.Addr(), "User:siem", logs, kafkago.ACLOperationTypeRead, kafkago.ACLOperationTypeDescribe)
	allow(t, b.Addr(), "User:*", "celery.audit.v1", kafkago.ACLOperationTypeRead)
	c := config(t, b.Addr(), nil)
	c.Topics = append(c.Topics, kafka.Topic{Name: "celery.audit.v1"})
	c.SASL = &kafka.SASL{Mechanism: admin.Mechanism, User: admin.Name, Password: admin.Password}
	var text strings.Builder
	for _, f := range kafka.Inspect(t.Context(), c) {
		fmt.Fprintf(&text, "%s %s: %s; %s\n", f.Level, f.Subject, f.Text, f.Fix)
	}
	for _, want := range []string{"ok topic celery.logs.v1: can be read by User:siem (and by", "warning topic celery.audit.v1: everybody may read it",
		"ok " + b.Addr() + ": reachable (plaintext, SCRAM-SHA-256 as admin)"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
}

func TestTopicsAreMadeAsStated(t *testing.T) {
	b := startBroker(t, broker.Config{Nodes: 3})
	c := config(t, b.Addr(), nil)
	c.Topics = []kafka.Topic{{Name: logs}, {Name: "celery.audit.v1", Partitions: 1, Retention: 30 * 24 * time.Hour}}
	s := fill(t, kafka.LZ4, 6, 1, 1)
	s.End()
	publish(t, c, s)
	for name, want := range map[string]struct {
		partitions int
		configs    map[string]string
	}{
		logs:              {6, map[string]string{"retention.ms": "604800000", "min.insync.replicas": "2"}},
		"celery.audit.v1": {1, map[string]string{"retention.ms": "2592000000", "min.insync.replicas": "2"}},
	} {
		info := b.TopicInfo(name)
		if info == nil {
			t.Errorf("%s was not made", name)
			continue
		}
		if n := len(b.PartitionInfos(name)); n != want.partitions {
			t.Errorf("%s has %d partitions", name, n)
		}
		for key, value := range want.configs {
			if got := info.Configs[key]; got == nil || *got != value {
				t.Errorf("%s: %s is %v, want %s", name, key, got, value)
			}
		}
	}
}

func TestAMissingTopicThatWeMayNotMakeIsNamedWithTheCommand(t *testing.T) {
	b := startBroker(t, broker.Config{})
	c := config(t, b.Addr(), nil)
	c.NoCreate = true
	want := "kafka-topics --bootstrap-server " + b.Addr() + " --create --topic celery.logs.v1 --partitions 6 --replication-factor 1 --config retention.ms=604800000"
	s := fill(t, kafka.LZ4, 1, 1, 1)
	p, stop := background(t, c, s)
	eventually(t, "the command is said", func() bool { return strings.Contains(p.Status().Problem, want) })
	if err := kafka.Check(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Check says %v", err)
	}
	if err := b.CreateTopic(logs, 6, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it goes on once the topic is there", func() bool { return s.Committed() == 1 })
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]kafka.Config{
		"no topic":   {Connection: kafka.Connection{Brokers: []string{"localhost:9092"}}},
		"no broker":  {Topics: []kafka.Topic{{Name: logs}}},
		"plain text": {Connection: kafka.Connection{Brokers: []string{"10.0.0.1:9092"}}, Topics: []kafka.Topic{{Name: logs}}},
	} {
		if _, err := kafka.New(c, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
