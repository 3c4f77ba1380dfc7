package spool

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
)

// A segment, named after the sequence of its first record ("00000000000000000001.seg"):
//
//	0     segment header, 64 bytes ─┐ the same twice, 2 KiB apart, so that one bad sector
//	2048  segment header, again ────┘ does not take the salt and with it the whole segment
//	4096  frame | frame | … | zeros (the part that is reserved and not yet written)
//
// Segment header, big endian as all numbers here:
//
//	 0  magic "destspl1"     16  salt, 16 random bytes      48  zero, 12 bytes
//	 8  version u16, zero    32  first sequence u64         60  crc32c of bytes 0–59
//	12  key id u32           40  made at, ns since 1970
//
// Frame: the records of one batch of one partition.
//
//	 0  magic "DsF1"                        32  base timestamp i64, ms
//	 4  head crc32c, of byte 8 to the       40  largest timestamp i64, ms
//	    end of the topic                    48  nonce u64: the frame's offset in the segment
//	 8  body crc32c                         56  key id u32
//	12  body length u32                     60  length of the records before compression u32
//	16  first sequence u64                  64  codec u8, flags u8 (1 = matched), topic length u8, zero
//	24  record count u32                    68  zero u32
//	28  partition i32                       72  topic, then the body
//
// The body is AES-256-GCM(records) and its 16-byte tag. The key is HKDF-SHA256 of the master
// key, the salt and bytes 0–47 of the segment header; the nonce is the offset, and an offset
// is written once in the life of a salt; bytes 12 to the end of the topic are additional data.
// So a frame that was copied to another place, or into another segment, does not open.
const (
	segmentMagic   = "destspl1"
	segmentVersion = 1
	headerSize     = 64
	headerCopy     = 2048
	framesStart    = 4096
	segmentSuffix  = ".seg"

	frameMagic   = "DsF1"
	frameFixed   = 72
	frameAAD     = 12
	maxTopic     = 249 // Kafka's limit
	maxFrameHead = frameFixed + maxTopic
	tagSize      = 16
	maxFrame     = 64 << 20 // a longer length is damage
	flagMatched  = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

type segmentHeader struct {
	keyID   uint32
	salt    [16]byte
	first   uint64
	created int64
	raw     [headerSize]byte // as it is on the disk
}

func (h *segmentHeader) encode() []byte {
	b := h.raw[:]
	copy(b, segmentMagic)
	binary.BigEndian.PutUint16(b[8:], segmentVersion)
	binary.BigEndian.PutUint32(b[12:], h.keyID)
	copy(b[16:], h.salt[:])
	binary.BigEndian.PutUint64(b[32:], h.first)
	binary.BigEndian.PutUint64(b[40:], uint64(h.created))
	binary.BigEndian.PutUint32(b[60:], checksum(b[:60]))
	block := make([]byte, framesStart)
	copy(block, b)
	copy(block[headerCopy:], b)
	return block
}

var (
	errBadHeader = errors.New("the segment header is damaged")
	errVersion   = errors.New("written by a newer destring")
)

// decodeSegmentHeader reads the header from a segment's first 4 KiB, from whichever of the
// two copies is whole.
func decodeSegmentHeader(block []byte) (segmentHeader, error) {
	var h segmentHeader
	for _, off := range []int{0, headerCopy} {
		if len(block) < off+headerSize {
			break
		}
		b := block[off : off+headerSize]
		if string(b[:8]) != segmentMagic || checksum(b[:60]) != binary.BigEndian.Uint32(b[60:]) {
			continue
		}
		if v := binary.BigEndian.Uint16(b[8:]); v != segmentVersion {
			return h, fmt.Errorf("%w: format %d", errVersion, v)
		}
		copy(h.raw[:], b)
		h.keyID = binary.BigEndian.Uint32(b[12:])
		copy(h.salt[:], b[16:])
		h.first = binary.BigEndian.Uint64(b[32:])
		h.created = int64(binary.BigEndian.Uint64(b[40:]))
		return h, nil
	}
	return h, errBadHeader
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentSuffix) }

// parseSegmentName is strict: what we did not name so is not ours.
func parseSegmentName(name string) (first uint64, ok bool) {
	digits, found := strings.CutSuffix(name, segmentSuffix)
	if !found || len(digits) != 20 {
		return 0, false
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		if first > (math.MaxUint64-uint64(c-'0'))/10 {
			return 0, false
		}
		first = first*10 + uint64(c-'0')
	}
	return first, true
}

