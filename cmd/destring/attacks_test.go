package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"destring/alerting"
	"destring/rules/detect"
)

// Captures of real workers under attack (testdata/attacks/capture.py), and how often each rule fires on
// each: on the records that are about it and on no other, correlations where they are complete.
var attacks = []struct {
	capture string
	records int
	fires   map[string]int
}{
	{"attacked", 131, map[string]int{
		"Control characters in a log message":                   1,
		"Forged line inside a log message":                      1,
		"Limits of a task changed by remote control":            2,
		"Many different unregistered tasks":                     1,
		"Many messages that cannot be decoded":                  1,
		"Many tasks revoked with one command":                   1,
		"Message of an unknown form on a task queue":            1,
		"Message that cannot be decoded":                        6,
		"Name or id of a task that Celery does not make":        1,
		"Pickle or YAML message to a worker that refuses it":    2,
		"Process of a worker was lost":                          1,
		"Remote control command for a task that does not exist": 1,
		"Secret by its name in a Celery log":                    1,
		"Task events switched on by remote control":             1,
		"Task killed by remote control with SIGKILL":            1,
		"Task terminated by remote control":                     2,
		"Task that the worker does not have":                    8,
		"Text that imitates the marks of redaction":             1,
		"Unknown or broken remote control command":              1,
		"Unregistered task named like a system function":        1,
		"Worker stopped by remote control":                      1,
		"Worker told to read another queue":                     2,
	}},
	{"debug", 119, map[string]int{
		"Cloud metadata address in the arguments of a task":                2,
		"Command in the arguments of a task":                               1,
		"Configuration or task list read by remote control":                2,
		"Crypto miner in the text of a task":                               2,
		"Path traversal in the arguments of a task":                        1,
		"Pickled object in the arguments of a task":                        2,
		"SQL injection in the arguments of a task":                         2,
		"Service for catching or dropping data in the arguments of a task": 2,
		"Template or lookup expression in the arguments of a task":         2,
		"Web shell or reverse shell in the arguments of a task":            2,
		"Worker logs at level DEBUG":                                       1,
	}},
	{"signed", 7, map[string]int{
		"Signed message that does not verify": 1,
	}},
	{"poisoned", 45, map[string]int{
		"Message that throws the worker off its broker": 6,
		"Poison message in a loop":                      1,
	}},
	{"locked", 8, map[string]int{
		"Broker refused the credentials of a worker": 8,
		"Broker refuses a worker again and again":    1,
	}},
	{"../../../../relay/testdata/captures/destring-octet", 67, map[string]int{
		"Cloud key in a Celery log":                    3,
		"Control characters in a log message":          1,
		"Forged line inside a log message":             2,
		"Password of a connection URL in a Celery log": 2,
		"Payment or identity number in a Celery log":   4,
		"Secret by its name in a Celery log":           5,
	}},
}

// shop is what the example shop leaks in its capture, where placeholders of the same length stand for it
// (relay/capture_test.go).
var shop = map[string]string{
	"aws_key":      "AKIA" + "Q7RZT2NW5KXJ4MBD",
	"aws_secret":   "kR8vT2nW5xJ4mBdQ7zLp" + "Hs3Yf9Gc6Ea1Uo0iNqXt",
	"dsn_password": "s3cr3t" + "dsnpw4711okay",
	"password":     "hunter2" + "IsNotMyPassw",
	"email":        "jane.roe@shop.example",
	"card":         "4111111111" + "111111",
}

// The bytes of a capture walk through the whole house, and what alerting reads of them at the other end is judged
// as alerting does.
func TestEachRuleFiresOnWhatAnAttackedWorkerSent(t *testing.T) {
	for _, a := range attacks {
		t.Run(filepath.Base(a.capture), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "attacks", a.capture+".bin"))
			if err != nil {
				t.Fatal(err)
			}
			for name, secret := range shop {
				stands := "{{" + name + strings.Repeat(".", len(secret)-len(name)-4) + "}}"
				data = bytes.ReplaceAll(data, []byte(stands), []byte(secret))
			}
			e := newEstate(t)
			r := e.start("")
			conn := e.dial(r, "worker-7.shop.example")
			if _, err := conn.Write(data); err != nil {
				t.Fatal(err)
			}
			hangUp(t, conn)
			values := [][]byte{}
			for _, record := range e.topic("celery.logs.v1", a.records) {
				values = append(values, record.Value)
			}
			set, err := r.house.config.ruleSet()
			if err != nil {
				t.Fatal(err)
			}
			matches, unreadable := alerting.NewJudge(set, leastAlert, detect.CorrelatorOptions{}).Frame(values, nil)
			if unreadable > 0 {
				t.Errorf("%d records cannot be read", unreadable)
			}
			got := map[string]int{}
			for _, m := range matches {
				got[m.Rule.Title]++
			}
			for _, title := range slices.Sorted(maps.Keys(got)) {
				if got[title] != a.fires[title] {
					t.Errorf("%q fires %d times, want %d", title, got[title], a.fires[title])
				}
			}
			for title, n := range a.fires {
				if got[title] == 0 {
					t.Errorf("%q does not fire, want %d", title, n)
				}
			}
			r.end(t)
		})
	}
}
