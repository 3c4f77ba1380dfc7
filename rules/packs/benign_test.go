package packs_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"destring/rules/detect"
	"destring/rules/event"
	"destring/rules/packs"
)

// benign makes the records of healthy applications: what Celery says in a day of work, with
// the failures, retries, restarts and odd texts that belong to it.
type benign struct {
	rng  *rand.Rand
	set  *detect.Set
	m    *detect.Matcher
	buf  []byte
	peer string
}

var applications = []struct {
	name           string
	tasks          []string
	args, results  []string
	texts          []string
	failures       [][2]string
	workers        int
	broker, beatOf string
}{
	{"shop", []string{"shop.tasks.charge_card", "shop.tasks.price_order", "shop.tasks.send_receipt", "shop.tasks.export_orders"},
		[]string{"(1044, 'EUR')", "('O-1', {'lines': 2})", "('Dear {{ name }}, your order {{ order }} is on its way',)", "('reports/2026/11/orders.csv',)", "(\"O'Reilly & Sons\",)"},
		[]string{"None", "39.0", "{'order': 'O-1', 'total': '39.00'}", "'https://cdn.example.com/receipts/1044.pdf'"},
		[]string{"Order O-1 priced: 2 lines, total 39.00 EUR", "selected 5 items, union of carts 7", "cache miss for /api/v1/items/../images skipped", "customer asked: where is my order?"},
		[][2]string{{"ConnectionError", "HTTPConnectionPool(host='mail.example.com', port=443): Read timed out. (read timeout=5)"}, {"CardDeclined", "card declined for O-9"}}, 6, "rediss://:**@cache.example.com:6379/0", "expire-carts"},
	{"media", []string{"media.transcode", "media.thumbnail", "media.index.update", "media.cleanup"},
		[]string{"('s3://bucket/in/clip-17.mp4', 'h264')", "('/data/media/2026/11/a b.png', 300)", "(['-vf', 'scale=1280:-2', '-c:v', 'libx264'],)", "('Title: <b>Bash</b> guide; part 2',)"},
		[]string{"{'frames': 1440, 'ok': True}", "True", "'/data/media/out/clip-17.webm'"},
		[]string{"ffmpeg version 6.1 Copyright (c) 2000-2023", "frame= 240 fps= 60 q=28.0 size= 1024kB time=00:00:10.00", "removed 17 files from /tmp/work"},
		[][2]string{{"CalledProcessError", "Command '['ffmpeg', '-i', 'in.mp4']' returned non-zero exit status 1."}, {"FileNotFoundError", "[Errno 2] No such file or directory: '/data/media/x.png'"}}, 4, "amqps://media:**@rabbit.example.com:5671//", "nightly-cleanup"},
	{"lab", []string{"lab.fit_model", "lab.simulate", "lab.reports.build"},
		[]string{"(array([0.1, 0.2, 0.3]), 1e-06)", "({'seed': 42, 'steps': 10000},)", "('SELECT mean(x) FROM runs WHERE id = %s', [7])", "('$E = mc^2$ and {x: 7}',)"},
		[]string{"{'loss': 0.0123, 'epoch': 50}", "array([[1., 0.], [0., 1.]])", "None"},
		[]string{"epoch 12/50 loss=0.031 val=0.040", "converged after 143 iterations", "RuntimeWarning: divide by zero encountered in log"},
		[][2]string{{"ValueError", "could not convert string to float: 'n/a'"}, {"LinAlgError", "Singular matrix"}}, 3, "redis://:**@127.0.0.1:6379/1", "weekly-report"},
	{"crm", []string{"crm.sync_contacts", "crm.webhooks.deliver", "crm.mail.campaign"},
		[]string{"('contact-17', {'email': '[REDACTED:email]'})", "('https://hooks.example.com/crm/17', {'event': 'contact.updated'})", "('Newsletter 11/26', 'de')"},
		[]string{"{'status': 200}", "{'sent': 418, 'bounced': 3}", "None"},
		[]string{"delivered webhook in 0.2s", "campaign 7: 418 mails queued", "login of user 17 accepted"},
		[][2]string{{"HTTPError", "503 Server Error: Service Unavailable for url: https://api.example.com/v2/contacts"}, {"Timeout", "no answer after 30 seconds"}}, 5, "amqps://crm:**@rabbit.example.com:5671/crm", "sync-contacts"},
}

