package listener

import (
	"github.com/prometheus/client_golang/prometheus"

	"destring/rules/event"
)

// Metrics of all listeners of a process, told apart by the label listener. Every label
// comes from a closed set; none is taken from a message or a certificate.
type Metrics struct {
	accepted, acceptErrors, bytes, truncated, partial, mismatches, panics, reloads *prometheus.CounterVec // listener
	refused, closed                                                                *prometheus.CounterVec // listener, reason
	frames                                                                         *prometheus.CounterVec // listener, framing
	faults                                                                         *prometheus.CounterVec // listener, reason
	missed                                                                         *prometheus.CounterVec // listener, reason: shed, refused
	throttled                                                                      *prometheus.CounterVec // listener, seconds
	connections, certificateExpiry                                                 *prometheus.GaugeVec   // listener
	handshake                                                                      *prometheus.HistogramVec
}

// NewMetrics registers the metrics of listeners. It panics when they are registered already, as
// prometheus.MustRegister does.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "destring", Subsystem: "listener", Name: name, Help: help}, append([]string{"listener"}, labels...))
		reg.MustRegister(v)
		return v
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "destring", Subsystem: "listener", Name: name, Help: help}, []string{"listener"})
		reg.MustRegister(v)
		return v
	}
	m := &Metrics{
		accepted:          counter("accepted_total", "Connections that were let in."),
		acceptErrors:      counter("accept_errors_total", "Failed accepts, for want of file descriptors for instance."),
		refused:           counter("refused_total", "Connections that were not let in.", "reason"),
		closed:            counter("closed_total", "Ends of connections that had been let in.", "reason"),
		frames:            counter("frames_total", "Messages read.", "framing"),
		bytes:             counter("message_bytes_total", "Bytes of messages read, without framing."),
		truncated:         counter("truncated_total", "Messages longer than the limit, cut."),
		partial:           counter("partial_total", "Messages whose end did not come."),
		faults:            counter("parse_failures_total", "Messages whose syslog header was not understood; they are kept whole.", "reason"),
		mismatches:        counter("host_mismatches_total", "Messages whose HOSTNAME is not the peer's."),
		missed:            counter("not_taken_total", "Messages that were read and not taken.", "reason"),
		throttled:         counter("throttled_seconds_total", "Time that connections were not read because their peer was over its rate."),
		panics:            counter("panics_total", "Connections ended by a fault of the relay's own."),
		reloads:           counter("reloads_total", "Changes of certificates, authorities, revocations or peers."),
		connections:       gauge("connections", "Open connections, shaking hands or let in."),
		certificateExpiry: gauge("certificate_expiry_timestamp_seconds", "When the first of the relay's own certificates expires."),
		handshake: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "destring", Subsystem: "listener", Name: "handshake_seconds",
			Help: "Time from accept to the end of a TLS handshake that succeeded.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"listener"}),
	}
	reg.MustRegister(m.handshake)
	return m
}

// gauges are the metrics of one listener, looked up once.
type gauges struct {
	name string
	m    *Metrics

	accepted, acceptErrors, bytes, truncated, partial, mismatches, panics, reloads, throttled, shed, untaken prometheus.Counter
	connections, certificateExpiry                                                                           prometheus.Gauge
	handshake                                                                                                prometheus.Observer
	frames                                                                                                   [event.FramingRELP + 1]prometheus.Counter
}

func (m *Metrics) of(name string) *gauges {
	g := &gauges{name: name, m: m,
		accepted: m.accepted.WithLabelValues(name), acceptErrors: m.acceptErrors.WithLabelValues(name), bytes: m.bytes.WithLabelValues(name),
		truncated: m.truncated.WithLabelValues(name), partial: m.partial.WithLabelValues(name), mismatches: m.mismatches.WithLabelValues(name),
		panics: m.panics.WithLabelValues(name), reloads: m.reloads.WithLabelValues(name), throttled: m.throttled.WithLabelValues(name),
		shed: m.missed.WithLabelValues(name, "shed"), untaken: m.missed.WithLabelValues(name, "refused"),
		connections: m.connections.WithLabelValues(name), certificateExpiry: m.certificateExpiry.WithLabelValues(name),
		handshake: m.handshake.WithLabelValues(name),
	}
	for f := range g.frames {
		g.frames[f] = m.frames.WithLabelValues(name, event.Framing(f).String())
	}
	return g
}

func (g *gauges) refuse(why reason)       { g.m.refused.WithLabelValues(g.name, string(why)).Inc() }
func (g *gauges) end(why reason)          { g.m.closed.WithLabelValues(g.name, string(why)).Inc() }
func (g *gauges) fault(fault event.Fault) { g.m.faults.WithLabelValues(g.name, string(fault)).Inc() }

// tally counts on the connection's goroutine; a batch adds it to the shared counters, so that
// eight connections do not fight for one cache line at every message.
type tally struct {
	frames           [event.FramingRELP + 1]int
	messages         int
	bytes            int
	truncated        int
	partial          int
	mismatches       int
	shed, untaken    int
	throttledSeconds float64
}

func (t *tally) flush(g *gauges) {
	for f, n := range t.frames {
		add(g.frames[f], n)
	}
	add(g.bytes, t.bytes)
	add(g.truncated, t.truncated)
	add(g.partial, t.partial)
	add(g.mismatches, t.mismatches)
	add(g.shed, t.shed)
	add(g.untaken, t.untaken)
	if t.throttledSeconds > 0 {
		g.throttled.Add(t.throttledSeconds)
	}
	*t = tally{}
}

func add(c prometheus.Counter, n int) {
	if n > 0 {
		c.Add(float64(n))
	}
}
