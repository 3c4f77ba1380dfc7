// Package kafka runs a real Apache Kafka for end-to-end tests: one KRaft node in one JVM, from
// the jars that pom.xml pins, with a plaintext listener and one of TLS with SASL. It needs java
// 17 and, the first time, mvn; the jars stay in the user's cache folder.
package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"destring/deploy/e2e/parts"
)

// User and Password log in at the SASL_SSL listener, by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
const (
	User     = "destring"
	Password = "end-to-end"
)

// Options change a node from its defaults.
type Options struct {
	Properties map[string]string // more of server.properties
	HeapMiB    int               // default 512
}

// Node is one Kafka. Its methods fail the test themselves.
type Node struct {
	Addr   string // plaintext, host:port
	Secure string // TLS with SASL, host:port
	CAFile string // PEM that signs Secure's certificate

	t    testing.TB
	dir  string
	jars string
	heap int

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the JVM has ended
}

// Start starts a node with empty logs and waits until it answers. It is killed at the end of
// the test.
func Start(t testing.TB) *Node { return StartWith(t, Options{}) }

// StartWith is Start with options.
func StartWith(t testing.TB, o Options) *Node {
	t.Helper()
	parts.Need(t, "java", "keytool", "mvn")
	n := &Node{t: t, dir: t.TempDir(), jars: jars(t), heap: max(o.HeapMiB, 0)}
	if n.heap == 0 {
		n.heap = 512
	}
	ports := FreePorts(t, 3)
	n.Addr, n.Secure = ports[0], ports[2]
	n.certificate()
	n.configure(ports[1], o.Properties)
	n.format()
	t.Cleanup(n.Kill)
	n.Run()
	return n
}

// For makes another test, a subtest, the one that the node's failures end.
func (n *Node) For(t testing.TB) { n.t = t }

// Run starts the node again after Stop or Kill, on the same ports with the same logs.
func (n *Node) Run() {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	log, err := os.OpenFile(filepath.Join(n.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	n.cmd = n.java(n.heap, "kafka.Kafka", n.file("server.properties"))
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		n.t.Fatalf("kafka: %v", err)
	}
	cmd, done := n.cmd, make(chan struct{})
	n.done = done
	go func() { // ends with the JVM
		_ = cmd.Wait() // killed or stopped: how it ended says nothing
		close(done)
	}()
	n.waitUp(done)
}

// waitUp waits for the listener and for an answer on it.
func (n *Node) waitUp(done chan struct{}) {
	n.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		select {
		case <-done:
			n.t.Fatalf("kafka ended while starting:\n%s", n.Log())
		default:
		}
		if ready(n.Addr) && ready(n.Secure) {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("kafka did not start within 2 minutes:\n%s", n.Log())
		}
	}
}

func ready(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// Stop ends the node in order.
func (n *Node) Stop() { n.end(syscall.SIGTERM) }

// Kill ends the node at once, as a power cut would, except for what the kernel has taken.
func (n *Node) Kill() { n.end(syscall.SIGKILL) }

func (n *Node) end(s syscall.Signal) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return
	}
	n.signal(s)
	select {
	case <-n.done:
	case <-time.After(time.Minute):
		n.signal(syscall.SIGKILL)
		<-n.done
		n.t.Errorf("kafka did not end within a minute of %v", s)
	}
	n.cmd = nil
}

// Pause freezes the node: connections stay open, nothing answers.
func (n *Node) Pause() { n.mu.Lock(); defer n.mu.Unlock(); n.signal(syscall.SIGSTOP) }

// Continue ends Pause.
func (n *Node) Continue() { n.mu.Lock(); defer n.mu.Unlock(); n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) {
	if n.cmd == nil {
		return
	}
	if err := n.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.t.Errorf("kafka: %v: %v", s, err)
	}
}

// PID returns the JVM's process id, 0 while it does not run.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Log returns the end of what the node wrote.
func (n *Node) Log() string {
	b, err := os.ReadFile(n.file("server.log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8000):])
}

// Topics runs kafka-topics with the node as bootstrap server and returns what it printed.
func (n *Node) Topics(args ...string) string {
	n.t.Helper()
	return n.tool("org.apache.kafka.tools.TopicCommand", append([]string{"--bootstrap-server", n.Addr}, args...)...)
}

// Configs runs kafka-configs.
func (n *Node) Configs(args ...string) string {
	n.t.Helper()
	return n.tool("kafka.admin.ConfigCommand", append([]string{"--bootstrap-server", n.Addr}, args...)...)
}

// ACLs runs kafka-acls.
func (n *Node) ACLs(args ...string) string {
	n.t.Helper()
	return n.tool("org.apache.kafka.tools.AclCommand", append([]string{"--bootstrap-server", n.Addr}, args...)...)
}

func (n *Node) tool(class string, args ...string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	run := n.java(256, class, args...)
	cmd := exec.CommandContext(ctx, run.Path, run.Args[1:]...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		n.t.Fatalf("kafka: %s %s: %v\n%s", class, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (n *Node) file(name string) string { return filepath.Join(n.dir, name) }

func (n *Node) java(heapMiB int, class string, args ...string) *exec.Cmd {
	cmd := exec.Command("java", append([]string{fmt.Sprintf("-Xmx%dm", heapMiB), fmt.Sprintf("-Xms%dm", min(heapMiB, 256)), "-XX:+UseSerialGC",
		"-XX:TieredStopAtLevel=4", "-Dlog4j2.configurationFile=" + n.file("log4j2.yaml"), "-cp", filepath.Join(n.jars, "*"), class}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// FreePorts returns loopback addresses that nobody listens on now: for a process that has to find its port
// again after a restart.
func FreePorts(t testing.TB, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

// jars resolves pom.xml into the user's cache, once for each version of it.
func jars(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "destring-e2e", "kafka")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock := lock(t, filepath.Join(dir, "lock"))
	defer unlock()
	lib, stamp := filepath.Join(dir, "lib"), filepath.Join(dir, "pom.xml")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, pom) {
		return lib
	}
	if err := errors.Join(os.RemoveAll(lib), os.RemoveAll(stamp)); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "pom.xml")
	if err := os.WriteFile(source, pom, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mvn", "-q", "-B", "-f", source, "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
		"-DoutputDirectory="+lib, "-DincludeScope=runtime")
	if out, err := cmd.CombinedOutput(); err != nil {
		parts.Missing(t, fmt.Sprintf("kafka's jars cannot be resolved: %v\n%s", err, out))
	}
	if err := os.WriteFile(stamp, pom, 0o644); err != nil {
		t.Fatal(err)
	}
	return lib
}

// lock keeps other test binaries out: go test runs packages side by side.
func lock(t testing.TB, name string) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}
