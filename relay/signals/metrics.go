package signals

import "github.com/prometheus/client_golang/prometheus"

// Metrics count the signals.
type Metrics struct {
	said, skipped *prometheus.CounterVec
}

// NewMetrics registers the metrics; nil registers nothing.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		said:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "destring_signals_total", Help: "Signals that were put on record, by name."}, []string{"signal"}),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "destring_signals_skipped_total", Help: "Signals that were left out because the same was said shortly before, by name."}, []string{"signal"}),
	}
	for _, n := range Names {
		m.said.WithLabelValues(string(n))
		m.skipped.WithLabelValues(string(n))
	}
	if r != nil {
		r.MustRegister(m.said, m.skipped)
	}
	return m
}
