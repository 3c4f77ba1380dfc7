package kafka

import (
	"encoding/binary"
	"hash/crc32"
)

// The record batch header, format v2 (KIP-98), big endian:
//
//	 0 base offset        8   0; the broker sets it
//	 8 length             4   of what follows: 49 + records
//	12 leader epoch       4   -1
//	16 magic              1   2
//	17 crc32c             4   of everything from byte 21 on
//	21 attributes         2   codec in the low 3 bits; create time; not transactional
//	23 last offset delta  4   count-1
//	27 base timestamp     8   ms
//	35 max timestamp      8   ms
//	43 producer id        8
//	51 producer epoch     2
//	53 base sequence      4
//	57 count              4
//	61 records
const headerSize = 61

type header [headerSize]byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// identity is what makes a batch recognisable to the broker.
type identity struct {
	producer int64 // -1: none
	epoch    int16
	sequence int32
}

func makeHeader(id identity, b *Batch) (h header) {
	be := binary.BigEndian
	be.PutUint32(h[8:], uint32(headerSize-12+len(b.Records)))
	be.PutUint32(h[12:], 0xffffffff)
	h[16] = 2
	be.PutUint16(h[21:], uint16(b.Codec)&7)
	be.PutUint32(h[23:], uint32(b.Count-1))
	be.PutUint64(h[27:], uint64(b.BaseTimestamp))
	be.PutUint64(h[35:], uint64(b.MaxTimestamp))
	be.PutUint64(h[43:], uint64(id.producer))
	be.PutUint16(h[51:], uint16(id.epoch))
	be.PutUint32(h[53:], uint32(id.sequence))
	be.PutUint32(h[57:], uint32(b.Count))
	be.PutUint32(h[17:], checksum(&h, b.Records))
	return h
}

func checksum(h *header, records []byte) uint32 {
	return crc32.Update(crc32.Checksum(h[21:], castagnoli), castagnoli, records)
}

func (h *header) identity() identity {
	be := binary.BigEndian
	return identity{int64(be.Uint64(h[43:])), int16(be.Uint16(h[51:])), int32(be.Uint32(h[53:]))}
}

func (h *header) count() int { return int(int32(binary.BigEndian.Uint32(h[57:]))) }

// covers reports whether h was made for these very records.
func (h *header) covers(records []byte) bool {
	return binary.BigEndian.Uint32(h[8:]) == uint32(headerSize-12+len(records)) &&
		binary.BigEndian.Uint32(h[17:]) == checksum(h, records)
}

// advance is the sequence after n records: it wraps to 0 behind the largest int32, as
// the broker's does.
func advance(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & 0x7fffffff)
}
