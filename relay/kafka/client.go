package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	produceapi "github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
	"github.com/segmentio/kafka-go/sasl"
)

// client is one cluster through kafka-go's transport, which keeps connections and the
// cluster's layout. Safe for concurrent use.
type client struct {
	conn Connection

	mu        sync.Mutex
	topics    []string // metadata is asked for these only; nil: all
	transport *kafkago.Transport
	made      time.Time
}

func newClient(conn Connection, topics []string) *client {
	return &client{conn: conn, topics: topics}
}

// refreshPause is the least time between two transports.
const refreshPause = 250 * time.Millisecond

// open returns the transport in use, or makes one from the files as they are now.
func (c *client) open() (*kafkago.Transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil {
		return c.transport, nil
	}
	t := &kafkago.Transport{
		ClientID:       c.conn.ClientID,
		DialTimeout:    5 * time.Second,
		MetadataTTL:    2 * time.Second,
		MetadataTopics: c.topics,
		Dial:           (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
	}
	if t.ClientID == "" {
		t.ClientID = "destring"
	}
	var err error
	if c.conn.TLS != nil {
		if t.TLS, err = c.conn.TLS.config(); err != nil {
			return nil, errors.Join(errLocal, err)
		}
	}
	if c.conn.SASL != nil {
		var m sasl.Mechanism
		if m, err = c.conn.SASL.mechanism(); err != nil {
			return nil, errors.Join(errLocal, err)
		}
		t.SASL = m
	}
	c.transport, c.made = t, time.Now()
	return t, nil
}

// watch adds a topic to those that metadata is asked for.
func (c *client) watch(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.topics = append(slices.Clone(c.topics), topic)
	if c.transport != nil {
		c.transport.CloseIdleConnections()
		c.transport = nil
	}
}

// refresh throws connections and the cached layout away: kafka-go keeps a failed metadata
// request until its next refresh, and "not leader" makes it ask for nothing.
func (c *client) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil && time.Since(c.made) >= refreshPause {
		c.transport.CloseIdleConnections()
		c.transport = nil
	}
}

// close ends the connections. Without it their goroutines stay.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil {
		c.transport.CloseIdleConnections()
		c.transport = nil
	}
}

// kafka returns kafka-go's client over the transport in use.
func (c *client) kafka() (*kafkago.Client, error) {
	t, err := c.open()
	if err != nil {
		return nil, err
	}
	return &kafkago.Client{Addr: kafkago.TCP(c.conn.Brokers...), Transport: t}, nil
}

// layout is who leads what.
type layout struct {
	cluster string
	brokers int
	leaders map[string][]int32 // by topic and partition; -1: nobody now
	denied  map[string]error   // topics that we may not even describe
}

func (c *client) layout(ctx context.Context) (*layout, error) {
	k, err := c.kafka()
	if err != nil {
		return nil, err
	}
	m, err := k.Metadata(ctx, &kafkago.MetadataRequest{})
	if err != nil {
		return nil, fmt.Errorf("kafka: metadata: %w", err)
	}
	l := &layout{cluster: m.ClusterID, brokers: len(m.Brokers), leaders: make(map[string][]int32, len(m.Topics)),
		denied: map[string]error{}}
	for _, t := range m.Topics {
		if errors.Is(t.Error, kafkago.TopicAuthorizationFailed) {
			l.denied[t.Name] = t.Error
		}
		if len(t.Partitions) == 0 {
			continue
		}
		ids := make([]int32, len(t.Partitions))
		for i := range ids {
			ids[i] = -1
		}
		for _, p := range t.Partitions {
			if p.ID >= 0 && p.ID < len(ids) && p.Leader.Host != "" {
				ids[p.ID] = int32(p.Leader.ID)
			}
		}
		l.leaders[t.Name] = ids
	}
	return l, nil
}

