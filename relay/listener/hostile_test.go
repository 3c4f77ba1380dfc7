package listener

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"destring/relay/pki"
	"destring/rules/event"
)

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }

// killers end the process of go-syslog's own server, or its connection in silence.
var killers = map[string]string{
	"a PRI alone":                       "<13>",
	"a PRI and a line feed":             "<13>\n",
	"a header cut behind the host name": "<13>May  1 20:51:40 host\n",
	"a count below zero":                "-1 x",
	"a count far below zero":            "-9 hello",
	"a count at the end of the numbers": "9223372036854775807 x",
	"a line above 64 KiB":               "<13>" + strings.Repeat("x", 70<<10) + "\n",
	"an octet frame with a PRI alone":   "4 <14>",
	"a counted PRI below zero":          "-5 <14>x",
	"a count of zero":                   "0 0 0 0 ",
	"a flood of empties":                strings.Repeat("\n\x00\r\n", 20000),
	"digits without end":                strings.Repeat("9", 100000),
	"a PRI without end":                 "<" + strings.Repeat("1", 100000),
}

func TestNoInputEndsTheProcessOrHoldsUpOthers(t *testing.T) {
	for name, bytes := range killers {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			c := s.worker("hostile.shop.example")
			if _, err := io.WriteString(c, bytes); err != nil && len(bytes) < 64<<10 {
				t.Errorf("write: %v", err)
			}
			s.served(name)
			c.Close()
			s.rec.until(t, "the end of all connections", func() bool { return s.rec.closed >= 2 && s.rec.closed == s.rec.opened })
			if n := s.metric("panics_total"); n != 0 {
				t.Errorf("%v panics:\n%s", n, s.logs)
			}
		})
	}
}

func TestOtherProtocolsOnThePortAreToldApartAndHoldUpNobody(t *testing.T) {
	for name, c := range map[string]struct{ bytes, spoken string }{
		"syslog without TLS":         {"<14>1 - w celery 1 - - password=hunter2-secret\n", "syslog"},
		"counted syslog without TLS": {octet("<14>hunter2-secret"), "syslog"},
		"HTTP":                       {"GET /hunter2-secret HTTP/1.1\r\nHost: relay\r\n\r\n", "HTTP"},
		"SSH":                        {"SSH-2.0-OpenSSH_9.2 hunter2-secret\r\n", "SSH"},
		"something else":             {"hunter2-secret\n", "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			conn := s.raw()
			write(t, conn, c.bytes)
			s.served(name)
			s.untilMetric(1, "refused_total", string(plaintext))
			s.logs.until(t, "without TLS on the TLS port", "spoken="+c.spoken, "peer=127.0.0.1", "switch TLS on")
			if strings.Contains(s.logs.String(), "hunter2") {
				t.Errorf("the log shows what was sent:\n%s", s.logs)
			}
		})
	}
}

func TestTLSInTLSIsTextAndNothingBreaks(t *testing.T) {
	s := newSite(t)
	outer := s.worker("hostile.shop.example")
	inner := tls.Client(outer, &tls.Config{InsecureSkipVerify: true})
	answered := make(chan error, 1)
	go func() { answered <- inner.Handshake() }()
	s.served("TLS in TLS")
	outer.NetConn().Close()
	if <-answered == nil {
		t.Error("somebody answered the inner handshake")
	}
	s.rec.until(t, "the end of all", func() bool { return s.rec.closed >= 2 && s.rec.closed == s.rec.opened })
	if n := s.metric("panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}

func TestALogLineIsWrittenOncePerCauseAndPeer(t *testing.T) {
	s := newSite(t)
	for range 20 {
		c := s.raw()
		write(t, c, "GET / HTTP/1.0\r\n\r\n")
	}
	s.untilMetric(20, "refused_total", string(plaintext))
	if n := strings.Count(s.logs.String(), "without TLS"); n != 1 {
		t.Errorf("%d log lines about 20 equal refusals:\n%s", n, s.logs)
	}
}

func TestSlowPartialFramesAreKeptFlaggedAndClosed(t *testing.T) {
	n := 300
	s := newSite(t, func(s *site) { s.cfg.Limits.Frame = time.Second })
	leaf := s.clientConfig(leafOf(t, s.ca, pki.Client, "slow.shop.example"))
	for i := range n {
		c := s.dial(leaf)
		write(t, c, fmt.Sprintf("1000 <14>1 - w celery %d - - and then nothing", i))
	}
	s.served("300 partial frames")
	s.rec.until(t, "the end of the partial frames", func() bool { return s.rec.closed >= n+1 && s.rec.closed == s.rec.opened })
	partial := 0
	for i := range s.rec.texts(t, n+1) {
		if r := s.rec.record(t, i); r.Flags.Has(event.Partial) && r.Text == "and then nothing" {
			partial++
		}
	}
	if partial != n || s.metric("closed_total", string(frameTimeout)) != float64(n) {
		t.Errorf("%d of %d partial frames were kept; %v closed", partial, n, s.metric("closed_total", string(frameTimeout)))
	}
}

func TestASlowLorisIsServedAtItsPaceAndThenClosed(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.Limits.Frame = 300 * time.Millisecond })
	c := s.worker("slow.shop.example")
	stopped := make(chan error, 1)
	go func() {
		for { // a byte at a time, for ever
			if _, err := io.WriteString(c, "x"); err != nil {
				stopped <- err
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	s.served("a slow loris")
	select {
	case <-stopped:
	case <-time.After(patienceOfTests):
		t.Error("the slow loris is still there")
	}
}

func TestIdleConnectionsHoldUpNobodyAndTheirDescriptorsComeBack(t *testing.T) {
	n := 5000
	if testing.Short() || raceEnabled {
		n = 300
	}
	n = min(n, descriptors()/2-200) // both ends are in this process
	s := newSite(t, func(s *site) { s.cfg.Limits.Handshake = patienceOfTests * 4 })
	before := openDescriptors()
	var conns []net.Conn
	for range n {
		c, err := net.Dial("tcp", s.l.Addr().String())
		if err != nil {
			t.Fatalf("after %d connections: %v", len(conns), err)
		}
		conns = append(conns, c)
	}
	s.untilMetric(float64(n), "connections")
	s.served(fmt.Sprintf("%d idle connections", n))
	for _, c := range conns {
		c.Close()
	}
	s.untilMetric(0, "connections")
	for end := time.Now().Add(patienceOfTests); openDescriptors() > before+20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d descriptors are open, %d were before", openDescriptors(), before)
		}
	}
}

func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux: the count of connections must do
	}
	return len(entries)
}

