package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"destring/relay/pki"
)

func newCA(t *testing.T) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA("shop CA", 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t *testing.T, ca *pki.CA, req pki.Request) *pki.Leaf {
	t.Helper()
	leaf, err := ca.Issue(req)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestClientAndServerLeavesShakeHandsByMutualTLS(t *testing.T) {
	ca := newCA(t)
	server := issue(t, ca, pki.Request{Purpose: pki.Server, Names: []string{"relay.shop.example", "127.0.0.1"}, Valid: time.Hour})
	client := issue(t, ca, pki.Request{Purpose: pki.Client, Names: []string{"worker-1.shop.example"}, Valid: time.Hour})
	if err := handshake(ca, server.TLS(), client.TLS()); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	t.Run("a client's leaf is refused as a server's", func(t *testing.T) {
		if handshake(ca, client.TLS(), client.TLS()) == nil {
			t.Error("handshake succeeded")
		}
	})
	t.Run("a server's leaf is refused as a client's", func(t *testing.T) {
		if handshake(ca, server.TLS(), server.TLS()) == nil {
			t.Error("handshake succeeded")
		}
	})
	t.Run("a leaf of another authority is refused", func(t *testing.T) {
		other := issue(t, newCA(t), pki.Request{Purpose: pki.Client, Names: []string{"worker-1.shop.example"}, Valid: time.Hour})
		if handshake(ca, server.TLS(), other.TLS()) == nil {
			t.Error("handshake succeeded")
		}
	})
}

func handshake(ca *pki.CA, server, client tls.Certificate) error {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	failed := make(chan error, 1)
	go func() {
		_ = a.SetDeadline(time.Now().Add(20 * time.Second))
		c := tls.Client(a, &tls.Config{Certificates: []tls.Certificate{client}, RootCAs: ca.Pool(), ServerName: "relay.shop.example", MinVersion: tls.VersionTLS13})
		err := c.Handshake()
		failed <- err
		_, _ = io.Copy(io.Discard, a) // a pipe has no buffer: the server's alert needs a reader; ends when b is closed
	}()
	s := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true})
	err := s.Handshake()
	b.Close()
	return errors.Join(err, <-failed)
}

