// Package celery reads a message as a line of Celery: which of Celery's own
// messages it is, and what it says about a task, a worker, the broker.
//
// A line is read in three steps. What the way to us put around the record is taken off (wire.go,
// container.go). What stands before the message is read: a declared format, JSON, Celery's own
// prefix, key=value, or a header in an order of its own (format.go, json.go, reader.go, pairs.go, prefix.go).
// The message is compared with the wordings of Celery's sources (book.go, messages_*.go), which
// are the patterns, so that the table can be held against a newer Celery by a test (deploy/e2e/drift).
//
// What is the sender's stays text. A task's name and id, a node's name, the text of a remote shutdown are written
// into the log as they came, line breaks and forged headers included. Nothing here makes two records
// of one, and what looks forged is flagged (flags.go). A print has the level WARNING and its own logger, so it does not
// pass for one of Celery's INFO messages: a wording counts only at the level Celery uses it at, and from
// a logger of Celery's where the logger is known.
package celery
