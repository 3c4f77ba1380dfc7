package framing_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"destring/relay/framing"
)

func seed(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/in.bin")
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(in, uint8(len(in)))
	}
}

// FuzzNext holds the frames of any stream, in any mode and any pieces, to what Next promises.
func FuzzNext(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte, choice uint8) {
		opt := framing.Options{Mode: framing.Mode(choice % 4), Header: framing.Header(choice / 4 % 4), MaxMessage: []int{0, 64}[choice/16%2], MaxHeader: -1}
		src := &pieces{in, 1 + int(choice/32)*5, rand.New(rand.NewPCG(uint64(choice), 2))}
		frames, err := readFrames(src, opt)
		holds(t, in, frames, opt)
		if err != io.EOF && opt.Mode != framing.OctetOnly {
			t.Errorf("ended with %v", err)
		}
		if bytes.IndexByte(in, 0) >= 0 || opt.Mode == framing.OctetOnly || opt.MaxMessage > 0 {
			return // what a NUL, a bad count or the limit does depends on how much has come behind it
		}
		if one, _ := readFrames(iotest.OneByteReader(bytes.NewReader(in)), opt); !reflect.DeepEqual(frames, one) {
			t.Errorf("%q with %+v\n in pieces %+v\nin bytes %+v", in, opt, frames, one)
		}
	})
}

// holds checks that the frames are pieces of the stream, in order, and that nothing but counts, delimiters and
// what did not fit is missing.
func holds(t *testing.T, in []byte, frames []frame, opt framing.Options) {
	t.Helper()
	limit := opt.MaxMessage
	if limit == 0 {
		limit = 1 << 20
	}
	rest, missing, cut := in, 0, false
	for _, f := range frames {
		at := bytes.Index(rest, []byte(f.Text))
		if at < 0 || f.Text == "" || len(f.Text) > limit {
			t.Fatalf("%q: the frame %q is not of this stream, empty or too long", in, f.Text)
		}
		for _, c := range rest[:at] {
			if strings.IndexByte("\n\r\x00 0123456789", c) < 0 {
				missing++
			}
		}
		rest = rest[at+len(f.Text):]
		cut = cut || f.Truncated
	}
	if missing > 0 && !cut {
		t.Errorf("%q: %d bytes of text are missing from %+v", in, missing, frames)
	}
}

// FuzzCountedFramesComeOutAsTheyWent takes the input for messages, cut at 0xFF.
func FuzzCountedFramesComeOutAsTheyWent(f *testing.F) {
	f.Add([]byte("a\xFF<13>b\n<14>c\xFF5 <13>d\x00"), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		var stream []byte
		want := []frame{}
		for _, message := range bytes.Split(in, []byte{0xFF}) {
			message = append([]byte("<13>"), bytes.TrimRight(message, "\n\x00")...)
			stream = append(strconv.AppendInt(stream, int64(len(message)), 10), ' ')
			stream = append(stream, message...)
			want = append(want, frame{Kind: "octet", Text: string(message)})
		}
		for _, mode := range []framing.Mode{framing.Auto, framing.OctetOnly} {
			got, err := readFrames(&pieces{stream, 1 + int(n), rand.New(rand.NewPCG(1, uint64(n)))}, framing.Options{Mode: mode})
			if err != io.EOF || !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %v\n got %+v\nwant %+v", stream, err, got, want)
			}
		}
	})
}
