package slack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"destring/alerting"
	"destring/alerting/slack"
	"destring/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

// layouts are the messages of which a golden file is kept: as JSON for Slack, as text for people.
func layouts() map[string]*alerting.Message {
	repeated := leak()
	repeated.Count, repeated.Last, repeated.Tasks, repeated.Workers = 12, at.Add(20*time.Minute), []string{"billing.sync", "billing.retry"}, []string{"celery@eu-3", "celery@eu-4", "celery@us-1"}
	repeated.AlsoIn = []string{"reports.build"}
	repeated.Match.Place = alerting.Place{Topic: "celery.logs.v1", Partition: 3, Offset: 18422}
	repeated.Match.Nearby = []alerting.Line{{Time: at.Add(-2 * time.Second), Text: "Task billing.sync[5b1e…] received"}, {Time: at.Add(-time.Second), Text: "Starting new HTTPS connection (1): s3.amazonaws.com:443"}}
	resolved := leak()
	resolved.Status, resolved.Resolved, resolved.Count = alerting.Resolved, at.Add(time.Hour), 2
	acked := leak()
	acked.Status, acked.AckBy, acked.AckNote = alerting.Acknowledged, "kim", "rotating it"
	bare := &alerting.Alert{ID: "0000000000000001", Level: rules.Medium, Count: 1, First: at, Last: at, Match: alerting.Match{Rule: alerting.Rule{ID: "rc_shutdown", Title: "Remote shutdown", Level: rules.Medium, Runbook: "rules/packs/RUNBOOK.md#rc_shutdown"}}}
	digest := &alerting.Digest{ID: "digest-soc-1", Sink: "soc", Started: at, Alerts: 240, Levels: [5]int{0, 20, 180, 40, 0}, Events: 3100,
		Lines: []string{"HIGH     ×812   Password in a Celery log · users.import · celery@eu-3", "MEDIUM   ×12    Session token in a Celery log · web.login · celery@eu-1"}}
	return map[string]*alerting.Message{
		"critical":     about(leak()),
		"repeated":     {Act: alerting.Edit, Key: "k", Alert: repeated},
		"goes-on":      {Act: alerting.Post, Key: "k", Alert: repeated, Posts: 1},
		"resolved":     {Act: alerting.Edit, Key: "k", Alert: resolved},
		"acknowledged": {Act: alerting.Edit, Key: "k", Alert: acked},
		"reply":        {Act: alerting.Reply, Key: "k", Alert: resolved},
		"bare":         about(bare),
		"digest":       {Act: alerting.Post, Key: "k", Digest: digest},
		"notice":       {Act: alerting.Post, Key: "k", Notice: &alerting.Notice{Text: "A silence ends in 15m0s: [task=billing.*], made by kim (migration), until 2026-11-25 10:00 UTC."}},
		"plain":        {Act: alerting.Post, Key: "k", Alert: leak(), Plain: true},
	}
}

// sent is what Slack gets for m.
func sent(t *testing.T, m *alerting.Message) message {
	t.Helper()
	f := newFakeSlack(t)
	s := channel(t, f)
	if m.Act != alerting.Post {
		ref, err := s.Deliver(t.Context(), about(leak()))
		if err != nil {
			t.Fatal(err)
		}
		m.Ref = ref
	}
	if _, err := s.Deliver(t.Context(), m); err != nil {
		t.Fatalf("Slack refuses it: %v", err)
	}
	all := f.all()
	if m.Act == alerting.Reply {
		return all[1]
	}
	return all[0]
}

