package listener

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestComplaintsComeOncePerPeriodAndCountWhatTheyLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &logs{}
		c := newComplaints(slog.New(slog.NewTextHandler(out, nil)), time.Minute)
		for range 60 { // a minute and a half
			c.say(slog.LevelWarn, "refused", plaintext, "10.0.0.1")
			time.Sleep(1500 * time.Millisecond)
		}
		c.say(slog.LevelWarn, "refused", plaintext, "10.0.0.2")
		c.say(slog.LevelWarn, "refused", expired, "10.0.0.1")
		if n := strings.Count(out.String(), "\n"); n != 4 {
			t.Errorf("%d lines, want 4:\n%s", n, out)
		}
		if !strings.Contains(out.String(), "skipped=39") {
			t.Errorf("the second line does not count the 39 left out:\n%s", out)
		}
	})
}

func TestComplaintsAboutManyAddressesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &logs{}
		c := newComplaints(slog.New(slog.NewTextHandler(out, nil)), time.Minute)
		for i := range 3 * maxComplaints {
			c.say(slog.LevelWarn, "refused", plaintext, fmt.Sprint(i))
		}
		if n := strings.Count(out.String(), "\n"); n > maxComplaints+1 || len(c.last) > maxComplaints+1 {
			t.Errorf("%d lines and %d entries about %d addresses", n, len(c.last), 3*maxComplaints)
		}
		time.Sleep(2 * time.Minute)
		c.say(slog.LevelWarn, "refused", plaintext, "a new one")
		if !strings.Contains(out.String(), "a new one") || len(c.last) > 2 {
			t.Errorf("old silences are not forgotten: %d entries", len(c.last))
		}
	})
}

func TestARateIsKeptOverTimeAndAPeerBelowItNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRate(Limits{PeerMessages: 100})
		begin := time.Now()
		for range 50 { // 5,000 messages in batches of 100
			time.Sleep(r.take(100, 1<<20, 0))
		}
		if took := time.Since(begin); took < 48*time.Second || took > 50*time.Second {
			t.Errorf("5,000 messages at 100 a second took %v", took)
		}
		time.Sleep(time.Minute)
		for range 100 {
			if wait := r.take(9, 1, 0); wait > 0 {
				t.Fatalf("a peer below its rate waited %v", wait)
			}
			time.Sleep(100 * time.Millisecond)
		}
		bytes := newRate(Limits{PeerBytes: 1000})
		if wait := bytes.take(1, 3000, 0); wait != 2*time.Second {
			t.Errorf("3,000 bytes at 1,000 a second wait %v", wait)
		}
		if wait := newRate(Limits{PeerWork: 1000}).take(1, 10, 5000); wait != 4*time.Second {
			t.Errorf("work of 5,000 at 1,000 a second waits %v", wait)
		}
		if newRate(Limits{}).take(1<<30, 1<<30, 0) != 0 {
			t.Error("a peer without limit waited")
		}
	})
}

func TestAPeersBucketIsNotFilledByLeavingAndComingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(Limits{Connections: 10, PeerMessages: 10})
		visit := func() *guest {
			c := &conn{src: &source{}}
			if _, why := d.enter(c); why != "" {
				t.Fatal(why)
			}
			g, why := d.welcome(c, "w")
			if why != "" {
				t.Fatal(why)
			}
			d.leave(c)
			return g
		}
		visit().rate.take(10, 0, 0)
		if wait := visit().rate.take(10, 0, 0); wait != time.Second {
			t.Errorf("after coming back the peer waits %v", wait)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(d.peers) != 0 || len(d.inside) != 0 || d.waiting.Len() != 0 {
			t.Errorf("the door remembers %d peers, %d connections", len(d.peers), len(d.inside))
		}
	})
}

func TestAStopShortensWhateverDeadlineTheFrameReaderHasSet(t *testing.T) {
	for name, set := range map[string]func(*source){
		"none":       func(*source) {},
		"a long one": func(s *source) { _ = s.SetReadDeadline(time.Now().Add(time.Hour)) },
		"set afterwards": func(s *source) {
			time.AfterFunc(quiet/2, func() { _ = s.SetReadDeadline(time.Now().Add(time.Hour)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				defer a.Close()
				defer b.Close()
				s := &source{conn: a}
				set(s)
				begin := time.Now()
				time.AfterFunc(time.Second, func() { s.drain(time.Now().Add(5*time.Second), quiet) })
				if name == "set afterwards" {
					s.drain(time.Now().Add(5*time.Second), quiet)
				}
				if _, err := s.Read(make([]byte, 1)); err == nil {
					t.Fatal("read something")
				}
				if took := time.Since(begin); took > time.Second+2*quiet || s.cutShort() {
					t.Errorf("the read ended after %v, cut short: %v", took, s.cutShort())
				}
			})
		})
	}
}

func TestADrainEndsAtItsDeadlineThoughBytesKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		sender := make(chan struct{})
		defer func() { a.Close(); <-sender }()
		go func() {
			defer close(sender)
			for {
				if _, err := b.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		s := &source{conn: a}
		begin := time.Now()
		s.drain(begin.Add(5*time.Second), quiet)
		n, err := io.Copy(io.Discard, readerOnly{s})
		if took := time.Since(begin); err == nil || took != 5*time.Second || !s.cutShort() || n < 49 {
			t.Errorf("%d bytes in %v, %v", n, took, err)
		}
	})
}

type readerOnly struct{ io.Reader }

func TestTheWorstIsToldByItsPlaceAndNotByItsValue(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{"hunter2", "string"},
		{errors.New("hunter2"), "*errors.errorString"},
		{func() (v any) { defer func() { v = recover() }(); var s []int; _ = s[len(s)+1]; return nil }(), "runtime error: index out of range [1] with length 0"},
	} {
		got := panicKind(c.value)
		if strings.Contains(got, "hunter2") || got != c.want {
			t.Errorf("panicKind = %q, want %q", got, c.want)
		}
	}
}
