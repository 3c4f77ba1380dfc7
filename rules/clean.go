package rules

import "encoding/binary"

// Clean is a record with nothing secret in it: the only thing that may be stored,
// published or shown. Its fields are unexported, so that only Inspect and State can make
// one; the zero Clean is an empty record.
//
// A Clean that Inspect returned is valid until the next call on the same Inspector.
type Clean struct {
	topic    Topic
	received int64  // nanoseconds since 1970; Kafka's record timestamp
	key      []byte // partition key; nil spreads
	value    []byte // JSON
	headers  []byte // record headers as Kafka's record format v2 writes them, their count first
	matched  bool   // a rule matched or a secret was found: alerting reads it
	findings []Finding
	matches  []Match
}

// Topic is the stream that a record belongs to.
type Topic uint8

// Topics; their names in Kafka come from the configuration.
const (
	Logs Topic = iota
	Alerts
	Audit
	DeadLetters
	Topics = 4 // how many there are
)

var topicNames = [Topics]string{"logs", "alerts", "audit", "dlq"}

// String returns a name that may label a metric.
func (t Topic) String() string {
	if t < Topics {
		return topicNames[t]
	}
	return "unknown"
}

// Topic returns the stream that c belongs to.
func (c *Clean) Topic() Topic { return c.topic }

// Key returns the partition key. Records with equal keys keep their order.
func (c *Clean) Key() []byte { return c.key }

// Value returns the record as JSON. The caller must not change it.
func (c *Clean) Value() []byte { return c.value }

// Received returns the time of receipt in nanoseconds since 1970.
func (c *Clean) Received() int64 { return c.received }

// Matched reports whether alerting has to look at c.
func (c *Clean) Matched() bool { return c.matched }

// Findings returns what was found. The caller must not change it.
func (c *Clean) Findings() []Finding { return c.findings }

// Matches returns the rules that matched, the most severe first. The caller must not change it.
func (c *Clean) Matches() []Match { return c.matches }

// Size returns an upper bound of what AppendRecord appends, in bytes.
func (c *Clean) Size() int {
	return len(c.key) + len(c.value) + len(c.headers) + 1 + 6*binary.MaxVarintLen32
}

// AppendRecord appends c in Kafka's record format v2 (KIP-98, "Record"): as it lies in the
// spool and goes to the broker, encoded once. delta is its place in the batch, base the
// batch's first timestamp in milliseconds.
func (c *Clean) AppendRecord(dst []byte, delta int, base int64) []byte {
	headers := c.headers
	if len(headers) == 0 {
		headers = noHeaders
	}
	stamp, offset := c.received/1e6-base, int64(delta)
	keyLen, keySize := int64(len(c.key)), varintSize(int64(len(c.key)))
	if c.key == nil {
		keyLen, keySize = -1, 1
	}
	size := 1 + varintSize(stamp) + varintSize(offset) + keySize + len(c.key) +
		varintSize(int64(len(c.value))) + len(c.value) + len(headers)
	dst = binary.AppendVarint(dst, int64(size))
	dst = append(dst, 0) // attributes: none are defined
	dst = binary.AppendVarint(dst, stamp)
	dst = binary.AppendVarint(dst, offset)
	dst = binary.AppendVarint(dst, keyLen)
	dst = append(dst, c.key...)
	dst = binary.AppendVarint(dst, int64(len(c.value)))
	dst = append(dst, c.value...)
	return append(dst, headers...)
}

var noHeaders = []byte{0}

func varintSize(v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	n := 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
