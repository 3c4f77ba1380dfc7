package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"destring": main})
}

// Each script is one behaviour of the command line, run in a folder of its own. It calls the
// command as a process.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(env *testscript.Env) error {
		env.Setenv("TZ", "UTC")
		return os.MkdirAll(env.WorkDir, 0o700)
	}})
}
