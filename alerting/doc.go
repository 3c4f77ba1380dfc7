// Package alerting turns matches into few, clear messages that are never lost.
//
// The walk: match → group → silence → throttle → route → render → deliver → record.
//
//	Matches.Next ──► admit ──► state ◄──► Journal (each change, before it is acted on)
//	                             │
//	                 one courier for each Sink: pick → intent → Sink → settle
//
// There is no queue of messages. An alert knows what each sink was told of it and what it
// would have to be told now; a courier asks for the most urgent difference. So a sink that
// hangs costs no memory but the alerts themselves: what happens in the meantime changes
// what will be said, once. Only when Options.Limit alerts wait to be told for the first
// time does the reader of Matches wait too.
//
// # What a crash leaves
//
//	before a batch is synced           the batch is read again: Commit had not been called
//	between sync and Commit            the batch is read again and known by its event ids
//	between intent and the call        the intent says so: the sink is searched for its key, then told
//	between the answer and its sync    the same search finds the message; a sink that cannot be
//	                                   searched (an incoming webhook) is told twice
//	after Audit was handed a decision  Audit may not wait, so what it was handed lies in memory until whoever took
//	                                   it has written it: the alert is right, and a few decisions about it
//	                                   are missing on record (in an orderly stop none: see Run)
//
// # Figures
//
// Measured on a shared 2-core machine: from a match to Slack's answer, with the journal on a real disk and
// HTTP, p50 11 ms and p99 142 ms (BenchmarkReceiptToSlack); one synced entry of 1.5 kB 0.7 ms
// (BenchmarkFileJournal); judging a record again with the shipped rules 18 µs, a leak 43 µs (BenchmarkJudge).
// The simulated day (1,000,000 matches in 2,043 groups, 50 kills, 8 % of Slack's answers wrong, searches that fail,
// four outages) gives 2,447 messages: all critical groups posted once, 1,448 alerts told in digests.
//
// What it taught: changes that belong together are one entry of the journal, else a kill between
// two writes counts records twice; a search that fails leaves a message in doubt, it does not clear it;
// a message on which the sink chokes must stand back for others.
//
// # How often a person is told
//
// Critical alerts at once and always by themselves; high ones after 10 s, others after a minute. A message is
// edited 5 s after it was posted, then after twice as long, up to ten minutes; posted again after 4 h while it goes
// on, doubling to a day, or after the rule's own realert when that is longer. At most 120 messages an hour go to a
// sink, first posts of critical alerts apart: the last 8 % are kept for the digest, the last 34 %
// for more than edits. Ten new alerts within a minute, or no budget for a first post, and what is
// not critical is told in one digest that is edited, until five minutes were calm.
//
// All waiting is done by package time and all state is under one mutex, so a test drives
// the whole of it by testing/synctest.
package alerting