func TestAFullDoorGivesThePlaceOfTheOldestHandshakeToANewClient(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.Limits.Connections = 3 })
	idle := []net.Conn{s.raw(), s.raw(), s.raw()}
	s.untilMetric(3, "connections")
	late := s.raw() // nobody has waited a second yet
	s.untilMetric(1, "refused_total", string(full))
	if _, err := io.Copy(io.Discard, late); err != nil {
		t.Logf("the refused client sees: %v", err)
	}
	s.l.door.mu.Lock()
	for c := range s.l.door.inside {
		c.entered = c.entered.Add(-2 * minWait)
	}
	s.l.door.mu.Unlock()
	s.served("a full door")
	s.untilMetric(1, "refused_total", string(displaced))
	if _, err := idle[0].Read(make([]byte, 1)); err == nil {
		t.Error("the oldest handshake is still there")
	}
}

func TestOnePeerGetsNoMoreConnectionsThanItsShare(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.Limits.PeerConnections = 2 })
	a := s.worker("many.shop.example")
	s.worker("many.shop.example")
	s.untilMetric(2, "accepted_total")
	third := s.worker("many.shop.example")
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Error("the third connection lives")
	}
	s.untilMetric(1, "refused_total", string(peerFull))
	s.served("a peer with too many connections")
	a.Close()
	s.rec.until(t, "the first one's end", func() bool { return s.rec.closed >= 1+s.asked })
	write(t, s.worker("many.shop.example"), octet("<14>again"))
	s.rec.texts(t, 1+s.asked)
}

func TestAPanicEndsItsConnectionAloneAndShowsNoText(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.rec.handle = func(ev *event.Event) error {
			if text := string(ev.Message.Reveal()); strings.HasPrefix(text, "panic") {
				panic(text)
			}
			return nil
		}
	})
	other := s.worker("other.shop.example")
	c := s.worker("hostile.shop.example")
	write(t, c, octet("<14>panic: hunter2-secret"))
	if endsInOrder(c) {
		t.Error("close_notify after a panic")
	}
	s.untilMetric(1, "panics_total")
	s.rec.until(t, "the session's Close", func() bool { return s.rec.closed == 1 })
	s.logs.until(t, "a fault of the relay ended a connection", "panic=string", "TestAPanicEndsItsConnectionAloneAndShowsNoText", "peer=hostile.shop.example")
	if strings.Contains(s.logs.String(), "hunter2") {
		t.Errorf("the log shows the panic's value:\n%s", s.logs)
	}
	write(t, other, octet("<14>lives on"))
	s.rec.texts(t, 1)
}

