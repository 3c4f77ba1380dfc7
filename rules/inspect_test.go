package rules

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"destring/rules/detect"
	"destring/rules/event"
	"destring/rules/record"
	"destring/rules/redact"
)

const secret = "correct-horse-battery-7"

const succeeded = `[2025-11-25 00:08:12,807: INFO/ForkPoolWorker-2] Task shop.tasks.charge[0b1f2c3d-0000-4000-8000-5eed00000001] succeeded in 0.0123s: {'order': 4711, 'status': 'charged'}`

func TestATaskThatSucceededIsPublishedWithItsFacts(t *testing.T) {
	p := newSender(t, newEngine(t, "")).line(succeeded)
	p.says(map[string]string{
		"@timestamp": "2025-11-25T00:08:12.807Z", "destring.timestamp_source": "syslog-header", "event.created": "2025-11-25T00:08:12.809123456Z",
		"message": succeeded, "celery.message": succeeded[49:], "celery.event": "task-succeeded", "celery.process": "ForkPoolWorker-2",
		"celery.task.name": "shop.tasks.charge", "celery.task.id": "0b1f2c3d-0000-4000-8000-5eed00000001", "celery.task.state": "SUCCESS", "celery.task.runtime": "0.0123",
		"celery.task.result": "{'order': 4711, 'status': 'charged'}", "celery.task.result_values.order": "4711", "celery.task.result_values.status": "charged",
		"log.level": "info", "log.logger": "celery.app.trace", "log.syslog.priority": "134", "log.syslog.facility.code": "16", "log.syslog.severity.code": "6", "log.syslog.hostname": "shop-a", "host.hostname": "shop-a",
		"process.pid": "4132", "event.outcome": "success", "event.action": "task-succeeded", "event.category": "[process]", "event.type": "[end]",
		"event.id": "0000000000005eed0000000000000001", "destring.peer.name": "worker-7.example", "source.ip": "192.0.2.7", "tls.client.x509.subject.common_name": "[worker]",
		"service.environment": "test", "observer.name": "relay-1", "destring.redacted": "", "destring.findings": "",
	})
	if p.clean.Matched() || p.clean.Topic() != Logs {
		t.Error("alerting has to look at a record without a finding")
	}
}

func TestWhatIsFoundIsHiddenEverywhereAndNamedOnce(t *testing.T) {
	p := newSender(t, newEngine(t, "")).line("[2025-11-25 00:08:12,807: ERROR/ForkPoolWorker-2] Task shop.tasks.pay[0b1f2c3d-0000-4000-8000-5eed00000001] raised unexpected: ValueError('login failed, password=" + secret + "')\n" +
		"Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 3, in <module>\n    pay()\n  File \"/srv/shop/tasks.py\", line 31, in pay\n    raise ValueError(x)\nValueError: login failed, password=" + secret)
	p.hides(secret)
	p.says(map[string]string{
		"celery.event": "task-failed", "celery.task.state": "FAILURE", "event.outcome": "failure", "error.type": "ValueError",
		"celery.frames":        "[/srv/shop/app.py:3 <module> /srv/shop/tasks.py:31 pay]",
		"log.origin.file.name": "/srv/shop/tasks.py", "log.origin.file.line": "31", "log.origin.function": "pay",
	})
	for _, name := range []string{"message", "celery.message", "error.message", "error.stack_trace"} {
		if !strings.Contains(p.at(name), "[REDACTED:") || !strings.Contains(p.at(name), "login failed, password=") {
			t.Errorf("%s: the mark is missing, or what stood around it: %q", name, p.at(name))
		}
	}
	if !p.clean.Matched() || len(p.clean.Findings()) == 0 {
		t.Fatal("alerting is not told")
	}
	for _, f := range p.clean.Findings() {
		if mark := p.at(f.Field)[f.Start:f.End]; !strings.HasPrefix(mark, "[REDACTED:") || !strings.HasSuffix(mark, "]") {
			t.Errorf("the place of the finding in %s holds %q", f.Field, mark)
		}
		if f.Key != "password" {
			t.Errorf("the key is %q", f.Key)
		}
	}
}

