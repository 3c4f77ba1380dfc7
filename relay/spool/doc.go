// Package spool is a durable, encrypted queue of clean records on one disk. FORMAT.md draws
// every byte of it and lists what a crash at each point leaves.
package spool
