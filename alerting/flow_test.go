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

func TestAHangingSinkHoldsUpNeitherTheOthersNorTheReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		stuck, well := newRoom("stuck"), newRoom("well")
		stuck.hang = make(chan struct{})
		h := start(t, alerting.Options{}, stuck, well)
		for i := range 500 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		sleep(20 * time.Minute)
		if h.feed.done != 500 {
			t.Errorf("%d batches were read, want 500", h.feed.done)
		}
		if posts := well.acts(alerting.Post); len(posts) != 500 {
			t.Errorf("the other sink has %d, want 500", len(posts))
		}
		close(stuck.hang)
		sleep(30 * time.Minute)
		if posts := stuck.acts(alerting.Post); len(posts) != 500 {
			t.Errorf("after the hang: %d, want 500", len(posts))
		}
		h.stop()
	})
}

func TestStoppingWaitsForTheCallInFlightAndNotLonger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.hang = make(chan struct{})
		h := start(t, alerting.Options{}, r)
		h.feed.add(match(rules.Critical))
		sleep(time.Second)
		began := time.Now()
		h.stop()
		if waited := time.Since(began); waited > 10*time.Second {
			t.Errorf("stopping took %s, want at most the time-out of a call", waited)
		}
	})
}

func TestTheReaderWaitsWhenTooManyAlertsWereNeverTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = func(*alerting.Message) (bool, error) {
			return false, &alerting.DeliveryError{Outcome: alerting.Retry, Reason: "down"}
		}
		h := start(t, alerting.Options{Limit: 50}, r)
		defer h.stop()
		for i := range 100 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		sleep(time.Hour)
		if h.feed.done != 50 {
			t.Errorf("%d batches were taken, want 50", h.feed.done)
		}
		r.mu.Lock()
		r.answer = nil
		r.mu.Unlock()
		sleep(time.Hour)
		if posts := r.acts(alerting.Post); h.feed.done != 100 || len(posts) != 100 {
			t.Errorf("afterwards %d batches were taken and %d alerts posted, want 100", h.feed.done, len(posts))
		}
	})
}

func TestWithTooManyOpenAlertsLowerOnesAreGroupedByRule(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{Limit: 50}, r)
		defer h.stop()
		for i := range 500 {
			h.feed.add(match(rules.Medium, task(fmt.Sprintf("t%d", i))))
			sleep(time.Second)
		}
		sleep(5 * time.Minute)
		list := h.List(nil, true)
		if len(list) > 55 {
			t.Errorf("%d alerts are held, want about 50", len(list))
		}
		total := int64(0)
		for _, a := range list {
			total += a.Count
		}
		if total != 500 {
			t.Errorf("they count %d matches, want 500", total)
		}
	})
}

func TestABrokenJournalStopsEverythingUntilItIsMended(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.journal.mu.Lock()
		h.journal.fail = errors.New("no space left on device")
		h.journal.failAll = h.journal.fail
		h.journal.mu.Unlock()
		h.feed.add(match(rules.Critical))
		sleep(time.Minute)
		if h.feed.done != 0 || len(r.all()) != 0 {
			t.Errorf("without a journal %d batches were committed and %d messages said", h.feed.done, len(r.all()))
		}
		h.journal.mu.Lock()
		h.journal.failAll = nil
		h.journal.mu.Unlock()
		sleep(time.Minute)
		all := r.all()
		if h.feed.done != 1 || len(all) != 1 || all[0].msg.Alert.Count != 1 {
			t.Errorf("mended: %d batches committed, %d messages; want one that counts 1", h.feed.done, len(all))
		}
	})
}

func TestAMatchesThatFailsEndsRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, err := alerting.New(alerting.Options{Journal: &memJournal{}})
		if err != nil {
			t.Fatal(err)
		}
		f := newFeed()
		f.err = errors.New("spool: gone")
		if err := a.Run(t.Context(), f); err == nil || !strings.Contains(err.Error(), "spool: gone") {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestAKeeperIsToldOfEverythingAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		keeper, chat := newRoom("kafka"), newRoom("soc")
		keeper.traits = alerting.Traits{Edits: true, Keeper: true}
		h := start(t, alerting.Options{Routes: []alerting.Route{{Sinks: []string{"soc"}}}}, keeper, chat)
		defer h.stop()
		if _, err := h.AddSilence(alerting.Silence{Match: []alerting.Matcher{{Field: "task", Op: "=", Value: "quiet.*"}}, End: time.Now().Add(24 * time.Hour), Author: "kim", Reason: "test"}); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			h.feed.add(match(rules.Medium, task(fmt.Sprintf("quiet.t%d", i)), secret(fmt.Sprint(i))))
		}
		sleep(time.Second)
		if posts := keeper.acts(alerting.Post); len(posts) != 50 {
			t.Errorf("the keeper has %d, want 50", len(posts))
		}
		sleep(time.Hour)
		if edits := keeper.acts(alerting.Edit); len(edits) != 50 || edits[0].msg.Alert.Status != alerting.Resolved {
			t.Errorf("the keeper was told of %d changes, want 50 resolved", len(edits))
		}
		for _, s := range chat.all() {
			if s.msg.Alert != nil {
				t.Errorf("a silenced alert was told: %+v", s.msg)
			}
		}
	})
}

