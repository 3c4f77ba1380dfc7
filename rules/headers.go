package rules

import (
	"encoding/binary"
	"strconv"

	"destring/rules/record"
)

// headerValues are what the Kafka record headers say: CloudEvents 1.0 in binary mode (Kafka
// protocol binding §3.2) and three of our own, so that a consumer can route, drop
// duplicates and check versions without parsing the value.
type headerValues struct {
	id, source, kind string
	time             int64
	redacted         int
}

// appendHeaders appends the number of headers and the headers.
func appendHeaders(dst []byte, v headerValues) []byte {
	n := int64(7)
	if v.id == "" {
		n--
	}
	dst = binary.AppendVarint(dst, n)
	dst = appendHeader(dst, "ce_specversion", []byte("1.0"))
	dst = appendHeader(dst, "ce_type", []byte(v.kind))
	dst = appendHeader(dst, "ce_source", []byte(v.source))
	if v.id != "" {
		dst = appendHeader(dst, "ce_id", []byte(v.id))
	}
	dst = appendHeader(dst, "content-type", []byte("application/json"))
	dst = appendHeader(dst, "destring-schema", []byte(record.Version))
	return appendHeader(dst, "destring-redacted", strconv.AppendInt(nil, int64(v.redacted), 10))
}