func TestASecretInAHeaderFieldIsHiddenAndToldWithEveryMessage(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	key := "AKIA" + "Z7Q4XK2MDN3VPJ6B"
	hosts := []string{"shop-a", key, "shop-b", key, key, "shop-a"}
	for i, host := range hosts {
		p := s.send("<134>1 2025-11-25T00:08:12.807Z " + host + " celery 4132 - - hello")
		p.hides(key)
		leaks := 0
		for _, f := range p.clean.Findings() {
			if f.Field == "log.syslog.hostname" {
				leaks++
			}
		}
		if want := host == key; want != (leaks > 0) {
			t.Errorf("message %d from %s: %d findings in the host name", i, host, leaks)
		}
		if host != key && (p.at("log.syslog.hostname") != host || p.key != "worker-7.example/"+host) {
			t.Errorf("message %d: host %q, key %q, want %q", i, p.at("log.syslog.hostname"), p.key, host)
		}
	}
}

func TestStructuredDataIsJudgedByItsNames(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	p := s.send(`<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - [app@32473 password="` + secret + `" order="4711" order="4712"][meta sequenceId="7"] hello`)
	p.hides(secret)
	p.says(map[string]string{"log.syslog.structured_data.app@32473.order": "[4711 4712]", "log.syslog.structured_data.meta.sequenceId": "7", "message": "hello", "destring.redacted": "1"})
	if got := p.at("log.syslog.structured_data.app@32473.password"); !strings.HasPrefix(got, "[REDACTED:") {
		t.Errorf("the password is published as %q", got)
	}
}

func TestATaskNameStaysButNotASecretInIt(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	p := s.line(`[2025-11-25 00:08:12,807: INFO/MainProcess] Task shop.tasks.reset_password[0b1f2c3d-0000-4000-8000-5eed00000001] received`)
	p.says(map[string]string{"celery.task.name": "shop.tasks.reset_password", "celery.task.id": "0b1f2c3d-0000-4000-8000-5eed00000001", "destring.redacted": ""})
	token := "ghp_" + "x7Kq2mVb9TzR4nWc1LdY6sHf3JpG8aQe5UiO"
	p = s.line(`[2025-11-25 00:08:12,807: INFO/MainProcess] Task ` + token + `[0b1f2c3d-0000-4000-8000-5eed00000001] received`)
	p.hides(token)
}

func TestJSONLinesArePublishedAsWrittenWithTheFactsOfTheirMembers(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	p := s.line(`{"asctime": "2025-11-25 00:08:12,807", "levelname": "WARNING", "name": "shop.pay", "processName": "ForkPoolWorker-2", "message": "retry with password=` + secret + `", "db_password": "` + secret + `"}`)
	p.hides(secret)
	p.says(map[string]string{"log.level": "warning", "log.logger": "shop.pay", "celery.process": "ForkPoolWorker-2"})
	if !strings.HasPrefix(p.at("message"), `{"asctime"`) || !strings.HasPrefix(p.at("celery.message"), "retry with password=[REDACTED:") {
		t.Errorf("message %q, celery.message %q", p.at("message"), p.at("celery.message"))
	}
}

func TestWhatThePolicyLeavesInTheTextIsSaidAndNotCounted(t *testing.T) {
	e, err := New(Options{Redact: redact.Options{Key: make([]byte, 32), Actions: map[string]redact.Action{"password": redact.Keep}, LoosenCritical: true}})
	if err != nil {
		t.Fatal(err)
	}
	p := newSender(t, e).line("password=" + secret)
	p.says(map[string]string{"message": "password=" + secret, "destring.redacted": ""})
	if p.headers["destring-redacted"] != "0" || !strings.Contains(p.raw, `"action":"keep"`) || !p.clean.Matched() {
		t.Errorf("headers %v, record %s", p.headers, p.raw)
	}
}

// A secret behind the escapes of JSON shows only when they are undone.
func TestAFindingInADecodedMemberHasItsPlace(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	p := s.line(`{"levelname": "INFO", "name": "shop.pay", "message": "login failed, p\u0061ssword=` + secret + `"}`)
	p.hides(secret)
	for _, f := range p.clean.Findings() {
		if text := p.at(f.Field); f.End > len(text) || !strings.HasPrefix(text[f.Start:f.End], "[REDACTED:") {
			t.Errorf("the place %d to %d of %s is none of a mark in %q", f.Start, f.End, f.Field, text)
		}
	}
}

func TestAHostileNumberOfFindingsTakesNoQuadraticTime(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	var b strings.Builder
	b.WriteString(`{"levelname": "INFO", "message": "x"`)
	for i := range 8000 {
		fmt.Fprintf(&b, `, "db_password_%d": "correct-horse-%d"`, i, i)
	}
	p := s.line(b.String() + "}")
	p.hides("correct-horse-1")
	if len(p.raw) > record.DefaultLimit || p.at("destring.redacted") == "" {
		t.Errorf("%d bytes, %s redacted", len(p.raw), p.at("destring.redacted"))
	}
}

