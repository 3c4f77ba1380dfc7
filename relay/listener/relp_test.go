package listener

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"destring/rules/event"
)

func relpSite(s *site) {
	s.cfg.Name, s.cfg.Protocol = "relp", RELP
}

// relpClient speaks RELP as a test needs it.
type relpClient struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

const openOffers = "relp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog"

func newRELPClient(t testing.TB, conn net.Conn) *relpClient {
	return &relpClient{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// opened is a client on TLS whose session is open.
func opened(s *site, name string) *relpClient {
	s.t.Helper()
	c := newRELPClient(s.t, s.worker(name))
	c.send(1, "open", openOffers)
	if txnr, command, data := c.receive(); txnr != 1 || command != "rsp" || data != "200 OK\nrelp_version=0\nrelp_software=destring\ncommands=syslog" {
		s.t.Fatalf("reply to open: %d %s %q", txnr, command, data)
	}
	return c
}

func relpText(txnr int, command, data string) string {
	if data == "" {
		return fmt.Sprintf("%d %s 0\n", txnr, command)
	}
	return fmt.Sprintf("%d %s %d %s\n", txnr, command, len(data), data)
}

func (c *relpClient) send(txnr int, command, data string) {
	c.t.Helper()
	write(c.t, c.conn, relpText(txnr, command, data))
}

// receive reads one frame of the server.
func (c *relpClient) receive() (txnr int, command, data string) {
	c.t.Helper()
	txnr, command, data, err := c.read()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return txnr, command, data
}

func (c *relpClient) read() (txnr int, command, data string, err error) {
	word := func(end byte) string {
		var s string
		if err == nil {
			if s, err = c.r.ReadString(end); err == nil {
				s = s[:len(s)-1]
			}
		}
		return s
	}
	txnr, _ = strconv.Atoi(word(' '))
	command = word(' ')
	size := ""
	for err == nil {
		var b byte
		if b, err = c.r.ReadByte(); b == '\n' && size == "0" {
			return txnr, command, "", nil
		} else if b == ' ' {
			break
		} else {
			size += string(b)
		}
	}
	n, _ := strconv.Atoi(size)
	body := make([]byte, n+1)
	if err == nil {
		_, err = io.ReadFull(c.r, body)
	}
	return txnr, command, string(body[:n]), err
}

// expect reads one frame and compares it.
func (c *relpClient) expect(txnr int, command, data string) {
	c.t.Helper()
	if gotTxnr, gotCommand, gotData := c.receive(); gotTxnr != txnr || gotCommand != command || gotData != data {
		c.t.Errorf("received %d %s %q, want %d %s %q", gotTxnr, gotCommand, gotData, txnr, command, data)
	}
}

func (c *relpClient) expectEnd() {
	c.t.Helper()
	if _, _, _, err := c.read(); err == nil {
		c.t.Error("the session goes on")
	}
}

func TestARELPMessageIsAnsweredWhenItIsDurableAndNotBefore(t *testing.T) {
	release := make(chan struct{})
	s := newSite(t, relpSite, func(s *site) {
		s.rec.sync = func(ctx context.Context) error { <-release; return ctx.Err() }
	})
	c := opened(s, "forwarder.shop.example")
	c.send(2, "syslog", "<14>1 - w celery 1 - - one\nand a second line")
	r := s.rec.record(t, 0)
	if r.Text != "one\nand a second line" || r.Framing != event.FramingRELP || !r.HasHash || r.Peer.Listener != "relp" || r.Peer.Name != "forwarder.shop.example" {
		t.Errorf("message: %+v", r)
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := c.r.Peek(1); err == nil {
		t.Fatal("answered before it was durable")
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(patienceOfTests))
	close(release)
	c.expect(2, "rsp", "200 OK")
	c.send(3, "close", "")
	c.expect(3, "rsp", "")
	c.expect(0, "serverclose", "")
	c.expectEnd()
	s.untilMetric(1, "closed_total", string(closedInOrder))
}

func TestManyRELPMessagesShareOneSync(t *testing.T) {
	s := newSite(t, relpSite)
	c := opened(s, "forwarder.shop.example")
	const n = 1280 // ten windows, each message a TLS record of its own
	for first := 2; first < n+2; first += relpWindow {
		for i := range relpWindow {
			c.send(first+i, "syslog", fmt.Sprintf("<14>%d", first+i))
		}
		for i := range relpWindow {
			c.expect(first+i, "rsp", "200 OK")
		}
	}
	if s.rec.syncs > n/4 {
		t.Errorf("%d syncs for %d messages", s.rec.syncs, n)
	}
}

func TestAResentMessageHasTheSameHashAndNoOtherHasIt(t *testing.T) {
	s := newSite(t, relpSite)
	send := func(peer, text string) [8]byte {
		c := opened(s, peer)
		n := len(s.rec.texts(t, 0))
		c.send(2, "syslog", text)
		defer c.conn.Close()
		return s.rec.record(t, n).Hash
	}
	first := send("a.shop.example", "<14>one")
	if send("a.shop.example", "<14>one") != first {
		t.Error("the resent message has another hash")
	}
	if send("b.shop.example", "<14>one") == first || send("a.shop.example", "<14>two") == first {
		t.Error("another peer or message has the same hash")
	}
	other := newSite(t, relpSite, func(s *site) { s.cfg.HashKey = []byte("another key of 16+") })
	c := opened(other, "a.shop.example")
	c.send(2, "syslog", "<14>one")
	if other.rec.record(t, 0).Hash == first {
		t.Error("the hash does not depend on the key")
	}
}

func TestARELPMessageThatIsNotTakenIsNotAnsweredAndTheSessionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		handle func(*event.Event) error
		sync   func(context.Context) error
	}{
		"shed":             {handle: func(ev *event.Event) error { return dropIf(ev, "three", ErrShed) }},
		"not made to last": {sync: func(context.Context) error { return errors.New("spool: i/o error") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, relpSite, func(s *site) { s.rec.handle, s.rec.sync = c.handle, c.sync })
			client := opened(s, "forwarder.shop.example")
			client.send(2, "syslog", "<14>two")
			client.send(3, "syslog", "<14>three")
			for {
				txnr, command, _, err := client.read()
				if err != nil {
					t.Fatal(err)
				}
				if command == "serverclose" {
					break
				}
				if txnr == 3 || c.sync != nil {
					t.Errorf("transaction %d was answered", txnr)
				}
			}
			client.expectEnd()
			s.untilMetric(1, "closed_total", string(notTaken))
		})
	}
}

