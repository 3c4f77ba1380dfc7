package slack

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"destring/alerting"
)

// answers say what Slack's error codes mean for us; codes that are not in here are Retry after a minute,
// for they are faults of configuration or permission that somebody will mend.
var answers = map[string]alerting.DeliveryError{
	"ratelimited":  {Outcome: alerting.Retry, After: 30 * time.Second},
	"rate_limited": {Outcome: alerting.Retry, After: 30 * time.Second},

	"internal_error":         {Outcome: alerting.Unknown},
	"fatal_error":            {Outcome: alerting.Unknown}, // "some aspect of the operation may have succeeded"
	"service_unavailable":    {Outcome: alerting.Unknown},
	"request_timeout":        {Outcome: alerting.Unknown},
	"server_error":           {Outcome: alerting.Unknown},
	"rollup_error":           {Outcome: alerting.Retry},
	"accesslimited":          {Outcome: alerting.Retry, After: time.Minute},
	"team_added_to_org":      {Outcome: alerting.Retry, After: time.Minute},
	"message_limit_exceeded": {Outcome: alerting.Retry, After: 5 * time.Minute},

	"invalid_blocks":                 {Outcome: alerting.Rejected},
	"invalid_blocks_format":          {Outcome: alerting.Rejected},
	"invalid_payload":                {Outcome: alerting.Rejected},
	"invalid_arguments":              {Outcome: alerting.Rejected},
	"invalid_metadata_format":        {Outcome: alerting.Rejected},
	"invalid_metadata_schema":        {Outcome: alerting.Rejected},
	"metadata_too_large":             {Outcome: alerting.Rejected},
	"metadata_must_be_sent_from_app": {Outcome: alerting.Rejected},
	"msg_too_long":                   {Outcome: alerting.Rejected},
	"msg_blocks_too_long":            {Outcome: alerting.Rejected},
	"no_text":                        {Outcome: alerting.Rejected},
	"too_many_attachments":           {Outcome: alerting.Rejected},

	"message_not_found":       {Outcome: alerting.Gone},
	"cant_update_message":     {Outcome: alerting.Gone},
	"edit_window_closed":      {Outcome: alerting.Gone},
	"thread_not_found":        {Outcome: alerting.Gone},
	"cannot_reply_to_message": {Outcome: alerting.Gone},
}

// help says what to do about the codes that somebody has to act on.
var help = map[string]string{
	"invalid_auth":      "the token is not valid; make a new one in the app's settings",
	"not_authed":        "the token is empty",
	"token_revoked":     "the token was revoked; reinstall the app",
	"token_expired":     "the token has expired; reinstall the app",
	"account_inactive":  "the bot was removed from the workspace; reinstall the app",
	"not_in_channel":    "invite the bot into the channel: /invite @name",
	"channel_not_found": "there is no such channel, or the bot is not in it: /invite @name",
	"is_archived":       "the channel is archived; name another one",
	"missing_scope":     "the app lacks a scope: chat:write, and channels:history or groups:history to find messages again",
	"no_service":        "the incoming webhook is disabled or was removed",
	"no_active_hooks":   "the incoming webhook is disabled or was removed",
}

var code = regexp.MustCompile(`^[a-z][a-z0-9_]{1,63}$`)

// byCode is the error for an error code of Slack's, which may be any text: only what looks like a code is repeated.
func byCode(word string) *alerting.DeliveryError {
	word = strings.TrimSpace(word)
	if !code.MatchString(word) {
		return &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "Slack's answer was not understood"}
	}
	e, known := answers[word]
	if !known {
		e = alerting.DeliveryError{Outcome: alerting.Retry, After: time.Minute}
	}
	e.Reason = "Slack says " + word
	if h := help[word]; h != "" {
		e.Reason += ": " + h
	}
	return &e
}

// byStatus is the error for an HTTP status.
func byStatus(status int, after time.Duration) *alerting.DeliveryError {
	e := &alerting.DeliveryError{Outcome: alerting.Retry, After: after, Reason: "Slack answers with HTTP status " + strconv.Itoa(status)}
	switch {
	case status == http.StatusTooManyRequests && after == 0:
		e.After = 30 * time.Second
	case status >= 500:
		e.Outcome = alerting.Unknown // a gateway's 502 or 504 says nothing about what is behind it
	}
	return e
}

// classify makes a DeliveryError of what slack-go returns.
func classify(err error) *alerting.DeliveryError {
	var limited *slack.RateLimitedError
	var answer slack.SlackErrorResponse
	var status slack.StatusCodeError
	var done *alerting.DeliveryError
	switch {
	case errors.As(err, &done):
		return done
	case errors.As(err, &limited):
		return &alerting.DeliveryError{Outcome: alerting.Retry, After: max(limited.RetryAfter, time.Second), Reason: "Slack limits the rate"}
	case errors.As(err, &answer):
		return byCode(answer.Err)
	case errors.As(err, &status):
		return byStatus(status.Code, 0)
	}
	var net interface{ Timeout() bool }
	if errors.As(err, &net) {
		return alerting.WithoutURL(err)
	}
	return &alerting.DeliveryError{Outcome: alerting.Unknown, Reason: "Slack's answer was not understood"}
}

// unsearchable reports whether err says that the bot may not read the channel.
func unsearchable(err error) bool {
	var answer slack.SlackErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Err {
	case "missing_scope", "not_in_channel", "channel_not_found", "no_permission", "thread_not_found", "not_allowed_token_type", "method_not_supported_for_channel_type", "unknown_method", "team_access_not_granted":
		return true
	}
	return false
}
