package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"destring/deploy/e2e/parts"
)

// Each rule fires on what it is for and not on what is near it: alerts_test.yml.
func TestPrometheusTakesTheRulesAndTheyFire(t *testing.T) {
	parts.Need(t, "promtool")
	dir := filepath.Join(root(t), "deploy", "prometheus")
	run(t, dir, nil, "promtool", "check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")
	run(t, dir, nil, "promtool", "test", "rules", "alerts_test.yml")
	rules, err := os.ReadFile(filepath.Join(dir, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(dir, "alerts_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rules)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "- alert: "); ok && !(strings.Contains(string(tests), name+" fires") && strings.Contains(string(tests), name+" stays quiet")) {
			t.Errorf("alerts_test.yml has no pair of tests for %s", name)
		}
	}
}

// The queries of the dashboard are PromQL: promtool reads each as the expression of a rule.
func TestPrometheusUnderstandsTheDashboard(t *testing.T) {
	parts.Need(t, "promtool")
	data, err := os.ReadFile(filepath.Join(root(t), "deploy", "grafana", "destring.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("groups:\n- name: dashboard\n  rules:\n")
	n := 0
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			n++
			expr := strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$instance", ".*").Replace(q.Expr)
			fmt.Fprintf(&b, "  - record: panel:query%d\n    expr: %q\n", n, expr)
		}
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, ".", nil, "promtool", "check", "rules", file); !strings.Contains(out, fmt.Sprintf("SUCCESS: %d rules found", n)) || n == 0 {
		t.Errorf("%d queries:\n%s", n, out)
	}
}
