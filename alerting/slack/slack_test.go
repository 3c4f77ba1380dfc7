package slack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"destring/alerting"
	"destring/alerting/slack"
	"destring/rules"
)

var at = time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)

func leak() *alerting.Alert {
	return &alerting.Alert{ID: "a1b2c3d4e5f60718", Level: rules.Critical, Count: 1, Opened: at, Touched: at, First: at, Last: at,
		Tasks: []string{"billing.sync"}, Workers: []string{"celery@eu-3"},
		Match: alerting.Match{Time: at, EventID: "00112233445566778899aabbccddeeff",
			Rule:    alerting.Rule{ID: "leak_cloud_key", Title: "Cloud key in a Celery log", Version: "3", Level: rules.Critical, Tags: []string{"attack.credential-access", "attack.t1552.001"}, Runbook: "https://runbooks.example/leak"},
			Finding: alerting.Finding{Detector: "aws-access-key-id", Class: "cloud-key", Severity: rules.Critical, Fingerprint: "9c1f22aa0b3d4e5f"},
			Task:    "billing.sync", TaskID: "5b1e2f8a-77d0-4c0e-9f6b-0f4d0c2b9a11", Worker: "celery@eu-3", Peer: "worker.eu-3.example",
			PeerFingerprint: strings.Repeat("ab12cd34", 8), PeerAddress: "10.1.2.3:55002", Host: "eu-3", Environment: "production",
			Sample: "Task billing.sync[5b1e…] raised unexpected: ClientError('key [REDACTED:aws-access-key-id:9c1f22aa0b3d4e5f] <refused> & gone')"}}
}

func about(a *alerting.Alert) *alerting.Message {
	return &alerting.Message{Act: alerting.Post, Key: a.ID + ".post.0.1", Began: time.Now(), Alert: a}
}

func layout() slack.Layout {
	return slack.Layout{Relay: "relay-1", Version: "1.0.0", Brokers: []string{"k1:9093"}, Mentions: map[rules.Severity][]string{rules.Critical: {"S0123ABCD"}}}
}

func channel(t *testing.T, f *fakeSlack) *slack.Channel { return channelFor(t, f) }

func channelFor(t testing.TB, f *fakeSlack) *slack.Channel {
	t.Helper()
	c, err := slack.New(slack.Config{Token: testToken, APIURL: f.URL + "/api/", Layout: layout(), Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c.Channel("soc", "C0SOC0001")
}

func TestAPostCanBeEditedAndRepliedTo(t *testing.T) {
	f := newFakeSlack(t)
	s := channel(t, f)
	m := about(leak())
	ref, err := s.Deliver(t.Context(), m)
	if err != nil || ref.Channel != "C0SOC0001" || ref.ID == "" {
		t.Fatalf("post: %v, %v", ref, err)
	}
	m.Act, m.Ref, m.Alert.Count, m.Alert.Status = alerting.Edit, ref, 12, alerting.Resolved
	if _, err := s.Deliver(t.Context(), m); err != nil {
		t.Fatalf("edit: %v", err)
	}
	m.Act = alerting.Reply
	if _, err := s.Deliver(t.Context(), m); err != nil {
		t.Fatalf("reply: %v", err)
	}
	all := f.all()
	if len(all) != 2 || all[0].Edits != 1 || all[1].Thread != ref.ID {
		t.Fatalf("the channel holds %+v, want one edited message and a reply in its thread", all)
	}
	for _, m := range all {
		if m.form["unfurl_links"] == "true" || m.form["parse"] != "none" || m.form["link_names"] != "false" {
			t.Errorf("a message may unfurl, parse or link: %v", m.form)
		}
	}
}

func TestEachFaultOfSlackHasItsOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		fault fault
		want  alerting.Outcome
		after time.Duration
	}{
		"429 with Retry-After":    {fault{status: 429, retryAfter: "7"}, alerting.Retry, 7 * time.Second},
		"429 without":             {fault{status: 429}, alerting.Retry, 30 * time.Second},
		"ratelimited in the body": {fault{code: "ratelimited"}, alerting.Retry, 30 * time.Second},
		"500":                     {fault{status: 500}, alerting.Unknown, 0},
		"503":                     {fault{status: 503}, alerting.Unknown, 0},
		"a reset":                 {fault{reset: true}, alerting.Unknown, 0},
		"no answer":               {fault{hang: 20 * time.Second}, alerting.Unknown, 0},
		"half an answer":          {fault{raw: `{"ok": tr`}, alerting.Unknown, 0},
		"an empty answer":         {fault{raw: `{}`}, alerting.Unknown, 0},
		"an error that is a text": {fault{code: "<script>"}, alerting.Unknown, 0},
		"msg_too_long":            {fault{code: "msg_too_long"}, alerting.Rejected, 0},
		"invalid_blocks":          {fault{code: "invalid_blocks"}, alerting.Rejected, 0},
		"invalid_auth":            {fault{code: "invalid_auth"}, alerting.Retry, time.Minute},
		"an unknown code":         {fault{code: "something_new"}, alerting.Retry, time.Minute},
		"fatal_error":             {fault{code: "fatal_error"}, alerting.Unknown, 0},
		"a deleted message":       {fault{code: "message_not_found"}, alerting.Gone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSlack(t)
			s := channel(t, f)
			f.fail(c.fault)
			_, err := s.Deliver(t.Context(), about(leak()))
			var d *alerting.DeliveryError
			if !errors.As(err, &d) || d.Outcome != c.want || d.After != c.after {
				t.Errorf("got %v, want %s after %s", err, c.want, c.after)
			}
			clean(t, err)
		})
	}
}

