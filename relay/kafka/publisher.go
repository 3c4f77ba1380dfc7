package kafka

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Publisher carries batches from a Source to Kafka.
type Publisher struct {
	cfg    Config
	source Source
	client *client
	layout atomic.Pointer[layout] // as last seen
	status atomic.Pointer[Status]
}

// New checks the configuration. It connects to nothing: Run does, and waits for a Kafka
// that is not there yet.
func New(cfg Config, source Source) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(cfg.Topics) == 0 {
		return nil, errors.New("kafka: no topic configured")
	}
	cfg = cfg.withDefaults()
	names := make([]string, len(cfg.Topics))
	for i, t := range cfg.Topics {
		names[i] = t.Name
	}
	p := &Publisher{cfg: cfg, source: source, client: newClient(cfg.Connection, names)}
	p.status.Store(&Status{Problem: "not connected yet", Class: network.String(), Since: time.Now()})
	return p, nil
}

// Partitions returns how many partitions the topic has, and false before the first answer of
// Kafka. It follows changes within seconds. Safe for concurrent use.
func (p *Publisher) Partitions(topic string) (int32, bool) {
	l := p.layout.Load()
	if l == nil || len(l.leaders[topic]) == 0 {
		return 0, false
	}
	return int32(len(l.leaders[topic])), true
}

// Status is how the publisher fares.
type Status struct {
	OK      bool      // the last answer was good
	Class   string    // what kind of failure, else "ok"
	Problem string    // the last error while not OK
	Remedy  string    // what a person can do, may be empty
	Topic   string    // whose batch met it, may be empty
	Since   time.Time // of this state
}

// Status returns the present state. Safe for concurrent use.
func (p *Publisher) Status() Status { return *p.status.Load() }

// grace is how long requests under way may still take when the context has ended.
const grace = time.Second

// Run publishes until the source ends (nil: all delivered and committed), the source fails
// (its error), or ctx ends (its error; what was under way is settled or will be sent again,
// recognisably, by the next run). Call it once.
func (p *Publisher) Run(ctx context.Context) error {
	defer p.client.close()
	r := newRun(p)
	defer r.coder.close()
	var cancel context.CancelFunc
	r.work, cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()

	pulling, stopPulling := context.WithCancel(ctx)
	var puller sync.WaitGroup
	puller.Go(func() { r.pull(pulling) })
	defer puller.Wait()
	defer stopPulling()
	return r.loop(ctx)
}

// pulled is what Next returned.
type pulled struct {
	batch Batch
	err   error
}

// run is one Run. All fields belong to the goroutine of loop; what blocks runs in
// goroutines of its own (aside) and hands back a function that loop calls.
type run struct {
	*Publisher
	work    context.Context // of requests; ends a moment after Run's
	arrived chan pulled
	events  chan func()
	working int
	coder   coder

	frames []*frame // accepted, not behind the cursor yet, in the source's order
	expect uint64   // First of the next frame if nothing is missing; 0: unknown
	torn   bool     // something was missing
	// disordered: First does not rise, so that it tells nothing after a restart.
	disordered bool
	skip       []progress // what the last run settled of the frames still to come
	pending    int        // bytes of frames
	lanes      map[laneKey]*lane
	order      []*lane
	refused    map[string]int  // smallest size that a topic refused
	plain      map[string]bool // topics that take no compression

	cluster  string
	producer int64
	epoch    int16
	taking   bool      // a producer id is being taken
	takeAt   time.Time // not before
	restored bool

	topics     []Topic   // configured, and others found in the backlog
	layoutAt   time.Time // next look
	stale      bool      // the layout in kafka-go's cache as well
	looking    bool
	lookFails  int
	ensuring   bool
	ensureAt   time.Time
	inFlight   map[int32]int // requests by broker
	troubles   map[string]*trouble
	cursor     any
	end        uint64 // number of the record behind the cursor plus 1
	moved      bool
	version    uint64 // of the state
	durable    uint64 // committed version
	committing bool
	urgent     bool
	commitAt   time.Time
	commitFail int
	eof        bool
	failed     error
	stopping   bool
	again      bool // pump once more: something was undone
}

type laneKey struct {
	topic     string
	partition int32
}

func newRun(p *Publisher) *run {
	r := &run{Publisher: p, arrived: make(chan pulled), events: make(chan func()),
		lanes: map[laneKey]*lane{}, refused: map[string]int{}, plain: map[string]bool{},
		inFlight: map[int32]int{}, troubles: map[string]*trouble{}, producer: -1,
		topics: p.cfg.Topics}
	stored := p.source.State()
	if stored == nil {
		return r
	}
	s, err := decodeState(stored)
	if err != nil {
		// Nothing is lost: the cursor stands. Batches behind it may arrive twice.
		p.cfg.Log.Error("kafka: the publisher's state is unreadable; starting with a new producer id, "+
			"some records may be in Kafka twice", "error", err)
		return r
	}
	r.restored, r.cluster, r.producer, r.epoch, r.skip = true, s.cluster, s.producer, s.epoch, s.frames
	r.expect, r.end = s.end, s.end
	for _, ls := range s.lanes {
		l := r.lane(ls.topic, ls.partition)
		l.producer, l.epoch, l.next, l.doubtful, l.plan = ls.producer, ls.epoch, ls.next, ls.doubtful, ls.plan
	}
	return r
}

