package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"destring/deploy/e2e/parts"
)

// syslogNGPackages are syslog-ng and the libraries that only it needs. It cannot be installed beside
// rsyslog, so it is unpacked.
var syslogNGPackages = []string{"syslog-ng-core", "libivykis0", "libjson-c5", "libnet1", "libpcre3", "libwrap0"}

// syslogNG returns the root of an unpacked syslog-ng, made once.
func syslogNG(t *testing.T) string {
	t.Helper()
	parts.Need(t, "apt-get", "dpkg")
	dir := filepath.Join(cache(t), "syslog-ng")
	ready := filepath.Join(dir, "complete")
	if _, err := os.Stat(ready); err == nil {
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	download := func() ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), "apt-get", append([]string{"download", "-q"}, syslogNGPackages...)...)
		cmd.Dir = dir
		return cmd.CombinedOutput()
	}
	out, err := download()
	if err != nil && parts.Required() {
		run(t, dir, nil, "apt-get", "update", "-q")
		out, err = download()
	}
	if err != nil {
		parts.Missing(t, fmt.Sprintf("the packages of syslog-ng cannot be downloaded: %v\n%s", err, out))
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != len(syslogNGPackages) {
		t.Fatalf("%d packages were downloaded: %v", len(debs), err)
	}
	for _, deb := range debs {
		run(t, dir, nil, "dpkg", "-x", deb, dir)
	}
	if err := os.WriteFile(ready, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// syslogng starts syslog-ng with a configuration whose source s_src is a datagram socket.
func (s *site) syslogng(name, conf string) (socket string, p *process) {
	s.t.Helper()
	unpacked := syslogNG(s.t)
	work := func(file string) string { return filepath.Join(s.dir, name+"."+file) }
	socket = work("sock")
	s.write(name+".conf", fmt.Appendf(nil, "@version: 3.38\noptions { stats-freq(0); };\nsource s_src { unix-dgram(%q); };\n%s", socket, conf), 0o600)
	var libraries []string
	for _, d := range []string{"usr/lib/syslog-ng", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu"} {
		libraries = append(libraries, filepath.Join(unpacked, d))
	}
	modules, err := filepath.Glob(filepath.Join(unpacked, "usr/lib/syslog-ng/[0-9]*"))
	if err != nil || len(modules) != 1 {
		s.t.Fatalf("the modules of syslog-ng: %q, %v", modules, err)
	}
	p = start(s.t, name, s.dir, []string{"LD_LIBRARY_PATH=" + strings.Join(libraries, ":")}, filepath.Join(unpacked, "usr/sbin/syslog-ng"), "--foreground", "--no-caps",
		"--cfgfile", work("conf"), "--module-path", modules[0], "--persist-file", work("persist"), "--pidfile", work("pid"), "--control", work("ctl"))
	return socket, p
}
