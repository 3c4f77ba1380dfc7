package syslog

import (
	"bytes"

	"destring/rules/event"
)

// readStamp reads the time that a header of RFC 3164 begins with, with all that routers put around
// it, and the SP behind it. cisco says that a colon ended it: no HOSTNAME follows.
func readStamp(b []byte, s *stamp, h *event.Syslog) (n int, cisco bool) {
	if n = stampAt(b, s); n > 0 {
		end, colon := afterStamp(b[n:], s)
		if end < 0 {
			return 0, false
		}
		return n + end, colon
	}
	return readCisco(b, s, h)
}

// readCisco reads a time behind up to three of "sequence: ", "origin: " and ": ". It counts only when a
// colon ends it too.
func readCisco(b []byte, s *stamp, h *event.Syslog) (n int, cisco bool) {
	var origin []byte
	at := 0
	for range 3 {
		colon := bytes.IndexByte(b[at:min(len(b), at+maxTag)], ':')
		if colon < 0 || !hostname(b[at:at+colon]) && colon > 0 {
			return 0, false
		}
		if word := b[at : at+colon]; len(word) > 0 && !number(word) {
			origin = word
		}
		at += colon + 1
		for at < len(b) && b[at] == ' ' {
			at++
		}
		if m := stampAt(b[at:], s); m > 0 {
			end, colon := afterStamp(b[at+m:], s)
			if end < 0 || !colon {
				return 0, false
			}
			h.Hostname = event.NewText(origin)
			return at + m + end, true
		}
	}
	return 0, false
}

// stampAt reads the time itself and returns its length, or 0.
func stampAt(b []byte, s *stamp) int {
	*s = stamp{}
	if n := readISO(b, s, false); n > 0 {
		return n
	}
	*s = stamp{}
	skip := 0
	if len(b) > 0 && (b[0] == '*' || b[0] == '.') { // IOS: clock not set, or not in step
		skip = 1
	}
	if len(b) > skip+5 && isDigit(b[skip]) && b[skip+4] == ' ' { // "2026 May  1 20:51:40"
		if year, ok := readYear(b[skip:]); ok {
			s.year = year
			skip += 5
		}
	}
	n := readBSD(b[skip:], s)
	if n == 0 || !s.valid() {
		return 0
	}
	return skip + n
}

// readBSD reads "Mmm dd hh:mm:ss", with "yyyy " before the time of day, or a fraction, as ASA and IOS write it.
func readBSD(b []byte, s *stamp) int {
	if len(b) < len("Jan 1 15:04:05") || b[3] != ' ' {
		return 0
	}
	if s.month = month(b); s.month == 0 {
		return 0
	}
	i := 4
	if b[i] == ' ' {
		i++
	}
	for ; i < len(b) && isDigit(b[i]) && i < 6; i++ {
		s.day = s.day*10 + int(b[i]-'0')
	}
	if i >= len(b) || b[i] != ' ' {
		return 0
	}
	i++
	if year, ok := readYear(b[i:]); ok && s.year == 0 {
		s.year = year
		i += 5
	}
	if len(b) < i+8 || b[i+2] != ':' || b[i+5] != ':' {
		return 0
	}
	var bad bool
	s.hour, s.minute, s.second = two(b[i:], &bad), two(b[i+3:], &bad), two(b[i+6:], &bad)
	if bad {
		return 0
	}
	i += 8
	if i+1 < len(b) && (b[i] == '.' || b[i] == ',') && isDigit(b[i+1]) {
		n := readFraction(b[i+1:], s)
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	return i
}

// afterStamp reads what may stand between a time and the rest: a zone, a year, a colon, a SP. It returns the
// length, or -1 when the time does not end here.
func afterStamp(b []byte, s *stamp) (n int, colon bool) {
	if len(b) == 0 {
		return 0, false
	}
	if m := zoneLen(b); m > 0 { // " UTC:", " CST 1987 "
		name := string(b[1:m])
		if endsCisco(b[m:]) || name == "UTC" || name == "GMT" {
			setZone(s, name)
			n = m
		} else if year, ok := readYear(b[m+1:]); ok && s.year == 0 {
			setZone(s, name)
			s.year = year
			n = m + 5
		}
	} else if year, ok := readYear(b[1:]); ok && b[0] == ' ' && s.year == 0 {
		s.year = year
		n = 5
	}
	switch {
	case n == len(b):
		return n, false
	case endsCisco(b[n:]):
		n++
		for n < len(b) && b[n] == ' ' {
			n++
		}
		return n, true
	case b[n] == ' ':
		return n + 1, false
	}
	return -1, false
}

// endsCisco reports whether b begins with the colon that ends a router's time.
func endsCisco(b []byte) bool {
	return b[0] == ':' && (len(b) == 1 || b[1] == ' ' || b[1] == '%')
}

// zoneLen returns the length of " ABC" when b begins with it and a colon or SP follows.
func zoneLen(b []byte) int {
	n := 1
	for n < len(b) && b[n] >= 'A' && b[n] <= 'Z' && n <= 5 {
		n++
	}
	if b[0] != ' ' || n < 3 || n == len(b) || b[n] != ':' && b[n] != ' ' {
		return 0
	}
	return n
}

// setZone knows the names that mean one offset everywhere. Others ("CST", "IST") do not.
func setZone(s *stamp, name string) {
	if name == "UTC" || name == "GMT" {
		s.zoned, s.offset = true, 0
	}
}

// readYear reads four digits of this or the last century, with a SP, a router's colon or nothing behind them.
func readYear(b []byte) (year int, ok bool) {
	if len(b) < 4 || len(b) > 4 && b[4] != ' ' && !endsCisco(b[4:]) {
		return 0, false
	}
	var bad bool
	year = two(b, &bad)*100 + two(b[2:], &bad)
	return year, !bad && year >= 1970 && year < 2100
}

const months = "janfebmaraprmayjunjulaugsepoctnovdec"

func month(b []byte) int {
	for i := 0; i < len(months); i += 3 {
		if b[0]|0x20 == months[i] && b[1]|0x20 == months[i+1] && b[2]|0x20 == months[i+2] {
			return i/3 + 1
		}
	}
	return 0
}

// ahead is how far a sender's clock may go before the receiver's until its time is taken for last year's.
const ahead = 31 * 86400 * 1e9

// inferYear gives a time without year the latest year that does not put it more than a month after receipt.
// The month is far more than any zone or wrong clock, so it is right on both sides of New Year.
func inferYear(s *stamp, received int64) (ns int64, ok bool) {
	sec := received / 1e9
	s.year = 1970 + int(float64(sec)/31556952)
	for s.year++; s.year > 1970; s.year-- {
		if s.day == 29 && s.month == 2 && !leap(s.year) {
			continue
		}
		if ns, ok = s.ns(); !ok || ns <= received+ahead {
			return ns, ok
		}
	}
	return 0, false
}