func TestAnAuthorityIsTheSameAfterItWasStoredAndLoaded(t *testing.T) {
	ca := newCA(t)
	key, err := ca.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := pki.LoadCA(ca.CertPEM(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := issue(t, again, pki.Request{Names: []string{"w"}, Valid: time.Hour})
	if _, err := leaf.Certificate.Verify(x509.VerifyOptions{Roots: ca.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("a leaf of the loaded authority: %v", err)
	}
	if _, err := tls.X509KeyPair(leaf.CertPEM, leaf.KeyPEM); err != nil {
		t.Errorf("the leaf's PEM files: %v", err)
	}
}

func TestLoadCARefusesWhatIsNoAuthority(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	key, _ := ca.KeyPEM()
	otherKey, _ := other.KeyPEM()
	leaf := issue(t, ca, pki.Request{Names: []string{"w"}, Valid: time.Hour})
	for name, c := range map[string]struct{ cert, key []byte }{
		"another authority's key": {ca.CertPEM(), otherKey},
		"a leaf":                  {leaf.CertPEM, leaf.KeyPEM},
		"no certificate":          {key, key},
		"no key":                  {ca.CertPEM(), ca.CertPEM()},
		"a broken key":            {ca.CertPEM(), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")},
		"nothing":                 {nil, nil},
	} {
		if _, err := pki.LoadCA(c.cert, c.key); err == nil {
			t.Errorf("LoadCA took %s", name)
		}
	}
}

func TestNamesGoToTheirKindOfSubjectAlternativeName(t *testing.T) {
	cert := issue(t, newCA(t), pki.Request{Names: []string{"worker-1.shop.example", "10.0.0.7", "spiffe://shop/worker", "ops@shop.example"}, Valid: time.Hour}).Certificate
	if cert.Subject.CommonName != "worker-1.shop.example" || len(cert.DNSNames) != 1 || len(cert.IPAddresses) != 1 || len(cert.URIs) != 1 || len(cert.EmailAddresses) != 1 {
		t.Errorf("names: CN %q, %v %v %v %v", cert.Subject.CommonName, cert.DNSNames, cert.IPAddresses, cert.URIs, cert.EmailAddresses)
	}
	if len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || cert.IsCA {
		t.Errorf("usage %v, authority %v", cert.ExtKeyUsage, cert.IsCA)
	}
}

func TestIssueRefusesNamesThatCouldBeReadInTwoWays(t *testing.T) {
	ca := newCA(t)
	for _, name := range []string{"", "a b", "worker.*.example", "*", "*.shop.example", "a..b", "w\x00.example", "-x", strings.Repeat("a", 64), "bad://%zz"} {
		if _, err := ca.Issue(pki.Request{Names: []string{name}, Valid: time.Hour}); err == nil {
			t.Errorf("issued a client's leaf for %q", name)
		}
	}
	if _, err := ca.Issue(pki.Request{Purpose: pki.Server, Names: []string{"*.shop.example"}, Valid: time.Hour}); err != nil {
		t.Errorf("a server's wildcard: %v", err)
	}
	if _, err := ca.Issue(pki.Request{Valid: time.Hour}); err == nil {
		t.Error("issued a leaf without a name")
	}
}

func TestALeafNeverOutlivesItsAuthority(t *testing.T) {
	ca := newCA(t)
	leaf := issue(t, ca, pki.Request{Names: []string{"w"}, Valid: 1000 * time.Hour})
	if leaf.Certificate.NotAfter.After(ca.Certificate().NotAfter) {
		t.Errorf("the leaf ends %v, its authority %v", leaf.Certificate.NotAfter, ca.Certificate().NotAfter)
	}
	if _, err := ca.Issue(pki.Request{Names: []string{"w"}, Valid: -time.Hour}); err == nil {
		t.Error("issued a leaf that ends before it begins")
	}
}

func TestSignTakesOnlyTheKeyOfARequest(t *testing.T) {
	ca := newCA(t)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"admin.shop.example"}}, key)
	csr, _ := x509.ParseCertificateRequest(der)
	leaf, err := ca.Sign(csr, pki.Request{Names: []string{"worker-2.shop.example"}, Valid: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got := leaf.Certificate.DNSNames; len(got) != 1 || got[0] != "worker-2.shop.example" || !key.PublicKey.Equal(leaf.Certificate.PublicKey) {
		t.Errorf("signed for %v", got)
	}
	csr.Signature = bytes.Clone(csr.Signature)
	csr.Signature[len(csr.Signature)-1] ^= 1
	if _, err := ca.Sign(csr, pki.Request{Names: []string{"w"}, Valid: time.Hour}); err == nil {
		t.Error("signed a request whose signature is not its key's")
	}
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	der, _ = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, weak)
	csr, _ = x509.ParseCertificateRequest(der)
	if _, err := ca.Sign(csr, pki.Request{Names: []string{"w"}, Valid: time.Hour}); err == nil {
		t.Error("signed an RSA key of 1024 bits")
	}
}

func TestARevocationListNamesWhatWasRevokedAndIsSigned(t *testing.T) {
	ca := newCA(t)
	leaf := issue(t, ca, pki.Request{Names: []string{"w"}, Valid: time.Hour})
	data, err := ca.CRL(big.NewInt(7), []pki.Revoked{{Serial: leaf.Certificate.SerialNumber, When: time.Now(), Reason: 1}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := pki.ParseCRL(append(data, data...))
	if err != nil || len(lists) != 2 {
		t.Fatalf("ParseCRL: %d lists, %v", len(lists), err)
	}
	if err := lists[0].CheckSignatureFrom(ca.Certificate()); err != nil {
		t.Error(err)
	}
	if lists[0].CheckSignatureFrom(newCA(t).Certificate()) == nil {
		t.Error("the list passes as another authority's")
	}
	if e := lists[0].RevokedCertificateEntries; len(e) != 1 || e[0].SerialNumber.Cmp(leaf.Certificate.SerialNumber) != 0 || e[0].ReasonCode != 1 {
		t.Errorf("entries %v", e)
	}
	if again, err := pki.ParseCRL(lists[0].Raw); err != nil || len(again) != 1 {
		t.Errorf("the list in DER: %v", err)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "a certificate": ca.CertPEM(), "rubbish": []byte("rubbish")} {
		if _, err := pki.ParseCRL(bad); err == nil {
			t.Errorf("ParseCRL took %s", name)
		}
	}
}
