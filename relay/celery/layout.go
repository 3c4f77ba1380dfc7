package celery

import (
	"bytes"
	"fmt"
	"sync"
	"time"
)

// layout reads times as a strftime pattern writes them.
type layout struct{ ops []byte } // directives and literals: a literal is 0 and the byte

// newLayout compiles a datefmt of logging.
func newLayout(pattern string) (*layout, error) {
	l := &layout{}
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c != '%' {
			l.ops = append(l.ops, 0, c)
			continue
		}
		i++
		for i < len(pattern) && (pattern[i] == '-' || pattern[i] == '_' || pattern[i] == '#') {
			i++
		}
		if i == len(pattern) {
			return nil, fmt.Errorf("celery: date format %q ends in %%", pattern)
		}
		switch d := pattern[i]; d {
		case '%':
			l.ops = append(l.ops, 0, '%')
		case 'Y', 'm', 'd', 'H', 'M', 'S', 'f', 'z', 'Z', 'b', 'B', 'h', 'a', 'A', 'y', 'j', 'I', 'p', 's', 'e':
			if d == 'e' {
				d = 'd'
			}
			l.ops = append(l.ops, d)
		default:
			expanded, ok := map[byte]string{'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'D': "%m/%d/%y", 'R': "%H:%M", 'c': "%a %b %d %H:%M:%S %Y", 'x': "%m/%d/%y", 'X': "%H:%M:%S"}[d]
			if !ok {
				return nil, fmt.Errorf("celery: date format %q: unknown directive %%%c", pattern, d)
			}
			sub, err := newLayout(expanded)
			if err != nil {
				return nil, err
			}
			l.ops = append(l.ops, sub.ops...)
		}
	}
	return l, nil
}

// civil is what a layout has read.
type civil struct {
	year, month, day, hour, minute, second, nano, offset int
	pm, hasPM, zone, epoch                               bool
	unix                                                 int64
}

// parse reads a time at the beginning of b; n is 0 when it is none. A layout without a year gives no time, for
// the caller knows the year no better: n tells only where it ends.
func (l *layout) parse(b []byte) (ns int64, zone, dated bool, n int) {
	v := civil{month: 1, day: 1}
	for i := 0; i < len(l.ops); i++ {
		if l.ops[i] == 0 {
			i++
			if n >= len(b) || b[n] != l.ops[i] {
				return 0, false, false, 0
			}
			n++
			continue
		}
		w := v.take(l.ops[i], b[n:])
		if w < 0 {
			return 0, false, false, 0
		}
		n += w
	}
	if v.epoch {
		return v.unix * int64(time.Second), true, true, n
	}
	if v.hasPM {
		v.hour %= 12
		if v.pm {
			v.hour += 12
		}
	}
	if v.year > 0 && v.day <= 31 && v.day > daysIn(v.year, v.month) { // above 31 it is a day of the year
		return 0, false, false, 0
	}
	secs := daysSince1970(v.year, v.month, v.day)*86400 + int64(v.hour*3600+v.minute*60+v.second-v.offset)
	return secs*int64(time.Second) + int64(v.nano), v.zone, v.year > 0, n
}

