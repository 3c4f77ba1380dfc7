package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The state that is committed beside the cursor. All numbers are varints:
//
//	1 (version) | cluster id | producer | epoch
//	number of the record behind the cursor plus 1; 0 unknown
//	n | per frame or run of done frames behind the cursor, in order: First of the first
//	    | 0 and First of the last, all done; or 1 + how many of its records are settled
//	lanes | per lane: topic | partition | producer | epoch | next sequence | doubtful batches
//	    | headers | 61 bytes each
//
// What a crash leaves: the state of some moment in the last CommitInterval. Frames that
// were delivered since are sent again with the identity they had, because identities follow
// from the state and the order of the source; the broker drops them.
type state struct {
	cluster  string
	producer int64
	epoch    int16
	end      uint64
	frames   []progress
	lanes    []laneState
}

type laneState struct {
	topic     string
	partition int32
	producer  int64
	epoch     int16
	next      int32
	doubtful  int
	plan      []header
}

const (
	stateVersion = 1
	maxLanes     = 1 << 16
	maxFrames    = 4096 // in memory at once, so also in the state
)

// progress is what is settled behind the cursor: all frames from first to last, or some
// records of one.
type progress struct {
	first, last uint64 // of frames, by their First
	part        bool   // not all of it:
	settled     uint64 // that many records
}

// progressOf folds frames into runs. Frames of which nothing is settled are left out.
func progressOf(frames []*frame, rest []progress) []progress {
	var out []progress
	joined := false // to the last of out
	for _, f := range frames {
		switch {
		case f.pieces == 0 && joined:
			out[len(out)-1].last = f.last
		case f.pieces == 0:
			out = append(out, progress{first: f.first, last: f.last})
			joined = true
		default:
			joined = false
			if !f.scattered && f.settled > 0 {
				out = append(out, progress{first: f.first, last: f.first, part: true, settled: uint64(f.settled)})
			}
		}
	}
	return append(out, rest...)
}

func (s *state) encode() []byte {
	b := []byte{stateVersion}
	text := func(t string) { b = append(binary.AppendUvarint(b, uint64(len(t))), t...) }
	text(s.cluster)
	b = binary.AppendVarint(b, s.producer)
	b = binary.AppendVarint(b, int64(s.epoch))
	b = binary.AppendUvarint(b, s.end)
	b = binary.AppendUvarint(b, uint64(len(s.frames)))
	for _, f := range s.frames {
		b = binary.AppendUvarint(b, f.first)
		if f.part {
			b = binary.AppendUvarint(b, 1+f.settled)
		} else {
			b = binary.AppendUvarint(append(b, 0), f.last)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(s.lanes)))
	for i := range s.lanes {
		l := &s.lanes[i]
		text(l.topic)
		b = binary.AppendVarint(b, int64(l.partition))
		b = binary.AppendVarint(b, l.producer)
		b = binary.AppendVarint(b, int64(l.epoch))
		b = binary.AppendVarint(b, int64(l.next))
		b = binary.AppendUvarint(b, uint64(l.doubtful))
		b = binary.AppendUvarint(b, uint64(len(l.plan)))
		for j := range l.plan {
			b = append(b, l.plan[j][:]...)
		}
	}
	return b
}

var errState = errors.New("kafka: damaged publisher state")

// decodeState reads what encode wrote.
func decodeState(b []byte) (*state, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return nil, fmt.Errorf("%w: version unknown", errState)
	}
	d := decoder{b: b[1:]}
	s := &state{cluster: d.text(), producer: d.number(), epoch: int16(d.number())}
	s.end = d.count()
	frames := d.size(2 * maxFrames)
	for i := 0; i < frames && !d.bad; i++ {
		f := progress{first: d.count()}
		if settled := d.count(); settled > 0 {
			f.last, f.part, f.settled = f.first, true, settled-1
		} else {
			f.last = d.count()
		}
		s.frames = append(s.frames, f)
	}
	lanes := d.size(maxLanes)
	for i := 0; i < lanes && !d.bad; i++ {
		l := laneState{topic: d.text(), partition: int32(d.number()), producer: d.number(),
			epoch: int16(d.number()), next: int32(d.number()), doubtful: d.size(maxFrames)}
		headers := d.size(maxFrames)
		for j := 0; j < headers && !d.bad; j++ {
			var h header
			copy(h[:], d.bytes(headerSize))
			l.plan = append(l.plan, h)
		}
		s.lanes = append(s.lanes, l)
	}
	if d.bad || len(d.b) != 0 {
		return nil, errState
	}
	return s, nil
}

// decoder takes numbers off b; after the first fault it gives zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) number() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, n = true, 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) count() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, n = true, 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) size(limit int) int {
	v := d.count()
	if v > uint64(limit) {
		d.bad = true
		return 0
	}
	return int(v)
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.bad = true
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) text() string { return string(d.bytes(d.size(1024))) }
