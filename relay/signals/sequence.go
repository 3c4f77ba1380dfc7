package signals

import (
	"hash/maphash"

	"destring/rules/event"
)

// order follows the sequenceIds of a connection. A number is in order when it follows the one before
// on the connection or the one before of the same program: forwarders give either.
type order struct {
	last    int64 // of the connection; 0 before the first
	sources [8]struct {
		key  uint64
		last int64
	}
	next int // that is replaced by a new program
}

// follow notes a number and returns how many are missing before it.
func (o *order) follow(key uint64, id int64) (missing int64) {
	at := -1
	for i := range o.sources {
		if o.sources[i].last != 0 && o.sources[i].key == key {
			at = i
			break
		}
	}
	whole := id - o.last - 1
	if o.last == 0 {
		whole = 0
	}
	o.last = id
	if at < 0 {
		at = o.next
		o.next = (o.next + 1) % len(o.sources)
		o.sources[at].key, o.sources[at].last = key, id
		return 0 // its first number here
	}
	own := id - o.sources[at].last - 1
	o.sources[at].last = id
	if own <= 0 || whole <= 0 { // in order, begun anew, or repeated
		return 0
	}
	return min(own, whole)
}

// sequence looks at sequenceId in the element meta (RFC 5424, 7.3.1): 1 to 2147483647, then 1 again.
func (c *Conn) sequence(ev *event.Event) {
	for i := range ev.Syslog.Params {
		p := &ev.Syslog.Params[i]
		if p.Name.Len() != len("sequenceId") || string(p.Element.Reveal()) != "meta" || string(p.Name.Reveal()) != "sequenceId" {
			continue
		}
		id := number(p.Value.Reveal())
		if id == 0 {
			return
		}
		h := &ev.Syslog
		key := maphash.Bytes(c.t.seed, h.Hostname.Reveal())*31 ^ maphash.Bytes(c.t.seed, h.AppName.Reveal())*7 ^ maphash.Bytes(c.t.seed, h.ProcID.Reveal())
		if missing := c.order.follow(key, id); missing > 0 && c.once(hushGap, ev.Received) {
			s := c.signal(SequenceGap, ev)
			s.Count = missing
			c.t.say(s)
		}
		return
	}
}

// number reads 1 to 2147483647, else 0.
func number(raw []byte) (n int64) {
	if len(raw) > 10 {
		return 0
	}
	for _, d := range raw {
		if d < '0' || d > '9' {
			return 0
		}
		n = n*10 + int64(d-'0')
	}
	if n > 1<<31-1 {
		return 0
	}
	return n
}
