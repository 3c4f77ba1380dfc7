package slack

import (
	"github.com/slack-go/slack"

	"destring/alerting"
)

// Ids of the buttons; the value of each is the alert's id.
const (
	actionAck       = "destring_ack"
	actionHour      = "destring_silence_1h"
	actionDay       = "destring_silence_24h"
	actionFalseTrue = "destring_false_positive"
)

func buttons(a *alerting.Alert) slack.Block {
	var row []slack.BlockElement
	for _, b := range []struct{ id, text string }{{actionAck, "Acknowledge"}, {actionHour, "Silence 1 h"}, {actionDay, "Silence 24 h"}, {actionFalseTrue, "False positive"}} {
		if b.id == actionAck && a.Status == alerting.Acknowledged {
			continue
		}
		row = append(row, slack.NewButtonBlockElement(b.id, a.ID, slack.NewTextBlockObject(slack.PlainTextType, b.text, false, false)))
	}
	return slack.NewActionBlock("", row...)
}
