package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs beside the test. What it writes is kept.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error

	mu    sync.Mutex
	out   bytes.Buffer
	lines chan string // every line that it writes, as long as somebody reads
}

// start starts a program in dir with further environment. It is killed at the end of the test.
func start(t *testing.T, name, dir string, env []string, command ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(command[0], command[1:]...), done: make(chan struct{}), lines: make(chan string, 1<<16)}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	pr, pw := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = pw, pw
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go p.read(pr) // ends when the program has ended
	go func() {
		p.err = p.cmd.Wait()
		pw.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		<-p.done
	})
	return p
}

func (p *process) read(r io.Reader) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		p.mu.Lock()
		p.out.WriteString(in.Text() + "\n")
		p.mu.Unlock()
		select {
		case p.lines <- in.Text():
		default:
		}
	}
	_, _ = io.Copy(io.Discard, r) // after a line that is too long
}

// output is all that the program has written.
func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// waitFor returns the first line from now on that holds text.
func (p *process) waitFor(text string, within time.Duration) string {
	p.t.Helper()
	deadline := time.After(within)
	for {
		select {
		case line := <-p.lines:
			if strings.Contains(line, text) {
				return line
			}
		case <-p.done:
			p.t.Fatalf("%s ended (%v) before it said %q:\n%s", p.name, p.err, text, p.output())
		case <-deadline:
			p.t.Fatalf("%s did not say %q in %v:\n%s", p.name, text, within, p.output())
		}
	}
}

// stop ends the program by SIGTERM and wants it to end in order.
func (p *process) stop(within time.Duration) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Errorf("%s ended with %v:\n%s", p.name, p.err, p.output())
		}
	case <-time.After(within):
		p.t.Fatalf("%s did not end in %v:\n%s", p.name, within, p.output())
	}
}

// run runs a program to its end and returns what it wrote to standard output.
func run(t *testing.T, dir string, env []string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", strings.Join(command, " "), err, out, stderr.String())
	}
	return string(out)
}

// root is the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// cache is a folder that lives longer than the test, for what takes long to install.
func cache(t *testing.T) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "destring-e2e")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

var buildOnce struct {
	sync.Mutex
	binary string
}

// destring builds the binary under test, once.
func destring(t *testing.T) string {
	t.Helper()
	buildOnce.Lock()
	defer buildOnce.Unlock()
	if buildOnce.binary == "" {
		dir, err := os.MkdirTemp("", "destring-e2e-*")
		if err != nil {
			t.Fatal(err)
		}
		run(t, root(t), []string{"CGO_ENABLED=0"}, "go", "build", "-o", filepath.Join(dir, "destring"), "./cmd/destring")
		buildOnce.binary = filepath.Join(dir, "destring")
	}
	return buildOnce.binary
}

func TestMain(m *testing.M) {
	code := m.Run()
	if buildOnce.binary != "" {
		_ = os.RemoveAll(filepath.Dir(buildOnce.binary))
	}
	os.Exit(code)
}

// python returns the interpreter of a virtual environment with the example's requirements.
func python(t *testing.T) string { return venv(t, "celery/example/requirements.txt") }

// venv returns the interpreter of a virtual environment with files of requirements in deploy. It is made once and
// kept under a name that changes with them.
func venv(t *testing.T, requirements ...string) string {
	t.Helper()
	var texts []byte
	var install []string
	for _, file := range requirements {
		path := filepath.Join(root(t), "deploy", file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text...)
		install = append(install, "-r", path)
	}
	dir := filepath.Join(cache(t), "venv-"+fingerprint(texts))
	interpreter, ready := filepath.Join(dir, "bin", "python"), filepath.Join(dir, "complete")
	if _, err := os.Stat(ready); err == nil {
		return interpreter
	}
	run(t, ".", nil, "python3", "-m", "venv", "--clear", dir)
	run(t, ".", nil, append([]string{interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, install...)...)
	if err := os.WriteFile(ready, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return interpreter
}
