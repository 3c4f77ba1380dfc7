package kafka

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	requestsPerBroker = 4       // in flight; each carries other partitions
	requestBytes      = 8 << 20 // Kafka's socket.request.max.bytes is 100 MiB
)

// backoff is the pause before attempt n+1: doubled each time, jittered by half.
func (r *run) backoff(n int) time.Duration {
	d := r.cfg.BackoffMin << min(n-1, 20)
	if d > r.cfg.BackoffMax || d <= 0 {
		d = r.cfg.BackoffMax
	}
	return d/2 + rand.N(d/2+1)
}

// identify takes a producer id when a lane needs one.
func (r *run) identify(now time.Time) time.Time {
	wanted := false
	for _, l := range r.order {
		if l.producer >= 0 {
			continue
		}
		if r.producer >= 0 {
			r.adopt(l)
		} else if len(l.queue) > 0 {
			wanted = true
		}
	}
	if !wanted || r.taking || r.cluster == "" {
		return now.Add(time.Hour)
	}
	if now.Before(r.takeAt) {
		return r.takeAt
	}
	r.taking = true
	r.aside(func() func() {
		ctx, cancel := context.WithTimeout(r.work, r.cfg.RequestTimeout)
		defer cancel()
		id, epoch, err := r.client.producerID(ctx)
		return func() { r.identified(id, epoch, err) }
	})
	return now.Add(time.Hour)
}

func (r *run) identified(id int64, epoch int16, err error) {
	r.taking = false
	if c := classify(err); c != delivered {
		r.takeAt = time.Now().Add(r.backoff(r.trouble("", c, err)))
		return
	}
	r.recovered("")
	r.producer, r.epoch = id, epoch
	r.cfg.Metrics.producers.Inc()
}

// adopt starts l with the producer id in use, which must be durable before it is used.
func (r *run) adopt(l *lane) {
	l.producer, l.epoch, l.next = r.producer, r.epoch, 0
	l.need = r.change()
	r.urgent = true
}

// dispatch sends the heads of all lanes that are ready, grouped by broker.
func (r *run) dispatch(now time.Time) time.Time {
	wake := now.Add(time.Hour)
	layout := r.layout.Load()
	if layout == nil || r.cluster == "" {
		return wake
	}
	groups := map[int32][]*lane{}
	for _, l := range r.order {
		if l.busy || len(l.queue) == 0 {
			continue
		}
		if now.Before(l.retryAt) {
			if l.retryAt.Before(wake) {
				wake = l.retryAt
			}
			continue
		}
		leaders, known := layout.leaders[l.topic]
		if known && int(l.partition) >= len(leaders) {
			r.scatter(l, int32(len(leaders)))
			wake = now
			continue
		}
		if !known || l.partition < 0 || leaders[l.partition] < 0 {
			r.lookSoon(now)
			continue
		}
		if r.ready(l, now) {
			broker := leaders[l.partition]
			groups[broker] = append(groups[broker], l)
		}
	}
	for broker, lanes := range groups {
		for len(lanes) > 0 && r.inFlight[broker] < requestsPerBroker {
			n, size := 0, 0
			for n < len(lanes) && (n == 0 || size+lanes[n].queue[0].size() <= requestBytes) {
				size += lanes[n].queue[0].size()
				n++
			}
			r.send(broker, lanes[:n])
			lanes = lanes[n:]
		}
	}
	return wake
}

// ready reports whether the head of l may go out now, and makes its header if need be.
func (r *run) ready(l *lane, now time.Time) bool {
	if l.producer < 0 || !r.build(l, now) {
		return false
	}
	head := l.queue[0]
	if l.need > r.durable || head.need > r.durable || !head.sent && l.unsaved >= window {
		r.urgent = true
		return false
	}
	return true
}

// send puts the heads of lanes into one request.
func (r *run) send(broker int32, lanes []*lane) {
	batches := make([]sending, len(lanes))
	for i, l := range lanes {
		head := l.queue[0]
		if !head.sent {
			head.sent = true
			l.unsaved++
		}
		l.busy = true
		batches[i] = sending{topic: l.topic, partition: l.partition, header: &head.header, records: head.Records}
	}
	r.inFlight[broker]++
	r.aside(func() func() {
		ctx, cancel := context.WithTimeout(r.work, r.cfg.RequestTimeout)
		defer cancel()
		start := time.Now()
		r.client.produce(ctx, batches)
		r.cfg.Metrics.latency.Observe(time.Since(start).Seconds())
		return func() {
			r.inFlight[broker]--
			for i, l := range lanes {
				l.busy = false
				r.settle(l, batches[i].err)
			}
		}
	})
}

// settle takes the outcome of l's head.
func (r *run) settle(l *lane, err error) {
	head := l.queue[0]
	c := classify(err)
	if c == delivered {
		m := r.cfg.Metrics
		m.records.WithLabelValues(l.topic).Add(float64(head.Count))
		m.bytes.WithLabelValues(l.topic).Add(float64(head.size()))
		l.next = advance(l.next, head.Count)
		if l.doubtful > 0 {
			l.doubtful--
			r.doubt(l, head.Count)
		}
		l.suspects = max(l.suspects-1, 0)
		r.recovered(l.topic)
		r.done(l)
		return
	}
	if outcomeUnknown(err, c) {
		head.uncertain = true
	}
	if r.stopping && r.work.Err() != nil {
		return // cut off by our own stop
	}
	l.failures++
	if c == oversize { // not a trouble: what comes next fits
		r.cfg.Metrics.retries.WithLabelValues(c.String()).Inc()
		r.shrink(l)
		return
	}
	r.trouble(l.topic, c, err)
	now := time.Now()
	switch c {
	case poison:
		if l.failures >= poisonAttempts {
			r.isolate(l, err)
			return
		}
	case codec:
		r.unpack(l)
		return
	case sequence:
		r.renew(l)
		return
	case missing, leader, network, timeout, tlsRefused, authRefused:
		r.lookSoon(now)
	}
	l.retryAt = now.Add(r.backoff(l.failures))
}

// done takes the head off: delivered, or given up to the dead letters.
func (r *run) done(l *lane) {
	head := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.failures, l.retryAt = 0, time.Time{}
	for _, f := range head.frames {
		f.pieces--
		if len(head.frames) == 1 {
			f.settled += head.Count
		}
		if f.pieces == 0 {
			r.pending -= f.bytes
		}
	}
	r.advance()
}

// renew gives l a producer id that its partition has not seen: the broker does not know
// the present one, or expects another sequence.
func (r *run) renew(l *lane) {
	if head := l.queue[0]; head.uncertain {
		r.doubt(l, head.Count)
		head.uncertain = false
	}
	if l.producer == r.producer {
		r.producer = -1 // used up for this partition: take another
	}
	l.forget()
	r.change()
	r.again = true
	if l.failures > 1 {
		l.retryAt = time.Now().Add(r.backoff(l.failures - 1))
	}
}

// doubt counts records that may come twice.
func (r *run) doubt(l *lane, records int) {
	r.cfg.Metrics.duplicates.Add(float64(records))
	r.cfg.Log.Warn("kafka: the broker forgot our producer id while the outcome of a batch was unknown; its records may be there twice",
		"topic", l.topic, "partition", l.partition, "records", records)
}
