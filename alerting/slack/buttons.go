package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"destring/alerting"
)

// Ids of the buttons; the value of each is the alert's id.
const (
	actionAck        = "destring_ack"
	actionHour       = "destring_silence_1h"
	actionDay        = "destring_silence_24h"
	actionFalseAlarm = "destring_false_positive"
)

func buttons(a *alerting.Alert) slack.Block {
	var row []slack.BlockElement
	for _, b := range []struct{ id, text string }{{actionAck, "Acknowledge"}, {actionHour, "Silence 1 h"}, {actionDay, "Silence 24 h"}, {actionFalseAlarm, "False positive"}} {
		if b.id == actionAck && a.Status == alerting.Acknowledged {
			continue
		}
		row = append(row, slack.NewButtonBlockElement(b.id, a.ID, slack.NewTextBlockObject(slack.PlainTextType, b.text, false, false)))
	}
	return slack.NewActionBlock("", row...)
}

// Alerts is what the buttons act on: an alerting.Alerter.
type Alerts interface {
	Ack(id, by, note string) error
	SilenceAlert(id string, d time.Duration, by, reason string) (alerting.Silence, error)
	FalsePositive(id, by string) (alerting.Proposal, error)
	Denied(by, what string)
}

// Listen waits for clicks on the buttons until ctx ends, by Socket Mode: we connect to Slack, nobody
// to us. It connects again for ever; it returns early only without an app token. A click
// counts when its user is in Config.Users; every other is put on record by Denied.
func (c *Client) Listen(ctx context.Context, alerts Alerts, log *slog.Logger) error {
	if !c.layout.buttons {
		return errors.New("slack: the buttons need an app-level token")
	}
	wait := time.Second
	for {
		began := time.Now()
		err := c.session(ctx, alerts, log)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		log.Warn("slack: the connection for the buttons ended; connecting again", "reason", classify(err).Error(), "wait", wait.String())
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait = min(2*wait, 5*time.Minute)
	}
}

// session is one connection and those that Slack asks to follow it.
func (c *Client) session(ctx context.Context, alerts Alerts, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	socket := socketmode.New(c.api, socketmode.OptionReadLimit(1<<20))
	ended := make(chan error, 1)
	go func() { ended <- socket.RunContext(ctx) }() // ends with ctx, at the latest
	for {
		select {
		case e := <-socket.Events:
			c.event(ctx, socket, e, alerts, log)
		case err := <-ended:
			return err
		}
	}
}

// event handles one event. The click is acted on first and confirmed then, so that a crash in
// between shows the person that nothing happened.
func (c *Client) event(ctx context.Context, socket *socketmode.Client, e socketmode.Event, alerts Alerts, log *slog.Logger) {
	if e.Request == nil || e.Type == socketmode.EventTypeHello {
		return
	}
	if click, ok := e.Data.(slack.InteractionCallback); ok && click.Type == slack.InteractionTypeBlockActions {
		for _, action := range click.ActionCallback.BlockActions {
			c.click(ctx, &click, action, alerts, log)
		}
	}
	if err := socket.AckCtx(ctx, e.Request.EnvelopeID, nil); err != nil && ctx.Err() == nil {
		log.Warn("slack: a click could not be confirmed", "reason", classify(err).Error())
	}
}

var (
	userID  = regexp.MustCompile(`^[UW][A-Z0-9]{5,20}$`)
	alertID = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// click does what one button says.
func (c *Client) click(ctx context.Context, click *slack.InteractionCallback, action *slack.BlockAction, alerts Alerts, log *slog.Logger) {
	by := "slack:" + click.User.ID // the name is the user's to choose, the id is not
	switch {
	case !userID.MatchString(click.User.ID) || !alertID.MatchString(action.Value):
		log.Warn("slack: a click that is none of ours")
		return
	case !slices.Contains(c.config.Users, click.User.ID):
		alerts.Denied(by, "clicked "+known(action.ActionID)+" on alert "+action.Value+" without being allowed to")
		c.whisper(ctx, click, "You are not among those who may do this: alerts.slack.users names them.", log)
		return
	}
	said, err := act(alerts, action.ActionID, action.Value, by)
	if err != nil {
		said = "It did not work: " + err.Error()
	}
	c.whisper(ctx, click, said, log)
}

// known is one of our ids, for whoever forges a click may write anything.
func known(id string) string {
	if slices.Contains([]string{actionAck, actionHour, actionDay, actionFalseAlarm}, id) {
		return id
	}
	return "an unknown button"
}

// act does what button id says and returns what to tell the person.
func act(alerts Alerts, id, alert, by string) (string, error) {
	switch id {
	case actionAck:
		return "Acknowledged. It is not posted again until it was resolved and came back.", alerts.Ack(alert, by, "")
	case actionHour, actionDay:
		d := time.Hour
		if id == actionDay {
			d = 24 * time.Hour
		}
		s, err := alerts.SilenceAlert(alert, d, by, "by button in Slack")
		return fmt.Sprintf("Silenced until %s. To end it: destring silence expire %s", s.End.UTC().Format("2006-01-02 15:04 UTC"), s.ID), err
	case actionFalseAlarm:
		p, err := alerts.FalsePositive(alert, by)
		return "Silenced for a day. To allow it for good, put this into the policy:\n" + p.Allow + "\nand this line into its test:\n" + p.Test, err
	}
	return "", errors.New("this button is not known to this version of destring")
}

// whisper tells the person alone.
func (c *Client) whisper(ctx context.Context, click *slack.InteractionCallback, what string, log *slog.Logger) {
	if !channelID.MatchString(click.Channel.ID) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	options := []slack.MsgOption{slack.MsgOptionText("destring answers your click", false), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
		slack.MsgOptionBlocks(preformatted("", what, maxSection))}
	if click.Message.Timestamp != "" {
		options = append(options, slack.MsgOptionTS(click.Message.Timestamp))
	}
	if _, err := c.api.PostEphemeralContext(ctx, click.Channel.ID, click.User.ID, options...); err != nil {
		log.Warn("slack: a click could not be answered", "reason", classify(err).Error())
	}
}
