package event

import (
	"net/netip"
	"time"
)

// Peer is who is at the other end, as TLS proved it. No sender can set any of
// it by what it writes. The listener makes one for each connection.
type Peer struct {
	Name        string   // the identity: first SAN (DNS, URI, e-mail, IP), else CN, else the address
	Names       []string // every SAN, then the CN
	CommonName  string
	Issuer      string // distinguished name of the issuer
	Serial      string // hex
	Fingerprint string // SHA-256 of the certificate, lower-case hex; empty without a certificate
	NotAfter    time.Time
	TLSVersion  string // "1.3"; empty without TLS
	Cipher      string
	Address     netip.AddrPort
	Listener    string // "syslog_tls", "relp", "plain_tcp", "plain_udp", "plain_unix"

	// Zone is where the peer's clock on the wall hangs: it is what a line's time
	// without zone means.
	Zone *time.Location

	// SpeaksFor reports whether the peer may name this host as its own; nil allows every one. It may
	// be called from any goroutine.
	SpeaksFor func(host string) bool
}