func TestWhatIsNoRELPIsAnswered500AndEnded(t *testing.T) {
	for name, c := range map[string]struct{ sent, reply string }{
		"a message before open":         {relpText(1, "syslog", "<14>x"), "500 the session is not open"},
		"an open without a version":     {relpText(1, "open", "commands=syslog"), "500 no relp_version that is known"},
		"an open without syslog":        {relpText(1, "open", "relp_version=1\ncommands=other,tls"), "500 command syslog is not offered"},
		"an open with nothing":          {"1 open 0\n", "500 no relp_version that is known"},
		"plain syslog":                  {"<14>hello\n", ""},
		"an octet frame":                {"10 <14>hello!", ""},
		"a transaction of ten digits":   {"1234567890 open 0\n", ""},
		"transaction 0":                 {"0 open 0\n", ""},
		"a length of ten digits":        {"1 open 9999999999 x\n", ""},
		"a length that is not believed": {"1 open 999999999 x\n", ""},
		"a length below zero":           {"1 open -1 x\n", ""},
		"a command without end":         {"1 " + strings.Repeat("a", 100), ""},
		"a wrong trailer":               {"1 open 1 xy", ""},
		"no length":                     {"1 open \n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, relpSite)
			client := newRELPClient(t, s.worker("hostile.shop.example"))
			write(t, client.conn, c.sent)
			if c.reply != "" {
				client.expect(1, "rsp", c.reply)
			}
			client.expect(0, "serverclose", "")
			client.expectEnd()
			s.untilMetric(1, "closed_total", string(badFraming))
			good := opened(s, "good.shop.example")
			good.send(2, "syslog", "<14>good")
			good.expect(2, "rsp", "200 OK")
		})
	}
}

