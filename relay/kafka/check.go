package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	metaapi "github.com/segmentio/kafka-go/protocol/metadata"
)

// Level is how bad a Finding is.
type Level int

// Levels.
const (
	OK      Level = iota
	Note          // worth knowing
	Warning       // works, but somebody will be sorry
	Fault         // destring cannot publish
)

// String returns a word for a table.
func (l Level) String() string { return [...]string{"ok", "note", "warning", "fault"}[l] }

// Finding is one line of a check.
type Finding struct {
	Level   Level
	Subject string // what was looked at: a broker, a topic
	Text    string // what was found
	Fix     string // what to do, may be empty
}

// Check reports what keeps destring from publishing, or nil. It posts nothing.
func Check(ctx context.Context, c Config) error {
	var faults []error
	for _, f := range Inspect(ctx, c) {
		if f.Level == Fault {
			text := f.Subject + ": " + f.Text
			if f.Fix != "" {
				text += "; " + f.Fix
			}
			faults = append(faults, errors.New("kafka: "+text))
		}
	}
	return errors.Join(faults...)
}

// Inspect looks at the brokers, the topics, their settings and who can read them, with the
// publisher's own credentials, and posts nothing. Write and Describe on the topics are
// enough; what needs more and is refused is a Note.
func Inspect(ctx context.Context, c Config) []Finding {
	if err := c.Validate(); err != nil {
		return []Finding{{Fault, "configuration", err.Error(), ""}}
	}
	c = c.withDefaults()
	i := &inspector{ctx: ctx, cfg: c}
	p := i.reach()
	if p == nil {
		return i.findings
	}
	defer p.close()
	m := i.describe(p)
	if m == nil {
		return i.findings
	}
	i.client = newClient(c.Connection, i.names())
	defer i.client.close()
	i.advertised(m)
	present := i.topics(m)
	i.settings(present)
	i.readers(present)
	i.listeners(m)
	return i.findings
}

type inspector struct {
	ctx      context.Context
	cfg      Config
	client   *client
	findings []Finding
}

func (i *inspector) add(l Level, subject, fix, format string, args ...any) {
	i.findings = append(i.findings, Finding{l, subject, fmt.Sprintf(format, args...), fix})
}

func (i *inspector) names() []string {
	names := make([]string, len(i.cfg.Topics))
	for n, t := range i.cfg.Topics {
		names[n] = t.Name
	}
	return names
}

// reach connects to each configured broker and returns the first connection that works.
func (i *inspector) reach() *probe {
	var first *probe
	for _, addr := range i.cfg.Brokers {
		p, err := dial(i.ctx, &i.cfg.Connection, addr)
		if err != nil {
			i.add(Fault, addr, probeRemedy(p.step, err, i.cfg.TLS != nil), "%s fails: %v", p.step, err)
			continue
		}
		how := "plaintext"
		if p.tls != nil {
			how = tls.VersionName(p.tls.Version)
		}
		if i.cfg.SASL != nil {
			how += ", " + i.cfg.SASL.String()
		}
		i.add(OK, addr, "", "reachable (%s)", how)
		if first != nil {
			p.close()
			continue
		}
		first = p
	}
	if first != nil { // one broker is enough to publish
		for n := range i.findings {
			if i.findings[n].Level == Fault {
				i.findings[n].Level = Warning
			}
		}
	}
	return first
}

// probeRemedy says what to do about a step that failed.
func probeRemedy(step string, err error, secure bool) string {
	c := classify(err)
	switch {
	case step == "first request" && !secure:
		return "the listener may want TLS: configure kafka.tls"
	case step == "first request":
		return "the broker may demand a login (kafka.sasl) or a client certificate (kafka.tls.cert_file)"
	case step == "login":
		return authRefused.remedy()
	case step == "TLS handshake" && (c == network || c == timeout):
		return "the listener may be plaintext: is this the broker's TLS port?"
	}
	return c.remedy()
}

func (i *inspector) describe(p *probe) *metaapi.Response {
	if err := p.conn.SetDeadline(time.Now().Add(probeTimeout)); err != nil {
		i.add(Fault, "cluster", "", "%v", err)
		return nil
	}
	m, err := p.cluster(i.names())
	if err != nil {
		fix := classify(err).remedy()
		if i.cfg.SASL == nil {
			fix = "the broker may demand a login: configure kafka.sasl"
		}
		i.add(Fault, "cluster", fix, "metadata cannot be had: %v", err)
		return nil
	}
	i.add(OK, "cluster", "", "%s, %d brokers", printable(m.ClusterID), len(m.Brokers))
	return m
}

// advertised dials the addresses that the cluster tells its clients to use: they, not
// the configured ones, get the records.
func (i *inspector) advertised(m *metaapi.Response) {
	for _, b := range m.Brokers {
		addr := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		if slices.Contains(i.cfg.Brokers, addr) {
			continue
		}
		host := "broker " + strconv.Itoa(int(b.NodeID))
		if i.cfg.TLS == nil && !i.cfg.AllowPlaintext && !loopback(b.Host) {
			i.add(Fault, host, "configure kafka.tls, or set allow_plaintext: true if the network is trusted",
				"the cluster sends us to %s in plaintext", printable(addr))
			continue
		}
		p, err := dial(i.ctx, &i.cfg.Connection, addr)
		p.close()
		if err != nil {
			i.add(Fault, host, "check the broker's advertised.listeners and that this name resolves here",
				"the cluster sends us to %s, where %s fails: %v", printable(addr), p.step, err)
		}
	}
}

