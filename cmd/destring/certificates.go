package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"
)

// expiresSoon is when people are told that a certificate ends: enough for a change window.
const expiresSoon = 21 * 24 * time.Hour

// certificates checks the files of every door and of the way to Kafka: that they can be read and
// belong together, are valid now and for a while, are for this use, and chain as clients need it.
func (c *Config) certificates(u *checkup, now time.Time) {
	for _, d := range []struct {
		key  string
		door *Door
	}{{"listen.syslog_tls", &c.Listen.SyslogTLS}, {"listen.relp", &c.Listen.RELP}} {
		if d.door.Address != "" {
			c.doorCertificates(u, d.key, d.door, now)
		}
	}
	if t := &c.Kafka.TLS; t.CertFile != "" {
		if chain, ok := keyPair(u, "kafka.tls.cert_file", c.path(t.CertFile), c.path(t.KeyFile)); ok {
			checkLeaf(u, "kafka.tls.cert_file", chain[0], x509.ExtKeyUsageClientAuth, now)
			checkOrder(u, "kafka.tls.cert_file", chain)
		}
	}
	if file := c.Kafka.TLS.CAFile; file != "" {
		if cas, err := readCertificates(c.path(file)); err != nil {
			u.add(levelFault, "kafka.tls.ca_file", "name a PEM file with the CAs of the brokers", "%v", err)
		} else {
			checkAuthorities(u, "kafka.tls.ca_file", cas, now)
		}
	}
}

func (c *Config) doorCertificates(u *checkup, key string, d *Door, now time.Time) {
	chain, ok := keyPair(u, key+".cert_file", c.path(d.CertFile), c.path(d.KeyFile))
	if !ok {
		return
	}
	s, err := c.security(d)
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		u.add(levelFault, key, "", "%v", err)
		return
	}
	checkLeaf(u, key+".cert_file", chain[0], x509.ExtKeyUsageServerAuth, now)
	if checkOrder(u, key+".cert_file", chain) {
		checkAnchor(u, key+".cert_file", chain, s.ClientCAs, now)
	}
	checkAuthorities(u, key+".client_ca_file", s.ClientCAs, now)
	for _, list := range s.Revoked {
		if !list.NextUpdate.IsZero() && now.After(list.NextUpdate) {
			u.add(levelWarning, key+".crl_file", "fetch a new list from the CA, then destring reload", "the revocation list of %s was to be renewed on %s", list.Issuer, day(list.NextUpdate))
		}
	}
}

// keyPair reads a certificate with its chain and its key.
func keyPair(u *checkup, subject, certFile, keyFile string) ([]*x509.Certificate, bool) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		fix := "cert_file and key_file must be PEM: " + certFile + " and " + keyFile
		if strings.Contains(err.Error(), "does not match") {
			fix = "the key is of another certificate: take the key that the certificate was requested with, or request a new one"
		}
		u.add(levelFault, subject, fix, "%v", err)
		return nil, false
	}
	var all []byte
	for _, der := range pair.Certificate {
		all = append(all, der...)
	}
	chain, err := x509.ParseCertificates(all)
	if err != nil {
		u.add(levelFault, subject, "", "%v", err)
		return nil, false
	}
	return chain, true
}

// checkLeaf checks a certificate's time, use and names.
func checkLeaf(u *checkup, subject string, leaf *x509.Certificate, use x509.ExtKeyUsage, now time.Time) {
	name := map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "serverAuth", x509.ExtKeyUsageClientAuth: "clientAuth"}[use]
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, use) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		u.add(levelFault, subject, "request one with extendedKeyUsage = "+name, "the certificate is not for this use: its extended key usage lacks %s, and peers will refuse it", name)
	}
	if use == x509.ExtKeyUsageServerAuth && len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		u.add(levelFault, subject, "request one with subjectAltName = DNS:… or IP:…, as workers address the relay", "the certificate has no subject alternative name: clients do not look at the common name any more")
	}
	checkTime(u, subject, "the certificate", leaf, now)
}

func checkTime(u *checkup, subject, what string, cert *x509.Certificate, now time.Time) {
	left := cert.NotAfter.Sub(now)
	// Certificates that live for days are renewed by a machine, at two thirds of their life.
	soon := min(expiresSoon, cert.NotAfter.Sub(cert.NotBefore)/3)
	switch {
	case now.Before(cert.NotBefore):
		u.add(levelFault, subject, "set this machine's clock, or wait", "%s is valid from %s only", what, cert.NotBefore.UTC().Format(time.RFC3339))
	case left <= 0:
		u.add(levelFault, subject, "renew it, then destring reload", "%s ended on %s", what, day(cert.NotAfter))
	case left < soon:
		u.add(levelWarning, subject, "renew it, then destring reload", "%s ends in %s, on %s", what, span(left), day(cert.NotAfter))
	default:
		u.add(levelOK, subject, "", "%s is valid until %s (%s)", what, day(cert.NotAfter), namesOf(cert))
	}
}

// checkOrder wants each certificate of the file signed by the next, as TLS sends them (RFC 5246, 7.4.2).
func checkOrder(u *checkup, subject string, chain []*x509.Certificate) bool {
	for i := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(chain[i+1]); err != nil {
			u.add(levelFault, subject, "put the certificate first, then the one that signed it, and so on: cat server.pem intermediate.pem", "certificate %d of the file did not sign certificate %d: clients cannot build the chain", i+2, i+1)
			return false
		}
	}
	return true
}

// checkAnchor looks for a known authority above the chain. Workers may know one that is not known
// here; what is wrong wherever it is looked at is a chain that lacks its intermediate.
func checkAnchor(u *checkup, subject string, chain, clientCAs []*x509.Certificate, now time.Time) {
	top := chain[len(chain)-1]
	if bytes.Equal(top.RawIssuer, top.RawSubject) {
		return // it brings its root along, or is its own
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	for _, ca := range clientCAs {
		roots.AddCert(ca)
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		u.add(levelNote, subject, "see to it that workers trust it; if it is an intermediate, append its certificate to cert_file", "the certificate's issuer (%s) is known neither to client_ca_file nor to this machine", top.Issuer)
	}
}

// checkAuthorities wants CAs that may sign and are valid.
func checkAuthorities(u *checkup, subject string, cas []*x509.Certificate, now time.Time) {
	for _, ca := range cas {
		what := "the CA " + ca.Subject.String()
		if !ca.IsCA {
			u.add(levelWarning, subject, "name the CA that signs the peers' certificates", "%s is no CA certificate: only itself can be known by it", what)
		}
		checkTime(u, subject, what, ca, now)
	}
}

// namesOf are the names of a certificate, for people.
func namesOf(cert *x509.Certificate) string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return cert.Subject.String()
	}
	return strings.Join(names, ", ")
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func span(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return plural(int(d.Hours()/24), "day")
}
