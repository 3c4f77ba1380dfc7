package kafka

import (
	"encoding/binary"
	"errors"
	"time"
)

// Record is one record as it is read from a topic.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time // to the millisecond
	Key       []byte    // nil: none
	Value     []byte
	Headers   []Header
}

// Header is one record header.
type Header struct {
	Name  string
	Value []byte
}

// Encode makes a batch of records, in order: what a Source that does not get its batches
// encoded (a replay) hands to the publisher. Topic, Partition and Offset of the records do not count.
func Encode(topic string, partition int32, codec Codec, records []Record) (Batch, error) {
	if len(records) == 0 {
		return Batch{}, errors.New("kafka: encode: no records")
	}
	var c coder
	defer c.close()
	entries := make([]entry, len(records))
	b := Batch{Topic: topic, Partition: partition, Codec: codec}
	for i := range records {
		r := &records[i]
		headers := binary.AppendVarint(nil, int64(len(r.Headers)))
		for _, h := range r.Headers {
			headers = append(binary.AppendVarint(headers, int64(len(h.Name))), h.Name...)
			headers = append(binary.AppendVarint(headers, int64(len(h.Value))), h.Value...)
		}
		entries[i] = entry{timestamp: r.Time.UnixMilli(), tail: appendTail(nil, r.Key, r.Value, headers)}
	}
	return c.pack(&b, entries)
}

// Decode returns the records of a batch, in memory of their own.
func Decode(b Batch) ([]Record, error) {
	var c coder
	defer c.close()
	entries, err := c.unpack(&b)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(entries))
	for i := range entries {
		e := &entries[i]
		records[i] = Record{Topic: b.Topic, Partition: b.Partition, Offset: e.offset,
			Time: time.UnixMilli(b.BaseTimestamp + e.timestamp), Key: e.key, Value: e.value, Headers: decodeHeaders(e.headers)}
	}
	return records, nil
}

// decodeHeaders reads what checkHeaders has accepted.
func decodeHeaders(b []byte) []Header {
	n, b, _ := varint(b)
	var headers []Header
	for range n {
		var h Header
		var name []byte
		name, b, _ = nullable(b)
		h.Name = string(name)
		h.Value, b, _ = nullable(b)
		headers = append(headers, h)
	}
	return headers
}
