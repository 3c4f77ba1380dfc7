package spool

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"destring/rules"
)

// BenchmarkAppend appends records of about 300 bytes and waits for each 1,000 of them, on
// the file systems that the machine has. One op is one record.
func BenchmarkAppend(b *testing.B) {
	for _, place := range []string{"/dev/shm", ""} {
		if place != "" {
			if _, err := os.Stat(place); err != nil {
				continue
			}
		}
		for _, codec := range []Codec{None, LZ4, Zstd} {
			name := map[string]string{"": "disk", "/dev/shm": "tmpfs"}[place] + "/" + codec.String()
			b.Run(name, func(b *testing.B) { benchAppend(b, place, codec, 1000) })
		}
	}
}

func benchAppend(b *testing.B, place string, codec Codec, batch int) {
	dir, err := os.MkdirTemp(place, "spool-bench-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s := openSpool(b, Config{Dir: dir, Codec: codec})
	defer s.Close()
	r := reader(b, s, "publisher")
	r.Filter(func(*Frame) bool { return false })
	rec := benchRecord()
	b.SetBytes(int64(rec.Size()))
	b.ReportAllocs()
	cpu := cpuTime()
	b.ResetTimer()
	for i := 0; i < b.N; i += batch {
		var t Ticket
		for range min(batch, b.N-i) {
			if t, err = s.Append("celery.logs.v1", int32(i/batch%6), rec); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Wait(b.Context(), t); err != nil {
			b.Fatal(err)
		}
		if i%(1<<20) < batch { // keep the disk small
			b.StopTimer()
			tryNext(b, r)
			r.persistPassed()
			b.StartTimer()
		}
	}
	b.StopTimer()
	b.ReportMetric((cpuTime()-cpu).Seconds()/float64(b.N)*1e6, "cpu-s/M")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rec/s")
}

func benchRecord() *rules.Clean {
	return testEngine.State(rules.Statement{Topic: rules.Logs, Action: "bench", Time: 1_700_000_000_000_000_000,
		Message: "Task proj.tasks.send_invoice[6b2d3c4e-0f1a-4b5c-8d6e-7f8091a2b3c4] " + strings.Repeat("x", 10)})
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
