// Package slack posts alerts to Slack: with a bot token (messages that are edited, threads,
// buttons by Socket Mode), or through an incoming webhook, which can only post.
//
// What came out of a log is only ever in plain_text and rich_text_preformatted elements: there
// Slack parses no mention, link or format. (slack-go escapes nothing in blocks: measured, a mrkdwn
// section with "<!channel> <https://evil|click>" goes out live.) It is escaped first and cut then, at a
// rune and entity border. A mrkdwn element holds our own words, numbers and mentions from the
// configuration. The webhook's URL and the tokens are in no error: net/http's errors hold
// the URL, so alerting.Egress takes them apart.
package slack
