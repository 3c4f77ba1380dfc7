package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"destring/relay/pki"
)

// wire is one case of the conformance run: what a sender writes on a connection of its own, and the records that
// come of it.
type wire struct {
	name  string
	bytes string
	want  []sent
}

// sent is what a record must say of a message. An empty field must be absent from the record.
type sent struct {
	pri                    string // "" for none
	time                   string // RFC 3339; "" for the time of receipt
	host, app, proc, msgid string
	sd                     string // JSON
	text                   string
	more                   bool   // text is only how the message begins
	fault                  string // as error.message ends; "" for none
	flags                  string // separated by spaces; only those of the wire
}

// received is what the conformance run looks at.
type received struct {
	Timestamp time.Time `json:"@timestamp"`
	Message   *string   `json:"message"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
	Event map[string]any `json:"event"`
	Log   struct {
		Syslog struct {
			Facility *struct{ Code int }    `json:"facility"`
			Severity *struct{ Code int }    `json:"severity"`
			Hostname *string                `json:"hostname"`
			AppName  *string                `json:"appname"`
			ProcID   *string                `json:"procid"`
			MsgID    *string                `json:"msgid"`
			SD       map[string]interface{} `json:"structured_data"`
		} `json:"syslog"`
	} `json:"log"`
	Destring struct {
		Flags []string `json:"flags"`
		Peer  struct {
			Name string `json:"name"`
		} `json:"peer"`
		TimestampSource string `json:"timestamp_source"`
	} `json:"destring"`
}

// With only `listen` configured, `serve --stdout` reads what senders write as RFC 5424, RFC 3164, RFC 6587, RFC 5425
// and their habits have it.
func TestWireConformance(t *testing.T) {
	cases := conformanceCases(t)
	e := &estate{t: t, dir: t.TempDir()}
	var err error
	if e.ca, err = pki.NewCA("test authority", time.Hour); err != nil {
		t.Fatal(err)
	}
	server := e.issue(pki.Request{Purpose: pki.Server, Names: []string{"localhost"}, Valid: time.Hour})
	e.write("server.pem", server.CertPEM, 0o644)
	e.write("server.key", server.KeyPEM, 0o600)
	e.write("ca.pem", e.ca.CertPEM(), 0o644)
	e.write("destring.yaml", []byte("listen:\n  syslog_tls: {address: \"127.0.0.1:0\", cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}\n"), 0o644)
	out := e.printed(func(address string) {
		for i, c := range cases {
			e.say(address, fmt.Sprintf("case-%d.example", i), c.bytes)
		}
	})
	got := make(map[string][]string)
	for line := range bytes.Lines(out) {
		var r received
		if err := json.Unmarshal(line, &r); err != nil || !utf8.Valid(line) {
			t.Fatalf("a record is no JSON in UTF-8: %v\n%q", err, line)
		}
		got[r.Destring.Peer.Name] = append(got[r.Destring.Peer.Name], string(line))
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lines := got[fmt.Sprintf("case-%d.example", i)]
			if len(lines) != len(c.want) {
				t.Fatalf("%d records, want %d, of %q:\n%s", len(lines), len(c.want), clip(c.bytes), clip(strings.Join(lines, "")))
			}
			for n, line := range lines {
				compareRecord(t, line, c.want[n])
			}
			if t.Failed() {
				t.Logf("of %q", clip(c.bytes))
			}
		})
	}
}

// printed runs `serve --stdout` in this process while send sends, stops it in order and returns what it printed.
func (e *estate) printed(send func(address string)) []byte {
	e.t.Helper()
	c, err := loadConfig(filepath.Join(e.dir, "destring.yaml"), []string{"spool.min_free=0B", "zone=UTC"}, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	remove, err := c.temporarySpool()
	if err != nil {
		e.t.Fatal(err)
	}
	defer remove()
	var log, out lockedBuffer
	h, err := buildHouse(c, houseOptions{stdout: true, out: &out, log: slog.New(slog.NewTextHandler(&log, nil)), level: new(slog.LevelVar)})
	if err != nil {
		e.t.Fatal(err)
	}
	r := &running{house: h, done: make(chan error, 1)}
	ctx, stop := context.WithCancel(e.t.Context())
	r.stop = stop
	go func() { r.done <- h.run(ctx) }() // ends with ctx
	defer r.end(e.t)
	send(h.door.listeners[0].Addr().String())
	r.end(e.t)
	return []byte(out.String())
}

// say writes all bytes on a connection of its own and waits until they are durable.
func (e *estate) say(address, name, text string) {
	e.t.Helper()
	leaf := e.issue(pki.Request{Purpose: pki.Client, Names: []string{name}, Valid: time.Hour})
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: e.ca.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{leaf.TLS()}})
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		e.t.Fatal(err)
	}
	hangUp(e.t, conn)
}

func compareRecord(t *testing.T, line string, want sent) {
	t.Helper()
	var r received
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatal(err)
	}
	differ := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %q, want %q", what, clip(fmt.Sprint(got)), clip(fmt.Sprint(want)))
		}
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		if *s == "" {
			return "(present and empty)"
		}
		return *s
	}
	s := r.Log.Syslog
	pri := ""
	if (s.Facility == nil) != (s.Severity == nil) {
		t.Error("facility and severity come together or not at all")
	} else if s.Facility != nil {
		pri = fmt.Sprint(s.Facility.Code*8 + s.Severity.Code)
		if s.Facility.Code > 23 || s.Severity.Code > 7 {
			t.Errorf("facility %d, severity %d", s.Facility.Code, s.Severity.Code)
		}
	}
	differ("PRI", pri, want.pri)
	differ("hostname", text(s.Hostname), want.host)
	differ("appname", text(s.AppName), want.app)
	differ("procid", text(s.ProcID), want.proc)
	differ("msgid", text(s.MsgID), want.msgid)
	if r.Message == nil {
		t.Error("there is no message")
	} else if !want.more || !strings.HasPrefix(*r.Message, want.text) {
		differ("message", *r.Message, want.text)
	}
	var sd map[string]any
	if want.sd != "" {
		if err := json.Unmarshal([]byte(want.sd), &sd); err != nil {
			t.Fatal(err)
		}
	}
	differ("structured data", s.SD, sd)
	switch at, err := time.Parse(time.RFC3339Nano, want.time); {
	case want.time == "":
		differ("source of @timestamp", r.Destring.TimestampSource, "receipt")
		if d := time.Since(r.Timestamp); d < -time.Second || d > 10*time.Minute {
			t.Errorf("@timestamp is %v, not the time of receipt", r.Timestamp)
		}
	case err != nil:
		t.Fatal(err)
	default:
		differ("@timestamp", r.Timestamp.UTC(), at.UTC())
	}
	fault := ""
	if r.Error != nil {
		fault = strings.TrimPrefix(r.Error.Message, "syslog header not understood: ")
	}
	differ("error.message", fault, want.fault)
	flags := slices.DeleteFunc(r.Destring.Flags, func(f string) bool { return !slices.Contains(wireFlags, f) })
	differ("flags", strings.Join(flags, " "), want.flags)
	if r.Event["original"] != nil {
		t.Error("event.original would hold secrets")
	}
}

// wireFlags are the flags that framing and header set; others are of the text.
var wireFlags = []string{"truncated", "partial", "continued", "invalid-utf8", "pri-out-of-range"}

func clip(s string) string {
	if len(s) > 700 {
		return s[:300] + "…" + s[len(s)-300:]
	}
	return s
}