func TestASinkThatCannotEditSaysOnceThatASeriousAlertIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("hook")
		r.traits = alerting.Traits{}
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		for range 5 {
			h.feed.add(match(rules.High), match(rules.Medium, task("lower")))
			sleep(time.Minute)
		}
		sleep(3 * time.Hour)
		var said []string
		for _, s := range r.all() {
			said = append(said, fmt.Sprintf("%s %s %s", s.msg.Act, s.msg.Alert.Level, s.msg.Alert.Status))
		}
		if got, want := strings.Join(said, ", "), "post high open, post medium open, post high resolved"; got != want {
			t.Errorf("said %s; want %s", got, want)
		}
	})
}

func TestTheSameSecretElsewhereIsNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical))
		sleep(10 * time.Second)
		h.feed.add(match(rules.Critical, task("reports.build")))
		sleep(time.Minute)
		if got := r.message("1").Alert.AlsoIn; len(got) != 1 || got[0] != "reports.build" {
			t.Errorf("the first message names %v, want reports.build", got)
		}
		if got := r.message("2").Alert.AlsoIn; len(got) != 1 || got[0] != "billing.sync" {
			t.Errorf("the second message names %v, want billing.sync", got)
		}
	})
}

func TestThePlaceInKafkaIsAddedOnceItIsKnown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical, eventID("e1")))
		sleep(2 * time.Second)
		if err := h.Published("e1", alerting.Place{Topic: "celery.logs.v1", Partition: 3, Offset: 7}); err != nil {
			t.Fatal(err)
		}
		if err := h.Published("of no alert", alerting.Place{Topic: "celery.logs.v1"}); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		if got := r.message("1").Alert.Match.Place; got.Offset != 7 || got.Partition != 3 {
			t.Errorf("the message says %+v", got)
		}
	})
}

func TestTheSecondRedactionSeesSamplesBeforeAnythingIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "[REDACTED:strict]") }}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical, func(m *alerting.Match) {
			m.Sample, m.Nearby = "it is hunter2", []alerting.Line{{Text: "near hunter2"}}
		}))
		sleep(2 * time.Second)
		m := r.all()[0].msg.Alert.Match
		if m.Sample != "it is [REDACTED:strict]" || m.Nearby[0].Text != "near [REDACTED:strict]" {
			t.Errorf("told: %q, %q", m.Sample, m.Nearby[0].Text)
		}
		for _, e := range h.journal.crash().synced {
			if strings.Contains(string(e), "hunter2") {
				t.Errorf("the journal holds it: %s", e)
			}
		}
	})
}

func TestALevelThatRisesToCriticalIsToldAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Medium))
		sleep(5 * time.Minute)
		h.feed.add(match(rules.Critical))
		sleep(2 * time.Second)
		if posts := r.acts(alerting.Post); len(posts) != 2 || posts[1].msg.Alert.Level != rules.Critical {
			t.Errorf("%d posts, want a second one that says critical", len(posts))
		}
	})
}

func TestAMessageOnWhichTheSinkChokesDoesNotHoldUpTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = func(m *alerting.Message) (bool, error) {
			if m.Alert.Match.Task == "poison" {
				return false, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "HTTP 500"}
			}
			return true, nil
		}
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical, task("poison")))
		for i := range 20 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		sleep(3 * time.Minute)
		if posts := r.acts(alerting.Post); len(posts) != 20 {
			t.Errorf("%d posts behind the poison, want 20", len(posts))
		}
		r.mu.Lock()
		r.answer = nil
		r.mu.Unlock()
		sleep(2 * time.Hour)
		if posts := r.acts(alerting.Post); len(posts) != 21 {
			t.Errorf("%d posts once it is taken, want 21", len(posts))
		}
	})
}

func TestEveryMatchIsOnRecordWhateverBecomesOfIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("hook")
		r.traits = alerting.Traits{} // it cannot edit: repeats are never told
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		silence(t, h, 24*time.Hour, "task=quiet")
		n := int64(0)
		for i := range 100 {
			h.feed.add(match(rules.Medium), match(rules.Critical, task("quiet")), match(rules.Low, task(fmt.Sprintf("t%d", i))))
			n += 3
			sleep(20 * time.Second)
		}
		sleep(time.Hour)
		covered := int64(h.audit.count(alerting.Opened))
		throttled := 0
		for _, d := range h.audit.list {
			if d.Outcome == alerting.Throttled {
				covered += d.Events
				throttled++
			}
		}
		if covered != n || throttled > 20 {
			t.Errorf("%d matches are on record in %d notes, want %d in a few", covered, throttled, n)
		}
	})
}

func TestAClockThatWasSetBackDelaysNothing(t *testing.T) {
	journal := &memJournal{}
	bubble(t, func(t *testing.T) { // in the year 2000, plus a day
		sleep(24 * time.Hour)
		r := newRoom("soc")
		r.answer = answers(no(alerting.Retry, time.Hour), no(alerting.Retry, time.Hour))
		h := start(t, alerting.Options{}, r)
		h.feed.add(match(rules.Critical))
		sleep(time.Second)
		h.stop()
		journal.synced = h.journal.synced
	})
	bubble(t, func(t *testing.T) { // a day earlier
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		h.stop()
		h.journal = journal
		h.run()
		defer func() { h.stop() }()
		sleep(5 * time.Second)
		if posts := r.acts(alerting.Post); len(posts) != 1 {
			t.Errorf("%d posts, want the alert at once", len(posts))
		}
	})
}
