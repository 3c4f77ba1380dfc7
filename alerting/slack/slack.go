package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"destring/alerting"
)

// Config is what a Client is made of.
type Config struct {
	Token    string        // bot token, "xoxb-…"; a secret. Scopes: chat:write; channels:history (groups:history) to find a message again after a crash
	AppToken string        // app-level token, "xapp-…", for the buttons; a secret; empty for none
	APIURL   string        // "https://slack.com/api/" when empty
	Hosts    []string      // further allowed hosts
	Users    []string      // ids of those whose clicks count
	Timeout  time.Duration // of one call; 10 s
	Layout   Layout
}

// hosts are allowed without being named.
var hosts = []string{"slack.com", "www.slack.com", "hooks.slack.com"}

// Client talks to the Web API of one workspace.
type Client struct {
	api    *slack.Client
	egress *alerting.Egress
	config Config
	layout Layout
}

// New makes a Client. Its errors name no token.
func New(c Config) (*Client, error) {
	if c.Token == "" {
		return nil, errors.New("slack: the bot token is missing")
	}
	if c.APIURL == "" {
		c.APIURL = slack.APIURL
	}
	if !strings.HasSuffix(c.APIURL, "/") {
		c.APIURL += "/"
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	egress := alerting.NewEgress(c.Timeout, append(hosts[:len(hosts):len(hosts)], c.Hosts...)...)
	if err := egress.Check(c.APIURL); err != nil {
		return nil, fmt.Errorf("slack: api_url: %w", err)
	}
	options := []slack.Option{slack.OptionHTTPClient(egress), slack.OptionAPIURL(c.APIURL)}
	if c.AppToken != "" {
		options = append(options, slack.OptionAppLevelToken(c.AppToken))
	}
	layout := c.Layout
	layout.buttons = c.AppToken != ""
	api := slack.New(c.Token, options...)
	c.Token, c.AppToken = "", "" // the library has them; what is not here cannot be printed
	return &Client{api, egress, c, layout}, nil
}

func (c *Config) check() error {
	if c.AppToken != "" && len(c.Users) == 0 {
		return errors.New("slack: users is empty: with an app token there are buttons, and nobody may press them")
	}
	for _, u := range c.Users {
		if !userID.MatchString(u) {
			return fmt.Errorf("slack: user %q: want an id such as U0123ABCD (profile → Copy member ID)", u)
		}
	}
	return c.Layout.check()
}

var mention = regexp.MustCompile(`^([SUW][A-Z0-9]{5,20}|here|channel)$`)

func (l *Layout) check() error {
	for level, list := range l.Mentions {
		for _, m := range list {
			if !mention.MatchString(m) {
				return fmt.Errorf("slack: mention %q for %s: want the id of a group (S…) or user (U…), here, or channel", m, level)
			}
		}
	}
	return nil
}

// Format keeps the tokens out of whatever prints c, with any verb.
func (c Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Slack client") }

// Format keeps the tokens out of whatever prints c, with any verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Slack configuration") }

// Check asks Slack whether the token is good, for `destring validate`.
func (c *Client) Check(ctx context.Context) error {
	if _, err := c.api.AuthTestContext(ctx); err != nil {
		return fmt.Errorf("slack: auth.test: %w", classify(err))
	}
	return nil
}

// Channel is the Sink of one channel.
type Channel struct {
	client  *Client
	name    string
	channel string
	learned atomic.Pointer[string] // the channel's id, when channel is a name
}

// Channel makes the Sink of a channel: its id (better: by it a message is found again after a
// crash), or its name with #. name is the sink's.
func (c *Client) Channel(name, channel string) *Channel {
	return &Channel{client: c, name: name, channel: channel}
}

// Format keeps the tokens out of whatever prints s, with any verb.
func (s *Channel) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Slack channel "+s.name) }

// Client returns the workspace that the channel is of.
func (s *Channel) Client() *Client { return s.client }

// Name implements alerting.Sink.
func (s *Channel) Name() string { return s.name }

// Traits implements alerting.Sink.
func (s *Channel) Traits() alerting.Traits { return alerting.Traits{Edits: true, Threads: true} }

// Deliver implements alerting.Sink.
func (s *Channel) Deliver(ctx context.Context, m *alerting.Message) (alerting.Ref, error) {
	said := s.client.layout.of(m)
	options := []slack.MsgOption{slack.MsgOptionText(said.text, false), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(), slack.MsgOptionBlocks(said.blocks...)}
	if m.Act != alerting.Edit {
		options = append(options, slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"key": m.Key}}))
	}
	var channel, ts string
	var err error
	switch m.Act {
	case alerting.Edit:
		channel, ts, _, err = s.client.api.UpdateMessageContext(ctx, m.Ref.Channel, m.Ref.ID, options...)
	case alerting.Reply:
		channel, ts, err = s.client.api.PostMessageContext(ctx, m.Ref.Channel, append(options, slack.MsgOptionTS(m.Ref.ID))...)
	default:
		channel, ts, err = s.client.api.PostMessageContext(ctx, s.channel, options...)
	}
	if err != nil {
		return alerting.Ref{}, classify(err)
	}
	if m.Act == alerting.Post && (channel == "" || ts == "") {
		return alerting.Ref{}, &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "Slack's answer names no message"}
	}
	s.learned.Store(&channel)
	return alerting.Ref{Channel: channel, ID: ts}, nil
}

