package kafka

import (
	"slices"
	"time"
)

// window is how many batches of a lane may be under way, or delivered, that the committed
// state does not know: a broker remembers the last five of a producer in a partition.
const window = 5

// frame is one batch of the source on its way. It is done when all its pieces are.
type frame struct {
	position any
	first    uint64 // the batch's First
	end      uint64 // number of the record behind it plus 1
	last     uint64 // First of the last frame that this one stands for: done ones are folded
	pieces   int    // not settled yet
	bytes    int

	// settled counts its records that are settled while others wait: a frame that was
	// split goes on there after a restart. Not kept once its records are scattered over
	// several partitions.
	settled   int
	scattered bool
}

// piece is what is sent as one batch: a frame, a part of one, or several merged.
type piece struct {
	Batch
	frames []*frame // each waits for this piece
	parts  []*piece // what it was merged from

	header    header
	built     bool   // header is made
	planned   bool   // not simply a frame: its header must be durable before it is sent
	need      uint64 // version of the state that must be durable first
	sent      bool
	uncertain bool // an earlier attempt may have arrived
	torn      bool // the source lost something before it: see run.take
}

func (p *piece) size() int { return headerSize + len(p.Records) }

// unbuild forgets the header: the sequence or the records change.
func (p *piece) unbuild() {
	p.built, p.need, p.header = false, 0, header{}
}

// lane is one partition: its batches leave in order, one at a time. Only the goroutine of
// Run touches it.
type lane struct {
	topic     string
	partition int32

	producer int64 // -1: needs one
	epoch    int16
	next     int32 // sequence of the head
	need     uint64

	queue []*piece // in order; the head is what is in flight
	plan  []header // from the state: how the last run cut its batches

	busy      bool
	unsaved   int // batches first sent since the last durable state
	saving    int // of them, those that the commit under way covers
	suspects  int // next batches that the last run may have sent unrecorded
	doubtful  int // next batches that may be there under a producer id given up since
	failures  int
	retryAt   time.Time
	planSince time.Time
}

func (l *lane) identity() identity { return identity{l.producer, l.epoch, l.next} }

// seal gives the head its identity. The bytes stay the same from here on.
func (l *lane) seal() {
	head := l.queue[0]
	head.header = makeHeader(l.identity(), &head.Batch)
	head.built = true
	head.uncertain = head.uncertain || l.suspects > 0
}

// insert puts p into the queue by its place in the source's order, never before a head
// that has been sent.
func (l *lane) insert(p *piece) {
	at := len(l.queue)
	for at > 0 && l.queue[at-1].frames[0].first > p.frames[0].first && !l.queue[at-1].built {
		at--
	}
	l.queue = slices.Insert(l.queue, at, p)
}

// replace puts pieces in the place of the first n.
func (l *lane) replace(n int, pieces ...*piece) {
	l.queue = slices.Replace(l.queue, 0, n, pieces...)
}

// forget drops the producer's identity and everything that depends on it. What the last
// run may have sent under it is doubtful from now on.
func (l *lane) forget() {
	l.doubtful = max(l.doubtful, l.suspects)
	l.producer, l.epoch, l.next, l.need = -1, 0, 0, 0
	l.plan, l.suspects = nil, 0
	for _, p := range l.queue {
		p.unbuild()
	}
}

// saved returns the headers that the state keeps for l, and notes how many of its unsaved
// batches the state then covers: all but the one in flight.
func (l *lane) saved() []header {
	l.saving = l.unsaved
	var plan []header
	if len(l.queue) > 0 && l.queue[0].built {
		plan = append(plan, l.queue[0].header)
		if l.queue[0].sent {
			l.saving--
		}
	}
	return append(plan, l.plan...)
}
