package redact

import (
	"strings"
	"testing"
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
	"heads of pickles":           `b'\x80\x04\x95`,
	"open pickles":               `'\x80\x02X\x01\x00\x00\x00`,
	"pickles of a mark":          `'\x80\x02X\xff\xff\x00\x00[REDACTED:password]`,
	"base64 of pickles":          "gASVgASV ",
	"pickles in hexadecimal":     "80049580049580049580 ",
	"manifests":                  "kind: Secret\ndata:\n a: ",
	"complaints":                 `('password',), 'input `,
	"leaders":                    "password.....",
	"arrows":                     `password="a" => `,
	"dates by chance":            "a1b2c3dob4pw=",
	"hex with hyphens":           "-be59976",
}

// work returns how much work a text costs and whether it was withheld.
func work(r *Redactor, unit string, size int) (int, bool) {
	var s Scratch
	text := []byte(strings.Repeat(unit, size/len(unit)))
	res := r.Redact(&s, text, nil)
	return budgetBase + budgetPerByte*len(text) - s.work, res.Withheld != ""
}

func TestNoTextCostsMoreThanItsLengthAllows(t *testing.T) {
	r := shared()
	for name, unit := range hostile {
		once, withheld := work(r, unit, 96<<10)
		twice, withheldToo := work(r, unit, 192<<10)
		if !withheld && !withheldToo && twice > once*5/2 {
			t.Errorf("%s: twice the text costs %.1f times the work", name, float64(twice)/float64(once))
		}
		// a scanner may overdraw the budget by its last step, never by more
		if limit := budgetBase + budgetPerByte*(192<<10) + 1<<18; twice > limit {
			t.Errorf("%s: %d of work, the limit is %d", name, twice, limit)
		}
	}
}

func BenchmarkHostileMebibyte(b *testing.B) {
	for name, unit := range hostile {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			text := []byte(strings.Repeat(unit, (1<<20)/len(unit)))
			var s Scratch
			b.SetBytes(1 << 20)
			for b.Loop() {
				shared().Redact(&s, text, nil)
			}
		})
	}
}
