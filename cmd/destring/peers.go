package main

import (
	"fmt"
	"slices"
	"strings"

	"destring/relay/celery"
	"destring/rules/event"
)

// celery says how the lines of the peer are read.
func (p *Peer) celery() (celery.Options, error) {
	o := celery.Options{Transport: map[string]celery.Transport{"raw": celery.Raw, "rsyslog": celery.Octal, "backslash": celery.Backslash}[p.Transport]}
	for _, text := range p.Formats {
		f, err := celery.Compile(text, p.DateFormat)
		if err != nil {
			return o, fmt.Errorf("%q: %w", text, err)
		}
		o.Formats = append(o.Formats, f)
	}
	return o, nil
}

// celeryOptions says how the lines of any peer are read: the first entry of peers that its
// certificate matches counts. Formats are compiled once.
func (c *Config) celeryOptions() (func(*event.Peer) celery.Options, error) {
	known := make([]celery.Options, len(c.Peers))
	for i := range c.Peers {
		var err error
		if known[i], err = c.Peers[i].celery(); err != nil {
			return nil, fmt.Errorf("peers: entry %d: formats: %w", i+1, err)
		}
	}
	return func(p *event.Peer) celery.Options {
		for i := range c.Peers {
			if c.Peers[i].is(p) {
				return known[i]
			}
		}
		return celery.Options{}
	}, nil
}

// is reports whether p is the peer that the entry describes.
func (p *Peer) is(peer *event.Peer) bool {
	if parent, ok := strings.CutPrefix(strings.ToLower(p.Match), "*"); ok {
		return slices.ContainsFunc(peer.Names, func(name string) bool {
			_, rest, found := strings.Cut(strings.ToLower(name), ".")
			return found && "."+rest == parent
		})
	}
	return strings.EqualFold(p.Match, peer.Fingerprint) || slices.ContainsFunc(peer.Names, func(name string) bool { return strings.EqualFold(p.Match, name) })
}
