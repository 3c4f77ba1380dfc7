package spool

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"syscall"
)

// segmentReader reads the frames of one segment file. It trusts nothing that it reads.
type segmentReader struct {
	file file
	head segmentHeader
	aead cipher.AEAD // nil: we have not the key
	keys Keyring

	window []byte // a piece of the file that was read ahead
	at     int64  // where the window lies
}

const windowSize = 16 << 10

// openSegment opens a segment and reads its header. Its error is errKey when the key is
// missing; frames can then be walked but not opened.
func openSegment(d disk, name string, keys Keyring) (*segmentReader, error) {
	f, err := d.openRead(name)
	if err != nil {
		return nil, err
	}
	r := &segmentReader{file: f, keys: keys}
	block := make([]byte, framesStart)
	var unread error
	n, err := f.ReadAt(block, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		// One unreadable sector must not hide the other copy.
		clear(block)
		_, first := f.ReadAt(block[:headerSize], 0)
		_, second := f.ReadAt(block[headerCopy:headerCopy+headerSize], headerCopy)
		n, unread = framesStart, errors.Join(first, second)
	}
	if r.head, err = decodeSegmentHeader(block[:n]); err != nil {
		if unread != nil {
			err = fmt.Errorf("%w: %w", err, unread)
		}
		return r, err
	}
	key, ok := keys.find(r.head.keyID)
	if !ok {
		return r, fmt.Errorf("%w: it was written with key %s, we have %s", errKey, keyName(r.head.keyID), keys.ids())
	}
	r.aead, err = key.segmentAEAD(&r.head)
	return r, err
}

// damaged reports whether err says that a frame is not whole.
func damaged(err error) bool {
	for _, e := range []error{errNoFrame, errFrameHead, errFrameBody, errFrameCut, errFrameAuth} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// badMedia reports whether err says that the disk has lost what was written.
func badMedia(err error) bool {
	for _, e := range []syscall.Errno{syscall.EIO, syscall.EUCLEAN, syscall.EBADMSG, syscall.ENODATA} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

var errKey = errors.New("the key is missing")

func (r *segmentReader) close() { r.file.Close() }

// bytesAt returns n bytes from off, fewer at end. They are valid until the next call.
func (r *segmentReader) bytesAt(off int64, n int, end int64) ([]byte, error) {
	n = int(min(int64(n), end-off))
	if n <= 0 {
		return nil, nil
	}
	if off < r.at || off+int64(n) > r.at+int64(len(r.window)) {
		if r.window == nil {
			r.window = make([]byte, 0, windowSize)
		}
		want := int(min(windowSize, end-off)) // never behind end: what lies there is still being written
		got, err := r.file.ReadAt(r.window[:want], off)
		r.at, r.window = off, r.window[:got]
		if err != nil && !errors.Is(err, io.EOF) {
			r.window = r.window[:0]
			return nil, fmt.Errorf("spool: read: %w", err)
		}
		n = min(n, got)
	}
	return r.window[off-r.at:][:n], nil
}

// frameAt reads the header of the frame at off. The topic is valid until the next call.
func (r *segmentReader) frameAt(off, end int64) (frameHeader, error) {
	b, err := r.bytesAt(off, maxFrameHead, end)
	if err != nil {
		return frameHeader{}, err
	}
	return decodeFrameHeader(b, off, end)
}

// sealedBody reads the body of h at off into a buffer of its own and checks its sum.
func (r *segmentReader) sealedBody(h *frameHeader, off int64) ([]byte, error) {
	body := make([]byte, h.bodyLen)
	start := off + int64(h.headLen)
	if start >= r.at && start+int64(len(body)) <= r.at+int64(len(r.window)) {
		copy(body, r.window[start-r.at:])
	} else if n, err := r.file.ReadAt(body, start); n < len(body) {
		if err == nil || errors.Is(err, io.EOF) {
			return nil, errFrameCut
		}
		return nil, fmt.Errorf("spool: read: %w", err)
	}
	if checksum(body) != h.bodyCRC {
		return nil, errFrameBody
	}
	return body, nil
}

// open returns the records of the frame h at off. They are the caller's.
func (r *segmentReader) open(h *frameHeader, off int64) ([]byte, error) {
	head, err := r.bytesAt(off, h.headLen, off+h.size())
	if err != nil {
		return nil, err
	}
	if len(head) < h.headLen {
		return nil, errFrameCut
	}
	ad := bytes.Clone(head[frameAAD:])
	body, err := r.sealedBody(h, off)
	if err != nil {
		return nil, err
	}
	if r.aead == nil {
		return nil, errKey
	}
	nonce := frameNonce(h.nonce)
	records, err := r.aead.Open(body[:0], nonce[:], body, ad)
	if err != nil || h.keyID != r.head.keyID {
		return nil, errFrameAuth
	}
	return records, nil
}

// whole reads the frame at off and checks everything but the seal, which needs the key.
func (r *segmentReader) whole(off, end int64) (frameHeader, error) {
	h, err := r.frameAt(off, end)
	if err != nil {
		return h, err
	}
	_, err = r.sealedBody(&h, off)
	return h, err
}

// maxCandidates bounds how many good headers with bad bodies one resync looks at.
const maxCandidates = 1000

// resync looks for the first whole frame behind off whose first sequence is at least from.
// Parts that the disk cannot read are passed over.
func (r *segmentReader) resync(off, end int64, from uint64) (int64, bool) {
	const step = 64 << 10
	magic := []byte(frameMagic)
	buf := make([]byte, step+len(magic)-1)
	candidates := 0
	for pos := off + 1; pos < end; pos += step {
		n := r.readTolerant(buf[:min(int64(len(buf)), end-pos)], pos)
		piece := buf[:n]
		for i := 0; ; i++ {
			j := bytes.Index(piece[min(i, len(piece)):], magic)
			if j < 0 {
				break
			}
			i += j
			h, err := r.frameAt(pos+int64(i), end)
			if err != nil || h.first < from {
				continue
			}
			if _, err := r.sealedBody(&h, pos+int64(i)); err == nil {
				return pos + int64(i), true
			}
			if candidates++; candidates == maxCandidates {
				return 0, false
			}
		}
	}
	return 0, false
}

// readTolerant fills b from off; what cannot be read becomes zeros.
func (r *segmentReader) readTolerant(b []byte, off int64) int {
	n, err := r.file.ReadAt(b, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n
	}
	const sector = 4096
	for i := 0; i < len(b); i += sector {
		part := b[i:min(i+sector, len(b))]
		if n, err := r.file.ReadAt(part, off+int64(i)); err != nil {
			clear(part[n:])
			if errors.Is(err, io.EOF) {
				return i + n
			}
		}
	}
	return len(b)
}

// zeroFrom reports whether nothing but zeros lies from off to end. What cannot be read is no zero: it may be
// there again tomorrow.
func (r *segmentReader) zeroFrom(off, end int64) (bool, error) {
	buf := make([]byte, 64<<10)
	for off < end {
		n, err := r.file.ReadAt(buf[:min(int64(len(buf)), end-off)], off)
		for _, c := range buf[:n] {
			if c != 0 {
				return false, nil
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("spool: read: %w", err)
		}
		if n == 0 {
			return true, nil
		}
		off += int64(n)
	}
	return true, nil
}
