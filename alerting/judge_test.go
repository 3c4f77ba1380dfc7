package alerting_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
	"destring/rules/detect"
	"destring/rules/packs"
)

const judgeRules = `
title: Cloud key in a log
id: 11111111-0000-4000-8000-000000000001
tags: [attack.t1552.001]
logsource: {product: celery}
detection: {s: {destring.findings.detector: aws-access-key-id}, condition: s}
level: critical
destring: {runbook: "https://runbooks.example/leak", realert: 24h}
---
title: Any credential in a log
id: 11111111-0000-4000-8000-000000000002
logsource: {product: celery}
detection: {s: {destring.findings.class: credential}, condition: s}
level: medium
---
title: Remote shutdown
id: 11111111-0000-4000-8000-000000000003
logsource: {product: celery}
detection: {s: {message|contains: 'Got shutdown'}, condition: s}
level: medium
---
title: Login refused
id: 11111111-0000-4000-8000-000000000004
name: refused
logsource: {product: celery}
detection: {s: {message|contains: '401'}, condition: s}
level: low
---
title: Many logins refused
id: 11111111-0000-4000-8000-000000000005
correlation: {type: event_count, rules: [refused], group-by: [celery.task.name], timespan: 10m, condition: {gte: 3}}
level: high
`

func judge(t testing.TB) *alerting.Judge {
	t.Helper()
	set, err := detect.Load(detect.Bytes("rules.yml", []byte(judgeRules)))
	if err != nil {
		t.Fatal(err)
	}
	return alerting.NewJudge(set, rules.Medium, detect.CorrelatorOptions{})
}

var records int

// logRecord is a record as it is published.
func logRecord(at time.Time, task, message string, findings ...map[string]string) []byte {
	records++
	r := map[string]any{"@timestamp": at, "message": message, "event": map[string]any{"id": fmt.Sprintf("%032x", records), "created": at},
		"celery":   map[string]any{"worker": "celery@eu-3", "task": map[string]any{"name": task, "id": "t1"}},
		"destring": map[string]any{"peer": map[string]any{"name": "worker.eu-3"}, "findings": findings}, "source": map[string]any{"ip": "10.1.2.3"},
		"service": map[string]any{"environment": "production"}, "tls": map[string]any{"client": map[string]any{"hash": map[string]any{"sha256": "ab12"}}}}
	raw, _ := json.Marshal(r)
	return raw
}

func aFinding(detector, class, severity, fp string) map[string]string {
	return map[string]string{"detector": detector, "class": class, "severity": severity, "fingerprint": fp, "field": "message"}
}

func TestARecordBecomesTheMatchesThatAPersonWouldName(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	aws, aws2, mail := aFinding("aws-access-key-id", "credential", "critical", "aa"), aFinding("aws-access-key-id", "credential", "critical", "bb"), aFinding("email", "personal", "low", "")
	odd := aFinding("new-detector", "other", "high", "cc")
	for name, c := range map[string]struct {
		record []byte
		want   string
	}{
		"nothing":                          {logRecord(at, "t", "fine"), ""},
		"a rule alone":                     {logRecord(at, "t", "Got shutdown from remote"), "Remote shutdown/"},
		"a leak: the most severe rule":     {logRecord(at, "t", "x", aws), "Cloud key in a log/aa"},
		"the same finding twice":           {logRecord(at, "t", "x", aws, aws), "Cloud key in a log/aa"},
		"two keys":                         {logRecord(at, "t", "x", aws, aws2), "Cloud key in a log/aa Cloud key in a log/bb"},
		"a leak and another rule":          {logRecord(at, "t", "Got shutdown", aws), "Cloud key in a log/aa Remote shutdown/"},
		"a finding that no rule is about":  {logRecord(at, "t", "x", odd), "/cc"},
		"a finding below the least":        {logRecord(at, "t", "x", mail), ""},
		"a leak and a finding below":       {logRecord(at, "t", "x", mail, aws), "Cloud key in a log/aa"},
		"a hidden rule raises nothing yet": {logRecord(at, "t", "401"), ""},
	} {
		list, err := judge(t).Read(c.record)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range list {
			got = append(got, m.Rule.Title+"/"+m.Finding.Fingerprint)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, strings.Join(got, " "), c.want)
		}
	}
	m, err := judge(t).Read(logRecord(at, "billing.sync", "x", aws))
	if err != nil || len(m) != 1 || m[0].Task != "billing.sync" || m[0].Worker != "celery@eu-3" || m[0].Peer != "worker.eu-3" || m[0].PeerFingerprint != "ab12" || !m[0].Time.Equal(at) ||
		m[0].Rule.Realert != 24*time.Hour || m[0].Rule.Runbook != "https://runbooks.example/leak" || m[0].Rule.Version == "" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := judge(t).Read([]byte("no record: hunter2")); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no JSON: %v", err)
	}
}

