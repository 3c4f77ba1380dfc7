package signals

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Name is which signal, from a closed set: it labels a metric and is published as destring.signal.
type Name string

// The signals.
const (
	WorkerSilent         Name = "worker-silent"
	WorkerClosed         Name = "worker-closed"
	FirstSeenTask        Name = "first-seen-task"
	FirstSeenTaskWorker  Name = "first-seen-task-worker"
	FirstSeenWorker      Name = "first-seen-worker"
	FirstSeenBeatEntry   Name = "first-seen-beat-entry"
	SequenceGap          Name = "sequence-gap"
	Duplicate            Name = "duplicate"
	TimeBackwards        Name = "time-backwards"
	TimeAhead            Name = "time-ahead"
	WorkerMismatch       Name = "worker-mismatch"
	CertificateTwoPlaces Name = "certificate-two-places"
	HandshakeRefused     Name = "handshake-refused"
	LevelRaised          Name = "level-raised"
	FailureRatio         Name = "failure-ratio"
	VolumeDrop           Name = "volume-drop"
	VolumeSurge          Name = "volume-surge"
	UnparsedShare        Name = "unparsed-share"
)

// Names are all signals.
var Names = [...]Name{WorkerSilent, WorkerClosed, FirstSeenTask, FirstSeenTaskWorker, FirstSeenWorker, FirstSeenBeatEntry, SequenceGap, Duplicate, TimeBackwards,
	TimeAhead, WorkerMismatch, CertificateTwoPlaces, HandshakeRefused, LevelRaised, FailureRatio, VolumeDrop, VolumeSurge, UnparsedShare}

// Origin is who sent, as the connection proved it.
type Origin struct {
	Name        string // event.Peer.Name
	Listener    string
	Fingerprint string     // of the certificate; empty without
	Address     netip.Addr // of the last connection
}

// Signal is one thing that was noticed. Empty members do not apply.
type Signal struct {
	Name   Name
	Time   int64 // nanoseconds since 1970
	Origin Origin

	Worker string // node name, "celery@host"
	Task   string
	Entry  string // of beat's schedule
	Host   string // HOSTNAME in the header
	Reason string // of a refused handshake, from the listener's closed set

	// Count of Of: failures of runs, lines that are not Celery's of all lines. Alone: messages that are missing.
	Count, Of int64
	// Before and After are what was usual and what is now: seconds of silence, lines a minute.
	Before, After float64
	// Since is when it began, of a silence, or the time that a clock was at before. Nanoseconds since 1970.
	Since int64
	// Skipped is how many signals of this kind about the same thing were left out before this one.
	Skipped int
}

// Text says it to a person.
func (s *Signal) Text() string {
	who := s.Origin.Name
	if s.Worker != "" && s.Worker != who {
		who = strings.TrimPrefix(who+" ("+s.Worker+")", " ")
	}
	switch s.Name {
	case WorkerSilent:
		return fmt.Sprintf("%s has sent nothing for %s. It usually sends within %s.", who, seconds(s.After), seconds(s.Before))
	case WorkerClosed:
		return fmt.Sprintf("The last connection of %s ended without goodbye, and it did not come again in %s.", who, seconds(s.After))
	case FirstSeenTask:
		return fmt.Sprintf("Task %s was never seen in this environment before. %s runs it.", s.Task, who)
	case FirstSeenTaskWorker:
		return fmt.Sprintf("Task %s never ran on %s before.", s.Task, who)
	case FirstSeenWorker:
		return fmt.Sprintf("Worker %s was never seen in this environment before. It sends as %s.", s.Worker, s.Origin.Name)
	case FirstSeenBeatEntry:
		return fmt.Sprintf("Beat on %s sent task %s for entry %q of its schedule, which was never due before.", who, s.Task, s.Entry)
	case SequenceGap:
		return fmt.Sprintf("%d messages of %s are missing: its sequenceId skips.", s.Count, who)
	case Duplicate:
		return fmt.Sprintf("A message of %s came again, on another connection.", who)
	case TimeBackwards:
		return fmt.Sprintf("The time of %s went back by %s.", who, seconds(s.After))
	case TimeAhead:
		return fmt.Sprintf("A message of %s is dated %s in the future.", who, seconds(s.After))
	}
	return s.textOfTheRest(who)
}

func (s *Signal) textOfTheRest(who string) string {
	switch s.Name {
	case WorkerMismatch:
		return fmt.Sprintf("A sender with the certificate of %s says that it is worker %s, for which its certificate does not speak.", s.Origin.Name, s.Worker)
	case CertificateTwoPlaces:
		return fmt.Sprintf("The certificate of %s is in use from %s and from another address at the same time.", who, s.Origin.Address)
	case HandshakeRefused:
		return fmt.Sprintf("A client at %s was turned away at %s: %s.", s.Origin.Address, s.Origin.Listener, s.Reason)
	case LevelRaised:
		return fmt.Sprintf("%s used to send INFO, and sends only warnings and errors now: most rules are blind for it.", who)
	case FailureRatio:
		return fmt.Sprintf("%d of %d runs of task %s failed within five minutes.", s.Count, s.Of, s.Task)
	case VolumeDrop, VolumeSurge:
		return fmt.Sprintf("%s sends %.4g lines a minute; in the hour before it sent %.4g.", who, s.After, s.Before)
	case UnparsedShare:
		return fmt.Sprintf("%d of %d lines of %s are of no form that Celery writes.", s.Count, s.Of, who)
	}
	return string(s.Name)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
