package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"destring/relay"
	"destring/relay/kafka"
	"destring/relay/spool"
)

// spoolFlags say which spool to look at.
type spoolFlags struct {
	dir, keyFile string
	config       controlFlags
	format       string
}

func newSpool() *cobra.Command {
	root := &cobra.Command{Use: "spool", Short: "Look into a spool: what is in it, is it whole",
		Long: `spool looks into the folder of a spool and changes nothing; the relay may be running.
Records are shown as they will be published: redacted.`,
		Example: "  destring spool ls -c destring.yaml\n  destring spool verify -c destring.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q for spool; there are ls, stat, cat and verify", args[0])
			}
			return cmd.Help()
		}}
	root.AddCommand(newSpoolLs(), newSpoolStat(), newSpoolCat(), newSpoolVerify())
	return root
}

// command makes a subcommand that works on the spool of its flags.
func (f *spoolFlags) command(use, short string, example string, run func(cmd *cobra.Command, dir string, keys spool.Keyring) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Example: example, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		dir, keys, err := f.open()
		if err != nil {
			return err
		}
		return run(cmd, dir, keys)
	}}
	cmd.Flags().StringVar(&f.dir, "dir", "", "folder of the spool; spool.dir of the configuration when empty")
	cmd.Flags().StringVar(&f.keyFile, "key-file", "", "file with its master keys; spool.key beside the folder when empty")
	f.config.add(cmd)
	return cmd
}

func (f *spoolFlags) output(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.format, "output", "o", "text", "text or json")
}

// open finds the folder and reads the keys. Unlike the relay it makes none.
func (f *spoolFlags) open() (dir string, keys spool.Keyring, err error) {
	if f.format != "" && f.format != "text" && f.format != "json" {
		return "", keys, usageError("-o %s: must be text or json", f.format)
	}
	dir, keyFile := f.dir, f.keyFile
	if f.config.config != "" {
		c, err := loadConfig(f.config.config, f.config.sets, cmdEnviron())
		if err != nil {
			return "", keys, err
		}
		if dir == "" {
			dir = c.path(c.Spool.Dir)
		}
		if keyFile == "" {
			keyFile = c.spoolKeyFile()
		}
	}
	if dir == "" {
		return "", keys, usageError("which spool? --dir DIR, or -c FILE for that of a configuration")
	}
	if keyFile == "" {
		keyFile = filepath.Join(filepath.Dir(filepath.Clean(dir)), "spool.key")
	}
	text, err := readBounded(keyFile, 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return "", keys, usageError("the key file %s does not exist; --key-file FILE names another", keyFile)
	}
	if err != nil {
		return "", keys, fmt.Errorf("key file: %w", err)
	}
	keys, err = spool.ParseKeys(text)
	if err != nil {
		return "", keys, &exitError{exitConfig, fmt.Errorf("key file %s: %w", keyFile, err)}
	}
	return dir, keys, nil
}

// list is spool.List, where an empty folder is a mistake of the caller.
func listSpool(dir string, keys spool.Keyring) (spool.Listing, error) {
	l, err := spool.List(dir, keys)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, usageError("%s: there is no such folder", dir)
	case err == nil && len(l.Segments) == 0 && len(l.Cursors) == 0:
		return l, usageError("%s: there is no spool in this folder", dir)
	}
	return l, err
}

