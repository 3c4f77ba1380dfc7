package redact_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"destring/rules/redact"
)

const cleanLine = `[2026-03-10 16:01:03,314: INFO/ForkPoolWorker-3] Task mailer.tasks.cleanup[16402447-c3ca-4a57-8e69-3dcf18630bcc] succeeded in 6.578212077715s: {'rows': 1415, 'path': '/var/spool/app/report-2026-03.csv', 'status': 'done', 'queue': 'celery', 'took': 0.3128, 'host': 'db-1.internal', 'items': [195, 272, 580], 'ok': True}`

const shortLine = `[2026-03-10 16:01:03,314: INFO/ForkPoolWorker-3] Task mailer.tasks.cleanup[16402447-c3ca-4a57-8e69-3dcf18630bcc] succeeded in 6.578s: True`

func bench(b *testing.B, line []byte) {
	r := newRedactor(b, redact.Options{})
	var s redact.Scratch
	r.Redact(&s, line, nil)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		r.Redact(&s, line, nil)
	}
}

func BenchmarkCleanInfoLine(b *testing.B) { bench(b, []byte(cleanLine)) }

// A connection that has seen more secrets than it remembers.
func BenchmarkCleanInfoLineWithAFullMemory(b *testing.B) {
	r := newRedactor(b, redact.Options{})
	var s redact.Scratch
	for i := range 80 {
		r.Redact(&s, fmt.Appendf(nil, "password=Q%dx-vPw%d#kk", i*7919, i*104729), nil)
	}
	line := []byte(cleanLine)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		r.Redact(&s, line, nil)
	}
}

func BenchmarkCleanShortLine(b *testing.B) { bench(b, []byte(shortLine)) }

func BenchmarkLineWithSecret(b *testing.B) {
	bench(b, []byte(strings.Replace(cleanLine, "'ok': True", "'db_password': 'aB3xyz9Q-kk'", 1)))
}

func BenchmarkLineWithVendorToken(b *testing.B) {
	bench(b, []byte(strings.Replace(cleanLine, "'ok': True", "'key': '"+"AKIA"+"Q2ZXQ2ZXQ2ZXQ2ZX'", 1)))
}

func BenchmarkReprRows131kB(b *testing.B) {
	var line bytes.Buffer
	for i := 0; line.Len() < 131<<10; i++ {
		fmt.Fprintf(&line, "{'id': %d, 'sku': 'SKU-%06X', 'qty': %d, 'note': 'ok'}, ", i, i*7919, i%50)
	}
	bench(b, line.Bytes())
}

func BenchmarkBase64_131kB(b *testing.B) {
	line := bytes.Repeat([]byte("iVBORw0KGgoAAAANSUhEUgAAmghW2erR+2u"), 131<<10/35)
	bench(b, line)
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newRedactor(b, redact.Options{})
	}
}
