// Package record is the published record: its schema, of which Go has the one definition (Fields),
// and its encoder, which appends JSON by hand.
//
// The table of Fields says for each field its name, type and description, how it is written, and how rules
// get its value. JSON Schema, Markdown, the index template and a peer's members come from it. Encoder.Append
// is the same thing written out in straight lines, held to the table byte for byte by a test and a fuzz
// target: change both.
//
// Measured (BenchmarkEncode, processor time, one core of a shared AMD EPYC): a succeeded task, 1.7 kB, 375 ns and no
// allocation; the walk over the table that it replaces took three times as long. A record with every
// field set, 3 kB, 1.6 µs; one with 1,024 parameters of structured data, 315 µs.
//
// A record is valid for whoever reads it or it is not made: no name stands twice in an object, for
// Elasticsearch refuses such a document whole, and bytes that are no UTF-8 become U+FFFD before
// names are compared. None is longer than the Encoder's limit.
package record
