package signals

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"destring/relay/celery"
	"destring/relay/syslog"
	"destring/rules/event"
)

// watch is a Tracker whose signals are kept, in the time of a synctest bubble.
type watch struct {
	*Tracker
	t    *testing.T
	said []Signal
}

func newWatch(t *testing.T, o Options) *watch {
	w := &watch{t: t}
	o.Key = bytes.Repeat([]byte{3}, 32)
	o.Say = func(s Signal) { w.said = append(w.said, s) }
	w.Tracker = New(o)
	return w
}

// names are the signals since the last call.
func (w *watch) names() (all []Name) {
	for _, s := range w.said {
		all = append(all, s.Name)
	}
	w.said = nil
	return all
}

func (w *watch) want(why string, want ...Name) {
	w.t.Helper()
	if got := w.names(); !slices.Equal(got, want) {
		w.t.Errorf("%s: signals %q, want %q", why, got, want)
	}
}

// pass lets time pass, with a look every second.
func (w *watch) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Second)
		w.look(time.Now().UnixNano())
	}
}

// sender is a connection and what reads its bytes.
type sender struct {
	*Conn
	parser syslog.Parser
	reader *celery.Reader
	ev     event.Event
	n      uint64
}

func (w *watch) connect(p event.Peer) *sender {
	if p.Listener == "" {
		p.Listener = "syslog_tls"
	}
	if !p.Address.IsValid() {
		p.Address = netip.MustParseAddrPort("192.0.2.1:4000")
	}
	return &sender{Conn: w.Open(&p), reader: celery.NewReader(celery.Options{})}
}

// send sends text as the body of a message that is dated now, with structured data.
func (s *sender) send(text string) { s.sendAt(time.Now(), "-", text) }

func (s *sender) sendAt(at time.Time, data, text string) {
	s.sendRaw(fmt.Sprintf("<134>1 %s shop-a celery.worker.strategy 4132 - %s %s", at.UTC().Format("2006-01-02T15:04:05.000000Z"), data, text))
}

func (s *sender) sendRaw(frame string) {
	s.n++
	s.ev.Reset()
	s.ev.Peer, s.ev.Received = s.ep, time.Now().UnixNano()
	s.parser.Parse([]byte(frame), s.ev.Received, &s.ev)
	s.reader.Read(&s.ev)
	s.ev.Timestamp, s.ev.TimestampFrom = s.ev.Received, event.TimeReceipt
	if s.ev.Syslog.HasTime {
		s.ev.Timestamp, s.ev.TimestampFrom = s.ev.Syslog.Time, event.TimeHeader
	}
	s.Observe(&s.ev)
	s.Flush()
}

func id(n int) string { return fmt.Sprintf("0b1f2c3d-0000-4000-8000-%012d", n) }

func stamp() string { return time.Now().UTC().Format("2006-01-02 15:04:05,000") }

func received(task string, n int) string {
	return fmt.Sprintf("[%s: INFO/MainProcess] Task %s[%s] received", stamp(), task, id(n))
}

func succeeded(task string, n int) string {
	return fmt.Sprintf("[%s: INFO/ForkPoolWorker-1] Task %s[%s] succeeded in 0.0123s: None", stamp(), task, id(n))
}

func failed(task string, n int) string {
	return fmt.Sprintf("[%s: ERROR/ForkPoolWorker-1] Task %s[%s] raised unexpected: ValueError('x')", stamp(), task, id(n))
}

func ready(node string) string {
	return fmt.Sprintf("[%s: INFO/MainProcess] %s ready.", stamp(), node)
}

// bubble runs a test in fake time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

var quick = Options{Learning: time.Hour}

