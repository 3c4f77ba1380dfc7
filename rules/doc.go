// Package rules is text in, clean records and findings out. It knows no socket, no
// disk and no clock: what it says depends on the event and the policy alone.
package rules
