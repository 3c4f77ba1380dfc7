package alerting_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"destring/alerting"
	"destring/rules"
)

func TestMetricsCountByLevelAndOutcome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		h := start(t, alerting.Options{Metrics: alerting.NewMetrics(registry)}, newRoom("soc"))
		h.feed.add(match(rules.Critical), match(rules.High, task("<script>")))
		sleep(time.Hour)
		h.stop()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				name := f.GetName()
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				if m.GetHistogram() != nil {
					got[name] = float64(m.GetHistogram().GetSampleCount())
				} else {
					got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
		for name, want := range map[string]float64{"destring_alert_decisions_total critical sent": 1, "destring_alert_decisions_total high sent": 1, "destring_alert_decisions_total high resolved": 1,
			"destring_alert_matches_total critical": 1, "destring_alert_latency_seconds critical": 1, "destring_alert_latency_seconds high": 1, "destring_alerts_open": 0, "destring_alert_journal_errors_total": 0} {
			if got[name] != want {
				t.Errorf("%s is %v, want %v; all: %s", name, got[name], want, fmt.Sprint(got))
			}
		}
	})
}
