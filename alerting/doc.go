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
//
// All waiting is done by package time and all state is under one mutex, so a test drives
// the whole of it by testing/synctest.
package alerting
