package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is a number of workers that log without end: every message has its stream's number and
// its own, so that afterwards each can be looked for in Kafka. A stream is one plain TLS connection,
// or one RELP sender over all the connections that it needs.
type load struct {
	t       *testing.T
	address map[string]string
	tls     *tls.Config
	pace    time.Duration // between two messages of a stream
	size    int           // of the text
	secret  string        // in every fiftieth message
	base    int           // of the streams' numbers, so that two loads differ
	closes  bool          // plain connections are closed in order every now and then, else they stay

	ctx   context.Context
	end   context.CancelFunc
	group sync.WaitGroup

	mu      sync.Mutex
	streams []*stream
	faults  []time.Time // when the relay was killed or told to stop
}

// stream is what one sender knows of its messages: message i was sent at sent[i].
type stream struct {
	name string
	relp bool

	mu      sync.Mutex
	sent    []time.Time // when the write of it returned
	acked   []bool      // RELP
	closed  bool        // plain: closed in order, with the relay's close_notify
	refused bool        // plain: closed in order, and the relay said no
	broken  time.Time   // plain: when a write failed
	longest time.Duration
}

func (s *site) newLoad(pace time.Duration, size int) *load {
	s.t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "worker.pem"), filepath.Join(s.dir, "worker.key"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.loads++
	l := &load{t: s.t, base: 10_000 * s.loads, address: s.address, pace: pace, size: size, closes: true,
		tls: &tls.Config{RootCAs: s.ca.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{cert}}}
	l.ctx, l.end = context.WithCancel(context.Background())
	s.t.Cleanup(l.stop)
	return l
}

// start adds senders.
func (l *load) start(plain, relp int) {
	for i := range plain {
		l.group.Go(func() { l.logPlain(i) })
	}
	for i := range relp {
		l.group.Go(func() { l.logRELP(i) })
	}
}

// stop lets every sender come to an end in order: RELP senders wait for their last answers.
func (l *load) stop() {
	l.end()
	l.group.Wait()
}

// fault notes that the relay is about to be ended; what plain TLS had in flight now may be lost.
func (l *load) fault() {
	l.mu.Lock()
	l.faults = append(l.faults, time.Now())
	l.mu.Unlock()
}

func (l *load) open(name string, relp bool) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &stream{name: fmt.Sprintf("%s-%d", name, l.base+len(l.streams)), relp: relp}
	l.streams = append(l.streams, s)
	return s
}

// sentCount is how many messages were sent over all streams.
func (l *load) sentCount() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		s.mu.Lock()
		n += len(s.sent)
		s.mu.Unlock()
	}
	return n
}

var words = strings.Fields("order basket invoice parcel stock price shelf refund customer courier label tax voucher return ledger batch picker route scan dock pallet crate weight")

// message is what a worker of the shop logs: number n of stream s.
func (l *load) message(r *rand.Rand, s *stream, n int) string {
	var b strings.Builder
	level := [...]string{"INFO", "WARNING", "DEBUG", "INFO", "ERROR"}[n%5]
	fmt.Fprintf(&b, "[2026-11-25 10:00:00,%03d: %s/ForkPoolWorker-1] chaos %s number %d:", n%1000, level, s.name, n)
	if l.secret != "" && n%50 == 7 {
		b.WriteString(" password='" + l.secret + "'")
	}
	for b.Len() < l.size {
		b.WriteString(" " + words[r.IntN(len(words))] + " " + strconv.Itoa(r.IntN(100)))
	}
	host, _, _ := strings.Cut(s.name, "-")
	return fmt.Sprintf("<134>1 2026-11-25T10:00:00.123456Z %s celery 4132 - - %s", host, b.String())
}

// counted counts the bytes that came from the relay. crypto/tls takes a bare FIN, such as the kernel
// sends for a killed process, for close_notify; only a byte count tells them apart.
type counted struct {
	net.Conn
	bytes atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// dial connects until it works or the load ends.
func (l *load) dial(listener string) (*tls.Conn, *counted) {
	for l.ctx.Err() == nil {
		d := net.Dialer{Timeout: 5 * time.Second}
		raw, err := d.DialContext(l.ctx, "tcp", l.address[listener])
		if err == nil {
			t := &counted{Conn: raw}
			c := tls.Client(t, l.tls)
			if err = c.HandshakeContext(l.ctx); err == nil {
				return c, t
			}
			c.Close()
		}
		l.sleep(20 * time.Millisecond)
	}
	return nil, nil
}

// sleep is the pace; it ends with the load.
func (l *load) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.ctx.Done():
	}
}

// logPlain logs over one connection after the other.
func (l *load) logPlain(number int) {
	r := rand.New(rand.NewPCG(uint64(number), 1))
	for {
		c, told := l.dial("syslog_tls")
		if c == nil {
			return
		}
		s := l.open(fmt.Sprintf("plain%d", number), false)
		messages := 1 << 30
		if l.closes {
			messages = 100 + r.IntN(400)
		}
		for n := 0; n < messages && l.ctx.Err() == nil && l.write(c, r, s, n); n++ {
			l.sleep(l.pace)
		}
		l.hangUp(c, told, s)
	}
}

func (l *load) write(c *tls.Conn, r *rand.Rand, s *stream, n int) bool {
	m := l.message(r, s, n)
	began := time.Now()
	_, err := fmt.Fprintf(c, "%d %s", len(m), m)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, now.Sub(began))
	if err != nil {
		s.broken = now
		return false
	}
	s.sent = append(s.sent, now)
	return true
}

