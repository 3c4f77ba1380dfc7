package syslog

// stamp is a time as it was written.
type stamp struct {
	year, month, day     int // year 0: not said, unless iso
	hour, minute, second int
	nanos                int
	iso                  bool // in the form of RFC 3339
	zoned                bool
	offset               int // seconds east of UTC
}

// ns returns nanoseconds since 1970, of the clock on the wall when there is no zone. ok is false
// outside of 1678 to 2261, which nanoseconds cannot hold.
func (s *stamp) ns() (ns int64, ok bool) {
	if s.year < 1678 || s.year > 2261 {
		return 0, false
	}
	sec := days(s.year, s.month, s.day)*86400 + int64(s.hour*3600+s.minute*60+s.second-s.offset)
	return sec*1e9 + int64(s.nanos), true
}

// days returns the days from 1970-01-01 to a date of the Gregorian calendar. (Years begin in March
// here, so that the leap day is a year's last.)
func days(year, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era, yoe := year/400, year%400
	doy := (153*((month+9)%12)+2)/5 + day - 1
	return int64(era)*146097 + int64(yoe*365+yoe/4-yoe/100+doy) - 719468
}

var monthDays = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// valid reports whether the time exists. Without a year a leap day may; a leap second may always, for
// clocks write it although RFC 5424 §6.2.3.1 forbids it.
func (s *stamp) valid() bool {
	if s.month < 1 || s.month > 12 || s.day < 1 || s.hour > 23 || s.minute > 59 || s.second > 60 {
		return false
	}
	limit := monthDays[s.month-1]
	if s.month == 2 && (s.year == 0 || leap(s.year)) {
		limit = 29
	}
	return s.day <= limit
}

// startsStamp reports whether b can be the TIMESTAMP of RFC 5424.
func startsStamp(b []byte) bool {
	return len(b) >= 2 && b[0] == '-' && b[1] == ' ' || len(b) >= 5 && isDigit(b[0]) && isDigit(b[1]) && isDigit(b[2]) && isDigit(b[3]) && b[4] == '-'
}

// readISO reads the RFC 3339 time that b begins with, in the profile of RFC 5424 §6.2.3 but with any number of digits of
// fraction, and returns its length, or 0. If not strict, the zone may lack its colon or be missing.
func readISO(b []byte, s *stamp, strict bool) int {
	const shape = "2006-01-02T15:04:05"
	if len(b) < len(shape) || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0
	}
	var bad bool
	s.year = two(b[0:], &bad)*100 + two(b[2:], &bad)
	s.month, s.day = two(b[5:], &bad), two(b[8:], &bad)
	s.hour, s.minute, s.second = two(b[11:], &bad), two(b[14:], &bad), two(b[17:], &bad)
	if bad || !s.valid() {
		return 0
	}
	n := len(shape)
	if n < len(b) && b[n] == '.' {
		m := readFraction(b[n+1:], s)
		if m == 0 {
			return 0
		}
		n += 1 + m
	}
	s.iso = true
	m := readOffset(b[n:], s, strict)
	if m == 0 && strict {
		return 0
	}
	return n + m
}

// two reads two digits.
func two(b []byte, bad *bool) int {
	hi, lo := b[0]-'0', b[1]-'0'
	if hi > 9 || lo > 9 {
		*bad = true
	}
	return int(hi)*10 + int(lo)
}

// readFraction reads digits as a fraction of a second and returns how many, or 0. Nanoseconds
// are kept of it.
func readFraction(b []byte, s *stamp) int {
	n, unit := 0, 100_000_000
	for s.nanos = 0; n < len(b) && isDigit(b[n]); n++ {
		s.nanos += int(b[n]-'0') * unit
		unit /= 10
	}
	return n
}

// readOffset reads "Z" or "±hh:mm", if not strict also "±hhmm", and returns its length, or 0.
func readOffset(b []byte, s *stamp, strict bool) int {
	if len(b) > 0 && b[0] == 'Z' {
		s.zoned = true
		return 1
	}
	if len(b) < 5 || b[0] != '+' && b[0] != '-' {
		return 0
	}
	n := len("+hh")
	if b[n] == ':' {
		n++
	} else if strict {
		return 0
	}
	if len(b) < n+2 {
		return 0
	}
	var bad bool
	hours, minutes := two(b[1:], &bad), two(b[n:], &bad)
	if bad || hours > 23 || minutes > 59 {
		return 0
	}
	s.zoned, s.offset = true, hours*3600+minutes*60
	if b[0] == '-' {
		s.offset = -s.offset
	}
	return n + 2
}
