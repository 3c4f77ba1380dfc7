package spool_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"

	"destring/relay/spool"
	"destring/rules"
)

// A record walks in, becomes durable, and comes out of a reader that remembers its place.
func Example() {
	dir, err := os.MkdirTemp("", "spool-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	key := make([]byte, 32)
	rand.Read(key)
	keys, err := spool.NewKeyring(key) // a relay uses LoadKeys
	if err != nil {
		log.Fatal(err)
	}
	s, err := spool.Open(spool.Config{Dir: dir, Keys: keys, Readers: []string{"publisher"}, Codec: spool.LZ4})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	var o rules.Options
	o.Redact.Key = key
	engine, err := rules.New(o)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	c := engine.State(rules.Statement{Topic: rules.Audit, Action: "start", Time: 1_700_000_000_000_000_000, Key: "relay-1", Message: "up"})
	ticket, err := s.Append("celery.audit.v1", 0, c)
	if err != nil {
		log.Fatal(err) // spool.ErrFull: shed, or WaitRoom and try again
	}
	if err := s.Wait(ctx, ticket); err != nil { // only who must answer waits
		log.Fatal(err)
	}

	r, err := s.Reader("publisher")
	if err != nil {
		log.Fatal(err)
	}
	f, err := r.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	records, err := f.Decode() // the publisher sends f.Records as they are
	if err != nil {
		log.Fatal(err)
	}
	for _, rec := range records {
		fmt.Printf("%s/%d #%d key %s\n", f.Topic, f.Partition, rec.Sequence, rec.Key)
	}
	if err := r.Commit(f.Position, []byte("producer id 7, epoch 0")); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("committed up to %d with %q\n", r.Committed(), r.State())
	// Output:
	// celery.audit.v1/0 #1 key relay-1
	// committed up to 2 with "producer id 7, epoch 0"
}
