package relay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"destring/relay"
	"destring/relay/listener"
	"destring/relay/spool"
	"destring/rules"
	"destring/rules/event"
)

// quota is the size of the spools in these tests; just large enough that the last segment is a small part of it.
const quota = 4 << 20

const stall = 2 * time.Second

// post is a relay over a small spool that nobody empties, and a sender's session.
type post struct {
	t      *testing.T
	spool  *spool.Spool
	relay  *relay.Relay
	reader *spool.Reader
	end    context.CancelFunc // of every wait for room
	n      int
	rand   *rand.Rand
}

// inPost runs a test with a clock that stands still while anybody works.
func inPost(t *testing.T, quota int64, shed bool, test func(*testing.T, *post)) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpool(t, quota)
		r, err := s.Reader("kafka")
		if err != nil {
			t.Fatal(err)
		}
		p := &post{t: t, spool: s, reader: r, rand: rand.New(rand.NewPCG(1, 2))}
		ctx, end := context.WithCancel(t.Context())
		defer end()
		p.end = end
		p.relay = relay.New(relay.Config{Spool: s, Topics: [rules.Topics]string{"logs", "alerts", "audit", "dlq"}, Partitions: func(string) int32 { return 6 },
			Shed: shed, Stall: stall, Stop: ctx}, newPolicy(t))
		test(t, p)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (p *post) open(listenerName string) listener.Session {
	return p.relay.Open(&event.Peer{Name: "worker-1", Listener: listenerName})
}

// event is a line of this level with a text of size bytes that does not compress.
func (p *post) event(level event.Level, size int) *event.Event {
	p.n++
	text := fmt.Appendf(nil, "[2026-11-25 10:00:00,123: %s/MainProcess] number %d", words[level], p.n)
	for len(text) < size {
		text = fmt.Appendf(text, " %c%d", 'a'+p.rand.IntN(26), p.rand.IntN(10_000))
	}
	ev := &event.Event{ID: event.ID{Message: uint64(p.n)}, Received: time.Now().UnixNano(), Message: event.NewText(text)}
	ev.Syslog.Severity = -1
	return ev
}

var words = map[event.Level]string{event.LevelDebug: "DEBUG", event.LevelInfo: "INFO", event.LevelWarning: "WARNING"}

