package framing_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"destring/relay/framing"
)

// line is a message as most senders write it.
const line = "<14>1 2026-05-01T20:51:40.123456+00:00 shop-a celery 7 - - "

// arrival is a frame and when it came out.
type arrival struct {
	text  string
	after time.Duration
	flags string
}

// replay writes pieces of a stream, waiting before each, and returns what comes out when, and the end.
func replay(t *testing.T, opt framing.Options, stream ...any) (out []arrival, end error) {
	t.Helper()
	client, server := net.Pipe()
	var writer sync.WaitGroup
	writer.Go(func() { // ends with the stream
		for _, step := range stream {
			switch step := step.(type) {
			case time.Duration:
				time.Sleep(step)
			case string:
				if _, err := io.WriteString(client, step); err != nil {
					return
				}
			}
		}
		_ = client.Close()
	})
	start := time.Now()
	r := framing.NewReader(server, opt)
	for {
		f, err := r.Next()
		if err != nil {
			_ = server.Close()
			writer.Wait()
			return out, err
		}
		flags := ""
		for flag, set := range map[string]bool{"truncated": f.Truncated, "partial": f.Partial, "continued": f.Continued} {
			if set {
				flags += flag
			}
		}
		out = append(out, arrival{string(f.Bytes), time.Since(start), flags})
	}
}

