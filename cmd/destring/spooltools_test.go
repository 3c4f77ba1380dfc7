package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"destring/relay/kafka"
)

// call runs a command in this process.
func call(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// backlog is an estate whose relay took lines while Kafka was away, and has ended.
func backlog(t *testing.T, lines []string) (e *estate, dir string) {
	t.Helper()
	e = newEstate(t)
	r := e.start("")
	e.broker.Close()
	conn := e.dial(r, "worker-7.shop.example")
	for _, line := range lines {
		io.WriteString(conn, frame(134, "celery.app.trace", line))
	}
	hangUp(t, conn)
	r.end(t)
	return e, filepath.Join(e.dir, "spool")
}

func TestTheSpoolToolsShowWhatWaitsForKafka(t *testing.T) {
	lines := leakyLines()
	e, dir := backlog(t, lines)
	var texts []string
	code, out, errs := call("spool", "cat", "--dir", dir, "--topic", "celery.logs.v1")
	if code != exitOK || errs != "" {
		t.Fatalf("cat: exit code %d: %s", code, errs)
	}
	texts = append(texts, out)
	printed := slices.Collect(strings.Lines(out))
	if len(printed) != len(lines) {
		t.Fatalf("cat printed %d lines, want %d:\n%s", len(printed), len(lines), out)
	}
	for i, line := range printed {
		var doc struct {
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(line), &doc); err != nil || !strings.HasPrefix(doc.Message, lines[i][:30]) {
			t.Errorf("line %d is no record of %q: %v\n%s", i, lines[i][:30], err, line)
		}
	}
	if code, out, _ = call("spool", "cat", "--dir", dir, "--topic", "celery.logs.v1", "--meta", "-n", "2"); code != exitOK || strings.Count(out, "\n") != 2 {
		t.Errorf("cat --meta -n 2: exit code %d:\n%s", code, out)
	}
	var first shown
	if err := json.Unmarshal([]byte(strings.Split(out, "\n")[0]), &first); err != nil || first.Key != "worker-7.shop.example/shop-a" || first.Topic != "celery.logs.v1" {
		t.Errorf("cat --meta: %+v, %v", first, err)
	}
	for _, c := range []struct{ command, want string }{
		{"ls", "reader      kafka"}, {"ls", "segment     "}, {"stat", " segments, "}, {"stat", "reader kafka"}, {"verify", "are whole"},
	} {
		code, out, errs = call("spool", c.command, "-c", filepath.Join(e.dir, "destring.yaml"))
		if code != exitOK || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d, want %q in:\n%s%s", c.command, code, c.want, out, errs)
		}
		texts = append(texts, out)
		code, out, errs = call("spool", c.command, "--dir", dir, "-o", "json")
		if code != exitOK || !json.Valid([]byte(out)) {
			t.Errorf("%s -o json: exit code %d: %s%s", c.command, code, out, errs)
		}
		texts = append(texts, out)
	}
	e.leaks(texts)
}

func TestVerifyFindsDamageAndSaysWhereByExitCodeOne(t *testing.T) {
	_, dir := backlog(t, leakyLines())
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("segments: %v, %v", segments, err)
	}
	damaged := segments[0]
	b, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.Index(b, []byte("celery."))
	if first < 0 {
		t.Fatal("no frame found")
	}
	b[first] ^= 0x20
	if err := os.WriteFile(damaged, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"verify", "cat"} {
		code, out, errs := call("spool", command, "--dir", dir)
		if code != exitFindings || !strings.Contains(errs, "damaged places") || !strings.Contains(out+errs, filepath.Base(damaged)) {
			t.Errorf("%s: exit code %d:\n%s%s", command, code, out, errs)
		}
	}
	if after, err := os.ReadFile(damaged); err != nil || !bytes.Equal(after, b) {
		t.Errorf("the tools changed the segment: %v", err)
	}
}

func TestTheSpoolToolsRefuseWhatIsNoSpool(t *testing.T) {
	dir := t.TempDir()
	key, empty := filepath.Join(dir, "spool.key"), filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"ls", "stat", "cat", "verify"} {
		code, _, errs := call("spool", command, "--dir", empty)
		if code != exitUsage || !strings.Contains(errs, "the key file "+key+" does not exist") {
			t.Errorf("%s without a key: exit code %d: %s", command, code, errs)
		}
		if _, err := os.Stat(key); err == nil {
			t.Fatal("a key was made")
		}
	}
	if err := os.WriteFile(key, fmt.Appendf(nil, "%064x\n", 7), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, want string }{{empty, "there is no spool in this folder"}, {filepath.Join(dir, "nothere"), "there is no such folder"}, {"", "which spool?"}} {
		for _, command := range []string{"ls", "stat", "cat", "verify"} {
			if code, _, errs := call("spool", command, "--dir", c.dir); code != exitUsage || !strings.Contains(errs, c.want) {
				t.Errorf("%s --dir %q: exit code %d, want %q: %s", command, c.dir, code, c.want, errs)
			}
		}
	}
}

func TestReplayPublishesTheSameRecordsAgain(t *testing.T) {
	e := newEstate(t)
	r := e.start("")
	conn := e.dial(r, "worker-7.shop.example")
	const n = 1200
	for i := range n {
		io.WriteString(conn, frame(134, "celery.app.trace", fmt.Sprintf("[2026-11-25 10:00:00,123: INFO/MainProcess] number %d", i)))
	}
	hangUp(t, conn)
	before := e.topic("celery.logs.v1", n)
	r.end(t)
	config := filepath.Join(e.dir, "destring.yaml")
	code, out, errs := call("replay", "-c", config, "--from", "1h", "--to-topic", "celery.again")
	if code != exitOK || !strings.Contains(out, fmt.Sprintf("replayed %d records of celery.logs.v1 to celery.again in ", n)) {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	wantSame(t, e.topic("celery.again", n), before)
	if code, out, errs = call("replay", "-c", config, "--topic", "celery.again", "--from", "1h"); code != exitOK {
		t.Fatalf("to the same topic: exit code %d: %s%s", code, out, errs)
	}
	wantSame(t, e.topic("celery.again", 2*n)[n:], before)
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"no time", "replay needs --from", nil},
		{"no such time", `"yesterday" is no time`, []string{"--from", "yesterday"}},
		{"an end before the start", "is not after", []string{"--from", "1h", "--to", "2h"}},
		{"nothing in that time", "has no records in that time", []string{"--from", time.Now().Add(time.Hour).Format(time.RFC3339)}},
	} {
		if code, _, errs := call(append([]string{"replay", "-c", config}, c.args...)...); code != exitUsage || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit code %d, want %q: %s", c.name, code, c.want, errs)
		}
	}
}

func wantSame(t *testing.T, got, want []kafka.Record) {
	t.Helper()
	for i := range want {
		g, w := got[i], want[i]
		if string(g.Key) != string(w.Key) || string(g.Value) != string(w.Value) || !g.Time.Equal(w.Time) || fmt.Sprint(g.Headers) != fmt.Sprint(w.Headers) {
			t.Fatalf("record %d is\n%s\nwant\n%s", i, g.Value, w.Value)
		}
	}
}
