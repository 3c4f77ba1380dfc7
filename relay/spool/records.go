package spool

import (
	"encoding/binary"
	"errors"
)

// Record is one record of a Frame, as Clean.AppendRecord wrote it.
type Record struct {
	Sequence  uint64
	Timestamp int64  // ms since 1970
	Key       []byte // nil when there is none
	Value     []byte // JSON
	Headers   []Header
}

// Header is one header of a Record.
type Header struct{ Name, Value []byte }

var errRecordSet = errors.New("record set is malformed")

// Decode decompresses and splits the frame's record set. Its bounds are those of the frame:
// Size bytes and Count records. The records share one buffer, which is f.Records when that
// is not compressed.
func (f *Frame) Decode() ([]Record, error) {
	set, err := decompress(f.Codec, f.Records, f.Size)
	if err != nil {
		return nil, err
	}
	records := make([]Record, 0, min(f.Count, len(set)/6)) // a record has at least 7 bytes
	for i := range f.Count {
		n, size := binary.Varint(set)
		if size <= 0 || n < 0 || n > int64(len(set)-size) {
			return nil, errRecordSet
		}
		r, err := decodeRecord(set[size:size+int(n)], f.BaseTimestamp)
		if err != nil {
			return nil, err
		}
		r.Sequence = f.First + uint64(i)
		records = append(records, r)
		set = set[size+int(n):]
	}
	if len(set) > 0 {
		return nil, errRecordSet
	}
	return records, nil
}

// decodeRecord reads Kafka's record format v2 behind its length.
func decodeRecord(b []byte, base int64) (r Record, err error) {
	d := varints{b: b}
	d.take(1) // attributes
	r.Timestamp = base + d.varint()
	d.varint() // offset delta
	r.Key = d.bytes()
	r.Value = d.bytes()
	for n := d.varint(); n > 0 && !d.bad; n-- {
		r.Headers = append(r.Headers, Header{d.bytes(), d.bytes()})
	}
	if d.bad || len(d.b) > 0 {
		return r, errRecordSet
	}
	return r, nil
}

// varints reads from b; after the first fault it reads nothing more.
type varints struct {
	b   []byte
	bad bool
}

func (d *varints) take(n int64) []byte {
	if d.bad || n < 0 || n > int64(len(d.b)) {
		d.bad = true
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

func (d *varints) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

// bytes reads a length and as many bytes; a length of -1 is nil.
func (d *varints) bytes() []byte {
	n := d.varint()
	if n == -1 {
		return nil
	}
	return d.take(n)
}
