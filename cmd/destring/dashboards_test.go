package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"destring/alerting"
	"destring/relay"
	"destring/relay/kafka"
	"destring/relay/listener"
	"destring/relay/spool"
)

// described is what can be asked of one metric: its labels.
type described map[string][]string

// recorder notes the metrics that are registered with it, also those that have no value yet.
type recorder struct {
	*prometheus.Registry
	metrics described
}

var description = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

func (r *recorder) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		descs := make(chan *prometheus.Desc, 100)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			m := description.FindStringSubmatch(d.String())
			labels := []string{"instance", "le"}
			r.metrics[m[1]] = append(labels, strings.FieldsFunc(m[2], func(c rune) bool { return c == ',' || c == ' ' })...)
		}
	}
	r.Registry.MustRegister(all...)
}

func (r *recorder) Register(c prometheus.Collector) error {
	r.MustRegister(c)
	return nil
}

// ownMetrics are all that a relay has, and the values of the labels that exist from the start.
func ownMetrics(t *testing.T) (described, map[string]bool) {
	t.Helper()
	r := &recorder{prometheus.NewRegistry(), described{}}
	spool.NewMetrics(r)
	kafka.NewMetrics(r)
	relay.NewMetrics(r)
	listener.NewMetrics(r)
	alerting.NewMetrics(r)
	values := map[string]bool{}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				values[f.GetName()+" "+l.GetName()+" "+l.GetValue()] = true
			}
		}
	}
	return r.metrics, values
}

var (
	asked   = regexp.MustCompile(`(destring_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher = regexp.MustCompile(`([a-z_]+)(=~|!=|!~|=)"([^"]*)"`)
	by      = regexp.MustCompile(`by \(([^)]*)\)`)
	suffix  = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// wantKnown wants every metric that a query names to exist, with the labels that it asks for.
func wantKnown(t *testing.T, where, query string, metrics described, values map[string]bool) {
	t.Helper()
	labels := map[string]bool{}
	for _, m := range asked.FindAllStringSubmatch(query, -1) {
		name := m[1]
		if metrics[name] == nil {
			name = suffix.ReplaceAllString(name, "")
		}
		known := metrics[name]
		if known == nil {
			t.Errorf("%s: no metric %s in %s", where, m[1], query)
			continue
		}
		for _, l := range known {
			labels[l] = true
		}
		for _, x := range matcher.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(known, x[1]) {
				t.Errorf("%s: %s has no label %s", where, name, x[1])
			}
			if name == "destring_kafka_retries_total" {
				for value := range strings.SplitSeq(x[3], "|") {
					if !values[name+" "+x[1]+" "+value] && !strings.HasPrefix(value, "$") {
						t.Errorf("%s: no class %s", where, value)
					}
				}
			}
		}
	}
	for _, m := range by.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			if label = strings.TrimSpace(label); !labels[label] {
				t.Errorf("%s: nothing in %s has a label %s; there are %v", where, query, label, slices.Sorted(maps.Keys(labels)))
			}
		}
	}
}

func deployed(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "deploy"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAlertsAskForMetricsThatExist(t *testing.T) {
	metrics, values := ownMetrics(t)
	exprs := regexp.MustCompile(`(?m)^\s+expr: (.*)$`).FindAllStringSubmatch(string(deployed(t, "prometheus", "alerts.yml")), -1)
	if len(exprs) < 15 {
		t.Fatalf("%d rules found", len(exprs))
	}
	for _, m := range exprs {
		wantKnown(t, "alerts.yml", m[1], metrics, values)
	}
	for _, name := range []string{"destring_spool_depth_records", "destring_spool_oldest_seconds", "destring_spool_bytes", "destring_spool_sync_seconds", "destring_kafka_request_seconds",
		"destring_kafka_retries_total", "destring_kafka_duplicates_possible_total", "destring_spool_quarantine_unrecorded", "destring_shed_records_total"} {
		if metrics[name] == nil {
			t.Errorf("there is no metric %s", name)
		}
	}
}

func TestTheDashboardAsksForMetricsThatExist(t *testing.T) {
	metrics, values := ownMetrics(t)
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(deployed(t, "grafana", "destring.json"), &board); err != nil {
		t.Fatal(err)
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %s asks for nothing", p.Title)
		}
		for _, q := range p.Targets {
			wantKnown(t, p.Title, q.Expr, metrics, values)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := cells[cell]; other != "" || cell[0] >= 24 {
					t.Errorf("panel %s lies over %s at %v", p.Title, other, cell)
				}
				cells[cell] = p.Title
			}
		}
	}
	if len(ids) < 20 {
		t.Errorf("%d panels", len(ids))
	}
}
