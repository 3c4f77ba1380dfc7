// Package event is the vocabulary of destring: what arrived, from whom, and
// what it says, before anybody has judged it.
//
// Everything a sender wrote is held in Text. A Text cannot print itself: fmt,
// log/slog, encoding/json, gob and a panic show its length and nothing else. Only the
// rooms named in cmd/destring/house_test.go may call Text.Reveal: those that
// parse (relay/syslog, relay/celery) and those that redact (rules, rules/...).
//
// An Event is owned by the goroutine of the connection that read it and is
// used again for the next message. Its Texts point into that connection's
// buffers: they are valid until the next message is read. Nobody keeps one.
package event