func TestCorrelationsFireOnceAndGoOnAfterARestart(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	j := judge(t)
	read := func(r []byte) []alerting.Match {
		list, err := j.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	one, two := logRecord(at, "a", "401"), logRecord(at.Add(time.Minute), "a", "401")
	if n := len(read(one)) + len(read(two)) + len(read(two)) + len(read(logRecord(at, "b", "401"))); n != 0 {
		t.Errorf("%d matches before the third of a group, the same record counted once", n)
	}
	state := j.AppendState(nil)
	j = judge(t)
	if forgotten, err := j.Restore(state); err != nil || forgotten != 0 {
		t.Fatalf("Restore: %d, %v", forgotten, err)
	}
	list := read(logRecord(at.Add(2*time.Minute), "a", "401"))
	if len(list) != 1 || list[0].Rule.Title != "Many logins refused" || list[0].Rule.Level != rules.High || fmt.Sprint(list[0].Group) != "[celery.task.name=a]" || list[0].Why == "" {
		t.Errorf("the third: %+v", list)
	}
	if list := read(logRecord(at.Add(3*time.Minute), "a", "401")); len(list) != 0 {
		t.Errorf("the fourth fires again: %+v", list)
	}
}

func TestASenderWhoseClockIsAheadMovesNoWindow(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	j := judge(t)
	n := 0
	for i := range 3 {
		r := logRecord(at.Add(time.Duration(i)*time.Second), "a", "401")
		if i == 0 {
			r = []byte(strings.Replace(string(r), `"@timestamp":"2026-11-25T09:30:00Z"`, `"@timestamp":"2031-01-01T00:00:00Z"`, 1))
		}
		list, err := j.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		n += len(list)
	}
	if n != 1 {
		t.Errorf("fired %d times, want once", n)
	}
}

// With the shipped rules: a record in which nothing is found, and a leak.
func BenchmarkJudge(b *testing.B) {
	set, err := packs.Load()
	if err != nil {
		b.Fatal(err)
	}
	for name, r := range map[string][]byte{"nothing": logRecord(time.Now(), "billing.sync", "Task billing.sync[t1] succeeded in 0.2s: None"),
		"leak": logRecord(time.Now(), "billing.sync", "x", aFinding("aws-access-key-id", "credential", "critical", "aa"))} {
		b.Run(name, func(b *testing.B) {
			j := alerting.NewJudge(set, rules.Medium, detect.CorrelatorOptions{})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := j.Read(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTheRecordsAroundALeakOfTheSameTaskStandBesideIt(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	var frame [][]byte
	for i := range 9 {
		frame = append(frame, logRecord(at.Add(time.Duration(i)*time.Second), "billing.sync", fmt.Sprintf("line %d", i)))
	}
	frame[2] = []byte(strings.Replace(string(frame[2]), `"id":"t1"`, `"id":"t2"`, 1))
	frame[5] = logRecord(at.Add(5*time.Second), "billing.sync", "the leak", aFinding("aws-access-key-id", "credential", "critical", "aa"))
	frame[8] = []byte("no record")
	list, unreadable := judge(t).Frame(frame, nil)
	if len(list) != 1 || unreadable != 1 {
		t.Fatalf("%d matches, %d unreadable; want one of each", len(list), unreadable)
	}
	var got []string
	for _, l := range list[0].Nearby {
		got = append(got, l.Text)
	}
	if want := "line 1, line 3, line 4, line 6, line 7"; strings.Join(got, ", ") != want {
		t.Errorf("beside it stand %q, want %q", strings.Join(got, ", "), want)
	}
}