// segmentView and the types below are the JSON of ls and stat.
type segmentView struct {
	Name    string    `json:"name"`
	First   uint64    `json:"first"`
	Bytes   int64     `json:"bytes"`
	Key     string    `json:"key,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Error   string    `json:"error,omitempty"`
}

type cursorView struct {
	Reader   string `json:"reader"`
	Position uint64 `json:"position"`
	State    int    `json:"state_bytes"`
	Behind   uint64 `json:"behind"`
	Error    string `json:"error,omitempty"`
}

type gapView struct {
	Reason   spool.Reason `json:"reason"`
	Segment  string       `json:"segment"`
	Offset   int64        `json:"offset"`
	Bytes    int64        `json:"bytes"`
	First    uint64       `json:"first"`
	Records  uint64       `json:"records"`
	File     string       `json:"file,omitempty"`
	Recorded bool         `json:"recorded,omitempty"`
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func viewOfGap(g spool.Gap) gapView {
	return gapView{Reason: g.Reason, Segment: g.Segment, Offset: g.Offset, Bytes: g.Bytes, First: g.First, Records: g.Records, File: g.File}
}

func newSpoolLs() *cobra.Command {
	f := &spoolFlags{}
	cmd := f.command("ls", "List segments, readers and what lies in quarantine", "  destring spool ls --dir /var/lib/destring/spool", func(cmd *cobra.Command, dir string, keys spool.Keyring) error {
		l, err := listSpool(dir, keys)
		if err != nil {
			return err
		}
		segments, cursors, gaps := viewsOf(l)
		if f.format == "json" {
			return writeJSON(cmd.OutOrStdout(), map[string]any{"segments": segments, "readers": cursors, "quarantine": gaps})
		}
		p := &printerTo{w: cmd.OutOrStdout()}
		for _, s := range segments {
			p.line("segment     %-28s first %-12d %10s  key %-8s %s %s", visible(s.Name), s.First, Size(s.Bytes), s.Key, s.Created.UTC().Format(time.DateTime), visible(s.Error))
		}
		for _, c := range cursors {
			p.line("reader      %-28s next  %-12d %10s  of state %s", c.Reader, c.Position, Size(c.State), visible(c.Error))
		}
		for _, g := range gaps {
			p.line("quarantine  %-28s first %-12d %10s  %s", visible(g.File), g.First, Size(g.Bytes), recordedWord[g.Recorded])
		}
		return p.err
	})
	f.output(cmd)
	return cmd
}

var recordedWord = map[bool]string{true: "on record", false: "not on record yet"}

func viewsOf(l spool.Listing) (segments []segmentView, cursors []cursorView, gaps []gapView) {
	segments, cursors, gaps = []segmentView{}, []cursorView{}, []gapView{}
	for _, s := range l.Segments {
		segments = append(segments, segmentView{s.Name, s.First, s.Size, s.KeyID, s.Created, errorText(s.Err)})
	}
	for _, c := range l.Cursors {
		cursors = append(cursors, cursorView{Reader: c.Reader, Position: uint64(c.Position), State: c.State, Error: errorText(c.Err)})
	}
	for i, g := range l.Gaps {
		v := viewOfGap(g)
		v.Recorded = l.Recorded[i]
		gaps = append(gaps, v)
	}
	return segments, cursors, gaps
}

func newSpoolStat() *cobra.Command {
	f := &spoolFlags{}
	cmd := f.command("stat", "Say how much is in the spool, and how far each reader is", "  destring spool stat -c destring.yaml -o json", func(cmd *cobra.Command, dir string, keys spool.Keyring) error {
		l, err := listSpool(dir, keys)
		if err != nil {
			return err
		}
		report, err := spool.Verify(dir, "", keys)
		if err != nil {
			return err
		}
		_, cursors, _ := viewsOf(l)
		next := uint64(0)
		if n := len(l.Segments); n > 0 {
			last, err := spool.Verify(dir, l.Segments[n-1].Name, keys)
			if err == nil {
				next = l.Segments[n-1].First + last.Records
			}
		}
		for i := range cursors {
			cursors[i].Behind = next - min(next, cursors[i].Position)
		}
		if f.format == "json" {
			return writeJSON(cmd.OutOrStdout(), map[string]any{"segments": report.Segments, "frames": report.Frames, "records": report.Records, "bytes": report.Bytes,
				"oldest": report.Oldest, "newest": report.Newest, "readers": cursors, "damaged_places": len(report.Gaps), "quarantine": len(l.Gaps)})
		}
		p := &printerTo{w: cmd.OutOrStdout()}
		p.line("%d records in %d frames of %d segments, %s", report.Records, report.Frames, report.Segments, Size(report.Bytes))
		if report.Records > 0 {
			p.line("received from %s to %s", report.Oldest.UTC().Format(time.RFC3339), report.Newest.UTC().Format(time.RFC3339))
		}
		for _, c := range cursors {
			p.line("reader %-12s has %d records to read %s", c.Reader, c.Behind, visible(c.Error))
		}
		p.line("quarantine holds %d places", len(l.Gaps))
		return p.err
	})
	f.output(cmd)
	return cmd
}

// shown is one record of cat --meta.
type shown struct {
	Sequence  uint64          `json:"sequence"`
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Time      time.Time       `json:"time"`
	Key       string          `json:"key"`
	Matched   bool            `json:"frame_matched"`
	Record    json.RawMessage `json:"record"`
}

func newSpoolCat() *cobra.Command {
	f := &spoolFlags{}
	var segment, topic string
	var limit int
	var meta bool
	cmd := f.command("cat", "Print records as JSON lines", "  destring spool cat --dir spool | jq .message\n  destring spool cat --dir spool --meta -n 10", func(cmd *cobra.Command, dir string, keys spool.Keyring) error {
		if _, err := listSpool(dir, keys); err != nil {
			return err
		}
		out := bufio.NewWriter(cmd.OutOrStdout())
		printed := 0
		report, err := spool.Cat(dir, segment, keys, func(frame spool.Frame) error {
			if topic != "" && frame.Topic != topic {
				return nil
			}
			records, err := kafka.Decode(relay.BatchOf(frame))
			if err != nil {
				return err
			}
			for i, r := range records {
				if limit > 0 && printed == limit {
					return io.EOF
				}
				printed++
				if err := printRecord(out, frame, i, r, meta); err != nil {
					return err
				}
			}
			return nil
		})
		if err = errors.Join(err, out.Flush()); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if printed == 0 && len(report.Gaps) == 0 {
			return usageError("%s: no records", dir)
		}
		for _, g := range report.Gaps {
			fmt.Fprintln(cmd.ErrOrStderr(), "destring:", g)
		}
		return damageError(report)
	})
	cmd.Flags().StringVar(&segment, "segment", "", "only this file (see ls)")
	cmd.Flags().StringVar(&topic, "topic", "", "only records of this topic")
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "so many records at most; 0 is all")
	cmd.Flags().BoolVar(&meta, "meta", false, "print where each record lies, with the record inside")
	return cmd
}

func printRecord(out *bufio.Writer, frame spool.Frame, i int, r kafka.Record, meta bool) error {
	line := r.Value
	if meta {
		var err error
		line, err = json.Marshal(shown{frame.First + uint64(i), frame.Topic, frame.Partition, r.Time.UTC(), string(r.Key), frame.Matched, r.Value})
		if err != nil {
			return fmt.Errorf("record %d: %w", frame.First+uint64(i), err)
		}
	}
	_, _ = out.Write(line) // Flush tells
	return out.WriteByte('\n')
}

func newSpoolVerify() *cobra.Command {
	f := &spoolFlags{}
	var segment string
	cmd := f.command("verify", "Check every sum and every seal", "  destring spool verify --dir /var/lib/destring/spool --key-file /etc/destring/spool.key", func(cmd *cobra.Command, dir string, keys spool.Keyring) error {
		l, err := listSpool(dir, keys)
		if err != nil {
			return err
		}
		if len(l.Segments) == 0 {
			return usageError("%s: no segments, so nothing to verify", dir)
		}
		report, err := spool.Verify(dir, segment, keys)
		if err != nil {
			return err
		}
		if f.format == "json" {
			gaps := []gapView{}
			for _, g := range report.Gaps {
				gaps = append(gaps, viewOfGap(g))
			}
			err = writeJSON(cmd.OutOrStdout(), map[string]any{"segments": report.Segments, "frames": report.Frames, "records": report.Records, "bytes": report.Bytes, "damage": report.Damage(), "places": gaps})
		} else {
			p := &printerTo{w: cmd.OutOrStdout()}
			for _, g := range report.Gaps {
				p.line("%s", visible(g.String()))
			}
			p.line("%d records in %d frames of %d segments are whole", report.Records, report.Frames, report.Segments)
			err = p.err
		}
		return errors.Join(err, damageError(report))
	})
	f.output(cmd)
	cmd.Flags().StringVar(&segment, "segment", "", "only this file (see ls)")
	return cmd
}

// damageError is exit code 1 when anything is wrong.
func damageError(r spool.Report) error {
	if !r.Damage() {
		return nil
	}
	places, lost := 0, uint64(0)
	for _, g := range r.Gaps {
		if g.Reason != spool.Tail {
			places, lost = places+1, lost+g.Records
		}
	}
	return &exitError{exitFindings, fmt.Errorf("%d damaged places, %d records cannot be read; the relay passes over them, keeps a copy in quarantine and says so on the audit topic", places, lost)}
}
