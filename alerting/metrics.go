package alerting

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the numbers of alerting.
type Metrics struct {
	matches       *prometheus.CounterVec
	decisions     *prometheus.CounterVec
	latency       *prometheus.HistogramVec
	open          prometheus.Gauge
	again         prometheus.Counter
	journalErrors prometheus.Counter
}

// NewMetrics registers them; a nil Registerer keeps them to themselves.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		matches:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "destring_alert_matches_total", Help: "Matches taken, by level."}, []string{"level"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "destring_alert_decisions_total", Help: "Decisions about alerts, by level and outcome."}, []string{"level", "outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "destring_alert_latency_seconds", Help: "From receipt of the first record to the first message of an alert.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 120, 600, 3600}}, []string{"level"}),
		open:          prometheus.NewGauge(prometheus.GaugeOpts{Name: "destring_alerts_open", Help: "Alerts of which something may still have to be said."}),
		again:         prometheus.NewCounter(prometheus.CounterOpts{Name: "destring_alert_matches_again_total", Help: "Matches read again after a restart and known already."}),
		journalErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "destring_alert_journal_errors_total", Help: "Failures to write the alert journal."}),
	}
	if r != nil {
		r.MustRegister(m.matches, m.decisions, m.latency, m.open, m.again, m.journalErrors)
	}
	return m
}