func TestSilence(t *testing.T) {
	bubble(t, "a worker that stays connected and sends nothing for five times its interval is said once", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		for n := range 100 {
			s.send(received("shop.charge", n))
			w.pass(time.Minute)
		}
		w.want("while it sends")
		w.pass(4 * time.Minute)
		w.want("after four minutes, its interval is one")
		w.pass(10 * time.Minute)
		if len(w.said) != 1 || w.said[0].Name != WorkerSilent || w.said[0].Origin.Name != "w1" || w.said[0].Before < 60 || w.said[0].After < 300 {
			t.Fatalf("said %+v", w.said)
		}
		w.names()
		w.pass(24 * time.Hour)
		w.want("while it stays silent")
		s.send(received("shop.charge", 1))
		w.pass(time.Hour)
		w.want("when it falls silent again", WorkerSilent)
	})
	bubble(t, "a worker whose nights are quiet is not silent at night", func(t *testing.T) {
		w := newWatch(t, Options{Learning: 7 * 24 * time.Hour})
		s := w.connect(event.Peer{Name: "w1"})
		for day := range 10 {
			for n := range 8 * 60 {
				s.send(received("shop.charge", n))
				w.pass(time.Minute)
			}
			w.pass(16 * time.Hour)
			if day == 0 {
				w.want("in the first night, before a day was watched")
			}
		}
		w.want("in no other night")
	})
	bubble(t, "a worker that is hardly known is not missed", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		s.send(received("shop.charge", 1))
		w.pass(48 * time.Hour)
		w.want("one line is no rhythm")
	})
	bubble(t, "a worker with a task now and then is not missed between them", func(t *testing.T) {
		w := newWatch(t, Options{})
		s := w.connect(event.Peer{Name: "w1"})
		for n := range 30 {
			for range 20 {
				s.send(received("shop.charge", n))
				time.Sleep(50 * time.Millisecond)
			}
			w.pass(time.Duration(1+n%9) * time.Hour)
		}
		w.want("")
	})
}

func TestLeaving(t *testing.T) {
	for _, c := range []struct {
		name string
		peer event.Peer
		do   func(w *watch, s *sender)
		want []Name
	}{
		{"cut off, it is said after the time to come again", event.Peer{Name: "w1"}, func(w *watch, s *sender) { s.Close(); w.pass(2 * time.Minute) }, []Name{WorkerClosed}},
		{"with close_notify nothing is said", event.Peer{Name: "w1"}, func(w *watch, s *sender) { s.Goodbye(); s.Close(); w.pass(2 * time.Minute) }, nil},
		{"a worker that was told to stop took leave", event.Peer{Name: "w1"}, func(w *watch, s *sender) {
			s.send(fmt.Sprintf("[%s: WARNING/MainProcess] Got shutdown from remote", stamp()))
			s.Close()
			w.pass(2 * time.Minute)
		}, nil},
		{"one that comes again in time was not gone", event.Peer{Name: "w1"}, func(w *watch, s *sender) {
			s.Close()
			w.pass(30 * time.Second)
			w.connect(event.Peer{Name: "w1"})
			w.pass(2 * time.Minute)
		}, nil},
		{"a child's connection is not the worker's last", event.Peer{Name: "w1"}, func(w *watch, s *sender) {
			w.connect(event.Peer{Name: "w1"}).Close()
			w.pass(2 * time.Minute)
		}, nil},
		{"plaintext has no goodbye", event.Peer{Name: "127.0.0.1", Listener: "plain_tcp"}, func(w *watch, s *sender) { s.Close(); w.pass(2 * time.Minute) }, nil},
	} {
		bubble(t, c.name, func(t *testing.T) {
			w := newWatch(t, quick)
			s := w.connect(c.peer)
			s.send(ready("celery@w1"))
			c.do(w, s)
			w.want("", c.want...)
		})
	}
	bubble(t, "a client that never sent a line of Celery is no worker", func(t *testing.T) {
		w := newWatch(t, quick)
		w.connect(event.Peer{Name: "probe"}).Close()
		w.pass(2 * time.Minute)
		w.want("")
	})
}

