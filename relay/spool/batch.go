package spool

import (
	"math"

	"destring/rules"
)

// batch is the records of one partition that become one frame.
type batch struct {
	topic     string
	partition int32
	base, max int64 // ms
	count     int
	matched   bool
	records   []byte // as Kafka lays them out, not compressed

	packed []byte // instead of records: a record set that is compressed already
	codec  Codec  // of packed
	rawLen int    // of packed before compression
}

// set returns the record set as it goes into the frame, and its length before compression.
func (b *batch) set(c *compressor) (set []byte, codec Codec, rawLen int) {
	if b.packed != nil {
		return b.packed, b.codec, b.rawLen
	}
	set, codec = c.compress(b.records)
	return set, codec, len(b.records)
}

func (b *batch) add(c *rules.Clean) {
	ms := c.Received() / 1e6
	if b.count == 0 {
		b.base, b.max = ms, ms
	}
	b.max = max(b.max, ms)
	b.matched = b.matched || c.Matched()
	b.records = c.AppendRecord(b.records, b.count, b.base)
	b.count++
}

// frameRoom is what a frame needs beside its records.
const frameRoom = maxFrameHead + tagSize

// lanes are the batches that are being filled, found by topic and partition without a map:
// a handful of topics, some dozens of partitions.
type lanes []lane

type lane struct {
	topic string
	parts []*batch // by partition; nil where nothing is open
}

// maxPartition bounds what lanes allocate; Kafka advises a few thousand a broker.
const maxPartition = 1 << 16

func (l *lanes) slot(topic string, partition int32) **batch {
	for i := range *l {
		if (*l)[i].topic == topic {
			return (*l)[i].slot(partition)
		}
	}
	*l = append(*l, lane{topic: topic})
	return (*l)[len(*l)-1].slot(partition)
}

func (l *lane) slot(partition int32) **batch {
	for int(partition) >= len(l.parts) {
		l.parts = append(l.parts, nil)
	}
	return &l.parts[partition]
}

// group is what one sync makes durable: batches in the order in which they were begun.
type group struct {
	lanes   lanes
	batches []*batch
	bytes   int64 // upper bound of the frames
	records int
	free    []*batch // buffers to use again
}

// add copies c into the open batch of its partition, beginning a new one when it would grow
// over limit bytes. It returns by how much the group grew.
func (g *group) add(topic string, partition int32, c *rules.Clean, limit int) int64 {
	slot := g.lanes.slot(topic, partition)
	b, size := *slot, c.Size()
	grown := int64(size)
	if b == nil || len(b.records)+size > limit || b.count == math.MaxInt32 {
		b = g.fresh()
		b.topic, b.partition = topic, partition
		*slot = b
		g.batches = append(g.batches, b)
		grown += frameRoom
	}
	b.add(c)
	g.records++
	g.bytes += grown
	return grown
}

// addPacked adds a batch of its own.
func (g *group) addPacked(b *batch, size int64) {
	g.batches = append(g.batches, b)
	g.records += b.count
	g.bytes += size
}

func (g *group) fresh() *batch {
	if n := len(g.free); n > 0 {
		b := g.free[n-1]
		g.free = g.free[:n-1]
		return b
	}
	return new(batch)
}

// take empties the group.
func (g *group) take(into []*batch) (batches []*batch, bytes int64, records int) {
	batches, bytes, records = append(into, g.batches...), g.bytes, g.records
	for _, b := range batches {
		*g.lanes.slot(b.topic, b.partition) = nil
	}
	clear(g.batches)
	g.batches, g.bytes, g.records = g.batches[:0], 0, 0
	return batches, bytes, records
}

// keptBuffers and keptBuffer bound the memory that idle buffers hold.
const (
	keptBuffers = 64
	keptBuffer  = 1 << 20
)

// recycle gives batches back that nobody reads any more.
func (g *group) recycle(batches []*batch) {
	for _, b := range batches {
		if len(g.free) < keptBuffers && cap(b.records) <= keptBuffer {
			*b = batch{records: b.records[:0]}
			g.free = append(g.free, b)
		}
	}
}
