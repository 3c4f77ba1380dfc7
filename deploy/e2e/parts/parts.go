// Package parts says which programs an end-to-end test needs and what happens when they are
// not there: with DESTRING_E2E=required (as in .ci/run) a missing part fails the test; else
// the test is skipped with the reason, so that `go test ./...` needs nothing but Go.
package parts

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// env asks for the parts: "required" makes a missing one a failure.
const env = "DESTRING_E2E"

// packages names the Debian package of a program, where its name is another.
var packages = map[string]string{
	"java":      "openjdk-17-jre-headless",
	"keytool":   "openjdk-17-jre-headless",
	"mvn":       "maven",
	"python3":   "python3 python3-venv",
	"rsyslogd":  "rsyslog rsyslog-gnutls rsyslog-relp",
	"promtool":  "prometheus",
	"syslog-ng": "syslog-ng-core (it cannot be installed beside rsyslog: unpack it with dpkg -x)",
}

// Required reports whether missing parts are failures.
func Required() bool { return os.Getenv(env) == "required" }

// Need ends the test unless all programs are on the PATH.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	var missing, install []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		missing = append(missing, p)
		if pkg, ok := packages[p]; ok {
			p = pkg
		}
		install = append(install, p)
	}
	if len(missing) > 0 {
		Missing(t, "programs not installed: "+strings.Join(missing, ", ")+" (on Debian: apt-get install "+strings.Join(install, " ")+")")
	}
}

// Missing ends the test because of a part that is more than a program on the PATH.
func Missing(t testing.TB, what string) {
	t.Helper()
	if Required() {
		t.Fatalf("%s, and %s=required", what, env)
	}
	t.Skipf("%s; set %s=required to make this a failure", what, env)
}
