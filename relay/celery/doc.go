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
//
// # What a transport leaves of a record
//
// Line breaks are undone where the sender's form is declared (Options.Transport) or was learned from its headers. Of the 379 records
// of one run that came through each transport, so many are equal to what the worker wrote (measured; replays of captures of Celery 5.7.0):
//
//	rfc5424-logging-handler, octet counting; JSON   379
//	stdlib TCP, tlssysloghandler (NUL framing)      379
//	rfc5424-logging-handler, LF                     378   a text with the two characters \n in it is not told from a line break
//	rsyslog socket, LF, 5424 or 3164                369   one text with #012 in it; rsyslog drops the last of trailing LFs, and cuts at 8 kB
//	rsyslog socket without escapes, octet           370   the same, NUL is escaped all the same
//	rsyslog file, one message a line                332   43 records come as several messages; they share celery.group
//	logger                                           17 of 48, as above
//
// # Speed
//
// BenchmarkRead, one core of a shared AMD EPYC: task-received 240 ns, task-succeeded 340 ns, a task's own line 300 ns, JSON of 384 bytes
// with args 1,350 ns, a free header 1,000 ns, ten frames of traceback 2,700 ns; no allocation. A line of 1 MiB made to be read again and again
// takes 2 to 16 ms (BenchmarkHostile), the worst of 297 patterns.
//
// Celery's saferepr does not escape line breaks in strings, so a result may hold raw ones.
package celery