// fill appends warnings until the spool is so full.
func (p *post) fill(s listener.Session, usage float64) {
	p.t.Helper()
	for p.spool.Usage() < usage {
		err := s.Handle(p.event(event.LevelWarning, 20_000))
		if errors.Is(err, listener.ErrShed) && usage >= 1 {
			return
		}
		if err == nil {
			err = s.Sync(p.t.Context())
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// empty reads and commits so many records, 0 for all.
func (p *post) empty(records int) {
	p.t.Helper()
	if err := p.spool.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	for n := 0; (records == 0 || n < records) && p.spool.Stats().Readers[0].Depth > 0; {
		f, err := p.reader.Next(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		if err := p.reader.Commit(f.Position, nil); err != nil {
			p.t.Fatal(err)
		}
		n += f.Count
	}
}

func (p *post) wantShed(s listener.Session, level event.Level, want bool) {
	p.t.Helper()
	err := s.Handle(p.event(level, 20_000))
	if errors.Is(err, listener.ErrShed) != want || err != nil && !want {
		p.t.Errorf("%s at %.3f of the quota: %v, want shed %v", words[level], p.spool.Usage(), err, want)
	}
}

func TestTheLeastImportantIsShedFirst(t *testing.T) {
	inPost(t, quota, true, func(t *testing.T, p *post) {
		s := p.open("syslog_tls")
		defer s.Close()
		for _, at := range []struct {
			usage                float64
			debug, info, warning bool
		}{{0.5, false, false, false}, {0.90, true, false, false}, {0.95, true, true, false}, {1, true, true, true}} {
			p.fill(s, at.usage)
			p.wantShed(s, event.LevelDebug, at.debug)
			p.wantShed(s, event.LevelInfo, at.info)
			p.wantShed(s, event.LevelWarning, at.warning)
		}
	})
}

// A Python handler waits for ever in the task's logging call while its peer does not read.
func TestReadingPausesForStallInAllPerSpell(t *testing.T) {
	inPost(t, quota, true, func(t *testing.T, p *post) {
		first := p.open("syslog_tls")
		defer first.Close()
		p.fill(first, 1)
		p.relay.Take(true) // the spell of filling
		paused := make(chan [2]time.Time, 100)
		for _, delay := range []time.Duration{0, stall / 4, stall / 2, stall} { // the last one comes when no patience is left
			time.Sleep(delay)
			s := p.open("syslog_tls")
			defer s.Close()
			evs := []*event.Event{p.event(event.LevelWarning, 20_000), p.event(event.LevelWarning, 20_000), p.event(event.LevelWarning, 20_000)}
			go func() { // ends with its messages
				for _, ev := range evs {
					began := time.Now()
					if err := s.Handle(ev); !errors.Is(err, listener.ErrShed) {
						t.Errorf("got %v, want it shed", err)
					}
					paused <- [2]time.Time{began, time.Now()}
				}
			}()
			synctest.Wait()
		}
		time.Sleep(stall)
		synctest.Wait()
		close(paused)
		var from, to time.Time
		for p := range paused {
			if p[1].Equal(p[0]) {
				continue // it was not held up
			}
			if from.IsZero() || p[0].Before(from) {
				from = p[0]
			}
			if p[1].After(to) {
				to = p[1]
			}
		}
		if got := to.Sub(from); got != stall {
			t.Errorf("reading paused for %v in all, want %v", got, stall)
		}
	})
}

func TestEachSpellLeavesOneCountedGap(t *testing.T) {
	inPost(t, quota, true, func(t *testing.T, p *post) {
		s := p.open("syslog_tls")
		defer s.Close()
		for spell := range 2 {
			shed := uint64(0)
			for shed < 50 {
				err := s.Handle(p.event(event.LevelWarning, 30_000))
				if errors.Is(err, listener.ErrShed) {
					shed++
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if _, ok := p.relay.Take(false); ok {
				t.Error("a spell that goes on was taken")
			}
			if gap, ok := p.relay.Pending(); !ok || gap.Records != shed {
				t.Errorf("the running spell counts %d, want %d", gap.Records, shed)
			}
			p.empty(0)
			if spell == 0 { // the second one ends though nobody sends any more
				p.wantShed(s, event.LevelDebug, false)
			} else {
				p.relay.Take(false)
			}
			time.Sleep(1100 * time.Millisecond)
			gap, ok := p.relay.Take(false)
			if !ok || gap.Records != shed || !gap.Ended.After(gap.Began) {
				t.Errorf("spell %d: gap %+v, %v; want %d records", spell, gap, ok, shed)
			}
			if _, again := p.relay.Take(true); again {
				t.Error("a spell was taken twice")
			}
		}
	})
}

func TestAGapThatCouldNotBeRecordedIsGivenBack(t *testing.T) {
	inPost(t, quota, true, func(t *testing.T, p *post) {
		s := p.open("syslog_tls")
		defer s.Close()
		p.fill(s, 1)
		p.wantShed(s, event.LevelDebug, true)
		gap, _ := p.relay.Take(true)
		p.relay.Return(gap)
		p.wantShed(s, event.LevelDebug, true)
		p.empty(0)
		p.relay.Take(false)
		time.Sleep(1100 * time.Millisecond)
		again, ok := p.relay.Take(false)
		if !ok || again.Records != gap.Records+1 || !again.Began.Equal(gap.Began) {
			t.Errorf("got %+v, want one record more than %+v", again, gap)
		}
	})
}

// A RELP session has replies to give to what is durable already, so it does not wait, and
// nothing of it is dropped: its sender keeps what got no reply.
func TestASenderThatIsAnsweredIsNeverShed(t *testing.T) {
	for _, shed := range []bool{true, false} {
		inPost(t, quota, shed, func(t *testing.T, p *post) {
			s := p.open(relay.Acked)
			defer s.Close()
			var err error
			for err == nil {
				began := time.Now()
				if err = s.Handle(p.event(event.LevelDebug, 30_000)); err != nil && time.Since(began) > 0 {
					t.Errorf("shed %v: it waited for %v", shed, time.Since(began))
				}
			}
			if !errors.Is(err, spool.ErrFull) || errors.Is(err, listener.ErrShed) {
				t.Errorf("shed %v: %v, want %v", shed, err, spool.ErrFull)
			}
			if err := s.Sync(t.Context()); err != nil {
				t.Errorf("shed %v: what was taken before is not durable: %v", shed, err)
			}
			if _, ok := p.relay.Pending(); ok {
				t.Error("something was shed")
			}
		})
	}
}

func TestBlockWaitsForRoomAndEndsWithTheRelay(t *testing.T) {
	inPost(t, quota, false, func(t *testing.T, p *post) {
		s := p.open("syslog_tls")
		defer s.Close()
		done := make(chan error, 1)
		var taken int
		evs := make([]*event.Event, 2000)
		for i := range evs {
			evs[i] = p.event(event.LevelDebug, 20_000)
		}
		go func() { // ends with the relay
			for _, ev := range evs {
				if err := s.Handle(ev); err != nil {
					done <- err
					return
				}
				taken++
			}
			done <- nil
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		before := taken
		if before == len(evs) {
			t.Fatal("the spool never got full")
		}
		p.empty(300)
		time.Sleep(time.Hour)
		synctest.Wait()
		if taken <= before {
			t.Error("it did not go on when there was room")
		}
		p.end()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("at the end of the relay: %v", err)
		}
		if _, ok := p.relay.Pending(); ok {
			t.Error("something was shed")
		}
	})
}

// A sender by RELP would send it again for ever, and nothing that it has behind it.
func TestARecordThatTheSpoolCanNeverHoldBecomesADeadLetter(t *testing.T) {
	inPost(t, 1<<20, true, func(t *testing.T, p *post) {
		s := p.open(relay.Acked)
		defer s.Close()
		if err := s.Handle(p.event(event.LevelWarning, 300<<10)); err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, err := p.reader.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Topic != "dlq" || f.Count != 1 {
			t.Errorf("%d records of topic %s, want one of dlq", f.Count, f.Topic)
		}
	})
}

func TestWorkSaysWhatMessagesCostAndCountsAnew(t *testing.T) {
	session := newRelay(t, newSpool(t, 64<<20)).Open(&event.Peer{Name: "w", Listener: "syslog_tls"})
	defer session.Close()
	worker := session.(listener.Worker)
	cost := func(text string) int {
		ev := &event.Event{Peer: &event.Peer{Name: "w"}, Message: event.NewText([]byte(text))}
		if err := session.Handle(ev); err != nil {
			t.Fatal(err)
		}
		return worker.Work()
	}
	short, long := cost("a line"), cost(strings.Repeat("user: password=x, ", 1000))
	if short <= 0 || long < 18_000 || long < 100*short {
		t.Errorf("a line costs %d, one of 18,000 bytes %d", short, long)
	}
	if again := worker.Work(); again != 0 {
		t.Errorf("without a message between, the work is %d", again)
	}
}
