package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"destring/alerting"
	"destring/relay"
	"destring/relay/kafka"
	"destring/relay/spool"
	"destring/rules"
)

// spoolMatches lets alerting read the spool. It is alerting.Matches.
type spoolMatches struct {
	reader *spool.Reader
	log    *slog.Logger
}

// newSpoolMatches reads the frames of the log topic in which something matched. The header of a
// frame says so, thus the others are not even decrypted.
func newSpoolMatches(reader *spool.Reader, logs string, log *slog.Logger) *spoolMatches {
	reader.Filter(func(f *spool.Frame) bool { return f.Matched && f.Topic == logs })
	return &spoolMatches{reader, log}
}

// Next waits for the next frame with a match.
func (m *spoolMatches) Next(ctx context.Context) (alerting.Batch, error) {
	f, err := m.reader.Next(ctx)
	if err != nil {
		return alerting.Batch{}, err
	}
	return alerting.Batch{Matches: m.read(f), Position: f.Position}, nil
}

// Commit moves the durable cursor: all up to p is in the journal of the alerts.
func (m *spoolMatches) Commit(p alerting.Position) error {
	return m.reader.Commit(p.(spool.Position), nil)
}

// read takes the matches out of a frame. A frame that cannot be read was damaged after it was
// checked; it is said and passed over, for it will not get better.
func (m *spoolMatches) read(f spool.Frame) []alerting.Match {
	records, err := kafka.Decode(relay.BatchOf(f))
	if err != nil {
		m.log.Error("alerts: a frame of the spool cannot be decoded", "sequence", f.First, "error", err)
		return nil
	}
	var all []alerting.Match
	for i := range records {
		all = append(all, matchesOf(records[i].Value)...)
	}
	return all
}

// matchRecord is what alerting needs of a published record.
type matchRecord struct {
	Message string `json:"message"`
	Event   struct {
		ID      string    `json:"id"`
		Created time.Time `json:"created"`
	} `json:"event"`
	Celery struct {
		Worker string `json:"worker"`
		Task   struct {
			Name string `json:"name"`
			ID   string `json:"id"`
		} `json:"task"`
	} `json:"celery"`
	Log struct {
		Syslog struct {
			Hostname string `json:"hostname"`
		} `json:"syslog"`
	} `json:"log"`
	Source struct {
		IP string `json:"ip"`
	} `json:"source"`
	Service struct {
		Environment string `json:"environment"`
	} `json:"service"`
	TLS struct {
		Client struct {
			Hash struct {
				SHA256 string `json:"sha256"`
			} `json:"hash"`
		} `json:"client"`
	} `json:"tls"`
	Destring struct {
		Peer struct {
			Name string `json:"name"`
		} `json:"peer"`
		Findings []struct {
			Detector    string `json:"detector"`
			Class       string `json:"class"`
			Severity    string `json:"severity"`
			Key         string `json:"key"`
			Fingerprint string `json:"fingerprint"`
		} `json:"findings"`
	} `json:"destring"`
}

// leastAlert is from which severity a finding without a rule raises an alert.
const leastAlert = rules.Medium

// matchesOf returns what in a published record is worth an alert.
func matchesOf(value []byte) []alerting.Match {
	var r matchRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return nil
	}
	base := alerting.Match{Time: r.Event.Created, EventID: r.Event.ID, Task: r.Celery.Task.Name, TaskID: r.Celery.Task.ID, Worker: r.Celery.Worker,
		Peer: r.Destring.Peer.Name, PeerFingerprint: r.TLS.Client.Hash.SHA256, PeerAddress: r.Source.IP, Host: r.Log.Syslog.Hostname,
		Environment: r.Service.Environment, Sample: r.Message}
	var all []alerting.Match
	for _, f := range r.Destring.Findings {
		m := base
		m.Finding = alerting.Finding{Detector: f.Detector, Class: f.Class, Severity: rules.ParseSeverity(f.Severity), Key: f.Key, Fingerprint: f.Fingerprint}
		if m.Finding.Severity < leastAlert || slices.ContainsFunc(all, func(o alerting.Match) bool { return o.Finding == m.Finding }) {
			continue
		}
		all = append(all, m)
	}
	return all
}
