package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"destring/relay/pki"
	"destring/rules/event"
)

func TestAMessageComesWithThePeerThatTLSProved(t *testing.T) {
	s := newSite(t)
	leaf := leafOf(t, s.ca, pki.Client, "worker-1.shop.example", "spiffe://shop/worker", "10.1.2.3")
	c := s.dial(s.clientConfig(leaf))
	write(t, c, octet("<14>1 2026-11-25T10:00:00Z worker-1 celery 77 - - hello"))
	r := s.rec.record(t, 0)
	if r.Text != "hello" || r.Host != "worker-1" || r.Framing != event.FramingOctet || !r.ReceivedNow {
		t.Errorf("message: %+v", r)
	}
	p := r.Peer
	if p.Name != "worker-1.shop.example" || strings.Join(p.Names, " ") != "worker-1.shop.example spiffe://shop/worker 10.1.2.3 worker-1.shop.example" {
		t.Errorf("names: %q, %q", p.Name, p.Names)
	}
	if p.Fingerprint != fingerprint(leaf.Certificate) || p.Serial != leaf.Certificate.SerialNumber.Text(16) || p.Issuer != "CN=test CA" || p.CommonName != "worker-1.shop.example" ||
		!p.NotAfter.Equal(leaf.Certificate.NotAfter) || p.TLSVersion != "1.3" || p.Cipher == "" || p.Listener != "syslog_tls" || p.Address.Port() == 0 || p.Zone == nil {
		t.Errorf("peer: %+v", p)
	}
	if r.ID.Connection == 0 || r.ID.Message != 1 {
		t.Errorf("id: %+v", r.ID)
	}
}

// A client that only writes and closes its socket at once, as every Python handler does. With session tickets on, 0 of
// 200,000 bytes arrived here: the unread ticket makes the client's kernel send RST.
func TestAWriteOnlyClientThatClosesLosesNothing(t *testing.T) {
	slow := make(chan struct{})
	s := newSite(t, func(s *site) {
		s.rec.handle = func(ev *event.Event) error { <-slow; return nil }
	})
	c := s.worker("worker-1.shop.example")
	const n = 2000
	message := octet("<14>1 - w celery 1 - - " + strings.Repeat("x", 76))
	for range n / 50 {
		write(t, c, strings.Repeat(message, 50))
	}
	c.NetConn().Close() // as a killed pool child does: no close_notify
	close(slow)
	s.rec.until(t, "the end of the connection", func() bool { return s.rec.closed == 1 })
	if got := len(s.rec.texts(t, 0)); got != n {
		t.Errorf("%d of %d messages arrived", got, n)
	}
	if s.metric("closed_total", "fin") != 1 {
		t.Errorf("the end was not a fin:\n%s", s.logs)
	}
}

func TestNoSessionTicketIsSent(t *testing.T) {
	s := newSite(t)
	cfg := s.clientConfig(leafOf(t, s.ca, pki.Client, "worker-1.shop.example"))
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	for range 2 {
		c := s.dial(cfg)
		write(t, c, octet("<14>x"))
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if !endsInOrder(c) {
			t.Error("no close_notify")
		}
		if c.ConnectionState().DidResume {
			t.Error("the session was resumed")
		}
	}
}

func TestCloseNotifyIsTheReceiptForEverythingThatWasSent(t *testing.T) {
	release := make(chan struct{})
	s := newSite(t, func(s *site) {
		s.rec.sync = func(ctx context.Context) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	c := s.worker("worker-1.shop.example")
	write(t, c, octet("<14>one")+"<14>two\n<14>three\x00")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	s.rec.texts(t, 3)
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("an answer before the messages were durable: %v", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patienceOfTests))
	close(release)
	if !endsInOrder(c) {
		t.Error("no close_notify after the messages were durable")
	}
}

func TestAConnectionThatLostAMessageGetsNoCloseNotify(t *testing.T) {
	for name, c := range map[string]struct {
		handle func(*event.Event) error
		sync   func(context.Context) error
	}{
		"shed":             {handle: func(ev *event.Event) error { return dropIf(ev, "two", ErrShed) }},
		"refused":          {handle: func(ev *event.Event) error { return dropIf(ev, "two", errors.New("spool: full")) }},
		"not made to last": {sync: func(context.Context) error { return errors.New("spool: i/o error") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(s *site) { s.rec.handle, s.rec.sync = c.handle, c.sync })
			client := s.worker("worker-1.shop.example")
			write(t, client, octet("<14>one")+octet("<14>two")+octet("<14>three"))
			_ = client.CloseWrite()
			if endsInOrder(client) {
				t.Error("close_notify though a message was lost")
			}
			s.rec.texts(t, 2) // the connection lived on after the loss
			s.rec.until(t, "the end", func() bool { return s.rec.closed == 1 })
		})
	}
}

func dropIf(ev *event.Event, text string, err error) error {
	if string(ev.Message.Reveal()) == text {
		return err
	}
	return nil
}

func TestTheRelaySpeaksOnlyVersionsAndSuitesWithoutKnownHoles(t *testing.T) {
	s := newSite(t)
	leaf := leafOf(t, s.ca, pki.Client, "worker-1.shop.example")
	for _, c := range []struct {
		name     string
		min, max uint16
		suites   []uint16
		ok       bool
		reason   reason
	}{
		{"TLS 1.0", tls.VersionTLS10, tls.VersionTLS10, nil, false, tlsVersion},
		{"TLS 1.1", tls.VersionTLS11, tls.VersionTLS11, nil, false, tlsVersion},
		{"TLS 1.2 with CBC", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}, false, tlsCipher},
		{"TLS 1.2 without forward secrecy", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false, tlsCipher},
		{"TLS 1.2 with AES-GCM", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, true, ""},
		{"TLS 1.2 with ChaCha20", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, true, ""},
		{"what a client of today offers", 0, 0, nil, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := s.clientConfig(leaf)
			cfg.MinVersion, cfg.MaxVersion, cfg.CipherSuites = c.min, c.max, c.suites
			before := s.metric("refused_total", string(c.reason))
			conn, err := tls.Dial("tcp", s.l.Addr().String(), cfg)
			if (err == nil) != c.ok {
				t.Fatalf("dial: %v", err)
			}
			if err == nil {
				conn.Close()
				return
			}
			s.untilMetric(before+1, "refused_total", string(c.reason))
		})
	}
}
