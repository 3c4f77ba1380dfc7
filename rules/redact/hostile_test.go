package redact

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// hostile are texts that make a careless scanner quadratic.
var hostile = map[string]string{
	"names without end":          "password='",
	"names and signs":            "password=",
	"quotes":                     `"'`,
	"backslashes":                `\`,
	"escaped quotes":             `\"`,
	"user parts":                 "http://a:b",
	"at signs":                   "a@",
	"user, password, host":       "a:b@",
	"frames":                     "-----BEGIN RSA PRIVATE KEY-----\n",
	"ends":                       "-----END RSA PRIVATE KEY-----",
	"token heads":                "eyJhbGciOi.",
	"marks":                      "[REDACTED:password]",
	"marks that are none":        "[REDACTED:",
	"digits":                     "4",
	"groups of digits":           "4111 ",
	"percent":                    "%25",
	"unicode escapes":            `\u0022`,
	"base64":                     "QUFB",
	"base64 of text":             "cGFzc3dvcmQ9",
	"hex of text":                "70617373",
	"vendor heads":               "sk_live_",
	"vendor names":               "facebook:",
	"parameters":                 "[SQL: INSERT INTO a (password) VALUES (%s)]\n[parameters: (",
	"arguments":                  "Message: %s\nArguments: ('",
	"commands":                   "curl -u ",
	"cookies":                    "Cookie: a=b;",
	"authorization":              "Authorization: Digest a=",
	"braces":                     "{'password': [",
	"pairs":                      "('password', '",
	"tags":                       "<password ",
	"lookalikes":                 "ｐａｓｓ",
	"zero width":                 "p\u200ba\u200bss=",
	"hashes":                     "$2b$",
	"webhooks":                   "hooks.slack.com/",
	"spaces":                     "password is ",
	"yaml":                       "password: |\n  ",
	"commas":                     "password=a,",
	"json":                       `{"password":`,
	"phone":                      "+1 ",
	"iban":                       "DE89",
	"key then a space":           "token for ",
	"cut values":                 `password=\"`,
	"entities":                   "&quot;",
	"deep percent":               "%2525252525",
	"names of the other scripts": "пароль=",
}

func TestAMebibyteOfAnythingIsLinear(t *testing.T) {
	r := shared()
	for name, unit := range hostile {
		text := []byte(strings.Repeat(unit, (1<<20)/len(unit)))
		var s Scratch
		start := time.Now()
		res := r.Redact(&s, text, nil)
		spent := budgetBase + budgetPerByte*len(text) - s.work
		if testing.Verbose() {
			fmt.Printf("%-30s %8.1f ms  %6.1f work/byte  withheld %q findings %d\n", name, float64(time.Since(start).Microseconds())/1000, float64(spent)/float64(len(text)), res.Withheld, len(res.Findings))
		}
		// one step over the budget is the most that a scanner may take
		if s.work < -(1 << 22) {
			t.Errorf("%s: %d over the budget", name, -s.work)
		}
	}
}