func TestFirstSeen(t *testing.T) {
	due := func(entry, task string) string {
		return fmt.Sprintf("[%s: INFO/MainProcess] Scheduler: Sending due task %s (%s)", stamp(), entry, task)
	}
	bubble(t, "names are learned, and afterwards a new one is said once", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		s.send(ready("celery@w1"))
		s.send(received("shop.charge", 1))
		s.send(due("nightly clean-up", "shop.clean"))
		w.want("while it learns")
		time.Sleep(2 * time.Hour)
		s.send(received("shop.charge", 2))
		s.send(due("nightly clean-up", "shop.clean"))
		s.send(ready("celery@w1"))
		w.want("what is known")
		for n := range 3 {
			s.send(received("shop.exfiltrate", n))
			s.send(due("backdoor", "shop.clean"))
			s.send(ready("celery@w9"))
		}
		if len(w.said) != 3 || w.said[0].Task != "shop.exfiltrate" || w.said[1].Entry != "backdoor" || w.said[1].Task != "shop.clean" || w.said[2].Worker != "celery@w9" {
			t.Errorf("said %+v", w.said)
		}
		w.want("what is new", FirstSeenTask, FirstSeenBeatEntry, FirstSeenWorker)
	})
	bubble(t, "a known task on a known worker that never ran it", func(t *testing.T) {
		w := newWatch(t, quick)
		a, b := w.connect(event.Peer{Name: "w1"}), w.connect(event.Peer{Name: "w2"})
		a.send(received("shop.charge", 1))
		b.send(received("shop.mail", 1))
		time.Sleep(2 * time.Hour)
		b.send(received("shop.charge", 2))
		if len(w.said) != 1 || w.said[0].Origin.Name != "w2" {
			t.Errorf("said %+v", w.said)
		}
		w.want("", FirstSeenTaskWorker)
		w.connect(event.Peer{Name: "w3"}).send(received("shop.charge", 3))
		w.want("a worker that is new runs everything for the first time")
	})
	bubble(t, "names of other characters and unregistered names are not learned", func(t *testing.T) {
		w := newWatch(t, Options{Learning: -1})
		s := w.connect(event.Peer{Name: "w1"})
		s.send(received("shop.<!channel>", 1))
		s.send(received(strings.Repeat("a", 300), 1))
		s.send(fmt.Sprintf("[%s: ERROR/MainProcess] Received unregistered task of type 'os.system'.", stamp()))
		w.want("")
	})
	bubble(t, "a flood of new names is bounded", func(t *testing.T) {
		w := newWatch(t, Options{Learning: -1})
		s := w.connect(event.Peer{Name: "w1"})
		for n := range 20_000 {
			s.send(received(fmt.Sprintf("shop.t%d", n), n))
		}
		if n := len(w.names()); n != perPeer {
			t.Errorf("%d signals, want %d", n, perPeer)
		}
		if len(w.tasks) > maxTasks || len(s.known) > maxKnown || len(w.seen.at) > maxSeen {
			t.Errorf("%d tasks, %d known, %d seen", len(w.tasks), len(s.known), len(w.seen.at))
		}
	})
}

func TestSequence(t *testing.T) {
	for _, c := range []struct {
		name string
		ids  string // program and number
		want int64  // messages missing in the first signal; 0 for none
	}{
		{"numbers in order", "a1 a2 a3", 0},
		{"a skip says how many", "a1 a2 a6", 3},
		{"a sender that begins anew", "a7 a8 a1 a2", 0},
		{"the wrap of RFC 5424", "a2147483646 a2147483647 a1", 0},
		{"programs with numbers of their own", "a1 b900 a2 b901 a3 b902", 0},
		{"a forwarder's one number for all programs", "a1 b2 a3 c4 b5 a6", 0},
		{"a skip of a forwarder", "a1 b2 a3 b9", 5},
		{"what is no number", "a1 a2 ax a3", 0},
		{"a number beyond the range", "a1 a9999999999 a2", 0},
		{"nothing repeated is missing", "a1 a2 a2 a3", 0},
	} {
		bubble(t, c.name, func(t *testing.T) {
			w := newWatch(t, quick)
			s := w.connect(event.Peer{Name: "w1"})
			for n, one := range strings.Fields(c.ids) {
				s.sendRaw(fmt.Sprintf("<134>1 %s shop-a %s 7 - [meta sequenceId=\"%s\"] %s", time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), one[:1], one[1:], received("shop.charge", n)))
			}
			switch {
			case c.want == 0:
				w.want("")
			case len(w.said) != 1 || w.said[0].Name != SequenceGap || w.said[0].Count != c.want:
				t.Errorf("said %+v, want a gap of %d", w.said, c.want)
			}
		})
	}
}