// take reads one directive and returns its width, -1 when it does not fit.
func (v *civil) take(directive byte, b []byte) int {
	digits := func(width int, to *int, lo, hi int) int {
		n, x := 0, 0
		if directive == 'd' && len(b) > 1 && b[0] == ' ' {
			n = 1
		}
		for n < len(b) && n < width && b[n] >= '0' && b[n] <= '9' {
			x = x*10 + int(b[n]-'0')
			n++
		}
		if n == 0 || x < lo || x > hi {
			return -1
		}
		*to = x
		return n
	}
	switch directive {
	case 'Y':
		if n := digits(4, &v.year, 1970, 9999); n == 4 {
			return n
		}
		return -1
	case 'y':
		n := digits(2, &v.year, 0, 99)
		v.year += 2000
		return n
	case 'm':
		return digits(2, &v.month, 1, 12)
	case 'd':
		return digits(2, &v.day, 1, 31)
	case 'H':
		return digits(2, &v.hour, 0, 23)
	case 'I':
		return digits(2, &v.hour, 1, 12)
	case 'M':
		return digits(2, &v.minute, 0, 59)
	case 'S':
		return digits(2, &v.second, 0, 60)
	case 'j':
		var skip int
		return digits(3, &skip, 1, 366)
	case 'f':
		n := digits(9, &v.nano, 0, 999999999)
		for i := n; n > 0 && i < 9; i++ {
			v.nano *= 10
		}
		return n
	case 's':
		n := 0
		for n < len(b) && n < 12 && b[n] >= '0' && b[n] <= '9' {
			v.unix = v.unix*10 + int64(b[n]-'0')
			n++
		}
		v.epoch = true
		return n - 1*b2i(n == 0)
	}
	return v.takeName(directive, b)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

const (
	months   = "janfebmaraprmayjunjulaugsepoctnovdec"
	weekdays = "montuewedthufrisatsun"
)

func (v *civil) takeName(directive byte, b []byte) int {
	switch directive {
	case 'b', 'h', 'B':
		i := nameIndex(months, b)
		v.month = i + 1
		return letters(b, i, directive == 'B')
	case 'a', 'A':
		return letters(b, nameIndex(weekdays, b), directive == 'A')
	case 'p':
		if len(b) < 2 || b[1]|0x20 != 'm' {
			return -1
		}
		v.hasPM, v.pm = true, b[0]|0x20 == 'p'
		return 2
	case 'z':
		offset, n := zoneOffset(b)
		v.offset, v.zone = offset, n > 0
		return n
	case 'Z':
		n := 0
		for n < len(b) && n < 6 && (b[n] >= 'A' && b[n] <= 'Z') {
			n++
		}
		v.zone = v.zone || string(b[:n]) == "UTC" || string(b[:n]) == "GMT"
		return n
	}
	return -1
}

// nameIndex returns which of the three-letter names b begins with.
func nameIndex(names string, b []byte) int {
	if len(b) < 3 {
		return -1
	}
	low := [3]byte{b[0] | 0x20, b[1] | 0x20, b[2] | 0x20}
	for i := 0; i < len(names); i += 3 {
		if names[i:i+3] == string(low[:]) {
			return i / 3
		}
	}
	return -1
}

// letters returns the width of the name: three letters, or all of them.
func letters(b []byte, index int, all bool) int {
	if index < 0 {
		return -1
	}
	n := 3
	for all && n < len(b) && b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' {
		n++
	}
	return n
}

// commonLayouts are the forms of time that are recognised beside ISO 8601.
var commonLayouts = sync.OnceValue(func() (all []*layout) {
	for _, p := range []string{"%d/%b/%Y %H:%M:%S", "%d/%b/%Y:%H:%M:%S %z", "%d-%b-%Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S",
		"%b %d %Y %H:%M:%S", "%b %d, %Y %H:%M:%S", "%b %d %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%Y%m%d %H:%M:%S", "%Y%m%dT%H%M%S", "%Y.%m.%d %H:%M:%S",
		"%y%m%d %H:%M:%S", "%m/%d %H:%M:%S", "%m-%d %H:%M:%S", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %H:%M", "%H:%M:%S"} {
		l, err := newLayout(p)
		if err != nil {
			panic(err) // a mistake in the list above, found by any test
		}
		all = append(all, l)
	}
	return all
})

// anyClock reads a time in any of the common forms. A form without a date gives n alone and the time zero.
func anyClock(b []byte) (ns int64, zone bool, n int) {
	if ns, zone, n = clock(b); n > 0 {
		return ns, zone, n
	}
	if len(b) < 8 || bytes.IndexByte(b[:min(len(b), 24)], ':') < 0 && bytes.IndexByte(b[:min(len(b), 24)], 'T') < 0 {
		return 0, false, 0
	}
	for _, l := range commonLayouts() {
		if ns, zone, dated, n := l.parse(b); n > 0 {
			fraction, w := subsecond(b[n:])
			n += w
			if !zone {
				offset, w := zoneOffset(b[n:])
				ns, zone, n = ns-int64(offset)*int64(time.Second), w > 0, n+w
			}
			if !dated || ambiguous(b) {
				return 0, false, n
			}
			return ns + int64(fraction), zone, n
		}
	}
	return 0, false, 0
}

// ambiguous reports whether b begins with 03/07/2026 in 24 hours, which is a day in March or in July: no time is better than a
// wrong one.
func ambiguous(b []byte) bool {
	if len(b) < 20 || b[2] != '/' || b[5] != '/' || b[6] < '0' || b[6] > '9' || bytes.HasPrefix(b[19:], []byte(" AM")) || bytes.HasPrefix(b[19:], []byte(" PM")) {
		return false
	}
	first, ok1 := twoDigits(b)
	second, ok2 := twoDigits(b[3:])
	return ok1 && ok2 && first <= 12 && second <= 12 && first != second
}
