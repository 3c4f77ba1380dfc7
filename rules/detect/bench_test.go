package detect_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"destring/rules/detect"
	"destring/rules/event"
)

// mixedRules makes n rules that look for things no event has: 60 % contains of a list, 15 %
// contains all, 10 % re, 10 % startswith with a filter, 5 % numbers.
func mixedRules(n int) string {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, 6+rng.IntN(8))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz0123456789_-./"[rng.IntN(40)]
		}
		return "'" + string(b) + "'"
	}
	fields := []string{"message", "celery.task.name", "celery.task.args", "error.message", "error.stack_trace", "celery.event"}
	var b strings.Builder
	for i := range n {
		field := fields[rng.IntN(len(fields))]
		d := ""
		switch k := i % 20; {
		case k < 12:
			d = fmt.Sprintf("sel: {%s|contains: [%s, %s, %s, %s]}\ncondition: sel", field, word(), word(), word(), word())
		case k < 15:
			d = fmt.Sprintf("sel: {%s|contains|all: [%s, %s]}\ncondition: sel", field, word(), word())
		case k < 17:
			d = fmt.Sprintf("sel: {%s|re: '%s[0-9]+(x|y)'}\ncondition: sel", field, strings.Trim(strings.ReplaceAll(word(), ".", "x"), "'"))
		case k < 19:
			d = fmt.Sprintf("sel: {%s|startswith: %s}\nf: {log.level: debug}\ncondition: sel and not f", field, word())
		default:
			d = fmt.Sprintf("sel: {celery.task.runtime|gt: %d}\ncondition: sel", 1000+i)
		}
		fmt.Fprintf(&b, "title: R%d\nid: r%d\ndetection:\n%s---\n", i, i, indent(d))
	}
	return b.String()
}

type field struct{ name, text string }

const traceback = `Traceback (most recent call last):
  File "/srv/app/venv/lib/python3.12/site-packages/celery/app/trace.py", line 453, in trace_task
    R = retval = fun(*args, **kwargs)
                 ^^^^^^^^^^^^^^^^^^^^
  File "/srv/app/venv/lib/python3.12/site-packages/celery/app/trace.py", line 736, in __protected_call__
    return self.run(*args, **kwargs)
           ^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/app/shop/tasks/billing.py", line 88, in charge
    response = gateway.charge(order.total, order.currency)
  File "/srv/app/shop/gateway.py", line 41, in charge
    raise GatewayTimeout(f"no answer after {elapsed:.1f}s")
shop.gateway.GatewayTimeout: no answer after 30.0s`

var (
	failure = []field{
		{"message", "[2026-11-23 00:08:12,807: ERROR/ForkPoolWorker-3] Task shop.tasks.billing.charge[5f0c3a9e-8f0b-4a54-9f53-2f6d7f1f2f11] raised unexpected: GatewayTimeout('no answer after 30.0s')\n" + traceback},
		{"celery.event", "task-failed"}, {"celery.task.name", "shop.tasks.billing.charge"}, {"celery.task.id", "5f0c3a9e-8f0b-4a54-9f53-2f6d7f1f2f11"},
		{"celery.task.state", "FAILURE"}, {"celery.task.args", "(1044, 'EUR')"}, {"error.type", "GatewayTimeout"}, {"error.message", "no answer after 30.0s"},
		{"error.stack_trace", traceback}, {"log.level", "error"}, {"log.logger", "celery.app.trace"}, {"host.hostname", "shop-a"}, {"celery.worker", "w1@shop-a"},
	}
	info = []field{
		{"message", "[2026-11-23 00:08:12,807: INFO/ForkPoolWorker-3] Task shop.tasks.billing.charge[5f0c3a9e-8f0b-4a54-9f53-2f6d7f1f2f11] succeeded in 0.0123s: None"},
		{"celery.event", "task-succeeded"}, {"celery.task.name", "shop.tasks.billing.charge"}, {"celery.task.id", "5f0c3a9e-8f0b-4a54-9f53-2f6d7f1f2f11"},
		{"celery.task.state", "SUCCESS"}, {"log.level", "info"}, {"host.hostname", "shop-a"}, {"celery.worker", "w1@shop-a"},
	}
)

// fill sets every field; those whose text is in the message are parts of it, as Inspect does it.
func fill(m *detect.Matcher, slots []int, fields []field, texts [][]byte, at []int, message int) {
	m.Reset()
	for i := range fields {
		if slots[i] < 0 {
			continue
		}
		if i > 0 && at[i] >= 0 && message >= 0 {
			m.Part(slots[i], message, at[i], at[i]+len(texts[i]))
		} else {
			m.Text(slots[i], texts[i])
		}
	}
}

func benchMatch(b *testing.B, set *detect.Set, fields []field) {
	m := set.NewMatcher()
	slots, texts, at := make([]int, len(fields)), make([][]byte, len(fields)), make([]int, len(fields))
	for i, f := range fields {
		slots[i], texts[i], at[i] = set.Slot(f.name), []byte(f.text), strings.Index(fields[0].text, f.text)
	}
	runtime := set.Slot("celery.task.runtime")
	b.ReportAllocs()
	for b.Loop() {
		fill(m, slots, fields, texts, at, slots[0])
		if runtime >= 0 {
			m.Number(runtime, 30.01)
		}
		if len(m.Match()) != 0 {
			b.Fatal("matches")
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{30, 100, 1000} {
		set, err := detect.Load(detect.Bytes("mixed.yml", []byte(mixedRules(n))))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("failure/rules=%d", n), func(b *testing.B) { benchMatch(b, set, failure) })
		b.Run(fmt.Sprintf("info/rules=%d", n), func(b *testing.B) { benchMatch(b, set, info) })
	}
}

// BenchmarkCorrelate adds matched events to one of 100,000 live groups.
func BenchmarkCorrelate(b *testing.B) {
	for _, c := range []struct{ name, body string }{
		{"event_count", "type: event_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1h\ncondition: {gte: 5}"},
		{"value_count", "type: value_count\nrules: [base_a]\ngroup-by: [u]\ntimespan: 1h\ncondition: {field: v, gte: 10}"},
		{"temporal_ordered", "type: temporal_ordered\nrules: [base_a, base_b]\ngroup-by: [u]\ntimespan: 1h"},
	} {
		b.Run(c.name, func(b *testing.B) {
			set, err := detect.Load(detect.Bytes("c.yml", []byte(bases+correlation("x", c.body))))
			if err != nil {
				b.Fatal(err)
			}
			const groups = 100_000
			m, cor := set.NewMatcher(), set.NewCorrelator(detect.CorrelatorOptions{})
			k, u, v := set.Slot("k"), set.Slot("u"), set.Slot("v")
			user, val := make([]byte, 0, 32), make([]byte, 0, 32)
			at, n := int64(1.7e18), uint64(0)
			rng := rand.New(rand.NewPCG(3, 4))
			one := func() {
				n++
				at += int64(time.Millisecond)
				user = fmt.Appendf(user[:0], "user-%d", rng.IntN(groups))
				val = binary.BigEndian.AppendUint64(val[:0], rng.Uint64())
				m.Reset()
				m.Text(k, []byte("a"))
				m.Text(u, user)
				if v >= 0 {
					m.Text(v, val)
				}
				m.Match()
				cor.Feed(m, at, event.ID{Message: n})
			}
			for range 5 * groups {
				one()
			}
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
			b.ReportMetric(float64(cor.Stats().Groups), "groups")
			b.ReportMetric(float64(cor.Stats().Bytes)/(1<<20), "MiB")
		})
	}
}