// eventType of the metadata by which a message is found again.
const eventType = "destring_alert"

// findPages bounds the search: a channel with more messages since the attempt is not searched through.
// Messages with blocks are long: more on a page would pass the limit on an answer.
const (
	findPages = 5
	findLimit = 50
)

// Find implements alerting.Finder: it looks for the key in the messages since m was first
// tried. Without the scope to read the channel nothing is found, and the alert is posted again.
func (s *Channel) Find(ctx context.Context, m *alerting.Message) (alerting.Ref, bool, error) {
	oldest := fmt.Sprintf("%d.000000", m.Began.Add(-time.Minute).Unix())
	channel, cursor := s.id(m), ""
	if channel == "" {
		return alerting.Ref{}, false, nil
	}
	for range findPages {
		messages, next, err := s.page(ctx, m, channel, oldest, cursor)
		if err != nil {
			if unsearchable(err) {
				return alerting.Ref{}, false, nil
			}
			return alerting.Ref{}, false, classify(err)
		}
		for _, found := range messages {
			if found.Metadata.EventType == eventType && found.Metadata.EventPayload["key"] == m.Key {
				return alerting.Ref{Channel: channel, ID: found.Timestamp}, true, nil
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	return alerting.Ref{}, false, nil
}

var channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{6,20}$`)

// id is the channel's id where it is known; reading a channel takes no name.
func (s *Channel) id(m *alerting.Message) string {
	if m.Ref.Channel != "" {
		return m.Ref.Channel
	}
	if channelID.MatchString(s.channel) {
		return s.channel
	}
	if known := s.learned.Load(); known != nil {
		return *known
	}
	return ""
}

// page reads one page of the channel, or of the thread that a reply would be in.
func (s *Channel) page(ctx context.Context, m *alerting.Message, channel, oldest, cursor string) ([]slack.Message, string, error) {
	if m.Act == alerting.Reply {
		messages, _, next, err := s.client.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: m.Ref.ID, Cursor: cursor, Oldest: oldest, Limit: findLimit, IncludeAllMetadata: true})
		return messages, next, err
	}
	r, err := s.client.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: channel, Cursor: cursor, Oldest: oldest, Limit: findLimit, IncludeAllMetadata: true})
	if err != nil {
		return nil, "", err
	}
	return r.Messages, r.ResponseMetaData.NextCursor, nil
}
