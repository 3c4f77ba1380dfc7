package listener

import (
	"time"

	"gopkg.in/mcuadros/go-syslog.v2/format"
)

// The contract of go-syslog: a Format cuts (GetSplitFunc, once a connection) and parses (GetParser, once
// a message), the server adds the client's address to the map of Dump, and a Handler gets the map. Ours puts one
// thing into the map, under partsKey: itself, with the event parsed.
const partsKey = "destring"

// part is what stands in the map: a stream or a datagram input.
type part interface {
	deliver(client string)
}

// Handle is go-syslog's Handler. It runs on the goroutine that read the message.
func (p *Plain) Handle(parts format.LogParts, _ int64, _ error) {
	if source, ok := parts[partsKey].(part); ok {
		client, _ := parts["client"].(string)
		source.deliver(client)
	}
}

// nobody parses what belongs to no stream.
type nobody struct{}

func (nobody) Parse() error            { return nil }
func (nobody) Dump() format.LogParts   { return format.LogParts{} }
func (nobody) Location(*time.Location) {}
