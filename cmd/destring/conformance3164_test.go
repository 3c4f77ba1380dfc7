package main

import (
	"strings"
	"time"
)

// bsdCases are RFC 3164 as the world sends it. Times without year are written as of now, whole seconds.
func bsdCases(now time.Time) (all []wire) {
	bsd, at := now.Format("Jan _2 15:04:05"), now.Truncate(time.Second).Format(time.RFC3339)
	old := now.AddDate(0, -4, 0) // four months back may be last year
	iso := "2026-05-01T20:51:40.807000+02:00"
	const celery = "[2026-05-01 20:51:40,807: INFO/MainProcess] Task shop.add[0b1f2c3d-0000-4000-8000-000000000001] received"
	const lineAt = "2026-05-01T20:51:40.807Z"
	cases := []struct {
		name, message string
		want          sent
	}{
		{"tag and pid", "<13>" + bsd + " host app[77]: text", sent{time: at, host: "host", app: "app", proc: "77", text: "text"}},
		{"tag", "<13>" + bsd + " host app: text", sent{time: at, host: "host", app: "app", text: "text"}},
		{"tag with a path", "<13>" + bsd + " host /usr/sbin/cron[77]: text", sent{time: at, host: "host", app: "/usr/sbin/cron", proc: "77", text: "text"}},
		{"tag with dots and hyphens", "<13>" + bsd + " host my-app.service[77]: text", sent{time: at, host: "host", app: "my-app.service", proc: "77", text: "text"}},
		{"tag and text without space", "<13>" + bsd + " host app[77]:text", sent{time: at, host: "host", app: "app", proc: "77", text: "text"}},
		{"no text", "<13>" + bsd + " host app[77]:", sent{time: at, host: "host", app: "app", proc: "77"}},
		{"text with colons", "<13>" + bsd + " host app: a: b: c", sent{time: at, host: "host", app: "app", text: "a: b: c"}},
		{"fully qualified host", "<13>" + bsd + " host.shop.example app[77]: text", sent{time: at, host: "host.shop.example", app: "app", proc: "77", text: "text"}},
		{"IPv4 host", "<13>" + bsd + " 192.0.2.7 app[77]: text", sent{time: at, host: "192.0.2.7", app: "app", proc: "77", text: "text"}},
		{"IPv6 host", "<13>" + bsd + " 2001:db8::7 app[77]: text", sent{time: at, host: "2001:db8::7", app: "app", proc: "77", text: "text"}},
		{"no host", "<13>" + bsd + " app[77]: text", sent{time: at, app: "app", proc: "77", text: "text"}},
		{"no host and no pid", "<13>" + bsd + " app: text", sent{time: at, app: "app", text: "text"}},
		{"the example of the RFC", "<34>" + bsd + " mymachine su: 'su root' failed for lonvick on /dev/pts/8", sent{pri: "34", time: at, host: "mymachine", app: "su", text: "'su root' failed for lonvick on /dev/pts/8"}},
		{"RFC 3339 time as rsyslog forwards", "<13>" + iso + " host app[77]: text", sent{time: iso, host: "host", app: "app", proc: "77", text: "text"}},
		{"RFC 3339 time in UTC", "<13>2026-05-01T20:51:40Z host app[77]: text", sent{time: "2026-05-01T20:51:40Z", host: "host", app: "app", proc: "77", text: "text"}},
		{"ISO time without zone", "<13>2026-05-01T20:51:40 host app[77]: text", sent{time: "2026-05-01T20:51:40Z", host: "host", app: "app", proc: "77", text: "text"}},
		{"year behind the day", "<13>May  1 2026 20:51:40 host app[77]: text", sent{time: "2026-05-01T20:51:40Z", host: "host", app: "app", proc: "77", text: "text"}},
		{"year behind the time", "<13>May  1 20:51:40 2026 host app[77]: text", sent{time: "2026-05-01T20:51:40Z", host: "host", app: "app", proc: "77", text: "text"}},
		{"year first", "<13>2026 May  1 20:51:40 host app[77]: text", sent{time: "2026-05-01T20:51:40Z", host: "host", app: "app", proc: "77", text: "text"}},
		{"milliseconds", "<13>" + bsd + ".250 host app[77]: text", sent{time: strings.Replace(at, "Z", ".250Z", 1), host: "host", app: "app", proc: "77", text: "text"}},
		{"months back", "<13>" + old.Format("Jan _2 15:04:05") + " host app[77]: text", sent{time: old.Truncate(time.Second).Format(time.RFC3339), host: "host", app: "app", proc: "77", text: "text"}},
		{"day of two digits with a zero", "<13>" + now.Format("Jan 02 15:04:05") + " host app[77]: text", sent{time: at, host: "host", app: "app", proc: "77", text: "text"}},
		{"bare PRI and text", "<13>text of Python's handler", sent{text: "text of Python's handler"}},
		{"bare PRI, tag and pid", "<13>app[77]: text", sent{app: "app", proc: "77", text: "text"}},
		{"bare PRI and a line of Celery", "<13>" + celery, sent{time: lineAt, text: celery}},
		{"a line of Celery behind a tag", "<13>" + bsd + " host celery[77]: " + celery, sent{time: lineAt, host: "host", app: "celery", proc: "77", text: celery}},
		{"a line of Celery and no tag", "<13>" + bsd + " host " + celery, sent{time: lineAt, host: "host", text: celery}},
		{"a task's line and no tag", "<13>" + bsd + " host Task shop.add[0b1f2c3d-0000-4000-8000-000000000001] received", sent{time: at, host: "host", text: "Task shop.add[0b1f2c3d-0000-4000-8000-000000000001] received"}},
		{"Cisco ASA", "<166>" + bsd + ": %ASA-6-302013: Built inbound TCP connection", sent{pri: "166", time: at, app: "%ASA-6-302013", text: "Built inbound TCP connection"}},
		{"Cisco ASA with year and host", "<166>May 01 2026 20:51:40 fw-1 : %ASA-6-302013: Built", sent{pri: "166", time: "2026-05-01T20:51:40Z", host: "fw-1", app: "%ASA-6-302013", text: "Built"}},
		{"Cisco IOS with sequence", "<189>45: *" + bsd + ".123: %SYS-5-CONFIG_I: Configured", sent{pri: "189", time: strings.Replace(at, "Z", ".123Z", 1), app: "%SYS-5-CONFIG_I", text: "Configured"}},
		{"Cisco EMBLEM", "<189>fw-1: " + bsd + ": %ASA-5-111008: User executed", sent{pri: "189", time: at, host: "fw-1", app: "%ASA-5-111008", text: "User executed"}},
		{"kernel", "<6>" + bsd + " host kernel: [   12.345678] eth0: link up", sent{pri: "6", time: at, host: "host", app: "kernel", text: "[   12.345678] eth0: link up"}},
		{"JSON behind the tag", "<13>" + bsd + ` host app[77]: {"levelname": "INFO", "message": "x"}`, sent{time: at, host: "host", app: "app", proc: "77", text: `{"levelname": "INFO", "message": "x"}`}},
		{"other characters", "<13>" + bsd + " host app[77]: Grüße ✓", sent{time: at, host: "host", app: "app", proc: "77", text: "Grüße ✓"}},
		{"no PRI, a whole header", bsd + " host app[77]: text", sent{pri: "-", time: at, host: "host", app: "app", proc: "77", text: "text"}},
	}
	for _, c := range cases {
		switch c.want.pri {
		case "":
			c.want.pri = "13"
		case "-":
			c.want.pri = ""
		}
		all = append(all, each("RFC 3164: "+c.name, c.message, c.want)...)
	}
	for _, stamp := range []string{"Foo  1 20:51:40", "May 32 20:51:40", "Feb 30 20:51:40", "May  1 25:51:40", "May  1 20:61:40", "May  1", "20:51:40"} {
		m := stamp + " host app[77]: text"
		all = append(all, each("RFC 3164: no time "+stamp, "<13>"+m, sent{pri: "13", text: m})...)
	}
	return all
}
