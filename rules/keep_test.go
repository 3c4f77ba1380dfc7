package rules

import (
	"strings"
	"testing"
)

// The places of identifiers are the sender's to fill: a task's id may be any text.
func TestASecretInThePlaceOfAnIdentifierIsHidden(t *testing.T) {
	const head = "[2025-11-25 00:08:12,807: INFO/MainProcess] "
	const uuid = "0b1f2c3d-0000-4000-8000-5eed00000001"
	const password = "hunter2secretXYZ"
	trace := "[2025-11-25 00:08:12,807: ERROR/ForkPoolWorker-2] Task shop.tasks.pay[" + uuid + "] raised unexpected: ValueError('x')\n" +
		"Traceback (most recent call last):\n  File \"/srv/password=" + password + "/a.py\", line 3, in <module>\n    pay()\nValueError: x"
	for name, c := range map[string]struct{ line, secret, stays string }{
		"a password for an id":          {head + "Task shop.x[password=" + password + "] received", password, "Task shop.x["},
		"a password with a colon":       {head + "Task shop.x[password: " + password + "] received", password, "Task shop.x["},
		"a token for an id":             {head + "Task shop.x[token=Zq9xVk2mPw7LtR4s] received", "Zq9xVk2mPw7LtR4s", "Task shop.x["},
		"a URL for an id":               {head + "Task shop.x[https://bob:" + password + "@host/] received", password, "Task shop.x["},
		"a mail address for an id":      {head + "Task shop.x[mail-jane.roe@shop.example] received", "roe@shop", "Task shop.x["},
		"a card for an id":              {head + "Task shop.x[charge-4111111111111111] received", "4111111111111111", "Task shop.x[charge-"},
		"an IBAN for an id":             {head + "Task shop.x[refund-DE89370400440532013000] received", "DE89370400440532013000", "Task shop.x[refund-"},
		"a social security number":      {head + "Task shop.x[ssn-536-90-4399] received", "536-90-4399", "Task shop.x["},
		"a password for a task's name":  {head + "Task password=" + password + "[" + uuid + "] received", password, "[" + uuid + "] received"},
		"a password for a process":      {"[2025-11-25 00:08:12,807: INFO/password=" + password + "] Task shop.x[" + uuid + "] received", password, uuid},
		"a password in a file's path":   {trace, password, "Task shop.tasks.pay[" + uuid + "] raised"},
		"a member task_id":              {`{"message": "x", "levelname": "INFO", "task_id": "password=` + password + `"}`, password, `"levelname": "INFO"`},
		"a member processName":          {`{"message": "x", "levelname": "INFO", "processName": "password=` + password + `"}`, password, `"levelname": "INFO"`},
		"a member queue":                {`{"message": "x", "levelname": "INFO", "queue": "password=` + password + `"}`, password, `"levelname": "INFO"`},
		"a member hostname":             {`{"message": "x", "levelname": "INFO", "hostname": "password=` + password + `"}`, password, `"levelname": "INFO"`},
		"a password that is told twice": {`{"task_id": "` + password + `", "password": "` + password + `", "message": "x"}`, password, `"message": "x"`},
		"a name within a path":          {head + "Task shop.x[" + uuid + "] received in x password Zq9xVk2mPw7L", "Zq9xVk2mPw7L", uuid},
	} {
		t.Run(name, func(t *testing.T) {
			p := newSender(t, newEngine(t, "")).line(c.line)
			p.hides(c.secret)
			if got := p.at("message"); !strings.Contains(got, c.stays) {
				t.Errorf("the record does not say %q: %s", c.stays, got)
			}
		})
	}
}

func TestIdentifiersOfTheRecordStay(t *testing.T) {
	for _, id := range []string{"0b1f2c3d-0000-4000-8000-5eed00000001", "order-4711-charge", "7f3a9c", "nightly_report.2025-11-25", "8b1a9953c4611296a827abf8c47804d7"} {
		for _, name := range []string{"shop.tasks.charge", "accounts.tasks.password_reset_email", "auth.refresh_token", "celery.backend_cleanup"} {
			line := "[2025-11-25 00:08:12,807: INFO/ForkPoolWorker-2] Task " + name + "[" + id + "] succeeded in 0.0123s: None"
			p := newSender(t, newEngine(t, "")).line(line)
			p.says(map[string]string{"message": line, "celery.task.id": id, "celery.task.name": name, "celery.process": "ForkPoolWorker-2"})
		}
	}
}
