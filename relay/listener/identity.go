package listener

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"destring/rules/event"
)

// maxNames bounds the names of one certificate that are looked at. A certificate with more is no worker's.
const maxNames = 100

// certNames returns the names in a certificate: DNS, URI, e-mail and IP SANs in this order, the
// common name last. A name with anything but printable ASCII in it (a NUL that cuts it short for
// others, letters that look like other letters) is left out, so it can match nothing.
func certNames(cert *x509.Certificate) []string {
	var names []string
	add := func(name string) {
		if len(names) < maxNames && printable(name) {
			names = append(names, name)
		}
	}
	for _, n := range cert.DNSNames {
		add(n)
	}
	for _, n := range cert.URIs {
		add(n.String())
	}
	for _, n := range cert.EmailAddresses {
		add(n)
	}
	for _, n := range cert.IPAddresses {
		add(n.String())
	}
	add(cert.Subject.CommonName)
	return names
}

func printable(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// pattern is a peer in the configuration: a name, a name with a wildcard as its whole left label, or
// the SHA-256 fingerprint of a certificate ("SHA256:10:C4:…", as rsyslog and openssl write it, or plain hex).
type pattern struct {
	name        string // lower case; with wildcard what stands behind the "*"
	wildcard    bool
	fingerprint string // lower-case hex
}

func parsePattern(s string) (pattern, error) {
	if print, ok := parseFingerprint(s); ok {
		return pattern{fingerprint: print}, nil
	}
	name := strings.ToLower(s)
	rest, wildcard := strings.CutPrefix(name, "*")
	switch {
	case !printable(s):
		return pattern{}, fmt.Errorf("%q is empty or not printable ASCII", s)
	case strings.Contains(rest, "*"), wildcard && (len(rest) < 2 || rest[0] != '.'):
		return pattern{}, fmt.Errorf("%q: a wildcard must be the whole left label, as in *.workers.example", s)
	}
	return pattern{name: rest, wildcard: wildcard}, nil
}

func parseFingerprint(s string) (string, bool) {
	hexes := strings.ToLower(s)
	for _, prefix := range []string{"sha256:", "sha-256:", "sha256=", "sha256 fingerprint="} {
		hexes = strings.TrimPrefix(hexes, prefix)
	}
	hexes = strings.ReplaceAll(hexes, ":", "")
	raw, err := hex.DecodeString(hexes)
	return hexes, err == nil && len(raw) == sha256.Size
}

func (p pattern) matches(names []string, print string) bool {
	if p.fingerprint != "" {
		return p.fingerprint == print
	}
	for _, name := range names {
		if p.matchesName(name) {
			return true
		}
	}
	return false
}

// matchesName compares without regard to case. A wildcard stands for one label that is not empty: *.a.b is
// c.a.b, not a.b and not d.c.a.b (RFC 6125 §6.4.3).
func (p pattern) matchesName(name string) bool {
	if !p.wildcard {
		return strings.EqualFold(name, p.name)
	}
	dot := strings.IndexByte(name, '.')
	return dot > 0 && strings.EqualFold(name[dot:], p.name)
}

// newPeer says who is at the other end of a connection, as far as TLS proved it.
func newPeer(listener string, raw net.Conn, state *tls.ConnectionState) *event.Peer {
	p := &event.Peer{Listener: listener, Address: addrPort(raw.RemoteAddr())}
	p.Name = p.Address.Addr().String()
	if state == nil {
		return p
	}
	p.TLSVersion = strings.TrimPrefix(tls.VersionName(state.Version), "TLS ")
	p.Cipher = tls.CipherSuiteName(state.CipherSuite)
	if len(state.PeerCertificates) == 0 {
		return p
	}
	leaf := state.PeerCertificates[0]
	if names := certNames(leaf); len(names) > 0 {
		p.Name, p.Names = names[0], names
	}
	p.CommonName = leaf.Subject.CommonName
	p.Issuer = leaf.Issuer.String()
	p.Serial = leaf.SerialNumber.Text(16)
	p.Fingerprint = fingerprint(leaf)
	p.NotAfter = leaf.NotAfter
	return p
}

func addrPort(addr net.Addr) netip.AddrPort {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, err := netip.ParseAddrPort(fmt.Sprint(addr))
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// ruleOf returns what the configuration knows of the peer, or an empty rule.
func (g *guard) ruleOf(p *event.Peer) peerRule {
	for _, r := range g.peers {
		if r.match.matches(p.Names, p.Fingerprint) {
			return r
		}
	}
	return peerRule{}
}
