package redact_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"destring/rules/redact"
)

// random gives strings of an identifier's kind.
type random struct{ *rand.Rand }

func (r random) of(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func (r random) hex(n int) string {
	b := make([]byte, n/2)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)
}

func (r random) uuid() string {
	h := r.hex(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-" + string("89ab"[r.IntN(4)]) + h[17:20] + "-" + h[20:]
}

const (
	crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	base62    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	podLetter = "bcdfghjklmnpqrstvwxz2456789"
)

// identifiers are what an operator looks for in a log.
var identifiers = []struct {
	name string
	make func(r random) string
}{
	{"a UUID", random.uuid},
	{"a UUID in capitals", func(r random) string { return strings.ToUpper(r.uuid()) }},
	{"a UUID without hyphens", func(r random) string { return r.hex(32) }},
	{"an MD5", func(r random) string { return r.hex(32) }},
	{"a SHA-1", func(r random) string { return r.hex(40) }},
	{"a SHA-256", func(r random) string { return r.hex(64) }},
	{"a short SHA", func(r random) string { return r.hex(8)[:7] }},
	{"a trace and its span", func(r random) string { return "00-" + r.hex(32) + "-" + r.hex(16) + "-01" }},
	{"a span id", func(r random) string { return r.hex(16) }},
	{"a trace of X-Ray", func(r random) string { return "1-" + r.hex(8) + "-" + r.hex(24) }},
	{"a ULID", func(r random) string { return "01" + r.of(crockford, 24) }},
	{"a KSUID", func(r random) string { return "2" + r.of(base62, 26) }},
	{"a NanoID", func(r random) string { return r.of(base62+"_-", 21) }},
	{"an ObjectId", func(r random) string { return "6" + r.hex(24)[1:] }},
	{"a snowflake", func(r random) string { return fmt.Sprint(1<<60 + r.Int64N(1<<59)) }},
	{"a pod", func(r random) string {
		return "billing-worker-" + r.of("0123456789abcdef", 10) + "-" + r.of(podLetter, 5)
	}},
	{"an image", func(r random) string { return "registry.local:5000/shop/worker:" + r.hex(40) }},
	{"an EC2 instance", func(r random) string { return "i-0" + r.hex(16) }},
	{"a version", func(r random) string {
		return fmt.Sprintf("v%d.%d.%d+build.%d", r.IntN(9), r.IntN(40), r.IntN(40), r.IntN(1e8))
	}},
	{"a path", func(r random) string { return "/srv/media/" + r.hex(2) + "/" + r.hex(38) + ".pdf" }},
	{"a time", func(r random) string {
		return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d.%06dZ", r.IntN(90)+10, r.IntN(12)+1, r.IntN(28)+1, r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
	}},
	{"a time of a file", func(r random) string {
		return fmt.Sprintf("20%02d%02d%02d-%06d", r.IntN(90)+10, r.IntN(12)+1, r.IntN(28)+1, r.IntN(1e6))
	}},
	{"seconds", func(r random) string { return fmt.Sprintf("%d.%06d", 1.6e9+r.IntN(2e8), r.IntN(1e6)) }},
	{"nanoseconds", func(r random) string { return fmt.Sprint(1_600_000_000_000_000_000 + r.Int64N(2e17)) }},
	{"an order", func(r random) string { return fmt.Sprintf("ORD-%d-%06d", 2020+r.IntN(10), r.IntN(1e6)) }},
	{"a row's id", func(r random) string { return fmt.Sprint(r.Int64N(1e10)) }},
	{"an address", func(r random) string { return fmt.Sprintf("0x7f%010x", r.Int64N(1<<40)) }},
	{"a MAC", func(r random) string {
		h := r.hex(12)
		return h[:2] + ":" + h[2:4] + ":" + h[4:6] + ":" + h[6:8] + ":" + h[8:10] + ":" + h[10:]
	}},
	{"an IPv6 address", func(r random) string { return "fd00:" + r.hex(4) + ":" + r.hex(4) + "::" + r.hex(4) }},
}

// places are where an identifier stands in a line.
var places = []string{
	"%s",
	"Task billing.tasks.charge[%s] received",
	"Task id %s: retry in 3s",
	"request_id=%s status=200",
	`{"trace_id": "%s", "n": 1}`,
	`args=('%s', 3) kwargs={'id': '%s'}`,
	"GET /v1/items/%s?page=2 HTTP/1.1",
	"celery-task-meta-%s",
	"key %s not found in bucket",
}

const identifierRounds = 4500

// mayBeLost is how many of identifierRounds may be hidden: letters at random make a word like "Pw:" now and then.
var mayBeLost = map[string]int{"a KSUID": 1, "a NanoID": 1, "a pod": 1, "a ULID": 1}

func TestIdentifiersStay(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	var s redact.Scratch
	for _, id := range identifiers {
		rnd := random{rand.New(rand.NewPCG(20, 26))}
		lost := 0
		for i := range identifierRounds {
			value := id.make(rnd)
			if len(value) == 16 && strings.Trim(value, "0123456789") == "" {
				continue // it may be a card by all that can be told
			}
			line := strings.ReplaceAll(places[i%len(places)], "%s", value)
			if res := r.Redact(&s, []byte(line), nil); string(res.Text) != line {
				if lost++; lost < 4 {
					t.Logf("%s (%s):\n  %s\n  %s", id.name, res.Findings[0].Detector, line, res.Text)
				}
			}
		}
		if lost > mayBeLost[id.name] {
			t.Errorf("%s: %d of %d hidden", id.name, lost, identifierRounds)
		}
	}
}
