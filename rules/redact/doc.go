// Package redact hides secrets and personal data in log text and keeps everything else.
//
//	r, err := redact.New(redact.Options{Key: key})
//	var s redact.Scratch                 // one for each connection
//	res := r.Redact(&s, text, keep)      // res.Text, res.Findings, res.Map(span)
//
// Three layers collect byte spans of the text. Structure: a word of the vocabulary that ends a key's
// name leads to the value behind it, through any nesting of Python reprs, JSON, queries, headers, XML, YAML and
// command lines; a value is read with its quote and its depth of escapes. Shape: what gives itself away (vendor tokens, private
// keys, JSON web tokens, credentials in URLs, password hashes). Personal data: validators with check digits. The spans
// are merged and each is replaced by a mark, [REDACTED:<detector>] or [REDACTED:<detector>:<fingerprint>].
//
// One pass of an automaton finds all words; a second pass looks at digits and long runs. All other
// work happens on windows round what they found: anchored patterns and scanners written by hand, never an expression
// over a whole line. All work is counted, and a text that costs too much is withheld as a whole.
package redact
