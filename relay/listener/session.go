package listener

import (
	"context"
	"errors"

	"destring/rules/event"
)

// Handler opens a session for every connection that was let in.
type Handler interface {
	// Open is called on the connection's goroutine. The peer stays as it is for the
	// session's life.
	Open(peer *event.Peer) Session
}

// Session takes the messages of one connection, in order. All of its methods are called by
// one goroutine at a time, and Close is the last call, after a panic too.
type Session interface {
	// Handle takes one message. It may block: the connection is not read meanwhile, and when the relay
	// stops, Run waits for it. The event and
	// its texts are valid until it returns. nil says that the message was taken, ErrShed that it was
	// dropped and counted; any other error that it was not taken. After an error the
	// connection gets no close_notify, and RELP no reply: a RELP session is ended, so that the sender sends
	// the message again.
	Handle(ev *event.Event) error
	// Flush ends a batch: the connection has nothing more to hand over for now.
	Flush()
	// Sync returns when everything that Handle took is durable.
	Sync(ctx context.Context) error
	Close()
}

// Leaver is a Session that wants to know that its connection ended in order: the sender took leave (TLS
// close_notify, RELP close; FIN on plaintext), or we ended it. Goodbye comes before Close; a connection without it was cut off.
type Leaver interface{ Goodbye() }

// Worker is a Session that says what its messages cost: the bytes that were looked at since the last call,
// in whatever unit Limits.PeerWork is meant.
type Worker interface{ Work() int }

// ErrShed is what Handle returns when it dropped a message on purpose, as listen.on_full says.
// The session keeps the count of the gap; the connection lives on.
var ErrShed = errors.New("listener: message shed")
