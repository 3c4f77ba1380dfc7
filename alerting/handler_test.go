package alerting_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
)

// served is a running Alerter with one critical alert, and a client of its socket.
func served(t *testing.T) (*alerting.Client, *audit) {
	t.Helper()
	log, opened := &audit{}, make(chan struct{}, 1)
	decided := func(d alerting.Decision) {
		log.add(d)
		if d.Outcome == alerting.Opened {
			opened <- struct{}{}
		}
	}
	a, err := alerting.New(alerting.Options{Sinks: []alerting.Sink{newRoom("soc")}, Journal: &memJournal{}, Audit: decided})
	if err != nil {
		t.Fatal(err)
	}
	f := newFeed()
	f.add(match(rules.Critical))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, f) }()
	path := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: a.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-opened: // under the lock that every request needs
		return alerting.NewClient(path), log
	case <-time.After(time.Minute):
		t.Fatal("the alert does not come up")
	}
	return nil, nil
}

func TestTheLocalAPIShowsAcknowledgesAndSilences(t *testing.T) {
	c, log := served(t)
	ctx := t.Context()
	list, err := c.Alerts(ctx, []string{"level>=high", "task=billing.*"}, false)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d alerts, %v", len(list), err)
	}
	id := list[0].ID
	if none, err := c.Alerts(ctx, []string{"level=low"}, true); err != nil || len(none) != 0 {
		t.Errorf("low ones: %d, %v", len(none), err)
	}
	if err := c.Ack(ctx, id, "kim", "on it"); err != nil {
		t.Error(err)
	}
	if a, err := c.Alert(ctx, id); err != nil || a.AckBy != "kim" || a.Deliveries["soc"] == nil || a.Match.Task != "billing.sync" {
		t.Errorf("%+v, %v", a, err)
	}
	s, err := c.Silence(ctx, nil, id, 2*time.Hour, "kim", "rotating")
	if err != nil || len(s.Match) != 3 {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := c.Silence(ctx, []string{"environment=dev"}, "", time.Hour, "kim", "dev is noisy"); err != nil {
		t.Error(err)
	}
	if err := c.Expire(ctx, s.ID, "lee"); err != nil {
		t.Error(err)
	}
	hold, err := c.Silences(ctx, false)
	all, err2 := c.Silences(ctx, true)
	if len(hold) != 1 || len(all) != 2 || errors.Join(err, err2) != nil {
		t.Errorf("%d hold of %d, %v", len(hold), len(all), errors.Join(err, err2))
	}
	if p, err := c.FalsePositive(ctx, id, "kim"); err != nil || !strings.Contains(p.Allow, "leak_cloud_key") {
		t.Errorf("%+v, %v", p, err)
	}
	for verdict, want := range map[alerting.Verdict]int{alerting.Acked: 1, alerting.SilenceAdded: 3, alerting.SilenceEnded: 1, alerting.FalseAlarm: 1} {
		if got := log.count(verdict); got != want {
			t.Errorf("audited %s %d times, want %d", verdict, got, want)
		}
	}
}

func TestTheLocalAPISaysWhatIsWrong(t *testing.T) {
	c, _ := served(t)
	ctx := t.Context()
	_, badMatch := c.Alerts(ctx, []string{"colour=red"}, false)
	_, none := c.Alert(ctx, "0000000000000000")
	_, bare := c.Silence(ctx, nil, "", time.Hour, "", "")
	_, ofNone := c.Silence(ctx, nil, "x", time.Hour, "kim", "r")
	for what, c := range map[string]struct {
		err  error
		want string
	}{
		"an unknown field":       {badMatch, `no field "colour"`},
		"an unknown alert":       {none, "not found"},
		"an incomplete silence":  {bare, "its author is missing"},
		"a silence for no alert": {ofNone, "not found"},
		"an ack by nobody":       {c.Ack(ctx, "x", "", ""), "by whom"},
		"an unknown silence":     {c.Expire(ctx, "x", "kim"), "not found"},
		"nobody there":           {alerting.NewClient(filepath.Join(t.TempDir(), "no.sock")).Ack(ctx, "x", "kim", ""), "not running"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", what, c.err, c.want)
		}
	}
	if !errors.Is(none, alerting.ErrNotFound) {
		t.Error("an unknown alert is no ErrNotFound")
	}
}