func TestRepeats(t *testing.T) {
	bubble(t, "the same message on another connection", func(t *testing.T) {
		w := newWatch(t, quick)
		at, text := time.Now().Add(123*time.Millisecond), received("shop.charge", 1)
		a, b := w.connect(event.Peer{Name: "w1"}), w.connect(event.Peer{Name: "w1"})
		a.sendAt(at, "-", text)
		a.sendAt(at, "-", text)
		w.want("on the same connection")
		b.sendAt(at.Add(time.Millisecond), "-", text)
		w.want("at another time")
		b.sendAt(at, "-", text)
		b.sendAt(at, "-", text)
		w.want("again", Duplicate)
	})
	bubble(t, "a heartbeat dated to the second", func(t *testing.T) {
		w := newWatch(t, quick)
		for range 3 {
			w.connect(event.Peer{Name: "w1"}).sendAt(time.Now().Truncate(time.Second), "-", "heartbeat ok")
		}
		w.want("")
	})
	bubble(t, "RELP sends again first what had no answer", func(t *testing.T) {
		w := newWatch(t, quick)
		at := time.Now().Add(123 * time.Millisecond)
		a := w.connect(event.Peer{Name: "w1", Listener: "relp"})
		for n := range 5 {
			a.sendAt(at, "-", received("shop.charge", n))
		}
		b := w.connect(event.Peer{Name: "w1", Listener: "relp"})
		for n := range 5 {
			b.sendAt(at, "-", received("shop.charge", n))
		}
		w.want("a resend")
		b.sendAt(at, "-", received("shop.charge", 100))
		b.sendAt(at, "-", received("shop.charge", 3))
		w.want("a replay between new messages", Duplicate)
	})
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		name    string
		offsets []time.Duration
		want    []Name
	}{
		{"a clock that is right", []time.Duration{0, time.Second, 2 * time.Second}, nil},
		{"four minutes off either way", []time.Duration{4 * time.Minute, 0, 2 * time.Minute}, nil},
		{"back by six minutes", []time.Duration{0, -6 * time.Minute}, []Name{TimeBackwards}},
		{"in the future by six minutes", []time.Duration{0, 6 * time.Minute, 7 * time.Minute}, []Name{TimeAhead}},
		{"one forged future does not make the present a step back", []time.Duration{0, 6 * time.Hour, 0}, []Name{TimeAhead}},
		{"a day behind all the time", []time.Duration{-24 * time.Hour, -24 * time.Hour}, nil},
	} {
		bubble(t, c.name, func(t *testing.T) {
			w := newWatch(t, quick)
			s := w.connect(event.Peer{Name: "w1"})
			for n, offset := range c.offsets {
				s.sendAt(time.Now().Add(offset), "-", received("shop.charge", n))
			}
			w.want("", c.want...)
		})
	}
}

