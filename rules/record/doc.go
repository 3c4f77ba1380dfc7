// Package record is the published record: its schema, of which Go has the one
// definition, and its encoder, which appends JSON by hand.
package record