// pull hands the source's batches to loop. It ends with the context or the source.
func (r *run) pull(ctx context.Context) {
	for {
		b, err := r.source.Next(ctx)
		select {
		case r.arrived <- pulled{b, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// aside runs work in a goroutine that ends with work; loop then calls what it returned.
func (r *run) aside(work func() func()) {
	r.working++
	go func() { r.events <- work() }()
}

func (r *run) loop(ctx context.Context) error {
	done := ctx.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake := r.pump(time.Now())
		if r.finished() {
			return r.result(ctx)
		}
		timer.Reset(time.Until(wake))
		var arrived chan pulled
		if len(r.frames) >= maxFrames {
			r.fold()
		}
		if !r.eof && !r.stopping && r.pending < r.cfg.MaxPending && len(r.frames) < maxFrames {
			arrived = r.arrived
		}
		select {
		case a := <-arrived:
			r.take(a)
		case settle := <-r.events:
			r.working--
			settle()
		case <-timer.C:
		case <-done:
			r.stopping, done = true, nil
		}
	}
}

func (r *run) finished() bool {
	if r.working > 0 {
		return false
	}
	if r.stopping {
		// One last commit, unless commits fail.
		return r.version == r.durable || r.commitFail > 0
	}
	return r.eof && len(r.frames) == 0 && r.version == r.durable
}

func (r *run) result(ctx context.Context) error {
	if r.failed != nil {
		return r.failed
	}
	if r.stopping {
		return ctx.Err()
	}
	return nil
}

// pump starts whatever can be started and returns when to look again.
func (r *run) pump(now time.Time) time.Time {
	wake := now.Add(time.Second)
	sooner := func(t time.Time) {
		if t.Before(wake) {
			wake = t
		}
	}
	for again := !r.stopping; again; again = r.again {
		r.again = false
		sooner(r.look(now))
		sooner(r.identify(now))
		sooner(r.dispatch(now))
	}
	sooner(r.commit(now))
	r.gauge(now)
	return wake
}

func (r *run) gauge(now time.Time) {
	r.cfg.Metrics.pending.Set(float64(r.pending))
	oldest := 0.0
	for _, l := range r.order {
		if len(l.queue) > 0 {
			oldest = max(oldest, float64(now.UnixMilli()-l.queue[0].BaseTimestamp)/1000)
		}
	}
	r.cfg.Metrics.behind.Set(oldest)
}

// take accepts what the source gave. Damage on its disk may have taken a frame away since
// the last run. The identities of those behind it then do not follow from the state any
// more, and the broker could take one for another: a lane that is still in the last run's
// window starts anew there (see build).
func (r *run) take(a pulled) {
	switch {
	case errors.Is(a.err, io.EOF):
		r.eof = true
		return
	case a.err != nil:
		r.eof, r.stopping = true, true
		if !errors.Is(a.err, context.Canceled) && !errors.Is(a.err, context.DeadlineExceeded) {
			r.failed = a.err
		}
		return
	}
	b := &a.batch
	number := b.First + 1
	if r.expect == 0 {
		r.end = number // before the first commit, the cursor is right before it
		r.change()
	} else if number != r.expect {
		r.torn = true
		if number < r.expect && !r.disordered {
			r.disordered, r.skip = true, nil
			r.cfg.Log.Error("kafka: the source's batches do not follow each other; after a restart some may be sent twice",
				"first", b.First, "expected", r.expect-1)
		}
	}
	f := &frame{position: b.Position, first: b.First, last: b.First, end: number + uint64(b.Count), bytes: len(b.Records)}
	r.expect = f.end
	r.frames = append(r.frames, f)
	p := &piece{Batch: *b, frames: []*frame{f}, torn: r.torn}
	for len(r.skip) > 0 && r.skip[0].last < b.First {
		r.skip = r.skip[1:]
	}
	if len(r.skip) > 0 && r.skip[0].first <= b.First {
		if !r.skip[0].part {
			r.advance()
			return
		}
		r.resume(p, r.skip[0].settled)
	}
	f.pieces = 1
	r.pending += f.bytes
	l := r.lane(a.batch.Topic, a.batch.Partition)
	l.queue = append(l.queue, p)
}

// resume takes the first n records off p: the last run settled them.
func (r *run) resume(p *piece, n uint64) {
	if n == 0 || p.Count < 1 || n >= uint64(p.Count) {
		return
	}
	if _, rest, err := r.coder.split(&p.Batch, int(n)); err == nil {
		p.Batch, p.planned, p.frames[0].settled = rest, true, int(n)
	}
}

// lane returns the lane of a partition; a new one starts with the producer id in use.
func (r *run) lane(topic string, partition int32) *lane {
	key := laneKey{topic, partition}
	l := r.lanes[key]
	if l == nil {
		l = &lane{topic: topic, partition: partition, producer: r.producer, epoch: r.epoch}
		if r.restored {
			l.suspects = window
		}
		r.lanes[key] = l
		r.order = append(r.order, l)
		r.know(topic)
	}
	return l
}
