package spool

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var (
	modelOps  = flag.Int("model.ops", 10_000, "operations of a run of the model")
	modelSeed = flag.Uint64("model.seed", 1, "seed of the first run of the model")
)

// TestTheModel does random operations on a spool whose disk lies: appends, flushes, reads and
// commits, errors and short writes, full disks, orderly stops, kills and power cuts, also in
// the middle of any file call. After each start, and at the end, all that was acknowledged is
// there, in order, and nothing else.
func TestTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model{t: t, life: newLife(), disk: newLiar(*modelSeed), rng: rand.New(rand.NewPCG(*modelSeed, 2))}
		defer func() { m.spool.Close() }()
		m.start()
		for m.step = 0; m.step < *modelOps && !t.Failed(); m.step++ {
			m.operate()
		}
		m.spool.Close()
		m.disk = m.disk.reboot(false)
		m.start()
		m.compare()
		m.spool.Close()
		t.Logf("seed %d: %d records, %d file calls, starts: %d after a stop, %d after a kill, %d after a power cut; %d errors of the disk, %d full disks",
			*modelSeed, m.appended, m.disk.ops, m.stops, m.kills, m.cuts, m.errors, m.full)
	})
}

type model struct {
	*life
	t     *testing.T
	rng   *rand.Rand
	disk  *liar
	spool *Spool
	step  int

	trace                            strings.Builder
	stops, kills, cuts, errors, full int
}

// start opens the spool, as often as crashes in the middle of that need.
func (m *model) start() {
	for {
		s, err := Open(crashConfig(m.t, m.disk))
		if err == nil {
			m.spool, m.pending = s, nil
			for _, name := range crashReaders {
				m.settle(m.t, name, reader(m.t, s, name).Committed())
			}
			clear(m.tried) // they come again
			return
		}
		if m.disk.off() == nil {
			m.t.Fatalf("step %d: does not start: %v", m.step, err)
		}
		m.disk = m.disk.reboot(m.rng.IntN(2) == 0)
	}
}

func (m *model) operate() {
	n := m.rng.IntN(100)
	fmt.Fprintln(&m.trace, m.step, n, m.appended, len(m.pending))
	switch {
	case n < 40:
		m.add(1 + m.rng.IntN(12))
	case n < 55:
		m.wait(m.t, m.spool, 0)
	case n < 80:
		m.read(m.t, m.spool, crashReaders[m.rng.IntN(2)], 1+m.rng.IntN(40))
	case n < 85:
		m.failOnce([]error{syscall.EIO, syscall.EIO, errShort}[m.rng.IntN(3)])
	case n < 88:
		m.fill()
	case n < 92:
		m.disk.crashIn(1+m.rng.IntN(25), m.rng.IntN(2) == 0)
	case n < 95:
		if err := m.spool.Close(); err == nil {
			m.stops++
			m.acknowledge()
		}
		m.restart(false)
	case n < 98:
		m.kills++
		m.restart(false)
	default:
		m.cuts++
		m.restart(true)
	}
	if m.disk.off() != nil { // it crashed at a file call
		cut := m.rng.IntN(2) == 0
		if cut {
			m.cuts++
		} else {
			m.kills++
		}
		m.restart(cut)
	}
}

func (m *model) add(n int) {
	for range n {
		if _, err := m.spool.Append("logs", int32(m.appended%3), record(m.appended)); err != nil {
			return
		}
		m.note()
	}
}

// restart leaves the old spool to its dead disk and opens what is left of it.
func (m *model) restart(cut bool) {
	old := m.disk
	m.disk = old.reboot(cut)
	m.spool.Close()
	m.start()
	if m.rng.IntN(4) == 0 {
		m.compare()
	}
}

// compare checks a copy of the disk, so that the readers stay where they are.
func (m *model) compare() {
	if m.disk.off() != nil {
		return
	}
	d := m.disk.copy()
	s, err := Open(crashConfig(m.t, d))
	if err != nil {
		m.t.Fatalf("step %d: a copy does not start: %v", m.step, err)
	}
	defer s.Close()
	for _, name := range crashReaders {
		m.check(m.t, s, name)
	}
	if m.t.Failed() {
		for _, g := range s.gaps.known {
			m.t.Log(g)
		}
		for _, seg := range s.segments {
			m.t.Logf("%+v", seg)
		}
		m.t.Logf("next %d, log:\n%s", s.next, m.trace.String())
		m.t.Fatalf("step %d of seed %d", m.step, *modelSeed)
	}
}

// failOnce makes one of the next file calls fail.
func (m *model) failOnce(err error) {
	left := m.rng.IntN(6)
	m.errors++
	m.disk.failBy(func(op, name string) error {
		if err == errShort && op != "write" {
			return nil
		}
		if left--; left != 0 {
			return nil
		}
		return err
	})
}

// fill takes the free space away, appends, and gives it back: what was accepted meanwhile
// becomes durable after all.
func (m *model) fill() {
	m.full++
	m.disk.mu.Lock()
	was := m.disk.capacity
	m.disk.capacity = m.disk.used() + m.rng.Int64N(200<<10)
	m.disk.mu.Unlock()
	for range 6 {
		m.add(20)
		m.wait(m.t, m.spool, 0)
	}
	m.disk.mu.Lock()
	m.disk.capacity = was
	m.disk.mu.Unlock()
	time.Sleep(2 * time.Second) // the longest pause between two attempts; the bubble's time
	m.wait(m.t, m.spool, 0)
	if len(m.pending) > 0 && m.disk.off() == nil {
		m.t.Errorf("step %d: %d records are not durable though the disk has room again: %v", m.step, len(m.pending), m.spool.Stats().Refusing)
	}
}