func TestABadRecordMACIsReportedAsASocketSharedOverFork(t *testing.T) {
	s := newSite(t)
	leaf := s.clientConfig(leafOf(t, s.ca, pki.Client, "forked.shop.example"))
	var socket *tap
	raw := s.raw()
	socket = &tap{Conn: raw}
	leaf.ServerName = "127.0.0.1"
	c := tls.Client(socket, leaf)
	write(t, c, octet("<14>parent"))
	s.rec.texts(t, 1)
	socket.keep = true
	write(t, c, octet("<14>one child"))
	write(t, raw, socket.kept) // the same record again, as a child writes that has the same sequence number
	s.untilMetric(1, "closed_total", string(badRecordMAC))
	s.logs.until(t, "TLS socket shared over fork", "client=127.0.0.1:", "peer=forked.shop.example", "worker_process_init")
	if got := s.rec.texts(t, 2); got[1] != "one child" {
		t.Errorf("messages: %q", got)
	}
}

// tap keeps a copy of what is written on a connection and counts what is read.
type tap struct {
	net.Conn
	keep  bool
	kept  string
	heard int
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heard += n
	return n, err
}

func (c *tap) Write(p []byte) (int, error) {
	if c.keep {
		c.kept += string(p)
	}
	return c.Conn.Write(p)
}

func TestAPeerOverItsRateWaitsAndLosesNothing(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.Limits.PeerMessages = 200 })
	c := s.worker("loud.shop.example")
	begin := time.Now()
	const n = 300 // 200 at once, the rest at 200 a second
	for i := range n {
		write(t, c, octet(fmt.Sprintf("<14>%d", i)))
	}
	s.served("a loud peer")
	s.rec.texts(t, n+s.asked)
	if took := time.Since(begin); took < 400*time.Millisecond {
		t.Errorf("%d messages were taken in %v at 200 a second", n, took)
	}
	if s.metric("throttled_seconds_total") == 0 {
		t.Error("no time was counted as throttled")
	}
}

func TestTwoHostilePeersOfLongLinesLeaveACleanPeerFast(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancel(context.Background())
	var flood sync.WaitGroup
	defer flood.Wait()
	defer cancel()
	line := "<14>" + strings.Repeat("x", 1<<20-8) + "\n"
	for range 2 {
		c := s.worker("hostile.shop.example")
		context.AfterFunc(ctx, func() { c.NetConn().Close() })
		flood.Go(func() {
			for ctx.Err() == nil {
				if _, err := io.WriteString(c, line); err != nil {
					return
				}
			}
		})
	}
	for range 5 {
		s.served("two peers that send 1 MiB lines")
	}
}

func TestAStopReadsWhatLiesInTheSocketsAndMakesItDurable(t *testing.T) {
	hold := make(chan struct{})
	s := newSite(t, func(s *site) { s.rec.handle = func(*event.Event) error { <-hold; return nil } })
	c := s.worker("w.shop.example")
	idle := s.worker("idle.shop.example")
	silent := s.raw()
	const n = 3000
	go func() {
		for i := range n {
			if _, err := io.WriteString(c, octet(fmt.Sprintf("<14>%d", i))); err != nil {
				t.Errorf("write %d: %v", i, err)
			}
		}
		s.cancel() // all is in the socket, little is read
		close(hold)
	}()
	s.rec.until(t, "the end", func() bool { return s.rec.closed == 2 })
	s.stop()
	if got := s.rec.texts(t, n); got[n-1] != fmt.Sprint(n-1) || s.rec.synced != n {
		t.Errorf("%d messages, the last %q; %d were synced", len(got), got[len(got)-1], s.rec.synced)
	}
	for name, conn := range map[string]*tls.Conn{"busy": c, "idle": idle} {
		if !endsInOrder(conn) {
			t.Errorf("no close_notify to the %s client", name)
		}
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("the silent client is still there")
	}
	if _, err := net.Dial("tcp", s.l.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
}

func TestAStopEndsThoughAClientGoesOnForEverAndGivesNoReceipt(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.Limits.Drain = 400 * time.Millisecond })
	socket := &tap{Conn: s.raw()}
	c := tls.Client(socket, s.clientConfig(leafOf(t, s.ca, pki.Client, "w.shop.example")))
	write(t, c, octet("<14>first"))
	socket.heard = 0
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := io.WriteString(c, octet("<14>more")); err != nil {
				ended <- err
				return
			}
		}
	}()
	s.rec.texts(t, 10)
	s.stop() // does not wait for this client
	<-ended
	if _, err := c.Read(make([]byte, 1)); err == nil || socket.heard > 0 {
		t.Errorf("close_notify though the client was cut off: %d bytes, %v", socket.heard, err)
	}
}

func TestAStopIsNotHeldUpByAnUnwritableDisk(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.cfg.Limits.Drain, s.cfg.Limits.Sync = 50*time.Millisecond, time.Hour
		s.rec.sync = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	})
	c := s.worker("w.shop.example")
	write(t, c, octet("<14>x"))
	s.rec.texts(t, 1)
	s.stop() // does not wait for an hour
	if endsInOrder(c) {
		t.Error("close_notify though nothing is durable")
	}
}
