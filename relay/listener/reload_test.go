package listener

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"destring/relay/framing"
	"destring/relay/pki"
	"destring/rules/event"
)

// crlOf revokes the leaves.
func crlOf(t *testing.T, ca *pki.CA, valid time.Duration, leaves ...*pki.Leaf) []*x509.RevocationList {
	t.Helper()
	var entries []pki.Revoked
	for _, l := range leaves {
		entries = append(entries, pki.Revoked{Serial: l.Certificate.SerialNumber, When: time.Now(), Reason: 1})
	}
	return must(pki.ParseCRL(must(ca.CRL(big.NewInt(time.Now().UnixNano()), entries, valid))))
}

func TestALiveConnectionOfARevokedCertificateIsCutAndNothingReceivedIsLost(t *testing.T) {
	s := newSite(t)
	stolen, good := leafOf(t, s.ca, pki.Client, "stolen.shop.example"), leafOf(t, s.ca, pki.Client, "good.shop.example")
	a, b := s.dial(s.clientConfig(stolen)), s.dial(s.clientConfig(good))
	write(t, a, octet("<14>before"))
	write(t, b, octet("<14>good before"))
	s.rec.texts(t, 2)
	next := *s.security
	next.Revoked = crlOf(t, s.ca, time.Hour, stolen)
	if err := s.l.Reload(&next); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Read(make([]byte, 1)); err == nil {
		t.Error("the revoked connection lives")
	}
	s.untilMetric(1, "closed_total", string(revoked))
	s.logs.until(t, "connection ended", "reason=revoked", "peer=stolen.shop.example")
	refusedWith(t, s, s.clientConfig(stolen), revoked)
	write(t, b, octet("<14>good after"))
	if got := s.rec.texts(t, 3); got[2] != "good after" {
		t.Errorf("messages: %q", got)
	}
}

func TestALiveConnectionIsCutWhenItsCertificateExpires(t *testing.T) {
	s := newSite(t)
	leaf := must(s.ca.Issue(pki.Request{Names: []string{"w"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * time.Second)}))
	c := s.dial(s.clientConfig(leaf))
	write(t, c, octet("<14>in time"))
	s.rec.texts(t, 1)
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection lives")
	}
	if time.Now().Before(leaf.Certificate.NotAfter) {
		t.Error("cut before its time")
	}
	s.untilMetric(1, "closed_total", string(expired))
}

func TestAReloadReachesNewConnectionsAndABadOneChangesNothing(t *testing.T) {
	s := newSite(t)
	old := s.worker("w.shop.example")
	newCert := leafOf(t, s.ca, pki.Server, "127.0.0.1", "localhost")
	next := *s.security
	next.Certificates = []tls.Certificate{newCert.TLS()}
	if err := s.l.Reload(&next); err != nil {
		t.Fatal(err)
	}
	if got := s.worker("w.shop.example").ConnectionState().PeerCertificates[0]; !got.Equal(newCert.Certificate) {
		t.Error("the old certificate is shown after the reload")
	}
	for name, bad := range map[string]*Security{"nothing": nil, "no certificate": {ClientCAs: next.ClientCAs}} {
		if err := s.l.Reload(bad); err == nil {
			t.Errorf("reload took %s", name)
		}
	}
	write(t, old, octet("<14>the old connection"))
	s.rec.texts(t, 1)
	s.served("a refused reload")
	if got := s.metric("reloads_total"); got != 1 {
		t.Errorf("%v reloads", got)
	}
}

func TestAPeerThatIsNoLongerPermittedOrWhoseAuthorityIsGoneIsCut(t *testing.T) {
	for name, change := range map[string]func(*Security){
		"not permitted":     func(n *Security) { n.Permitted = []string{"somebody.else"} },
		"authority removed": func(n *Security) { n.ClientCAs = []*x509.Certificate{must(pki.NewCA("new", time.Hour)).Certificate()} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			c := s.worker("w.shop.example")
			write(t, c, octet("<14>x"))
			s.rec.texts(t, 1)
			next := *s.security
			change(&next)
			if err := s.l.Reload(&next); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("the connection lives")
			}
			s.rec.until(t, "the end", func() bool { return s.rec.closed == 1 })
		})
	}
}

