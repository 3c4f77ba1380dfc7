package rules

import (
	"encoding/binary"
	"fmt"
	"net/url"
	"strconv"

	"destring/rules/event"
	"destring/rules/record"
)

// headerCount is the number of headers that every record has.
const headerCount = 8

// MatchedHeader is on records in which a rule matched or a secret was found, and on no other: whoever
// looks for those need not parse the rest. Rules that only correlations see count too.
const MatchedHeader = "destring-matched"

// headerValues are what the Kafka record headers say: CloudEvents 1.0 in binary mode (Kafka
// protocol binding §3.2) and two of our own, so that a consumer can route, drop
// duplicates and check versions without parsing the value. No text of a sender is in them.
type headerValues struct {
	id       []byte
	kind     event.Kind // of Celery's event; empty for other text
	action   string     // of a statement; empty for a log record
	time     int64      // nanoseconds since 1970
	redacted int
	matched  bool
}

// sourceOf returns the CloudEvents source, a URI reference that is not empty (CloudEvents 1.0.2 §3.1).
func sourceOf(o Options) (string, error) {
	if o.Source == "" {
		if o.Observer == "" {
			return "/destring", nil
		}
		return "/destring/" + url.PathEscape(o.Observer), nil
	}
	if _, err := url.Parse(o.Source); err != nil {
		return "", fmt.Errorf("rules: the CloudEvents source %q is not a URI reference", o.Source)
	}
	return o.Source, nil
}

// fixedHeaders are the number of headers and those that are the same in every record of an engine.
func fixedHeaders(source string) []byte {
	dst := binary.AppendVarint(nil, headerCount)
	dst = appendHeader(dst, "ce_specversion", "1.0")
	dst = appendHeader(dst, "ce_source", source)
	dst = appendHeader(dst, "content-type", "application/json")
	return appendHeader(dst, "destring-schema", record.Version)
}

// appendHeaders appends the headers of a record after those that are fixed.
func appendHeaders(dst, fixed []byte, v headerValues) []byte {
	at := len(dst)
	dst = append(dst, fixed...)
	if v.matched {
		dst[at] = (headerCount + 1) << 1 // the number of headers, a varint of one byte
		dst = appendHeader(dst, MatchedHeader, "1")
	}
	dst = appendType(dst, v)
	dst = appendHeader(dst, "ce_id", v.id)
	var stamp [32]byte
	quoted := record.AppendTime(stamp[:0], v.time)
	dst = appendHeader(dst, "ce_time", quoted[1:len(quoted)-1])
	var digits [20]byte
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
