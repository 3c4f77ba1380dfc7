package alerting_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
	"destring/rules/redact"
)

var update = flag.Bool("update", false, "write the golden files anew")

var fixed = time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)

// known is an alert that is always the same.
func known() *alerting.Alert {
	return &alerting.Alert{ID: "a1b2c3d4e5f60718", Level: rules.Critical, Count: 12, Opened: fixed, First: fixed, Last: fixed.Add(20 * time.Minute),
		Tasks: []string{"billing.sync"}, Workers: []string{"celery@eu-3", "celery@eu-4"},
		Match: alerting.Match{Time: fixed, EventID: "00112233445566778899aabbccddeeff", Task: "billing.sync", TaskID: "5b1e2f8a", Worker: "celery@eu-3", Peer: "worker.eu-3",
			PeerFingerprint: "ab12", PeerAddress: "10.1.2.3", Host: "eu-3", Environment: "production", Sample: "key=[REDACTED:aws-access-key-id:9c1f22aa0b3d4e5f]",
			Rule:    alerting.Rule{ID: "leak_cloud_key", Title: "Cloud key in a Celery log", Version: "3", Level: rules.Critical, Tags: []string{"attack.credential-access", "attack.t1552.001"}, Runbook: "https://runbooks.example/leak"},
			Finding: alerting.Finding{Detector: "aws-access-key-id", Class: "credential", Severity: rules.Critical, Fingerprint: "9c1f22aa0b3d4e5f"},
			Place:   alerting.Place{Topic: "celery.logs.v1", Partition: 3, Offset: 18422}}}
}

func goldenJSON(t *testing.T, name string, raw []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pretty.Bytes(), want) {
		t.Errorf("%s differs; look at it and write it with -update. Got:\n%s", path, pretty.Bytes())
	}
}

func engine(t *testing.T) *rules.Engine {
	t.Helper()
	e, err := rules.New(rules.Options{Environment: "production", Redact: redact.Options{Key: bytes.Repeat([]byte{1}, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnAlertIsARecordOfTheAlertsTopic(t *testing.T) {
	c := engine(t).State(known().Statement("k1", fixed))
	if c.Topic() != rules.Alerts || string(c.Key()) != "a1b2c3d4e5f60718" {
		t.Errorf("topic %s, key %q", c.Topic(), c.Key())
	}
	goldenJSON(t, "alert.ecs.json", c.Value())
}

func TestADecisionIsARecordOfTheAuditTopic(t *testing.T) {
	e := engine(t)
	for _, d := range []alerting.Decision{
		{Time: fixed, Outcome: alerting.Sent, Sink: "soc", Reason: "first message", Events: 12, Alert: known()},
		{Time: fixed, Outcome: alerting.Failed, Sink: "soc", Reason: "Slack limits the rate (retry, again after 7s)", Alert: known()},
		{Time: fixed, Outcome: alerting.SilenceAdded, By: "kim", Reason: "migration", Silence: &alerting.Silence{ID: "s1", Author: "kim", Reason: "migration", End: fixed.Add(time.Hour)}},
	} {
		c := e.State(d.Statement())
		if c.Topic() != rules.Audit {
			t.Errorf("%s: topic %s", d.Outcome, c.Topic())
		}
		goldenJSON(t, "audit."+string(d.Outcome)+".json", c.Value())
	}
}

func TestAnAlertIsAnOCSFFinding(t *testing.T) {
	leak, rule, resolved := known(), known(), known()
	rule.Match.Finding = alerting.Finding{}
	resolved.Status, resolved.Resolved = alerting.Resolved, fixed.Add(time.Hour)
	for name, m := range map[string]*alerting.Message{"2006.create": {Act: alerting.Post, Key: "k1", Began: fixed, Alert: leak}, "2004.update": {Act: alerting.Edit, Key: "k2", Began: fixed, Alert: rule},
		"2006.close": {Act: alerting.Edit, Key: "k3", Began: fixed, Alert: resolved}} {
		raw, err := alerting.EncodeOCSF(m)
		if err != nil {
			t.Fatal(err)
		}
		goldenJSON(t, "ocsf."+name+".json", raw)
	}
	for _, m := range []*alerting.Message{{Digest: &alerting.Digest{}}, {Notice: &alerting.Notice{}}} {
		if _, err := alerting.EncodeOCSF(m); err == nil {
			t.Errorf("%+v is a finding", m)
		}
	}
}

func TestAStatementsTextIsRedactedAgain(t *testing.T) {
	a := known()
	key := "AK" + "IAQ3EGRSDV7L2MNOPW"
	a.Match.Sample = "it says " + key
	if c := engine(t).State(a.Statement("k", fixed)); strings.Contains(string(c.Value()), key) {
		t.Errorf("%s", c.Value())
	}
}

func TestEachKindOfSecretHasItsSteps(t *testing.T) {
	seen := map[string]string{}
	for _, detector := range []string{"aws-access-key-id", "gcp-api-key", "github-token", "slack-webhook", "stripe-key", "private-key", "jwt", "url-password", "card", "something-new"} {
		steps := alerting.Steps(&alerting.Finding{Detector: detector})
		first := fmt.Sprint(steps)
		if len(steps) < 2 || seen[first] != "" {
			t.Errorf("%s: %d steps, the same as %q", detector, len(steps), seen[first])
		}
		seen[first] = detector
	}
	if alerting.Steps(&alerting.Finding{}) != nil {
		t.Error("no finding has steps")
	}
}
