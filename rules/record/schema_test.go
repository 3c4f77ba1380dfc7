package record_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"destring/rules/event"
	"destring/rules/record"
	"destring/rules/record/recordtest"
)

func TestNamesOfTheCommonSchemaAreThereWithTheirTypes(t *testing.T) {
	for _, f := range record.Published() {
		ours := strings.HasPrefix(f.Name, "celery.") || strings.HasPrefix(f.Name, "destring.")
		if ours == f.ECS {
			t.Errorf("%s: from ECS: %v, but its name says otherwise", f.Name, f.ECS)
		}
		if !f.ECS {
			continue
		}
		fact, ok := recordtest.Facts()[f.Name]
		if !ok {
			t.Errorf("%s: not in ECS %s (or not in recordtest/ecs.jsonl: see deploy/e2e/ecs)", f.Name, record.ECSVersion)
			continue
		}
		if fact.Type != string(f.Type) || fact.Array != f.Array {
			t.Errorf("%s: %s, list: %v; ECS says %s, list: %v", f.Name, f.Type, f.Array, fact.Type, fact.Array)
		}
	}
}

// Every kind of relay/celery comes here with the packs' rules; these are those with a class of their own.
func TestCategoriesAndTypesGoTogether(t *testing.T) {
	peer := record.NewPeer(&event.Peer{Name: "w"}, record.Service{}, func(s string) string { return s })
	for _, kind := range []event.Kind{"task-received", "task-succeeded", "task-failed", "task-retried", "worker-ready", "worker-lost", "content-disallowed", "unregistered-task", "security-error",
		"control-revoke", "control-shutdown", "queue-added", "broker-lost", "node-joined", "mingle", "beat-due", "stdout", ""} {
		r := &record.Record{Timestamp: 1, Retries: -1, Facility: -1, Severity: -1, Peer: peer, Kind: kind}
		for _, fault := range recordtest.Log(record.NewEncoder(0).Append(nil, r)) {
			t.Errorf("%s: %s", kind, fault)
		}
	}
}

func TestTheIndexTemplateMapsEveryPublishedField(t *testing.T) {
	raw, err := json.Marshal(record.IndexTemplate())
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Template struct{ Mappings map[string]any }
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		t.Fatal(err)
	}
	for _, f := range record.Published() {
		at := template.Template.Mappings
		for name := range strings.SplitSeq(f.Name, ".") {
			properties, _ := at["properties"].(map[string]any)
			at, _ = properties[name].(map[string]any)
		}
		if at == nil || f.Type != record.Nested && at["type"] != string(f.Type) {
			t.Errorf("%s is mapped as %v", f.Name, at)
		}
		if f.Type == record.Nested && len(at["properties"].(map[string]any)) != len(f.Members) {
			t.Errorf("the members of %s are not mapped: %v", f.Name, at)
		}
	}
}

// What a consumer must not meet: the checks that tests of other rooms rely on must find it.
func TestTheChecksFindWhatIsWrong(t *testing.T) {
	good := `{"@timestamp":"2026-11-25T00:00:00.000Z","message":"m","ecs":{"version":"9.4.0"},"event":{"kind":"event"},"destring":{"header":"none"}}`
	if faults := recordtest.Log([]byte(good)); len(faults) > 0 {
		t.Fatalf("a good record: %q", faults)
	}
	for name, bad := range map[string]string{
		"no JSON":                 `{"message":`,
		"a name twice":            strings.Replace(good, `"message":"m"`, `"message":"m","message":"n"`, 1),
		"an unknown ECS name":     strings.Replace(good, `"message"`, `"event_":{"kind":"x"},"message"`, 1),
		"an unknown name of ours": strings.Replace(good, `"header"`, `"headers"`, 1),
		"a string for a list":     strings.Replace(good, `"kind":"event"`, `"kind":"event","category":"process"`, 1),
		"a value not allowed":     strings.Replace(good, `"kind":"event"`, `"kind":"log"`, 1),
		"a type without category": strings.Replace(good, `"kind":"event"`, `"kind":"event","category":["network"],"type":["change"]`, 1),
		"no message":              strings.Replace(good, `"message":"m",`, ``, 1),
		"a date of another form":  strings.Replace(good, `T00:00:00.000Z`, ` 00:00:00`, 1),
		"a number for a keyword":  strings.Replace(good, `"9.4.0"`, `9.4`, 1),
	} {
		if len(recordtest.Log([]byte(bad))) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
	headers := map[string]string{"ce_specversion": "1.0", "ce_type": "io.destring.celery.log", "ce_source": "/destring", "ce_id": "1", "ce_time": "2026-11-25T00:00:00.000Z",
		"content-type": "application/json", "destring-schema": record.Version, "destring-redacted": "0"}
	if faults := recordtest.Headers(headers); len(faults) > 0 {
		t.Fatalf("good headers: %q", faults)
	}
	for name, value := range map[string]string{"ce_id": "", "ce_specversion": "0.3", "ce_time": "yesterday", "ce_source": "%zz", "ce_Subject": "x", "content-type": "text/plain", "ce_type": "log", "destring-schema": "0.1"} {
		was, there := headers[name]
		headers[name] = value
		if len(recordtest.Headers(headers)) == 0 {
			t.Errorf("%s: %q is not found", name, value)
		}
		if headers[name] = was; !there {
			delete(headers, name)
		}
	}
}

func TestRulesCanAskForTheFieldsThatHoldText(t *testing.T) {
	var silent []string
	for _, f := range record.Published() {
		if f.Text == nil && f.Number == nil && f.List.Len == nil {
			silent = append(silent, f.Name)
		}
	}
	// Constants, lists of our own objects whose members rules ask for, dates, objects of the sender, and what rules said.
	want := []string{"celery.task.args_values", "celery.task.kwargs_values", "celery.task.result_values", "destring.findings", "destring.matches", "event.kind", "event.module", "event.dataset", "event.created",
		"log.syslog.version", "log.syslog.structured_data", "rule.id", "rule.name", "rule.version", "rule.reference", "threat.framework", "threat.tactic.id", "threat.tactic.name",
		"threat.technique.id", "threat.technique.subtechnique.id", "tls.client.not_after"}
	if !slices.Equal(silent, want) {
		t.Errorf("rules cannot ask for\n %q, want\n %q", silent, want)
	}
}
