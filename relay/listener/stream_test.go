package listener

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"destring/relay/framing"
)

// chunks gives at most n bytes a read.
type chunks struct {
	r io.Reader
	n int
}

func (c chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(c.n, len(p))]) }

// overScanner runs bytes through the Format as go-syslog's server does.
func overScanner(t *testing.T, b []byte, n int) []record {
	t.Helper()
	rec := newRecorder()
	p, err := NewPlain(PlainConfig{Metrics: NewMetrics(newRegistry()), Join: time.Hour}, rec) // no timer may come between
	if err != nil {
		t.Fatal(err)
	}
	f := &streams{p, p.cfg.Metrics.of("plain_tcp")}
	scanner := bufio.NewScanner(chunks{bytes.NewReader(b), n})
	scanner.Split(f.GetSplitFunc())
	for scanner.Scan() {
		parser := f.GetParser([]byte(scanner.Text()))
		err := parser.Parse()
		parts := parser.Dump()
		parts["client"] = "127.0.0.1:9"
		p.Handle(parts, 0, err)
	}
	if len(rec.records) > 0 && (rec.closed != 1 || rec.synced != len(rec.records)) {
		t.Errorf("%d records, %d synced, %d sessions closed", len(rec.records), rec.synced, rec.closed)
	}
	p.streams.Range(func(any, any) bool { t.Error("the stream is still known"); return true })
	return rec.records
}

// direct runs bytes through framer and parser as a TLS connection does.
func direct(b []byte) []record {
	rec := newRecorder()
	in := intake{gauges: NewMetrics(newRegistry()).of("x"), session: rec.Open(nil)}
	in.peer = (&Plain{}).newPeer("plain_tcp", "127.0.0.1:9")
	in.begin()
	for r := framing.NewReader(bytes.NewReader(b), framing.Options{}); ; {
		f, err := r.Next()
		if err != nil {
			return rec.records
		}
		_ = in.take(f.Bytes, framings[f.Kind], flagsOf(f))
	}
}

func compareWays(t *testing.T, b []byte, n int) {
	t.Helper()
	want, got := direct(b), overScanner(t, b, n)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) {
			t.Fatalf("by %d bytes: %d messages through the Format, %d directly", n, len(got), len(want))
		}
		w, g := want[i], got[i]
		if w.Text != g.Text || w.Framing != g.Framing || w.Flags != g.Flags || w.Fault != g.Fault || w.Host != g.Host || w.ID.Message != g.ID.Message {
			t.Fatalf("by %d bytes, message %d: %.80q %v %b through the Format, %.80q %v %b directly", n, i, g.Text, g.Framing, g.Flags, w.Text, w.Framing, w.Flags)
		}
	}
}

var mixed = octet("<14>1 - w celery 1 - - counted\nin two lines") + "<13>Nov 25 10:00:00 w celery[7]: a line\n" + strings.Repeat("<13>Nov 25 10:00:00 w celery[7]: more\r\n", 100) +
	octet("<14>1 - w celery 1 - - "+strings.Repeat("y", 90_000)) + "<13>" + strings.Repeat("z", 1<<20+500) + "\n" + "<14>and no end"

func TestTheFormatOfGoSyslogGivesTheMessagesOfTheDirectWay(t *testing.T) {
	inputs := []string{mixed, "<14>one\x00<11>Trace\n  back\x00<14>three\x00", "",
		strings.Repeat("<14>python\x00", 50) + strings.Repeat("<14>and now lines, all set free by the end\n", 500)}
	for _, k := range killers {
		inputs = append(inputs, k)
	}
	for _, in := range inputs {
		for _, n := range []int{1, 7, 4096, 64 << 10} {
			if n == 1 && len(in) > 1<<20 {
				continue // a minute, for nothing that 7 does not show
			}
			compareWays(t, []byte(in), n)
		}
	}
}

func FuzzFormatAgainstTheDirectWay(f *testing.F) {
	f.Add([]byte(mixed[:600]), 3)
	for _, k := range killers {
		f.Add([]byte(k[:min(len(k), 200)]), 2)
	}
	f.Add([]byte("<14>one\x00<11>Trace\n  back\x00<14>three\x00"), 5)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 1 || n > 1<<16 || len(b) > 1<<14 {
			return
		}
		compareWays(t, b, n)
	})
}

func TestAStreamThatIsEndedFromOutsideTakesNothingMore(t *testing.T) {
	rec := newRecorder()
	p, err := NewPlain(PlainConfig{Metrics: NewMetrics(newRegistry())}, rec)
	if err != nil {
		t.Fatal(err)
	}
	f := &streams{p, p.cfg.Metrics.of("plain_tcp")}
	split := f.GetSplitFunc()
	in := []byte(octet("<14>one") + octet("<14>two"))
	n, token, err := split(in, false)
	if err != nil || token == nil {
		t.Fatalf("no token: %v", err)
	}
	token = bytes.Clone(token)
	p.streams.Range(func(_, s any) bool { s.(*stream).end(context.Background()); return true })
	if _, again, err := split(in[n:], false); again != nil || err == nil {
		t.Errorf("a token after the end: %q, %v", again, err)
	}
	parser := f.GetParser(token)
	_ = parser.Parse()
	p.Handle(parser.Dump(), 0, nil)
	if len(rec.records) != 0 {
		t.Errorf("%d messages after the end", len(rec.records))
	}
	for _, broken := range []string{"", "short", strings.Repeat("\x00", 50)} {
		parser := f.GetParser([]byte(broken))
		if err := parser.Parse(); err != nil {
			t.Error(err)
		}
		p.Handle(parser.Dump(), 0, nil)
	}
}