func TestWhenAMessageComesOut(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name   string
		opt    framing.Options
		stream []any
		want   []arrival
		reason framing.Reason // empty: the sender ended the stream
	}{
		{name: "a counted frame waits for nothing",
			stream: []any{"5 <13>a", time.Second, "5 <13>b", time.Second},
			want:   []arrival{{"<13>a", 0, ""}, {"<13>b", time.Second, ""}}},
		{name: "a NUL frame waits for nothing",
			stream: []any{"<13>a\x00", time.Second, "<13>b\x00", time.Second},
			want:   []arrival{{"<13>a", 0, ""}, {"<13>b", time.Second, ""}}},
		{name: "a line waits 100 ms for lines that continue it",
			stream: []any{"<13>a\n", time.Second},
			want:   []arrival{{"<13>a", 100 * ms, ""}}},
		{name: "a line does not wait when the next message has come",
			stream: []any{"<13>a\n<13>b\n", time.Second},
			want:   []arrival{{"<13>a", 0, ""}, {"<13>b", 100 * ms, ""}}},
		{name: "a line does not wait at the end of the stream",
			stream: []any{"<13>a\n"},
			want:   []arrival{{"<13>a", 0, ""}}},
		{name: "a line without header from a sender without headers waits for nothing",
			stream: []any{"a\n", time.Second, "b\n", time.Second},
			want:   []arrival{{"a", 0, ""}, {"b", time.Second, ""}}},
		{name: "continuation lines within the time are joined",
			stream: []any{"<13>a\n", 50 * ms, "  b\n", 40 * ms, "  c\n", time.Second},
			want:   []arrival{{"<13>a\n  b\n  c", 100 * ms, "continued"}}},
		{name: "the wait is 100 ms from the first line, whatever drips in",
			stream: []any{"<13>a\n", 60 * ms, "  b\n", 60 * ms, "  c\n", 60 * ms, "  d\n", time.Second},
			want:   []arrival{{"<13>a\n  b", 100 * ms, "continued"}, {"  c\n  d", 220 * ms, "continued"}}},
		{name: "half a continuation line does not keep its message waiting",
			stream: []any{"<13>a\n  b", 300 * ms, "b\n", time.Second},
			want:   []arrival{{"<13>a", 100 * ms, ""}, {"  bb", 400 * ms, ""}}},
		{name: "half a header does not keep the message before it waiting",
			stream: []any{"<13>a\n<1", 300 * ms, "4>b\n", time.Second},
			want:   []arrival{{"<13>a", 100 * ms, ""}, {"<14>b", 400 * ms, ""}}},
		{name: "a first number that may be a count is read as text when nothing follows",
			stream: []any{"2026 was good\n", time.Second},
			want:   []arrival{{"2026 was good", 100 * ms, ""}}},
		{name: "a sender that turns from NUL to lines is noticed when it pauses",
			stream: []any{"<14>a\x00<14>b\x00<14>c\x00<14>d\x00", "<13>e\n<13>f\n", time.Second},
			want:   []arrival{{"<14>a", 0, ""}, {"<14>b", 0, ""}, {"<14>c", 0, ""}, {"<14>d", 0, ""}, {"<13>e", 100 * ms, ""}, {"<13>f", 200 * ms, ""}}},
		{name: "the wait can be set", opt: framing.Options{Join: 20 * ms},
			stream: []any{"<13>a\n", 30 * ms, "  b\n", time.Second},
			want:   []arrival{{"<13>a", 20 * ms, ""}, {"  b", 50 * ms, ""}}},
		{name: "joining can be turned off", opt: framing.Options{Join: -1},
			stream: []any{"<13>a\n  b\n", time.Second},
			want:   []arrival{{"<13>a", 0, ""}, {"  b", 0, ""}}},
		{name: "a partial frame comes out at the time-out, flagged, and the stream ends", opt: framing.Options{FrameTimeout: 10 * time.Second},
			stream: []any{"<13>a\x00<13>b", time.Hour},
			want:   []arrival{{"<13>a", 0, ""}, {"<13>b", 10 * time.Second, "partial"}}, reason: framing.FrameTimeout},
		{name: "a partial counted frame does too", opt: framing.Options{FrameTimeout: 10 * time.Second},
			stream: []any{"100 <13>a", time.Hour},
			want:   []arrival{{"<13>a", 10 * time.Second, "partial"}}, reason: framing.FrameTimeout},
		{name: "a frame that drips in is cut at the time-out all the same", opt: framing.Options{FrameTimeout: 10 * time.Second},
			stream: []any{"<13>", 4 * time.Second, "a", 4 * time.Second, "b", 4 * time.Second, "c", time.Hour},
			want:   []arrival{{"<13>ab", 10 * time.Second, "partial"}}, reason: framing.FrameTimeout},
		{name: "each frame has its own time", opt: framing.Options{FrameTimeout: 10 * time.Second},
			stream: []any{"<13>a", 8 * time.Second, "a\x00<13>b", 8 * time.Second, "b\x00", time.Second},
			want:   []arrival{{"<13>aa", 8 * time.Second, ""}, {"<13>bb", 16 * time.Second, ""}}},
		{name: "the rest of a frame that was cut must come in time", opt: framing.Options{MaxMessage: 8, MaxHeader: -1, FrameTimeout: 10 * time.Second},
			stream: []any{"500 <13>abcdefgh", time.Hour},
			want:   []arrival{{"<13>abcd", 0, "truncated"}}, reason: framing.FrameTimeout},
		{name: "silence ends the stream", opt: framing.Options{IdleTimeout: time.Minute},
			stream: []any{"5 <13>a", time.Hour},
			want:   []arrival{{"<13>a", 0, ""}}, reason: framing.IdleTimeout},
		{name: "messages begin the idle time anew", opt: framing.Options{IdleTimeout: time.Minute},
			stream: []any{"5 <13>a", 50 * time.Second, "5 <13>b", 50 * time.Second, "5 <13>c", time.Hour},
			want:   []arrival{{"<13>a", 0, ""}, {"<13>b", 50 * time.Second, ""}, {"<13>c", 100 * time.Second, ""}}, reason: framing.IdleTimeout},
		{name: "without time-outs a reader waits for ever",
			stream: []any{"<13>a", 24 * time.Hour, "\x00", 24 * time.Hour, "5 <13>b"},
			want:   []arrival{{"<13>a", 24 * time.Hour, ""}, {"<13>b", 48 * time.Hour, ""}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := replay(t, c.opt, c.stream...)
				if len(got) != len(c.want) {
					t.Fatalf("got %+v", got)
				}
				for i := range got {
					if got[i] != c.want[i] {
						t.Errorf("message %d is %+v, want %+v", i, got[i], c.want[i])
					}
				}
				var end *framing.Error
				if c.reason == "" && err != io.EOF || c.reason != "" && (!errors.As(err, &end) || end.Reason != c.reason) {
					t.Errorf("ended with %v, want %q", err, c.reason)
				}
			})
		})
	}
}

