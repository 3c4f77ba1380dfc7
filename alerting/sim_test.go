package alerting_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
)

// The simulation: a day, a million matches, a Slack that fails in every way, and kills at the worst
// moments. What the process says after it was killed reaches nobody.
const (
	simMatches = 1_000_000
	simKills   = 50
	simDay     = 24 * time.Hour
)

// world is what stays over kills.
type world struct {
	rng  *rand.Rand
	feed *feed
	room *room

	mu      sync.Mutex
	life    *life
	killAt  killPoint // where the next kill strikes; zero: nowhere
	killed  chan struct{}
	outage  bool
	deaf    bool // the sink cannot be searched
	unheard int  // messages that Slack took and we did not hear of
}

type killPoint uint8

const (
	nowhere killPoint = iota
	beforeCall
	afterCall
	beforeAnswer
	inAppend
	atCommit
)

// life is one process, from its start to its kill.
type life struct {
	w       *world
	journal *memJournal
	dead    bool
	left    *memJournal // what a kill left
	done    int         // committed then
}

// die is SIGKILL now, with a part of what was not synced on disk. Call with w.mu held.
func (l *life) die() {
	l.dead = true
	w := l.w
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	l.left = &memJournal{synced: slices.Clone(l.journal.synced)}
	if n := len(l.journal.unsynced); n > 0 {
		l.left.synced = append(l.left.synced, l.journal.unsynced[:w.rng.IntN(n+1)]...)
	}
	l.left.size = l.journal.size
	w.feed.mu.Lock()
	l.done = w.feed.done
	w.feed.mu.Unlock()
	w.killAt = nowhere
	close(w.killed)
}

// strike kills l when its time has come, and reports whether l is dead.
func (l *life) strike(p killPoint) bool {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if !l.dead && l.w.killAt == p {
		l.die()
		if p == beforeAnswer {
			l.w.unheard++ // at most: it may have failed, or been an edit
		}
	}
	return l.dead
}

// mortalJournal, mortalSink and mortalFeed are the world as a life that can be killed sees it.
type mortalJournal struct {
	*memJournal
	l *life
}

func (j mortalJournal) Append(e []byte) error {
	if err := j.memJournal.Append(e); err != nil {
		return err
	}
	j.l.strike(inAppend)
	return nil
}

type mortalSink struct {
	*room
	l *life
}

func (s mortalSink) Deliver(ctx context.Context, m *alerting.Message) (alerting.Ref, error) {
	if s.l.strike(beforeCall) {
		return alerting.Ref{}, &alerting.DeliveryError{Outcome: alerting.Retry, Reason: "dead"}
	}
	time.Sleep(200 * time.Millisecond)
	if s.l.strike(afterCall) {
		return alerting.Ref{}, &alerting.DeliveryError{Outcome: alerting.Retry, Reason: "dead"}
	}
	ref, err := s.room.Deliver(ctx, m)
	s.l.strike(beforeAnswer)
	return ref, err
}

type mortalFeed struct {
	*feed
	l *life
}

func (f mortalFeed) Commit(p alerting.Position) error {
	if f.l.strike(atCommit) {
		return nil
	}
	return f.feed.Commit(p)
}

// trouble is what Slack does with a message.
func (w *world) trouble(*alerting.Message) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.outage {
		return false, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "HTTP 503"}
	}
	switch n := w.rng.IntN(100); {
	case n < 3:
		return false, &alerting.DeliveryError{Outcome: alerting.Retry, After: time.Duration(1+w.rng.IntN(60)) * time.Second, Reason: "ratelimited"}
	case n < 5:
		return false, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "reset"}
	case n < 7:
		w.unheard++
		return true, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "answer lost"}
	case n < 8:
		return false, context.DeadlineExceeded
	}
	return true, nil
}

// blind is what goes wrong with a search.
func (w *world) blind() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.outage || w.rng.IntN(5) == 0 {
		return &alerting.DeliveryError{Outcome: alerting.Outcome(w.rng.IntN(2)), Reason: "no search"} // Unknown or Retry
	}
	return nil
}

