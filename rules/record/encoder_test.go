package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"destring/rules/event"
)

func testPeer() *Peer {
	return NewPeer(&event.Peer{Name: "worker-7.example", Names: []string{"worker-7.example", "worker"}, CommonName: "worker", Issuer: "CN=shop CA", Serial: "01ab",
		Fingerprint: strings.Repeat("ab", 32), NotAfter: time.Unix(1800000000, 0), TLSVersion: "1.3", Cipher: "TLS_AES_128_GCM_SHA256",
		Address: netip.MustParseAddrPort("127.0.0.1:4711"), Listener: "syslog_tls"}, Service{Environment: "test", Observer: "relay-1"}, func(s string) string { return s })
}

// full is a record in which every field is set.
func full() *Record {
	r := typical()
	r.Hash, r.Fault, r.Logger, r.MsgID = []byte("0011223344556677"), "bad-structured-data", []byte("celery.app.trace"), []byte("ID47")
	r.Params = []Param{{[]byte("app@32473"), []byte("task"), []byte("a")}, {[]byte("meta"), []byte("sequenceId"), []byte("7")}, {[]byte("app@32473"), []byte("task"), []byte("b")}, {[]byte("empty"), nil, nil}}
	r.Worker, r.Queue, r.Broker, r.IDs, r.Group, r.TaskETA, r.Retries = []byte("celery@shop-a"), []byte("celery"), []byte("redis://127.0.0.1:6379/0"), 3, []byte("00ff"), []byte("2026-11-25T00:00:00"), 2
	r.Args, r.Kwargs, r.Result = []byte("(1, 2)"), []byte("{'a': 1}"), []byte("{'ok': True}")
	r.ErrorType, r.ErrorMessage, r.StackTrace = []byte("ValueError"), []byte("no such thing"), []byte("Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n")
	r.File, r.Function, r.Line = []byte("a.py"), []byte("f"), 3
	r.Frames = []Frame{{[]byte("/srv/shop/app.py"), []byte("<module>"), 3}, {[]byte("a.py"), []byte("f"), 3}}
	r.ArgsValues, r.KwargsValues, r.ResultValues = []byte(`{"0":"1","1":"2"}`), []byte(`{"a":"1"}`), []byte(`{"ok":"True"}`)
	r.Cut = []string{"message"}
	r.Flags, r.Withheld = event.Truncated|event.InnerHeader, "work-budget"
	r.Findings = []Finding{{Detector: "password", Class: "keyword-secret", Severity: "medium", Field: "message", Key: []byte("db_password"), Fingerprint: []byte("00112233445566ff")}}
	r.Rules = []Rule{{ID: "leak_keyword_secret", Name: "A secret", Version: "1", Level: "medium", Reference: "https://example.org/runbook", Tactics: []string{"credential-access", "initial_access"}, Techniques: []string{"T1552.001", "T1078"}}}
	return r
}

func typical() *Record {
	message := []byte(`[2026-11-25 00:08:12,807: INFO/ForkPoolWorker-2] Task shop.tasks.charge[0b1f2c3d-0000-4000-8000-5eed00000001] succeeded in 0.012345s: {'ok': True, 'order': 4711}`)
	return &Record{Timestamp: 1764029292807000000, TimestampSource: event.TimeHeader, Received: 1764029292809123456, ID: []byte("00112233445566778899aabbccddeeff"), Peer: testPeer(),
		Message: message, Level: event.LevelInfo, Format: event.FormatRFC5424, Framing: event.FramingOctet, Facility: 1, Severity: 6, SyslogVers: 1,
		Hostname: []byte("shop-a"), AppName: []byte("celery.app.trace"), ProcID: []byte("4132"), Logger: []byte("celery.app.trace"), Kind: "task-succeeded", LineForm: "celery",
		Body: message[49:], Process: message[32:48], PID: 4132, TaskName: []byte("shop.tasks.charge"), TaskID: []byte("0b1f2c3d-0000-4000-8000-5eed00000001"),
		State: "SUCCESS", Runtime: 0.012345, HasRuntime: true, Retries: -1}
}

// names returns the dotted names of the leaves of a JSON object; an object that the schema
// names (a list of ours or the sender's own) is a leaf.
func names(v any, prefix string, stop map[string]bool, out *[]string) {
	m, ok := v.(map[string]any)
	if !ok || stop[prefix] {
		*out = append(*out, prefix)
		return
	}
	for k, w := range m {
		name := k
		if prefix != "" {
			name = prefix + "." + k
		}
		names(w, name, stop, out)
	}
}

