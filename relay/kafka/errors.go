package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// class is what a failure means for the batch that met it. The set is closed: it labels
// a metric.
type class uint8

const (
	delivered   class = iota
	retriable         // the broker says: later
	network           // no connection, or it broke
	timeout           // no answer in time: a frozen broker
	tlsRefused        // certificates do not fit
	authRefused       // user or password
	aclRefused        // known, but not allowed
	leader            // another broker leads now: ask for metadata
	missing           // topic or partition does not exist
	oversize          // larger than the topic takes
	sequence          // the broker does not know our producer (any more)
	codec             // compression that the broker does not take
	poison            // the records themselves are refused
	local             // our own fault, for instance an unreadable CA file
	classes
)

var classNames = [classes]string{"ok", "retriable", "network", "timeout", "tls", "auth", "acl", "leader",
	"missing_topic", "oversize", "sequence", "codec", "poison", "local"}

func (c class) String() string { return classNames[c] }

// LogValue is String for slog, whose JSON would show the number.
func (c class) LogValue() slog.Value { return slog.StringValue(c.String()) }

// remedy is what a person can do about a failure that does not end by itself.
func (c class) remedy() string {
	switch c {
	case network:
		return "check kafka.brokers, the brokers and the network between"
	case timeout:
		return "the broker accepts connections but does not answer: look at its log, disk and GC"
	case tlsRefused:
		return "check kafka.tls: ca_file, server_name, and our certificate's validity"
	case authRefused:
		return "check kafka.sasl: mechanism, user and password"
	case aclRefused:
		return "grant Write and Describe on the topic: kafka-acls --add --allow-principal User:NAME --operation Write --operation Describe --topic TOPIC"
	case retriable:
		return "if it stays: fewer replicas in sync than min.insync.replicas, or a broker in recovery"
	}
	return ""
}

// classify sorts what a request returned.
func classify(err error) class {
	if err == nil {
		return delivered
	}
	var code kafkago.Error
	if errors.As(err, &code) {
		return classifyCode(code)
	}
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	var authority x509.UnknownAuthorityError
	if errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &authority) ||
		errors.As(err, &op) && strings.HasSuffix(op.Op, " error") { // "remote error": crypto/tls got an alert
		return tlsRefused
	}
	switch {
	case errors.Is(err, errLocal):
		return local
	case errors.Is(err, context.DeadlineExceeded):
		return timeout
	case errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition):
		return missing
	case errors.Is(err, protocol.ErrNoLeader), strings.Contains(err.Error(), "mismatching leaders"):
		return leader
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return timeout
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &ne) {
		return network
	}
	return network
}

func classifyCode(code kafkago.Error) class {
	switch code {
	case kafkago.DuplicateSequenceNumber:
		return delivered // it is there: that is all we want
	case kafkago.NotLeaderForPartition, kafkago.LeaderNotAvailable, kafkago.FencedLeaderEpoch,
		kafkago.UnknownLeaderEpoch, kafkago.KafkaStorageError, kafkago.ReplicaNotAvailable:
		return leader
	case kafkago.UnknownTopicOrPartition, kafkago.InvalidTopic, kafkago.UnknownTopicID:
		return missing
	case kafkago.MessageSizeTooLarge, kafkago.RecordListTooLarge:
		return oversize
	case kafkago.OutOfOrderSequenceNumber, kafkago.UnknownProducerId, kafkago.InvalidProducerEpoch,
		kafkago.InvalidProducerIDMapping, kafkago.ProducerFenced, kafkago.InvalidTransactionState:
		return sequence
	case kafkago.TopicAuthorizationFailed, kafkago.ClusterAuthorizationFailed,
		kafkago.TransactionalIDAuthorizationFailed, kafkago.GroupAuthorizationFailed, kafkago.BrokerAuthorizationFailed:
		return aclRefused
	case kafkago.SASLAuthenticationFailed, kafkago.UnsupportedSASLMechanism, kafkago.IllegalSASLState,
		kafkago.SecurityDisabled:
		return authRefused
	case kafkago.UnsupportedCompressionType:
		return codec
	case kafkago.InvalidMessage, kafkago.InvalidRecord, kafkago.InvalidTimestamp,
		kafkago.UnsupportedForMessageFormat, kafkago.PolicyViolation:
		return poison
	case kafkago.RequestTimedOut:
		return timeout
	}
	return retriable
}

// outcomeUnknown reports whether the broker may have appended a batch although the
// attempt failed.
func outcomeUnknown(err error, c class) bool {
	switch c {
	case timeout, retriable, network, leader:
		var op *net.OpError
		return !(errors.As(err, &op) && op.Op == "dial")
	}
	return false
}

// errLocal marks failures before anything went out.
var errLocal = errors.New("kafka: cannot connect with this configuration")
