package listener

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"destring/relay/framing"
)

// Security says who may come in by TLS and how the relay shows itself. It is read by New
// and Reload and must not be changed afterwards.
type Security struct {
	// Certificates are the relay's own, each with its key: usually one.
	Certificates []tls.Certificate
	// ClientCAs are the authorities whose clients are let in. Needed unless Anonymous.
	ClientCAs []*x509.Certificate
	// Revoked are revocation lists; each must be signed by one of ClientCAs. A list past its next
	// update is still used, and a log line says that it is stale.
	Revoked []*x509.RevocationList
	// Anonymous lets clients in that show no certificate; their name is their
	// address. A certificate that is shown must be good all the same.
	Anonymous bool
	// Permitted are the peers that are let in, by name or fingerprint (see pattern
	// in identity.go). Empty lets in whomever ClientCAs vouch for.
	Permitted []string
	// Peers are what is known of single peers; the first that matches counts.
	Peers []PeerRule
}

// PeerRule is what is known of the peers that Match names.
type PeerRule struct {
	Match string // name or fingerprint, as Permitted
	// Hosts are the HOSTNAMEs that the peer may write in its headers: exact, or with a wildcard as the
	// left label. OwnNames adds the names of its certificate, each whole and its left label. With neither, every
	// HOSTNAME is good. Another HOSTNAME is flagged event.HostMismatch; the message is taken.
	Hosts    []string
	OwnNames bool
	// Zone is where the peer's wall clock hangs; nil is Config.Zone.
	Zone *time.Location
	// Framing and Header are the forms that the peer is known to send; zero is Config's.
	Framing framing.Mode
	Header  framing.Header
}

// aead are the TLS 1.2 suites with forward secrecy and authenticated encryption; those of TLS 1.3 all are.
var aead = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// guard is a Security made ready. It never changes; Reload puts another in its place.
type guard struct {
	tls       *tls.Config
	pool      *x509.CertPool
	anonymous bool
	revoked   map[serial]struct{}
	stale     []string // issuers of revocation lists past their next update
	permitted []pattern
	peers     []peerRule
}

// serial names a certificate: its issuer's name in DER and its serial number.
type serial struct{ issuer, number string }

type peerRule struct {
	match pattern
	PeerRule
	hosts []pattern
}

func newGuard(s *Security) (*guard, error) {
	if len(s.Certificates) == 0 {
		return nil, errors.New("no certificate of the relay's own")
	}
	if len(s.ClientCAs) == 0 && !s.Anonymous {
		return nil, errors.New("no client CA: nobody could come in; set client_ca_file, or allow clients without certificate")
	}
	g := &guard{anonymous: s.Anonymous, pool: x509.NewCertPool(), revoked: map[serial]struct{}{}}
	for _, ca := range s.ClientCAs {
		g.pool.AddCert(ca)
	}
	for _, list := range s.Revoked {
		if err := g.addRevoked(list, s.ClientCAs); err != nil {
			return nil, err
		}
	}
	for _, p := range s.Permitted {
		compiled, err := parsePattern(p)
		if err != nil {
			return nil, fmt.Errorf("permitted peer: %w", err)
		}
		g.permitted = append(g.permitted, compiled)
	}
	for _, r := range s.Peers {
		compiled, err := compileRule(r)
		if err != nil {
			return nil, err
		}
		g.peers = append(g.peers, compiled)
	}
	g.tls = g.config(s.Certificates)
	return g, nil
}

func compileRule(r PeerRule) (peerRule, error) {
	match, err := parsePattern(r.Match)
	if err != nil {
		return peerRule{}, fmt.Errorf("peer: %w", err)
	}
	compiled := peerRule{match: match, PeerRule: r}
	for _, h := range r.Hosts {
		host, err := parsePattern(h)
		if err != nil || host.fingerprint != "" {
			return peerRule{}, fmt.Errorf("peer %q: host %q is no host name", r.Match, h)
		}
		compiled.hosts = append(compiled.hosts, host)
	}
	return compiled, nil
}

