package celery

import (
	"bytes"
	"sync"

	"destring/rules/event"
)

// book is all templates, by the first byte of their wording.
type book struct {
	byFirst [256][]*template
	tasks   []*template // begin "Task name[id]"
	tails   []*template // begin with a hole: known by how they end
}

// templates is the one book. It is made at the first use and then only read.
var templates = sync.OnceValue(func() *book {
	b := new(book)
	all := append(append(taskMessages(), workerMessages()...), controlMessages()...)
	for i := range all {
		t := &all[i]
		t.compile()
		switch first := t.literals[0]; {
		case len(first) == 0:
			b.tails = append(b.tails, t)
		case string(first) == "Task " && t.refAt == 0:
			b.tasks = append(b.tasks, t)
		default:
			b.byFirst[first[0]] = append(b.byFirst[first[0]], t)
		}
	}
	return b
})

var taskPrefix = []byte("Task ")

// find returns the template that msg, a message without its traceback, was made from.
func (b *book) find(msg []byte, level event.Level, f *found) *template {
	if len(msg) == 0 {
		return nil
	}
	if bytes.HasPrefix(msg, taskPrefix) {
		if t := b.findTask(msg, level, f); t != nil {
			return t
		}
	}
	for _, t := range b.byFirst[msg[0]] {
		if t.levels.has(level) && t.match(msg, f) {
			return t
		}
	}
	for _, t := range b.tails {
		if t.levels.has(level) && t.endsLike(msg) && t.tail(msg, f) {
			return t
		}
	}
	return nil
}

// findTask looks at "Task name[id]" once for all templates when name and id are ordinary.
func (b *book) findTask(msg []byte, level event.Level, f *found) *template {
	pos := len(taskPrefix)
	open := bytes.IndexByte(msg, '[')
	if open > pos && plainName(msg[pos:open]) && isUUID(msg[open+1:]) {
		end := open + 1 + uuidLen
		f[0], f[1] = span(pos, open), span(open+1, end)
		for _, t := range b.tasks {
			next := t.literals[2]
			if !t.levels.has(level) || !bytes.HasPrefix(msg[end:], next) {
				continue
			}
			if t.rest(msg, 2, end+len(next), f) {
				return t
			}
		}
		if end < len(msg) && msg[end] == ']' {
			return nil
		}
	}
	for _, t := range b.tasks {
		if t.levels.has(level) && t.match(msg, f) {
			return t
		}
	}
	return nil
}

// endsLike is a first look at the last byte.
func (t *template) endsLike(msg []byte) bool {
	last := t.literals[len(t.literals)-1]
	return len(last) == 0 || msg[len(msg)-1] == last[len(last)-1]
}

// tail matches a template that begins with a node's or an entry's name: one word, so that a sentence that ends
// in "ready." is none.
func (t *template) tail(msg []byte, f *found) bool {
	if !t.match(msg, f) {
		return false
	}
	name := msg[f[0].Start:f[0].End]
	if t.holes[0] == worker {
		return isNode(name)
	}
	return isIdentifierPath(name)
}

// isNode reports whether name is a node's, worker@host.
func isNode(name []byte) bool {
	at := bytes.IndexByte(name, '@')
	for _, c := range name {
		if nameClass[c]&inName == 0 && c != '-' && c != '@' && c != '%' && c != ':' && c < 0x80 {
			return false
		}
	}
	return at > 0
}

// Wordings calls yield with the logger and the wording of every message that has a kind, as Celery's
// sources write them, so that the table can be held against other versions of Celery. A wording that ends in a line feed is the
// beginning of a longer one. The logger is empty for what is printed.
func Wordings(yield func(logger, wording string) bool) {
	for _, t := range append(append(taskMessages(), workerMessages()...), controlMessages()...) {
		if !yield(t.logger, t.python) {
			return
		}
	}
}
