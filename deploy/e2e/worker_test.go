package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"destring/deploy/e2e/parts"
)

func fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// secrets are what the example shop leaks in a run. They have the vendors' true forms and are new in
// every run, so that nothing can be fitted to them.
func secrets() map[string]string {
	r := func(alphabet string, n int) string { return randomText(alphabet, n) }
	const upper, lower, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "abcdefghijklmnopqrstuvwxyz", "0123456789"
	return map[string]string{
		"aws_key":      "AKIA" + r(upper, 16),
		"aws_secret":   r(upper+lower+digits+"+/", 40),
		"dsn_password": r(lower+digits, 20),
		"password":     r(lower+upper+digits, 18),
		"email":        "jane." + r(lower, 10) + "@shop.example",
		"card":         luhn("411111" + r(digits, 9)),
	}
}

// luhn adds the check digit of a card number.
func luhn(number string) string {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return number + string(rune('0'+(10-sum%10)%10))
}

// told is a line of truth.py.
type told struct {
	PID    int    `json:"pid"`
	Logger string `json:"logger"`
	Text   string `json:"text"`
}

func readTruth(t *testing.T, file string) []told {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []told
	for line := range strings.Lines(string(data)) {
		var x told
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// published is what the test needs of a record.
type published struct {
	Message string `json:"message"`
	Event   struct {
		ID string `json:"id"`
	} `json:"event"`
	Process struct {
		PID int `json:"pid"`
	} `json:"process"`
	Log struct {
		Logger string `json:"logger"`
		Syslog struct {
			ProcID string `json:"procid"`
		} `json:"syslog"`
	} `json:"log"`
	Celery struct {
		Event string `json:"event"`
	} `json:"celery"`
}

var mark = regexp.MustCompile(`\[REDACTED:[^\]]*\]`)

// isRedactionOf reports whether clean is raw with some parts replaced by marks.
func isRedactionOf(clean, raw string) bool {
	var pattern strings.Builder
	at := 0
	for _, m := range mark.FindAllStringIndex(clean, -1) {
		pattern.WriteString(regexp.QuoteMeta(clean[at:m[0]]) + "(?s:.+?)")
		at = m[1]
	}
	pattern.WriteString(regexp.QuoteMeta(clean[at:]))
	return regexp.MustCompile("^(?:" + pattern.String() + ")$").MatchString(raw)
}

// A real prefork worker logs to a real Kafka: every record that its loggers emitted arrives once, in
// order within its process; nothing that it leaked is anywhere behind the door.
func TestARealWorkerLogsToARealKafka(t *testing.T) {
	parts.Need(t, "python3", "redis-server", "java", "mvn")
	s := newSite(t)
	planted := secrets()
	relay := s.serve()
	worker := s.worker(relay, planted)
	worker.waitFor("ready.", time.Minute)
	run(t, s.example(), append(s.workerEnv(relay, planted), "PYTHONDONTWRITEBYTECODE=1"), s.python, "drive.py", "5")
	worker.stop(time.Minute)
	truth := readTruth(t, s.truth)
	records := s.read("celery.logs.v1", len(truth), time.Minute)
	compare(t, truth, records)
	alerts := s.alerts(5)
	wantAlerts(t, alerts, map[string]int{"shop.tasks.rotate_keys": 2, "shop.tasks.import_customers": 1, "shop.tasks.sync_mailbox": 1, "shop.tasks.notify": 1})
	metrics := s.metrics(relay)
	relay.stop(time.Minute)
	select {
	case post := <-s.posts:
		t.Errorf("one more alert was posted: %s", post)
	default:
	}
	for _, text := range alerts {
		s.clean(planted, "a Slack post", []byte(text))
	}
	s.clean(planted, "/metrics", []byte(metrics))
	s.clean(planted, "the relay's log", []byte(relay.output()))
	s.cleanTopics(planted)
	s.cleanFiles(planted)
}

// wantAlerts wants so many posts for each task: one for each secret that it leaks, however often.
func wantAlerts(t *testing.T, posts []string, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, post := range posts {
		var body struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal([]byte(post), &body); err != nil {
			t.Fatal(err)
		}
		got[taskInPost.FindString(body.Text)]++
	}
	if !maps.Equal(got, want) {
		t.Errorf("alerts by task: %v, want %v", got, want)
	}
}

var taskInPost = regexp.MustCompile(`shop\.tasks\.[a-z_]+`)

// compare wants each record once and in the order of its process.
func compare(t *testing.T, truth []told, records []published) {
	t.Helper()
	ids := map[string]bool{}
	byPID := map[string][]published{}
	for _, r := range records {
		if ids[r.Event.ID] {
			t.Errorf("event.id %s comes twice", r.Event.ID)
		}
		ids[r.Event.ID] = true
		byPID[r.Log.Syslog.ProcID] = append(byPID[r.Log.Syslog.ProcID], r)
	}
	want := map[string][]told{}
	for _, x := range truth {
		pid := fmt.Sprint(x.PID)
		want[pid] = append(want[pid], x)
	}
	for pid, list := range want {
		got := byPID[pid]
		if len(got) != len(list) {
			t.Errorf("process %s emitted %d records, %d arrived", pid, len(list), len(got))
			continue
		}
		for i := range list {
			if !isRedactionOf(got[i].Message, list[i].Text) {
				t.Errorf("process %s, record %d: arrived as\n%s\nfor\n%s", pid, i, got[i].Message, list[i].Text)
				break
			}
			if got[i].Log.Logger != list[i].Logger {
				t.Errorf("process %s, record %d: logger %q, want %q", pid, i, got[i].Log.Logger, list[i].Logger)
			}
		}
	}
	if len(records) != len(truth) {
		t.Errorf("%d records were emitted, %d arrived", len(truth), len(records))
	}
}

func (s *site) example() string { return filepath.Join(root(s.t), "deploy", "celery", "example") }
