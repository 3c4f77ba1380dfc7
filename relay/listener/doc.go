// Package listener is the front door: it accepts connections, finds out who is at the other end, reads frames,
// parses their syslog header and hands each message to a Session.
//
//	accept ─► door (limits) ─► TLS handshake, identity ─► read ─► framing ─► syslog ─► Session.Handle ┐
//	                                                       ▲                                          │
//	                                                       └── nothing buffered: Session.Flush ◄──────┘
//
// All of this runs on the connection's own goroutine. No message goes over a channel to another, and a
// message allocates nothing once the connection's buffers have grown.
//
// What a sender is promised:
//
//   - TLS: when the client ends the stream, everything received is made durable before the relay's close_notify. A
//     connection on which a message was not taken ends with RST instead.
//   - RELP: "200 OK" means durable. What is not answered was not kept, and a resent message has the same event.Hash.
//   - When the relay stops it reads what lies in the sockets, to a deadline, and makes it durable.
//
// What shaped the code, measured with Go 1.26 unless said:
//
//   - Session tickets lose data: a client that only writes and closes leaves them unread, its kernel sends RST, and 0 of
//     200,000 bytes arrived here; 317 of 3,000 messages with the reader 0.3 s behind. They are off.
//   - go-syslog's server ends the process at six short inputs ("<13>", "<13>\n", a header cut behind the
//     host name, and counts "-1 ", "-9 ", "9223372036854775807 "), shakes hands inside its accept loop (one silent
//     client stops all others), closes at lines above 64 KiB in silence, and spins when file descriptors run
//     out. So on TLS our own acceptor calls framer and parser directly; the server only drives
//     them for the plaintext inputs of this machine (Plain), behind its Format and Handler.
//   - Server CPU a message of 300 bytes over loopback mTLS, 8 connections: 430 ns at 50 messages a TLS record, 1,210 ns at
//     one; a bare crypto/tls reader of the same bytes takes 185 and 680 (BenchmarkReadToParse, no allocations).
//   - Through format.Format and its map a message of the prototype cost 1,136 ns, directly 664 ns (50 messages a TLS record).
//   - crypto/tls reports a FIN without close_notify as an end in order when it falls between two
//     records, so a client cannot see from it that something was lost: hence the RST.
//   - A TLS read gives one record, and rsyslog's omrelp writes a record for each message: a reply for
//     each read would sync once a message. RELP waits a millisecond for more.
//   - Two processes that write on one TLS socket after a fork give "bad record MAC" (5 of 141 records lost with
//     rfc5424-logging-handler, 123 of 134 with tlssysloghandler).
//   - 5,000 idle mTLS connections take 185 MB, 37 kB each, without what their sessions hold.
//   - Python's handlers never connect again once their connection was closed, so idle connections are kept for a day, or for ever.
package listener