// source makes matches: a few groups that never rest, many that come once, storms at some hours.
type source struct {
	rng    *rand.Rand
	n      int
	levels map[string]rules.Severity // by group
	counts map[string]int64
	fresh  int
}

func (s *source) next(now time.Time) alerting.Match {
	s.n++
	group := fmt.Sprintf("hot-%d", int(s.rng.ExpFloat64()*12))
	if storm := now.Hour()%6 == 5 && now.Minute() < 10; s.rng.IntN(2000) == 0 || storm && s.rng.IntN(20) == 0 {
		s.fresh++
		group = fmt.Sprintf("new-%d", s.fresh)
	}
	level, known := s.levels[group]
	if !known {
		level = []rules.Severity{rules.Low, rules.Medium, rules.Medium, rules.High}[s.rng.IntN(4)]
		if s.rng.IntN(25) == 0 {
			level = rules.Critical
		}
		s.levels[group] = level
	}
	s.counts[group]++
	return alerting.Match{Time: now, EventID: fmt.Sprintf("%032x", s.n), Task: group, Worker: fmt.Sprintf("celery@w%d", s.rng.IntN(20)), Sample: "[REDACTED:password]",
		Rule: alerting.Rule{ID: "r", Title: "Rule", Version: "1", Level: level}, Finding: alerting.Finding{Detector: "password", Key: "db_password"}}
}

func TestADayWithAMillionMatchesAndFiftyKillsLosesNothingAndRepeatsNothing(t *testing.T) {
	matches, day := simMatches, simDay
	if testing.Short() {
		matches, day = simMatches/20, simDay/4
	}
	bubble(t, func(t *testing.T) { simulate(t, &world{}, 1, matches, day) })
}

// A webhook cannot be searched: what Slack took and we did not hear of comes once more, nothing else.
func TestASinkThatCannotBeSearchedRepeatsOnlyWhatWasNotHeard(t *testing.T) {
	bubble(t, func(t *testing.T) { simulate(t, &world{deaf: true}, 2, simMatches/40, simDay/4) })
}

func simulate(t *testing.T, w *world, seed uint64, matches int, day time.Duration) {
	w.rng, w.feed, w.room, w.killed = rand.New(rand.NewPCG(seed, 1)), newFeed(), newRoom("soc"), make(chan struct{})
	w.room.answer, w.room.blind = w.trouble, w.blind
	src := &source{rng: rand.New(rand.NewPCG(seed, 2)), levels: map[string]rules.Severity{}, counts: map[string]int64{}}
	drive := rand.New(rand.NewPCG(seed, 3))
	journal := &memJournal{}
	began, step, kills := time.Now(), 10*time.Second, 0
	a, stop := w.live(t, journal)
	steps := int(day / step)
	for i := range steps {
		w.mu.Lock()
		w.outage = i%(steps/5) > steps/5-steps/100 // four outages of a quarter of an hour
		if w.killAt == nowhere && i%(steps/simKills) == steps/simKills/2 {
			w.killAt = killPoint(1 + drive.IntN(int(atCommit)))
		}
		w.mu.Unlock()
		var batch []alerting.Match
		for src.n < matches*(i+1)/steps {
			batch = append(batch, src.next(time.Now()))
		}
		w.feed.add(batch...)
		time.Sleep(step)
		select {
		case <-w.killed:
			kills++
			journal, a, stop = w.rebirth(t, stop)
		default:
		}
	}
	w.mu.Lock()
	w.killAt, w.outage = nowhere, false
	w.mu.Unlock()
	time.Sleep(5 * time.Hour) // everything becomes quiet
	alerts := a.List(nil, true)
	stop()
	t.Logf("%d matches, %d groups, %d kills (%d answers unheard), %d messages in %s; journal %d KiB", src.n, len(src.counts), kills, w.unheard, len(w.room.log), time.Since(began), journal.size>>10)
	if kills < simKills-1 { // the last may find nothing to strike at
		t.Errorf("%d kills, want %d", kills, simKills)
	}
	w.check(t, src, alerts)
}

