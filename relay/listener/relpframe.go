package listener

import (
	"bytes"
	"errors"
)

// A RELP frame is
//
//	TXNR SP COMMAND SP DATALEN [SP DATA] LF
//
// with TXNR 1 to 9 digits, COMMAND 1 to 32 letters, and DATALEN the number of octets of DATA, which may hold any
// octet. (https://www.rsyslog.com/doc/relp.html)
type relpFrame struct {
	txnr      uint32
	command   relpCommand
	data      []byte // in the reader's buffer
	truncated bool   // data is the beginning only
}

type relpCommand uint8

// Commands of a client. Any other one is relpUnknown.
const (
	relpUnknown relpCommand = iota
	relpOpen
	relpSyslog
	relpClose
)

const (
	relpHeader = 9 + 1 + 32 + 1 + 9 + 1 // the longest
	relpFactor = 64                     // a length above this times the longest message is not believed
)

// errRELP says that the bytes are no RELP frame. The stream cannot be taken up again: nothing marks a beginning.
var errRELP = errors.New("listener: no RELP frame")

// relpCut cuts the first frame off b. used is 0 when more bytes are needed; skip is how many bytes of the
// stream behind b[:used] belong to the frame still, when its data are longer than limit.
func relpCut(b []byte, limit int) (f relpFrame, used, skip int, err error) {
	txnr, n := relpNumber(b)
	if n < 0 || n > 0 && (b[n] != ' ' || txnr == 0) {
		return f, 0, 0, errRELP
	}
	if n == 0 {
		return f, 0, 0, nil
	}
	f.txnr = txnr
	at := n + 1
	word := relpWord(b[at:])
	if word < 0 {
		return f, 0, 0, errRELP
	}
	if word == 0 {
		return f, 0, 0, nil
	}
	f.command = relpCommandOf(b[at : at+word])
	at += word + 1
	size, n := relpNumber(b[at:])
	if n < 0 || int(size) > relpFactor*limit {
		return f, 0, 0, errRELP
	}
	if n == 0 {
		return f, 0, 0, nil
	}
	used, skip, err = f.body(b, at+n, int(size), limit)
	return f, used, skip, err
}

// body takes DATA and the trailer from b[at:].
func (f *relpFrame) body(b []byte, at, size, limit int) (used, skip int, err error) {
	switch {
	case b[at] == '\n' && size == 0:
		return at + 1, 0, nil
	case b[at] != ' ':
		return 0, 0, errRELP
	}
	at++
	if size > limit {
		if len(b) < at+limit {
			return 0, 0, nil
		}
		f.data, f.truncated = b[at:at+limit], true
		return at + limit, size - limit + 1, nil
	}
	if len(b) <= at+size {
		return 0, 0, nil
	}
	if b[at+size] != '\n' {
		return 0, 0, errRELP
	}
	f.data = b[at : at+size]
	return at + size + 1, 0, nil
}

// relpNumber reads 1 to 9 digits and sees the octet behind them: n is 0 when that has not come, -1 when it is no number.
func relpNumber(b []byte) (v uint32, n int) {
	for i, c := range b {
		if c < '0' || c > '9' {
			if i == 0 {
				return 0, -1
			}
			return v, i
		}
		if i == 9 {
			return 0, -1
		}
		v = v*10 + uint32(c-'0')
	}
	return 0, 0
}

// relpWord returns the length of the letters before the SP that b begins with: 0 when it has not come, -1 when it is no word.
func relpWord(b []byte) int {
	for i, c := range b {
		switch {
		case c == ' ' && i > 0:
			return i
		case (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-', i == 32:
			return -1
		}
	}
	return 0
}

func relpCommandOf(word []byte) relpCommand {
	switch string(word) {
	case "open":
		return relpOpen
	case "syslog":
		return relpSyslog
	case "close":
		return relpClose
	}
	return relpUnknown
}

// relpOffers reads the offers of an open command, "name=value" lines, and returns the version to speak, or
// what is wrong with them in our own words.
func relpOffers(data []byte) (version byte, fault string) {
	var hasVersion, hasSyslog bool
	for line := range bytes.Lines(data) {
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte("="))
		switch string(name) {
		case "relp_version":
			hasVersion = len(value) == 1 && value[0] >= '0' && value[0] <= '9'
			if hasVersion {
				version = min(value[0], '1')
			}
		case "commands":
			for command := range bytes.SplitSeq(value, []byte(",")) {
				hasSyslog = hasSyslog || string(bytes.TrimSpace(command)) == "syslog"
			}
		}
	}
	switch {
	case !hasVersion:
		return 0, "no relp_version that is known"
	case !hasSyslog:
		return 0, "command syslog is not offered"
	}
	return version, ""
}
