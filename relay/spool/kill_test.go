package spool

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// killDir makes the test binary a process that appends until it is killed.
const killDir = "SPOOL_TEST_KILL_DIR"

// TestNothingAcknowledgedIsLostWhenTheProcessIsKilled kills a real process on a real disk while it
// appends, reads and commits, five times; each starts where the one before was killed.
func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		appendUntilKilled(t, dir)
		return
	}
	cfg := Config{Dir: t.TempDir(), Readers: []string{"publisher", "audit"}, Codec: LZ4, SegmentSize: 256 << 10}
	acked := 0
	for i := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), killDir+"="+cfg.Dir, "SPOOL_TEST_KILL_FROM="+strconv.Itoa(acked))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			got, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("the process says %q", lines.Text())
			}
			acked = got
			if n == 40+10*i {
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
	}
	s := openSpool(t, cfg)
	got := map[string]bool{}
	for _, key := range keysOf(t, reader(t, s, "audit")) { // it never committed
		got[key] = true
	}
	for n := range acked {
		if !got[fmt.Sprint(n)] {
			t.Fatalf("record %d of %d acknowledged ones is lost", n, acked)
		}
	}
	if acked < 1000 {
		t.Errorf("only %d records were acknowledged", acked)
	}
	for _, g := range s.gaps.pending {
		if g.Reason != Tail { // a write that the kill cut short
			t.Error(g)
		}
	}
}

// appendUntilKilled prints how many records are durable.
func appendUntilKilled(t *testing.T, dir string) {
	s := openSpool(t, Config{Dir: dir, Readers: []string{"publisher", "audit"}, Codec: LZ4, SegmentSize: 256 << 10})
	r := reader(t, s, "publisher")
	n, err := strconv.Atoi(os.Getenv("SPOOL_TEST_KILL_FROM"))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		appendAll(t, s, n, n+50)
		n += 50
		fmt.Println(n)
		if f, ok := tryNext(t, r); ok {
			if err := r.Commit(f.Position, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatal("nobody killed it")
}
