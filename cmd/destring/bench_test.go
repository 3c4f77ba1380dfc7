package main

import (
	"strings"
	"testing"
	"time"

	"destring/relay/kafka"
)

func TestTheTallyTellsLossDuplicatesSurvivorsAndStrangersApart(t *testing.T) {
	now := time.Unix(1764064800, 0)
	tally := &benchTally{seen: map[int][]uint64{}}
	for _, value := range []string{
		`{"log":{"syslog":{"msgid":"b0-0"}},"message":"fine"}`,
		`{"log":{"syslog":{"msgid":"b0-0"}},"message":"fine"}`,
		`{"log":{"syslog":{"msgid":"b0-70"}},"message":"password=` + benchMarker + `abc"}`,
		`{"log":{"syslog":{"msgid":"p0-0"}},"message":"AKIA` + benchUpperMarker + `"}`,
		`{"log":{"syslog":{"msgid":"b99999999-1"}}}`,
		`{"message":"a record of somebody else"}`,
	} {
		tally.add(&kafka.Record{Value: []byte(value), Time: now}, now)
	}
	if got := tally.unique.Load(); got != 3 || tally.Duplicates != 1 || tally.Survived != 2 || tally.Foreign != 2 {
		t.Errorf("%d unique, %d duplicates, %d survived, %d foreign", got, tally.Duplicates, tally.Survived, tally.Foreign)
	}
}

func TestTheTrafficOfASeedIsTheSameAndOfEveryKind(t *testing.T) {
	weights := 0
	for _, s := range benchShapes {
		weights += s.weight
	}
	if weights != 1000 {
		t.Errorf("the weights are %d of a thousand", weights)
	}
	now := time.Unix(1764064800, 0)
	one, two := newBenchTraffic(7, 3), newBenchTraffic(7, 3)
	var all strings.Builder
	for range 2000 {
		a, b := one.append(nil, now), two.append(nil, now)
		if string(a) != string(b) {
			t.Fatalf("two ways: %q and %q", a, b)
		}
		all.Write(a)
	}
	for _, want := range []string{" received", " succeeded in ", "Traceback (most recent call last)", " retry: ", benchMarker, benchUpperMarker, benchCard} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no line with %q", want)
		}
	}
	if share := one.secrets * 1000 / 2000; share < 40 || share > 100 {
		t.Errorf("%d secrets in 2000 lines", one.secrets)
	}
}
