package syslog_test

import (
	"testing"

	"destring/relay/syslog"
	"destring/rules/event"
)

func BenchmarkParse(b *testing.B) {
	const text = "[2026-11-23 00:08:12,807: INFO/ForkPoolWorker-3] Task shop.tasks.price_order[2cc20ac6-1679-49db-adc9-a5c368721778] succeeded in 0.043637092999915694s: {'order': 'O-1', 'total': 39.0, 'currency': 'EUR', 'lines': 2}"
	for _, c := range []struct{ name, frame string }{
		{"5424", "<14>1 2026-11-23T00:08:12.814198+00:00 shop-a.example.com celery.app.trace 4132 - [app@32473 env=\"prod\"] \xEF\xBB\xBF" + text},
		{"5424 with escapes", `<14>1 2026-11-23T00:08:12.814198+00:00 shop-a.example.com celery.app.trace 4132 - [app@32473 env="pr\"od" path="C:\\x"] ` + text},
		{"5424 without SD", "<14>1 2026-11-23T00:08:12.814198+00:00 shop-a.example.com celery.app.trace 4132 - - " + text},
		{"3164", "<14>Nov 23 00:08:12 shop-a.example.com celery[4132]: " + text},
		{"3164 with RFC 3339 time", "<14>2026-11-23T00:08:12.814198+00:00 shop-a.example.com celery[4132]: " + text},
		{"cisco", "<189>29: router-1: *Nov 23 13:58:40.411: %SYS-5-CONFIG_I: Configured from console by console"},
		{"bare", "<14>" + text},
		{"invalid UTF-8", "<14>1 2026-11-23T00:08:12.814198+00:00 shop-a celery 4132 - - caf\xe9 " + text},
	} {
		b.Run(c.name, func(b *testing.B) {
			var p syslog.Parser
			var ev event.Event
			frame := []byte(c.frame)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				ev.Reset()
				p.Parse(frame, receivedAt, &ev)
			}
			if ev.Fault != "" || ev.Message.Empty() {
				b.Fatal(ev.Fault)
			}
		})
	}
}
