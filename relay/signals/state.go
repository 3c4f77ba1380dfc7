package signals

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// stateVersion is the first byte of a state; another one is not read.
const stateVersion = 1

// reopen is how old a state may be for its connections to be missed.
const reopen = 15 * time.Minute

// AppendState appends what has to survive a restart: everything that was learned. Names of peers are in it (they come
// from certificates), names of tasks and entries only as hashes.
//
//	version | environment, hash | time of saving | learning began | number of seen: hash, hours | number of peers: …
func (t *Tracker) AppendState(dst []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	dst = append(dst, stateVersion)
	dst = binary.BigEndian.AppendUint64(dst, t.hash("environment", t.opts.Environment))
	dst = binary.AppendVarint(dst, time.Now().UnixNano())
	dst = binary.AppendVarint(dst, t.seen.began)
	dst = binary.AppendUvarint(dst, uint64(len(t.seen.at)))
	for h, at := range t.seen.at {
		dst = binary.BigEndian.AppendUint64(dst, h)
		dst = binary.AppendUvarint(dst, uint64(at))
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.peers)))
	for key, p := range t.peers {
		dst = p.append(dst, key)
	}
	return dst
}

func (p *peer) append(dst []byte, key peerKey) []byte {
	for _, s := range []string{key.name, key.listener, p.origin.Fingerprint, p.worker, p.origin.Address.String()} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = binary.AppendVarint(dst, p.first)
	dst = binary.AppendVarint(dst, p.last.Load())
	dst = binary.AppendUvarint(dst, flag(p.awaited || p.connections > 0)|flag(p.read.Load() > 0)<<1|flag(p.silent)<<2)
	for _, ns := range p.rhythm.spent {
		dst = binary.AppendVarint(dst, ns)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.volume.minutes)))
	for _, n := range p.volume.minutes {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	dst = binary.AppendUvarint(dst, uint64(p.habit.share*1000))
	return binary.AppendUvarint(dst, uint64(p.habit.windows))
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// ErrState says that a state cannot be read: another version, or not a state at all.
var ErrState = errors.New("signals: state cannot be read")

// Restore takes what AppendState saved; it belongs before the first Open. A state of another environment
// is left alone: that is learned by itself. After an error the Tracker is as it was.
func (t *Tracker) Restore(state []byte) error {
	r := stateReader{raw: state}
	if v := r.bytes(1); r.failed || v[0] != stateVersion {
		return fmt.Errorf("%w: not version %d", ErrState, stateVersion)
	}
	if r.fixed() != t.hash("environment", t.opts.Environment) && !r.failed {
		return nil
	}
	saved := r.varint()
	next := seen{began: r.varint(), at: map[uint64]uint32{}}
	for range r.count(maxSeen) {
		h := r.fixed()
		next.at[h] = uint32(r.uvarint())
	}
	peers := map[peerKey]*peer{}
	for range r.count(maxPeers) {
		key, p := r.peer(saved)
		peers[key] = p
	}
	if r.failed || len(r.raw) > 0 {
		return fmt.Errorf("%w: %d bytes are no state", ErrState, len(state))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen, t.peers = next, peers
	return nil
}

// stateReader reads a state that may be anything: it never reads past its end and fails as a whole.
type stateReader struct {
	raw    []byte
	failed bool
}

func (r *stateReader) bytes(n int) []byte {
	if n < 0 || n > len(r.raw) {
		r.failed, r.raw = true, nil
		return nil
	}
	b := r.raw[:n]
	r.raw = r.raw[n:]
	return b
}

func (r *stateReader) fixed() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *stateReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.raw)
	if n <= 0 {
		r.failed, r.raw = true, nil
		return 0
	}
	r.raw = r.raw[n:]
	return v
}

func (r *stateReader) varint() int64 {
	v, n := binary.Varint(r.raw)
	if n <= 0 {
		r.failed, r.raw = true, nil
		return 0
	}
	r.raw = r.raw[n:]
	return v
}

// count reads a number of things, each of one byte at least.
func (r *stateReader) count(most int) int {
	n := r.uvarint()
	if n > uint64(most) || n > uint64(len(r.raw)) {
		r.failed, r.raw = true, nil
		return 0
	}
	return int(n)
}

func (r *stateReader) string() string { return string(r.bytes(r.count(1 << 10))) }

// peer reads a sender. One that was connected a short while ago is awaited: Python's handlers come again with
// their next record, so it is silence that tells whether it is gone.
func (r *stateReader) peer(saved int64) (peerKey, *peer) {
	key := peerKey{name: r.string(), listener: r.string()}
	p := &peer{origin: Origin{Name: key.name, Listener: key.listener, Fingerprint: r.string()}, worker: r.string()}
	p.origin.Address, _ = netip.ParseAddr(r.string())
	p.first = r.varint()
	p.last.Store(r.varint())
	flags := r.uvarint()
	now := time.Now().UnixNano()
	p.awaited, p.before = flags&1 != 0 && now-saved < int64(reopen), now
	p.read.Store(flags >> 1 & 1)
	p.silent = flags&4 != 0
	for i := range p.rhythm.spent {
		p.rhythm.spent[i] = min(max(r.varint(), 0), int64(rhythmHalve))
		p.rhythm.total += p.rhythm.spent[i]
	}
	for range r.count(volumeMinutes) {
		p.volume.minutes = append(p.volume.minutes, uint32(r.uvarint()))
	}
	p.habit.share, p.habit.windows = float64(r.uvarint())/1000, int(min(r.uvarint(), habitKnown))
	return key, p
}
