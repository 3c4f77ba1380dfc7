package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// slackStandIn takes what would go to Slack's incoming webhook, on loopback.
type slackStandIn struct {
	url    string
	posts  chan []byte
	server *http.Server
}

func startSlackStandIn() (*slackStandIn, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &slackStandIn{url: "http://" + ln.Addr().String() + "/services/demo", posts: make(chan []byte, 100)}
	s.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "invalid_payload", http.StatusBadRequest)
			return
		}
		select {
		case s.posts <- body:
		default: // nobody looks any more
		}
		io.WriteString(w, "ok")
	})}
	go s.server.Serve(ln) // ends with close
	return s, nil
}

func (s *slackStandIn) close() { _ = s.server.Close() }

// block is as much of Slack's Block Kit as the layouts of alerting/slack use.
type block struct {
	Type     string  `json:"type"`
	Text     text    `json:"text"`
	Fields   []text  `json:"fields"`
	Elements []block `json:"elements"`
}

// text is a text object, or a bare string as rich text elements have it.
type text string

// UnmarshalJSON reads both forms.
func (t *text) UnmarshalJSON(raw []byte) error {
	var object struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &object) == nil {
		*t = text(object.Text)
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}

// renderBlocks shows a post as lines of text, as Slack would lay it out.
func renderBlocks(post []byte) []string {
	var message struct {
		Text   string  `json:"text"`
		Blocks []block `json:"blocks"`
	}
	if err := json.Unmarshal(post, &message); err != nil {
		return []string{"(a post that is no JSON)"}
	}
	if len(message.Blocks) == 0 {
		return strings.Split(visible(message.Text), "\n")
	}
	var lines []string
	for i := range message.Blocks {
		lines = append(lines, message.Blocks[i].render("")...)
	}
	return lines
}

func (b *block) render(margin string) []string {
	var lines []string
	add := func(t text) {
		for line := range strings.SplitSeq(strings.TrimRight(unescapeSlack(string(t)), "\n"), "\n") {
			lines = append(lines, margin+visible(line))
		}
	}
	if b.Text != "" {
		add(b.Text)
	}
	for _, f := range b.Fields {
		name, value, _ := strings.Cut(string(f), "\n")
		add(text(name + ": " + strings.ReplaceAll(value, "\n", ", ")))
	}
	if b.Type == "rich_text_preformatted" {
		margin += "  "
	}
	for i := range b.Elements {
		if b.Type != "actions" { // buttons do nothing on paper
			lines = append(lines, b.Elements[i].render(margin)...)
		}
	}
	return lines
}

// slackDate is Slack's date token; what stands behind the bar is shown where it is not understood.
var slackDate = regexp.MustCompile(`<!date\^[^|>]*\|([^>]*)>`)

// unescapeSlack undoes the three entities of Slack's text, and its dates.
func unescapeSlack(s string) string {
	s = slackDate.ReplaceAllString(s, "$1")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}
