package listener

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"destring/relay/framing"
	"destring/relay/pki"
	"destring/rules/event"
)

func TestOneRecordOfManyMessagesIsOneBatch(t *testing.T) {
	s := newSite(t)
	c := s.worker("w.shop.example")
	write(t, c, strings.Repeat(octet("<14>m"), 50))
	s.rec.texts(t, 50)
	s.untilMetric(50, "frames_total", "octet")
	flushes := 0
	s.rec.until(t, "the batch's end", func() bool { flushes = s.rec.flushes; return flushes > 0 })
	if flushes > 2 {
		t.Errorf("%d flushes for one record of 50 messages", flushes)
	}
	if got := s.metric("message_bytes_total"); got != 50*5 {
		t.Errorf("%v bytes", got)
	}
}

func TestWhatWasOddAboutMessagesIsCounted(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.MaxMessage = 1000 })
	c := s.worker("w.shop.example")
	write(t, c, octet("<14>"+strings.Repeat("x", 5000))+octet("<999999>no PRI")+"<14>nul\x00<14>line\n"+"100 <14>partial")
	_ = c.CloseWrite()
	if !endsInOrder(c) {
		t.Error("no close_notify")
	}
	for _, m := range []struct {
		name, label string
		want        float64
	}{{"truncated_total", "", 1}, {"partial_total", "", 1}, {"frames_total", "nul", 1}, {"frames_total", "octet", 3}} {
		labels := []string{}
		if m.label != "" {
			labels = append(labels, m.label)
		}
		s.untilMetric(m.want, m.name, labels...)
	}
	if n := s.metric("parse_failures_total", "bad-pri"); n != 1 {
		t.Errorf("%v parse failures for a bad PRI", n)
	}
}

func TestAFixedFramingTakesNoOther(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.Framing = framing.LFOnly })
	write(t, s.worker("w.shop.example"), "5 <14>not a count\n<14>next\n")
	if got := s.rec.texts(t, 2); got[0] != "5 <14>not a count" || got[1] != "next" {
		t.Errorf("messages: %q", got)
	}
	strict := newSite(t, func(s *site) { s.cfg.Framing = framing.OctetOnly })
	c := strict.worker("w.shop.example")
	write(t, c, octet("<14>counted")+"<14>a line\n")
	strict.untilMetric(1, "closed_total", string(badFraming))
	strict.logs.until(t, "reason=bad-framing", "remedy=")
	if strict.rec.texts(t, 1)[0] != "counted" {
		t.Errorf("messages: %q", strict.rec.texts(t, 1))
	}
}

func TestAnIdleConnectionIsEndedInOrder(t *testing.T) {
	s := newSite(t, func(s *site) { s.cfg.Limits.Idle = 100 * time.Millisecond })
	c := s.worker("w.shop.example")
	write(t, c, octet("<14>x"))
	if !endsInOrder(c) {
		t.Error("no close_notify")
	}
	s.untilMetric(1, "closed_total", string(idleTimeout))
}

func TestWithoutABoundAnIdleConnectionStays(t *testing.T) {
	never := func(s *site) { s.cfg.Limits.Idle = -1 }
	unbound := func(t *testing.T, s *site) {
		t.Helper()
		waits := func() bool {
			s.l.door.mu.Lock()
			defer s.l.door.mu.Unlock()
			for c := range s.l.door.inside {
				c.src.mu.Lock()
				defer c.src.mu.Unlock()
				return c.src.wanted.IsZero()
			}
			return false
		}
		for end := time.Now().Add(patienceOfTests); !waits(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the connection is read with a deadline")
			}
		}
	}
	t.Run("syslog", func(t *testing.T) {
		s := newSite(t, never)
		c := s.worker("w.shop.example")
		for n, text := range []string{"one", "two"} {
			write(t, c, octet("<14>"+text))
			s.rec.texts(t, n+1)
			unbound(t, s)
		}
	})
	t.Run("RELP", func(t *testing.T) {
		s := newSite(t, relpSite, never)
		c := opened(s, "w.shop.example")
		for n := 2; n < 4; n++ {
			c.send(n, "syslog", "<14>x")
			if _, _, data := c.receive(); data != "200 OK" {
				t.Errorf("reply: %q", data)
			}
			unbound(t, s)
		}
	})
}

func TestPlaintextOnLoopbackIsReadByTheSameLoop(t *testing.T) {
	s := newSite(t, plainSite)
	c := s.raw()
	write(t, c, octet("<14>one")+"<14>two\n")
	_ = c.(*net.TCPConn).CloseWrite()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes from the relay", n)
	}
	if got := s.rec.texts(t, 2); got[0] != "one" || got[1] != "two" || s.rec.synced != 2 {
		t.Errorf("messages: %q, %d synced", got, s.rec.synced)
	}
	if err := s.l.Reload(s.security); err == nil {
		t.Error("a plaintext listener took certificates")
	}
}

