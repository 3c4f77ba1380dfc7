// Package framing cuts the byte stream of a syslog connection into messages:
// octet counting (RFC 6587 §3.4.1, RFC 5425), LF and CR LF (RFC 6587 §3.4.2), and the NUL that
// Python's SysLogHandler writes, each message its own way.
package framing
