package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"destring/rules"
)

// Config is what a Spool is made of. Zero values take the default that stands beside them.
type Config struct {
	Dir     string   // made with mode 0700; one process at a time
	Keys    Keyring  // at least one
	Readers []string // who reads; a record is kept until all have committed it. Names of a-z, 0-9 and "-"

	MaxSize     int64         // bytes of all segments, 10 GiB; at least 1 MiB
	MinFree     int64         // bytes left free on the file system: the smaller of 512 MiB and a twentieth of it
	SegmentSize int64         // upper bound of a segment, 64 MiB
	Codec       Codec         // how record sets are compressed; None
	CommitDelay time.Duration // how long records wait for others before the sync, 2 ms
	BatchBytes  int           // bytes of a batch before compression, 256 KiB; as many open bytes end the delay
	MaxUnsynced int64         // bytes that are not on the disk yet, 8 MiB
	Stall       time.Duration // how long Append waits for a slow disk, 2 s

	Log     *slog.Logger // discarded when nil
	Metrics *Metrics     // none when nil

	disk disk // tests put a lying one here
}

// Errors that callers tell apart; what the spool returns wraps them and says why.
var (
	ErrFull     = errors.New("spool is full")                // quota, disk or a disk that stalls: shed, or WaitRoom and try again
	ErrStalled  = fmt.Errorf("%w: the disk stalls", ErrFull) // of ErrFull: Append may have waited for Stall already
	ErrDisk     = errors.New("spool cannot write")           // the disk refuses; the spool goes on trying
	ErrTooLarge = errors.New("record too large for spool")   // it will never fit
	ErrSealed   = errors.New("spool is sealed")              // stopping
	ErrClosed   = errors.New("spool is closed")
	ErrLocked   = errors.New("spool is in use")
)

// Ticket stands for what was appended until now. It is durable when Wait says so. The zero
// Ticket is durable.
type Ticket uint64

// Spool is a durable, encrypted queue of clean records on one disk. Its methods may be
// called from many goroutines.
type Spool struct {
	cfg    Config
	disk   disk
	lock   io.Closer
	log    *slog.Logger
	m      *Metrics
	gaps   gapQueue
	wake   chan struct{} // to the committer: something is open
	urgent chan struct{} // to the committer: do not wait for more
	stop   chan struct{} // to the committer: commit what is open and end
	ended  chan struct{} // the committer has ended

	life       context.Context // ends at Close
	die        context.CancelFunc
	background sync.WaitGroup // readmit

	mu       sync.Mutex
	open     group
	ticket   Ticket    // of the open group
	durable  Ticket    // all up to this one are on the disk
	opened   time.Time // when the open group got its first record
	unsynced int64     // bytes of the open group and of the one being written
	segments []*segment
	next     uint64        // sequence behind the last durable record
	changed  chan struct{} // closed and replaced when anything below or above changes
	space    space
	refusal  error // why Append refuses: nil, ErrFull, ErrDisk, ErrSealed or ErrClosed, wrapped
	slow     error // set while a group is not written within Stall
	failed   error // what was open at Close and could not be written
	sealed   bool
	closed   bool
	readers  map[string]*Reader
}

// segment is one file. Its frames hold the sequences from first to the next segment's first.
type segment struct {
	name  string
	first uint64
	end   int64 // bytes with frames, the header included; of the active one: what is durable
	size  int64 // bytes of the file

	active bool // the writer has it
}

