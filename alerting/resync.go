package alerting

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// opening reads the frames of a journal file and finds those that stand behind damage. A length is not
// sealed, so one flipped bit in it hides where everything after it begins. What shows the
// way is that a frame opens under one nonce alone, and that nonces only rise: whatever opens
// is whole, in its order and comes once.
type opening struct {
	seal   cipher.AEAD
	file   []byte
	effort int64 // bytes that searches may still try to open
}

const (
	frameLength = 4
	frameTag    = 16
	leastFrame  = frameLength + frameTag
	searchBytes = 1 << 30 // of opening in one Replay, about a second
	weakNonces  = 4       // tried at a place whose length leads nowhere
	strongHops  = 8       // lengths that lead from one to the next are no accident
)

// entries returns what opens, and how many bytes lie in places that do not and are more than the
// tail that a crash leaves; first is where these begin.
func (o *opening) entries() (list [][]byte, damaged, first int) {
	for off, n := journalHeader, uint64(0); off < len(o.file); n++ {
		if end, ok := o.end(off); ok {
			if plain, ok := o.open(off+frameLength, end, n); ok {
				list, off = append(list, plain), end
				continue
			}
		}
		next, number, found := o.search(off, n)
		if plain, ok := o.open(off+frameLength, next, n); ok && number == n+1 { // its length alone is wrong
			list = append(list, plain)
		} else if !found && torn(o.file[off:]) {
			break
		}
		if damaged == 0 {
			first = off
		}
		damaged += next - off
		off, n = next, number-1 // the loop adds the one; below zero it wraps and comes back
	}
	return list, damaged, first
}

// end returns where the frame at off ends by its length, and whether that can be.
func (o *opening) end(off int) (int, bool) {
	if len(o.file)-off < leastFrame {
		return 0, false
	}
	size := binary.BigEndian.Uint32(o.file[off:])
	if size < frameTag || size > maxEntry || uint64(size) > uint64(len(o.file)-off-frameLength) {
		return 0, false
	}
	return off + frameLength + int(size), true
}

// open opens what lies from begin to end as frame n.
func (o *opening) open(begin, end int, n uint64) ([]byte, bool) {
	if end-begin < frameTag {
		return nil, false
	}
	plain, err := o.seal.Open(nil, frameNonce(n), o.file[begin:end], nil)
	return plain, err == nil
}

// search finds the next frame that opens behind off, where frame n should be, and its number. When there is
// none it returns the end of the file, where frame n+1 would be.
func (o *opening) search(off int, n uint64) (at int, number uint64, found bool) {
	for at := off + 1; at <= len(o.file)-leastFrame; at++ {
		end, ok := o.end(at)
		if !ok {
			continue
		}
		tries := uint64(weakNonces)
		if o.leads(end) {
			tries = uint64(at-off)/leastFrame + 2 // as many frames as can lie between
		}
		for number := n; number < n+tries; number++ {
			if o.effort -= int64(end - at); o.effort < 0 {
				return len(o.file), n + 1, false
			}
			if _, ok := o.open(at+frameLength, end, number); ok {
				return at, number, true
			}
		}
	}
	return len(o.file), n + 1, false
}

// leads reports whether lengths lead from off on, over several frames or to the very end.
func (o *opening) leads(off int) bool {
	for range strongHops {
		if off == len(o.file) {
			return true
		}
		end, ok := o.end(off)
		if !ok {
			return false
		}
		off = end
	}
	return true
}

// torn reports whether rest can be the one frame that a crash kept from being synced: nothing but
// zeros, or no more than its length announces.
func torn(rest []byte) bool {
	if len(rest) < frameLength || len(bytes.TrimLeft(rest, "\x00")) == 0 {
		return true
	}
	size := binary.BigEndian.Uint32(rest)
	return size >= frameTag && size <= maxEntry && uint64(len(rest)-frameLength) <= uint64(size)
}

// damageOf says what was lost, nil when nothing was.
func damageOf(path string, damaged, first, entries int) error {
	if damaged == 0 {
		return nil
	}
	return fmt.Errorf("alerting: journal %s: %d bytes from byte %d on do not open; the %d entries around them are kept, alerts of that time may be sent again, and the damaged file is kept as %s",
		path, damaged, first, entries, path+".damaged")
}
