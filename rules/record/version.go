package record

const (
	// ECSVersion is the version of the Elastic Common Schema whose names are used.
	ECSVersion = "9.4.0"
	// Version is the version of our own schema. The first number changes when a reader
	// must change, the second when fields are added.
	Version = "1.0"
)
