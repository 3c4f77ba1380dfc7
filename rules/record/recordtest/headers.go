package recordtest

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"destring/rules/record"
)

// attribute is the form of a CloudEvents attribute name (CloudEvents 1.0.2 §3): lower-case letters and digits.
var attribute = regexp.MustCompile(`^[a-z0-9]{1,20}$`)

// Headers returns what is wrong with the headers of a record: CloudEvents 1.0.2 in the binary mode of
// its Kafka protocol binding (§3.2), and our own two.
func Headers(headers map[string]string) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for name, value := range headers {
		if a, ok := strings.CutPrefix(name, "ce_"); ok && !attribute.MatchString(a) {
			say("%s: not the name of a CloudEvents attribute", name)
		}
		if value == "" || !utf8.ValidString(value) {
			say("%s: a value must be UTF-8 and not empty", name)
		}
	}
	for _, required := range []string{"ce_id", "ce_source", "ce_specversion", "ce_type", "ce_time", "content-type", "destring-schema", "destring-redacted"} {
		if headers[required] == "" {
			say("%s is missing", required)
		}
	}
	if v := headers["ce_specversion"]; v != "1.0" {
		say("ce_specversion is %q", v)
	}
	if _, err := url.Parse(headers["ce_source"]); err != nil {
		say("ce_source: %v", err)
	}
	if _, err := time.Parse(time.RFC3339Nano, headers["ce_time"]); err != nil {
		say("ce_time: %v", err)
	}
	if !strings.HasPrefix(headers["ce_type"], "io.destring.") {
		say("ce_type %q does not begin with a reversed name of ours", headers["ce_type"])
	}
	if v := headers["content-type"]; v != "application/json" {
		say("content-type is %q", v)
	}
	if v := headers["destring-schema"]; v != record.Version {
		say("destring-schema is %q, want %q", v, record.Version)
	}
	return faults
}
