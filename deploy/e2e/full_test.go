package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"destring/relay/kafka"
)

// small makes another site with a spool that is soon full: in the long form on a disk of 24 MiB.
func (s *site) small(onFull string) *site {
	s.t.Helper()
	quota := ", max_size: 6MiB"
	if long() {
		quota = ""
	}
	x := newRelaySite(s.t, s.kafka, s.topic+"."+onFull, onFull, quota)
	if long() {
		x.disk(24 << 20)
	}
	return x
}

// disk puts the relay's state on a disk of its own; mounting needs root.
func (s *site) disk(size int) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+jsonOf(size)); err != nil {
		s.t.Fatalf("the long form mounts a tmpfs: %v", err)
	}
	s.t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			s.t.Error(err)
		}
	})
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v) // of numbers
	return string(b)
}

// heavy is a load that fills the spool within seconds.
func (s *site) heavy() *load {
	l := s.newLoad(200*time.Microsecond, 1500)
	l.closes = false
	s.planted = map[string]string{"password": randomText("abcdefghijklmnopqrstuvwxyz0123456789", 20)}
	l.secret = s.planted["password"]
	l.start(3, 1)
	return l
}

// shedTotal is how many records the relay says it dropped.
func (s *site) shedTotal() float64 {
	n := 0.0
	for _, level := range []string{"debug", "info", "other"} {
		n += max(0, s.gauge(`destring_shed_records_total{level="`+level+`"}`))
	}
	return n
}

// patience is what the relay may keep a worker waiting in one spell (listen.stall), and what the
// machine may add.
const patience = 2*time.Second + 3*time.Second/2

func shed(s *site) {
	s = s.small("shed")
	relay := s.serve()
	l := s.heavy()
	l.flows(s, 500)
	s.kafka.Pause()
	s.await("records are shed", 2*time.Minute, func() bool { return s.shedTotal() > 500 })
	l.outage(s, longOr(14*time.Second, 3*time.Second))
	s.kafka.Continue()
	s.caughtUp()
	l.stop()
	s.await("the gap is on record", 20*time.Second, func() bool { return s.gaps() > 0 })
	s.delivered()
	told := s.shedTotal()
	relay.stop(stopTime)
	arrived := s.arrivals(s.topic)
	missing := l.missing(s, arrived)
	a := l.settle(arrived)
	s.t.Log(a)
	if a.lostAnswered+a.lostClosed+a.reordered+a.phantom+a.unlabeled > 0 || a.twice > 0 || a.answered == 0 {
		s.t.Error("what was acknowledged was lost, or something is out of order or there twice")
	}
	if a.longest > patience {
		s.t.Errorf("a worker waited for %v", a.longest)
	}
	if stated := s.gaps(); stated != missing || told != float64(missing) || missing == 0 {
		s.t.Errorf("%d messages are missing; the audit topic tells of %d, the metric of %v", missing, stated, told)
	}
	s.finishClean(relay)
}

// gaps is how many records the audit topic says were shed.
func (s *site) gaps() (n int) {
	s.eachRecord(s.topic+".audit", func(record kafka.Record) {
		var doc struct {
			Destring struct {
				Signal string
				Gap    struct{ Records int }
			}
		}
		if err := json.Unmarshal(record.Value, &doc); err != nil {
			s.t.Fatal(err)
		}
		if doc.Destring.Signal == "shed" {
			n += doc.Destring.Gap.Records
		}
	})
	return n
}

// missing is how many messages of plain connections did not arrive. A connection that lost one must not
// have been told that all is well.
func (l *load) missing(s *site, arrived map[string][]arrival) (n int) {
	for _, x := range l.streams {
		got := map[int]bool{}
		for _, r := range arrived[x.name] {
			got[r.number] = true
		}
		if lost := len(x.sent) - len(got); !x.relp && lost > 0 {
			n += lost
			if x.closed {
				s.t.Errorf("%s lost %d messages and was closed with close_notify", x.name, lost)
			}
		}
	}
	return n
}

func blocked(s *site) {
	s = s.small("block")
	relay := s.serve()
	l := s.heavy()
	l.flows(s, 500)
	s.kafka.Pause()
	s.await("the spool is full and nothing flows", 2*time.Minute, func() bool {
		n := l.sentCount()
		time.Sleep(time.Second)
		return l.sentCount() == n
	})
	s.kafka.Continue()
	l.flows(s, 500)
	l.stop()
	s.delivered()
	l.settle(s.arrivals(s.topic)).wantKept(s.t, 0)

	l = s.heavy()
	l.flows(s, 500)
	s.kafka.Pause()
	s.await("the spool is full again", 2*time.Minute, func() bool { return s.gauge("destring_spool_usage_ratio") > 0.95 })
	relay.stop(stopTime) // though readers wait for room and Kafka does not answer
	s.kafka.Continue()
	relay = s.serve()
	l.stop()
	s.delivered()
	relay.stop(stopTime)
	arrived := s.arrivals(s.topic)
	a := l.settle(arrived)
	s.t.Log(a)
	if a.lostAnswered+a.lostClosed+a.reordered+a.unlabeled > 0 || a.answered == 0 {
		s.t.Error("what was acknowledged was lost, or something is out of order")
	}
	s.finishClean(relay)
}