func (c *Config) setDefaults() error {
	setIfZero(&c.MaxSize, 10<<30)
	setIfZero(&c.SegmentSize, 64<<20)
	setIfZero(&c.CommitDelay, 2*time.Millisecond)
	setIfZero(&c.BatchBytes, 256<<10)
	setIfZero(&c.MaxUnsynced, 8<<20)
	setIfZero(&c.Stall, 2*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	switch {
	case len(c.Keys.keys) == 0:
		return errors.New("spool: no key")
	case len(c.Readers) == 0:
		return errors.New("spool: no reader named, so nothing could ever be deleted")
	case c.MaxSize < 1<<20:
		return fmt.Errorf("spool: maximum size of %d bytes; it must be at least 1 MiB", c.MaxSize)
	}
	for _, name := range c.Readers {
		if !validReaderName(name) {
			return fmt.Errorf("spool: reader name %q: want 1 to 32 of a-z, 0-9 and -", name)
		}
	}
	return nil
}

func setIfZero[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Open opens the spool in cfg.Dir and brings it in order after whatever happened to it:
// damaged parts are put into quarantine and reported as gaps, they never keep it from
// starting. It fails when the directory cannot be used at all, or when another process
// has it open (ErrLocked).
func Open(cfg Config) (*Spool, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	comp, err := newCompressor(cfg.Codec)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	d := cfg.disk
	if d == nil {
		if d, err = openDisk(cfg.Dir); err != nil {
			return nil, err
		}
	}
	lock, err := d.lock("lock")
	if err != nil {
		d.close()
		return nil, fmt.Errorf("spool: lock %s: %w", cfg.Dir, err)
	}
	s := newSpool(cfg, d)
	s.lock = lock
	if err := s.recover(); err != nil {
		lock.Close()
		d.close()
		return nil, err
	}
	s.measureSpace()
	s.m.bind(s)
	for _, r := range s.readers {
		s.log.Info("spool: open", "dir", cfg.Dir, "reader", r.name, "segments", len(s.segments), "backlog", s.next-r.committed)
	}
	go s.commitLoop(&writer{s: s, comp: comp, seq: s.next})
	if files := s.readmissible(); len(files) > 0 {
		s.background.Add(1)
		go s.readmit(files)
	}
	return s, nil
}

// newSpool makes a Spool that knows nothing of its directory yet and writes nothing.
func newSpool(cfg Config, d disk) *Spool {
	s := &Spool{
		cfg: cfg, disk: d, log: cfg.Log, m: cfg.Metrics, ticket: 1,
		wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
		stop: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{}),
		readers: make(map[string]*Reader),
	}
	s.gaps.init()
	s.life, s.die = context.WithCancel(context.Background())
	return s
}

// Append copies c to be written to the partition's batch and returns the Ticket to wait with.
// It never waits for a reader: when the quota or the disk is full it returns ErrFull at once,
// and the caller may shed c, or WaitRoom and append again. It waits for the disk when
// MaxUnsynced bytes are not written yet, at most for Stall, then it returns ErrFull too, and
// from then on without waiting until the disk moves again.
func (s *Spool) Append(topic string, partition int32, c *rules.Clean) (Ticket, error) {
	size := int64(c.Size()) + frameRoom
	if size > s.maxRecord() || len(topic) > maxTopic || topic == "" || partition < 0 || partition >= maxPartition {
		return 0, s.refuseShape(topic, partition, size)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var patience time.Time
	for waited := Ticket(0); ; {
		if err := s.refuses(size); err != nil {
			s.m.refused.Inc()
			return 0, err
		}
		if !s.behind(size) {
			break
		}
		if patience.IsZero() || waited != s.durable { // the disk moves
			patience, waited = time.Now().Add(s.cfg.Stall), s.durable
		}
		s.waitForDisk(patience)
	}
	first := s.open.records == 0
	s.unsynced += s.open.add(topic, partition, c, s.cfg.BatchBytes)
	s.appended(first)
	return s.ticket, nil
}

// appended tells the committer what it has to know; first is the first of an open group. mu
// is held.
func (s *Spool) appended(first bool) {
	if first {
		s.opened = time.Now()
		signal(s.wake)
	}
	if s.open.bytes >= int64(s.cfg.BatchBytes) {
		signal(s.urgent)
	}
}

// maxRecord keeps a record from needing more than a quarter of the quota.
func (s *Spool) maxRecord() int64 { return min(16<<20, s.cfg.MaxSize/4) }

func (s *Spool) refuseShape(topic string, partition int32, size int64) error {
	if size > s.maxRecord() {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, s.maxRecord())
	}
	return fmt.Errorf("spool: no such place as partition %d of a topic with a name of %d bytes", partition, len(topic))
}

// behind reports whether size bytes have to wait until the disk has taken what is unsynced. What
// is unsynced is counted before compression, so near the end of the room it waits to know
// better rather than refuse. mu is held.
func (s *Spool) behind(size int64) bool {
	return s.unsynced > 0 && s.unsynced+size > min(s.cfg.MaxUnsynced, s.space.room)
}

// refuses says why size bytes cannot be taken now, nil when they can or when it is only
// the disk that is behind. mu is held.
func (s *Spool) refuses(size int64) error {
	switch {
	case s.refusal != nil:
		return s.refusal
	case size > s.space.room:
		return s.space.full
	case s.slow != nil && s.behind(size):
		return s.slow
	}
	return nil
}

// waitForDisk waits until something changes, or else until patience ends: then the disk is slow.
// mu is held on entry and exit. It is free while the line is logged, for the log may be a pipe that
// nobody reads.
func (s *Spool) waitForDisk(patience time.Time) {
	signal(s.urgent)
	changed := s.changed
	s.mu.Unlock()
	timer := time.NewTimer(time.Until(patience))
	defer timer.Stop()
	select {
	case <-changed:
		s.mu.Lock()
	case <-timer.C:
		s.mu.Lock()
		if s.slow == nil && s.changed == changed {
			s.slow = fmt.Errorf("%w, nothing could be written for %v", ErrStalled, s.cfg.Stall)
			s.mu.Unlock()
			s.log.Error("spool: the disk stalls, records are refused", "stall", s.cfg.Stall)
			s.mu.Lock()
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is on its way
	}
}

// broadcast wakes all who wait for a change. mu is held.
func (s *Spool) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// until waits until ready returns true or an error. It is called with mu held.
func (s *Spool) until(ctx context.Context, ready func() (bool, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if ok, err := ready(); ok || err != nil {
			return err
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
			s.mu.Lock()
		case <-ctx.Done():
			s.mu.Lock()
			return ctx.Err()
		}
	}
}

// Wait returns nil once all that t stands for is durable. It returns ctx's error when that
// ends first: then it is not known yet, and Wait may be called again. Any other error means
// that the spool was closed before it could write.
func (s *Spool) Wait(ctx context.Context, t Ticket) error {
	return s.until(ctx, func() (bool, error) {
		switch {
		case t <= s.durable:
			return true, nil
		case s.failed != nil:
			return false, s.failed
		}
		return false, nil
	})
}

// Flush makes all that was appended until now durable, without the delay that waits for more.
func (s *Spool) Flush(ctx context.Context) error {
	s.mu.Lock()
	t := s.ticket
	if s.open.records == 0 {
		t--
	} else {
		signal(s.urgent)
	}
	s.mu.Unlock()
	return s.Wait(ctx, t)
}

// WaitRoom returns nil once Append may succeed for a record of size bytes (Clean.Size).
func (s *Spool) WaitRoom(ctx context.Context, size int) error {
	return s.until(ctx, func() (bool, error) {
		if s.sealed {
			return false, s.refusal
		}
		return s.refuses(int64(size)+frameRoom) == nil && s.slow == nil, nil
	})
}

// Seal ends appending: from now on Append returns ErrSealed. It makes what was appended
// durable, then readers that have read it all get io.EOF.
func (s *Spool) Seal(ctx context.Context) error {
	s.mu.Lock()
	if !s.sealed {
		s.sealed = true
		s.refusal = fmt.Errorf("%w: the relay is stopping", ErrSealed)
		s.broadcast()
	}
	s.mu.Unlock()
	return s.Flush(ctx)
}

// Close seals the spool, makes one last attempt to write what is not durable yet, and gives
// everything back. Its error says how many records could not be written. Readers and
// waiters get ErrClosed.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.sealed, s.closed = true, true
	s.refusal = ErrClosed
	s.broadcast()
	s.mu.Unlock()

	s.die()
	close(s.stop)
	<-s.ended
	s.background.Wait()
	s.mu.Lock()
	err := s.failed
	if s.failed == nil {
		s.failed = ErrClosed
	}
	readers := s.readers
	s.broadcast()
	s.mu.Unlock()
	for _, r := range readers {
		r.close()
	}
	return errors.Join(err, s.lock.Close(), s.disk.close())
}
