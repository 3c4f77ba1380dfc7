// Package broker is a Kafka-compatible broker inside the process: kfake, for the demo, the
// benchmark and tests. One node on 127.0.0.1 by default, with real protocol, real
// idempotence, optional TLS, SASL and ACLs, and data that outlives the process when a folder
// is given. Its author says: for testing; so do we.
//
// kfake writes its files with mode 0644: who gives it a folder sets the process's umask to
// 077 first (cmd does). We make the folder itself 0700.
package broker

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic is made at the start when it is missing.
type Topic struct {
	Name       string
	Partitions int32
}

// User may log in. Without Super, ACLs bind it when they are on.
type User struct {
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	Name      string
	Password  string
	Super     bool
	Write     []string // topics it may write and describe
}

// Config says what to start. The zero value is one empty broker in memory, on a free port.
type Config struct {
	Port   int    // 0: any free one
	Dir    string // keeps data here; empty: in memory
	Nodes  int    // default 1
	Topics []Topic

	// ClusterID names the cluster; one made anew should have another. Default kfake's.
	ClusterID string

	Discard bool // acknowledge records and throw them away: for benchmarks
	TLS     *tls.Config
	Users   []User // any: SASL is demanded
	ACLs    bool
	Configs map[string]string // broker configuration, for instance message.max.bytes
}

// Broker is a running broker.
type Broker struct {
	// Cluster is kfake itself, for its faults, controls and topics.
	*kfake.Cluster
}

// Start starts a broker that runs until Close.
func Start(c Config) (*Broker, error) {
	opts := []kfake.Opt{kfake.NumBrokers(max(c.Nodes, 1)), kfake.DefaultNumPartitions(1), kfake.BrokerConfigs(c.Configs)}
	if c.Discard {
		opts = append(opts, kfake.BlackholeProduce())
	}
	if c.ClusterID != "" {
		opts = append(opts, kfake.ClusterID(c.ClusterID))
	}
	if c.Port != 0 {
		opts = append(opts, kfake.Ports(c.Port))
	}
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("broker: data folder: %w", err)
		}
		opts = append(opts, kfake.DataDir(c.Dir))
	}
	for _, t := range c.Topics {
		opts = append(opts, kfake.SeedTopics(t.Partitions, t.Name))
	}
	if c.TLS != nil {
		opts = append(opts, kfake.TLS(c.TLS))
	}
	if c.ACLs {
		opts = append(opts, kfake.EnableACLs())
	}
	for i, u := range c.Users {
		if i == 0 {
			opts = append(opts, kfake.EnableSASL())
		}
		opts = append(opts, u.opt())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("broker: start: %w", err)
	}
	return &Broker{Cluster: cluster}, nil
}

func (u User) opt() kfake.Opt {
	if u.Super {
		return kfake.Superuser(u.Mechanism, u.Name, u.Password)
	}
	var acls []kfake.ACL
	for _, t := range u.Write {
		for _, op := range []kmsg.ACLOperation{kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe} {
			acls = append(acls, kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: t,
				Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true})
		}
	}
	return kfake.User(u.Mechanism, u.Name, u.Password, acls...)
}

// Addr returns the first node's address, host:port.
func (b *Broker) Addr() string { return b.ListenAddrs()[0] }

// Port returns the first node's port.
func (b *Broker) Port() int {
	_, port, _ := net.SplitHostPort(b.Addr()) // it is a listener's
	n, _ := strconv.Atoi(port)
	return n
}

// Refuse answers n produce requests for a topic's partitions with a Kafka error code; n < 0:
// until the handle's Remove. An empty topic means all.
func (b *Broker) Refuse(topic string, code int16, n int) *kfake.FaultHandle {
	err := kerr.TypedErrorForCode(code)
	return b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: err, Count: n})
}

// Freeze lets no request through any more, without closing a connection, until thaw is
// called: requests that came meanwhile stay unanswered.
func (b *Broker) Freeze() (thaw func()) {
	var thawed atomic.Bool
	b.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		if thawed.Load() {
			b.DropControl()
			return nil, nil, false
		}
		b.KeepControl()
		return nil, nil, true
	})
	return func() { thawed.Store(true) }
}

// Hangup closes the connection of the next n produce requests instead of answering.
func (b *Broker) Hangup(n int) {
	left := n
	b.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if left--; left == 0 {
			b.DropControl()
		}
		return nil, errHangup, true
	})
}

var errHangup = fmt.Errorf("broker: hung up as a test asked for")
