package kafka

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what the publisher does. Labels: topics come from the configuration,
// classes from the list in errors.go.
type Metrics struct {
	records    *prometheus.CounterVec
	bytes      *prometheus.CounterVec
	retries    *prometheus.CounterVec
	latency    prometheus.Histogram
	duplicates prometheus.Counter
	dead       prometheus.Counter
	abandoned  prometheus.Counter
	cut        prometheus.Counter
	producers  prometheus.Counter
	pending    prometheus.Gauge
	behind     prometheus.Gauge
	up         prometheus.Gauge
}

// NewMetrics makes the metrics and registers them with r, unless r is nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	name := func(n, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "destring", Subsystem: "kafka", Name: n, Help: help}
	}
	counter := func(n, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(name(n, help)))
	}
	gauge := func(n, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(name(n, help)))
	}
	vec := func(n, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(name(n, help)), []string{label})
	}
	m := &Metrics{
		records: vec("records_total", "Records that Kafka acknowledged.", "topic"),
		bytes:   vec("bytes_total", "Compressed bytes that Kafka acknowledged.", "topic"),
		retries: vec("retries_total", "Attempts that failed and are made again, by class of the failure.", "class"),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "destring", Subsystem: "kafka", Name: "request_seconds",
			Help:    "Time from sending a produce request to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		duplicates: counter("duplicates_possible_total", "Records that may be in Kafka twice, because the broker forgot the producer while their outcome was unknown."),
		dead:       counter("dead_letters_total", "Records that Kafka refused for good, handed to the dead letter topic."),
		abandoned:  counter("abandoned_total", "Records that Kafka refused for good and no dead letter topic could take."),
		cut:        counter("cut_total", "Records larger than the topic allows whose text was cut."),
		producers:  counter("producer_ids_total", "Producer ids taken. More than one a start means that brokers forgot us."),
		pending:    gauge("pending_bytes", "Bytes of batches read from the spool and not acknowledged yet."),
		behind:     gauge("oldest_pending_seconds", "Age of the oldest record that waits in the publisher, 0 if none."),
		up:         gauge("up", "1 while the last request to Kafka succeeded, else 0."),
	}
	for c := range classes { // so that a rate over them starts at nought
		if c != delivered {
			m.retries.WithLabelValues(c.String())
		}
	}
	if r != nil {
		r.MustRegister(m.records, m.bytes, m.retries, m.latency, m.duplicates, m.dead,
			m.abandoned, m.cut, m.producers, m.pending, m.behind, m.up)
	}
	return m
}
