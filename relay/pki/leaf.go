package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Purpose is what a leaf may be used for: its one extended key usage.
type Purpose uint8

// Purposes. A client's certificate cannot be shown as a server's, so a stolen worker key
// cannot pose as the relay.
const (
	Client Purpose = iota
	Server
)

// Request says what to put into a leaf.
type Request struct {
	Purpose Purpose
	// Names are the subject alternative names, the identity first: a DNS name (a wildcard
	// only in a server's), an IP address, a URI with its scheme ("spiffe://…") or an
	// e-mail address. The first one is the common name too, when it fits (64 bytes).
	Names []string
	// Valid is the time of validity from now on. A leaf never outlives its authority.
	Valid time.Duration
	// NotBefore and NotAfter take the place of Valid when NotAfter is set.
	NotBefore, NotAfter time.Time
}

// Leaf is an issued certificate with its key.
type Leaf struct {
	Certificate *x509.Certificate
	CertPEM     []byte // the leaf alone; the authority is what the other side trusts already
	KeyPEM      []byte // PKCS #8; nil for Sign
	key         crypto.Signer
}

// TLS returns the leaf as crypto/tls wants it.
func (l *Leaf) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{l.Certificate.Raw}, PrivateKey: l.key, Leaf: l.Certificate}
}

// Issue makes a key and a certificate for it.
func (ca *CA) Issue(req Request) (*Leaf, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("pki: make a leaf's key: %w", err)
	}
	leaf, err := ca.sign(key.Public(), req)
	if err != nil {
		return nil, err
	}
	if leaf.KeyPEM, err = encodeKey(key); err != nil {
		return nil, err
	}
	leaf.key = key
	return leaf, nil
}

// Sign makes a certificate for the key of a signing request, whose signature proves that
// the asker holds the key. Only the key is taken from it: names, purpose and validity are
// req's, which the caller has decided.
func (ca *CA) Sign(csr *x509.CertificateRequest, req Request) (*Leaf, error) {
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("pki: the signing request is not signed by its own key: %w", err)
	}
	if err := strongEnough(csr.PublicKey); err != nil {
		return nil, err
	}
	return ca.sign(csr.PublicKey, req)
}

func (ca *CA) sign(public crypto.PublicKey, req Request) (*Leaf, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
	if err := req.fill(template); err != nil {
		return nil, err
	}
	if template.NotAfter.After(ca.cert.NotAfter) {
		template.NotAfter = ca.cert.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, public, ca.key)
	if err != nil {
		return nil, fmt.Errorf("pki: sign a leaf for %q: %w", req.Names[0], err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("pki: read back a leaf for %q: %w", req.Names[0], err)
	}
	return &Leaf{Certificate: cert, CertPEM: encodeCertificate(der)}, nil
}

// fill writes names, purpose and validity into the template.
func (req Request) fill(template *x509.Certificate) error {
	if len(req.Names) == 0 {
		return errors.New("pki: a leaf needs a name")
	}
	template.NotBefore, template.NotAfter = req.NotBefore, req.NotAfter
	if req.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-Backdate), time.Now().Add(req.Valid)
	}
	if !template.NotAfter.After(template.NotBefore) {
		return fmt.Errorf("pki: the leaf for %q ends before it begins", req.Names[0])
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if req.Purpose == Server {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	if len(req.Names[0]) <= 64 { // ub-common-name, RFC 5280 appendix A.1
		template.Subject = pkix.Name{CommonName: req.Names[0]}
	}
	for _, name := range req.Names {
		if err := addName(template, name, req.Purpose); err != nil {
			return err
		}
	}
	return nil
}

// addName puts a name into the SAN list of its kind.
func addName(template *x509.Certificate, name string, purpose Purpose) error {
	switch {
	case net.ParseIP(name) != nil:
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(name))
	case strings.Contains(name, "://"):
		uri, err := url.Parse(name)
		if err != nil {
			return fmt.Errorf("pki: name %q is no URI", name)
		}
		template.URIs = append(template.URIs, uri)
	case strings.Contains(name, "@"):
		template.EmailAddresses = append(template.EmailAddresses, name)
	case isHostName(strings.TrimPrefix(name, "*.")) && (purpose == Server || name[0] != '*'):
		template.DNSNames = append(template.DNSNames, name)
	default:
		return fmt.Errorf("pki: %q is no host name, address, URI or e-mail address (a wildcard is a server's and stands in the left label alone)", name)
	}
	return nil
}

// isHostName reports whether s is letters, digits, hyphens and underscores between dots.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// strongEnough refuses keys that a request brings and that nobody should trust.
func strongEnough(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Params().BitSize >= 256 {
			return nil
		}
	case ed25519.PublicKey:
		return nil
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 {
			return nil
		}
	}
	return errors.New("pki: the request's key is too weak: ECDSA P-256 or more, Ed25519 or RSA 2048 or more is needed")
}
