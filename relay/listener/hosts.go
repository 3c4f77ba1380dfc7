package listener

import (
	"bytes"
	"slices"
	"strings"

	"destring/rules/event"
)

// hostCheck compares the HOSTNAME of each message with those that the peer's certificate may speak for. The zero
// hostCheck allows every one.
type hostCheck struct {
	allowed []pattern
	// last is the HOSTNAME judged last: a connection rarely has another, so most messages cost one comparison.
	last   []byte
	lastOK bool
}

func newHostCheck(r peerRule, names []string) hostCheck {
	h := hostCheck{allowed: r.hosts}
	if !r.OwnNames {
		return h
	}
	h.allowed = append([]pattern(nil), r.hosts...)
	for _, n := range names {
		n = strings.ToLower(n)
		h.allowed = append(h.allowed, pattern{name: n})
		if label, _, found := strings.Cut(n, "."); found && label != "" {
			h.allowed = append(h.allowed, pattern{name: label})
		}
	}
	return h
}

// speaksFor is the same for the host in the name of a worker; nil allows every one.
func (h *hostCheck) speaksFor() func(host string) bool {
	if len(h.allowed) == 0 {
		return nil
	}
	allowed := h.allowed
	return func(host string) bool {
		return slices.ContainsFunc(allowed, func(p pattern) bool { return p.matchesName(host) })
	}
}

// mismatch reports whether the peer may not write this HOSTNAME. A message without one claims nothing.
func (h *hostCheck) mismatch(hostname event.Text) bool {
	if len(h.allowed) == 0 || hostname.Empty() {
		return false
	}
	raw := hostname.Reveal()
	if bytes.Equal(raw, h.last) {
		return !h.lastOK
	}
	const longest = 255 // RFC 5424 §6; what is longer matches nothing and is not worth remembering
	if len(raw) > longest {
		return true
	}
	h.last, h.lastOK = append(h.last[:0], raw...), false
	name := string(raw)
	for _, p := range h.allowed {
		if p.matchesName(name) {
			h.lastOK = true
			break
		}
	}
	return !h.lastOK
}
