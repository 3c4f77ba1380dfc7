package celery

import (
	"bytes"
	"time"

	"destring/rules/event"
)

// Bounds of an event group. A --- Logging error --- block of Celery has 40 to 60 records.
const (
	groupRecords = 256
	groupTime    = 5 * time.Second
	openGroups   = 16 // processes of one connection that may have a group open at a time
)

// groups relates records that are parts of one thing: the block that logging prints when a handler fails, a traceback
// printed one write at a time, a record shipped line by line. Nothing is held back for it: every record
// carries the id of the first one.
type groups struct {
	open [openGroups]group
	next int

	last     event.ID // the record before, which a line without a header continues
	lastTime int64
	lastOpen bool
	lines    int
}

type group struct {
	source  uint64
	first   event.ID
	began   int64
	records int
	form    form
}

// form is what a group is made of and so what ends it.
type form uint8

const (
	none       form = iota
	block           // from "--- Logging error ---" to "Arguments: …"
	printed         // from "Traceback (most recent call last):" to the line of the exception
	blockEnded      // a block after its Arguments line, which may have more lines
)

// group sets Celery.Group.
func (r *Reader) group(ev *event.Event) {
	g, c := &r.groups, &ev.Celery
	if c.Format == "" && c.Level == event.LevelNone {
		g.continueLine(ev)
		return
	}
	g.last, g.lastTime, g.lastOpen, g.lines = ev.ID, ev.Received, true, 0
	mayPrint := c.Kind == "" || c.Kind == Stdout || c.Kind == LoggingError || c.Kind == PythonWarning
	if !mayPrint || c.Level < event.LevelWarning && c.Level != event.LevelNone && c.Kind != Stdout {
		return
	}
	body := r.text[c.Body.Start:c.Body.End]
	source := r.source(ev)
	at := g.find(source, ev.Received)
	if at < 0 {
		switch {
		case c.Kind == LoggingError:
			c.Group = g.begin(source, ev, block)
		case bytes.HasPrefix(body, tracebackLine) && bytes.IndexByte(body, '\n') < 0:
			c.Group = g.begin(source, ev, printed)
		}
		return
	}
	open := &g.open[at]
	if c.Kind == LoggingError && open.form == blockEnded {
		c.Group = g.begin(source, ev, block)
		return
	}
	if open.form == blockEnded && !bytes.HasPrefix(body, []byte("Arguments: ")) {
		open.form = none
		return
	}
	open.records++
	c.Group = open.first
	if c.Kind == "" {
		c.Kind = Stdout
	}
	switch {
	case open.form == block && bytes.HasPrefix(body, []byte("Arguments: ")):
		open.form = blockEnded
	case open.form == printed && ends(body):
		open.form = none
	}
}

// continueLine relates a line without any header to the record before it, which a shipper cut into lines.
func (g *groups) continueLine(ev *event.Event) {
	if !g.lastOpen || ev.Received-g.lastTime > int64(groupTime) || g.lines >= groupRecords {
		g.lastOpen = false
		return
	}
	g.lines++
	ev.Celery.Group = g.last
}

// find returns the open group of source, or -1. Groups end by themselves.
func (g *groups) find(source uint64, now int64) int {
	for i := range g.open {
		o := &g.open[i]
		if o.form == none || o.source != source {
			continue
		}
		if now-o.began > int64(groupTime) || o.records >= groupRecords {
			o.form = none
			return -1
		}
		return i
	}
	return -1
}

func (g *groups) begin(source uint64, ev *event.Event, f form) event.ID {
	at := -1
	for i := range g.open {
		if g.open[i].form == none || g.open[i].source == source {
			at = i
			break
		}
	}
	if at < 0 { // the oldest gives way
		at, g.next = g.next, (g.next+1)%openGroups
	}
	g.open[at] = group{source: source, first: ev.ID, began: ev.Received, records: 1, form: f}
	return ev.ID
}

// source tells the processes of a connection apart: FNV-1a of host, pid and process name.
func (r *Reader) source(ev *event.Event) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range [...][]byte{ev.Syslog.Hostname.Reveal(), ev.Syslog.ProcID.Reveal(), r.text[ev.Celery.Process.Start:ev.Celery.Process.End]} {
		for _, c := range b {
			h = (h ^ uint64(c)) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	return h
}

// ends reports whether a printed chunk is the last line of a traceback: "KeyError: 'x'" and not indented.
func ends(body []byte) bool {
	if len(body) == 0 || body[0] == ' ' || body[0] == '\t' || body[0] == '^' || bytes.HasPrefix(body, tracebackLine) {
		return false
	}
	n := 0
	for n < len(body) && nameClass[body[n]]&inName != 0 {
		n++
	}
	return n > 0 && (n == len(body) || body[n] == ':')
}
