package main

import (
	"golang.org/x/sys/unix"
)

// hideMemory keeps raw text from leaving with the memory of the process: no core dumps, and no
// other process of the same user may attach or read /proc/PID/mem. The child
// processes inherit the limit, not the flag. Errors are not fatal: a container may forbid the call.
func hideMemory() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
