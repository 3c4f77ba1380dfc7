package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	metaapi "github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/segmentio/kafka-go/sasl"
)

// probe is one connection of our own to one broker: kafka-go's transport hides which step
// fails and answers metadata from its cache, without what we are allowed to do.
type probe struct {
	conn *protocol.Conn
	tls  *tls.ConnectionState
	step string // what was tried last
}

const probeTimeout = 5 * time.Second

// dial connects and logs in. On failure probe.step says where.
func dial(ctx context.Context, c *Connection, addr string) (p *probe, err error) {
	p = &probe{step: "connect"}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return p, err
	}
	defer func() {
		if err != nil {
			raw.Close()
		}
	}()
	deadline, _ := ctx.Deadline()
	if err = raw.SetDeadline(deadline); err != nil {
		return p, err
	}
	if c.TLS != nil {
		p.step = "TLS handshake"
		config, err := c.TLS.config()
		if err != nil {
			return p, errors.Join(errLocal, err)
		}
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(addr) // dialled, so it splits
		}
		secure := tls.Client(raw, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			raw.Close()
			return p, err
		}
		state := secure.ConnectionState()
		p.tls, raw = &state, secure
	}
	p.conn = protocol.NewConn(raw, "destring")
	p.step = "first request"
	if err = p.negotiate(); err != nil {
		return p, err
	}
	if c.SASL != nil {
		p.step = "login"
		err = p.login(ctx, c.SASL)
	}
	return p, err
}

func (p *probe) close() {
	if p.conn != nil {
		p.conn.Close()
	}
}

// negotiate agrees on versions of the requests.
func (p *probe) negotiate() error {
	answer, err := p.conn.RoundTrip(new(apiversions.Request))
	if err != nil {
		return err
	}
	res := answer.(*apiversions.Response)
	if res.ErrorCode != 0 {
		return kafkago.Error(res.ErrorCode)
	}
	versions := make(map[protocol.ApiKey]int16, len(res.ApiKeys))
	for _, k := range res.ApiKeys {
		key := protocol.ApiKey(k.ApiKey)
		versions[key] = key.SelectVersion(k.MinVersion, k.MaxVersion)
	}
	p.conn.SetVersions(versions)
	return nil
}

func (p *probe) login(ctx context.Context, s *SASL) error {
	m, err := s.mechanism()
	if err != nil {
		return errors.Join(errLocal, err)
	}
	answer, err := p.conn.RoundTrip(&saslhandshake.Request{Mechanism: m.Name()})
	if err != nil {
		return err
	}
	if res := answer.(*saslhandshake.Response); res.ErrorCode != 0 {
		return fmt.Errorf("%w (the broker offers %v)", kafkago.Error(res.ErrorCode), res.Mechanisms)
	}
	session, message, err := m.Start(sasl.WithMetadata(ctx, &sasl.Metadata{}))
	for done := false; !done && err == nil; {
		if answer, err = p.conn.RoundTrip(&saslauthenticate.Request{AuthBytes: message}); err != nil {
			break
		}
		res := answer.(*saslauthenticate.Response)
		if res.ErrorCode != 0 {
			return fmt.Errorf("%w (broker: %s)", kafkago.Error(res.ErrorCode), printable(res.ErrorMessage))
		}
		done, message, err = session.Next(ctx, res.AuthBytes)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return kafkago.SASLAuthenticationFailed // some brokers hang up instead of saying so
	}
	return err
}

// cluster asks for topics with what we may do to them.
func (p *probe) cluster(topics []string) (*metaapi.Response, error) {
	p.step = "metadata"
	answer, err := p.conn.RoundTrip(&metaapi.Request{TopicNames: topics,
		IncludeClusterAuthorizedOperations: true, IncludeTopicAuthorizedOperations: true})
	if err != nil {
		return nil, err
	}
	return answer.(*metaapi.Response), nil
}

// allows reads a bit field of operations. A broker that does not say counts as allowing.
func allows(field int32, operation kafkago.ACLOperationType) bool {
	return field == -1<<31 || field>>uint(operation)&1 == 1
}