func TestIdentity(t *testing.T) {
	bubble(t, "a worker for which the certificate does not speak", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1", SpeaksFor: func(h string) bool { return h == "shop-a" }})
		s.send(ready("celery@shop-a"))
		s.send(fmt.Sprintf("[%s: INFO/MainProcess] sync with celery@shop-b", stamp()))
		s.send(fmt.Sprintf("[%s: INFO/MainProcess] missed heartbeat from celery@shop-b", stamp()))
		w.want("its own name, and lines about others")
		s.send(ready("celery@shop-b"))
		s.send(ready("celery@shop-b"))
		w.want("another's", WorkerMismatch)
	})
	bubble(t, "one certificate in two places", func(t *testing.T) {
		at := func(a string) event.Peer {
			return event.Peer{Name: "w1", Fingerprint: "ab12", Address: netip.MustParseAddrPort(a)}
		}
		w := newWatch(t, quick)
		first := w.connect(at("192.0.2.1:1"))
		w.connect(at("192.0.2.1:2"))
		w.want("two connections of a host")
		first.Close()
		second := w.connect(at("198.51.100.9:1"))
		w.want("another host beside it", CertificateTwoPlaces)
		second.Close()
		w.pass(time.Hour)
		w.names()
		w.connect(at("198.51.100.9:1")).Close()
		w.want("the same two again, which is known by now")
		w.connect(event.Peer{Name: "w2", Fingerprint: "cd", Address: netip.MustParseAddrPort("[2001:db8::1]:1")})
		w.connect(event.Peer{Name: "w2", Fingerprint: "cd", Address: netip.MustParseAddrPort("[2001:db8::2]:1")})
		w.want("changing addresses of a host")
	})
	bubble(t, "a certificate that a fleet shares is not said of each host", func(t *testing.T) {
		w := newWatch(t, quick)
		for n := range 50 {
			w.pass(11 * time.Minute)
			w.connect(event.Peer{Name: "fleet", Fingerprint: "ab", Address: netip.MustParseAddrPort(fmt.Sprintf("192.0.2.%d:1", n+1))})
		}
		w.want("", CertificateTwoPlaces, CertificateTwoPlaces, CertificateTwoPlaces)
	})
	bubble(t, "a host that moved was never in two places", func(t *testing.T) {
		w := newWatch(t, quick)
		for _, a := range []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"} {
			s := w.connect(event.Peer{Name: "w1", Fingerprint: "ab", Address: netip.MustParseAddrPort(a)})
			s.Goodbye()
			s.Close()
		}
		w.want("")
		if len(w.places) != 0 {
			t.Errorf("places %v are left", w.places)
		}
	})
	bubble(t, "refused handshakes are said often enough to be counted, and not without end", func(t *testing.T) {
		w := newWatch(t, quick)
		for range 1000 {
			w.Refused(&event.Peer{Name: "192.0.2.7", Listener: "syslog_tls", Address: netip.MustParseAddrPort("192.0.2.7:5")}, "no-certificate")
		}
		w.Refused(&event.Peer{Name: "192.0.2.8", Listener: "syslog_tls", Address: netip.MustParseAddrPort("192.0.2.8:5")}, "expired")
		if len(w.said) != perRefuse+1 || w.said[0].Reason != "no-certificate" || w.said[0].Origin.Address.String() != "192.0.2.7" {
			t.Errorf("%d signals, the first %+v", len(w.said), w.said[0])
		}
	})
	bubble(t, "a host that comes from ever other addresses of its network is one place", func(t *testing.T) {
		w := newWatch(t, quick)
		for n := range 200 {
			w.Refused(&event.Peer{Listener: "syslog_tls", Address: netip.MustParseAddrPort(fmt.Sprintf("[2001:db8::%x]:5", n+1))}, "no-certificate")
		}
		if n := len(w.names()); n != perRefuse {
			t.Errorf("%d signals, want %d", n, perRefuse)
		}
	})
}