// Whatever a sender sends becomes a record that consumers can read.
func FuzzEveryFrameBecomesAValidRecord(f *testing.F) {
	for _, frame := range []string{"", "<134>1 2025-11-25T00:08:12.807Z shop-a celery 1 ID47 [a@1 x=\"y\" x=\"z\"][\xff@1] " + succeeded,
		"<11>Nov 25 00:08:12 shop-c app[77]: plain words", `<1>1 - - - - - {"levelname": "INFO", "args": "[1, {'a': (2, 'b')}]", "message": "m"}`, "<13>\x00\x1b[2J\u202e\n\n<14>x"} {
		f.Add([]byte(frame))
	}
	e := newEngine(f, leakRule)
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := newSender(t, e)
		s.send(string(frame))
		s.send(string(frame))
	})
}

func TestWhatCannotBeJudgedIsWithheldWhole(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	ev := s.read("<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - - x")
	ev.Message = event.NewText(bytes.Repeat([]byte(secret+" "), redact.MaxText/len(secret)))
	p := check(t, s.in.Inspect(ev))
	p.hides(secret)
	p.says(map[string]string{"destring.withheld": redact.WithheldSize, "log.syslog.hostname": "shop-a"})
	s.line(succeeded).says(map[string]string{"destring.withheld": "", "celery.event": "task-succeeded"})
}

func TestAPanicOfADetectorWithholdsTheTextAndNothingElse(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	s.line(succeeded)
	broken := *s.in.engine
	broken.redactor = nil
	whole := s.in.engine
	s.in.engine = &broken
	p := s.line("password=" + secret)
	p.hides(secret, "password=")
	p.says(map[string]string{"destring.withheld": "panic", "celery.event": "", "event.id": "0000000000005eed0000000000000002", "destring.peer.name": "worker-7.example"})
	s.in.engine = whole
	s.line(succeeded).says(map[string]string{"destring.withheld": "", "message": succeeded})
}

// Nothing of one record may be left in the next: the Inspector uses its memory again.
func TestRecordsDoNotDependOnThoseBefore(t *testing.T) {
	frames := []string{
		"<134>1 2025-11-25T00:08:12.807Z shop-a celery.app.trace 4132 - - " + succeeded,
		`<134>1 2025-11-25T00:08:12.807Z shop-b celery 1 ID47 [a@1 password="` + secret + `" x="y"][b@1] token=` + secret,
		"<11>Nov 25 00:08:12 shop-c app[77]: plain words",
		"no header at all",
		"<134>1 2025-11-25T00:08:12.807Z - - - - - ",
		"<131>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - - [2025-11-25 00:08:12,807: ERROR/MainProcess] Task a.b[0b1f2c3d-0000-4000-8000-5eed00000001] raised unexpected: KeyError('x')\nTraceback (most recent call last):\n  File \"/a.py\", line 3, in f\n    g()\nKeyError: 'x'",
		`<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - - {"levelname": "INFO", "name": "x", "message": "m"}`,
	}
	e := newEngine(t, "")
	alone := func(frame string) string {
		s := newSender(t, e)
		s.n = 99
		return s.send(frame).raw
	}
	s := newSender(t, e)
	for round := range 3 {
		for i := range frames {
			frame := frames[(i*(round+2))%len(frames)]
			s.n = 99
			s.reader = newSender(t, e).reader // Celery's reader remembers; here only the Inspector is looked at
			s.parser = newSender(t, e).parser
			if got, want := s.send(frame).raw, alone(frame); got != want {
				t.Errorf("after other records %q becomes\n%s\nalone\n%s", frame, got, want)
			}
		}
	}
}

func TestRecordsOfOneHostOfOnePeerKeepTheirOrder(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	a, b := s.line("one"), s.line("two")
	other := s.send("<134>1 2025-11-25T00:08:12.807Z shop-b celery 1 - - three")
	if a.key != b.key || a.key != "worker-7.example/shop-a" || other.key == a.key {
		t.Errorf("keys %q, %q and %q", a.key, b.key, other.key)
	}
	if a.headers["ce_type"] != "io.destring.celery.log" || a.headers["ce_source"] != "/destring/relay-1" || a.headers["ce_id"] != a.at("event.id") || a.headers["ce_time"] != a.at("@timestamp") {
		t.Errorf("headers %v", a.headers)
	}
	if got := s.line(succeeded).headers["ce_type"]; got != "io.destring.celery.task-succeeded" {
		t.Errorf("ce_type %q", got)
	}
	if got := s.line("password=" + secret).headers["destring-redacted"]; got != "1" {
		t.Errorf("destring-redacted %q", got)
	}
}

