package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func encoded(t *testing.T, e *Encoder, r *Record) map[string]any {
	t.Helper()
	out := e.Append([]byte("before"), r)
	if !bytes.HasPrefix(out, []byte("before{")) {
		t.Fatalf("what was there before is gone: %.40q", out)
	}
	out = out[len("before"):]
	if len(out) > e.limit {
		t.Fatalf("%d bytes, the limit is %d", len(out), e.limit)
	}
	var v map[string]any
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func at(v any, name string) any {
	for part := range strings.SplitSeq(name, ".") {
		m, _ := v.(map[string]any)
		v = m[part]
	}
	return v
}

func TestALongTracebackIsCutInTheMiddleAndSaysSo(t *testing.T) {
	r := full()
	r.Cut = nil
	trace := "Traceback (most recent call last):\n" + strings.Repeat("  File \"/srv/shop/tasks.py\", line 31, in pay\n    pay(order)\n", 40_000) + "RecursionError: maximum recursion depth exceeded"
	r.Message = []byte("[2026-11-25 00:08:12,807: ERROR/MainProcess] failed\n" + trace)
	r.Body, r.StackTrace = r.Message[44:], r.Message[52:]
	v := encoded(t, NewEncoder(0), r)
	short, _ := at(v, "error.stack_trace").(string)
	if !strings.HasPrefix(short, "Traceback (most") || !strings.HasSuffix(short, "RecursionError: maximum recursion depth exceeded") {
		t.Errorf("the traceback lost its ends: %.60q … %q", short, short[max(0, len(short)-60):])
	}
	head, rest, _ := strings.Cut(short, "…[cut by destring: ")
	number, tail, _ := strings.Cut(rest, " bytes]…")
	if missing := fmt.Sprint(len(trace) - len(head) - len(tail)); number != missing {
		t.Errorf("it says that %s bytes are missing, %s are", number, missing)
	}
	if got, want := fmt.Sprint(at(v, "destring.cut")), "[message celery.message error.stack_trace]"; got != want {
		t.Errorf("destring.cut is %s, want %s", got, want)
	}
	if at(v, "error.type") != "ValueError" || at(v, "celery.task.name") != "shop.tasks.charge" || len(r.Cut) > 0 || len(r.StackTrace) != len(trace) {
		t.Error("more than the long texts was changed")
	}
}

func TestARecordWithinTheLimitIsNotCut(t *testing.T) {
	r := full()
	r.Cut = nil
	r.Message = bytes.Repeat([]byte("x"), 900_000)
	v := encoded(t, NewEncoder(0), r)
	if m, _ := at(v, "message").(string); len(m) != 900_000 || at(v, "destring.cut") != nil {
		t.Errorf("%d bytes are left; cut: %v", len(m), at(v, "destring.cut"))
	}
}

func TestOfTooManyFindingsTheWorstAreListedAndAllAreCounted(t *testing.T) {
	r := full()
	r.Cut, r.Findings = nil, nil
	for i := range 20_000 {
		severity := "low"
		if i%1000 == 999 {
			severity = "critical"
		}
		r.Findings = append(r.Findings, Finding{Detector: "password", Class: "keyword-secret", Severity: severity, Field: "message", Key: []byte("db_password")})
	}
	v := encoded(t, NewEncoder(0), r)
	list, _ := at(v, "destring.findings").([]any)
	critical := 0
	for _, f := range list {
		if at(f, "severity") == "critical" {
			critical++
		}
	}
	if critical != 20 || len(list) != listed || at(v, "destring.redacted") != 20_000.0 || len(r.Findings) != 20_000 {
		t.Errorf("%d critical ones of 20 in a list of %d, counted %v", critical, len(list), at(v, "destring.redacted"))
	}
	if cut, _ := at(v, "destring.cut").([]any); !slices.Contains(cut, any("destring.findings")) {
		t.Errorf("destring.cut is %v", cut)
	}
}

// Whatever a sender makes long, by length, by number or by bytes that six characters stand for.
func TestNoRecordIsLongerThanTheLimit(t *testing.T) {
	g := rand.New(rand.NewPCG(3, 4))
	long := func() []byte { return bytes.Repeat([]byte(string("a\x01é\"\xff"[g.IntN(6)])), g.IntN(60_000)) }
	for range 10 {
		r := full()
		for _, t := range []*[]byte{&r.Message, &r.Body, &r.StackTrace, &r.ErrorMessage, &r.ErrorType, &r.Args, &r.Kwargs, &r.Result, &r.TaskName, &r.TaskID, &r.TaskETA, &r.Process, &r.Worker,
			&r.Queue, &r.Broker, &r.Logger, &r.Hostname, &r.AppName, &r.ProcID, &r.MsgID, &r.File, &r.Function} {
			*t = long()
		}
		for i := range 1024 {
			r.Params = append(r.Params, Param{[]byte("e"), fmt.Appendf(nil, "n%d", i), bytes.Repeat([]byte{1}, g.IntN(2000))})
		}
		for range 32 {
			r.Frames = append(r.Frames, Frame{long(), long(), 1})
		}
		for range 500 {
			r.Findings = append(r.Findings, r.Findings[0])
		}
		encoded(t, NewEncoder(MinLimit), r)
	}
}

// A thousand names, all with all, would be a million comparisons.
func TestManyParametersAreStillGroupedByName(t *testing.T) {
	r := full()
	r.Cut, r.Params = nil, nil
	for i := range 1000 {
		r.Params = append(r.Params, Param{[]byte([]string{"a@1", "b@1", "\xff", "\xfe"}[i%4]), fmt.Appendf(nil, "n%d", i/4%100), fmt.Append(nil, i)})
	}
	v := encoded(t, NewEncoder(0), r)
	data, _ := at(v, "log.syslog.structured_data").(map[string]any)
	if len(data) != 3 {
		t.Fatalf("%d elements, want a@1, b@1 and one for names that are no UTF-8", len(data))
	}
	for element, params := range data {
		values := 0
		for _, v := range params.(map[string]any) {
			values += len(v.([]any))
		}
		if want := map[bool]int{true: 250, false: 500}[element != "\ufffd"]; values != want || len(params.(map[string]any)) != 100 {
			t.Errorf("element %q has %d values of %d names, want %d", element, values, len(params.(map[string]any)), want)
		}
	}
}
