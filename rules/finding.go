package rules

// Finding says that something was found in a record, never what it was.
// It holds our own words and keyed hashes only, so it may go anywhere.
type Finding struct {
	Detector string // from a closed set: "aws-access-key-id"
	Severity Severity
	Field    string // name of the published field that it stood in: "message"
	// Start and End are the place of the mark in the clean text of Field, in bytes.
	Start, End int
	// Key is the key name that gave it away ("db_password"), cut and reduced to identifier
	// characters; empty when the shape of the value did.
	Key string
	// Fingerprint is a keyed hash of the value, in hex; empty for values that could be guessed.
	Fingerprint string
}

// Severity orders findings, rules and alerts alike, with the words of Sigma.
type Severity uint8

// Severities, lowest first.
const (
	Informational Severity = iota
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"informational", "low", "medium", "high", "critical"}

// String returns Sigma's word for s.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return "unknown"
}

// ParseSeverity reads Sigma's word; an unknown one is Informational.
func ParseSeverity(word string) Severity {
	for i, name := range severityNames {
		if name == word {
			return Severity(i)
		}
	}
	return Informational
}