// topics looks at what exists and returns it.
func (i *inspector) topics(m *metaapi.Response) []metaapi.ResponseTopic {
	var present []metaapi.ResponseTopic
	mayCreate := !i.cfg.NoCreate && allows(m.ClusterAuthorizedOperations, kafkago.ACLOperationTypeCreate)
	for n, t := range i.cfg.Topics {
		subject := "topic " + t.Name
		at := slices.IndexFunc(m.Topics, func(r metaapi.ResponseTopic) bool { return r.Name == t.Name })
		var code kafkago.Error
		if at >= 0 {
			code = kafkago.Error(m.Topics[at].ErrorCode)
		} else {
			code = kafkago.UnknownTopicOrPartition
		}
		switch {
		case code == kafkago.UnknownTopicOrPartition && mayCreate:
			i.add(Note, subject, "", "does not exist yet; destring makes it (%d partitions)", t.Partitions)
		case code == kafkago.UnknownTopicOrPartition:
			i.add(Fault, subject, "make it: "+i.cfg.Topics[n].Command(i.cfg.Brokers[0], len(m.Brokers)), "does not exist, and we may not make it")
		case code == kafkago.TopicAuthorizationFailed:
			i.add(Fault, subject, aclCommand(i.cfg, t.Name), "we may not even describe it")
		case code != 0 && code != kafkago.LeaderNotAvailable:
			i.add(Fault, subject, "", "%v", code)
		default:
			present = append(present, m.Topics[at])
			i.topic(subject, &m.Topics[at], len(m.Brokers))
		}
	}
	return present
}

func aclCommand(c Config, topic string) string {
	who := "NAME"
	if c.SASL != nil {
		who = c.SASL.User
	}
	return fmt.Sprintf("allow it: kafka-acls --bootstrap-server %s --add --allow-principal User:%s --operation Write --operation Describe --topic %s",
		c.Brokers[0], who, topic)
}

func (i *inspector) topic(subject string, t *metaapi.ResponseTopic, brokers int) {
	if !allows(t.TopicAuthorizedOperations, kafkago.ACLOperationTypeWrite) {
		i.add(Fault, subject, aclCommand(i.cfg, t.Name), "we may not write to it")
		return
	}
	leaderless, replicas := 0, 0
	for _, p := range t.Partitions {
		if p.LeaderID < 0 {
			leaderless++
		}
		replicas = max(replicas, len(p.ReplicaNodes))
	}
	if leaderless > 0 {
		i.add(Warning, subject, "look at the brokers that are down", "%d of %d partitions have no leader; their records wait in the spool", leaderless, len(t.Partitions))
	}
	if replicas < 2 && brokers > 1 {
		i.add(Warning, subject, "raise the replication factor with kafka-reassign-partitions", "one copy only: the loss of one broker loses records that Kafka has acknowledged")
	}
	i.add(OK, subject, "", "%d partitions, %d replicas, we may write", len(t.Partitions), replicas)
}

// settings reads the topics' configuration.
func (i *inspector) settings(present []metaapi.ResponseTopic) {
	for _, t := range present {
		subject := "topic " + t.Name
		values, err := i.configs(kafkago.ResourceTypeTopic, t.Name)
		if err != nil {
			i.add(Note, subject, "allow DescribeConfigs on the topic to see retention and min.insync.replicas", "its settings cannot be read: %v", err)
			continue
		}
		replicas := 0
		for _, p := range t.Partitions {
			replicas = max(replicas, len(p.ReplicaNodes))
		}
		if n, err := strconv.Atoi(values["min.insync.replicas"]); err == nil && n < 2 && replicas > 1 {
			i.add(Warning, subject, alter(i.cfg, t.Name, "min.insync.replicas=2"),
				"min.insync.replicas is %d: Kafka acknowledges records that one broker alone has", n)
		}
		if ms, err := strconv.ParseInt(values["retention.ms"], 10, 64); err == nil {
			i.retention(subject, t.Name, ms)
		}
		if strings.Contains(values["cleanup.policy"], "compact") {
			i.add(Fault, subject, alter(i.cfg, t.Name, "cleanup.policy=delete"),
				"cleanup.policy is %s: Kafka would keep only the last record of each worker", values["cleanup.policy"])
		}
		if n, err := strconv.Atoi(values["max.message.bytes"]); err == nil && n < 1<<20 {
			i.add(Warning, subject, alter(i.cfg, t.Name, "max.message.bytes=1048588"), "max.message.bytes is %d: longer messages are cut", n)
		}
	}
}

func (i *inspector) retention(subject, topic string, ms int64) {
	switch keep := time.Duration(ms) * time.Millisecond; {
	case ms < 0:
		i.add(Note, subject, "", "records are kept for ever: decide whether personal data in logs may be")
	case keep < 24*time.Hour:
		i.add(Warning, subject, alter(i.cfg, topic, "retention.ms=604800000"), "records are kept %v only: a reader that is down for a night misses them", keep)
	default:
		i.add(OK, subject, "", "records are kept %.0f days", keep.Hours()/24)
	}
}

func alter(c Config, topic, setting string) string {
	return fmt.Sprintf("kafka-configs --bootstrap-server %s --alter --topic %s --add-config %s", c.Brokers[0], topic, setting)
}

// configs reads the settings of a topic or broker.
func (i *inspector) configs(kind kafkago.ResourceType, name string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(i.ctx, probeTimeout)
	defer cancel()
	k, err := i.client.kafka()
	if err != nil {
		return nil, err
	}
	res, err := k.DescribeConfigs(ctx, &kafkago.DescribeConfigsRequest{
		Resources: []kafkago.DescribeConfigRequestResource{{ResourceType: kind, ResourceName: name}}})
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, r := range res.Resources {
		if r.Error != nil {
			return nil, r.Error
		}
		for _, e := range r.ConfigEntries {
			values[e.ConfigName] = e.ConfigValue
		}
	}
	return values, nil
}
