package listener

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"destring/rules/event"
)

// plainInputs runs the inputs and returns what they tell.
func plainInputs(t *testing.T, cfg PlainConfig) (rec *recorder, log *logs, stop func()) {
	t.Helper()
	rec, log = newRecorder(), &logs{}
	cfg.Metrics, cfg.Log = NewMetrics(newRegistry()), slog.New(slog.NewTextHandler(log, nil))
	p, err := NewPlain(cfg, rec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return rec, log, stop
}

// freePort returns a port that was free a moment ago: go-syslog does not tell which one it took.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func dialPlain(t *testing.T, network, address string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patienceOfTests))
	return c
}

func TestMessagesComeOverPlainTCPInEveryFraming(t *testing.T) {
	addr := freePort(t)
	rec, _, _ := plainInputs(t, PlainConfig{TCP: addr})
	c := dialPlain(t, "tcp", addr)
	for _, b := range []byte(octet("<14>counted\nin two lines") + octet("<14>1 - w celery 1 - - fifth")) {
		write(t, c, string(b))
	}
	write(t, c, strings.Repeat("<13>Nov 25 10:00:00 w celery[7]: line\n", 3)+"<14>"+strings.Repeat("y", 100_000)+"\n<14>last, without an end")
	c.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the relay's end: %v", err)
	}
	got := rec.texts(t, 7)
	if len(got) != 7 || got[0] != "counted\nin two lines" || got[1] != "fifth" || len(got[5]) != 100_000 || got[6] != "last, without an end" {
		for i, text := range got {
			t.Logf("%d: %d bytes %.30q", i, len(text), text)
		}
		t.Error("other messages than were sent")
	}
	if rec.synced != 7 || rec.opened != 1 || rec.closed != 1 {
		t.Errorf("%d synced, %d opened, %d closed", rec.synced, rec.opened, rec.closed)
	}
	if r := rec.record(t, 0); r.Peer.Listener != "plain_tcp" || r.Peer.Name != "127.0.0.1" || r.Framing != event.FramingOctet || r.ID.Message != 1 {
		t.Errorf("first: %+v", r)
	}
	if r := rec.record(t, 2); r.Framing != event.FramingLF {
		t.Errorf("third: %+v", r)
	}
}

func TestPythonsHandlerEndsEachMessageWithNUL(t *testing.T) {
	addr := freePort(t)
	rec, _, _ := plainInputs(t, PlainConfig{TCP: addr})
	c := dialPlain(t, "tcp", addr)
	write(t, c, "<14>one\x00<11>Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: x\x00<14>three\x00")
	got := rec.texts(t, 3)
	if got[1] != "Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: x" || got[2] != "three" {
		t.Errorf("messages: %q", got)
	}
}

func TestALineThatWaitsForMoreLinesIsNotHeldForEver(t *testing.T) {
	addr := freePort(t)
	rec, _, _ := plainInputs(t, PlainConfig{TCP: addr})
	c := dialPlain(t, "tcp", addr)
	for i := range 3 {
		write(t, c, fmt.Sprintf("<13>Nov 25 10:00:00 w celery[7]: line %d\n  and more\n", i))
		if r := rec.record(t, i); r.Text != fmt.Sprintf("line %d\n  and more", i) || !r.Flags.Has(event.Continued) || r.Peer.Name != "127.0.0.1" || r.ID.Message != uint64(i+1) {
			t.Errorf("message %d: %+v", i, r)
		}
	}
}

