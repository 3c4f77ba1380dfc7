package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// maxInputLine bounds a line of a file that a command reads, in bytes.
const maxInputLine = 64 << 20

// inputs opens the files that a command names, or its standard input. "-" is standard input too.
func inputs(cmd *cobra.Command, names []string, use func(io.Reader) error) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if name == "-" {
			if err := use(cmd.InOrStdin()); err != nil {
				return err
			}
			continue
		}
		if err := useFile(name, use); err != nil {
			return err
		}
	}
	return nil
}

func useFile(name string, use func(io.Reader) error) error {
	f, err := os.Open(name)
	if err != nil {
		return usageError("%w", err)
	}
	defer f.Close()
	return use(f)
}

// eachLine calls use with every line, without its line feed, and tells whether the line had one. The
// line is valid during the call.
func eachLine(r io.Reader, use func(line []byte, ended bool) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if len(long)+len(part) > maxInputLine {
				return fmt.Errorf("a line is longer than %d bytes", maxInputLine)
			}
			long = append(long, part...)
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read input: %w", err)
		}
		line := part
		if len(long) > 0 {
			long = append(long, part...)
			line = long
		}
		if len(line) > 0 {
			text, ended := bytes.CutSuffix(line, []byte{'\n'})
			if err := use(text, ended); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		long = long[:0]
	}
}

// question is one line of `--jsonl` input; members that are not named here are ignored.
type question struct {
	ID   json.RawMessage `json:"id"`
	Line *string         `json:"line"`
}

// eachQuestion reads JSON lines.
func eachQuestion(r io.Reader, use func(question) error) error {
	n := 0
	return eachLine(r, func(line []byte, _ bool) error {
		n++
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil || q.Line == nil {
			// The error of encoding/json may quote the line.
			return usageError("input line %d is no JSON object with a member \"line\" that is a text", n)
		}
		if len(q.ID) == 0 {
			q.ID = json.RawMessage("null")
		}
		return use(q)
	})
}
