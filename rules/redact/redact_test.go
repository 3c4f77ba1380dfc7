package redact_test

import (
	"strings"
	"testing"

	"destring/rules/event"
	"destring/rules/redact"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

func newRedactor(t testing.TB, o redact.Options) *redact.Redactor {
	t.Helper()
	if o.Key == nil {
		o.Key = testKey
	}
	r, err := redact.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func redacted(r *redact.Redactor, line string) string {
	var s redact.Scratch
	res := r.Redact(&s, []byte(line), nil)
	return string(res.Text)
}

func TestOnlyTheSecretGoes(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for name, c := range map[string]struct{ line, want string }{
		"a keyword argument":       {`kwargs={'password': 'Tr0ub4dor', 'n': 3}`, `kwargs={'password': '[REDACTED:password]', 'n': 3}`},
		"JSON in a repr":           {`kwargs={'p': '{"db_password": "aB3xyz9Q", "v": 2}'}`, `kwargs={'p': '{"db_password": "[REDACTED:password]", "v": 2}'}`},
		"a number in JSON":         {`{"pin": 4821, "n": 1}`, `{"pin": "[REDACTED:pin]", "n": 1}`},
		"a broker's password":      {`Connected to amqp://app:s3cr3t@rabbit:5672//`, `Connected to amqp://app:[REDACTED:url-password]@rabbit:5672//`},
		"a masked broker password": {`Cannot connect to amqp://celery:**@rabbit:5672//`, `Cannot connect to amqp://celery:**@rabbit:5672//`},
		"prose":                    {`password must be at least 8 characters`, `password must be at least 8 characters`},
		"a count":                  {`token_count=512 secret_santa=True`, `token_count=512 secret_santa=True`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redacted(r, c.line); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAnIdentifierOfTheRecordStays(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	const line = "token=ab12cd34ef56ab78cd90"
	var s redact.Scratch
	res := r.Redact(&s, []byte(line), []event.Span{{Start: 6, End: uint32(len(line))}})
	if string(res.Text) != line {
		t.Errorf("got %s", res.Text)
	}
	secret := "AKIA" + "Q2ZX7KLMNPV5WRTB"
	res = r.Redact(&s, []byte("id="+secret), []event.Span{{Start: 3, End: 23}})
	if strings.Contains(string(res.Text), secret) {
		t.Errorf("a critical secret hides in an identifier: %s", res.Text)
	}
}
