package signals

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"destring/rules/event"
)

const (
	maxName  = 200 // bytes of a name that is handed on
	maxEntry = 128
)

// nameBytes are the characters of names of tasks, nodes, hosts and entries.
var nameBytes = func() (set [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@:/%+") {
		set[c] = true
	}
	return set
}()

// plain returns raw as a string when it is short and all of it characters of names, else "".
func plain(raw []byte, longest int) string {
	if len(raw) > longest {
		return ""
	}
	for _, c := range raw {
		if !nameBytes[c] {
			return ""
		}
	}
	return string(raw)
}

// entryName is plain for an entry of the schedule, in which people write spaces.
func entryName(raw []byte) string {
	if plain(bytes.ReplaceAll(raw, []byte(" "), nil), maxEntry) == "" || len(raw) > maxEntry {
		return ""
	}
	return string(raw)
}

// fact returns the text of one span of what the line says.
func fact(ev *event.Event, s event.Span) []byte { return ev.Facts().Slice(s).Reveal() }

// nodeHost is the host of a node name: "celery@host".
func nodeHost(node string) string {
	for i := len(node) - 1; i >= 0; i-- {
		if node[i] == '@' {
			return node[i+1:]
		}
	}
	return ""
}

// dueEntry cuts the entry out of beat's "Scheduler: Sending due task <entry> (<task>)".
func dueEntry(body []byte) []byte {
	_, rest, ok := bytes.Cut(body, []byte("Sending due task "))
	end := bytes.LastIndex(rest, []byte(" ("))
	if !ok || end < 0 {
		return nil
	}
	return rest[:end]
}

// hash is what is remembered of names: it does not tell them, and is the same after a restart.
func (t *Tracker) hash(kind string, parts ...string) uint64 {
	mac := hmac.New(sha256.New, t.opts.Key)
	mac.Write([]byte(kind))
	for _, p := range parts {
		mac.Write(binary.AppendUvarint(nil, uint64(len(p))))
		mac.Write([]byte(p))
	}
	return binary.BigEndian.Uint64(mac.Sum(nil))
}