func (b *benign) pick(list []string) string { return list[b.rng.IntN(len(list))] }

// text adds a field; within says that it is a part of the message, which was added first.
func (b *benign) text(name, value string) { b.m.Text(b.set.Slot(name), []byte(value)) }

func (b *benign) message(level, process, body string) {
	b.buf = fmt.Appendf(b.buf[:0], "[2026-11-23 00:08:12,807: %s/%s] ", level, process)
	at := len(b.buf)
	b.buf = append(b.buf, body...)
	slot := b.set.Slot("message")
	b.m.Text(slot, b.buf)
	b.m.Part(b.set.Slot("celery.message"), slot, at, len(b.buf))
	b.text("log.level", map[string]string{"INFO": "info", "WARNING": "warning", "ERROR": "error"}[level])
}

// next puts one record into the matcher.
func (b *benign) next() {
	app := applications[b.rng.IntN(len(applications))]
	worker := fmt.Sprintf("w%d@%s", 1+b.rng.IntN(app.workers), app.name)
	task, id := b.pick(app.tasks), fmt.Sprintf("%08x-8f0b-4a54-9f53-%012x", b.rng.Uint32(), b.rng.Uint64()&0xffffffffffff)
	process := fmt.Sprintf("ForkPoolWorker-%d", 1+b.rng.IntN(8))
	b.m.Reset()
	b.peer = worker
	b.text("destring.peer.name", worker)
	kind := func(k string) { b.text("celery.event", k) }
	of := func(state string) {
		b.text("celery.task.name", task)
		b.text("celery.task.id", id)
		b.text("celery.task.state", state)
	}
	switch n := b.rng.IntN(100_000); {
	case n < 33_000:
		kind("task-received")
		b.message("INFO", "MainProcess", "Task "+task+"["+id+"] received")
		of("RECEIVED")
		b.text("celery.task.args", b.pick(app.args))
	case n < 64_000:
		result := b.pick(app.results)
		kind("task-succeeded")
		b.message("INFO", process, "Task "+task+"["+id+"] succeeded in 0.0436s: "+result)
		of("SUCCESS")
		b.text("celery.task.result", result)
		b.m.Number(b.set.Slot("celery.task.runtime"), 0.0436)
	case n < 95_000:
		b.message("INFO", process, task+"["+id+"]: "+b.pick(app.texts))
		b.text("celery.task.name", task)
	case n < 97_500:
		kind("stdout")
		b.message("WARNING", process, b.pick(app.texts))
	case n < 98_400:
		f := app.failures[b.rng.IntN(len(app.failures))]
		kind("task-retried")
		b.message("INFO", process, "Task "+task+"["+id+"] retry: Retry in 30s: "+f[0]+"("+strconv.Quote(f[1])+")")
		of("RETRY")
	case n < 99_000:
		f := app.failures[b.rng.IntN(len(app.failures))]
		kind("task-failed")
		b.message("ERROR", process, "Task "+task+"["+id+"] raised unexpected: "+f[0]+"("+strconv.Quote(f[1])+")\nTraceback (most recent call last):\n  File \"/srv/"+app.name+"/tasks.py\", line 88, in run\n    subprocess.run([\"sh\", \"-c\", cmd], check=True)\n")
		of("FAILURE")
		b.text("error.type", f[0])
		b.text("error.message", f[1])
	case n < 99_600:
		kind("beat-due")
		b.message("INFO", "MainProcess", "Scheduler: Sending due task "+app.beatOf+" ("+task+")")
	default:
		b.rare(n, worker, app.broker, task, id, kind)
	}
}

