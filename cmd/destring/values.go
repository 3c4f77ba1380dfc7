package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written with its unit: 512KiB, 10GiB, 1MB, 0B.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}

// ParseSize reads a size. A number without a unit is refused: 10 could mean anything.
func ParseSize(s string) (Size, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || n < 0 || n*float64(u.bytes) > math.MaxInt64/2 {
			break
		}
		return Size(n * float64(u.bytes)), nil
	}
	return 0, fmt.Errorf("%q is no size: write a number and a unit, as 512KiB or 10GiB", s)
}

// String writes s with the largest unit that leaves a whole number.
func (s Size) String() string {
	for i := 3; i >= 0; i-- {
		if u := sizeUnits[i]; s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Secret is a value that cannot print itself.
type Secret struct{ value *string }

// NewSecret makes a Secret of s; an empty s makes none.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// Reveal returns the value, for the call that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is none.
func (s Secret) Empty() bool { return s.value == nil }

// String hides the value.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return "[hidden]"
}

// Format hides the value from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	Key     string
	Message string
	File    string // where it stands; empty when it does not stand in the file
	Line    int
	Column  int
}

// Error gives `destring.yaml:14:3: kafka.brokers: …`.
func (f Fault) Error() string {
	where := ""
	if f.File != "" {
		where = f.File + ": "
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
		}
	}
	if f.Key == "" {
		return where + f.Message
	}
	return where + f.Key + ": " + f.Message
}

// Faults are all that is wrong, so that a person mends it in one go.
type Faults []Fault

// Error gives one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// err returns f as an error, nil when there is none.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// errUsage marks mistakes in how a command was called: exit code 2.
var errUsage = errors.New("usage")
