package relay_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"destring/relay"
	"destring/rules/event"
)

func TestAWatcherSeesWhatIsStoredAndIsToldWhatItMissed(t *testing.T) {
	inPost(t, quota, true, func(t *testing.T, p *post) {
		s := p.open("syslog_tls")
		defer s.Close()
		ctx, stop := context.WithCancel(t.Context())
		quick, slow := p.relay.Watch(ctx), p.relay.Watch(t.Context())
		const n = 1500 // more than a watcher may be behind
		for i := range n {
			if err := s.Handle(p.event(event.LevelInfo, 100)); err != nil {
				t.Fatal(err)
			}
			if doc := string(<-quick.Records); !strings.Contains(doc, fmt.Sprintf("number %d ", i+1)) {
				t.Fatalf("record %d is %s", i+1, doc)
			}
		}
		if got, missed := len(slow.Records), slow.Missed(); got == 0 || got+int(missed) != n {
			t.Errorf("the slow watcher has %d records and is told of %d more, of %d", got, missed, n)
		}
		if again := slow.Missed(); again != 0 {
			t.Errorf("it is told of %d again", again)
		}
		stop()
		synctest.Wait()
		if _, open := <-quick.Records; open || quick.Missed() != 0 {
			t.Error("the quick watcher's channel is not closed, or it missed something")
		}
		if err := s.Handle(p.event(event.LevelInfo, 100)); err != nil {
			t.Error(err)
		}
	})
}

func TestSendersAreRememberedAfterTheyLeft(t *testing.T) {
	inPost(t, quota, true, func(t *testing.T, p *post) {
		expires := time.Now().Add(time.Hour)
		open := func(name string) interface {
			Handle(*event.Event) error
			Close()
		} {
			return p.relay.Open(&event.Peer{Name: name, Listener: "syslog_tls", NotAfter: expires})
		}
		a, b, again := open("worker-b"), open("worker-a"), open("worker-b")
		time.Sleep(time.Minute)
		at := time.Now()
		for range 3 {
			if err := a.Handle(p.event(event.LevelInfo, 100)); err != nil {
				t.Fatal(err)
			}
		}
		if err := again.Handle(p.event(event.LevelInfo, 100)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		a.Close()
		b.Close()
		got := fmt.Sprintf("%+v", p.relay.Peers())
		again.Close()
		want := fmt.Sprintf("%+v", []relay.PeerStatus{
			{Name: "worker-a", Listener: "syslog_tls", LastSeen: at.Add(-time.Minute), NotAfter: expires},
			{Name: "worker-b", Listener: "syslog_tls", Connections: 1, LastSeen: at, Messages: 4, NotAfter: expires}})
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestOnlySoManySendersAreRemembered(t *testing.T) {
	inPost(t, quota, true, func(t *testing.T, p *post) {
		stays := p.relay.Open(&event.Peer{Name: "stays", Listener: "syslog_tls"})
		defer stays.Close()
		for i := range 20_100 {
			p.relay.Open(&event.Peer{Name: fmt.Sprintf("passer-by-%05d", i), Listener: "syslog_tls"}).Close()
			time.Sleep(time.Millisecond)
		}
		all := p.relay.Peers()
		if len(all) != 20_000 || all[len(all)-1].Name != "stays" || all[0].Name != "passer-by-00101" {
			t.Errorf("%d are remembered, from %s to %s", len(all), all[0].Name, all[len(all)-1].Name)
		}
	})
}
