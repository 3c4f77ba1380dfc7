package main

import "golang.org/x/sys/unix"

// checkClock asks the kernel whether something keeps its clock right.
func checkClock(u *checkup) {
	var t unix.Timex // no modes: nothing is changed
	state, err := unix.Adjtimex(&t)
	switch {
	case err != nil:
		u.add(levelNote, "clock", "", "the kernel does not say whether it is synchronized: %v", err)
	case state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
		u.add(levelWarning, "clock", "run chrony, systemd-timesyncd or another NTP client on this machine", "nothing keeps it right: times of receipt and the windows of rules drift")
	default:
		u.add(levelOK, "clock", "", "synchronized")
	}
}