func TestASessionGoesOnAfterACommandThatIsUnknown(t *testing.T) {
	s := newSite(t, relpSite)
	c := opened(s, "forwarder.shop.example")
	c.send(2, "starttls", "")
	c.expect(2, "rsp", "500 no such command")
	c.send(3, "open", openOffers)
	c.expect(3, "rsp", "500 the session is open already")
	c.send(4, "syslog", "")
	c.expect(4, "rsp", "200 OK")
	c.send(999999999, "syslog", "<14>the last transaction")
	c.expect(999999999, "rsp", "200 OK")
	c.send(1, "syslog", "<14>the first again")
	c.expect(1, "rsp", "200 OK")
	if got := strings.Join(s.rec.texts(t, 2), ","); got != "the last transaction,the first again" {
		t.Errorf("messages: %q", got)
	}
}

func TestALongRELPMessageIsCutFlaggedAndAnswered(t *testing.T) {
	s := newSite(t, relpSite, func(s *site) { s.cfg.MaxMessage = 1000 })
	c := opened(s, "forwarder.shop.example")
	c.send(2, "syslog", "<14>"+strings.Repeat("x", 50_000))
	c.send(3, "syslog", "<14>next")
	c.expect(2, "rsp", "200 OK")
	c.expect(3, "rsp", "200 OK")
	if r := s.rec.record(t, 0); !r.Flags.Has(event.Truncated) || r.Text != strings.Repeat("x", 1000+1000/16-4) {
		t.Errorf("%d bytes, flags %v", len(r.Text), r.Flags)
	}
	if r := s.rec.record(t, 1); r.Text != "next" || r.Flags.Has(event.Truncated) {
		t.Errorf("the next message: %q", r.Text)
	}
}

func TestRELPVersionOneIsSpokenWithThoseWhoOfferIt(t *testing.T) {
	s := newSite(t, relpSite)
	c := newRELPClient(t, s.worker("forwarder.shop.example"))
	c.send(1, "open", "relp_version=1\ncommands=tls,syslog\n")
	c.expect(1, "rsp", "200 OK\nrelp_version=1\nrelp_software=destring\ncommands=syslog")
}

func TestRELPFramesMayComeByteByByte(t *testing.T) {
	s := newSite(t, relpSite)
	c := newRELPClient(t, s.worker("forwarder.shop.example"))
	for _, b := range []byte(relpText(1, "open", openOffers) + relpText(2, "syslog", "<14>slow") + relpText(3, "close", "")) {
		write(t, c.conn, string(b))
	}
	_, _, _ = c.receive()
	c.expect(2, "rsp", "200 OK")
	c.expect(3, "rsp", "")
	if got := s.rec.texts(t, 1); got[0] != "slow" {
		t.Errorf("message %q", got)
	}
}

func TestASlowRELPSessionIsClosed(t *testing.T) {
	for name, sent := range map[string]string{"before open": "", "inside a frame": relpText(1, "open", openOffers) + "2 syslog 100 begun"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, relpSite, func(s *site) { s.cfg.Limits.Frame, s.cfg.Limits.Handshake = 300*time.Millisecond, 600*time.Millisecond })
			c := newRELPClient(t, s.worker("slow.shop.example"))
			write(t, c.conn, sent)
			if _, err := io.Copy(io.Discard, c.r); err != nil {
				t.Error(err)
			}
			s.untilMetric(1, "closed_total", string(frameTimeout))
		})
	}
}

func TestAStopAnswersWhatWasTakenAndTellsTheRELPClient(t *testing.T) {
	s := newSite(t, relpSite)
	c := opened(s, "forwarder.shop.example")
	c.send(2, "syslog", "<14>x")
	s.rec.texts(t, 1)
	s.stop()
	c.expect(2, "rsp", "200 OK")
	c.expect(0, "serverclose", "")
	c.expectEnd()
}

// A full spool refuses a message while those before it are durable already.
func TestAMessageThatIsNotTakenHoldsBackNoReply(t *testing.T) {
	s := newSite(t, relpSite)
	refused := make(chan time.Time, 1)
	s.rec.handle = func(ev *event.Event) error {
		if string(ev.Message.Reveal()) == "no room" {
			refused <- time.Now()
			return errors.New("spool is full")
		}
		return nil
	}
	c := opened(s, "forwarder.shop.example")
	write(t, c.conn, relpText(2, "syslog", "<14>a")+relpText(3, "syslog", "<14>b")+relpText(4, "syslog", "<14>no room"))
	c.expect(2, "rsp", "200 OK")
	c.expect(3, "rsp", "200 OK")
	if held := time.Since(<-refused); held >= relpRetry {
		t.Errorf("the replies came %v after the refusal", held)
	}
	c.expect(0, "serverclose", "")
	c.expectEnd()
}

