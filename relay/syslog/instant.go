package syslog

import "time"

// Instant returns the moment at which clocks in zone show wall, nanoseconds since 1970 written as if zone were UTC;
// nil is UTC. Of the two moments of an hour that comes twice it returns the one nearer to received; a time that
// the clocks skip is read as if they had not been set yet.
func Instant(wall, received int64, zone *time.Location) int64 {
	if zone == nil || zone == time.UTC {
		return wall
	}
	const day = int64(24 * time.Hour)
	before, after := wall-offset(wall-day, zone), wall-offset(wall+day, zone)
	if before == after {
		return before
	}
	okBefore, okAfter := wall-offset(before, zone) == before, wall-offset(after, zone) == after
	if okAfter && (!okBefore || distance(after, received) < distance(before, received)) {
		return after
	}
	return before
}

// offset returns how far zone is before UTC at t.
func offset(t int64, zone *time.Location) int64 {
	_, seconds := time.Unix(t/1e9, 0).In(zone).Zone()
	return int64(seconds) * 1e9
}

func distance(a, b int64) int64 { return max(a-b, b-a) }
