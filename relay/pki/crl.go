package pki

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Revoked is one entry of a revocation list.
type Revoked struct {
	Serial *big.Int
	When   time.Time
	Reason int // RFC 5280 §5.3.1: 1 key compromise, 4 superseded, 5 cessation of operation
}

// CRL signs a revocation list and returns it as PEM. number must be higher than that of
// the list before (RFC 5280 §5.2.3); the caller keeps it beside the entries. The list says
// that the next one comes within valid: a relay that has no newer one after that says so
// and goes on with what it has.
func (ca *CA) CRL(number *big.Int, revoked []Revoked, valid time.Duration) ([]byte, error) {
	now := time.Now()
	template := &x509.RevocationList{Number: number, ThisUpdate: now.Add(-Backdate), NextUpdate: now.Add(valid)}
	for _, r := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.When, ReasonCode: r.Reason})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, ca.cert, ca.key)
	if err != nil {
		return nil, fmt.Errorf("pki: sign the revocation list: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}

// ParseCRL reads every revocation list of a file: PEM blocks, or one list in DER, as
// authorities hand them out. The signatures are not checked: see CheckSignatureFrom.
func ParseCRL(data []byte) ([]*x509.RevocationList, error) {
	if block, _ := pem.Decode(data); block == nil {
		list, err := x509.ParseRevocationList(data)
		if err != nil {
			return nil, errors.New("pki: no revocation list, neither PEM (X509 CRL) nor DER")
		}
		return []*x509.RevocationList{list}, nil
	}
	var lists []*x509.RevocationList
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("pki: read revocation list %d: %w", len(lists)+1, err)
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return nil, errors.New("pki: no PEM block X509 CRL in the file")
	}
	return lists, nil
}
