package alerting_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"destring/alerting"
	"destring/rules"
)

// bubble runs f with a clock of its own.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTenLeaksOfOneKeyAreOneMessageThatCountsTen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		began := time.Now()
		for range 10 {
			h.feed.add(match(rules.Critical))
			sleep(300 * time.Millisecond)
		}
		sleep(time.Minute)
		posts, edits := r.acts(alerting.Post), r.acts(alerting.Edit)
		if len(posts) != 1 || len(edits) == 0 {
			t.Fatalf("%d posts and %d edits, want 1 and some", len(posts), len(edits))
		}
		if wait := posts[0].at.Sub(began); wait > time.Second {
			t.Errorf("a critical alert waited %s", wait)
		}
		if got := edits[len(edits)-1].msg.Alert.Count; got != 10 {
			t.Errorf("the message says %d, want 10", got)
		}
		h.feed.add(match(rules.Critical, secret("another")))
		sleep(2 * time.Second)
		if got := len(r.acts(alerting.Post)); got != 2 {
			t.Errorf("another key: %d posts in all, want 2", got)
		}
	})
}

func TestARestartForgetsNothingAndRepeatsNothing(t *testing.T) {
	for name, again := range map[string]func(*house){"in good order": (*house).restart, "killed": (*house).kill} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRoom("soc")
				h := start(t, alerting.Options{}, r)
				h.feed.add(match(rules.Critical))
				sleep(2 * time.Second)
				again(h)
				h.feed.add(match(rules.Critical))
				sleep(time.Minute)
				h.stop()
				all := r.all()
				if len(all) != 2 || all[1].msg.Act != alerting.Edit || all[1].msg.Alert.Count != 2 {
					t.Fatalf("said %d messages, want a post and an edit that counts 2: %+v", len(all), all)
				}
			})
		})
	}
}

func TestLowerAlertsGatherMatchesBeforeTheyAreTold(t *testing.T) {
	for level, want := range map[rules.Severity]time.Duration{rules.Critical: 0, rules.High: 10 * time.Second, rules.Medium: time.Minute, rules.Low: time.Minute} {
		t.Run(level.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRoom("soc")
				h := start(t, alerting.Options{}, r)
				defer h.stop()
				began := time.Now()
				h.feed.add(match(level), match(level))
				sleep(5 * time.Minute)
				all := r.all()
				if len(all) != 1 || all[0].msg.Alert.Count != 2 {
					t.Fatalf("%d messages, want one that counts 2", len(all))
				}
				if got := all[0].at.Sub(began); got < want || got > want+time.Second {
					t.Errorf("told after %s, want %s", got, want)
				}
			})
		})
	}
}

func TestAnAlertThatGoesOnIsPostedAgainAfterFourHoursDoublingToADay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		began := time.Now()
		for time.Since(began) < 80*time.Hour {
			h.feed.add(match(rules.High))
			sleep(10 * time.Minute)
		}
		var hours []int
		for _, p := range r.acts(alerting.Post) {
			hours = append(hours, int(p.at.Sub(began).Hours()))
		}
		if got, want := fmt.Sprint(hours), fmt.Sprint([]int{0, 4, 12, 28, 52, 76}); got != want {
			t.Errorf("posted in hours %s, want %s", got, want)
		}
	})
}

func TestAnAlertThatIsQuietIsResolvedOnceAndOpensAgainInItsMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.High))
		sleep(2 * time.Hour)
		edits, replies := r.acts(alerting.Edit), r.acts(alerting.Reply)
		if len(edits) != 1 || edits[0].msg.Alert.Status != alerting.Resolved || len(replies) != 1 {
			t.Fatalf("%d edits and %d replies, want one of each that say resolved", len(edits), len(replies))
		}
		if quiet := edits[0].at.Sub(edits[0].msg.Alert.Touched); quiet < 30*time.Minute || quiet > 31*time.Minute {
			t.Errorf("resolved after %s, want 30 min", quiet)
		}
		h.feed.add(match(rules.High))
		sleep(time.Minute)
		if posts := r.acts(alerting.Post); len(posts) != 1 {
			t.Errorf("%d posts, want the first message to be used", len(posts))
		}
		edits, replies = r.acts(alerting.Edit), r.acts(alerting.Reply)
		if len(edits) != 2 || edits[1].msg.Alert.Status != alerting.Open || edits[1].msg.Alert.Count != 2 || len(replies) != 2 {
			t.Errorf("%d edits and %d replies, want two of each, the last saying open with 2", len(edits), len(replies))
		}
	})
}

func TestAKeyThatComesBackAfterDaysIsANewAlertThatKnowsTheOld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.High), match(rules.High))
		sleep(7 * 24 * time.Hour)
		h.feed.add(match(rules.High))
		sleep(time.Minute)
		posts := r.acts(alerting.Post)
		if len(posts) != 2 || posts[1].msg.Alert.ID == posts[0].msg.Alert.ID || posts[1].msg.Alert.Count != 1 || posts[1].msg.Alert.Earlier != 2 {
			t.Errorf("%d posts, want a second alert that counts 1 and knows of 2", len(posts))
		}
	})
}

func TestAStormIsOneDigestAndCriticalAlertsStandApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		for i := range 200 {
			h.feed.add(match(rules.High, task(fmt.Sprintf("task.n%d", i))))
		}
		h.feed.add(match(rules.Critical, task("the.bad.one")))
		sleep(30 * time.Minute)
		posts := r.acts(alerting.Post)
		if len(posts) != 2 || posts[0].msg.Alert == nil || posts[0].msg.Alert.Match.Task != "the.bad.one" || posts[1].msg.Digest == nil {
			t.Fatalf("%d posts, want the critical alert and then one digest", len(posts))
		}
		last := r.shown[posts[1].ref.ID].msg.Digest
		if last == nil || last.Alerts != 200 || last.Events != 200 || last.Ended.IsZero() {
			t.Errorf("the digest says %+v, want 200 alerts and that it is over", last)
		}
		if n := h.audit.count(alerting.Folded); n != 200 {
			t.Errorf("%d alerts were audited as folded, want 200", n)
		}
	})
}

func TestARecordThatIsReadAgainIsCountedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		m := match(rules.Critical)
		h.feed.add(m)
		h.feed.add(m)
		sleep(time.Minute)
		if all := r.all(); len(all) != 1 || all[0].msg.Alert.Count != 1 {
			t.Errorf("%d messages, want one that counts 1", len(all))
		}
	})
}

func TestALeakWithAndWithoutItsRuleIsOneAlert(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer h.stop()
		h.feed.add(match(rules.Critical, eventID("x")), match(rules.Critical, eventID("x"), withoutRule))
		h.feed.add(match(rules.Critical, withoutRule, secret("only-found")))
		sleep(time.Minute)
		posts := r.acts(alerting.Post)
		if len(posts) != 2 || posts[0].msg.Alert.Match.Rule.ID == "" || posts[1].msg.Alert.Match.RuleID() != "finding:aws-access-key-id" {
			t.Errorf("%d posts, want one by the rule and one by the finding alone", len(posts))
		}
	})
}
