package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	realkafka "destring/deploy/e2e/kafka"
	"destring/deploy/e2e/parts"
)

// rsyslog with the RELP configuration that deploy ships keeps what got no reply: all that it was
// given arrives, however often the relay is killed, and what it sends again is known by event.hash.
func TestRsyslogByRELPLosesNothingWhenTheRelayIsKilled(t *testing.T) {
	parts.Need(t, "rsyslogd", "java", "mvn")
	s := newRelaySite(t, realkafka.Start(t), "rsyslog.logs.v1", "shed", "")
	relay := s.serve()
	socket, rsyslogd := s.rsyslog(s.shipped("rsyslog/destring-relp.conf", "2514", "relp"))
	log := dialLog(t, socket)
	defer log.Close()
	l := s.newLoad(0, 300)
	st := l.open("relp0", true)
	r := rand.New(rand.NewPCG(1, 2))
	kills := longOr(10, 3)
	for n := range kills * 600 {
		if n%600 == 500 {
			l.fault()
			relay.kill()
			relay = s.serve()
		}
		_, text, _ := strings.Cut(l.message(r, st, n), " - - ")
		if _, err := fmt.Fprint(log, "<142>Nov 25 10:00:00 celery[4132]: "+text); err != nil {
			t.Fatal(err)
		}
		st.note(n, 0)
		st.acked[n] = true // rsyslog has it
		l.sleep(time.Millisecond)
	}
	missing := func() (numbers []int) {
		got := map[int]bool{}
		for _, x := range s.arrivals(s.topic)[st.name] {
			got[x.number] = true
		}
		for n := range st.sent {
			if !got[n] {
				numbers = append(numbers, n)
			}
		}
		return numbers
	}
	for deadline := time.Now().Add(90 * time.Second); len(missing()) > 0; time.Sleep(time.Second) {
		if time.Now().After(deadline) { // rsyslog's own patience after a failure grows
			t.Fatalf("rsyslog has not delivered %v\n%s", missing(), rsyslogd.output())
		}
	}
	rsyslogd.stop(30 * time.Second)
	a := s.account(l, relay)
	a.reordered = 0 // after a broken session rsyslog itself sends what waited in its queue before what it sends again
	a.wantKept(t, relpWindow*kills)
}