// hangUp ends the connection in order: close_notify is the relay's word that everything is durable.
func (l *load) hangUp(c *tls.Conn, told *counted, s *stream) {
	defer c.Close()
	s.mu.Lock()
	broken := !s.broken.IsZero()
	s.mu.Unlock()
	before := told.bytes.Load()
	if broken || c.CloseWrite() != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second)) // fails on a closed socket only, as does the read
	_, err := c.Read(make([]byte, 1))
	s.mu.Lock()
	s.closed = errors.Is(err, io.EOF) && told.bytes.Load() > before
	s.refused = !s.closed
	if s.refused {
		s.broken = time.Now()
	}
	s.mu.Unlock()
}

// relpWindow is how many messages a RELP sender has under way, as librelp has.
const relpWindow = 128

// sender is one RELP sender: what is not answered when a connection breaks is sent again on the
// next, in order.
type sender struct {
	l        *load
	s        *stream
	r        *rand.Rand
	texts    []string // all messages; texts[done:] are not answered
	done     int
	next     int       // the one to send next on this connection
	deadline time.Time // for the last answers, once the load has ended
}

func (l *load) logRELP(number int) {
	x := &sender{l: l, s: l.open(fmt.Sprintf("relp%d", number), true), r: rand.New(rand.NewPCG(uint64(number), 2))}
	for !x.over() {
		c, in := l.openRELP(x.deadline)
		if c == nil {
			return
		}
		answers := make(chan struct{}, relpWindow)
		go readAnswers(in, answers) // ends with the connection
		for x.step(c, answers) {
		}
		c.Close()
		for range answers { // those that came before the break
			x.answer()
		}
	}
}

// over reports whether the load has ended and all is answered, or the patience for that is at its end.
func (x *sender) over() bool {
	x.next = x.done
	return x.l.ctx.Err() != nil && (x.done == len(x.texts) || !x.deadline.IsZero() && time.Now().After(x.deadline))
}

// step sends a message or waits for an answer. It reports false when the connection is done with.
func (x *sender) step(c *tls.Conn, answers <-chan struct{}) bool {
	ended := x.l.ctx.Err() != nil
	if ended && x.done == len(x.texts) {
		return false
	}
	if ended && x.deadline.IsZero() {
		x.deadline = time.Now().Add(time.Minute)
		_ = c.SetReadDeadline(x.deadline)
	}
	if x.next-x.done >= relpWindow || ended && x.next == len(x.texts) {
		if _, ok := <-answers; !ok {
			return false
		}
		x.answer()
	} else if !x.send(c) {
		return false
	}
	for {
		select {
		case _, ok := <-answers:
			if !ok {
				return false
			}
			x.answer()
		default:
			return true
		}
	}
}

func (x *sender) send(c *tls.Conn) bool {
	fresh := x.next == len(x.texts)
	if fresh {
		x.texts = append(x.texts, x.l.message(x.r, x.s, x.next))
	}
	m := x.texts[x.next]
	began := time.Now()
	if _, err := fmt.Fprintf(c, "%d syslog %d %s\n", 2+x.next%999_999_000, len(m), m); err != nil {
		return false
	}
	x.s.note(x.next, time.Since(began))
	x.next++
	if fresh {
		x.l.sleep(x.l.pace)
	}
	return true
}

func (x *sender) answer() {
	x.s.mu.Lock()
	x.s.acked[x.done] = true
	x.s.mu.Unlock()
	x.done++
}

func (s *stream) note(n int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, took)
	if n == len(s.sent) {
		s.sent, s.acked = append(s.sent, time.Now()), append(s.acked, false)
	}
}

// openRELP opens a session. After the end of the load it goes on trying until deadline.
func (l *load) openRELP(deadline time.Time) (*tls.Conn, *bufio.Reader) {
	for l.ctx.Err() == nil || time.Now().Before(deadline) {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", l.address["relp"], l.tls)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		in := bufio.NewReader(c)
		offer := "relp_version=0\nrelp_software=e2e\ncommands=syslog"
		if _, err := fmt.Fprintf(c, "1 open %d %s\n", len(offer), offer); err == nil {
			if command, data, err := relpAnswer(in); err == nil && command == "rsp" && strings.HasPrefix(data, "200") {
				return c, in
			}
		}
		c.Close()
		time.Sleep(20 * time.Millisecond)
	}
	return nil, nil
}

// readAnswers hands on every "200 OK", which come in the order of the messages.
func readAnswers(in *bufio.Reader, answers chan<- struct{}) {
	defer close(answers)
	for {
		command, data, err := relpAnswer(in)
		if err != nil || command != "rsp" || !strings.HasPrefix(data, "200") {
			return
		}
		answers <- struct{}{}
	}
}

// relpAnswer reads one frame: TXNR SP COMMAND SP LENGTH [SP DATA] LF.
func relpAnswer(in *bufio.Reader) (command, data string, err error) {
	if _, err = in.ReadString(' '); err != nil {
		return "", "", err
	}
	if command, err = in.ReadString(' '); err != nil {
		return "", "", err
	}
	digits := ""
	var b byte
	for b, err = in.ReadByte(); err == nil && b >= '0' && b <= '9'; b, err = in.ReadByte() {
		digits += string(b)
	}
	n, _ := strconv.Atoi(digits)
	if err != nil || n > 1<<16 {
		return "", "", errors.Join(err, errors.New("no RELP"))
	}
	body := make([]byte, n)
	if b == ' ' {
		if _, err = io.ReadFull(in, body); err == nil {
			_, err = in.ReadByte()
		}
	}
	return strings.TrimSpace(command), string(body), err
}
