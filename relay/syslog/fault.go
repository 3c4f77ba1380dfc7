package syslog

import "destring/rules/event"

// Faults: why a header was not understood. The whole frame is then the message, and of the header
// only what stands before the fault is kept.
const (
	BadPRI        event.Fault = "bad-pri"                  // '<' and digits or a sign, but no <0>..<999> (RFC 5424 §6.2.1)
	BadVersion    event.Fault = "bad-version"              // RFC 5424 §6.2.2: a number before the TIMESTAMP that is no VERSION
	CutShort      event.Fault = "header-cut-short"         // RFC 5424: the frame ends inside the header
	BadTimestamp  event.Fault = "bad-timestamp"            // RFC 5424 §6.2.3
	BadHostname   event.Fault = "bad-hostname"             // RFC 5424 §6.2.4: control characters
	BadAppName    event.Fault = "bad-app-name"             // RFC 5424 §6.2.5
	BadProcID     event.Fault = "bad-procid"               // RFC 5424 §6.2.6
	BadMsgID      event.Fault = "bad-msgid"                // RFC 5424 §6.2.7
	BadStructured event.Fault = "bad-structured-data"      // RFC 5424 §6.3
	TooManyParams event.Fault = "too-much-structured-data" // more than MaxParams
)

// MaxParams bounds the structured data of one message.
const MaxParams = 1024

// Faults returns every fault, so that a metric can be made with all of its labels.
func Faults() []event.Fault {
	return []event.Fault{BadPRI, BadVersion, CutShort, BadTimestamp, BadHostname, BadAppName, BadProcID, BadMsgID, BadStructured, TooManyParams}
}
