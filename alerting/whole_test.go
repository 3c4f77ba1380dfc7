package alerting_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"destring/alerting"
	"destring/rules"
	"destring/rules/detect"
	"destring/rules/event"
	"destring/rules/packs"
	"destring/rules/redact"
)

// worker is a Celery worker and the relay up to the published record, with the shipped rules.
type worker struct {
	inspector *rules.Inspector
	judge     *alerting.Judge
	n         uint64
}

func newWorker(t *testing.T) *worker {
	t.Helper()
	set, err := packs.Load()
	if err != nil {
		t.Fatal(err)
	}
	e, err := rules.New(rules.Options{Redact: redact.Options{Key: bytes.Repeat([]byte{1}, 32)}, Rules: set, Environment: "production"})
	if err != nil {
		t.Fatal(err)
	}
	return &worker{inspector: e.NewInspector(), judge: alerting.NewJudge(set, rules.Medium, detect.CorrelatorOptions{})}
}

// logs returns the matches of a line that task logs.
func (w *worker) logs(t *testing.T, task, text string) []alerting.Match {
	t.Helper()
	w.n++
	line := []byte(fmt.Sprintf("Task %s[5b1e2f8a-77d0-4c0e-9f6b-0f4d0c2b9a11] succeeded in 0.2s: %s", task, text))
	now := time.Now().UnixNano()
	ev := event.Event{ID: event.ID{Connection: 7, Message: w.n}, Received: now, Timestamp: now, Message: event.NewText(line), Peer: &event.Peer{Name: "worker.eu-3"}}
	ev.Syslog.Facility, ev.Syslog.Severity, ev.Celery.Task.Retries = -1, -1, -1
	at := uint32(bytes.Index(line, []byte(task)))
	ev.Celery.Kind, ev.Celery.Task.Name = "task-succeeded", event.Span{Start: at, End: at + uint32(len(task))}
	c := w.inspector.Inspect(&ev)
	if !c.Matched() {
		return nil
	}
	list, err := w.judge.Read(c.Value())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// From the line to the message, with the engine and the rules as they are shipped.
func TestTenLeaksOfAKeyAreOneMessageAndAnotherKeyIsAnother(t *testing.T) {
	keys := []string{"AK" + "IAQ3EGRSDV7L2MNOPW", "AK" + "IAZ5QWXRTB3M7KLPVC"}
	bubble(t, func(t *testing.T) {
		w, r := newWorker(t), newRoom("soc")
		h := start(t, alerting.Options{}, r)
		defer func() { h.stop() }()
		for i := range 10 {
			h.feed.add(w.logs(t, "billing.sync", "{'aws_access_key_id': '"+keys[0]+"'}")...)
			sleep(time.Second)
			if i == 4 {
				h.kill()
			}
		}
		if list := w.logs(t, "billing.sync", "{'rows': 12}"); len(list) != 0 {
			t.Errorf("a clean line has matches: %+v", list)
		}
		sleep(2 * time.Minute)
		h.feed.add(w.logs(t, "billing.sync", "{'aws_access_key_id': '"+keys[1]+"'}")...)
		sleep(2 * time.Minute)
		var got []string
		for _, s := range r.acts(alerting.Post) {
			a := r.message(s.ref.ID).Alert
			got = append(got, fmt.Sprintf("%s %s ×%d", a.Level, a.Match.Task, a.Count))
			for _, key := range keys {
				if bytes.Contains(fmt.Append(nil, *a), []byte(key)) {
					t.Errorf("a key is in the alert: %+v", a)
				}
			}
		}
		if want := []string{"critical billing.sync ×10", "critical billing.sync ×1"}; !slices.Equal(got, want) {
			t.Errorf("the channel shows %q, want %q", got, want)
		}
	})
}
