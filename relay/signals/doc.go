// Package signals says what needs memory of the stream and thus cannot be a rule over one record:
// a worker that falls silent, a task that was never seen, numbers that skip, a clock that jumps. Each is a
// Signal from a closed set of names (Names); whether one is an alert is for the Sigma rules over
// destring.signal to say.
//
// It has no socket, no disk and no thread but Run: a Conn looks at the events of one connection on that connection's
// goroutine, Run looks at everything once a second, and Signals are handed to Options.Say. What it learns is
// bounded (the oldest is forgotten) and goes through AppendState and Restore over a restart.
//
// No text of a sender is kept but names: of tasks, nodes, hosts and entries of the schedule, short and of the
// characters of names; what is new is remembered as a keyed hash. Whoever publishes a Signal redacts its
// strings again (rules.Engine.State does).
//
// What was measured, and shaped the code:
//   - BenchmarkObserve: see there. An INFO line about a known task costs two comparisons of names, one
//     hash of 256 bytes and no lock; counters are a Conn's own and are handed over at the end of a read's batch.
//   - Celery says "worker: Warm shutdown" to sys.__stdout__ and not to a logger, so no line over syslog is
//     the goodbye of a worker: TLS close_notify (or RELP close) is. rfc5424-logging-handler ends
//     with FIN alone; its workers say no goodbye, and a signal is held back until they had time to
//     come again (Options.Grace).
//   - A worker that lost its broker logs an ERROR every 2 to 32 seconds and nothing else: such lines do not count
//     for level-raised.
//   - A sequenceId is a program's own counter (RFC 5424, 7.3.1) or, from syslog-ng, one for everything it
//     forwards: a number is in order when it follows either.
package signals