// failing fails behind its data.
type failing struct {
	data io.Reader
	err  error
}

func (f failing) Read(b []byte) (int, error) {
	n, err := f.data.Read(b)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}

func TestAnErrorOfTheSourceComesBehindWhatWasRead(t *testing.T) {
	broken := errors.New("broken")
	r := framing.NewReader(failing{strings.NewReader("<13>a\n<13>b"), broken}, framing.Options{})
	for _, want := range []string{"<13>a", "<13>b"} {
		if f, err := r.Next(); err != nil || string(f.Bytes) != want {
			t.Fatalf("got %q, %v", f.Bytes, err)
		}
	}
	_, err := r.Next()
	var end *framing.Error
	if !errors.Is(err, broken) || !errors.As(err, &end) || end.Reason != framing.ReadFailed {
		t.Errorf("ended with %v", err)
	}
}

// stuck returns neither data nor an error, which io.Reader discourages and does not forbid.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestASourceThatGivesNothingIsGivenUp(t *testing.T) {
	if _, err := framing.NewReader(stuck{}, framing.Options{}).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

func TestNoErrorHoldsABytesOfTheStream(t *testing.T) {
	secret := "hunter2"
	r := framing.NewReader(strings.NewReader(secret), framing.Options{Mode: framing.OctetOnly})
	for {
		_, err := r.Next()
		if err == nil {
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%v", err)
		}
		return
	}
}

func TestBufferedTellsWhetherNextMustRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() { // ends when the reader is through
			_, _ = io.WriteString(client, "5 <13>a5 <13>b5 <13")
			time.Sleep(time.Second)
			_, _ = io.WriteString(client, ">c<13>d\n")
			_ = client.Close()
		}()
		r := framing.NewReader(server, framing.Options{})
		for _, want := range []struct {
			text     string
			buffered bool // behind it
		}{{"<13>a", true}, {"<13>b", false}, {"<13>c", false}, {"<13>d", false}} {
			f, err := r.Next()
			text := string(f.Bytes)
			if got := r.Buffered(); err != nil || text != want.text || got != want.buffered {
				t.Errorf("%q %v, buffered %v, want %+v", text, err, got, want)
			}
		}
	})
}

func TestALongMessageIsKeptUpToTheLimitAndTheConnectionLivesOn(t *testing.T) {
	const mib, header = 1 << 20, 4 << 10
	pri := func(size int) string { return "<13>" + strings.Repeat("x", size-4) }
	for _, c := range []struct {
		name, in  string
		length    int
		truncated bool
	}{
		{"counted, a header and 1 MiB", fmt.Sprintf("%d %s", len(line)+mib, line+strings.Repeat("x", mib)), len(line) + mib, false},
		{"counted, the longest that is kept", fmt.Sprintf("%d %s", mib+header, pri(mib+header)), mib + header, false},
		{"counted, one byte more", fmt.Sprintf("%d %s", mib+header+1, pri(mib+header+1)), mib + header, true},
		{"counted, 20 MiB", fmt.Sprintf("%d %s", 20*mib, pri(20*mib)), mib + header, true},
		{"a line, a header and 1 MiB", line + strings.Repeat("x", mib) + "\n", len(line) + mib, false},
		{"a line, the longest that is kept", pri(mib+header) + "\r\n", mib + header, false},
		{"a line, one byte more", pri(mib+header+1) + "\n", mib + header, true},
		{"a line, 20 MiB", pri(20*mib) + "\n", mib + header, true},
		{"in NUL, 3 MiB with line feeds", strings.Repeat("<13>a\x00", 5) + "<13>" + strings.Repeat("x\n", 3*mib/2) + "\x00", mib + header, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := framing.NewReader(strings.NewReader(c.in+"7 <13>end"), framing.Options{})
			var long framing.Frame
			for {
				f, err := r.Next()
				if err != nil {
					t.Fatalf("the message behind it is lost: %v", err)
				}
				if string(f.Bytes) == "<13>end" {
					break
				}
				long = f
				long.Bytes = bytes.Clone(f.Bytes)
			}
			if len(long.Bytes) != c.length || long.Truncated != c.truncated {
				t.Errorf("%d bytes, truncated %v", len(long.Bytes), long.Truncated)
			}
		})
	}
}