func TestASenderCannotForgeMembersOrHeaders(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	text := "x\",\"destring\":{\"peer\":{\"name\":\"admin\"}},\"y\":\"\x1b]0;title\x07\u202egnp.exe\nce_id: 1\r\n<13>1 forged"
	p := s.line(text)
	p.says(map[string]string{"message": text, "destring.peer.name": "worker-7.example"})
	if strings.ContainsAny(p.raw, "\x1b\x07\n\r\u202e") {
		t.Errorf("control characters are published raw: %q", p.raw)
	}
}

const leakRule = `title: A password in a log
id: 6c7ad1a1-6a3c-4a55-9a53-0d6f2f1f0001
status: stable
logsource: {product: celery}
detection:
  s: {destring.findings.detector|contains: password, log.level: error}
  condition: s
level: high
tags: [attack.credential-access, attack.t1552.001]
`

func TestTheWorstRuleIsPublishedWithWhatItIsAbout(t *testing.T) {
	s := newSender(t, newEngine(t, leakRule+"---\n"+strings.NewReplacer("0001", "0002", "high", "low", "A password", "Also", "status: stable\n", "").Replace(leakRule)))
	p := s.line("[2025-11-25 00:08:12,807: ERROR/MainProcess] password=" + secret)
	p.hides(secret)
	p.says(map[string]string{"rule.name": "A password in a log", "threat.framework": "MITRE ATT&CK", "threat.tactic.id": "[TA0006]", "threat.tactic.name": "[Credential Access]",
		"threat.technique.id": "[T1552]", "threat.technique.subtechnique.id": "[T1552.001]"})
	if m := p.clean.Matches(); len(m) != 2 || m[0].Level != High || m[1].Level != Low {
		t.Errorf("matches %v", m)
	}
	if q := s.line("[2025-11-25 00:08:12,807: ERROR/MainProcess] all is well"); len(q.clean.Matches()) != 0 || q.at("rule.id") != "" || q.clean.Matched() {
		t.Errorf("the rules of the record before are still there: %s", q.raw)
	}
}

func TestAPanicOfTheRulesLeavesTheRecordAndSaysSo(t *testing.T) {
	s := newSender(t, newEngine(t, leakRule))
	whole := s.in.matcher
	s.in.matcher = new(detect.Matcher) // knows no rules: its first use panics
	p := s.line(succeeded)
	p.says(map[string]string{"message": succeeded, "destring.flags": "[unjudged]", "destring.withheld": ""})
	if !p.clean.Matched() {
		t.Error("alerting does not look at it")
	}
	s.in.matcher = whole
	s.line(succeeded).says(map[string]string{"destring.flags": ""})
}

func TestAnInspectorGoesOverToANewPolicy(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	const text = "[2025-11-25 00:08:12,807: ERROR/MainProcess] password=" + secret
	if p := s.line(text); len(p.clean.Matches()) != 0 {
		t.Errorf("matches without rules: %v", p.clean.Matches())
	}
	s.in.Use(newEngine(t, leakRule))
	p := s.line(text)
	p.hides(secret)
	if len(p.clean.Matches()) != 1 {
		t.Errorf("matches %v", p.clean.Matches())
	}
}

func BenchmarkInspect(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"received", `[2025-11-25 00:08:12,807: INFO/MainProcess] Task shop.tasks.charge[0b1f2c3d-0000-4000-8000-5eed00000001] received`},
		{"succeeded", succeeded},
		{"leak", "[2025-11-25 00:08:12,807: ERROR/MainProcess] password=" + secret},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newSender(b, newEngine(b, ""))
			ev := s.read("<134>1 2025-11-25T00:08:12.807Z shop-a celery.app.trace 4132 - - " + c.text)
			b.ReportAllocs()
			before := used()
			for b.Loop() {
				s.in.Inspect(ev)
			}
			b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func TestOnlyRecordsWithAMatchSayItInAHeader(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	if _, there := s.line("Task shop.tasks.charge[0b1f2c3d-0000-4000-8000-000000000001] received").headers[MatchedHeader]; there {
		t.Error("a clean record says that it matched")
	}
	p := s.line("password=hunter2-is-long")
	if p.headers[MatchedHeader] != "1" || !p.clean.Matched() {
		t.Errorf("a leak has the headers %v", p.headers)
	}
}
