package alerting_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
)

func silence(t *testing.T, h *house, d time.Duration, match ...string) alerting.Silence {
	t.Helper()
	s := alerting.Silence{End: time.Now().Add(d), Author: "kim", Reason: "migration"}
	for _, m := range match {
		parsed, err := alerting.ParseMatcher(m)
		if err != nil {
			t.Fatal(err)
		}
		s.Match = append(s.Match, parsed)
	}
	s, err := h.AddSilence(s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func alertsIn(r *room) (n int) {
	for _, s := range r.acts(alerting.Post) {
		if s.msg.Alert != nil {
			n++
		}
	}
	return n
}

func noticesIn(r *room) (list []string) {
	for _, s := range r.acts(alerting.Post) {
		if s.msg.Notice != nil {
			list = append(list, s.msg.Notice.Text)
		}
	}
	return list
}

func TestASilenceHoldsAlertsBackUntilItEndsAndSaysSoBeforeAndAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer func() { h.stop() }()
		silence(t, h, 2*time.Hour, "task=billing.*", "level<=critical")
		for range 18 {
			h.feed.add(match(rules.Critical))
			sleep(10 * time.Minute)
			if time.Now().Minute() == 30 {
				h.restart() // it holds over a restart
			}
			if n := alertsIn(r); n > 0 && len(h.Silences(false)) > 0 {
				t.Fatal("a silenced alert was told")
			}
		}
		if n := alertsIn(r); n != 1 {
			t.Errorf("%d alerts were told after the end, want 1", n)
		}
		notices := noticesIn(r)
		if len(notices) != 2 || !strings.HasPrefix(notices[0], "A silence ends in 15m") || !strings.HasPrefix(notices[1], "A silence has ended") {
			t.Errorf("notices: %q", notices)
		}
		if n := h.audit.count(alerting.Silenced); n == 0 || n > 2 {
			t.Errorf("audited %d times, want once for the alert", n)
		}
	})
}

func TestASilenceCanBeEndedByHand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		s := silence(t, h, 24*time.Hour, "rule=leak_*")
		h.feed.add(match(rules.Critical))
		sleep(10 * time.Minute)
		if err := h.ExpireSilence(s.ID, "kim"); err != nil {
			t.Fatal(err)
		}
		sleep(10 * time.Second)
		if n := alertsIn(r); n != 1 {
			t.Errorf("%d alerts were told, want 1", n)
		}
		if err := h.ExpireSilence(s.ID, "kim"); !errors.Is(err, alerting.ErrNotFound) {
			t.Errorf("ending it twice: %v", err)
		}
	})
}

func TestASilenceNeedsMatchersAnEndAnAuthorAndAReason(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := start(t, alerting.Options{}, newRoom("soc"))
		defer h.stop()
		_, err := h.AddSilence(alerting.Silence{})
		for _, word := range []string{"matcher", "end", "author", "reason"} {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("the error does not speak of its %s: %v", word, err)
			}
		}
		all := alerting.Silence{Match: []alerting.Matcher{{Field: "rule", Op: "=", Value: "*"}}, Author: "a", Reason: "b"}
		for name, end := range map[string]time.Time{"past": time.Now().Add(-time.Second), "far": time.Now().Add(400 * 24 * time.Hour)} {
			s := all
			s.End = end
			if _, err := h.AddSilence(s); err == nil {
				t.Errorf("an end that is %s is accepted", name)
			}
		}
	})
}

func TestAnAcknowledgedAlertIsNotPostedAgainUntilItCameBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.High))
		sleep(time.Minute)
		id := h.List(nil, false)[0].ID
		if err := h.Ack(id, "kim", "on it"); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			h.feed.add(match(rules.High))
			sleep(10 * time.Minute)
		}
		if n := alertsIn(r); n != 1 {
			t.Errorf("%d posts in ten hours, want 1", n)
		}
		if shown := r.message("1").Alert; shown.AckBy != "kim" || shown.Count < 60 {
			t.Errorf("the message says acknowledged by %q, count %d", shown.AckBy, shown.Count)
		}
		sleep(time.Hour) // resolved
		h.feed.add(match(rules.High))
		sleep(time.Minute)
		if got := h.List(nil, false)[0]; got.Status != alerting.Open || got.AckBy != "" {
			t.Errorf("after it came back: %s by %q", got.Status, got.AckBy)
		}
		for name, err := range map[string]error{"no such alert": h.Ack("x", "kim", ""), "by nobody": h.Ack(id, "", "")} {
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	})
}

func TestAButtonsSilenceFitsItsGroupAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical, task("odd*name")))
		sleep(2 * time.Second)
		s, err := h.SilenceAlert(h.List(nil, false)[0].ID, time.Hour, "slack:U0123ABCD", "by button")
		if err != nil || s.Alert == "" {
			t.Fatalf("%+v, %v", s, err)
		}
		h.feed.add(match(rules.Critical, task("odd-other-name")), match(rules.Critical, task("odd*name"), secret("another")))
		sleep(10 * time.Second)
		if n := alertsIn(r); n != 3 {
			t.Errorf("%d alerts were told, want the two others as well", n)
		}
	})
}

func TestAFalsePositiveProposesAnAllowEntryThatExpires(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical, task("weird\n\"task\"\u202e")))
		sleep(2 * time.Second)
		id := h.List(nil, false)[0].ID
		p, err := h.FalsePositive(id, "kim")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`fingerprint: "9c1f22aa"`, `rule: "leak_cloud_key"`, `until: "2000-03-31"`, `task: "weird\n\"task\"\\u202e"`} {
			if !strings.Contains(p.Allow, want) {
				t.Errorf("the proposal lacks %s:\n%s", want, p.Allow)
			}
		}
		if !strings.Contains(p.Test, `"line":"key=[REDACTED:aws-access-key-id:9c1f22aa]"`) {
			t.Errorf("the test line: %s", p.Test)
		}
		if list := h.Silences(false); len(list) != 1 || list[0].End.Sub(time.Now()) > 24*time.Hour {
			t.Errorf("silences: %+v, want one for a day", list)
		}
	})
}

func TestMatchersAreReadAndFit(t *testing.T) {
	for text, want := range map[string]bool{
		"task=billing.sync": true, "task=billing.*": true, "task=*.sync": true, "task=b*l*s*c": true, "task=billing": false, "task!=billing.*": false,
		"level=critical": true, "level>=high": true, "level<=high": false, "level!=low": true, "rule=leak_*": true, "worker=celery@eu-3": true,
		"environment=production": true, "environment!=dev": true, "secret=9c1f22aa": true, "detector=aws-*": true, "host=eu-?": false, "peer=*": true, `task=billing\*`: false,
	} {
		m, err := alerting.ParseMatcher(text)
		if err != nil || m.String() != text {
			t.Errorf("%s is read as %s, %v", text, m, err)
			continue
		}
		bubble(t, func(t *testing.T) {
			h := start(t, alerting.Options{}, newRoom("soc"))
			defer h.stop()
			h.feed.add(match(rules.Critical))
			sleep(time.Second)
			if got := len(h.List([]alerting.Matcher{m}, true)) == 1; got != want {
				t.Errorf("%s fits: %v, want %v", text, got, want)
			}
		})
	}
	for _, text := range []string{"", "task", "colour=red", "level=loud", "level~high", "task>=x", "task<x", "=x"} {
		if m, err := alerting.ParseMatcher(text); err == nil {
			t.Errorf("%q is read as %+v", text, m)
		}
	}
}

