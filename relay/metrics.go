package relay

import "github.com/prometheus/client_golang/prometheus"

// Metrics of the walk as a whole; each room has its own beside it.
type Metrics struct {
	Shed prometheus.Counter
}

// NewMetrics registers the metrics with r; nil registers them nowhere.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{Shed: prometheus.NewCounter(prometheus.CounterOpts{Name: "destring_shed_records_total", Help: "Records that were dropped because the spool was full."})}
	if r != nil {
		r.MustRegister(m.Shed)
	}
	return m
}
