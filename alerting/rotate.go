package alerting

import (
	"slices"
	"strings"
)

// advice is what to do about one kind of secret.
type advice struct {
	words []string // that a part of the detector's name or class begins with
	steps []string
}

// advices are looked through in order; the first that fits is given.
var advices = []advice{
	{[]string{"aws"}, []string{"IAM → the user → Security credentials: make a second key, deploy it, then make the old one inactive and delete it.",
		"Look in CloudTrail for calls by the old access key id since the first time seen.", "For session tokens (ASIA…): revoke the role's active sessions."}},
	{[]string{"gcp", "google"}, []string{"IAM → Service accounts → Keys: add a key, deploy it, delete the old one.", "Look in Cloud Audit Logs for calls by the old key id."}},
	{[]string{"azure"}, []string{"Regenerate the second key, deploy it, then regenerate the first.", "Look in the activity and sign-in logs for use since the first time seen."}},
	{[]string{"github", "gitlab", "bitbucket"}, []string{"Revoke the token in the account's or organisation's token settings; make a new one with fewer scopes.", "Look in the audit log for clones and pushes by it."}},
	{[]string{"slack"}, []string{"Revoke it (auth.revoke, or App settings → OAuth & Permissions → Revoke); reinstall the app for a new one.", "For a webhook URL: remove the webhook and add another."}},
	{[]string{"stripe", "paypal", "square"}, []string{"Developers → API keys: roll the key; choose the shortest overlap.", "Look through the account's request log since the first time seen."}},
	{[]string{"npm", "pypi", "rubygems", "docker"}, []string{"Revoke the token at the registry and publish with a new one.", "Check the versions published since the first time seen."}},
	{[]string{"private", "pem", "ssh", "pgp"}, []string{"Make a new key pair and put the new public key or certificate in use.", "Revoke the old certificate; remove the old public key from every authorized_keys."}},
	{[]string{"jwt", "bearer", "session", "cookie", "oauth"}, []string{"End the session or revoke the token at its issuer.", "If the signing key may have leaked as well, rotate it."}},
	{[]string{"dsn", "url", "connection", "database", "broker", "redis", "amqp", "postgres", "mysql", "mongo"}, []string{"Change the password of the account that the URL names, deploy it, then restart the workers.",
		"Look in the server's log for logins from unknown addresses."}},
	{[]string{"card", "pan", "iban", "email", "pii", "personal", "ssn", "phone"}, []string{"Personal data cannot be rotated: tell the data protection officer.", "Stop the task from logging it; delete copies outside destring."}},
}

var anySecret = []string{"Find out what the value opens, replace it there, deploy the new one, then withdraw the old one.", "Stop the task from logging it: log a name or an id instead."}

// Steps returns what to do to make the secret worthless; nil without a finding.
func Steps(f *Finding) []string {
	if f.Detector == "" && f.Class == "" {
		return nil
	}
	parts := strings.FieldsFunc(strings.ToLower(f.Detector+" "+f.Class), func(r rune) bool { return r < 'a' || r > 'z' })
	for _, a := range advices {
		for _, w := range a.words {
			if slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, w) }) {
				return a.steps
			}
		}
	}
	return anySecret
}
