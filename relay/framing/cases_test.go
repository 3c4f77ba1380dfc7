package framing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/iotest"

	"destring/relay/framing"
)

// wanted is what a case's want.json says of the stream in its in.bin.
type wanted struct {
	Mode   string  `json:"mode"`
	Header string  `json:"header"`
	Max    int     `json:"max"`
	AtOnce bool    `json:"at_once"` // what the reader can do needs the bytes behind, which must have come
	Frames []frame `json:"frames"`
	End    string  `json:"end"` // why the stream ends; empty: its sender ended it
}

type frame struct {
	Kind      string `json:"kind"`
	Text      string `json:"text"`
	Truncated bool   `json:"truncated"`
	Partial   bool   `json:"partial"`
	Continued bool   `json:"continued"`
}

// readFrames reads src to its end. It asks Buffered at times, for that must change nothing.
func readFrames(src io.Reader, opt framing.Options) (frames []frame, end error) {
	r := framing.NewReader(src, opt)
	frames = []frame{}
	for {
		f, err := r.Next()
		if err != nil {
			return frames, err
		}
		kept := bytes.Clone(f.Bytes)
		buffered := len(frames)%3 > 0 && r.Buffered()
		if !bytes.Equal(kept, f.Bytes) {
			return frames, errors.New("Buffered changed the frame at hand")
		}
		frames = append(frames, frame{f.Kind.String(), string(f.Bytes), f.Truncated, f.Partial, f.Continued})
		if buffered && !r.Buffered() {
			return frames, errors.New("Buffered forgot a frame")
		}
	}
}

// pieces gives the stream in pieces of up to n bytes.
type pieces struct {
	data []byte
	n    int
	rand *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rand.IntN(p.n))], p.data)
	p.data = p.data[n:]
	return n, nil
}

func TestCases(t *testing.T) {
	files, _ := filepath.Glob("testdata/*/in.bin")
	if len(files) < 100 {
		t.Fatalf("only %d cases found", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want wanted
			decodeStrictly(t, filepath.Join(filepath.Dir(file), "want.json"), &want)
			mode, ok := framing.ParseMode(want.Mode)
			header, ok2 := framing.ParseHeader(want.Header)
			if !ok || !ok2 {
				t.Fatalf("mode %q, header %q", want.Mode, want.Header)
			}
			opt := framing.Options{Mode: mode, Header: header, MaxMessage: want.Max, MaxHeader: -1}
			check(t, "at once", bytes.NewReader(in), opt, want)
			if want.AtOnce {
				return
			}
			check(t, "byte by byte", iotest.OneByteReader(bytes.NewReader(in)), opt, want)
			for seed := range uint64(8) {
				src := &pieces{in, 1 + int(seed)*7, rand.New(rand.NewPCG(seed, 1))}
				check(t, fmt.Sprintf("in pieces of seed %d", seed), src, opt, want)
			}
		})
	}
}

func check(t *testing.T, how string, src io.Reader, opt framing.Options, want wanted) {
	t.Helper()
	got, err := readFrames(src, opt)
	if !reflect.DeepEqual(got, want.Frames) {
		t.Errorf("%s:\n got %+v\nwant %+v", how, got, want.Frames)
	}
	var end *framing.Error
	switch {
	case want.End == "" && err != io.EOF, want.End != "" && (!errors.As(err, &end) || string(end.Reason) != want.End):
		t.Errorf("%s: ended with %v, want %q", how, err, want.End)
	}
}

func decodeStrictly(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
