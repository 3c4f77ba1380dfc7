package listener

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"destring/relay/pki"
	"destring/rules/event"
)

// refusedWith dials, tries to be heard and returns when the reason was counted.
func refusedWith(t *testing.T, s *site, cfg *tls.Config, why reason) {
	t.Helper()
	before := s.metric("refused_total", string(why))
	if c, err := tls.Dial("tcp", s.l.Addr().String(), cfg); err == nil {
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(patienceOfTests))
		if _, err := c.Read(make([]byte, 1)); err == nil { // TLS 1.3 clients learn of their refusal by reading
			t.Error("the client was let in")
		}
	}
	s.untilMetric(before+1, "refused_total", string(why))
}

func TestEachFailedHandshakeHasItsReason(t *testing.T) {
	ca, stranger := theCA(), must(pki.NewCA("stranger", time.Hour))
	past := must(ca.Issue(pki.Request{Names: []string{"late"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}))
	for _, c := range []struct {
		name string
		leaf *pki.Leaf
		why  reason
	}{
		{"no certificate", nil, noCertificate},
		{"a certificate of another authority", leafOf(t, stranger, pki.Client, "w"), unknownCA},
		{"an expired certificate", past, expired},
		{"a server's certificate", leafOf(t, ca, pki.Server, "w"), wrongUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			cfg := s.clientConfig(c.leaf)
			if c.leaf != nil { // crypto/tls would show nothing when the relay's list of authorities does not fit
				cert := c.leaf.TLS()
				cfg.Certificates, cfg.GetClientCertificate = nil, func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			}
			refusedWith(t, s, cfg, c.why)
			s.logs.until(t, "client refused", "reason="+string(c.why), "remedy=", "peer=127.0.0.1")
		})
	}
	t.Run("a client that does not trust the relay", func(t *testing.T) {
		s := newSite(t)
		cfg := s.clientConfig(leafOf(t, ca, pki.Client, "w"))
		cfg.RootCAs = stranger.Pool()
		refusedWith(t, s, cfg, rejectedUs)
		s.logs.until(t, "give it the relay's CA")
	})
	t.Run("a client that leaves", func(t *testing.T) {
		s := newSite(t)
		s.raw().Close()
		s.untilMetric(1, "refused_total", string(leftHandshake))
	})
	t.Run("a client that says nothing", func(t *testing.T) {
		s := newSite(t, func(s *site) { s.cfg.Limits.Handshake = 50 * time.Millisecond })
		c := s.raw()
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("the socket was not closed in order: %v", err)
		}
		s.untilMetric(1, "refused_total", string(slowHandshake))
		s.logs.until(t, "handshake-timeout", "remedy=")
	})
}

func TestOnlyRefusedCertificatesAreToldOf(t *testing.T) {
	told := make(chan string, 10)
	s := newSite(t, func(s *site) {
		s.cfg.Refused = func(p *event.Peer, why string) { told <- p.Address.Addr().String() + " " + p.Listener + " " + why }
	})
	s.raw().Close() // a health check
	s.untilMetric(1, "refused_total", string(leftHandshake))
	refusedWith(t, s, s.clientConfig(nil), noCertificate)
	if got, want := <-told, "127.0.0.1 "+s.cfg.Name+" no-certificate"; got != want {
		t.Errorf("told of %q, want %q", got, want)
	}
	if len(told) > 0 {
		t.Errorf("told of %q too", <-told)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A certificate that names no usage at all passes crypto/tls.
func TestACertificateWithoutUsageIsRefused(t *testing.T) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "own CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "w"}, NotBefore: template.NotBefore, NotAfter: template.NotAfter, DNSNames: []string{"w"}}
	der := must(x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key))
	s := newSite(t, func(s *site) { s.security.ClientCAs = append(s.security.ClientCAs, ca) })
	cfg := s.clientConfig(nil)
	cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	refusedWith(t, s, cfg, wrongUsage)
	s.logs.until(t, "extended key usage clientAuth")
}

func TestOnlyPermittedPeersComeIn(t *testing.T) {
	leaf := leafOf(t, theCA(), pki.Client, "worker-1.shop.example", "spiffe://shop/worker")
	for _, c := range []struct {
		permitted string
		ok        bool
	}{
		{"worker-1.shop.example", true},
		{"WORKER-1.shop.example", true},
		{"*.shop.example", true},
		{"spiffe://shop/worker", true},
		{"SHA256:" + colons(fingerprint(leaf.Certificate)), true},
		{strings.ToUpper(fingerprint(leaf.Certificate)), true},
		{"*.example", false},
		{"shop.example", false},
		{"worker-2.shop.example", false},
		{strings.Repeat("ab", 32), false},
	} {
		t.Run(c.permitted, func(t *testing.T) {
			s := newSite(t, func(s *site) { s.security.Permitted = []string{"nobody.example", c.permitted} })
			if !c.ok {
				refusedWith(t, s, s.clientConfig(leaf), notPermitted)
				return
			}
			write(t, s.dial(s.clientConfig(leaf)), octet("<14>in"))
			s.rec.texts(t, 1)
		})
	}
}

