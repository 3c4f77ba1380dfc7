// Package spool is a durable, encrypted queue of clean records on one disk. FORMAT.md draws
// every byte of it and lists what a crash at each point leaves; format.go and cursor.go draw
// the same beside the code.
//
// The walk: Append copies a record into the open batch of its partition and returns a Ticket;
// the committer (writer.go) seals all open batches every few milliseconds, each into one
// frame, and makes them durable with one sync; Wait returns after that. Readers (reader.go)
// take the frames in order, each with its own durable place; a segment is deleted when all
// are past it.
//
// What it promises. What Wait said is durable survives a kill, a power cut and a full disk, and
// comes out of every reader in order, unless the disk itself loses it: then the hole is
// reported with its size. "Durable" means: synced to one disk of one machine. Records that
// nobody waited for may be lost with the process, at most CommitDelay and one sync back. A
// reader gets frames again that it had not committed. It always starts.
//
// Who owns what: the committer's goroutine alone writes segments; Spool.mu guards what all
// look at and is never held over a file call; a Reader's reading and writing locks guard its
// own files. Locks are taken in the order reading, writing, mu. Goroutines: the committer and,
// when a key came back, readmit; both end at Close. An idle spool has no timer and no sync.
//
// Measured, and why it is so: a fresh lz4 writer costs 0.9 ms, so one is used again and again;
// fdatasync costs about 1 ms, so many connections share one; ready-made logs (tidwall,
// rosedblabs, go-diskqueue, raft-wal) returned wrong records, panicked or refused to open
// after the damage that damage_test.go does.
package spool
