package framing

// class is the family of a header, as far as telling frames apart needs it. Each is one bit,
// so that a set of them is a byte.
type class uint8

const (
	headless class = 0         // no PRI
	bare     class = 1 << iota // a PRI and nothing that is known
	rfc3164
	rfc5424
)

// form is what all messages of one sender have in common: a forwarder writes every header by
// one template. Text inside a message that looks like a header rarely has all of it.
type form struct {
	class class
	stamp uint8  // shape of the time stamp, 0..63
	host  uint32 // hash of HOSTNAME
}

// settled is how many headers in a row without a new family make a sender's form known. It is high because a
// client may well send its messages in blocks of one form each.
const settled = 250

// known is the sender's form, learned from the headers of one connection.
type known struct {
	classes class
	stamps  uint64
	hosts   [4]uint32
	nhosts  uint8 // len(hosts)+1: too many to be told apart
	calm    uint8 // headers since the last new family, up to settled
	fixed   bool  // told, not learned
	rawLF   bool  // a line feed stood inside a message: the sender does not escape it
}

// knownForm is what the options say of the sender.
func knownForm(h Header) known {
	if h == AnyHeader {
		return known{}
	}
	return known{fixed: true, classes: [...]class{PRIOnly: bare, RFC3164: rfc3164, RFC5424: rfc5424}[h]}
}

// learn adds a header to what is known.
func (k *known) learn(f form) {
	if f.class == headless {
		return
	}
	if k.classes&f.class != 0 && k.stamps&(1<<f.stamp) != 0 && k.hasHost(f.host) {
		k.calm = min(k.calm+1, settled)
		return
	}
	if k.classes&f.class == 0 && !k.fixed {
		k.calm = 0
		k.classes |= f.class
	}
	k.stamps |= 1 << f.stamp
	if !k.hasHost(f.host) {
		if int(k.nhosts) < len(k.hosts) {
			k.hosts[k.nhosts] = f.host
		}
		k.nhosts++
	}
}

func (k *known) hasHost(h uint32) bool {
	if int(k.nhosts) > len(k.hosts) {
		return true
	}
	for _, host := range k.hosts[:k.nhosts] {
		if host == h {
			return true
		}
	}
	return false
}

// strict reports whether enough is known of the sender to take a strange header for text.
func (k *known) strict() bool { return k.fixed || k.classes != 0 && (k.rawLF || k.calm == settled) }

// fits reports whether f may be a header of this sender. Its family must have been seen, and of time stamp and host at
// least one: a forwarder of many hosts changes the host, rsyslog the precision of the stamp with that of its own
// source, and both at once is rare. Inside a message of several lines it must be both, for there
// text is likelier than the first message of a host.
func (k *known) fits(f form, inside bool) bool {
	switch {
	case !k.strict():
		return true
	case k.classes&f.class == 0:
		return false
	case f.class == bare:
		return true
	}
	stamp, host := k.stamps&(1<<f.stamp) != 0, k.hasHost(f.host)
	if inside {
		return stamp && host
	}
	return stamp || host
}