func TestPlaintextThatOthersCanReachGetsTheAcceptorWithLimits(t *testing.T) {
	rec := newRecorder()
	p, err := NewPlain(PlainConfig{TCP: ":0", AllowPlaintext: true, Metrics: NewMetrics(newRegistry())}, rec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	_, port, _ := net.SplitHostPort(p.outer.Addr().String())
	c := dialPlain(t, "tcp", "127.0.0.1:"+port)
	write(t, c, "<13>Nov 25 10:00:00 w celery[7]: a line\n")
	if r := rec.record(t, 0); r.Text != "a line" || r.Peer.Name != "127.0.0.1" || r.Peer.Address.Port() == 0 || r.Peer.Listener != "plain_tcp" {
		t.Errorf("message: %+v", r)
	}
	cancel()
	if err := <-ran; err != nil || rec.synced != 1 || rec.closed != 1 {
		t.Errorf("Run: %v; %d synced, %d closed", err, rec.synced, rec.closed)
	}
}

func TestManyStreamsDoNotMixTheirMessages(t *testing.T) {
	addr := freePort(t)
	rec, _, _ := plainInputs(t, PlainConfig{TCP: addr})
	const clients, n = 8, 200
	for i := range clients {
		c := dialPlain(t, "tcp", addr)
		go func() {
			for j := range n {
				_, _ = io.WriteString(c, octet(fmt.Sprintf("<14>m %d %d", i, j)))
			}
		}()
	}
	next := map[uint64]int{}
	for _, r := range func() []record { rec.texts(t, clients*n); return rec.records }() {
		var i, j int
		_, _ = fmt.Sscanf(r.Text, "m %d %d", &i, &j)
		if j != next[r.ID.Connection] || r.ID.Message != uint64(j+1) {
			t.Fatalf("connection %x: message %d is %q", r.ID.Connection, r.ID.Message, r.Text)
		}
		next[r.ID.Connection]++
	}
	if len(next) != clients {
		t.Errorf("%d connections", len(next))
	}
}

func TestNoInputEndsTheProcessThroughGoSyslogsServer(t *testing.T) {
	tcp, udp := freePort(t), freePort(t)
	socket := filepath.Join(t.TempDir(), "log")
	rec, _, _ := plainInputs(t, PlainConfig{TCP: tcp, UDP: udp, Unix: socket})
	for name, bytes := range killers {
		c := dialPlain(t, "tcp", tcp)
		_, _ = io.WriteString(c, bytes)
		c.Close()
		for network, address := range map[string]string{"udp": udp, "unixgram": socket} {
			d := dialPlain(t, network, address)
			_, _ = io.WriteString(d, bytes[:min(len(bytes), 60_000)])
			d.Close()
		}
		good := "good beside " + name
		for network, address := range map[string]string{"tcp": tcp, "udp": udp, "unixgram": socket} {
			d := dialPlain(t, network, address)
			write(t, d, octetUnlessDatagram(network, "<14>"+network+" "+good))
		}
		rec.until(t, good, func() bool {
			seen := 0
			for _, r := range rec.records {
				if strings.HasSuffix(r.Text, good) {
					seen++
				}
			}
			return seen == 3
		})
	}
}

func octetUnlessDatagram(network, s string) string {
	if network == "tcp" {
		return octet(s)
	}
	return s
}

func TestDatagramsComeWithTheirSender(t *testing.T) {
	udp := freePort(t)
	socket := filepath.Join(t.TempDir(), "log")
	rec, _, _ := plainInputs(t, PlainConfig{UDP: udp, Unix: socket})
	write(t, dialPlain(t, "udp", udp), "<14>by udp\x00")
	if r := rec.record(t, 0); r.Text != "by udp" || r.Peer.Listener != "plain_udp" || r.Peer.Name != "127.0.0.1" || r.Framing != event.FramingDatagram {
		t.Errorf("udp: %+v", r)
	}
	write(t, dialPlain(t, "unixgram", socket), "<14>by unix\n")
	if r := rec.record(t, 1); r.Text != "by unix" || r.Peer.Listener != "plain_unix" || r.Peer.Name != "local" {
		t.Errorf("unix: %+v", r)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket's mode: %v, %v", info.Mode(), err)
	}
}

func TestAPanicInASessionLeavesTheOtherInputsAlone(t *testing.T) {
	tcp, udp := freePort(t), freePort(t)
	rec, log, _ := plainInputs(t, PlainConfig{TCP: tcp, UDP: udp})
	rec.handle = func(ev *event.Event) error {
		if text := string(ev.Message.Reveal()); strings.HasPrefix(text, "panic") {
			panic(text)
		}
		return nil
	}
	other := dialPlain(t, "tcp", tcp)
	hostile := dialPlain(t, "tcp", tcp)
	write(t, hostile, octet("<14>panic: hunter2-secret"))
	if n, err := hostile.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes", n)
	}
	write(t, dialPlain(t, "udp", udp), "<14>panic: hunter2-secret")
	write(t, dialPlain(t, "udp", udp), "<14>after the panic")
	write(t, other, octet("<14>lives on"))
	rec.texts(t, 2)
	log.until(t, "a fault of the relay", "panic=string")
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log shows the panic's value:\n%s", log)
	}
}

