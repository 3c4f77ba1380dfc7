package main

import (
	"io"
	"log/slog"
	"testing"

	"destring/alerting"
	"destring/relay/kafka"
	"destring/relay/spool"
	"destring/rules"
	"destring/rules/detect"
)

// A frame that matched is judged by what its records' headers say; one of an older destring, without them, is
// judged whole. Neither may swallow an alert.
func TestAFrameIsJudgedByItsHeadersAndWholeWithoutThem(t *testing.T) {
	leak := []byte(`{"@timestamp":"2026-11-25T10:00:00Z","event":{"id":"0000000000005eed0000000000000001"},"message":"password=[REDACTED]",` +
		`"destring":{"findings":[{"detector":"assignment","class":"credential","severity":"high","fingerprint":"0123456789abcdef","field":"message"}]}}`)
	other := []byte(`{"@timestamp":"2026-11-25T10:00:00Z","event":{"id":"0000000000005eed0000000000000002"},"message":"ready",` +
		`"destring":{"findings":[{"detector":"assignment","class":"credential","severity":"high","fingerprint":"fedcba9876543210","field":"message"}]}}`)
	says := []kafka.Header{{Name: rules.MatchedHeader, Value: []byte("1")}}
	for _, c := range []struct {
		name         string
		first, other []kafka.Header
		want         int
	}{
		{"one record says that it matched, so the other is not judged", says, nil, 1},
		{"both say so", says, says, 2},
		{"none says so, so both are judged", nil, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := kafka.Encode("destring.logs", 0, kafka.LZ4, []kafka.Record{{Value: leak, Headers: c.first}, {Value: other, Headers: c.other}})
			if err != nil {
				t.Fatal(err)
			}
			m := &spoolMatches{log: slog.New(slog.NewTextHandler(io.Discard, nil)), judge: alerting.NewJudge(&detect.Set{}, leastAlert, detect.CorrelatorOptions{})}
			got := m.read(spool.Frame{Topic: b.Topic, Count: b.Count, Codec: spool.Codec(b.Codec), Records: b.Records, Size: 1 << 20})
			if len(got) != c.want {
				t.Errorf("%d matches, want %d: %+v", len(got), c.want, got)
			}
		})
	}
}