// A client that meets a reset while it writes never reads the replies that came before it, and sends
// again what is durable. So after the end of a session its connection is read on for a while.
func TestAClientThatGoesOnSendingAtTheStopIsNotReset(t *testing.T) {
	for name, change := range map[string]func(*site){"TLS": func(*site) {}, "plaintext": plainSite} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, relpSite, change)
			c := newRELPClient(t, s.raw())
			if name == "TLS" {
				c = newRELPClient(t, s.worker("forwarder.shop.example"))
			}
			c.send(1, "open", openOffers)
			_, _, _ = c.receive()
			c.send(2, "syslog", "<14>x")
			c.expect(2, "rsp", "200 OK")
			stopped := make(chan struct{})
			go func() { // ends when the client has left
				s.stop()
				close(stopped)
			}()
			c.expect(0, "serverclose", "")
			for txnr := range 5 {
				c.send(3+txnr, "syslog", "<14>too late")
			}
			c.expectEnd()
			if err := c.conn.Close(); err != nil {
				t.Error(err)
			}
			<-stopped
			if texts := s.rec.texts(t, 1); len(texts) != 1 {
				t.Errorf("%d messages were taken, want the one that was answered", len(texts))
			}
		})
	}
}

func TestRELPIsSpokenWithoutTLSOnLoopback(t *testing.T) {
	s := newSite(t, relpSite, plainSite)
	c := newRELPClient(t, s.raw())
	c.send(1, "open", openOffers)
	_, _, _ = c.receive()
	c.send(2, "syslog", "<14>plain")
	c.expect(2, "rsp", "200 OK")
	if p := s.rec.record(t, 0).Peer; p.Name != "127.0.0.1" || p.TLSVersion != "" {
		t.Errorf("peer %+v", p)
	}
}

func TestARELPMessageAllocatesNothing(t *testing.T) {
	c := &conn{l: &Listener{cfg: Config{HashKey: make([]byte, 16), MaxMessage: 1 << 20}.withDefaults()}}
	c.in = intake{gauges: NewMetrics(newRegistry()).of("relp"), session: discard{}, peer: &event.Peer{Name: "w.shop.example"}}
	r := newRELP(c)
	frame := []byte(relpText(2, "syslog", "<14>1 2026-11-25T10:00:00Z w celery 1 - - "+strings.Repeat("x", 200)))
	if n := testing.AllocsPerRun(1000, func() {
		f, _, _, err := relpCut(frame, 1<<20)
		if err != nil || r.message(f) != "" {
			t.Fatal("not taken")
		}
		r.open = r.open[:0]
	}); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}

// discard is a session that takes everything and keeps nothing.
type discard struct{}

func (discard) Handle(*event.Event) error  { return nil }
func (discard) Flush()                     {}
func (discard) Sync(context.Context) error { return nil }
func (discard) Close()                     {}
func (d discard) Open(*event.Peer) Session { return d }

func FuzzRELPFrames(f *testing.F) {
	for _, seed := range []string{relpText(1, "open", openOffers), relpText(2, "syslog", "<14>x"), "3 close 0\n", "0 serverclose 0\n", "1 open 0 \n", "999999999 syslog 5 <14>x\n", "1 syslog 999999999 x", "1 rsp -1 \n", ""} {
		f.Add([]byte(seed), 64)
	}
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		if limit < 1 || limit > 1<<20 {
			return
		}
		frame, used, skip, err := relpCut(b, limit)
		if used < 0 || used > len(b) || skip < 0 || skip > relpFactor*limit+1 || len(frame.data) > limit {
			t.Fatalf("used %d of %d, skip %d, data %d of %d", used, len(b), skip, len(frame.data), limit)
		}
		if err != nil && used > 0 {
			t.Fatal("a frame with an error")
		}
		if used == 0 && err == nil && len(b) > relpHeader+limit {
			t.Fatalf("waits for more though %d bytes are there and the limit is %d", len(b), limit)
		}
		if used == 0 {
			return
		}
		// The same frame comes out when it comes in two parts.
		for cut := range min(used, 64) {
			if _, n, _, err := relpCut(b[:cut], limit); n != 0 || err != nil {
				t.Fatalf("the first %d of %d bytes give a frame of %d or %v", cut, used, n, err)
			}
		}
	})
}