// announcing announces much and gives little, a byte a read.
type announcing struct {
	head string
	left int
}

func (a *announcing) Read(b []byte) (int, error) {
	if n := copy(b, a.head); n > 0 {
		a.head = a.head[n:]
		return n, nil
	}
	if a.left--; a.left < 0 {
		return 0, os.ErrDeadlineExceeded
	}
	b[0] = 'x'
	return 1, nil
}

func TestMemoryFollowsWhatHasComeAndNotWhatIsAnnounced(t *testing.T) {
	for _, head := range []string{"60000000 <13>", "1048576 <13>", "60000000 x", "<13>"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := framing.NewReader(&announcing{head: head, left: 1000}, framing.Options{})
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
			t.Errorf("%q and 1,000 bytes took %d bytes of memory", head, got)
		}
	}
}

// repeating gives n bytes of a pattern.
type repeating struct {
	pattern string
	n       int
}

func (p *repeating) Read(b []byte) (int, error) {
	if p.n <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n+len(p.pattern) <= len(b) {
		n += copy(b[n:], p.pattern)
	}
	p.n -= n
	return n, nil
}

func TestFloodsAreBoundedInMemoryAndDoNotHideTheMessageBehind(t *testing.T) {
	const size = 1 << 20
	for _, pattern := range []string{"\n", "\r\n", "\x00", "0 ", "\n\x00\r", "x", "9", "<", " ", "<1", "12 ", "\x00a", "a\n"} {
		t.Run(pattern, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			src := io.MultiReader(strings.NewReader("<13>first\n"), &repeating{pattern, size}, strings.NewReader("\n\x00\n<13>last"))
			r := framing.NewReader(src, framing.Options{MaxMessage: 64 << 10})
			last := ""
			for {
				f, err := r.Next()
				if err != nil {
					break
				}
				last = string(f.Bytes[max(0, len(f.Bytes)-8):])
			}
			if last != "<13>last" {
				t.Errorf("the last message is %q", last)
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 512<<10 {
				t.Errorf("%d KiB of it took %d KiB of memory", size>>10, got>>10)
			}
		})
	}
}

// watched remembers how much room the last read had.
type watched struct {
	io.Reader
	room int
}

func (w *watched) Read(b []byte) (int, error) {
	w.room = len(b)
	return w.Reader.Read(b)
}

func TestTheBufferShrinksWhenLargeMessagesHaveStopped(t *testing.T) {
	large := "1000000 <13>" + strings.Repeat("x", 1e6-4)
	src := &watched{Reader: io.MultiReader(strings.NewReader(large), iotest.OneByteReader(strings.NewReader(strings.Repeat("5 <13>a", 1000))))}
	r := framing.NewReader(src, framing.Options{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if src.room < 20<<10 {
		t.Fatalf("a message of 1 MB was read with room for %d bytes", src.room)
	}
	for range 1000 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if src.room > 4<<10 {
		t.Errorf("behind 1,000 small messages there is room for %d bytes", src.room)
	}
}
