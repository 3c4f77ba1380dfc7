// Package syslog reads the header of one syslog message: RFC 5424 whole, RFC 3164
// as it is in the world, the bare PRI of Python's SysLogHandler, and text without any.
package syslog
