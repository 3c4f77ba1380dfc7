package redact_test

import (
	"strings"
	"testing"
	"time"

	"destring/rules/redact"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestOptionsThatContradictEachOtherAreRefused(t *testing.T) {
	in := func(d time.Duration) time.Time { return now.Add(d) }
	for name, c := range map[string]struct {
		o    redact.Options
		want string
	}{
		"a short key":                                  {redact.Options{Key: []byte("short")}, "16 bytes"},
		"the debug profile in prod":                    {redact.Options{Profile: redact.Debug, Environment: "prod", ProfileUntil: in(time.Hour)}, "refused in environment prod"},
		"the debug profile without an end":             {redact.Options{Profile: redact.Debug, Environment: "dev"}, "needs an end"},
		"an unknown detector":                          {redact.Options{Actions: map[string]redact.Action{"pasword": redact.Keep}}, `no detector is called "pasword"`},
		"a critical detector kept":                     {redact.Options{Actions: map[string]redact.Action{"private-key": redact.Keep}}, "explicit switch"},
		"the end of a password shown":                  {redact.Options{ShowLast: map[string]int{"password": 4}}, "only detectors of personal data"},
		"too much of a card shown":                     {redact.Options{ShowLast: map[string]int{"card": 6}}, "4 characters at most"},
		"an allow entry without a reason":              {redact.Options{Allow: []redact.Allow{{Detector: "email", Value: "a@b.org", Until: in(time.Hour)}}}, "reason and an expiry"},
		"an allow entry without an end":                {redact.Options{Allow: []redact.Allow{{Detector: "email", Value: "a@b.org", Reason: "r"}}}, "reason and an expiry"},
		"an allow entry for a whole task":              {redact.Options{Allow: []redact.Allow{{Task: "shop.tasks.pay", Until: in(time.Hour), Reason: "r"}}}, "name a detector too"},
		"an allow pattern that true samples match":     {redact.Options{Allow: []redact.Allow{{Detector: "secret", Pattern: `[0-9a-f]+`, Until: in(time.Hour), Reason: "r"}}}, "true sample of"},
		"an allow pattern that tokens of GitHub match": {redact.Options{Allow: []redact.Allow{{Detector: "email", Pattern: `gh._.*`, Until: in(time.Hour), Reason: "r"}}}, "true sample of github"},
		"an allow pattern that does not compile":       {redact.Options{Allow: []redact.Allow{{Detector: "email", Pattern: `(`, Until: in(time.Hour), Reason: "r"}}}, "its pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.o.Key == nil {
				c.o.Key = testKey
			}
			c.o.Now = now
			_, err := redact.New(c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestPolicyDecidesWhatBecomesOfAFinding(t *testing.T) {
	const mail, line = "kim@corp-mail.org", "user kim@corp-mail.org card=4111111111111111 password=aB3xyz9Q"
	for name, c := range map[string]struct {
		o    redact.Options
		want string
	}{
		"balanced": {redact.Options{}, "user [REDACTED:email] card=[REDACTED:card] password=[REDACTED:password]"},
		"debug keeps personal data of low severity": {redact.Options{Profile: redact.Debug, ProfileUntil: now.Add(time.Hour), Environment: "dev"},
			"user kim@corp-mail.org card=[REDACTED:card] password=[REDACTED:password]"},
		"debug that has ended is balanced": {redact.Options{Profile: redact.Debug, ProfileUntil: now.Add(-time.Hour), Environment: "dev"},
			"user [REDACTED:email] card=[REDACTED:card] password=[REDACTED:password]"},
		"dropped":           {redact.Options{Actions: map[string]redact.Action{"email": redact.Drop}}, "user  card=[REDACTED:card] password=[REDACTED:password]"},
		"the end of a card": {redact.Options{ShowLast: map[string]int{"card": 4}}, "user [REDACTED:email] card=[REDACTED:card]1111 password=[REDACTED:password]"},
		"an allowed value":  {redact.Options{Allow: []redact.Allow{{Detector: "email", Value: mail, Until: now.Add(time.Hour), Reason: "support address"}}}, "user kim@corp-mail.org card=[REDACTED:card] password=[REDACTED:password]"},
		"an allow entry that has expired": {redact.Options{Allow: []redact.Allow{{Detector: "email", Value: mail, Until: now.Add(-time.Hour), Reason: "support address"}}},
			"user [REDACTED:email] card=[REDACTED:card] password=[REDACTED:password]"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Now = now
			r := newRedactor(t, c.o)
			out := redacted(r, line)
			if out != c.want {
				t.Errorf("\n got %s\nwant %s", out, c.want)
			}
			if again := redacted(r, out); again != out {
				t.Errorf("a second time gives %s", again)
			}
		})
	}
}

func TestAnAllowEntryForATaskCoversThatTaskOnly(t *testing.T) {
	r := newRedactor(t, redact.Options{Now: now, Allow: []redact.Allow{{Detector: "email", Task: "shop.tasks.mail", Until: now.Add(time.Hour), Reason: "test"}}})
	s := redact.Scratch{Task: []byte("shop.tasks.mail")}
	if got := r.Redact(&s, []byte("to kim@corp-mail.org"), nil); string(got.Text) != "to kim@corp-mail.org" {
		t.Errorf("got %s", got.Text)
	} else if len(got.Findings) != 1 || got.Findings[0].Action != redact.Keep {
		t.Errorf("what was kept is no finding: %+v", got.Findings)
	}
	s.Task = []byte("shop.tasks.pay")
	if got := r.Redact(&s, []byte("to kim@corp-mail.org"), nil); string(got.Text) != "to [REDACTED:email]" {
		t.Errorf("got %s", got.Text)
	}
	if r.NextExpiry() != now.Add(time.Hour) {
		t.Errorf("next expiry %v", r.NextExpiry())
	}
}

func TestStrictTakesWeakSignsForStrongAndShowsNoFingerprint(t *testing.T) {
	line := "session: wooden-table-leg api_key=" + token
	if got := redacted(newRedactor(t, redact.Options{}), line); !strings.HasPrefix(got, "session: wooden-table-leg api_key=[REDACTED:stripe-access-token:") {
		t.Errorf("balanced: %s", got)
	}
	strict := newRedactor(t, redact.Options{Profile: redact.Strict})
	if got := redacted(strict, "creds: tangerine99 api_key="+token); got != "creds: [REDACTED:secret] api_key=[REDACTED:stripe-access-token]" {
		t.Errorf("strict: %s", got)
	}
}

func TestAFindingNeverCarriesWhatASenderPutIntoAName(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	var s redact.Scratch
	for line, want := range map[string]string{
		"db_password=aB3xyz9Q":                           "db_password",
		"k9X2m4Qp7Lr5Tz8Vb1Nc3_password=aB3xyz9Q":        "password",
		"{'pass word': 'aB3xyz9Q'}":                      "pass_word",
		strings.Repeat("very_", 20) + "secret=aB3xyz9Q1": "secret",
	} {
		res := r.Redact(&s, []byte(line), nil)
		if len(res.Findings) != 1 || res.Findings[0].Key != want {
			t.Errorf("%s: %+v", line, res.Findings)
		}
	}
}

func TestHashGivesAPasswordAFingerprintOnlyWhenAsked(t *testing.T) {
	r := newRedactor(t, redact.Options{Actions: map[string]redact.Action{"password": redact.Hash}})
	if got := redacted(r, "password=aB3xyz9Q"); !strings.HasPrefix(got, "password=[REDACTED:password:") {
		t.Errorf("got %s", got)
	}
	if got := redacted(newRedactor(t, redact.Options{}), "password=aB3xyz9Q"); got != "password=[REDACTED:password]" {
		t.Errorf("got %s", got)
	}
}