func TestTheEncoderWritesEveryFieldOfTheSchemaOnceAndNoOther(t *testing.T) {
	out := NewEncoder(0).Append(nil, full())
	var v any
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, out)
	}
	stop := map[string]bool{}
	var want, got []string
	for _, f := range Fields() {
		if f.append == nil {
			continue // a member of a list of ours, for rules only
		}
		stop[f.Name] = true
		want = append(want, f.Name)
	}
	names(v, "", stop, &got)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("want %q\n got %q", want, got)
	}
	// An object that is opened twice would hide its first half from a JSON reader.
	for _, object := range []string{"celery", "task", "destring", "error", "event", "log", "syslog", "origin", "process", "rule", "threat", "tls", "source", "ecs", "observer", "service"} {
		if n := bytes.Count(out, []byte(`"`+object+`":{`)); n != 1 {
			t.Errorf("object %q is opened %d times in %s", object, n, out)
		}
	}
}

func TestEveryFieldHasADescriptionAndAJSONValueOfItsType(t *testing.T) {
	r := full()
	for _, f := range Fields() {
		if f.Doc == "" {
			t.Errorf("%s: no description", f.Name)
		}
		if f.append == nil {
			continue
		}
		var v any
		if err := json.Unmarshal(f.append(nil, r), &v); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		_, list := v.([]any)
		if list != f.Array {
			t.Errorf("%s: is a list: %v, the schema says %v", f.Name, list, f.Array)
		}
		if _, number := v.(float64); number != (f.Type == Long || f.Type == Double) {
			t.Errorf("%s: %s is written as %v", f.Name, f.Type, v)
		}
	}
}

func TestAnEmptyRecordIsStillOneObject(t *testing.T) {
	out := NewEncoder(0).Append(nil, &Record{Timestamp: 1, Retries: -1, Facility: -1, Severity: -1, Peer: testPeer()})
	if !json.Valid(out) {
		t.Errorf("not JSON: %s", out)
	}
}

func TestAParameterThatComesTwiceBecomesAList(t *testing.T) {
	got := string(appendParams(nil, full()))
	want := `{"app@32473":{"task":["a","b"]},"meta":{"sequenceId":"7"},"empty":{}}`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestTextThatCouldMoveATerminalIsEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[31m":               `"a\u001b[31m"`,
		"\x7f\u0085\u202e\ufeff":  `"\u007f\u0085\u202e\ufeff"`,
		"tab\tquote\"slash\\\n":   `"tab\tquote\"slash\\\n"`,
		"bad \xff\xc3( utf8":      `"bad \ufffd\ufffd( utf8"`,
		"über 日本 🙂":               `"über 日本 🙂"`,
		"tag \U000e0041":          `"tag \udb40\udc41"`,
		strings.Repeat("x", 9):    `"xxxxxxxxx"`,
		"1234567\"12345678\x0012": `"1234567\"12345678\u000012"`,
	} {
		if got := string(AppendString(nil, []byte(in))); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestTimesAreWrittenAsTheStandardLibraryWritesThem(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(1, 5), time.Date(2024, 2, 29, 23, 59, 59, 999999000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 1000000, time.UTC),
		time.Date(2100, 3, 1, 0, 0, 0, 123, time.UTC), time.Date(2000, 1, 1, 12, 30, 0, 0, time.UTC)} {
		var got time.Time
		raw := AppendTime(nil, at.UnixNano())
		if err := json.Unmarshal(raw, &got); err != nil || !got.Equal(at) {
			t.Errorf("%v: got %s (%v)", at, raw, err)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add([]byte("1234567\"\x00\x1f\x20\x7e\x7f\x80\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		raw := AppendString(nil, in)
		var got string
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if utf8.Valid(in) && got != string(in) {
			t.Fatalf("%q came back as %q", in, got)
		}
	})
}

// used is the processor time of this process: what a busy machine does not lengthen.
func used() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with a valid pointer
	return u.Utime.Nano() + u.Stime.Nano()
}

func benchmarkEncode(b *testing.B, r *Record) {
	e := NewEncoder(0)
	var dst []byte
	b.ReportAllocs()
	before := used()
	for b.Loop() {
		dst = e.Append(dst[:0], r)
	}
	b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op")
	b.SetBytes(int64(len(dst)))
}

func BenchmarkEncode(b *testing.B) {
	b.Run("succeeded", func(b *testing.B) { benchmarkEncode(b, typical()) })
	b.Run("every field", func(b *testing.B) { benchmarkEncode(b, full()) })
	b.Run("1024 parameters", func(b *testing.B) {
		r := typical()
		for i := range 1024 {
			r.Params = append(r.Params, Param{[]byte("app@32473"), fmt.Appendf(nil, "n%d", i), []byte("v")})
		}
		benchmarkEncode(b, r)
	})
}
