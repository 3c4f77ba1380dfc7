package redact_test

import (
	"testing"

	"destring/rules/redact"
)

func TestAValueGoesInWhole(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for name, c := range map[string]struct{ line, want string }{
		"an address after a bracket":       {"[mjane.roe@shop.example]", "[[REDACTED:email]]"},
		"an address after a raw colour":    {"\x1b[31mjane.roe@shop.example\x1b[0m", "\x1b[31m[REDACTED:email]\x1b[0m"},
		"an address after an escaped one":  {`\x1b[31mjane.roe@shop.example`, `\x1b[31m[REDACTED:email]`},
		"an address after rsyslog's":       {"#033[31mjane.roe@shop.example", "#033[31m[REDACTED:email]"},
		"NUL in a value":                   {"password=hun\x00ter2secretXYZ next", "password=[REDACTED:password] next"},
		"control characters in a value":    {"password=hun\x01te\x0br2s\x1becretXYZ next", "password=[REDACTED:password] next"},
		"an environment":                   {"DB_PASSWORD=hunter2secret\x00HOME=/root", "DB_PASSWORD=[REDACTED:password]\x00HOME=/root"},
		"a colour behind a value":          {"password=hunter2secret\x1b[0m ok", "password=[REDACTED:password]\x1b[0m ok"},
		"pydantic's SecretStr":             {"Credentials(password=SecretStr('Zq9xVk2mPw'))", "Credentials(password=SecretStr('[REDACTED:password]'))"},
		"a name inside of a longer tuple":  {"('bob', 'password', 'Zq9xVk2mPw')", "('bob', 'password', '[REDACTED:password]')"},
		"a list of columns":                {"('id', 'password', 'addressLine2', 'created_at')", "('id', 'password', 'addressLine2', 'created_at')"},
		"a value on the line below":        {"password:\n    Zq9xVk2mPw\nnext", "password:\n    [REDACTED:password]\nnext"},
		"a value on rsyslog's line below":  {"password:#012    Zq9xVk2mPw#012next", "password:#012    [REDACTED:password]#012next"},
		"a quoted value on the line below": {"\"password\":\n    \"Zq9xVk2mPw\",\n", "\"password\":\n    \"[REDACTED:password]\",\n"},
		"prose on the line below":          {"password:\n    must hold 8 letters", "password:\n    must hold 8 letters"},
		"a word on the line below":         {"password:\n    required\n", "password:\n    required\n"},
		"a mapping on the line below":      {"password:\n  minimum8: 3\n", "password:\n  minimum8: 3\n"},
		"a line of a traceback":            {"KeyError: 'password'\n    raise ValueError(x1)", "KeyError: 'password'\n    raise ValueError(x1)"},
		"a getter":                         {"password=secrets.get('db_main1')", "password=secrets.get('db_main1')"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redacted(r, c.line); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}