func FuzzParseMatcher(f *testing.F) {
	for _, s := range []string{"task=a*b", "level>=high", "=", "task!", `rule=\`, "task=\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := alerting.ParseMatcher(s)
		if err != nil {
			return
		}
		if again, err := alerting.ParseMatcher(m.String()); err != nil || again != m {
			t.Errorf("%q is written as %q and read as %+v, %v", s, m, again, err)
		}
	})
}

func TestRoutesSendAlertsWhereTheyBelong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		soc, dev, all := newRoom("soc"), newRoom("dev"), newRoom("all")
		h := start(t, alerting.Options{Routes: []alerting.Route{
			{Match: []alerting.Matcher{{Field: "level", Op: ">=", Value: "high"}}, Sinks: []string{"soc"}, Continue: true},
			{Match: []alerting.Matcher{{Field: "task", Op: "=", Value: "dev.*"}}, Sinks: []string{"dev"}},
			{Match: []alerting.Matcher{{Field: "level", Op: "=", Value: "low"}}, Sinks: []string{"dev"}},
		}}, soc, dev, all)
		defer h.stop()
		h.feed.add(match(rules.Critical), match(rules.High, task("dev.x")), match(rules.Low, task("other")), match(rules.Medium, task("nobody's")))
		sleep(10 * time.Minute)
		got := fmt.Sprint(alertsIn(soc), alertsIn(dev), alertsIn(all))
		if want := "3 3 1"; got != want {
			t.Errorf("soc, dev and all have %s, want %s: what no route takes goes everywhere", got, want)
		}
	})
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for name, o := range map[string]alerting.Options{
		"no journal":       {},
		"unknown sink":     {Journal: &memJournal{}, Routes: []alerting.Route{{Sinks: []string{"nowhere"}}}},
		"no sink":          {Journal: &memJournal{}, Routes: []alerting.Route{{}}},
		"two of one name":  {Journal: &memJournal{}, Sinks: []alerting.Sink{newRoom("a"), newRoom("a")}},
		"unknown grouping": {Journal: &memJournal{}, GroupBy: []alerting.GroupBy{"colour"}},
		"unknown matcher":  {Journal: &memJournal{}, Sinks: []alerting.Sink{newRoom("a")}, Routes: []alerting.Route{{Sinks: []string{"a"}, Match: []alerting.Matcher{{Field: "colour", Op: "="}}}}},
		"a broken journal": {Journal: &memJournal{synced: [][]byte{[]byte("{")}}},
	} {
		if _, err := alerting.New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestGroupingIsAsConfigured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{GroupBy: []alerting.GroupBy{alerting.ByRule}}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical), match(rules.Critical, task("other"), secret("x")), match(rules.Critical, withRule("another"), withoutFinding))
		sleep(time.Minute)
		if n := alertsIn(r); n != 2 {
			t.Errorf("%d alerts, want one for each rule", n)
		}
	})
}

func TestADryRunSaysWhatItWouldSendAndSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		var lines []string
		h := start(t, alerting.Options{}, alerting.NewDryRun(r, func(s string) { lines = append(lines, s) }))
		h.feed.add(match(rules.Critical, task("evil\x1b[2J\ntask")))
		sleep(time.Hour)
		h.stop()
		if len(r.all()) != 0 || len(lines) != 3 {
			t.Fatalf("%d messages were sent and %d said", len(r.all()), len(lines))
		}
		if !strings.HasPrefix(lines[0], `would post to soc: critical "Cloud key in a Celery log", task "evil\x1b[2J\ntask"`) || !strings.Contains(lines[1], "resolved") {
			t.Errorf("it says %q", lines)
		}
	})
}

func TestASilenceOfTheConfigurationThatWasEndedByHandStaysEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		rule := alerting.Silence{Match: []alerting.Matcher{{Field: "task", Op: "=", Value: "billing.*"}}, End: time.Now().AddDate(0, 6, 0), Author: "kim", Reason: "migration"}
		h := start(t, alerting.Options{Silences: []alerting.Silence{rule}}, r)
		defer func() { h.stop() }()
		if err := h.ExpireSilence(h.Silences(false)[0].ID, "kim"); err != nil {
			t.Fatal(err)
		}
		sleep(30 * 24 * time.Hour) // longer than anything ended is remembered
		h.journal.fail = errors.New("input/output error")
		h.feed.add(match(rules.Critical)) // so that the journal is written anew, from what is still known
		sleep(time.Hour)
		h.restart()
		if list := h.Silences(false); len(list) != 0 {
			t.Errorf("it holds again: %+v", list)
		}
	})
}

func TestSilencesOfTheConfigurationHoldUntilTheyAreTakenOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		rule := alerting.Silence{Match: []alerting.Matcher{{Field: "task", Op: "=", Value: "billing.*"}}, End: time.Now().Add(48 * time.Hour), Author: "kim", Reason: "migration"}
		past := rule
		past.End = time.Now().Add(-time.Hour)
		h := start(t, alerting.Options{Silences: []alerting.Silence{rule, past}}, r)
		defer func() { h.stop() }()
		h.feed.add(match(rules.Critical))
		sleep(time.Minute)
		h.restart()
		h.feed.add(match(rules.Critical))
		sleep(time.Minute)
		if n, list := alertsIn(r), h.Silences(true); n != 0 || len(list) != 1 {
			t.Fatalf("%d alerts were told under %d silences, want none under one", n, len(list))
		}
		h.opts.Silences = nil
		h.restart()
		sleep(time.Minute)
		if n := alertsIn(r); n != 1 || len(h.Silences(false)) != 0 {
			t.Errorf("%d alerts were told once it was taken out, want 1", n)
		}
		if a, e := h.audit.count(alerting.SilenceAdded), h.audit.count(alerting.SilenceEnded); a != 1 || e != 1 {
			t.Errorf("audited: added %d times, ended %d times", a, e)
		}
		h.stop()
		h.opts.Silences = []alerting.Silence{{Match: rule.Match}}
		h.opts.Journal = h.journal
		if _, err := alerting.New(h.opts); err == nil {
			t.Error("a silence without an end is accepted")
		}
		h.opts.Silences = nil
		h.run()
	})
}
