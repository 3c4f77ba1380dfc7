package spool

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics is what a Spool tells about itself. Labels are reader names from the configuration
// and reasons from a closed set.
type Metrics struct {
	records, bytes, refused   prometheus.Counter
	writeErrors, cursorErrors prometheus.Counter
	syncSeconds               prometheus.Histogram
	gaps                      *prometheus.CounterVec
	gapRecords                prometheus.Counter

	spool atomic.Pointer[Spool] // the one that the gauges ask
}

// NewMetrics makes the metrics of one spool and registers them with reg, unless that is nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "destring_spool_" + name, Help: help})
	}
	m := &Metrics{
		records:      counter("records_total", "Records made durable."),
		bytes:        counter("written_bytes_total", "Bytes of frames made durable, compressed and encrypted."),
		refused:      counter("refused_total", "Appends refused because the spool is full, cannot write or is stopping."),
		writeErrors:  counter("write_errors_total", "Failed attempts to write or sync; each is repeated in a new segment."),
		cursorErrors: counter("cursor_errors_total", "Failed attempts to write a reader's cursor."),
		gapRecords:   counter("lost_records_total", "Records that damage made unreadable."),
		gaps: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "destring_spool_gaps_total",
			Help: "Damaged places found, by reason; their bytes are in quarantine."}, []string{"reason"}),
		syncSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "destring_spool_sync_seconds",
			Help: "Time of one group commit: write and fdatasync.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
	}
	if reg != nil {
		reg.MustRegister(m.records, m.bytes, m.refused, m.writeErrors, m.cursorErrors, m.gapRecords, m.gaps, m.syncSeconds, gauges{m})
	}
	return m
}

func (m *Metrics) bind(s *Spool) { m.spool.Store(s) }

// gauges asks the spool when somebody looks, so that an idle spool does nothing.
type gauges struct{ m *Metrics }

var (
	descBytes    = prometheus.NewDesc("destring_spool_bytes", "Bytes of all segments on the disk, reserved ones included.", nil, nil)
	descSegments = prometheus.NewDesc("destring_spool_segments", "Segments on the disk.", nil, nil)
	descUsage    = prometheus.NewDesc("destring_spool_usage_ratio", "How full the spool is, by quota and disk; at 1 it refuses.", nil, nil)
	descPending  = prometheus.NewDesc("destring_spool_quarantine_unrecorded", "Gaps that are not on the audit record yet.", nil, nil)
	descDepth    = prometheus.NewDesc("destring_spool_depth_records", "Records that a reader has neither committed nor passed over.", []string{"reader"}, nil)
	descOldest   = prometheus.NewDesc("destring_spool_oldest_seconds", "Age of the oldest record that a reader has neither committed nor passed over, 0 when there is none.", []string{"reader"}, nil)
)

func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descBytes, descSegments, descUsage, descPending, descDepth, descOldest} {
		ch <- d
	}
}

func (g gauges) Collect(ch chan<- prometheus.Metric) {
	s := g.m.spool.Load()
	if s == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := s.Stats()
	gauge(descBytes, float64(st.Bytes))
	gauge(descSegments, float64(st.Segments))
	gauge(descUsage, st.Usage)
	gauge(descPending, float64(st.Unrecorded))
	for _, r := range st.Readers {
		age := 0.0
		if !r.Oldest.IsZero() {
			age = max(0, time.Since(r.Oldest).Seconds())
		}
		gauge(descDepth, float64(r.Depth), r.Name)
		gauge(descOldest, age, r.Name)
	}
}
