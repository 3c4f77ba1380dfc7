package slack

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"destring/alerting"
	"destring/rules"
)

// Layout is what messages say beside the alert. All of it comes from the configuration.
type Layout struct {
	Relay    string                      // name of this destring
	Version  string                      // of destring
	Brokers  []string                    // for the kcat command
	Mentions map[rules.Severity][]string // "S0123ABCD" (group), "U0123ABCD" (user), "here", "channel"
	buttons  bool                        // somebody listens to them
}

// look is how a level shows: a colour word too, for not everybody sees the colour.
var look = [...]string{rules.Informational: "⚪ INFORMATIONAL", rules.Low: "🔵 LOW", rules.Medium: "🟡 MEDIUM", rules.High: "🟠 HIGH", rules.Critical: "🔴 CRITICAL"}

// content is one message for Slack.
type content struct {
	text   string // for notifications and screen readers; in it nothing that a log said but names
	blocks []slack.Block
}

// of lays out m.
func (l *Layout) of(m *alerting.Message) content {
	switch {
	case m.Notice != nil:
		return content{"destring: a silence ends or has ended", []slack.Block{section(m.Notice.Text)}}.plainly(m.Plain)
	case m.Digest != nil:
		return l.digest(m.Digest).plainly(m.Plain)
	case m.Act == alerting.Reply:
		return l.reply(m.Alert).plainly(m.Plain)
	}
	return l.alert(m).plainly(m.Plain)
}

// plainly leaves the text alone when Slack would not take the blocks.
func (c content) plainly(plain bool) content {
	if plain {
		c.blocks = nil
	}
	return c
}

func (l *Layout) alert(m *alerting.Message) content {
	a := m.Alert
	c := content{text: fmt.Sprintf("%s: %s; task %s, %s (%s)", look[a.Level], name(a.Title()), name(orNone(a.Match.Task)), times(a.Count), a.Status)}
	add := func(b ...slack.Block) { c.blocks = append(c.blocks, b...) }
	add(slack.NewHeaderBlock(plain(look[a.Level]+" · "+a.Title(), maxHeader)))
	add(contextLine(l.about(a)))
	if mentions := l.mentions(a.Level); mentions != "" && m.Act == alerting.Post && a.Status == alerting.Open {
		add(slack.NewSectionBlock(ours(mentions), nil, nil))
		c.text = mentions + " " + c.text
	}
	add(slack.NewSectionBlock(nil, fields(a), nil))
	add(slack.NewSectionBlock(ours(seen(a, m.Posts)), nil, nil))
	if a.Match.Why != "" {
		add(slack.NewSectionBlock(plain("Why: "+a.Match.Why, 600), nil, nil))
	}
	if a.Match.Sample != "" {
		add(preformatted("", a.Match.Sample, 600))
	}
	add(l.finding(a)...)
	add(l.nearby(a)...)
	add(l.evidence(a))
	if l.buttons && a.Status != alerting.Resolved {
		add(buttons(a))
	}
	add(contextLine(fmt.Sprintf("destring %s on %s · alert %s", l.Version, orNone(l.Relay), a.ID)))
	return c
}

// about is the line below the header.
func (l *Layout) about(a *alerting.Alert) string {
	parts := []string{"environment " + orNone(a.Match.Environment)}
	rule := a.Match.RuleID()
	if a.Match.Rule.Version != "" {
		rule += "@" + a.Match.Rule.Version
	}
	parts = append(parts, "rule "+rule)
	var techniques []string
	for _, t := range a.Techniques() {
		techniques = append(techniques, t.String())
	}
	if len(techniques) > 0 {
		parts = append(parts, "ATT&CK "+strings.Join(techniques, ", "))
	}
	return strings.Join(append(parts, status(a)), " · ")
}

func status(a *alerting.Alert) string {
	switch {
	case a.FalsePositive != "":
		return "false positive, says " + a.FalsePositive
	case a.Status == alerting.Acknowledged && a.AckNote != "":
		return "acknowledged by " + a.AckBy + ": " + a.AckNote
	case a.Status == alerting.Acknowledged:
		return "acknowledged by " + a.AckBy
	case a.Status == alerting.Resolved:
		return "resolved"
	case a.Relapses > 0:
		return "open again"
	case a.Count > 1:
		return fmt.Sprintf("open, repeated ×%d", a.Count)
	}
	return "open"
}

