// Package framing cuts the byte stream of a syslog connection into messages: octet counting
// (RFC 6587 §3.4.1, RFC 5425 §4.3), LF and CR LF (RFC 6587 §3.4.2), and the NUL that Python's
// SysLogHandler writes. In mode Auto each message may be framed its own way.
//
//	                ┌─ count ─► inCount ─ longer than kept ─► skipping ─┐
//	between ─ judge ┤                                                   ├─► between
//	                └─ text ──► inText ── longer than kept ─► dropping ─┘
//
// The Reader does the input and the waiting, the scanner the cutting. A frame is a slice of the Reader's
// buffer; nothing is copied and nothing allocated per message.
//
// # What is told apart, and how
//
// A count is digits and a SP before a PRI. From a sender that counts, digits and a SP are always one. Signed counts, counts beyond
// 64 times the longest message and counts without a SP are text; the stream is taken up again at the
// next line, or at the next count before a PRI.
//
// A line feed ends a message when the next line begins one. Lines without header belong to the message
// before (rsyslog with escapeLF="off" and syslog-ng network() send tracebacks so); it waits for them Options.Join at most.
// A number in brackets that is no PRI, before a version or a time, is a header gone wrong, not a line of text.
// A NUL ends a message, except when text without header follows at once: then it stood inside
// (a captured record of a Celery worker did).
//
// Log text can hold whole forged headers: a task's name, a node's name and every argument is logged with
// its line feeds. So a line that looks like a header is one only when it fits the headers of this connection, as soon
// as the sender has shown that it leaves line feeds in: the family (RFC 5424, RFC 3164, PRI only) must have been seen before,
// and of HOSTNAME and the shape of the time one, inside a message of several lines both. Options.Header tells the family from the first byte.
// Not resolved, for nothing on the wire tells: a forged header of exactly the sender's form, and one in the
// first message with a line feed of a connection whose form is not told. Only octet counting carries text safely.
//
// # Measured
//
// CPU time a message of 300 bytes, 0 allocations (BenchmarkNext, -cpu 1): octet 54 ns, NUL 105 ns, LF 121 ns, LF with a
// traceback of four lines 178 ns.
//
// A worker's record with a NUL in its text, cut in two by every receiver that splits at NUL, comes out whole: 379 of 379
// records of a captured run equal what the worker logged. From syslog-ng network(), which leaves line feeds
// in, 378 of 379 do; the odd one ends with empty lines, which lines cannot carry.
package framing
