package parts

import (
	"runtime"
	"strings"
	"testing"
)

// recorder stands for a test that Need ends.
type recorder struct {
	testing.TB
	failed, skipped bool
	text            string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = true
	r.end(format, args)
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = true
	r.end(format, args)
}

func (r *recorder) end(format string, args []any) {
	r.text = format
	for _, a := range args {
		if s, ok := a.(string); ok {
			r.text += " " + s
		}
	}
	runtime.Goexit()
}

func need(t *testing.T, programs ...string) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Need(r, programs...)
	}()
	<-done
	return r
}

func TestAMissingPartIsNamedWithItsPackageAndFailsTheTestOnlyWhenPartsAreRequired(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, required := range []string{"required", ""} {
		t.Setenv(env, required)
		r := need(t, "mvn", "no-such-program")
		if must := required != ""; r.failed != must || r.skipped == must {
			t.Errorf("%s=%q: failed %t, skipped %t", env, required, r.failed, r.skipped)
		}
		for _, want := range []string{"mvn", "maven", "no-such-program"} {
			if !strings.Contains(r.text, want) {
				t.Errorf("%s=%q: %q does not name %s", env, required, r.text, want)
			}
		}
	}
}

func TestPartsThatAreThereLetTheTestGoOn(t *testing.T) {
	t.Setenv(env, "required")
	if r := need(t, "sh"); r.failed || r.skipped {
		t.Error(r.text)
	}
}