func TestARevokedAuthorityInTheMiddleIsNoWayIn(t *testing.T) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	serialOf := func(n int64, cn string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	}
	top := serialOf(1, "top")
	top.IsCA, top.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	topCert := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, top, top, key.Public(), key))))
	middle := serialOf(2, "middle")
	middle.IsCA, middle.KeyUsage = true, x509.KeyUsageCertSign
	middleCert := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, middle, topCert, key.Public(), key))))
	leaf := serialOf(3, "w")
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der := must(x509.CreateCertificate(rand.Reader, leaf, middleCert, key.Public(), key))
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(2), RevocationTime: time.Now()}}}
	crl := must(x509.ParseRevocationList(must(x509.CreateRevocationList(rand.Reader, list, topCert, key))))
	for name, chain := range map[string][][]byte{"sent by the client": {der, middleCert.Raw}, "known to the relay": {der}} {
		s := newSite(t, func(s *site) { s.security.ClientCAs = []*x509.Certificate{topCert, middleCert} })
		cfg := s.clientConfig(nil)
		cert := tls.Certificate{Certificate: chain, PrivateKey: key}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		live := s.dial(cfg)
		write(t, live, octet("<14>before"))
		s.rec.texts(t, 1)
		next := *s.security
		next.Revoked, next.ClientCAs = []*x509.RevocationList{crl}, []*x509.Certificate{topCert}
		if name == "known to the relay" { // as a trusted one it would vouch by itself
			next.ClientCAs = []*x509.Certificate{topCert, middleCert}
		}
		if err := s.l.Reload(&next); err != nil {
			t.Fatal(err)
		}
		if _, err := live.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: the live connection goes on", name)
		}
		refusedWith(t, s, cfg, revoked)
	}
}

// failing is a socket without file descriptors.
type failing struct {
	net.Listener
	calls  atomic.Int64
	closed chan struct{}
}

func (f *failing) Accept() (net.Conn, error) {
	f.calls.Add(1)
	select {
	case <-f.closed:
		return nil, net.ErrClosed
	default:
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
}

func (f *failing) Close() error { close(f.closed); return nil }

func TestAcceptErrorsBackOffAndAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &logs{}
		reg := newRegistry()
		s := &site{t: t, reg: reg}
		socket := &failing{closed: make(chan struct{})}
		cfg := Config{Name: "x", Metrics: NewMetrics(reg), Log: slog.New(slog.NewTextHandler(out, nil))}.withDefaults()
		l := &Listener{cfg: cfg, socket: socket, door: newDoor(cfg.Limits), gauges: cfg.Metrics.of("x"), complaints: newComplaints(cfg.Log, cfg.LogEvery), stopping: make(chan struct{})}
		l.hard, l.giveUp = context.WithCancel(context.Background())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
		if n := socket.calls.Load(); n > 75 || n < 50 {
			t.Errorf("%d accepts in a minute without descriptors", n)
		}
		if n := strings.Count(out.String(), "accept failed"); n != 1 || !strings.Contains(out.String(), "LimitNOFILE") {
			t.Errorf("%d log lines:\n%s", n, out)
		}
		if s.metric("accept_errors_total") < 50 {
			t.Errorf("%v accept errors were counted", s.metric("accept_errors_total"))
		}
	})
}

func TestAPortThatFailsForGoodIsAnErrorAndEndsTheConnections(t *testing.T) {
	s := newSite(t)
	c := s.worker("w.shop.example")
	write(t, c, octet("<14>x"))
	s.rec.texts(t, 1)
	s.l.socket.Close()
	if err := <-s.ran; err == nil {
		t.Error("Run returned nil")
	}
	s.ran <- nil
	if !endsInOrder(c) {
		t.Error("no close_notify")
	}
}

func TestAMessageAllocatesNothing(t *testing.T) {
	in := intake{gauges: NewMetrics(newRegistry()).of("x"), session: discard{}, peer: &event.Peer{Name: "w", Names: []string{"worker-1.shop.example"}}}
	in.hosts = newHostCheck(peerRule{PeerRule: PeerRule{OwnNames: true}}, in.peer.Names)
	in.guest = &guest{rate: newRate(Limits{PeerMessages: 1 << 40})}
	for name, frame := range map[string]string{
		"rfc 5424": "<14>1 2026-11-25T10:00:00.123456Z worker-1 celery 4711 - [app@32473 a=\"b\\\"c\"] " + strings.Repeat("x", 200),
		"rfc 3164": "<14>Nov 25 10:00:00 worker-1 celery[4711]: " + strings.Repeat("x", 200),
		"bare":     "<14>" + strings.Repeat("x", 200),
		"a fault":  "<14>1 bad " + strings.Repeat("x", 200),
	} {
		bytes := []byte(frame)
		if n := testing.AllocsPerRun(1000, func() {
			in.begin()
			_ = in.take(bytes, event.FramingOctet, 0)
			in.endBatch()
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestTheCertificatesExpiryIsAMetric(t *testing.T) {
	leaf := leafOf(t, theCA(), pki.Server, "127.0.0.1")
	cert := leaf.TLS()
	cert.Leaf = nil
	s := newSite(t, func(s *site) { s.security.Certificates = []tls.Certificate{cert} })
	if got := s.metric("certificate_expiry_timestamp_seconds"); got != float64(leaf.Certificate.NotAfter.Unix()) {
		t.Errorf("expiry %v, want %v", got, leaf.Certificate.NotAfter)
	}
}

// A client that shuts down in order at the moment of the relay's stop takes our close_notify as its receipt.
func TestWhatIsUnderWayWhenTheRelaySaysCloseNotifyIsKept(t *testing.T) {
	s := newSite(t)
	c := s.worker("w.shop.example")
	write(t, c, octet("<14>early"))
	s.rec.texts(t, 1)
	s.cancel()
	if !endsInOrder(c) {
		t.Fatal("no close_notify")
	}
	write(t, c, octet("<14>under way"))
	_ = c.CloseWrite()
	s.stop()
	if got := s.rec.texts(t, 2); got[1] != "under way" || s.rec.synced != 2 {
		t.Errorf("messages: %q, %d synced", got, s.rec.synced)
	}
}
