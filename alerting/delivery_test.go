package alerting_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"destring/alerting"
	"destring/rules"
)

// answers gives one after another, then a yes to everything.
func answers(list ...func() (bool, error)) func(*alerting.Message) (bool, error) {
	return func(*alerting.Message) (bool, error) {
		if len(list) == 0 {
			return true, nil
		}
		next := list[0]
		list = list[1:]
		return next()
	}
}

func no(o alerting.Outcome, after time.Duration) func() (bool, error) {
	return func() (bool, error) { return false, &alerting.DeliveryError{Outcome: o, After: after, Reason: "no"} }
}

func yesUnheard() (bool, error) {
	return true, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "reset"}
}

func TestTheWaitThatASinkAsksForIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = answers(no(alerting.Retry, 90*time.Second))
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		began := time.Now()
		h.feed.add(match(rules.Critical))
		sleep(89 * time.Second)
		h.feed.add(match(rules.Critical, task("another"))) // no way around it
		synctest.Wait()
		if n := len(r.all()); n != 0 {
			t.Errorf("%d messages before the time that the sink asked for", n)
		}
		sleep(10 * time.Second)
		posts := r.acts(alerting.Post)
		if len(posts) != 2 || posts[0].at.Sub(began) > 92*time.Second {
			t.Errorf("%d posts, want both soon after the wait", len(posts))
		}
		if h.audit.count(alerting.Failed) != 1 || h.audit.count(alerting.Sent) != 2 {
			t.Errorf("audited: %d failed, %d sent", h.audit.count(alerting.Failed), h.audit.count(alerting.Sent))
		}
	})
}

func TestASinkThatIsDownForADayGetsEverythingOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		down, tries := true, 0
		r.answer = func(*alerting.Message) (bool, error) {
			tries++
			if down {
				return false, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "HTTP 503"}
			}
			return true, nil
		}
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		for i := range 5 {
			h.feed.add(match(rules.Critical, task(fmt.Sprintf("t%d", i))))
		}
		sleep(24 * time.Hour)
		if tries < 200 || tries > 400 {
			t.Errorf("%d tries in a day, want one about every five minutes", tries)
		}
		r.mu.Lock()
		down = false
		r.mu.Unlock()
		sleep(10 * time.Minute)
		if posts := r.acts(alerting.Post); len(posts) != 5 {
			t.Errorf("%d posts, want 5", len(posts))
		}
	})
}

func TestAMessageWhoseAnswerWasLostIsLookedForBeforeItIsSentAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = answers(yesUnheard, no(alerting.Unknown, 0))
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical))                // arrives, unheard
		sleep(10 * time.Second)                          // found
		h.feed.add(match(rules.Critical, task("other"))) // does not arrive, unheard
		sleep(time.Minute)
		if posts := r.acts(alerting.Post); len(posts) != 2 {
			t.Errorf("%d posts, want each alert once", len(posts))
		}
	})
}

func TestAMessageInDoubtStaysInDoubtWhenTheSearchFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = answers(yesUnheard)
		fails := 3
		r.blind = func() error {
			fails--
			switch {
			case fails == 2:
				return &alerting.DeliveryError{Outcome: alerting.Retry, After: time.Minute, Reason: "ratelimited"}
			case fails >= 0:
				return &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "HTTP 500"}
			}
			return nil
		}
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical))
		sleep(20 * time.Minute)
		if posts := r.acts(alerting.Post); len(posts) != 1 || h.audit.count(alerting.Sent) != 1 {
			t.Errorf("%d posts, %d on record; want one of each", len(posts), h.audit.count(alerting.Sent))
		}
	})
}

func TestAnAlertIsRatherSentTwiceThanNeverWhenNothingCanBeSearched(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = answers(no(alerting.Unknown, 0))
		r.blind = func() error { return &alerting.DeliveryError{Outcome: alerting.Retry, Reason: "no search today"} }
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical))
		sleep(2 * time.Hour)
		if posts := r.acts(alerting.Post); len(posts) != 1 {
			t.Errorf("%d posts, want 1", len(posts))
		}
	})
}

func TestALayoutThatIsRefusedIsSaidPlainly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = func(m *alerting.Message) (bool, error) {
			if !m.Plain {
				return false, &alerting.DeliveryError{Outcome: alerting.Rejected, Reason: "invalid_blocks"}
			}
			return true, nil
		}
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical))
		sleep(time.Minute)
		if posts := r.acts(alerting.Post); len(posts) != 1 || !posts[0].msg.Plain {
			t.Errorf("%d posts, want a plain one", len(posts))
		}
	})
}

func TestWhatIsRefusedForGoodIsOnRecordAndHoldsUpNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		r.answer = func(m *alerting.Message) (bool, error) {
			if m.Alert.Match.Task == "poison" {
				return false, &alerting.DeliveryError{Outcome: alerting.Rejected, Reason: "no"}
			}
			return true, nil
		}
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical, task("poison")))
		h.feed.add(match(rules.Critical))
		sleep(time.Minute)
		if posts := r.acts(alerting.Post); len(posts) != 1 {
			t.Errorf("%d posts, want the one behind the refused", len(posts))
		}
		if n := h.audit.count(alerting.Failed); n == 0 {
			t.Error("the refusal is not on record")
		}
	})
}

func TestADeletedMessageIsNotEditedForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		edits := 0
		r.answer = func(m *alerting.Message) (bool, error) {
			if m.Act == alerting.Post {
				return true, nil
			}
			edits++
			return false, &alerting.DeliveryError{Outcome: alerting.Gone, Reason: "message_not_found"}
		}
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		for range 30 {
			h.feed.add(match(rules.High))
			sleep(10 * time.Minute)
		}
		if posts := r.acts(alerting.Post); edits != 2 || len(posts) != 2 {
			t.Errorf("%d edits and %d posts, want one edit for each message, and the repeat after 4 h", edits, len(posts))
		}
	})
}