type frameHeader struct {
	headLen   int // with the topic
	bodyLen   int // with the tag
	bodyCRC   uint32
	first     uint64
	count     uint32
	partition int32
	base, max int64
	nonce     uint64
	keyID     uint32
	rawLen    uint32
	codec     Codec
	matched   bool
	topic     []byte // in the buffer that was decoded
}

// end is the sequence behind the frame's last record.
func (h *frameHeader) end() uint64 { return h.first + uint64(h.count) }

func (h *frameHeader) size() int64 { return int64(h.headLen + h.bodyLen) }

var (
	errNoFrame   = errors.New("no frame")
	errFrameHead = errors.New("frame header damaged")
	errFrameBody = errors.New("frame body damaged")
	errFrameCut  = errors.New("frame cut short")
	errFrameAuth = errors.New("frame does not authenticate")
)

// decodeFrameHeader reads the header at the start of b and checks that it belongs at offset
// off of its segment, where end is the first byte that cannot be the frame's.
func decodeFrameHeader(b []byte, off, end int64) (h frameHeader, err error) {
	if len(b) < frameFixed || string(b[:4]) != frameMagic {
		return h, errNoFrame
	}
	h.headLen = frameFixed + int(b[66])
	if len(b) < h.headLen || checksum(b[8:h.headLen]) != binary.BigEndian.Uint32(b[4:]) {
		return h, errFrameHead
	}
	h.bodyCRC = binary.BigEndian.Uint32(b[8:])
	h.bodyLen = int(binary.BigEndian.Uint32(b[12:]))
	h.first = binary.BigEndian.Uint64(b[16:])
	h.count = binary.BigEndian.Uint32(b[24:])
	h.partition = int32(binary.BigEndian.Uint32(b[28:]))
	h.base = int64(binary.BigEndian.Uint64(b[32:]))
	h.max = int64(binary.BigEndian.Uint64(b[40:]))
	h.nonce = binary.BigEndian.Uint64(b[48:])
	h.keyID = binary.BigEndian.Uint32(b[56:])
	h.rawLen = binary.BigEndian.Uint32(b[60:])
	h.codec = Codec(b[64])
	h.matched = b[65]&flagMatched != 0
	h.topic = b[frameFixed:h.headLen]
	switch {
	case h.bodyLen < tagSize || h.bodyLen > maxFrame || h.rawLen > maxFrame,
		h.count == 0 || h.count > math.MaxInt32 || h.first > math.MaxUint64-uint64(h.count),
		h.nonce != uint64(off):
		return h, errFrameHead
	case off+h.size() > end:
		return h, errFrameCut
	}
	return h, nil
}

// appendFrame seals records, which codec made from rawLen bytes, as the frame of b at offset off.
func appendFrame(dst []byte, aead cipher.AEAD, keyID uint32, off int64, first uint64, b *batch, codec Codec, rawLen int, records []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameFixed)...)
	dst = append(dst, b.topic...)
	body := len(dst)
	h := dst[start:]
	copy(h, frameMagic)
	binary.BigEndian.PutUint32(h[12:], uint32(len(records)+tagSize))
	binary.BigEndian.PutUint64(h[16:], first)
	binary.BigEndian.PutUint32(h[24:], uint32(b.count))
	binary.BigEndian.PutUint32(h[28:], uint32(b.partition))
	binary.BigEndian.PutUint64(h[32:], uint64(b.base))
	binary.BigEndian.PutUint64(h[40:], uint64(b.max))
	binary.BigEndian.PutUint64(h[48:], uint64(off))
	binary.BigEndian.PutUint32(h[56:], keyID)
	binary.BigEndian.PutUint32(h[60:], uint32(rawLen))
	h[64], h[66] = byte(codec), byte(len(b.topic))
	if b.matched {
		h[65] = flagMatched
	}
	nonce := frameNonce(uint64(off))
	dst = aead.Seal(dst, nonce[:], records, dst[start+frameAAD:body])
	binary.BigEndian.PutUint32(dst[start+8:], checksum(dst[body:]))
	binary.BigEndian.PutUint32(dst[start+4:], checksum(dst[start+8:body]))
	return dst
}

func frameNonce(n uint64) (nonce [12]byte) {
	binary.BigEndian.PutUint64(nonce[4:], n)
	return nonce
}