func TestAStaleRevocationListIsUsedAndTold(t *testing.T) {
	revokedLeaf := leafOf(t, theCA(), pki.Client, "w.shop.example")
	s := newSite(t, func(s *site) { s.security.Revoked = crlOf(t, s.ca, -time.Minute, revokedLeaf) })
	refusedWith(t, s, s.clientConfig(revokedLeaf), revoked)
	s.logs.until(t, "past its next update", "crl_file")
}

func TestAHostNameThatIsNotThePeersIsFlagged(t *testing.T) {
	message := func(host string) string { return octet("<14>1 - " + host + " celery 1 - - m") }
	for _, c := range []struct {
		name string
		rule PeerRule
		host string
		want bool
	}{
		{"an allowed host", PeerRule{Match: "*.shop.example", Hosts: []string{"web-1"}}, "web-1", false},
		{"an allowed host in capitals", PeerRule{Match: "*.shop.example", Hosts: []string{"web-1"}}, "WEB-1", false},
		{"another host", PeerRule{Match: "*.shop.example", Hosts: []string{"web-1"}}, "db-1", true},
		{"a host under a wildcard", PeerRule{Match: "*.shop.example", Hosts: []string{"*.fleet.example"}}, "w9.fleet.example", false},
		{"the peer's own name", PeerRule{Match: "*.shop.example", OwnNames: true}, "w.shop.example", false},
		{"the left label of its name", PeerRule{Match: "*.shop.example", OwnNames: true}, "w", false},
		{"a host beside its own name", PeerRule{Match: "*.shop.example", OwnNames: true}, "v", true},
		{"no host", PeerRule{Match: "*.shop.example", OwnNames: true}, "-", false},
		{"a peer without hosts", PeerRule{Match: "*.shop.example"}, "anything", false},
		{"a rule for others", PeerRule{Match: "other.example", Hosts: []string{"x"}}, "anything", false},
		{"a very long host", PeerRule{Match: "*.shop.example", OwnNames: true}, strings.Repeat("h", 255), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, func(s *site) { s.security.Peers = []PeerRule{c.rule} })
			client := s.worker("w.shop.example")
			write(t, client, message(c.host)+message(c.host))
			for i := range 2 { // the second is judged by memory
				if got := s.rec.record(t, i).Flags.Has(event.HostMismatch); got != c.want {
					t.Errorf("message %d: flagged %v", i, got)
				}
			}
		})
	}
}

func TestThePeersZoneIsItsRulesElseTheListeners(t *testing.T) {
	tokyo, oslo := time.FixedZone("Tokyo", 9*3600), time.FixedZone("Oslo", 3600)
	s := newSite(t, func(s *site) {
		s.cfg.Zone = oslo
		s.security.Peers = []PeerRule{{Match: "jp.shop.example", Zone: tokyo}}
	})
	write(t, s.worker("jp.shop.example"), octet("<14>x"))
	if z := s.rec.record(t, 0).Peer.Zone; z != tokyo {
		t.Errorf("zone %v", z)
	}
	write(t, s.worker("no.shop.example"), octet("<14>x"))
	if z := s.rec.record(t, 1).Peer.Zone; z != oslo {
		t.Errorf("zone %v", z)
	}
}

func TestAPeersKnownFormIsItsRulesElseTheListeners(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.cfg.Framing = framing.LFOnly
		s.security.Peers = []PeerRule{{Match: "python.shop.example", Framing: framing.NULOnly, Header: framing.PRIOnly}}
	})
	write(t, s.worker("python.shop.example"), "<14>5 one\n<14>two\x00")
	if r := s.rec.record(t, 0); r.Text != "5 one\n<14>two" || r.Framing != event.FramingNUL {
		t.Errorf("message: %+v", r)
	}
	write(t, s.worker("other.shop.example"), "<14>x\x00y\n<14>z\n")
	if r := s.rec.record(t, 1); r.Framing != event.FramingLF {
		t.Errorf("message: %+v", r)
	}
}