func TestEachLayoutIsAsItsGoldenFile(t *testing.T) {
	for name, m := range layouts() {
		t.Run(name, func(t *testing.T) {
			got := sent(t, m)
			var pretty bytes.Buffer
			e := json.NewEncoder(&pretty)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(map[string]any{"text": got.Text, "blocks": got.Blocks}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", pretty.Bytes())
			golden(t, name+".txt", []byte(rendition(got)))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it and write it with -update. Got:\n%s", path, got)
	}
}

var dateToken = regexp.MustCompile(`<!date\^[0-9]+\^[^|]*\|([^>]*)>`)

// rendition is the message about as Slack shows it, for README and for eyes.
func rendition(m message) string {
	if len(m.Blocks) == 0 {
		return m.Text + "\n"
	}
	var b strings.Builder
	for _, block := range m.Blocks {
		switch block["type"] {
		case "header":
			fmt.Fprintf(&b, "# %s\n", text(block["text"]))
		case "context":
			for _, e := range block["elements"].([]any) {
				fmt.Fprintf(&b, "  %s\n", text(e))
			}
		case "section":
			if block["text"] != nil {
				fmt.Fprintf(&b, "%s\n", text(block["text"]))
			}
			list, _ := block["fields"].([]any)
			for _, f := range list {
				label, value, _ := strings.Cut(text(f), "\n")
				fmt.Fprintf(&b, "%-20s %s\n", label, strings.ReplaceAll(value, "\n", " "))
			}
		case "rich_text":
			rich(&b, block["elements"].([]any))
		case "actions":
			for _, e := range block["elements"].([]any) {
				fmt.Fprintf(&b, "[ %s ]  ", text(e.(map[string]any)["text"]))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func rich(b *strings.Builder, elements []any) {
	for _, e := range elements {
		o := e.(map[string]any)
		for _, i := range o["elements"].([]any) {
			shown := unescape(i.(map[string]any)["text"].(string))
			if o["type"] == "rich_text_preformatted" {
				shown = "  | " + strings.ReplaceAll(shown, "\n", "\n  | ")
			}
			fmt.Fprintf(b, "%s\n", shown)
		}
	}
}

func text(v any) string {
	o, _ := v.(map[string]any)
	s, _ := o["text"].(string)
	if o["type"] == "mrkdwn" {
		s = dateToken.ReplaceAllString(s, "$1")
	}
	return unescape(s)
}

func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// Whatever a log says, nothing of it is live in Slack.
func TestNothingThatALogSaysIsLive(t *testing.T) {
	for name, evil := range map[string]string{
		"channel mention":    "<!channel>",
		"here":               "@here @channel @everyone",
		"user mention":       "<@U0123ABCD> <!subteam^S0123ABCD>",
		"link":               "<https://evil.example|click here> https://evil.example www.evil.example",
		"mail":               "<mailto:a@evil.example|a>",
		"backticks":          "``` *bold* _it_ ~no~ `code` ``` > quote",
		"entities":           strings.Repeat("&lt;", 4000),
		"one off an entity":  strings.Repeat("x", 597) + "<<<<",
		"bidi":               "\u202eevil\u2066 \u200fabc\u061c",
		"control":            "a\x1b[31mred\x00\x07\r\x7f\u0085",
		"zero width":         "pass\u200bword\ufeff\u00ad\u2060",
		"tags":               "\U000e0041\U000e0042",
		"100 kB":             strings.Repeat("A<b>&", 20_000),
		"emoji":              strings.Repeat("👩‍👩‍👧‍👦:smile:", 500),
		"right to left":      strings.Repeat("שלום مرحبا ", 300),
		"no UTF-8":           "\xff\xfe\xc3(",
		"date token":         "<!date^1^{date}^https://evil.example|x>",
		"JSON":               `"}],"blocks":[{"type":"section"}]`,
		"many lines":         strings.Repeat("\n", 5000),
		"empty after a trim": "   ",
	} {
		t.Run(name, func(t *testing.T) {
			a := leak()
			m := &a.Match
			for _, s := range []*string{&m.EventID, &m.Rule.ID, &m.Rule.Title, &m.Rule.Version, &m.Rule.Runbook, &m.Finding.Detector, &m.Finding.Class, &m.Finding.Key, &m.Finding.Fingerprint,
				&m.Task, &m.TaskID, &m.Worker, &m.Peer, &m.PeerFingerprint, &m.PeerAddress, &m.Host, &m.Environment, &m.Sample, &a.AckBy, &a.AckNote, &m.Place.Topic} {
				*s = evil
			}
			m.Rule.Tags = []string{"attack.t1552", "attack.t" + evil}
			m.Nearby = []alerting.Line{{Time: at, Text: evil}, {Time: at, Text: evil}}
			a.Tasks, a.Workers, a.AlsoIn, a.Status = []string{evil, evil + "2"}, []string{evil}, []string{evil, evil}, alerting.Acknowledged
			digest := &alerting.Digest{ID: "d", Started: at, Alerts: 99, Levels: [5]int{0, 0, 9, 90}, Lines: []string{evil, evil, evil}}
			for _, m := range []*alerting.Message{about(a), {Act: alerting.Reply, Key: "k", Alert: a}, {Act: alerting.Post, Key: "k", Alert: a, Plain: true},
				{Act: alerting.Post, Key: "k", Digest: digest}, {Act: alerting.Post, Key: "k", Notice: &alerting.Notice{Text: evil}}} {
				harmless(t, sent(t, m))
			}
		})
	}
}

var (
	mention     = regexp.MustCompile(`<[!@#]|@here|@channel|@everyone|https?:|mailto:`)
	ourMrkdwn   = regexp.MustCompile(`^(<!subteam\^S0123ABCD>|\*Runbook\* <https://runbooks\.example/leak>|(\*[A-Z][a-z ]+\*:? |<!date\^[0-9]+\^\{date_short_pretty\} \{time_secs\}\|[0-9: -]+UTC>|told [0-9]+ times? before|[0-9]+ times? in earlier alerts|  )+)$`)
	halfEntity  = regexp.MustCompile(`&([^alg]|a[^m]|l[^t]|g[^t]|am[^p]|lt[^;]|gt[^;]|amp[^;]|$)|&(a|am|amp|l|lt|g|gt)$`)
	liveElement = map[string]bool{"plain_text": true, "mrkdwn": true, "text": true}
)

func harmless(t *testing.T, m message) {
	t.Helper()
	if rest := strings.TrimPrefix(m.Text, "<!subteam^S0123ABCD> "); mention.MatchString(rest) || strings.ContainsAny(rest, "<>&*`~") {
		t.Errorf("the notification text is live: %q", m.Text)
	}
	total := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			kind, _ := v["type"].(string)
			if s, ok := v["text"].(string); ok {
				total += utf8.RuneCountInString(s)
				switch {
				case !liveElement[kind]:
					t.Errorf("text in an element %q", kind)
				case kind == "mrkdwn" && !ourMrkdwn.MatchString(s):
					t.Errorf("mrkdwn that is not ours: %q", s)
				case kind != "mrkdwn" && (strings.ContainsAny(s, "<>") || halfEntity.MatchString(s)):
					t.Errorf("not escaped, or cut inside an entity: …%q", s[max(0, len(s)-40):])
				case alerting.Visible(s) != s || !utf8.ValidString(s):
					t.Errorf("hidden characters in %q", s)
				}
			}
			if e, ok := v["emoji"].(bool); ok && e {
				t.Errorf("emoji are parsed in %v", v)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, b := range m.Blocks {
		walk(b)
	}
	if total > 10_000 || len(m.Blocks) > 50 {
		t.Errorf("%d characters in %d blocks", total, len(m.Blocks))
	}
}

func TestMentionsAreIdsFromTheConfiguration(t *testing.T) {
	for value, ok := range map[string]bool{"S0123ABCD": true, "U0123ABCD": true, "here": true, "channel": true, "<!channel>": false, "soc": false, "": false, "S0123ABCD> <!here": false} {
		_, err := slack.New(slack.Config{Token: testToken, Layout: slack.Layout{Mentions: map[rules.Severity][]string{rules.High: {value}}}})
		if (err == nil) != ok {
			t.Errorf("mention %q: %v", value, err)
		}
	}
	got := sent(t, about(leak()))
	if !strings.HasPrefix(got.Text, "<!subteam^S0123ABCD> ") {
		t.Errorf("a critical alert does not call the group: %q", got.Text)
	}
	quiet := leak()
	quiet.Level = rules.Medium
	if got := sent(t, about(quiet)); strings.Contains(got.Text, "<!") {
		t.Errorf("a medium alert calls somebody: %q", got.Text)
	}
	if got := sent(t, layouts()["repeated"]); strings.Contains(got.Text, "<!") {
		t.Errorf("an edit calls somebody: %q", got.Text)
	}
}
