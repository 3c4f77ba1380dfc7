// Package pki is a small certificate authority: it makes the certificates by which
// workers, forwarders and the relay know each other. The demo, enrolment and the tests of
// the TLS rooms use it; a shop with an authority of its own needs none of it.
//
// What it issues is what relay/listener accepts: ECDSA P-256 keys, the names in the
// subject alternative name (the common name repeats the first of them for tools that show
// nothing else), exactly one extended key usage, a random 127-bit serial number, and
// backdated by Backdate because the clocks of two machines differ.
//
// It keeps no state and touches no disk: the caller stores the PEM blocks (the keys 0600)
// and the list of what was revoked. A CA made here may sign leaves only (path length 0),
// so that a stolen leaf key cannot issue.
//
// P-256 and not Ed25519: GnuTLS of Debian 12 and every Python ssl take both, but some
// appliances that forward syslog still know no Ed25519. An mTLS handshake costs about
// 0.9 ms of CPU, both ends together.
package pki