// live starts a process on a journal.
func (w *world) live(t *testing.T, journal *memJournal) (*alerting.Alerter, func()) {
	l := &life{w: w, journal: journal}
	w.mu.Lock()
	w.life, w.killed = l, make(chan struct{})
	w.mu.Unlock()
	sink := alerting.Sink(mortalSink{w.room, l})
	if w.deaf {
		sink = struct{ alerting.Sink }{sink} // no Find
	}
	a, err := alerting.New(alerting.Options{Sinks: []alerting.Sink{sink}, Journal: mortalJournal{journal, l}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := a.Run(ctx, mortalFeed{w.feed, l}); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	return a, func() { cancel(); <-ended }
}

func (w *world) rebirth(t *testing.T, stop func()) (*memJournal, *alerting.Alerter, func()) {
	l := w.life
	stop()
	w.feed.mu.Lock()
	w.feed.done = l.done
	w.feed.mu.Unlock()
	w.feed.restart()
	a, stop := w.live(t, l.left)
	return l.left, a, stop
}

// check holds what was said against what happened.
func (w *world) check(t *testing.T, src *source, alerts []*alerting.Alert) {
	told, folded := w.checkMessages(t)
	counted := map[string]int64{}
	for _, a := range alerts {
		counted[a.Match.Task] += a.Count + a.Earlier
	}
	untold := 0
	for group, n := range src.counts {
		if counted[group] != n {
			t.Errorf("group %s (%s): %d matches were counted, want %d", group, src.levels[group], counted[group], n)
		}
		if told[group] {
			continue
		}
		untold++
		if src.levels[group] == rules.Critical {
			t.Errorf("critical group %s was never posted", group)
		}
	}
	if untold > folded {
		t.Errorf("%d groups were not posted but digests tell of %d", untold, folded)
	}
	t.Logf("%d groups were posted, %d told in digests", len(told), folded)
}

// checkMessages holds the messages to what is promised of them. It returns the groups that were posted and
// how many alerts digests tell of.
func (w *world) checkMessages(t *testing.T) (told map[string]bool, folded int) {
	told = map[string]bool{}
	posted, digests, repeated := map[string]time.Time{}, map[string]int{}, 0
	keys := map[string]bool{}
	var paced []time.Time // all but the first posts of critical groups
	for i, s := range w.room.log {
		if i > 0 && s.at.Sub(w.room.log[i-1].at) < 900*time.Millisecond {
			t.Errorf("two messages within %s", s.at.Sub(w.room.log[i-1].at))
		}
		free := false
		switch {
		case s.msg.Digest != nil:
			digests[s.msg.Digest.ID] = s.msg.Digest.Alerts
		case s.msg.Alert != nil && s.msg.Act == alerting.Post:
			before, again := posted[s.msg.Alert.ID]
			if again && s.at.Sub(before) < 4*time.Hour && !w.deaf {
				t.Errorf("alert %s was posted again after %s", s.msg.Alert.ID, s.at.Sub(before))
			}
			free = !again && s.msg.Alert.Level == rules.Critical
			posted[s.msg.Alert.ID], told[s.msg.Alert.Match.Task] = s.at, true
		}
		if s.msg.Act != alerting.Edit && keys[s.msg.Key] {
			repeated++
		}
		keys[s.msg.Key] = true
		if !free {
			paced = append(paced, s.at)
		}
	}
	if repeated > 0 && !w.deaf || repeated > w.unheard {
		t.Errorf("%d messages were said again", repeated)
	}
	for i := 120; i < len(paced); i++ {
		if paced[i].Sub(paced[i-120]) < time.Hour {
			t.Fatalf("more than 120 messages in the hour before %s", paced[i])
		}
	}
	for _, n := range digests {
		folded += n
	}
	return told, folded
}