func TestAStopTakesWhatThePlaintextInputsHaveAndMakesItDurable(t *testing.T) {
	tcp, udp := freePort(t), freePort(t)
	rec, _, stop := plainInputs(t, PlainConfig{TCP: tcp, UDP: udp})
	c := dialPlain(t, "tcp", tcp)
	d := dialPlain(t, "udp", udp)
	for i := range 500 {
		write(t, c, octet(fmt.Sprintf("<14>%d", i)))
	}
	write(t, d, "<14>datagram")
	rec.until(t, "the first messages", func() bool { return len(rec.records) > 1 })
	stop()
	if n := len(rec.texts(t, 0)); n != 501 || rec.closed != 2 {
		t.Errorf("%d of 501 messages were taken, %d sessions closed", n, rec.closed)
	}
	_, _ = io.WriteString(d, "<14>too late")
	c.Close()
	if _, err := net.Dial("tcp", tcp); err == nil {
		t.Error("the TCP port is still open")
	}
	if n := len(rec.texts(t, 0)); n != 501 {
		t.Errorf("%d messages after the stop", n)
	}
}

func TestAStopKeepsTheMessageThatAStreamHasNotEndedYet(t *testing.T) {
	tcp := freePort(t)
	rec, _, stop := plainInputs(t, PlainConfig{TCP: tcp})
	c := dialPlain(t, "tcp", tcp)
	defer c.Close()
	write(t, c, "<14>one\n<14>two\n<14>three unfin")
	rec.until(t, "the first message", func() bool { return len(rec.records) > 0 })
	stop()
	if texts := rec.texts(t, 0); len(texts) != 3 || !strings.Contains(texts[2], "three unfin") {
		t.Errorf("taken were %q", texts)
	}
}

func TestPlaintextInputsStayOnThisMachineUnlessAllowed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	live, err := net.ListenPacket("unixgram", filepath.Join(dir, "live"))
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	for name, c := range map[string]struct {
		cfg  PlainConfig
		says string
	}{
		"tcp everywhere":               {PlainConfig{TCP: ":514"}, "allow_plaintext"},
		"udp on an outer address":      {PlainConfig{UDP: "192.0.2.1:514"}, "allow_plaintext"},
		"a socket where a file is":     {PlainConfig{Unix: file}, "no socket"},
		"a socket that is another's":   {PlainConfig{Unix: filepath.Join(dir, "live")}, "another process"},
		"a socket in a missing folder": {PlainConfig{Unix: filepath.Join(dir, "no", "log")}, "no such file"},
	} {
		c.cfg.Metrics = NewMetrics(newRegistry())
		if _, err := NewPlain(c.cfg, newRecorder()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", name, err, c.says)
		}
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Error("the file was touched")
	}
	stale, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "stale"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	stale.Close() // leaves the file, as a killed relay does
	rec, _, _ := plainInputs(t, PlainConfig{Unix: filepath.Join(dir, "stale"), TCP: freePort(t), AllowPlaintext: true})
	write(t, dialPlain(t, "unixgram", filepath.Join(dir, "stale")), "<14>x")
	rec.texts(t, 1)
}
