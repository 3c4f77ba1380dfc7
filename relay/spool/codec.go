package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is how a record set is compressed, with the numbers of Kafka's batch attributes.
type Codec uint8

// Codecs.
const (
	None Codec = 0
	LZ4  Codec = 3
	Zstd Codec = 4
)

// String returns Kafka's word for c.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return "unknown"
}

// ParseCodec reads "none", "lz4" or "zstd".
func ParseCodec(s string) (Codec, error) {
	for _, c := range []Codec{None, LZ4, Zstd} {
		if s == c.String() {
			return c, nil
		}
	}
	return None, fmt.Errorf("unknown compression %q: none, lz4 or zstd", s)
}

// compressor compresses record sets one after the other, all with the same tables: a fresh
// lz4 writer a batch costs 0.9 ms.
type compressor struct {
	codec Codec
	out   bytes.Buffer
	lz4   *lz4.Writer
	zstd  *zstd.Encoder
	zbuf  []byte
}

func newCompressor(codec Codec) (*compressor, error) {
	c := &compressor{codec: codec}
	switch codec {
	case None:
	case LZ4:
		c.lz4 = lz4.NewWriter(&c.out)
		// Kafka's own block size; independent blocks, as its readers demand.
		if err := c.lz4.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)); err != nil {
			return nil, err
		}
	case Zstd:
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, err
		}
		c.zstd = enc
	default:
		return nil, fmt.Errorf("unknown codec %d", codec)
	}
	return c, nil
}

// compress returns records as they go into the frame, valid until the next call, and the
// codec they are in: none when compression does not make them smaller.
func (c *compressor) compress(records []byte) ([]byte, Codec) {
	var packed []byte
	switch c.codec {
	case LZ4:
		c.out.Reset()
		c.lz4.Reset(&c.out)
		if _, err := c.lz4.Write(records); err != nil {
			return records, None
		}
		if err := c.lz4.Close(); err != nil {
			return records, None
		}
		packed = c.out.Bytes()
	case Zstd:
		c.zbuf = c.zstd.EncodeAll(records, c.zbuf[:0])
		packed = c.zbuf
	default:
		return records, None
	}
	if len(packed) >= len(records) {
		return records, None
	}
	return packed, c.codec
}

var errRawLength = errors.New("record set has not the length that its frame names")

// decompress returns the record set of size bytes that packed holds. It never makes more
// than that, whatever packed says.
func decompress(codec Codec, packed []byte, size int) ([]byte, error) {
	switch codec {
	case None:
		if len(packed) != size {
			return nil, errRawLength
		}
		return packed, nil
	case LZ4:
		return readExactly(lz4.NewReader(bytes.NewReader(packed)), size)
	case Zstd:
		dec, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
		if err != nil {
			return nil, err
		}
		defer dec.Close()
		return readExactly(dec, size)
	}
	return nil, fmt.Errorf("unknown codec %d", codec)
}

func readExactly(r io.Reader, size int) ([]byte, error) {
	var out bytes.Buffer // grows with what is there, not with what was announced
	n, err := io.Copy(&out, io.LimitReader(r, int64(size)+1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if n != int64(size) {
		return nil, errRawLength
	}
	return out.Bytes(), nil
}
