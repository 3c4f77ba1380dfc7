package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errRecords is damage in a record set. It names no content.
var errRecords = errors.New("kafka: damaged record set")

// entry is one record inside an unpacked record set; all slices alias the set.
type entry struct {
	timestamp int64 // delta to the batch's base, ms
	offset    int64 // delta
	key       []byte
	value     []byte
	tail      []byte // key, value and headers with their lengths, as encoded
	headers   []byte // count and headers, as encoded
}

// nextEntry reads the first record of set and returns the rest of it.
func nextEntry(set []byte) (e entry, rest []byte, err error) {
	size, n := binary.Varint(set)
	if n <= 0 || size < 1 || size > int64(len(set)-n) {
		return e, nil, errRecords
	}
	body, rest := set[n:n+int(size)], set[n+int(size):]
	body = body[1:] // attributes: none are defined
	if e.timestamp, body, err = varint(body); err != nil {
		return e, nil, err
	}
	if e.offset, body, err = varint(body); err != nil {
		return e, nil, err
	}
	e.tail = body
	if e.key, body, err = nullable(body); err != nil {
		return e, nil, err
	}
	if e.value, body, err = nullable(body); err != nil {
		return e, nil, err
	}
	e.headers = body
	return e, rest, checkHeaders(body)
}

func varint(b []byte) (int64, []byte, error) {
	v, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil, errRecords
	}
	return v, b[n:], nil
}

func nullable(b []byte) ([]byte, []byte, error) {
	size, b, err := varint(b)
	if err != nil || size > int64(len(b)) || size < -1 {
		return nil, nil, errRecords
	}
	if size < 0 {
		return nil, b, nil
	}
	return b[:size:size], b[size:], nil
}

func checkHeaders(b []byte) error {
	n, b, err := varint(b)
	if err != nil || n < 0 || n > int64(len(b)) {
		return errRecords
	}
	for range n {
		var name []byte
		if name, b, err = nullable(b); err != nil || name == nil {
			return errRecords
		}
		if _, b, err = nullable(b); err != nil {
			return err
		}
	}
	if len(b) != 0 {
		return errRecords
	}
	return nil
}

// appendEntry appends a record with the given deltas and an encoded tail.
func appendEntry(dst []byte, timestamp, offset int64, tail []byte) []byte {
	size := 1 + varintSize(timestamp) + varintSize(offset) + len(tail)
	dst = binary.AppendVarint(dst, int64(size))
	dst = append(dst, 0)
	dst = binary.AppendVarint(dst, timestamp)
	dst = binary.AppendVarint(dst, offset)
	return append(dst, tail...)
}

func varintSize(v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	n := 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

// unpack returns the records of b, which must be as many as it says.
func (c *coder) unpack(b *Batch) ([]entry, error) {
	set, err := c.decompress(nil, b.Codec, b.Records)
	if err != nil {
		return nil, err
	}
	if b.Count < 1 || b.Count > len(set)/6 { // the smallest record takes 7 bytes
		return nil, fmt.Errorf("%w: %d records said in %d bytes", errRecords, b.Count, len(set))
	}
	entries := make([]entry, 0, b.Count)
	for len(set) > 0 {
		e, rest, err := nextEntry(set)
		if err != nil {
			return nil, err
		}
		entries, set = append(entries, e), rest
	}
	if len(entries) != b.Count {
		return nil, fmt.Errorf("%w: %d records said, %d found", errRecords, b.Count, len(entries))
	}
	return entries, nil
}

// pack makes a batch like b of some of its records.
func (c *coder) pack(b *Batch, entries []entry) (Batch, error) {
	out := *b
	first := entries[0].timestamp
	out.Count = len(entries)
	out.BaseTimestamp = b.BaseTimestamp + first
	size, latest := 0, first
	for i := range entries {
		size += len(entries[i].tail) + 24
		latest = max(latest, entries[i].timestamp)
	}
	out.MaxTimestamp = b.BaseTimestamp + latest
	set := make([]byte, 0, size)
	for i := range entries {
		set = appendEntry(set, entries[i].timestamp-first, int64(i), entries[i].tail)
	}
	records, err := c.compress(b.Codec, set)
	out.Records = records
	return out, err
}

// split cuts b after its first n records.
func (c *coder) split(b *Batch, n int) (head, tail Batch, err error) {
	entries, err := c.unpack(b)
	if err != nil {
		return head, tail, err
	}
	if head, err = c.pack(b, entries[:n]); err != nil {
		return head, tail, err
	}
	tail, err = c.pack(b, entries[n:])
	return head, tail, err
}

// merge makes one batch of several of one partition and codec, in order.
func (c *coder) merge(batches []*Batch) (Batch, error) {
	out := *batches[0]
	set, raw := c.set[:0], c.raw
	defer func() { c.set, c.raw = set, raw }()
	out.Count = 0
	for _, b := range batches {
		shift := b.BaseTimestamp - out.BaseTimestamp
		var err error
		if raw, err = c.decompress(raw[:0], b.Codec, b.Records); err != nil {
			return out, err
		}
		n := 0
		for rest := raw; len(rest) > 0; n++ {
			var e entry
			if e, rest, err = nextEntry(rest); err != nil {
				return out, err
			}
			set = appendEntry(set, e.timestamp+shift, int64(out.Count+n), e.tail)
		}
		if n != b.Count {
			return out, fmt.Errorf("%w: %d records said, %d found", errRecords, b.Count, n)
		}
		out.Count += n
		out.MaxTimestamp = max(out.MaxTimestamp, b.MaxTimestamp)
	}
	records, err := c.compress(out.Codec, set)
	out.Records = records
	return out, err
}
