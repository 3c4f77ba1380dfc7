package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"testing"
	"time"

	"destring/relay/kafka"
)

// account is what came of a load.
type account struct {
	sent, answered, inOrder       int // messages in all, answered by RELP, of connections closed in order
	lostAnswered, lostClosed      int // none may be
	lostOld, lostYoung            int // of connections that broke: sent more, and less, than window before the fault
	oldest                        time.Duration
	reordered, phantom, unlabeled int // none may be
	twice, resent                 int // records with an event.id, an event.hash that was there before
	longest                       time.Duration
}

// young is how long before a kill a message of plain TLS may have been sent and be lost.
const young = 200 * time.Millisecond

func (a account) String() string {
	return fmt.Sprintf("sent %d: lost of %d answered by RELP %d, of %d closed in order %d, older than %v %d, younger %d (oldest %v before the fault); reordered %d, phantoms %d; twice %d by event.id, %d resent by RELP, %d unrecognisable; longest write %v",
		a.sent, a.answered, a.lostAnswered, a.inOrder, a.lostClosed, young, a.lostOld, a.lostYoung, a.oldest.Round(time.Millisecond), a.reordered, a.phantom, a.twice, a.resent, a.unlabeled, a.longest.Round(time.Millisecond))
}

// arrival is one record of the topic.
type arrival struct {
	number   int
	id, hash string
}

var numbered = regexp.MustCompile(`chaos ((?:plain|relp)\d+-\d+) number (\d+):`)

// arrivals reads the topic to its end: by stream, in the order of the partition.
func (s *site) arrivals(topic string) map[string][]arrival {
	s.t.Helper()
	all := map[string][]arrival{}
	partition := map[string]int32{}
	s.eachRecord(topic, func(record kafka.Record) {
		var doc struct {
			Message string `json:"message"`
			Event   struct{ ID, Hash string }
			Log     struct{ Syslog struct{ AppName string } }
		}
		if err := json.Unmarshal(record.Value, &doc); err != nil {
			s.t.Fatalf("a record is no JSON: %v", err)
		}
		if doc.Log.Syslog.AppName != "celery" {
			return // rsyslog's own words
		}
		m := numbered.FindStringSubmatch(doc.Message)
		if m == nil {
			s.t.Errorf("a record that nobody sent: %.200s", doc.Message)
			return
		}
		if p, known := partition[m[1]]; known && p != record.Partition {
			s.t.Errorf("%s lies in partitions %d and %d", m[1], p, record.Partition)
		}
		partition[m[1]] = record.Partition
		n, _ := strconv.Atoi(m[2])
		all[m[1]] = append(all[m[1]], arrival{n, doc.Event.ID, doc.Event.Hash})
	})
	return all
}

// eachRecord reads a topic from its beginning to its end.
func (s *site) eachRecord(topic string, show func(kafka.Record)) {
	s.t.Helper()
	var r *kafka.Reader
	s.await("topic "+topic+" can be read", time.Minute, func() (ok bool) { // a Kafka that was frozen finds its way back first
		var err error
		r, err = kafka.OpenReader(s.t.Context(), kafka.Connection{Brokers: []string{s.kafka.Addr}}, kafka.Range{Topic: topic})
		return err == nil
	})
	defer r.Close()
	for {
		record, err := r.Next(s.t.Context())
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.t.Fatal(err)
		}
		show(record)
	}
}

// settle compares what was sent with what arrived.
func (l *load) settle(arrived map[string][]arrival) account {
	var a account
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		a.stream(s, arrived[s.name], l.faults)
		delete(arrived, s.name)
	}
	for _, rest := range arrived {
		a.phantom += len(rest)
	}
	return a
}

func (a *account) stream(s *stream, arrived []arrival, faults []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := a.receive(s, arrived)
	a.sent += len(s.sent)
	a.longest = max(a.longest, s.longest)
	for n, at := range s.sent {
		switch {
		case s.relp && s.acked[n]:
			a.answered++
			a.lostAnswered += count(!got[n])
		case s.closed:
			a.inOrder++
			a.lostClosed += count(!got[n])
		case !s.relp && !got[n]:
			a.lose(at, s.broken, faults)
		}
	}
}

// receive checks order and copies, and returns which numbers arrived.
func (a *account) receive(s *stream, arrived []arrival) map[int]bool {
	got, ids, hashes := map[int]bool{}, map[string]bool{}, map[string]bool{}
	last := -1
	for _, x := range arrived {
		switch {
		case x.number >= len(s.sent)+1: // the write of the last one may have failed after the relay had it
			a.phantom++
		case !got[x.number]:
			a.reordered += count(x.number < last)
			last = max(last, x.number)
		case ids[x.id]:
			a.twice++
		case x.hash != "" && hashes[x.hash]:
			a.resent++
		default:
			a.unlabeled++
		}
		got[x.number], ids[x.id], hashes[x.hash] = true, true, true
	}
	return got
}

// lose counts a message of a connection that broke, by its age at the fault that broke it.
func (a *account) lose(at, broken time.Time, faults []time.Time) {
	var fault time.Time
	for _, f := range faults {
		if broken.IsZero() || f.Before(broken) {
			fault = f
		}
	}
	age := fault.Sub(at)
	a.oldest = max(a.oldest, age)
	if age > young || fault.IsZero() {
		a.lostOld++
	} else {
		a.lostYoung++
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wantKept wants nothing lost, reordered, unrecognisable or published twice; resent is how many messages
// RELP senders may have sent again.
func (a account) wantKept(t *testing.T, resent int) {
	t.Helper()
	t.Log(a)
	for what, n := range map[string]int{"messages that RELP answered are lost": a.lostAnswered, "messages of connections closed in order are lost": a.lostClosed,
		"messages older than the window are lost": a.lostOld, "records are out of order": a.reordered, "records were never sent": a.phantom,
		"records were published twice": a.twice, "copies cannot be recognised": a.unlabeled} {
		if n > 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	if a.resent > resent {
		t.Errorf("%d copies of RELP senders, at most %d may be", a.resent, resent)
	}
	if a.sent == 0 || a.answered+a.inOrder == 0 {
		t.Error("nothing was sent, or nothing acknowledged")
	}
}
