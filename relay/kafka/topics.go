package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// lookInterval is the pause between two looks at the layout: from kafka-go's cache, which
// is two seconds old at most.
const lookInterval = 2 * time.Second

// know adds a topic that the backlog names but the configuration does not (any more).
func (r *run) know(topic string) {
	if slices.ContainsFunc(r.topics, func(t Topic) bool { return t.Name == topic }) {
		return
	}
	r.cfg.Log.Info("kafka: the backlog holds records for a topic that is not configured; publishing them there", "topic", topic)
	r.topics = append(slices.Clone(r.topics), Topic{Name: topic}.withDefaults())
	r.client.watch(topic)
	r.layoutAt = time.Time{}
}

// lookSoon asks for a fresh layout.
func (r *run) lookSoon(now time.Time) {
	r.stale = true
	if soon := now.Add(refreshPause); r.layoutAt.After(soon) {
		r.layoutAt = soon
	}
}

// look fetches the layout when it is time.
func (r *run) look(now time.Time) time.Time {
	if r.looking || r.ensuring {
		return now.Add(time.Hour)
	}
	if now.Before(r.layoutAt) {
		return r.layoutAt
	}
	if r.stale {
		r.client.refresh()
		r.stale = false
	}
	r.looking = true
	r.aside(func() func() {
		ctx, cancel := context.WithTimeout(r.work, r.cfg.RequestTimeout)
		defer cancel()
		l, err := r.client.layout(ctx)
		return func() { r.looked(l, err) }
	})
	return now.Add(time.Hour)
}

func (r *run) looked(l *layout, err error) {
	r.looking = false
	now := time.Now()
	if c := classify(err); c != delivered {
		r.lookFails++
		r.stale = true
		r.trouble("", c, err)
		r.layoutAt = now.Add(max(r.backoff(r.lookFails), refreshPause))
		return
	}
	if r.lookFails > 0 {
		r.lookFails = 0
		r.recovered("")
	}
	r.layoutAt = now.Add(lookInterval)
	r.meet(l.cluster)
	r.Publisher.layout.Store(l)
	var absent []Topic
	for _, t := range r.topics {
		if err := l.denied[t.Name]; err != nil {
			r.lookSoon(now)
			r.trouble(t.Name, aclRefused, fmt.Errorf("kafka: describe topic %s: %w", t.Name, err))
		} else if len(l.leaders[t.Name]) == 0 {
			r.lookSoon(now)
			absent = append(absent, t)
		}
	}
	if len(absent) == 0 || now.Before(r.ensureAt) {
		return
	}
	r.ensureAt = now.Add(lookInterval)
	r.ensure(absent, l.brokers)
}

// meet notes which cluster answers. In another one than the state is about, our producer ids
// may be someone else's: all are dropped.
func (r *run) meet(cluster string) {
	if cluster == "" {
		cluster = "unnamed"
	}
	if r.cluster == cluster {
		return
	}
	if r.cluster != "" {
		r.cfg.Log.Warn("kafka: this is another cluster than before; starting with a new producer id", "cluster", printable(cluster))
		r.producer = -1
		for _, l := range r.order {
			if !l.busy {
				l.forget()
				l.doubtful = 0 // this one has seen none of them
			}
		}
	}
	r.cluster = cluster
	r.change()
}

// ensure makes topics that are missing, or says how to.
func (r *run) ensure(absent []Topic, brokers int) {
	if r.cfg.NoCreate {
		for _, t := range absent {
			r.trouble(t.Name, missing, fmt.Errorf("kafka: topic %s does not exist; make it with: %s", t.Name, t.Command(r.cfg.Brokers[0], brokers)))
		}
		return
	}
	r.ensuring = true
	r.aside(func() func() {
		ctx, cancel := context.WithTimeout(r.work, r.cfg.RequestTimeout)
		defer cancel()
		errs := r.client.create(ctx, absent, brokers)
		return func() { r.ensured(absent, brokers, errs) }
	})
}

func (r *run) ensured(absent []Topic, brokers int, errs []error) {
	r.ensuring = false
	r.layoutAt = time.Time{}
	r.stale = true
	for i, t := range absent {
		switch c := classify(errs[i]); {
		case errs[i] == nil:
			r.cfg.Log.Info("kafka: topic made", "topic", t.Name, "partitions", t.Partitions, "retention", t.Retention)
		case errors.Is(errs[i], kafkago.TopicAlreadyExists):
		default:
			r.trouble(t.Name, c, fmt.Errorf("kafka: topic %s does not exist and cannot be made: %w; make it with: %s",
				t.Name, errs[i], t.Command(r.cfg.Brokers[0], brokers)))
		}
	}
}

