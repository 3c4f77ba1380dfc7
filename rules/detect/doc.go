// Package detect is destring's Sigma engine: it reads Sigma 2.1.0 rules,
// correlations and filters, compiles them, and judges events with them.
//
//	set, err := detect.Load(detect.Folder("rules", fsys, "."))
//	m := set.NewMatcher()                  // one per connection, not shared
//	m.Reset()
//	m.Text(set.Slot("message"), text)      // every field that set.Fields names
//	for _, match := range m.Match() { … }  // valid until the next Reset
//	firings := correlator.Feed(m, time, id)
//
// Load never drops part of a rule: what the specification forbids, and what this
// engine could not honour, is refused with file, line, rule id and reason.
//
// # How it is fast
//
// Every field that a rule names is a slot. Every rule is reduced to the literals
// of which at least one must occur in a certain slot for the rule to have a chance.
// One Aho-Corasick pass over the event's values finds which occur and wakes
// only those rules, so the cost of an event does not grow with the number of
// rules; the automaton folds ASCII case in its byte classes, so plain text is
// read once and not copied. A regular expression has a gate of its own made of
// the literals it requires, and Lint lists those that have none.
//
// Measured on the machine of the benchmarks here, with rules of 60 % contains of a list, 15 % contains
// all, 10 % re, 10 % startswith with a filter and 5 % numbers: a failure event of 13 fields (1.1 kB
// and a traceback that stands twice) takes 1.7 µs with 30 rules, 1.7 with 100, 2.4 with 1,000 and 4.0
// with 4,000; an INFO line 0.34, 0.35 and 0.46; none allocates. With the embedded rules an INFO line takes
// 0.4 µs. Four thousand rules load in 0.75 s into 20 MiB. A matched event costs 0.8 to 1.3 µs of correlation
// among 100,000 live groups, which take 30 to 65 MiB.
//
// # Where the specification leaves room
//
//   - `not x` is two-valued: true when the field of x is absent. So is neq.
//   - A null value matches a field that is null or absent; exists asks for presence only.
//   - A field name is the path of keys joined by dots, whichever of those dots are
//     in a key and which are between keys. Every element of an array is a value of
//     its field, and a test holds when any value passes it.
//   - Numbers and booleans are also the text they are written as, both ways.
//   - `*` and `?` match line feeds too; `?` is one character, not one byte.
//   - Keywords are looked for inside every value of the event.
//   - A correlation's window reaches back from each event by timespan, both ends
//     included. It fires on the event that makes its condition true and is quiet
//     until the condition has been false, or the window empty, again.
//   - A filter's condition is and-ed to the rule as it stands (as sigma-cli does), so
//     one that suppresses says `not selection`; Lint points at one that does not.
package detect
