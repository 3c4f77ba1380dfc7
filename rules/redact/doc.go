// Package redact hides secrets and personal data in log text and keeps everything else.
//
//	r, err := redact.New(redact.Options{Key: key})
//	var s redact.Scratch            // one for each connection
//	res := r.Redact(&s, text, keep) // res.Text, res.Findings, res.Map(span)
//
// Three layers collect byte spans of the text. Structure: a word of the vocabulary that ends a key's name leads to the
// value behind it, through any nesting of Python reprs, JSON, queries, headers, XML, YAML, SQL and command lines; a value
// is read with its quote and its depth of escapes. Shape: what gives itself away (vendor tokens, private keys, JSON
// web tokens, credentials in URLs, password hashes). Personal data: validators with check digits. Text that is percent-, \u-, HTML-,
// hex- or base64-encoded, pickled, or written with lookalike letters, is decoded into views with a table of offsets and scanned again; what is found
// is mapped back. The spans are merged and each is replaced by a mark,
//
//	[REDACTED:<detector>] or [REDACTED:<detector>:<16 hex digits>]
//
// which holds no quote, backslash or blank, so that what could be parsed before can be parsed after. A mark of exactly this
// form in the input stays; anything else that begins like one is relabelled, and its inside is scanned.
//
// # Identifiers that stay
//
// A caller names the places of identifiers (keep): a sender can write anything there. A place is honoured when its text looks like an
// identifier (a UUID, a dotted name, name@host, a path), and then only against what the name before it or a guess says; cards and
// other ids with check digits, vendor tokens, keys and values already known as secrets are hidden there too.
//
// # Speed
//
// One pass of an automaton finds all words; a second pass looks at digits and long runs. All other work happens on
// windows round what they found: anchored patterns and scanners written by hand, never an expression over a whole
// line. (Measured: gitleaks' own detector reads 2 MB/s, one expression over a line 8 to 27 MB/s.) The signs that join the words of a
// name ("_", "-", ".", blank) are one letter to the automaton, which halves its states.
//
// # Bounds
//
// All work is counted in bytes looked at, not by the clock, so that a text is judged in the same way on every machine. Lines of
// the densest corpus need 22 a byte; past 24 a byte and a fixed part the text is withheld as a whole, as it is when it is too
// long or when a scanner fails. Nothing is ever passed on because it was too hard to judge.
//
// # Redacting twice
//
// The output is looked at once more when a mark is glued to something or took the place of signs that end a value, and the spans
// are widened by what only shows there: so redacting the output again changes nothing. Looking again at every output
// would double the cost of a line with a secret and finds nothing in practice.
//
// # What is not found
//
// A password among positional arguments, bare, that no earlier record of the connection held under its name. A secret of one's own
// making under a name that says nothing. Personal names in running text. Values that a transport has compressed or encrypted.
package redact
