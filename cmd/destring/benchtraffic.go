package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// benchTraffic makes the lines of one worker: a mix of what Celery logs in production, the same for
// the same seed, connection and count, except for the times.
type benchTraffic struct {
	connection int
	random     *rand.Rand
	count      int
	secrets    int // planted so far
	line       strings.Builder
}

func newBenchTraffic(seed uint64, connection int) *benchTraffic {
	return &benchTraffic{connection: connection, random: rand.New(rand.NewPCG(seed, uint64(connection)))}
}

// Every planted secret holds one of these; nothing else does. That they are gone from what was
// published, in any record, is what "none survived" means.
const (
	benchMarker      = "zq7xk3"
	benchUpperMarker = "ZQ7XK3"
	benchCard        = "4111111111111111"
)

// benchShape is one kind of line; weight is its share in a thousand.
type benchShape struct {
	weight int
	logger string
	level  string
	worker bool // logged by the main process
	text   func(g *benchTraffic) string
}

var benchShapes = []benchShape{
	{300, "celery.worker.strategy", "INFO", true, func(g *benchTraffic) string { return "Task " + g.task() + " received" }},
	{280, "celery.app.trace", "INFO", false, func(g *benchTraffic) string {
		return fmt.Sprintf("Task %s succeeded in %.6fs: {'order': %d, 'status': 'charged', 'amount': %.2f}", g.task(), g.random.Float64(), g.random.IntN(1e6), 100*g.random.Float64())
	}},
	{150, "shop.tasks", "INFO", false, func(g *benchTraffic) string {
		return fmt.Sprintf("%s: charging order %d of customer %d, attempt %d", g.task(), g.random.IntN(1e6), g.random.IntN(1e5), g.random.IntN(3))
	}},
	{80, "shop.http", "INFO", false, func(g *benchTraffic) string {
		return fmt.Sprintf("POST https://api.payments.example/v1/charges 201 in %d ms request_id=%s", g.random.IntN(900), g.id())
	}},
	{60, "celery.worker.strategy", "INFO", true, func(g *benchTraffic) string {
		return fmt.Sprintf("Events of group {task} enabled by remote, %d tasks in flight", g.random.IntN(64))
	}},
	{40, "celery.app.trace", "INFO", false, func(g *benchTraffic) string {
		return "Task " + g.task() + " retry: Retry in 5s: TimeoutError('the payment service did not answer in 5 s')"
	}},
	{30, "celery.app.trace", "ERROR", false, func(g *benchTraffic) string {
		return g.failure(fmt.Sprintf("ValueError('order %d is not open')", g.random.IntN(1e6)))
	}},
	{10, "celery.app.trace", "ERROR", false, func(g *benchTraffic) string {
		return g.failure("OperationalError('could not connect to postgresql://shop:" + g.secret(14) + "@db.internal:5432/shop')")
	}},
	{15, "celery.app.trace", "INFO", false, func(g *benchTraffic) string {
		return "Task " + g.task() + " succeeded in 0.031s: {'user': 'jane', 'password': '" + g.secret(12) + "', 'ok': True}"
	}},
	{15, "shop.http", "DEBUG", false, func(g *benchTraffic) string {
		return "GET /v1/orders headers={'Accept': '*/*', 'Authorization': 'Bearer " + g.secret(32) + "'}"
	}},
	{10, "shop.tasks", "INFO", false, func(g *benchTraffic) string {
		g.secrets++
		return "rotated AKIA" + benchUpperMarker + g.letters(10, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") + " for shop"
	}},
	{5, "shop.tasks", "INFO", false, func(g *benchTraffic) string { return "mailing " + g.secret(4) + "@customers.example" }},
	{5, "shop.tasks", "WARNING", false, func(g *benchTraffic) string {
		g.secrets++
		return g.task() + ": card " + benchCard + " was declined"
	}},
}

var benchTasks = []string{"shop.tasks.charge", "shop.tasks.notify", "shop.tasks.import_customers", "billing.invoices.render", "search.reindex"}

func (g *benchTraffic) task() string {
	return benchTasks[g.random.IntN(len(benchTasks))] + "[" + g.id() + "]"
}

func (g *benchTraffic) id() string {
	r := g.random
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

func (g *benchTraffic) letters(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.random.IntN(len(alphabet))]
	}
	return string(b)
}

// secret is made up, with the marker and n characters more.
func (g *benchTraffic) secret(n int) string {
	g.secrets++
	return benchMarker + g.letters(n, "abcdefghijklmnopqrstuvwxyz0123456789")
}

func (g *benchTraffic) failure(exception string) string {
	class, _, _ := strings.Cut(exception, "(")
	said := strings.TrimSuffix(strings.TrimPrefix(exception, class+"('"), "')")
	return "Task " + g.task() + " raised unexpected: " + exception + `
Traceback (most recent call last):
  File "/srv/shop/.venv/lib/python3.12/site-packages/celery/app/trace.py", line 453, in trace_task
    R = retval = fun(*args, **kwargs)
  File "/srv/shop/tasks.py", line 88, in charge
    order = load_order(order_id)
  File "/srv/shop/orders.py", line 31, in load_order
    raise ` + class + `(reason)
` + class + ": " + said
}

// append appends the next message as an octet-counted frame (RFC 6587, 3.4.1) to dst.
func (g *benchTraffic) append(dst []byte, now time.Time) []byte {
	at, shape := g.random.IntN(1000), 0
	for at >= benchShapes[shape].weight {
		at -= benchShapes[shape].weight
		shape++
	}
	s := &benchShapes[shape]
	return benchFrame(dst, now, fmt.Sprintf("b%d-%d", g.connection, g.next()), s.logger, s.level, g.process(s.worker), s.text(g))
}

func (g *benchTraffic) next() int {
	g.count++
	return g.count - 1
}

func (g *benchTraffic) process(main bool) string {
	if main {
		return "MainProcess"
	}
	return "ForkPoolWorker-" + strconv.Itoa(1+g.random.IntN(8))
}

func benchFrame(dst []byte, now time.Time, id, logger, level, process, text string) []byte {
	message := benchMessage(now, id, logger, level, process, text)
	dst = strconv.AppendInt(dst, int64(len(message)), 10)
	return append(append(dst, ' '), message...)
}

// benchMessage is a message of RFC 5424 as deploy/celery/destring_celery.py sends it; MSGID numbers it.
func benchMessage(now time.Time, id, logger, level, process, text string) string {
	severity := map[string]int{"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3}[level]
	now = now.UTC()
	return fmt.Sprintf("<%d>1 %s bench-worker %s 4100 %s - [%s: %s/%s] %s", 16*8+severity, now.Format("2006-01-02T15:04:05.000000Z"), logger, id,
		now.Format("2006-01-02 15:04:05,000"), level, process, text)
}
