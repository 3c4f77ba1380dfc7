package listener

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"destring/relay/framing"
)

// reason is why a connection was refused or ended, from a closed set: it labels metrics.
type reason string

// Why a connection was refused.
const (
	full           reason = "connections"      // Limits.Connections
	peerFull       reason = "peer-connections" // Limits.PeerConnections
	displaced      reason = "displaced"        // gave its place to a newer one before it had shaken hands
	stopping       reason = "stopping"
	slowHandshake  reason = "handshake-timeout"
	leftHandshake  reason = "left-in-handshake"
	plaintext      reason = "plaintext"
	tlsVersion     reason = "tls-version"
	tlsCipher      reason = "tls-cipher"
	rejectedUs     reason = "rejected-by-client"
	noCertificate  reason = "no-certificate"
	badCertificate reason = "bad-certificate"
	unknownCA      reason = "unknown-authority"
	wrongUsage     reason = "wrong-usage"
	notPermitted   reason = "not-permitted"
	badHandshake   reason = "handshake-failed"

	acceptFailed reason = "accept-failed" // no connection yet: in log lines only
)

// Why a connection that was let in ended; revoked and expired may be a refusal too.
const (
	closedInOrder reason = "close-notify" // TLS close_notify, RELP close, or FIN on plaintext
	closedAbrupt  reason = "fin"          // FIN without close_notify, as most Python handlers end
	reset         reason = "reset"
	frameTimeout  reason = "frame-timeout"
	idleTimeout   reason = "idle-timeout"
	badFraming    reason = "bad-framing"
	badRecordMAC  reason = "bad-record-mac"
	revoked       reason = "revoked"
	expired       reason = "expired"
	drained       reason = "drained" // the relay stops
	notTaken      reason = "not-taken"
	panicked      reason = "panic"
	readFailed    reason = "read-failed"
)

// remedies say what a person should do. A reason without one is nobody's fault.
var remedies = map[reason]string{
	acceptFailed:   "if these are too many open files, raise LimitNOFILE or lower limits.connections",
	full:           "raise limits.connections (and the limit of open files), or find who opens so many",
	peerFull:       "raise limits.peer_connections, or find why this peer opens so many",
	displaced:      "it had not shaken hands for a second while all connections were taken; see limits.connections",
	slowHandshake:  "the client opened a connection and did not finish its TLS handshake; a health check, a scanner, or a client waiting for something else",
	plaintext:      "this port speaks TLS only: switch TLS on in the client",
	tlsVersion:     "the client must speak TLS 1.2 or 1.3",
	tlsCipher:      "the client must offer an ECDHE suite with AES-GCM or ChaCha20-Poly1305",
	rejectedUs:     "the client does not trust the relay's certificate: give it the relay's CA, and connect by a name in the certificate",
	noCertificate:  "give the client a certificate signed by a CA in client_ca_file",
	badCertificate: "the client's certificate cannot be verified; issue a new one",
	unknownCA:      "the client's certificate is signed by no CA in client_ca_file; intermediate certificates must be sent by the client",
	wrongUsage:     "the certificate must have the extended key usage clientAuth; issue a new one",
	notPermitted:   "add the peer's name or fingerprint to the permitted peers if it should come in",
	revoked:        "the certificate is on the revocation list; issue a new one if the peer should come in",
	expired:        "renew the client's certificate; check both clocks",
	badRecordMAC:   "TLS socket shared over fork: two processes write on one TLS connection; reopen the log handler in Celery's worker_process_init signal",
	badFraming:     "the sender does not use the framing that this listener is fixed to",
	frameTimeout:   "the client began a message and did not finish it in time; a slow or hostile client",
	notTaken:       "the message could not be kept; the log lines of the spool say why. The sender sends it again",
	panicked:       "please report this with the places named here; the other connections live on",
}

// refusal is an error with its reason.
type refusal struct {
	reason reason
	err    error // may be nil; never holds what a client wrote after the handshake
}

func (r *refusal) Error() string {
	if r.err != nil {
		return string(r.reason) + ": " + r.err.Error()
	}
	return string(r.reason)
}

func (r *refusal) Unwrap() error { return r.err }

// handshakeReason says why a handshake failed. crypto/tls has no types for most of its errors, so some
// are told by their text; TestEachFailedHandshakeHasItsReason notices when a text changes.
func handshakeReason(err error) reason {
	var own *refusal
	var header tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	text := err.Error()
	switch {
	case errors.As(err, &own):
		return own.reason
	case errors.As(err, &header):
		return headerReason(header)
	case errors.As(err, &verify):
		return certificateReason(verify.Err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return slowHandshake
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return leftHandshake
	case strings.Contains(text, "didn't provide a certificate"):
		return noCertificate
	case strings.Contains(text, "unsupported versions"), strings.Contains(text, "protocol version"):
		return tlsVersion
	case strings.Contains(text, "cipher suite"):
		return tlsCipher
	case strings.Contains(text, "remote error: tls:"):
		return rejectedUs
	case strings.Contains(text, "bad record MAC"):
		return badRecordMAC
	}
	return badHandshake
}

// headerReason tells a client that speaks no TLS from one with a broken record.
func headerReason(err tls.RecordHeaderError) reason {
	if strings.Contains(err.Msg, "does not look like a TLS handshake") {
		return plaintext
	}
	return badHandshake
}

// spoken guesses what a client without TLS speaks, from a closed set: the bytes themselves are
// the beginning of a message and are not shown.
func spoken(err error) string {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) {
		return ""
	}
	switch head := string(header.RecordHeader[:]); {
	case head[0] == '<', head[0] >= '0' && head[0] <= '9':
		return "syslog"
	case strings.HasPrefix(head, "SSH-"):
		return "SSH"
	case strings.HasPrefix(head, "GET "), strings.HasPrefix(head, "POST "), strings.HasPrefix(head, "HEAD "), strings.HasPrefix(head, "PUT "), strings.HasPrefix(head, "PRI *"):
		return "HTTP"
	}
	return "unknown"
}

func certificateReason(err error) reason {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return unknownCA
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return expired
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return wrongUsage
	}
	return badCertificate
}

// endReason says why a stream ended.
func endReason(err error) reason {
	var fe *framing.Error
	if errors.As(err, &fe) {
		switch fe.Reason {
		case framing.FrameTimeout:
			return frameTimeout
		case framing.IdleTimeout:
			return idleTimeout
		case framing.BadCount:
			return badFraming
		}
		err = fe.Err
	}
	switch {
	case err == nil:
		return readFailed
	case err == io.EOF:
		return closedInOrder
	case errors.Is(err, io.ErrUnexpectedEOF):
		return closedAbrupt
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		return drained
	case strings.Contains(err.Error(), "bad record MAC"):
		return badRecordMAC
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return reset
	}
	return readFailed
}