// rare is what belongs to starts, stops and operators' days.
func (b *benign) rare(n int, worker, broker, task, id string, kind func(string)) {
	lines := [][3]string{
		{"worker-ready", "INFO", worker + " ready."}, {"broker-connected", "INFO", "Connected to " + broker}, {"mingle", "INFO", "mingle: searching for neighbors"},
		{"mingle-sync", "INFO", "mingle: sync with 2 nodes"}, {"node-hello", "INFO", "sync with " + worker}, {"task-ignored", "INFO", "Task " + task + "[" + id + "] ignored"},
		{"task-revoked", "INFO", "Discarding revoked task: " + task + "[" + id + "]"}, {"task-soft-timeout", "WARNING", "Soft time limit (60s) exceeded for " + task + "[" + id + "]"},
		{"worker-shutdown", "WARNING", "worker: Warm shutdown (MainProcess)"}, {"python-warning", "WARNING", "/srv/app/x.py:17: DeprecationWarning: datetime.utcnow() is deprecated"},
		{"task-failed-expected", "INFO", "Task " + task + "[" + id + "] raised expected: CardDeclined('card declined')"}, {"broker-restoring", "INFO", "Restoring 1 unacknowledged message(s)"},
		{"beat-starting", "INFO", "beat: Starting..."}, {"pool-scaled", "INFO", "Scaling up 2 processes."}, {"node-lost", "INFO", "missed heartbeat from " + worker},
	}
	l := lines[n%len(lines)]
	kind(l[0])
	b.message(l[1], "MainProcess", l[2])
}

// No alert of level medium or more in benign lines, posture apart. 1,000,000 of them take a few
// seconds: DESTRING_BENIGN_LINES=1000000.
func TestBenignLinesRingNobody(t *testing.T) {
	lines := 200_000
	if n, err := strconv.Atoi(os.Getenv("DESTRING_BENIGN_LINES")); err == nil {
		lines = n
	}
	set, err := packs.Load()
	if err != nil {
		t.Fatal(err)
	}
	b := &benign{rng: rand.New(rand.NewPCG(11, 26)), set: set, m: set.NewMatcher()}
	c := set.NewCorrelator(detect.CorrelatorOptions{})
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).UnixNano()
	fired := make(map[string]int)
	ring := func(r *detect.Rule) {
		if r.Level >= detect.Medium && !r.Own.Posture && !r.Own.Off && !r.Hidden {
			fired[r.Name]++
		}
	}
	for i := range lines {
		at += int64(20 * time.Millisecond)
		b.next()
		for _, m := range b.m.Match() {
			ring(m.Rule)
		}
		for _, f := range c.Feed(b.m, at, event.ID{Connection: 1, Message: uint64(i)}) {
			ring(f.Rule)
		}
	}
	for name, n := range fired {
		t.Errorf("%s rang %d times in %d benign lines", name, n, lines)
	}
}

// BenchmarkInfoLine is the mean over benign lines, with correlation of what matches.
func BenchmarkInfoLine(b *testing.B) {
	set, err := packs.Load()
	if err != nil {
		b.Fatal(err)
	}
	m := set.NewMatcher()
	fields := [][2]string{
		{"message", "[2026-11-23 00:08:12,807: INFO/ForkPoolWorker-3] Task shop.tasks.charge_card[5f0c3a9e-8f0b-4a54-9f53-2f6d7f1f2f11] succeeded in 0.0436s: {'order': 'O-1'}"},
		{"celery.event", "task-succeeded"}, {"destring.peer.name", "w1.shop.example"}, {"log.level", "info"},
	}
	type part struct{ slot, start, end int }
	var parts []part
	for name, span := range map[string][2]int{"celery.message": {49, 148}, "celery.task.name": {54, 76}, "celery.task.result": {130, 148}} {
		if slot := set.Slot(name); slot >= 0 {
			parts = append(parts, part{slot, span[0], span[1]})
		}
	}
	slots, texts := make([]int, len(fields)), make([][]byte, len(fields))
	for i, f := range fields {
		slots[i], texts[i] = set.Slot(f[0]), []byte(f[1])
	}
	runtime := set.Slot("celery.task.runtime")
	b.ReportAllocs()
	for b.Loop() {
		m.Reset()
		for i, slot := range slots {
			m.Text(slot, texts[i])
		}
		for _, p := range parts {
			m.Part(p.slot, slots[0], p.start, p.end)
		}
		m.Number(runtime, 0.0436)
		if len(m.Match()) != 0 {
			b.Fatal("matches")
		}
	}
}