// settings are what a topic is made with on a cluster of that many brokers.
func (t Topic) settings(brokers int) (replicas int, configs []kafkago.ConfigEntry) {
	replicas = min(3, max(brokers, 1))
	if t.Replicas > 0 {
		replicas = int(t.Replicas)
	}
	configs = []kafkago.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(t.Retention.Milliseconds(), 10)}}
	if replicas >= 3 {
		// acks=all then means two copies; without it, one is enough for an ack.
		configs = append(configs, kafkago.ConfigEntry{ConfigName: "min.insync.replicas", ConfigValue: "2"})
	}
	return replicas, configs
}

// Command returns the line that makes t on a cluster of that many brokers.
func (t Topic) Command(bootstrap string, brokers int) string {
	t = t.withDefaults()
	replicas, configs := t.settings(brokers)
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-topics --bootstrap-server %s --create --topic %s --partitions %d --replication-factor %d",
		bootstrap, t.Name, t.Partitions, replicas)
	for _, c := range configs {
		fmt.Fprintf(&b, " --config %s=%s", c.ConfigName, c.ConfigValue)
	}
	return b.String()
}

// create makes topics and returns an error for each.
func (c *client) create(ctx context.Context, topics []Topic, brokers int) []error {
	errs := make([]error, len(topics))
	fail := func(err error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	k, err := c.kafka()
	if err != nil {
		return fail(err)
	}
	req := &kafkago.CreateTopicsRequest{}
	for _, t := range topics {
		replicas, configs := t.settings(brokers)
		req.Topics = append(req.Topics, kafkago.TopicConfig{Topic: t.Name, NumPartitions: int(t.Partitions),
			ReplicationFactor: replicas, ConfigEntries: configs})
	}
	res, err := k.CreateTopics(ctx, req)
	if err != nil {
		return fail(err)
	}
	for i, t := range topics {
		errs[i] = res.Errors[t.Name]
	}
	return errs
}

// trouble is a failure of a topic ("": of the cluster) that goes on.
type trouble struct {
	class class
	noted time.Time
	count int
}

// troubleInterval is the pause between two lines about the same trouble.
const troubleInterval = 30 * time.Second

// trouble counts a failure, says so when it is new or old enough, and returns how many
// there were in a row.
func (r *run) trouble(topic string, c class, err error) int {
	if r.stopping {
		return 1
	}
	r.cfg.Metrics.retries.WithLabelValues(c.String()).Inc()
	r.cfg.Metrics.up.Set(0)
	now := time.Now()
	t := r.troubles[topic]
	if t == nil {
		t = &trouble{}
		r.troubles[topic] = t
	}
	t.count++
	if t.class != c || now.Sub(t.noted) >= troubleInterval {
		r.cfg.Log.Warn("kafka: delivery fails; trying again", "topic", topic, "class", c, "attempts", t.count,
			"error", err, "remedy", r.remedy(topic, c))
		t.class, t.noted = c, now
	}
	since := now
	if s := r.Status(); !s.OK {
		since = s.Since
	}
	r.Publisher.status.Store(&Status{Class: c.String(), Problem: err.Error(), Remedy: r.remedy(topic, c), Topic: topic, Since: since})
	return t.count
}

// remedy is the class's, with names filled in where we know them.
func (r *run) remedy(topic string, c class) string {
	if c != aclRefused {
		return c.remedy()
	}
	if topic == "" {
		topic = r.cfg.Topics[0].Name // Write on any topic lets us take a producer id
	}
	return aclCommand(r.cfg, topic)
}

// recovered ends a topic's trouble.
func (r *run) recovered(topic string) {
	if len(r.troubles) == 0 && r.Status().OK {
		return
	}
	if t := r.troubles[topic]; t != nil {
		r.cfg.Log.Info("kafka: delivering again", "topic", topic, "after", t.class, "attempts", t.count)
		delete(r.troubles, topic)
	}
	if topic != "" {
		delete(r.troubles, "")
	}
	if len(r.troubles) == 0 {
		r.cfg.Metrics.up.Set(1)
		r.Publisher.status.Store(&Status{OK: true, Class: delivered.String(), Since: time.Now()})
	}
}