// addRevoked takes a list whose signature is that of a client CA.
func (g *guard) addRevoked(list *x509.RevocationList, cas []*x509.Certificate) error {
	if !slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return list.CheckSignatureFrom(ca) == nil }) {
		return fmt.Errorf("the revocation list of %q is signed by none of the client CAs", list.Issuer)
	}
	if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
		g.stale = append(g.stale, list.Issuer.String())
	}
	for _, e := range list.RevokedCertificateEntries {
		const removeFromCRL = 8
		if e.ReasonCode != removeFromCRL {
			g.revoked[serial{string(list.RawIssuer), e.SerialNumber.String()}] = struct{}{}
		}
	}
	return nil
}

// config returns the TLS configuration.
//
// Session tickets are off because syslog clients only write. With tickets on, the client
// closes its socket while the tickets lie unread in it; its kernel then answers with RST, and what
// the relay had not read yet is gone: measured, 0 of 200,000 bytes arrived, and 317 of
// 3,000 messages with the reader 0.3 s behind. TestAWriteOnlyClientThatClosesLosesNothing holds it.
// Without tickets there is no resumption, so each connection shows its certificate anew.
func (g *guard) config(certs []tls.Certificate) *tls.Config {
	auth := tls.RequireAndVerifyClientCert
	if g.anonymous {
		auth = tls.VerifyClientCertIfGiven
	}
	return &tls.Config{
		Certificates: certs, ClientCAs: g.pool, ClientAuth: auth,
		MinVersion: tls.VersionTLS12, CipherSuites: aead,
		SessionTicketsDisabled: true,
		Renegotiation:          tls.RenegotiateNever,
		VerifyConnection: func(state tls.ConnectionState) error {
			return g.admit(state.PeerCertificates, state.VerifiedChains, time.Now())
		},
	}
}

// admit judges a client's certificates, whose chains to a client CA have been verified.
func (g *guard) admit(certs []*x509.Certificate, chains [][]*x509.Certificate, now time.Time) error {
	if len(certs) == 0 {
		if g.anonymous && len(g.permitted) == 0 {
			return nil
		}
		return &refusal{reason: noCertificate}
	}
	leaf := certs[0]
	if !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) { // crypto/tls lets in a leaf that names no usage
		return &refusal{reason: wrongUsage}
	}
	if !slices.ContainsFunc(chains, g.unrevoked) {
		return &refusal{reason: revoked}
	}
	if now.After(leaf.NotAfter) {
		return &refusal{reason: expired}
	}
	if len(g.permitted) > 0 && !g.matchesAny(leaf) {
		return &refusal{reason: notPermitted}
	}
	return nil
}

// unrevoked reports whether no certificate of the chain is on a list, an authority in the middle neither.
func (g *guard) unrevoked(chain []*x509.Certificate) bool {
	for _, c := range chain {
		if _, is := g.revoked[serial{string(c.RawIssuer), c.SerialNumber.String()}]; is {
			return false
		}
	}
	return true
}

// readmit judges a live connection again: after a reload its authority may be gone too.
func (g *guard) readmit(certs []*x509.Certificate, now time.Time) error {
	if len(certs) == 0 {
		return g.admit(nil, nil, now)
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{Roots: g.pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return &refusal{reason: certificateReason(err), err: err}
	}
	return g.admit(certs, chains, now)
}

func (g *guard) matchesAny(leaf *x509.Certificate) bool {
	names, print := certNames(leaf), fingerprint(leaf)
	return slices.ContainsFunc(g.permitted, func(p pattern) bool { return p.matches(names, print) })
}

func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// certificateExpiry returns when the first of the relay's own certificates expires.
func (g *guard) certificateExpiry() time.Time {
	var first time.Time
	for _, c := range g.tls.Certificates {
		leaf := c.Leaf
		if leaf == nil && len(c.Certificate) > 0 {
			leaf, _ = x509.ParseCertificate(c.Certificate[0])
		}
		if leaf != nil && (first.IsZero() || leaf.NotAfter.Before(first)) {
			first = leaf.NotAfter
		}
	}
	return first
}
