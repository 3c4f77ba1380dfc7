package rules

import (
	"encoding/binary"
	"strconv"

	"destring/rules/event"
	"destring/rules/record"
)

// headerValues are what the Kafka record headers say: CloudEvents 1.0 in binary mode (Kafka
// protocol binding §3.2) and two of our own, so that a consumer can route, drop
// duplicates and check versions without parsing the value.
type headerValues struct {
	id       []byte
	source   string
	kind     event.Kind // of Celery's event; empty for other text
	action   string     // of a statement; empty for a log record
	redacted int
}

// appendHeaders appends the number of headers and the headers.
func appendHeaders(dst []byte, v headerValues) []byte {
	dst = binary.AppendVarint(dst, 7)
	dst = appendHeader(dst, "ce_specversion", "1.0")
	dst = appendType(dst, v)
	dst = appendHeader(dst, "ce_source", v.source)
	dst = appendHeader(dst, "ce_id", v.id)
	dst = appendHeader(dst, "content-type", "application/json")
	dst = appendHeader(dst, "destring-schema", record.Version)
	var digits [8]byte
	return appendHeader(dst, "destring-redacted", strconv.AppendInt(digits[:0], int64(v.redacted), 10))
}

// appendType appends ce_type: io.destring.celery.task-succeeded, io.destring.spool-gap.
func appendType(dst []byte, v headerValues) []byte {
	family, name := "io.destring.celery.", string(v.kind)
	if v.action != "" {
		family, name = "io.destring.", v.action
	} else if name == "" {
		name = "log"
	}
	dst = binary.AppendVarint(dst, int64(len("ce_type")))
	dst = append(dst, "ce_type"...)
	dst = binary.AppendVarint(dst, int64(len(family)+len(name)))
	return append(append(dst, family...), name...)
}

// appendHeader appends one record header: name and value, each with its length.
func appendHeader[B ~[]byte | ~string](dst []byte, name string, value B) []byte {
	dst = binary.AppendVarint(dst, int64(len(name)))
	dst = append(dst, name...)
	dst = binary.AppendVarint(dst, int64(len(value)))
	return append(dst, value...)
}
