// Package relay is the walk of a message, from the bytes of a connection to the broker:
//
//	listener ► framing ► syslog ► celery ► rules.Inspect ► spool ─► kafka
//	                                                          └───► alerting (cmd reads it out)
//
// In by plain calls on the connection's own goroutine, as far as Spool.Append: there is no
// channel between the rooms, so no queue to lose and no drop policy to invent. Out by
// readers of the spool, each with a durable cursor of its own.
//
// What a sender is promised. Spool.Append copies the record; a Session that has to answer
// (a RELP reply, our close_notify, stopping) calls Sync, which returns once all that it
// handed over is on the disk. A record leaves the disk only when the broker has
// acknowledged it (acks=all) and alerting has read it.
//
// When the spool is full, a sender without answers is shed or blocked, as the configuration
// says; see Spell. One that is answered (RELP) is neither: it gets no answer and keeps what it has.
// What was shed is put on record as a gap when the spool has room again, and kept in
// a note on the disk until then (GapNote).
//
// Beside the walk: signals watches the events go by and says what only memory can tell (silence,
// first seen, clocks); Watch lets people look at clean records; Peers remembers who sent.
package relay
