package celery_test

import (
	"fmt"
	"testing"
	"time"

	"destring/relay/celery"
	"destring/rules/event"
)

// stream reads lines as the messages of one connection, a millisecond apart unless wait says more, and returns the number of the
// message whose group each of them is in, 0 for none. Messages count from 1.
type stream struct {
	r   *celery.Reader
	n   uint64
	now time.Duration
}

func (s *stream) read(line string) (group uint64, kind event.Kind) {
	s.n++
	s.now += time.Millisecond
	var ev event.Event
	ev.Reset()
	ev.ID, ev.Received = event.ID{Connection: 7, Message: s.n}, int64(s.now)
	ev.Message = event.NewText([]byte(line))
	s.r.Read(&ev)
	return ev.Celery.Group.Message, ev.Celery.Kind
}

func printed(process, text string) string {
	return "[" + stamp + ": WARNING/" + process + "] " + text
}

func TestALoggingErrorBlockIsOneGroup(t *testing.T) {
	s := stream{r: celery.NewReader(celery.Options{})}
	for i, c := range []struct {
		line  string
		group uint64
		kind  event.Kind
	}{
		{printed("ForkPoolWorker-1", "before"), 0, ""},
		{printed("ForkPoolWorker-1", "--- Logging error ---"), 2, celery.LoggingError},
		{printed("ForkPoolWorker-2", "of another process"), 0, ""},
		{printed("ForkPoolWorker-1", "Traceback (most recent call last):"), 2, celery.Stdout},
		{printed("ForkPoolWorker-1", `  File "/usr/lib/logging.py", line 1110, in emit`), 2, celery.Stdout},
		{"[" + stamp + ": INFO/ForkPoolWorker-1] Task a.b[" + id + "] ignored", 0, celery.TaskIgnored},
		{printed("ForkPoolWorker-1", "TypeError: %d format: a real number is required, not str"), 2, celery.Stdout},
		{printed("ForkPoolWorker-1", "Message: '%d items'\nArguments: ('x',)"), 2, celery.Stdout},
		{printed("ForkPoolWorker-1", "Arguments: ({'password': 'x'},)"), 2, celery.Stdout},
		{printed("ForkPoolWorker-1", "after"), 0, ""},
		{printed("ForkPoolWorker-1", "--- Logging error ---"), 11, celery.LoggingError},
	} {
		if group, kind := s.read(c.line); group != c.group || kind != c.kind {
			t.Errorf("message %d %q: group %d kind %q, want %d %q", i+1, c.line, group, kind, c.group, c.kind)
		}
	}
}

func TestAPrintedTracebackIsOneGroup(t *testing.T) {
	s := stream{r: celery.NewReader(celery.Options{})}
	for i, c := range []struct {
		text  string
		group uint64
	}{
		{"Traceback (most recent call last):", 1}, {`  File "/srv/a.py", line 3, in f`, 1}, {"    1/0", 1}, {"    ~^~", 1}, {"ZeroDivisionError: division by zero", 1}, {"next print", 0},
	} {
		if group, _ := s.read(printed("MainProcess", c.text)); group != c.group {
			t.Errorf("chunk %d %q: group %d, want %d", i+1, c.text, group, c.group)
		}
	}
}

func TestLinesOfARecordThatWasCutUpAreOneGroup(t *testing.T) {
	s := stream{r: celery.NewReader(celery.Options{})}
	for i, c := range []struct {
		line  string
		group uint64
	}{
		{"of nothing", 0},
		{"[" + stamp + ": ERROR/ForkPoolWorker-1] Task a.b[" + id + "] raised unexpected: KeyError('x')", 0},
		{"Traceback (most recent call last):", 2}, {`  File "/srv/a.py", line 3, in f`, 2}, {"KeyError: 'x'", 2},
		{"[" + stamp + ": INFO/MainProcess] mingle: all alone", 0}, {"stray", 6},
	} {
		if group, _ := s.read(c.line); group != c.group {
			t.Errorf("line %d %q: group %d, want %d", i+1, c.line, group, c.group)
		}
	}
}

func TestAGroupIsBoundedInTimeAndSize(t *testing.T) {
	s := stream{r: celery.NewReader(celery.Options{})}
	s.read(printed("MainProcess", "--- Logging error ---"))
	s.now += 6 * time.Second
	if group, _ := s.read(printed("MainProcess", "late")); group != 0 {
		t.Errorf("six seconds later: group %d", group)
	}
	s.read(printed("MainProcess", "--- Logging error ---"))
	in := 0
	for range 1000 {
		if group, _ := s.read(printed("MainProcess", "x")); group != 0 {
			in++
		}
	}
	if in < 100 || in > 300 {
		t.Errorf("%d of 1000 records are in the group", in)
	}
}

func TestManyProcessesHaveGroupsAtATime(t *testing.T) {
	s := stream{r: celery.NewReader(celery.Options{})}
	for i := range 100 {
		s.read(printed(fmt.Sprint("ForkPoolWorker-", i+1), "--- Logging error ---"))
	}
	if group, _ := s.read(printed("ForkPoolWorker-100", "Message: 'x'")); group != 100 {
		t.Errorf("the newest process's group is %d", group)
	}
	if group, _ := s.read(printed("ForkPoolWorker-1", "x")); group != 0 {
		t.Errorf("the oldest of 100 groups is still open: %d", group)
	}
}
