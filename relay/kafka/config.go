package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Connection says how to reach a cluster and as whom.
type Connection struct {
	// Brokers are the addresses to start from, host:port. At least one.
	Brokers []string

	// ClientID names us in the brokers' logs and quotas. Default "destring".
	ClientID string

	// TLS is how to speak TLS; nil is plaintext.
	TLS *TLS

	// SASL is who we are when no client certificate says so; nil is nobody.
	SASL *SASL

	// AllowPlaintext admits plaintext to brokers that are not on this machine: records
	// and passwords can then be read on the way.
	AllowPlaintext bool
}

// TLS names PEM files. They are read at each new set of connections, so that renewed ones
// are taken up without a restart.
type TLS struct {
	CAFile     string // who signs the brokers' certificates; the system's store when empty
	CertFile   string // our certificate for mTLS, with KeyFile, or neither
	KeyFile    string
	ServerName string // name in the brokers' certificates, when it is not the host dialled
}

// SASL mechanisms.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// SASL holds credentials. It prints without the password.
type SASL struct {
	Mechanism string // one of the three
	User      string
	Password  string
}

// String says who, never the password.
func (s SASL) String() string { return s.Mechanism + " as " + s.User }

// GoString is String, so that %#v shows no password either.
func (s SASL) GoString() string { return s.String() }

// LogValue is String for slog.
func (s SASL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Validate reports every fault of c at once, without touching the network.
func (c *Connection) Validate() error {
	var faults []error
	if len(c.Brokers) == 0 {
		faults = append(faults, errors.New("kafka: no broker named: set brokers to host:port of at least one"))
	}
	for _, b := range c.Brokers {
		host, port, err := net.SplitHostPort(b)
		if err != nil || host == "" || port == "" {
			faults = append(faults, fmt.Errorf("kafka: broker %q is not host:port", b))
			continue
		}
		if c.TLS == nil && !c.AllowPlaintext && !loopback(host) {
			faults = append(faults, fmt.Errorf("kafka: plaintext to %s: everyone on the way can read the records; "+
				"configure tls, or set allow_plaintext: true if the network is trusted", b))
		}
	}
	if c.TLS != nil && (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		faults = append(faults, errors.New("kafka: tls: cert_file and key_file belong together: set both or neither"))
	}
	if c.SASL != nil {
		if _, err := c.SASL.mechanism(); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	if s.User == "" || s.Password == "" {
		return nil, errors.New("kafka: sasl: user and password are both needed")
	}
	switch s.Mechanism {
	case Plain:
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case ScramSHA256:
		return scram.Mechanism(scram.SHA256, s.User, s.Password)
	case ScramSHA512:
		return scram.Mechanism(scram.SHA512, s.User, s.Password)
	}
	return nil, fmt.Errorf("kafka: sasl: mechanism %q is unknown: use %s", s.Mechanism,
		strings.Join([]string{Plain, ScramSHA256, ScramSHA512}, ", "))
}

// config reads the files that t names.
func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("kafka: tls: read CA: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka: tls: %s holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("kafka: tls: client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

// Topic is a topic that destring writes to, with the settings it is made with when it is
// missing. Existing topics are never changed.
type Topic struct {
	Name       string
	Partitions int32         // default 6
	Replicas   int16         // default 3, or as many as there are brokers
	Retention  time.Duration // default 7 days
}

// Defaults of Topic.
const (
	DefaultPartitions = 6
	DefaultRetention  = 7 * 24 * time.Hour
)

func (t Topic) withDefaults() Topic {
	if t.Partitions == 0 {
		t.Partitions = DefaultPartitions
	}
	if t.Retention == 0 {
		t.Retention = DefaultRetention
	}
	return t
}

// Config is what a Publisher needs. Zero values mean the stated defaults.
type Config struct {
	Connection

	// Topics lists every topic that batches may name.
	Topics []Topic

	// NoCreate leaves making missing topics to the operator.
	NoCreate bool

	// RequestTimeout bounds one produce request; behind it the broker counts as
	// frozen and the batch is sent again. Default 10 s.
	RequestTimeout time.Duration

	// BackoffMin and BackoffMax bound the pause before the next attempt, doubled each
	// time and jittered by half. Attempts never end. Defaults 100 ms and 10 s.
	BackoffMin, BackoffMax time.Duration

	// CommitInterval is the pause between two commits while nothing waits for one.
	// A crash resends at most this much, recognisably. Default 50 ms.
	CommitInterval time.Duration

	// MaxPending bounds the bytes of batches in memory. Default 32 MiB.
	MaxPending int

	// DeadLetter takes a record that the broker refuses for good; the stream goes on
	// when it returns nil and tries again when not. Called from a goroutine of Run's, one call
	// at a time. The slices are its own. Nil: such records are counted, logged and dropped.
	DeadLetter func(DeadLetter) error

	// DeadLetterTopic is where DeadLetter leads: what is refused there goes no further.
	DeadLetterTopic string

	Log     *slog.Logger // default: discard
	Metrics *Metrics     // default: unregistered
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.RequestTimeout, 10*time.Second)
	def(&c.BackoffMin, 100*time.Millisecond)
	def(&c.BackoffMax, 10*time.Second)
	def(&c.CommitInterval, 50*time.Millisecond)
	if c.MaxPending == 0 {
		c.MaxPending = 32 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	topics := make([]Topic, len(c.Topics))
	for i, t := range c.Topics {
		topics[i] = t.withDefaults()
	}
	c.Topics = topics
	return c
}
