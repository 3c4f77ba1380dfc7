package rules

import (
	"strings"
	"testing"
)

func TestOurOwnWordsAreRecordsToo(t *testing.T) {
	e := newEngine(t, "")
	p := check(t, e.State(Statement{Topic: Audit, Action: "spool-gap", Time: received, Severity: High, Message: "7 records were lost",
		Fields: []Field{String("destring.spool.segment", "7"), Int("destring.spool.records", 3), Float("destring.spool.share", 0.5), Bool("destring.spool.whole", false),
			Strings("related.hosts", "shop-a", "shop-b"), Time("event.start", received)}}))
	p.says(map[string]string{"@timestamp": "2025-11-25T00:08:12.809123456Z", "message": "7 records were lost", "event.action": "spool-gap", "event.kind": "event", "event.module": "destring", "event.dataset": "destring.audit",
		"log.level": "error", "destring.spool.segment": "7", "destring.spool.records": "3", "destring.spool.share": "0.5", "destring.spool.whole": "false", "related.hosts": "[shop-a shop-b]",
		"observer.name": "relay-1", "service.environment": "test"})
	if p.key != "spool-gap" || p.headers["ce_type"] != "io.destring.spool-gap" || p.headers["ce_id"] != p.at("event.id") || p.clean.Topic() != Audit {
		t.Errorf("key %q, headers %v", p.key, p.headers)
	}
}

func TestAStatementKeepsItsIDOverRetries(t *testing.T) {
	e := newEngine(t, "")
	s := Statement{Topic: Audit, Action: "reload", Time: received, Message: "m"}
	a, b := check(t, e.State(s)), check(t, e.State(s))
	s.Time++
	if c := check(t, e.State(s)); a.at("event.id") != b.at("event.id") || a.at("event.id") == c.at("event.id") {
		t.Errorf("ids %s, %s, %s", a.at("event.id"), b.at("event.id"), c.at("event.id"))
	}
}

func TestWhatAStatementQuotesIsRedacted(t *testing.T) {
	e := newEngine(t, "")
	token := "ghp_" + "x7Kq2mVb9TzR4nWc1LdY6sHf3JpG8aQe5UiO"
	p := check(t, e.State(Statement{Topic: DeadLetters, Action: "dead-letter", Time: received, Message: "refused: password=" + secret,
		Fields: []Field{String("destring.quote", "Authorization: Bearer "+token), Strings("destring.quotes", "ok", "token "+token)}}))
	p.hides(secret, token)
	if !strings.Contains(p.at("message"), "refused: password=[REDACTED:") {
		t.Errorf("message %q", p.at("message"))
	}
}

func TestAFieldSaidTwiceIsPublishedOnce(t *testing.T) {
	p := check(t, newEngine(t, "").State(Statement{Topic: Alerts, Action: "alert", Kind: "alert", Time: received, Message: "m",
		Fields: []Field{Int("destring.alert.count", 1), String("event.kind", "alert"), Int("destring.alert.count", 2), String("destring.alert.id", "x")}}))
	p.says(map[string]string{"destring.alert.count": "2", "destring.alert.id": "x", "event.kind": "alert"})
}

func TestASourceThatIsNoURIReferenceIsRefused(t *testing.T) {
	o := Options{Source: "%zz"}
	o.Redact.Key = make([]byte, 32)
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "CloudEvents source") {
		t.Errorf("got %v", err)
	}
}
