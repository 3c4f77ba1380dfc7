package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"destring/relay/framing"
	"destring/relay/listener"
	"destring/relay/pki"
)

// door is every listener of the relay.
type door struct {
	names     []string
	listeners []*listener.Listener // in the order of names

	mu    sync.Mutex
	shown map[string]string // fingerprints of the certificates that are shown, by name
	plain *listener.Plain   // nil when there is none
}

// openDoor opens the listeners. Nothing is accepted before Run.
func (h *house) openDoor(master []byte) error {
	c := h.config
	metrics := listener.NewMetrics(h.metrics)
	for _, d := range []struct {
		name     string
		protocol listener.Protocol
		door     *Door
	}{{"syslog_tls", listener.Syslog, &c.Listen.SyslogTLS}, {"relp", listener.RELP, &c.Listen.RELP}} {
		if d.door.Address == "" {
			continue
		}
		security, err := c.security(d.door)
		if err != nil {
			return &exitError{exitConfig, fmt.Errorf("listen.%s: %w", d.name, err)}
		}
		mode, header := forms(d.door.Framing, d.door.Header)
		l, err := listener.New(listener.Config{Name: d.name, Address: d.door.Address, Protocol: d.protocol, Security: security, Framing: mode, Header: header,
			MaxMessage: int(c.Listen.MaxMessage), Zone: c.zone(), HashKey: deriveKey(master, "event hash"), Limits: c.limits(), Refused: h.refused(), Log: h.log, Metrics: metrics}, h.relay)
		if err != nil {
			return fmt.Errorf("listen.%s: %w", d.name, err)
		}
		h.door.names = append(h.door.names, d.name)
		h.door.shows(d.name, security)
		h.door.listeners = append(h.door.listeners, l)
	}
	return h.openPlain(metrics)
}

func (h *house) openPlain(metrics *listener.Metrics) (err error) {
	p := h.config.Listen.Plain
	if p.TCP == "" && p.UDP == "" && p.Unix == "" {
		return nil
	}
	h.door.plain, err = listener.NewPlain(listener.PlainConfig{TCP: p.TCP, UDP: p.UDP, Unix: p.Unix, AllowPlaintext: p.AllowPlaintext,
		MaxMessage: int(h.config.Listen.MaxMessage), Zone: h.config.zone(), Log: h.log, Metrics: metrics}, h.relay)
	if err != nil {
		return fmt.Errorf("listen.plain: %w", err)
	}
	return nil
}

// Addresses are where the listeners listen, by name.
func (d *door) Addresses() map[string]string {
	all := map[string]string{}
	for i, l := range d.listeners {
		all[d.names[i]] = l.Addr().String()
	}
	return all
}

// shows notes which certificate a listener shows from now on.
func (d *door) shows(name string, s *listener.Security) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shown == nil {
		d.shown = map[string]string{}
	}
	d.shown[name] = fingerprintOf(s.Certificates[0])
}

func (h *house) shownCertificates() map[string]string {
	h.door.mu.Lock()
	defer h.door.mu.Unlock()
	return maps.Clone(h.door.shown)
}

// fingerprintOf is the SHA-256 of a certificate, in hex.
func fingerprintOf(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// Run takes connections until ctx ends, and returns when every one has left. When one
// listener fails the others are shut too.
func (d *door) Run(ctx context.Context) error {
	ctx, shut := context.WithCancel(ctx)
	defer shut()
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		errs  []error
	)
	run := func(part func(context.Context) error) {
		group.Go(func() {
			if err := part(ctx); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				shut()
			}
		})
	}
	for _, l := range d.listeners {
		run(l.Run)
	}
	if d.plain != nil {
		run(d.plain.Run)
	}
	group.Wait()
	return errors.Join(errs...)
}

func (c *Config) limits() listener.Limits {
	n := &c.Listen
	return listener.Limits{Connections: n.MaxConnections, PeerConnections: n.PeerConnections, PeerMessages: n.PeerMessages, PeerBytes: int(n.PeerBytes), PeerWork: int(n.PeerWork),
		Handshake: n.HandshakeTimeout, Frame: n.FrameTimeout, Idle: cmp.Or(n.IdleTimeout, -1), Drain: n.DrainTimeout}
}

// security reads the files of a door.
func (c *Config) security(d *Door) (*listener.Security, error) {
	cert, err := tls.LoadX509KeyPair(c.path(d.CertFile), c.path(d.KeyFile))
	if err != nil {
		return nil, fmt.Errorf("cert_file and key_file: %w", err)
	}
	s := &listener.Security{Certificates: []tls.Certificate{cert}, Anonymous: d.ClientAuth != "require", Permitted: d.Permitted}
	if s.ClientCAs, err = readCertificates(c.path(d.ClientCAFile)); err != nil {
		return nil, fmt.Errorf("client_ca_file: %w", err)
	}
	if d.CRLFile != "" {
		data, err := os.ReadFile(c.path(d.CRLFile))
		if err != nil {
			return nil, fmt.Errorf("crl_file: %w", err)
		}
		if s.Revoked, err = pki.ParseCRL(data); err != nil {
			return nil, fmt.Errorf("crl_file: %w", err)
		}
	}
	for _, p := range c.Peers {
		rule := listener.PeerRule{Match: p.Match, Hosts: p.Hosts, OwnNames: p.OwnNames}
		rule.Framing, rule.Header = forms(p.Framing, p.Header)
		if p.Zone != "" {
			if rule.Zone, err = time.LoadLocation(p.Zone); err != nil {
				return nil, fmt.Errorf("peers: zone of %s: %w", p.Match, err)
			}
		}
		s.Peers = append(s.Peers, rule)
	}
	return s, nil
}

// forms are the words of the configuration, which was checked; auto finds out.
func forms(mode, header string) (framing.Mode, framing.Header) {
	m, _ := framing.ParseMode(mode)
	h, _ := framing.ParseHeader(header)
	return m, h
}

func readCertificates(file string) ([]*x509.Certificate, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificates(data)
}
