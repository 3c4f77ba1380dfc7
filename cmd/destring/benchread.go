package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"destring/relay/kafka"
)

// benchTally reads the topic as a consumer would and counts what came.
type benchTally struct {
	seen   map[int][]uint64 // messages by connection, a bit each; the probe's are under benchProbe
	unique atomic.Int64
	last   atomic.Int64 // when something last came, ns since 1970

	Duplicates int
	Survived   int             // records with a planted secret in them
	Foreign    int             // records that are none of ours: must be none
	Latency    []time.Duration // from the relay's receipt to here, for each record
	Ended      time.Time       // when the last new message came
}

// benchProbe is the connection number of the RELP probe's messages.
const benchProbe = -1

var (
	benchMSGID   = []byte(`"msgid":"`)
	benchMarkers = [][]byte{[]byte(benchMarker), []byte(benchUpperMarker), []byte(benchCard)}
)

// read counts until ctx ends.
func (t *benchTally) read(ctx context.Context, r *kafka.Reader) error {
	for {
		record, err := r.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		t.add(&record, time.Now())
	}
}

func (t *benchTally) add(record *kafka.Record, now time.Time) {
	t.last.Store(now.UnixNano())
	for _, marker := range benchMarkers {
		if bytes.Contains(record.Value, marker) || bytes.Contains(record.Key, marker) {
			t.Survived++
			break
		}
	}
	connection, n, ok := benchNumber(record.Value)
	if !ok {
		t.Foreign++
		return
	}
	bits := t.seen[connection]
	for n/64 >= len(bits) {
		bits = append(bits, 0)
	}
	t.seen[connection] = bits
	if bits[n/64]&(1<<(n%64)) != 0 {
		t.Duplicates++
		return
	}
	bits[n/64] |= 1 << (n % 64)
	t.unique.Add(1)
	t.Ended = now
	t.Latency = append(t.Latency, max(now.Sub(record.Time), 0))
}

// benchNumber finds the number that the sender gave a message in its record: MSGID is b3-17 for
// the 18th of connection 3, p0-17 for the probe's.
func benchNumber(value []byte) (connection, n int, ok bool) {
	_, id, found := bytes.Cut(value, benchMSGID)
	if !found || len(id) < 4 {
		return 0, 0, false
	}
	kind := id[0]
	id, _, _ = bytes.Cut(id[1:min(len(id), 32)], []byte{'"'})
	before, after, _ := bytes.Cut(id, []byte{'-'})
	connection, err1 := strconv.Atoi(string(before))
	n, err2 := strconv.Atoi(string(after))
	if err1 != nil || err2 != nil || n < 0 || n > 1<<30 || connection < 0 || connection > maxBenchConnections {
		return 0, 0, false
	}
	if kind == 'p' {
		connection = benchProbe
	}
	return connection, n, kind == 'b' || kind == 'p'
}

// quantiles are the 50th and 99th of a hundred, and the longest.
type quantiles struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

func quantilesOf(all []time.Duration) quantiles {
	if len(all) == 0 {
		return quantiles{}
	}
	slices.Sort(all)
	at := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000 }
	return quantiles{at(0.5), at(0.99), at(1)}
}

func (q quantiles) String() string {
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, longest %.1f ms", q.P50, q.P99, q.Max)
}