// clean fails when an error shows where it came from or a token.
func clean(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{testToken, "not0a0real0token", "127.0.0.1", "/services/", "SECRETPART"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func TestAMessageIsFoundAgainByItsKey(t *testing.T) {
	f := newFakeSlack(t)
	s := channel(t, f)
	m := about(leak())
	f.fail(fault{reset: true, done: true})
	if _, err := s.Deliver(t.Context(), m); err == nil {
		t.Fatal("the lost answer was not noticed")
	}
	ref, found, err := s.Find(t.Context(), m)
	if err != nil || !found || ref.ID != f.all()[0].TS {
		t.Errorf("Find: %v, %v, %v", ref, found, err)
	}
	m.Key = "another"
	if _, found, err = s.Find(t.Context(), m); err != nil || found {
		t.Errorf("another key: found %v, %v", found, err)
	}
	f.noScope = true
	if _, found, err = s.Find(t.Context(), m); err != nil || found {
		t.Errorf("without the scope: found %v, %v; want not found, so that it is posted", found, err)
	}
}

func TestOnlySlackAndWhatIsConfiguredIsTalkedTo(t *testing.T) {
	secret := "/services/T0/B0/" + "SECRETPART"
	for name, c := range map[string]struct {
		url string
		ok  bool
	}{
		"Slack":                        {"https://hooks.slack.com" + secret, true},
		"http to a literal loopback":   {"http://127.0.0.1:9" + secret, true},
		"http to ::1":                  {"http://[::1]:9" + secret, true},
		"http to a name":               {"http://localhost:9" + secret, false},
		"http to Slack":                {"http://hooks.slack.com" + secret, false},
		"another host":                 {"https://hooks.slack.com.evil.example" + secret, false},
		"a user in front":              {"https://hooks.slack.com@evil.example" + secret, false},
		"metadata service":             {"https://169.254.169.254" + secret, false},
		"no URL":                       {"::" + secret, false},
		"another scheme":               {"gopher://127.0.0.1:9" + secret, false},
		"a configured host":            {"https://slack-proxy.example" + secret, true},
		"a configured host, by http":   {"http://slack-proxy.example" + secret, false},
		"loopback in decimal notation": {"http://2130706433:9" + secret, false},
	} {
		_, err := slack.NewWebhook(slack.WebhookConfig{Name: "w", URL: c.url, Hosts: []string{"slack-proxy.example"}, Layout: layout()})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		clean(t, err)
		_, err = slack.New(slack.Config{Token: testToken, APIURL: c.url, Hosts: []string{"slack-proxy.example"}})
		if (err == nil) != c.ok {
			t.Errorf("%s as api_url: %v", name, err)
		}
		clean(t, err)
	}
}

func TestAWebhookPostsAndShowsItsURLToNobody(t *testing.T) {
	f := newFakeSlack(t)
	w, err := slack.NewWebhook(slack.WebhookConfig{Name: "w", URL: f.URL + "/services/T0/B0/SECRETPART", Timeout: time.Second, Layout: layout()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Deliver(t.Context(), about(leak())); err != nil || len(f.all()) != 1 {
		t.Fatalf("%d messages, %v", len(f.all()), err)
	}
	for _, bad := range []fault{{status: 429, retryAfter: "3"}, {status: 500}, {reset: true}, {hang: 9 * time.Second}, {raw: "what"}, {status: 302}} {
		f.fail(bad)
		_, err := w.Deliver(t.Context(), about(leak()))
		if err == nil {
			t.Errorf("%+v was taken for a yes", bad)
		}
		clean(t, err)
	}
	f.Close()
	if w, err = slack.NewWebhook(slack.WebhookConfig{Name: "w", URL: f.URL + "/services/T0/B0/SECRETPART", Layout: layout()}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Deliver(t.Context(), about(leak()))
	var d *alerting.DeliveryError
	if !errors.As(err, &d) || d.Outcome != alerting.Retry {
		t.Errorf("nobody listens: %v, want retry", err)
	}
	clean(t, err)
}

// The whole way: match to Slack, over a restart, through the real HTTP client.
func TestALeakIsOneMessageInSlackOverARestart(t *testing.T) {
	f := newFakeSlack(t)
	key := make([]byte, 32)
	path := t.TempDir() + "/alerts.journal"
	matches := &once{}
	for round := range 2 {
		j, err := alerting.OpenFileJournal(path, key)
		if err != nil {
			t.Fatal(err)
		}
		a, err := alerting.New(alerting.Options{Sinks: []alerting.Sink{channel(t, f)}, Journal: j, Pace: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		m := leak().Match
		m.EventID = strings.Repeat("0", 31) + string(rune('1'+round))
		matches.batch = []alerting.Match{m}
		matches.taken = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx, matches) }()
		<-matches.taken
		for len(f.all()) == 0 && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got := a.List(nil, true); len(got) != 1 || got[0].Count != int64(round+1) {
			t.Fatalf("round %d: %d alerts, want one that counts %d", round, len(got), round+1)
		}
	}
	if got := len(f.all()); got != 1 {
		t.Errorf("%d messages in the channel, want 1", got)
	}
}

// once gives one batch and then waits.
type once struct {
	batch []alerting.Match
	taken chan struct{}
}

func (o *once) Next(ctx context.Context) (alerting.Batch, error) {
	if o.batch == nil {
		<-ctx.Done()
		return alerting.Batch{}, ctx.Err()
	}
	b := alerting.Batch{Matches: o.batch}
	o.batch = nil
	return b, nil
}

func (o *once) Commit(alerting.Position) error {
	close(o.taken)
	return nil
}

func TestNothingThatIsPrintedShowsATokenOrAURL(t *testing.T) {
	w, err := slack.NewWebhook(slack.WebhookConfig{Name: "w", URL: "https://hooks.slack.com/services/T0/B0/SECRETPART", Layout: layout()})
	if err != nil {
		t.Fatal(err)
	}
	config := slack.Config{Token: testToken, Layout: layout()}
	c, err := slack.New(config)
	if err != nil {
		t.Fatal(err)
	}
	hook, err := alerting.NewWebhook(alerting.WebhookConfig{Name: "h", URL: "https://siem.example/SECRETPART", Secret: []byte("SECRETPART-0123456")})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{w, *w, c, *c, config, &config, c.Channel("soc", "C0SOC0001"), hook, *hook, []any{w, c, hook}, struct{ In *slack.Webhook }{w}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, "SECRETPART") || strings.Contains(out, testToken) || strings.Contains(out, fmt.Sprintf("%x", "SECRETPART")) {
				t.Errorf("%s of %T shows %s", verb, v, out)
			}
		}
	}
}
