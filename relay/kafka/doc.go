// Package kafka carries batches from a durable source to Kafka's topics and says to the
// source what has arrived.
//
// A batch is encoded and compressed once, before it reaches this package. The publisher
// puts the 61 bytes of Kafka's record batch header in front (producer id, epoch and
// sequence in it), and sends the same bytes on every attempt with acks=all, so the broker
// can drop what it has already. What is needed to do so after a restart as well (the
// producer's identity, each partition's next sequence, the headers in flight, which batches
// behind the cursor have arrived) is committed together with the cursor.
//
// # Who owns what
//
// One goroutine (Publisher.Run) owns the lanes (one a partition), the batches that wait in
// them and the state. Whatever blocks (reading the source, requests, commits) runs beside it
// and reports back on one channel; so there is no lock. A lane has one batch in flight: order
// within a partition holds over every retry.
//
// A partition that cannot be reached, or a topic that we may not write, holds back the
// cursor, and so the source's space, but not the other partitions: what they delivered behind
// the cursor is in the state. Only when the batches that wait fill MaxPending does all wait.
//
// # Windows
//
//   - A broker remembers the last five batches of a producer in a partition. So a lane
//     sends at most five batches that the committed state does not know yet; then it waits
//     for the commit. After a kill -9 all of them are still recognised.
//   - A batch that is not simply one batch of the source (merged in a backlog, or split for
//     its size) is sent only after its header is committed: after a restart it is made again
//     the same way.
//   - A new producer id is committed before its first use.
//   - When the broker does not know the producer any more (it forgets after a day, or the
//     topic was made anew), the lane goes on with a new producer id. Batches whose outcome was
//     unknown may then be there twice: counted, never silent.
//
// # Facts measured or read that shaped the code
//
//   - kafka-go's Writer costs 2,400 ns a message where RawProduce of own batches costs 460
//     (Kafka 4.3.1); its asynchronous form queues without bound. It has no idempotence.
//   - RawProduce's reader must start with the batch's length, 4 bytes big endian: the
//     record set is a nullable field of the request (undocumented).
//   - kafka-go keeps a failed metadata request until its next refresh and does not refresh
//     after "not leader": on such errors we throw its connection pool away.
//   - A backlog of batches of 10 records drains at 300,000 records a second into Kafka
//     4.3.1 on two shared cores because eight waiting batches of a partition are merged;
//     batches of 1,000 cost the publisher 0.16 to 0.28 µs a record (see BenchmarkPublish here
//     and in deploy/e2e/kafka).
//   - Write and Describe on the topic suffice, for the producer id too (Kafka 4.3.1).
//   - InitProducerID on a fresh broker answers 14 (coordinator loading) at first: retried.
//   - A refused password reaches us as an end of file from some brokers.
package kafka