// producerID takes a new producer id.
func (c *client) producerID(ctx context.Context) (int64, int16, error) {
	k, err := c.kafka()
	if err != nil {
		return 0, 0, err
	}
	r, err := k.InitProducerID(ctx, &kafkago.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1})
	if err == nil {
		err = r.Error
	}
	if err != nil {
		return 0, 0, fmt.Errorf("kafka: take a producer id: %w", err)
	}
	return int64(r.Producer.ProducerID), int16(r.Producer.ProducerEpoch), nil
}

// sending is one batch of a produce request, and afterwards what came of it.
type sending struct {
	topic     string
	partition int32
	header    *header
	records   []byte
	err       error
}

// produce sends batches of partitions that one broker leads in one request with acks=all
// and fills in each one's err.
func (c *client) produce(ctx context.Context, batches []sending) {
	t, err := c.open()
	if err == nil {
		var answer kafkago.Response
		answer, err = t.RoundTrip(ctx, kafkago.TCP(c.conn.Brokers...), request(ctx, batches))
		if err == nil {
			settle(answer.(*produceapi.Response), batches)
			return
		}
	}
	for i := range batches {
		batches[i].err = fmt.Errorf("kafka: produce: %w", err)
	}
}

func request(ctx context.Context, batches []sending) *rawproduce.Request {
	r := &rawproduce.Request{Acks: -1, Timeout: 5000}
	if deadline, ok := ctx.Deadline(); ok {
		// The broker shall give up on its replicas before we give up on the broker.
		r.Timeout = int32(max(time.Until(deadline)/2, time.Millisecond) / time.Millisecond)
	}
	for i := range batches {
		b := &batches[i]
		p := rawproduce.RequestPartition{Partition: b.partition}
		p.RecordSet.Reader = newBatchReader(b.header, b.records)
		if n := len(r.Topics); n > 0 && r.Topics[n-1].Topic == b.topic {
			r.Topics[n-1].Partitions = append(r.Topics[n-1].Partitions, p)
			continue
		}
		r.Topics = append(r.Topics, rawproduce.RequestTopic{Topic: b.topic,
			Partitions: []rawproduce.RequestPartition{p}})
	}
	return r
}

// settle hands each batch its part of the answer. One that the broker left out counts
// as unanswered.
func settle(answer *produceapi.Response, batches []sending) {
	for i := range batches {
		b := &batches[i]
		b.err = fmt.Errorf("kafka: produce: %w", io.ErrUnexpectedEOF)
		for _, t := range answer.Topics {
			if t.Topic != b.topic {
				continue
			}
			for _, p := range t.Partitions {
				if p.Partition == b.partition {
					b.err = answered(p.ErrorCode, p.ErrorMessage)
				}
			}
		}
	}
}

func answered(code int16, message string) error {
	if code == 0 {
		return nil
	}
	if message == "" {
		return fmt.Errorf("kafka: produce: %w", kafkago.Error(code))
	}
	return fmt.Errorf("kafka: produce: %w (broker: %s)", kafkago.Error(code), printable(message))
}

// printable bounds what a broker may make us log.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// batchReader is length, header and records in a row, without copying them together.
type batchReader struct {
	length  [4]byte
	parts   [3][]byte
	current int
}

func newBatchReader(h *header, records []byte) *batchReader {
	r := &batchReader{}
	binary.BigEndian.PutUint32(r.length[:], uint32(headerSize+len(records)))
	r.parts = [3][]byte{r.length[:], h[:], records}
	return r
}

func (r *batchReader) Read(p []byte) (int, error) {
	n := 0
	for r.current < len(r.parts) && n < len(p) {
		m := copy(p[n:], r.parts[r.current])
		r.parts[r.current] = r.parts[r.current][m:]
		n += m
		if len(r.parts[r.current]) == 0 {
			r.current++
		}
	}
	if n == 0 && r.current == len(r.parts) {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo implements io.WriterTo: io.Copy then needs no buffer of 32 KiB a batch.
func (r *batchReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for ; r.current < len(r.parts); r.current++ {
		n, err := w.Write(r.parts[r.current])
		total += int64(n)
		if err != nil {
			return total, err
		}
		r.parts[r.current] = nil
	}
	return total, nil
}