func TestShares(t *testing.T) {
	bubble(t, "a task of which a third fails", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		for n := range 42 {
			s.send(succeeded("shop.charge", n))
		}
		for n := range 17 {
			s.send(failed("shop.charge", n))
		}
		for n := range 100 {
			s.send(failed("shop.mail", n))
			s.send(succeeded("shop.mail", n))
			s.send(succeeded("shop.mail", n))
			s.send(succeeded("shop.mail", n))
		}
		w.pass(time.Second)
		w.want("seventeen failures, and a quarter")
		for n := range 3 {
			s.send(failed("shop.charge", n))
		}
		w.pass(3 * time.Second)
		if len(w.said) != 1 || w.said[0].Task != "shop.charge" || w.said[0].Count != 20 || w.said[0].Of != 62 {
			t.Errorf("said %+v", w.said)
		}
		w.want("", FailureRatio)
		w.pass(6 * time.Minute)
		for n := range 19 {
			s.send(failed("shop.charge", n))
		}
		w.pass(time.Minute)
		w.want("old failures do not count")
	})
	bubble(t, "names that another sender makes up do not hide the failures of a task", func(t *testing.T) {
		w := newWatch(t, quick)
		s, other := w.connect(event.Peer{Name: "w1"}), w.connect(event.Peer{Name: "w2"})
		s.send(received("shop.charge", 1))
		w.pass(10 * time.Minute)
		for n := range maxTasks + 1 {
			other.send(received(fmt.Sprintf("shop.t%d", n), n))
		}
		w.names()
		for n := range 100 {
			s.send(failed("shop.charge", n))
		}
		w.pass(time.Second)
		w.want("all of a task's runs fail", FailureRatio)
	})
	bubble(t, "a worker that used to send INFO sends only warnings", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		minute := func(level string, lines int) {
			for n := range lines {
				s.send(fmt.Sprintf("[%s: %s/ForkPoolWorker-1] order %d was charged", stamp(), level, n))
			}
			w.pass(time.Minute)
		}
		for range 40 {
			minute("INFO", 9)
			minute("WARNING", 1)
		}
		w.want("while it sends both")
		for range 16 {
			for range 3 {
				s.send(fmt.Sprintf("[%s: ERROR/MainProcess] consumer: Cannot connect to redis://localhost:6379/0: Error 111 connecting to localhost:6379. Connection refused..\nTrying again in 2.00 seconds... (1/100)", stamp()))
			}
			w.pass(time.Minute)
		}
		w.want("while its broker is away")
		for range 16 {
			minute("WARNING", 3)
		}
		w.want("without INFO", LevelRaised)
		for range 60 {
			minute("WARNING", 3)
		}
		w.want("that is its habit now")
	})
	bubble(t, "volume", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		minutes := func(count, lines int) {
			for range count {
				for n := range lines {
					s.send(received("shop.charge", n))
				}
				w.pass(time.Minute)
			}
		}
		minutes(40, 100)
		w.want("as usual")
		minutes(6, 3)
		w.want("a drop", VolumeDrop)
		minutes(60, 100)
		w.names()
		minutes(6, 1500)
		w.want("a surge", VolumeSurge)
	})
	bubble(t, "lines that are not Celery's", func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		minutes := func(odd int) {
			for range 15 {
				for n := range 20 {
					if n < odd {
						s.sendRaw("<13>1 - shop-a app 7 - - printed " + fmt.Sprint(n))
						continue
					}
					s.send(received("shop.charge", n))
				}
				w.pass(time.Minute)
			}
		}
		minutes(3)
		w.names()
		minutes(3)
		w.want("a seventh")
		minutes(8)
		if !slices.Contains(w.names(), UnparsedShare) {
			t.Error("two fifths were not said")
		}
	})
}

func TestARestartNeitherForgetsNorLearnsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, quick)
		s := w.connect(event.Peer{Name: "w1"})
		s.send(ready("celery@w1"))
		for n := range 100 {
			s.send(received("shop.charge", n))
			w.pass(time.Minute)
		}
		state := w.AppendState(nil)
		if bytes.Contains(state, []byte("shop.charge")) {
			t.Error("the state holds the name of a task")
		}
		gone := newWatch(t, quick)
		if err := gone.Restore(state); err != nil {
			t.Fatal(err)
		}
		again := newWatch(t, quick)
		if err := again.Restore(state); err != nil {
			t.Fatal(err)
		}
		b := again.connect(event.Peer{Name: "w1"})
		b.send(ready("celery@w1"))
		b.send(received("shop.charge", 1))
		again.want("what was known")
		b.send(received("shop.new", 1))
		again.want("what was not: learning is over", FirstSeenTask)
		again.pass(15 * time.Minute)
		again.want("the rhythm is known", WorkerSilent)
		gone.pass(20 * time.Minute)
		gone.want("a worker that did not come again after the restart", WorkerSilent)

		other := newWatch(t, Options{Learning: time.Hour, Environment: "staging"})
		if err := other.Restore(state); err != nil {
			t.Fatal(err)
		}
		other.connect(event.Peer{Name: "w1"}).send(received("shop.new", 1))
		other.want("another environment learns by itself")
	})
}

