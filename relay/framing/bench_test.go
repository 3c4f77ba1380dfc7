package framing_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"destring/relay/framing"
)

// endless gives the same bytes again and again, up to 16 KiB a read as TLS does.
type endless struct {
	data []byte
	at   int
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 16<<10)], e.data[e.at:])
	e.at = (e.at + n) % len(e.data)
	e.left -= n
	return n, nil
}

func BenchmarkNext(b *testing.B) {
	msg := "<14>1 2026-11-23T00:08:12.814198+00:00 shop-a celery 4132 - - [2026-11-23 00:08:12,807: INFO/MainProcess] Task shop.tasks.price_order[2cc20ac6-1679-49db-adc9-a5c368721778] succeeded in 0.043637092999915694s: {'order': 'O-1', 'total': 39.0, 'currency': 'EUR', 'lines': 2, 'customer': 'c-1042', 'note': 'ok'}"
	for name, frame := range map[string]string{
		"octet":             fmt.Sprintf("%d %s", len(msg), msg),
		"lf":                msg + "\n",
		"nul":               "<14>" + msg[60:] + "\x00",
		"lf with traceback": msg + "\n  File \"/opt/shop/tasks.py\", line 12, in charge\n    raise ValueError(amount)\nValueError: 12\n",
	} {
		b.Run(name, func(b *testing.B) {
			data := bytes.Repeat([]byte(frame), 1000)
			r := framing.NewReader(&endless{data: data, left: len(frame) * (b.N + 1)}, framing.Options{})
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
