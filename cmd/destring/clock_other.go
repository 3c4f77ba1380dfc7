//go:build !linux

package main

func checkClock(u *checkup) {
	u.add(levelNote, "clock", "see to it that an NTP client runs", "cannot be checked on this system")
}
