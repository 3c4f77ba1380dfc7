package spool

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
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
	recs := benchRecords()
	b.SetBytes(int64(recs[0].Size()))
	b.ReportAllocs()
	cpu := cpuTime()
	b.ResetTimer()
	for i := 0; i < b.N; i += batch {
		var t Ticket
		for j := range min(batch, b.N-i) {
			if t, err = s.Append("celery.logs.v1", int32(i/batch%6), recs[(i+j)%len(recs)]); err != nil {
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

// benchRecords are of about 590 bytes and compress as real ones do: ids and times differ.
func benchRecords() (recs []*rules.Clean) {
	rng := rand.New(rand.NewPCG(1, 1))
	tasks := []string{"send_invoice", "resize_image", "sync_account", "purge_sessions"}
	for i := range 4096 {
		id := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", rng.Uint32(), rng.Uint32N(1<<16), rng.Uint32N(1<<12), rng.Uint32N(1<<12), rng.Uint64N(1<<48))
		recs = append(recs, testEngine.State(rules.Statement{Topic: rules.Logs, Action: "bench", Time: 1_700_000_000_000_000_000 + int64(i)*1e6,
			Message: fmt.Sprintf("Task proj.tasks.%s[%s] succeeded in %.6fs: None", tasks[i%4], id, rng.Float64())}))
	}
	return recs
}

// BenchmarkRead reads, checks and decrypts what was appended. One op is one record.
func BenchmarkRead(b *testing.B) {
	for _, codec := range []Codec{None, LZ4, Zstd} {
		b.Run(codec.String(), func(b *testing.B) {
			s := openSpool(b, Config{Dir: b.TempDir(), Codec: codec})
			recs := benchRecords()
			var t Ticket
			for i := range b.N {
				var err error
				if t, err = s.Append("celery.logs.v1", int32(i/1000%6), recs[i%len(recs)]); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Wait(b.Context(), t); err != nil {
				b.Fatal(err)
			}
			r := reader(b, s, "publisher")
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; {
				f, err := r.Next(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				n += f.Count
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rec/s")
		})
	}
}

// BenchmarkCommit makes a reader's place and 1 KiB of state durable.
func BenchmarkCommit(b *testing.B) {
	s := openSpool(b, Config{Dir: b.TempDir()})
	appendAll(b, s, 0, 1)
	r := reader(b, s, "publisher")
	f, _ := tryNext(b, r)
	state := make([]byte, 1024)
	b.ResetTimer()
	for i := range b.N {
		binary.BigEndian.PutUint64(state, uint64(i))
		if err := r.Commit(f.Position, state); err != nil {
			b.Fatal(err)
		}
	}
}

var backlog = flag.Int64("bench.backlog", 256<<20, "bytes of backlog in BenchmarkStart")

// BenchmarkStart opens a spool with a backlog and reads its first frame. Try it with
// -bench.backlog 10737418240.
func BenchmarkStart(b *testing.B) {
	cfg := Config{Dir: b.TempDir(), MaxSize: 20 << 30}
	s := openSpool(b, cfg)
	recs := benchRecords()
	for size, i := int64(0), 0; size < *backlog; i++ {
		if _, err := s.Append("celery.logs.v1", int32(i/1000%6), recs[i%len(recs)]); err != nil {
			b.Fatal(err)
		}
		size += int64(recs[0].Size())
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		s := openSpool(b, cfg)
		if _, ok := tryNext(b, reader(b, s, "publisher")); !ok {
			b.Fatal("no frame")
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