func FuzzRestore(f *testing.F) {
	w := New(Options{Say: func(Signal) {}})
	c := w.Open(&event.Peer{Name: "w1", Listener: "relp"})
	c.Close()
	w.seen.meet(7, 1, 0)
	f.Add(w.AppendState(nil))
	f.Add([]byte{})
	f.Add([]byte{stateVersion})
	f.Fuzz(func(t *testing.T, state []byte) {
		next := New(Options{Say: func(Signal) {}})
		if next.Restore(state) == nil {
			again := New(Options{Say: func(Signal) {}})
			if err := again.Restore(next.AppendState(nil)); err != nil {
				t.Errorf("what was restored and saved is refused: %v", err)
			}
		}
	})
}

func TestTheKindsAreThoseOfTheReader(t *testing.T) {
	for ours, theirs := range map[event.Kind]event.Kind{taskSucceeded: celery.TaskSucceeded, taskFailed: celery.TaskFailed, beatDue: celery.BeatDue, workerShutdown: celery.WorkerShutdown,
		workerSoft: celery.WorkerSoftShutdown, workerRestart: celery.WorkerRestarting, controlShutdown: celery.ControlShutdown, beatStopping: celery.BeatStopping, clockDrift: celery.ClockDrift} {
		if ours != theirs {
			t.Errorf("%q here, %q there", ours, theirs)
		}
	}
	for kind, prefix := range map[event.Kind]string{celery.TaskReceived: taskKinds, celery.BrokerConnectFailed: brokerKinds, celery.NodeLost: nodeKinds, celery.NodeHello: nodeKinds} {
		if !strings.HasPrefix(string(kind), prefix) {
			t.Errorf("%q does not begin with %q", kind, prefix)
		}
	}
}

func TestEverySignalSaysItselfInWords(t *testing.T) {
	for _, n := range Names {
		s := Signal{Name: n, Origin: Origin{Name: "w1", Listener: "relp", Address: netip.MustParseAddr("192.0.2.1")}, Task: "a.b", Worker: "celery@w1", Count: 3, Of: 9}
		if text := s.Text(); text == string(n) || !strings.HasSuffix(text, ".") {
			t.Errorf("%s says %q", n, text)
		}
	}
}

func TestRunLooksUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, quick)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		s := w.connect(event.Peer{Name: "w1"})
		s.send(ready("celery@w1"))
		s.Close()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		w.want("", WorkerClosed)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkObserve is the cost of one line about a known task, read and dated already.
func BenchmarkObserve(b *testing.B) {
	w := New(Options{Say: func(Signal) {}})
	for _, c := range []struct{ name, data, text string }{
		{"info", "-", "[2026-11-25 10:00:00,123: INFO/MainProcess] Task shop.tasks.charge[" + id(1) + "] succeeded in 0.0123s: None"},
		{"sequence", `[meta sequenceId="7"]`, "[2026-11-25 10:00:00,123: INFO/MainProcess] Task shop.tasks.charge[" + id(1) + "] received"},
		{"application", "-", "[2026-11-25 10:00:00,123: INFO/ForkPoolWorker-1] order 4711 was charged with 19.99 EUR"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := &sender{Conn: w.Open(&event.Peer{Name: "w1", Listener: "syslog_tls"}), reader: celery.NewReader(celery.Options{})}
			s.sendAt(time.Now(), c.data, c.text)
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(&s.ev)
			}
		})
	}
}