func fields(a *alerting.Alert) []*slack.TextBlockObject {
	m := &a.Match
	certificate := ""
	if m.PeerFingerprint != "" {
		certificate = m.Peer + "\nsha256:" + m.PeerFingerprint[:min(len(m.PeerFingerprint), 16)]
	}
	var list []*slack.TextBlockObject
	for _, f := range []struct{ label, value string }{{"Task", several(m.Task, a.Tasks)}, {"Worker", several(m.Worker, a.Workers)}, {"Task id", m.TaskID},
		{"Client certificate", certificate}, {"Peer", m.PeerAddress}, {"Host", m.Host}, {"Count", number(a.Count)}, {"Last 5 min", number(a.Rate(a.Touched))}} {
		if f.value != "" {
			list = append(list, plain(f.label+"\n"+f.value, 300))
		}
	}
	return list
}

// several is the first of a list and how many more there are.
func several(first string, all []string) string {
	others := len(all)
	if slices.Contains(all, first) {
		others--
	}
	if others <= 0 {
		return first
	}
	return fmt.Sprintf("%s and %d more", first, others)
}

// seen is our own words and numbers, so it may be mrkdwn, which alone knows dates.
func seen(a *alerting.Alert, posts int) string {
	text := "*First seen* " + date(a.First) + "  *Last seen* " + date(a.Last)
	if posts > 0 && a.Status == alerting.Open {
		text += fmt.Sprintf("  *It goes on*: told %s before", times(int64(posts)))
	}
	if a.Earlier > 0 {
		text += fmt.Sprintf("  *Known*: %s in earlier alerts", times(a.Earlier))
	}
	if a.Status == alerting.Resolved {
		text += "  *Resolved* " + date(a.Resolved)
	}
	return text
}

// date shows in the reader's zone; where it cannot, as UTC.
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// finding says which secret it is, where else it was met and what to do.
func (l *Layout) finding(a *alerting.Alert) []slack.Block {
	f := &a.Match.Finding
	var blocks []slack.Block
	if f.Detector != "" {
		text := "Secret: " + f.Detector
		if f.Key != "" {
			text += ", by its name " + f.Key
		}
		if f.Fingerprint != "" {
			text += ", fingerprint hmac:" + f.Fingerprint
		}
		if len(a.AlsoIn) > 0 {
			text += "\nThe same secret also in: " + strings.Join(a.AlsoIn, ", ")
		}
		blocks = append(blocks, slack.NewSectionBlock(plain(text, 1000), nil, nil))
	}
	var steps strings.Builder
	for i, s := range alerting.Steps(f) {
		fmt.Fprintf(&steps, "%d. %s\n", i+1, s)
	}
	runbook := a.Match.Rule.Runbook
	if _, name, ours := strings.Cut(runbook, "RUNBOOK.md#"); ours {
		steps.WriteString("Runbook: destring rules show " + name)
	} else if runbook != "" && !link.MatchString(runbook) {
		steps.WriteString("Runbook: " + runbook)
	}
	if steps.Len() > 0 {
		blocks = append(blocks, slack.NewSectionBlock(plain("What to do\n"+strings.TrimSpace(steps.String()), 1500), nil, nil))
	}
	if link.MatchString(runbook) && !strings.Contains(runbook, "RUNBOOK.md#") {
		blocks = append(blocks, slack.NewSectionBlock(ours("*Runbook* <"+runbook+">"), nil, nil))
	}
	return blocks
}

// link is a URL, from a rule, that can stand in mrkdwn as it is.
var link = regexp.MustCompile(`^https://[A-Za-z0-9./_~:%#?=+-]{1,500}$`)

