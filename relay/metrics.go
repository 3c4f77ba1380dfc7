package relay

import "github.com/prometheus/client_golang/prometheus"

// Metrics of the walk as a whole; each room has its own beside it.
type Metrics struct {
	dropped  [3]prometheus.Counter // by level: other, info, debug
	tooLarge prometheus.Counter
}

// NewMetrics registers the metrics with r; nil registers them nowhere.
func NewMetrics(r prometheus.Registerer) *Metrics {
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "destring_shed_records_total",
		Help: "Records that were dropped because the spool was full, by level."}, []string{"level"})
	m := &Metrics{tooLarge: prometheus.NewCounter(prometheus.CounterOpts{Name: "destring_too_large_records_total",
		Help: "Records that the spool can never hold; each has a dead letter."})}
	for i, level := range []string{"other", "info", "debug"} {
		m.dropped[i] = dropped.WithLabelValues(level)
	}
	if r != nil {
		r.MustRegister(dropped, m.tooLarge)
	}
	return m
}

// shed counts a record of this syslog severity.
func (m *Metrics) shed(severity int8) { m.dropped[max(0, severity-5)].Inc() }
