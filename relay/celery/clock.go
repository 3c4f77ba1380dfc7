package celery

import "time"

// clock reads a point in time at the beginning of b: "2026-11-23 00:08:12,807", with T, a dot, a zone, without
// the fraction. Without a zone ns is the clock on the wall written as if it were UTC. n is the number of bytes read, 0
// for none.
func clock(b []byte) (ns int64, zone bool, n int) {
	year, month, day, n := isoDate(b)
	if n == 0 {
		return 0, false, 0
	}
	if n+9 > len(b) || b[n] != ' ' && b[n] != 'T' && b[n] != 't' && b[n] != '_' {
		return 0, false, 0
	}
	hour, minute, second, ok := hms(b[n+1:])
	if !ok {
		return 0, false, 0
	}
	n += 9
	fraction, width := subsecond(b[n:])
	n += width
	offset, width := zoneOffset(b[n:])
	n += width
	secs := daysSince1970(year, month, day)*86400 + int64(hour)*3600 + int64(minute)*60 + int64(second) - int64(offset)
	return secs*int64(time.Second) + int64(fraction), width > 0, n
}

// isoDate reads 2026-11-23 or 2026/11/23.
func isoDate(b []byte) (year, month, day, n int) {
	if len(b) < 10 || b[4] != '-' && b[4] != '/' || b[7] != b[4] {
		return 0, 0, 0, 0
	}
	y1, ok1 := twoDigits(b)
	y2, ok2 := twoDigits(b[2:])
	month, ok3 := twoDigits(b[5:])
	day, ok4 := twoDigits(b[8:])
	year = y1*100 + y2
	if !(ok1 && ok2 && ok3 && ok4) || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, 0, 0, 0
	}
	return year, month, day, 10
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// hms reads 00:08:12.
func hms(b []byte) (h, m, s int, ok bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return 0, 0, 0, false
	}
	h, ok1 := twoDigits(b)
	m, ok2 := twoDigits(b[3:])
	s, ok3 := twoDigits(b[6:])
	return h, m, s, ok1 && ok2 && ok3 && h < 24 && m < 60 && s < 61
}

func twoDigits(b []byte) (int, bool) {
	hi, lo := b[0]-'0', b[1]-'0'
	return int(hi)*10 + int(lo), hi < 10 && lo < 10
}

// subsecond reads ",807", ".807123" in nanoseconds.
func subsecond(b []byte) (ns, n int) {
	if len(b) < 2 || b[0] != ',' && b[0] != '.' || b[1] < '0' || b[1] > '9' {
		return 0, 0
	}
	unit := int(time.Second)
	for n = 1; n < len(b) && b[n] >= '0' && b[n] <= '9'; n++ {
		unit /= 10
		ns += int(b[n]-'0') * unit
	}
	return ns, n
}

// zoneOffset reads Z, +0100, +01:00, with a space before it or not, in seconds.
func zoneOffset(b []byte) (seconds, n int) {
	if len(b) > 0 && b[0] == ' ' && len(b) > 1 && (b[1] == '+' || b[1] == '-') {
		if seconds, n = zoneOffset(b[1:]); n == 5 || n == 6 {
			return seconds, n + 1
		}
		return 0, 0
	}
	if len(b) == 0 {
		return 0, 0
	}
	if b[0] == 'Z' || b[0] == 'z' {
		return 0, 1
	}
	if b[0] != '+' && b[0] != '-' || len(b) < 5 {
		return 0, 0
	}
	h, ok := twoDigits(b[1:])
	n = 3
	if b[3] == ':' && len(b) > 5 {
		n = 4
	}
	if !ok || len(b) < n+2 {
		return 0, 0
	}
	m, ok := twoDigits(b[n:])
	if !ok || h > 14 || m > 59 {
		return 0, 0
	}
	seconds = h*3600 + m*60
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, n + 2
}

// daysSince1970 is the proleptic Gregorian calendar (Howard Hinnant's days_from_civil).
func daysSince1970(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era*146097 + doe - 719468)
}