func (l *Layout) nearby(a *alerting.Alert) []slack.Block {
	var b strings.Builder
	for _, n := range a.Match.Nearby {
		fmt.Fprintf(&b, "%s %s\n", n.Time.UTC().Format("15:04:05.000"), strings.ReplaceAll(n.Text, "\n", " "))
	}
	if b.Len() == 0 {
		return nil
	}
	return []slack.Block{preformatted("Around it, the same task id", strings.TrimSpace(b.String()), 1500)}
}

// evidence is where the record is found. The command is for copying, so it is quoted for a shell.
func (l *Layout) evidence(a *alerting.Alert) slack.Block {
	m := &a.Match
	text := "destring alert show " + a.ID + "\nevent.id " + orNone(m.EventID)
	if m.Place.Topic != "" {
		brokers := "localhost:9092"
		if len(l.Brokers) > 0 {
			brokers = strings.Join(l.Brokers, ",")
		}
		text += fmt.Sprintf("\nkcat -C -b %s -t %s -p %d -o %d -c 1", shell(brokers), shell(m.Place.Topic), m.Place.Partition, m.Place.Offset)
	}
	return preformatted("", text, 1000)
}

// shell quotes s for a POSIX shell when it has to be.
func shell(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:,[]") == "" && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (l *Layout) reply(a *alerting.Alert) content {
	text := "Open again: a match after it was resolved"
	if a.Status == alerting.Resolved {
		text = "Resolved: quiet since " + a.Last.UTC().Format("15:04:05 UTC")
	}
	text += fmt.Sprintf("; %s in all.", times(a.Count))
	return content{text, []slack.Block{section(text)}}
}

func (l *Layout) digest(g *alerting.Digest) content {
	worst := rules.Informational
	var counts []string
	for level := len(g.Levels) - 1; level >= 0; level-- {
		if n := g.Levels[level]; n > 0 {
			worst = max(worst, rules.Severity(level))
			counts = append(counts, fmt.Sprintf("%d %s", n, rules.Severity(level)))
		}
	}
	title := g.Title()
	c := content{text: look[worst] + ": " + title}
	c.blocks = []slack.Block{slack.NewHeaderBlock(plain(look[worst]+" · "+title, maxHeader)),
		contextLine(fmt.Sprintf("%s · %s · since %s", strings.Join(counts, ", "), count(g.Events, "match", "matches"), g.Started.UTC().Format("15:04:05 UTC")))}
	if len(g.Lines) > 0 {
		c.blocks = append(c.blocks, preformatted("", strings.Join(g.Lines, "\n"), 4000))
	}
	if more := g.Alerts - len(g.Lines); more > 0 {
		c.blocks = append(c.blocks, section(fmt.Sprintf("and %d more: `destring alert list` shows them all", more)))
	}
	c.blocks = append(c.blocks, contextLine(fmt.Sprintf("destring %s on %s · %s", l.Version, orNone(l.Relay), g.ID)))
	return c
}

// mentions are from the configuration only, checked when it was read.
func (l *Layout) mentions(level rules.Severity) string {
	var list []string
	for _, m := range l.Mentions[level] {
		switch {
		case m == "here" || m == "channel":
			list = append(list, "<!"+m+">")
		case m[0] == 'S':
			list = append(list, "<!subteam^"+m+">")
		default:
			list = append(list, "<@"+m+">")
		}
	}
	return strings.Join(list, " ")
}

func plain(s string, n int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, escape(s, n), false, false)
}

// ours is mrkdwn; nothing that a log said may be in s.
func ours(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, s, false, true)
}

func section(s string) slack.Block { return slack.NewSectionBlock(plain(s, maxSection), nil, nil) }

func contextLine(s string) slack.Block { return slack.NewContextBlock("", plain(s, maxField)) }

// preformatted shows s as it is, with an optional title of our own.
func preformatted(title, s string, n int) slack.Block {
	var elements []slack.RichTextElement
	if title != "" {
		elements = append(elements, slack.NewRichTextSection(slack.NewRichTextSectionTextElement(title, nil)))
	}
	return slack.NewRichTextBlock("", append(elements, &slack.RichTextPreformatted{Type: slack.RTEPreformatted,
		Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(escape(s, n), nil)}})...)
}

// number is empty for nothing.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func times(n int64) string { return count(n, "time", "times") }

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
