package celery_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"destring/relay/celery"
	"destring/rules/event"
)

// captured is one labelled line of testdata/captured.jsonl.
type captured struct {
	Line, Event, Task, State, Level, Process, Format, Celery string
	ID                                                       string `json:"task_id"`
	Runtime                                                  *float64
}

// tally counts what was right of one field.
type tally struct{ right, all int }

// The formatters are the ones that projects use; nothing is declared, and each line comes alone.
func TestCapturedLinesAreReadAsTheirRecordsSay(t *testing.T) {
	file, err := os.Open("testdata/captured.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	scores := map[string]*tally{}
	in := bufio.NewScanner(file)
	in.Buffer(nil, 1<<20)
	shown := 0
	for in.Scan() {
		var want captured
		if err := json.Unmarshal(in.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		for field, miss := range missed(want) {
			s := scores[field]
			if s == nil {
				s = new(tally)
				scores[field] = s
			}
			s.all++
			if miss == "" {
				s.right++
			} else if shown++; shown < 20 {
				t.Logf("%s %s: %s\n  %.200s", want.Format, field, miss, want.Line)
			}
		}
	}
	if scores["event"] == nil || scores["event"].all < 1000 {
		t.Fatalf("only %v lines", scores["event"])
	}
	for field, gate := range map[string]float64{"event": 0.995, "task": 0.995, "id": 0.995, "state": 0.995, "runtime": 0.995, "level": 0.995, "process": 0.995} {
		s := scores[field]
		rate := float64(s.right) / float64(s.all)
		t.Logf("%-8s %.4f of %d", field, rate, s.all)
		if rate < gate {
			t.Errorf("%s: %d of %d are right, the gate is %v", field, s.right, s.all, gate)
		}
	}
}

// missed compares every field whose value stands in the line; the answer is empty where it is right.
func missed(want captured) map[string]string {
	var ev event.Event
	ev.Reset()
	ev.Message = event.NewText([]byte(want.Line))
	celery.NewReader(celery.Options{}).Read(&ev)
	c := &ev.Celery
	text := func(s event.Span) string { return string(ev.Facts().Slice(s).Reveal()) }
	out := map[string]string{}
	check := func(field, want, got string, counts bool) {
		if counts {
			out[field] = ""
			if want != got {
				out[field] = "want " + strconv.Quote(want) + ", got " + strconv.Quote(got)
			}
		}
	}
	stands := func(s string) bool { return s != "" && strings.Contains(want.Line, s) }
	check("event", plain(want.Event), plain(string(c.Kind)), true)
	check("task", want.Task, text(c.Task.Name), stands(want.Task))
	check("id", want.ID, text(c.Task.ID), stands(want.ID))
	check("state", want.State, c.Task.State, want.State != "" && stands(want.ID))
	check("level", strings.ToLower(want.Level), c.Level.String(), stands(want.Level) || stands(strings.ToLower(want.Level)))
	check("process", want.Process, text(c.Process), stands(want.Process))
	if want.Runtime != nil {
		written := strconv.FormatFloat(*want.Runtime, 'g', -1, 64)
		check("runtime", written, strconv.FormatFloat(c.Task.Runtime, 'g', -1, 64), stands(written+"s"))
	}
	return out
}

// plain makes one of the kinds that the text alone cannot tell apart.
func plain(kind string) string {
	switch kind {
	case "app-log", "library-log", "stdout", "other", "python-warning":
		return ""
	}
	return kind
}
