package detect

import (
	"math"
	"strconv"
	"strings"
	"time"
)

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// ParseTime reads a point in time: RFC 3339, its relatives with a blank, a comma or
// without a zone (then UTC), a date, or epoch seconds. The result is in the zone as written.
func ParseTime(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if len(text) == 0 || len(text) > 40 {
		return time.Time{}, false
	}
	if len(text) < 8 || text[4] != '-' {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return time.Time{}, false
		}
		return epoch(f), true
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// epoch reads seconds since 1970; a number too large for that is milli-, micro- or
// nanoseconds.
func epoch(f float64) time.Time {
	switch a := math.Abs(f); {
	case a >= 1e20:
		return time.Unix(0, 0).UTC()
	case a >= 1e17:
		return time.Unix(0, int64(f)).UTC()
	case a >= 1e14:
		return time.UnixMicro(int64(f)).UTC()
	case a >= 1e11:
		return time.UnixMilli(int64(f)).UTC()
	}
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC()
}
