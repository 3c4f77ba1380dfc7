package rules

import (
	"strings"
	"testing"

	"destring/rules/event"
	"destring/rules/record"
)

// cutForms are the ways in which the same message comes: what stands beside it must not use up what is remembered
// of a secret that is cut over several messages.
var cutForms = map[string]func(n int) string{
	"a bare header":   func(int) string { return "shop-a celery 4132 - - " },
	"structured data": func(int) string { return `shop-a celery 4132 - [meta sequenceId="7" a="b" c="d"] ` },
	"the structured data of destring's handler": func(int) string { return `shop-a celery 4132 - [origin software="destring_celery"] ` },
	"another process each time":                 func(n int) string { return "shop-a celery " + string(rune('1'+n)) + "132 - - " },
	"another host each time":                    func(n int) string { return "shop-" + string(rune('a'+n)) + " celery 4132 - - " },
}

func TestASecretCutOverMessagesIsHiddenWhateverStandsBesideThem(t *testing.T) {
	const stamp = "<134>1 2025-11-25T00:08:12.807Z "
	key := "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
	long := strings.Repeat("order shipped ", 70)
	for name, head := range cutForms {
		t.Run(name+", a value", func(t *testing.T) {
			for _, first := range []string{
				long + "password=Zq7Xk2Mv9Lp4Rt8Wn3Bc6Hd1",
				`level=info logger=shop task_name=shop.tasks.pay msg="` + long + `" password=Zq7Xk2Mv9Lp4Rt8Wn3Bc6Hd1`,
				`2025-11-25 00:08:12 [info     ] order shipped  logger=shop note="` + long + `" password=Zq7Xk2Mv9Lp4Rt8Wn3Bc6Hd1`,
			} {
				s := newSender(t, newEngine(t, ""))
				s.send(stamp + head(0) + first).hides("Zq7Xk2Mv9Lp4Rt8Wn3Bc6Hd1")
				p := s.send(stamp + head(1) + "Jf5Gs0Yq9TmRestOfSecret7 and more text")
				p.hides("Jf5Gs0Yq9TmRestOfSecret7")
				if got := p.at("message"); !strings.HasSuffix(got, " and more text") {
					t.Errorf("what follows is %q", got)
				}
				for _, field := range []string{"host.hostname", "log.syslog.procid"} {
					if got := p.at(field); strings.Contains(got, "REDACTED") {
						t.Errorf("%s is %q", field, got)
					}
				}
			}
		})
		t.Run(name+", a private key of a line a message", func(t *testing.T) {
			s := newSender(t, newEngine(t, ""))
			s.send(stamp + head(0) + "-----BEGIN RSA PRIVATE KEY-----")
			for i := 1; i < 20; i++ {
				line := key[i:] + key[:i]
				s.send(stamp + head(i) + line).hides(line)
			}
			if p := s.send(stamp + head(20) + "-----END RSA PRIVATE KEY-----"); p.at("host.hostname") == "" {
				t.Error("no host")
			}
			if got := s.send(stamp + head(21) + "order shipped").at("message"); got != "order shipped" {
				t.Errorf("after the key comes %q", got)
			}
		})
	}
}

func TestTheEndOfAKeyIsHiddenInBothFormsOfALine(t *testing.T) {
	s := newSender(t, newEngine(t, ""))
	line := "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
	s.send("<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - - " + "-----BEGIN RSA PRIVATE KEY-----")
	p := s.send("<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - - " + `{"level": "INFO", "logger": "shop", "message": "` + line + `\n-----END RSA PRIVATE KEY-----"}`)
	p.hides(line)
}

func TestAParameterThatNamesASecretIsHiddenToItsEnd(t *testing.T) {
	for _, params := range []string{
		`[app@1 password="ab\"Zq7Xk2Mv9Lp4Rt8"]`,
		`[app@1 password="correct horse\", Zq7Xk2Mv9Lp4Rt8"]`,
		`[app@1 password="tr0ub4dor\" Zq7Xk2Mv9Lp4Rt8"]`,
		`[app@1 password="tr0ub\\\" \\Zq7Xk2Mv9Lp4Rt8\\"]`,
		`[origin password="Zq7Xk2Mv9Lp4Rt8"]`,
		`[origin ip="192.0.2.9" api_key="Zq7Xk2Mv9Lp4Rt8"]`,
	} {
		newSender(t, newEngine(t, "")).send("<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - " + params + " hello").hides("Zq7Xk2Mv9Lp4Rt8")
	}
	p := newSender(t, newEngine(t, "")).send(`<134>1 2025-11-25T00:08:12.807Z shop-a celery 4132 - [app@1 note="say \"hi\" in C:\\temp"][origin ip="192.0.2.9"] hello`)
	for _, want := range []string{`say \"hi\" in C:\\temp`, "192.0.2.9"} {
		if !strings.Contains(string(p.clean.Value()), want) {
			t.Errorf("%s is not in %s", want, p.clean.Value())
		}
	}
}

func TestANameOfACertificateIsCleanedBeforeItIsCut(t *testing.T) {
	var seen []string
	record.NewPeer(&event.Peer{Names: []string{"spiffe://worker:" + strings.Repeat("p", 300) + "@shop.example"}}, record.Service{},
		func(s string) string { seen = append(seen, s); return s })
	if !strings.HasSuffix(seen[0], "@shop.example") {
		t.Errorf("cleaned was %q", seen[0])
	}
}
