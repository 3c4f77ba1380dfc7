package record

import (
	"strings"

	"destring/rules/event"
)

// Peer is what every record of one connection says about its sender, encoded once.
type Peer struct {
	name, listener []byte
	members        []byte // JSON members, each after a comma: ,"ecs":…,"observer":…
	own            []byte // those of destring.peer: ,"peer":{"name":…}
	of             *event.Peer
	commonNames    []string // none or one: ECS has a list here
	service        Service
}

// Service says where the relay stands; it comes from the configuration.
type Service struct{ Environment, Observer string }

// maxNames and maxName bound what of a certificate stands in every record: how many names, bytes of each.
const (
	maxNames = 32
	maxName  = 255
)

// NewPeer encodes p. The texts in p are the certificate's, checked by TLS; clean is called on each.
func NewPeer(p *event.Peer, s Service, clean func(string) string) *Peer {
	q := *p
	q.Names = nil
	for _, n := range p.Names[:min(len(p.Names), maxNames)] {
		n = clean(n) // before it is cut, for the end may tell what the rest is: spiffe://name:password@host
		q.Names = append(q.Names, strings.ToValidUTF8(n[:min(len(n), maxName)], ""))
	}
	q.Name, q.CommonName, q.Issuer = clean(p.Name), clean(p.CommonName), clean(p.Issuer)
	out := &Peer{name: []byte(q.Name), listener: []byte(q.Listener), of: &q, service: s}
	if q.CommonName != "" {
		out.commonNames = []string{q.CommonName}
	}
	r := &Record{Peer: out}
	out.members = members(peerFields(), r)
	if own := text(text(nil, `,"name":"`, out.name), `,"listener":"`, out.listener); len(own) > 0 {
		out.own = append([]byte(`,"peer":{`), own[1:]...)
		out.own = append(out.own, '}')
	}
	return out
}

// Name returns the clean identity.
func (p *Peer) Name() []byte { return p.name }

// peerFields are the same in every record of a connection.
func peerFields() []Field {
	word := func(name, doc string, t Type, ecs bool, get func(*Peer) string) Field {
		f := bytesField(name, t, ecs, func(r *Record) []byte { return view(get(r.Peer)) }, doc)
		return f
	}
	list := func(name, doc string, get func(*Peer) []string) Field {
		f := listField(name, true, func(r *Record) int { return len(get(r.Peer)) }, func(r *Record, i int) []byte { return view(get(r.Peer)[i]) }, doc)
		return f
	}
	port := intField("source.port", true, func(r *Record) (int64, bool) {
		return int64(r.Peer.of.Address.Port()), r.Peer.of.Address.Port() != 0
	}, "Port of the sender.")
	notAfter := dateField("tls.client.not_after", func(r *Record) int64 {
		if r.Peer.of.NotAfter.IsZero() {
			return 0
		}
		return r.Peer.of.NotAfter.UnixNano()
	}, "When the certificate of the sender ends.")
	return []Field{
		word("ecs.version", "Version of ECS.", Keyword, true, func(*Peer) string { return ECSVersion }),
		word("observer.name", "Name of this relay.", Keyword, true, func(p *Peer) string { return p.service.Observer }),
		word("observer.product", "Always destring.", Keyword, true, func(*Peer) string { return "destring" }),
		word("observer.type", "Always relay.", Keyword, true, func(*Peer) string { return "relay" }),
		word("service.type", "Always celery.", Keyword, true, func(*Peer) string { return "celery" }),
		word("service.environment", "Environment that the configuration names.", Keyword, true, func(p *Peer) string { return p.service.Environment }),
		word("source.ip", "Address of the sender.", IP, true, func(p *Peer) string {
			if !p.of.Address.IsValid() {
				return ""
			}
			return p.of.Address.Addr().Unmap().WithZone("").String()
		}),
		port,
		word("tls.version", "TLS version of the connection.", Keyword, true, func(p *Peer) string { return p.of.TLSVersion }),
		word("tls.cipher", "Cipher suite.", Keyword, true, func(p *Peer) string { return p.of.Cipher }),
		notAfter,
		word("tls.client.issuer", "Issuer of the sender's certificate.", Keyword, true, func(p *Peer) string { return p.of.Issuer }),
		word("tls.client.hash.sha256", "Fingerprint of the sender's certificate.", Keyword, true, func(p *Peer) string { return p.of.Fingerprint }),
		word("tls.client.x509.serial_number", "Serial number of the sender's certificate.", Keyword, true, func(p *Peer) string { return p.of.Serial }),
		list("tls.client.x509.alternative_names", "Names in the sender's certificate.", func(p *Peer) []string { return p.of.Names }),
		list("tls.client.x509.subject.common_name", "CN of the sender's certificate.", func(p *Peer) []string { return p.commonNames }),
	}
}