func colons(hex string) string {
	var pairs []string
	for i := 0; i < len(hex); i += 2 {
		pairs = append(pairs, hex[i:i+2])
	}
	return strings.ToUpper(strings.Join(pairs, ":"))
}

func TestConfigurationsThatWouldNotKeepTheirPromiseAreRefused(t *testing.T) {
	other := must(pki.NewCA("other", time.Hour))
	foreign := must(pki.ParseCRL(must(other.CRL(big.NewInt(1), nil, time.Hour))))
	for name, c := range map[string]struct {
		change func(*site)
		says   string
	}{
		"plaintext on every address":        {func(s *site) { s.cfg.Security, s.cfg.Address = nil, ":0" }, "allow_plaintext"},
		"plaintext on an outer address":     {func(s *site) { s.cfg.Security, s.cfg.Address = nil, "192.0.2.1:0" }, "allow_plaintext"},
		"plaintext on a name":               {func(s *site) { s.cfg.Security, s.cfg.Address = nil, "relay.example:0" }, "allow_plaintext"},
		"no certificate":                    {func(s *site) { s.security.Certificates = nil }, "no certificate"},
		"no client CA":                      {func(s *site) { s.security.ClientCAs = nil }, "client_ca_file"},
		"a wildcard inside a name":          {func(s *site) { s.security.Permitted = []string{"a*b.example"} }, "left label"},
		"a wildcard in the middle":          {func(s *site) { s.security.Permitted = []string{"foo.*.bar"} }, "left label"},
		"a wildcard alone":                  {func(s *site) { s.security.Permitted = []string{"*"} }, "left label"},
		"an empty peer":                     {func(s *site) { s.security.Peers = []PeerRule{{}} }, "empty"},
		"a host that is a fingerprint":      {func(s *site) { s.security.Peers = []PeerRule{{Match: "w", Hosts: []string{strings.Repeat("ab", 32)}}} }, "no host name"},
		"a revocation list of a stranger":   {func(s *site) { s.security.Revoked = foreign }, "signed by none"},
		"RELP without a key for its hashes": {func(s *site) { s.cfg.Protocol, s.cfg.HashKey = RELP, []byte("short") }, "16 bytes"},
		"no name":                           {func(s *site) { s.cfg.Name = "" }, "name"},
		"no metrics":                        {func(s *site) { s.cfg.Metrics = nil }, "NewMetrics"},
		"a negative limit":                  {func(s *site) { s.cfg.Limits.Frame = -1 }, "negative"},
	} {
		s := &site{security: &Security{Certificates: []tls.Certificate{leafOf(t, theCA(), pki.Server, "127.0.0.1").TLS()}, ClientCAs: []*x509.Certificate{theCA().Certificate()}}}
		s.cfg = Config{Name: "x", Address: "127.0.0.1:0", Security: s.security, Metrics: NewMetrics(newRegistry())}
		c.change(s)
		l, err := New(s.cfg, newRecorder())
		if err == nil {
			l.Close()
			t.Errorf("%s: taken", name)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q in it", name, err, c.says)
		}
	}
}

func TestAnonymousClientsComeInOnlyWhereTheyAreAllowed(t *testing.T) {
	s := newSite(t, func(s *site) { s.security.Anonymous = true })
	write(t, s.dial(s.clientConfig(nil)), octet("<14>in"))
	if p := s.rec.record(t, 0).Peer; p.Name != "127.0.0.1" || p.Fingerprint != "" || p.TLSVersion != "1.3" {
		t.Errorf("peer: %+v", p)
	}
	named := newSite(t, func(s *site) { s.security.Anonymous, s.security.Permitted = true, []string{"w"} })
	refusedWith(t, named, named.clientConfig(nil), noCertificate)
}

func TestNamesThatCouldBeReadInTwoWaysMatchNothing(t *testing.T) {
	cert := &x509.Certificate{DNSNames: []string{"good.example\x00.evil.example", "", "g\u00f6od.example", "a b", "evil.example"}, Subject: pkix.Name{CommonName: "good.example\x00"}}
	if got := strings.Join(certNames(cert), ","); got != "evil.example" {
		t.Errorf("names: %q", got)
	}
	many := &x509.Certificate{}
	for range 1000 {
		many.DNSNames = append(many.DNSNames, "w.example")
	}
	if n := len(certNames(many)); n > maxNames {
		t.Errorf("%d names were looked at", n)
	}
}

func TestAWildcardStandsForOneWholeLabel(t *testing.T) {
	p := must(parsePattern("*.Shop.example"))
	for name, want := range map[string]bool{"a.shop.example": true, "A.SHOP.EXAMPLE": true, "shop.example": false, ".shop.example": false, "a.b.shop.example": false, "ashop.example": false, "": false} {
		if p.matchesName(name) != want {
			t.Errorf("*.shop.example and %q: %v", name, !want)
		}
	}
}
