package alerting

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// ocsfVersion is the schema that EncodeOCSF writes. Its golden files were judged by the full schema of that
// version and, class 2004, by the models of 1.5 in PyPI's py-ocsf-models.
const ocsfVersion = "1.2.0"

// Classes of OCSF findings. A leak is a Data Security Finding, all else a Detection Finding.
const (
	ocsfDetection    = 2004
	ocsfDataSecurity = 2006
)

type object = map[string]any

// EncodeOCSF makes an OCSF finding of an alert: activity Create for its first message, Update for
// those that follow, Close when it is resolved. Digests and notices are no findings.
func EncodeOCSF(m *Message) ([]byte, error) {
	if m.Alert == nil {
		return nil, errors.New("OCSF has no event for a digest or a notice")
	}
	a, class := m.Alert, ocsfDetection
	if a.Match.Finding.Detector != "" {
		class = ocsfDataSecurity
	}
	activity, activityName := 2, "Update"
	switch {
	case a.Status == Resolved:
		activity, activityName = 3, "Close"
	case m.Act == Post && m.Posts == 0:
		activity, activityName = 1, "Create"
	}
	status, statusName := ocsfStatus(a)
	level := a.Level.String()
	e := object{
		"category_uid": 2, "category_name": "Findings", "class_uid": class, "type_uid": class*100 + activity, "activity_id": activity, "activity_name": activityName,
		"time": millis(m.Began), "start_time": millis(a.First), "end_time": millis(a.Last), "count": a.Count, "message": a.Title(),
		"severity_id": int(levelOf(a.Level)) + 1, "severity": strings.ToUpper(level[:1]) + level[1:], "status_id": status, "status": statusName,
		"metadata":     object{"version": ocsfVersion, "uid": m.Key, "log_name": "celery.alerts", "product": object{"name": "destring", "vendor_name": "destring"}},
		"finding_info": ocsfFinding(a), "resources": ocsfResources(a),
		"unmapped": present(object{"task_id": a.Match.TaskID, "event_id": a.Match.EventID, "sample": a.Match.Sample, "fingerprint": a.Match.Finding.Fingerprint,
			"secret_key": a.Match.Finding.Key, "environment": a.Match.Environment, "peer_fingerprint": a.Match.PeerFingerprint, "why": a.Match.Why}),
	}
	if class == ocsfDataSecurity {
		e["class_name"], e["data_security"] = "Data Security Finding", ocsfData(&a.Match.Finding)
	} else {
		e["class_name"] = "Detection Finding"
		if a.Match.Rule.Runbook != "" {
			e["remediation"] = object{"desc": "Runbook: " + a.Match.Rule.Runbook}
		}
	}
	return json.Marshal(e)
}

func ocsfStatus(a *Alert) (int, string) {
	switch {
	case a.Status == Resolved:
		return 4, "Resolved"
	case a.Silence != "":
		return 3, "Suppressed"
	case a.Status == Acknowledged:
		return 2, "In Progress"
	}
	return 1, "New"
}

func ocsfFinding(a *Alert) object {
	m := &a.Match
	info := object{"uid": a.ID, "title": a.Title(), "first_seen_time": millis(a.First), "last_seen_time": millis(a.Last), "created_time": millis(a.Opened),
		"analytic": present(object{"uid": m.RuleID(), "name": a.Title(), "type_id": 1, "type": "Rule", "version": m.Rule.Version})}
	var attacks []object
	for _, t := range a.Techniques() {
		parent, _, sub := strings.Cut(t.ID, ".")
		attack := object{"technique": object{"uid": parent, "name": orID(techniqueNames[parent], parent)}}
		if sub {
			attack["sub_technique"] = object{"uid": t.ID, "name": orID(t.Name, t.ID)}
		}
		attacks = append(attacks, attack)
	}
	if len(attacks) > 0 {
		info["attacks"] = attacks
	}
	return info
}

// ocsfResources are what the alert is about.
func ocsfResources(a *Alert) []object {
	list := []object{}
	add := func(kind, name string) {
		if name != "" {
			list = append(list, object{"type": kind, "name": name, "uid": name})
		}
	}
	for _, t := range a.Tasks {
		add("celery task", t)
	}
	for _, w := range a.Workers {
		add("celery worker", w)
	}
	add("client certificate", a.Match.Peer)
	add("host", a.Match.Host)
	return list
}

func ocsfData(f *Finding) object {
	category, name := 6, "Security"
	switch strings.ToLower(f.Class) {
	case "personal", "pii":
		category, name = 1, "Personal"
	case "financial", "card", "payment":
		category, name = 3, "Financial"
	}
	return object{"category_id": category, "category": name, "detection_system_id": 10, "detection_system": "Application-Level DLP", "detection_pattern": f.Detector,
		"data_lifecycle_state_id": 2, "data_lifecycle_state": "Data in-Transit"}
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// present drops what is empty.
func present(o object) object {
	for k, v := range o {
		if v == "" {
			delete(o, k)
		}
	}
	return o
}

func orID(name, id string) string {
	if name == "" {
		return id
	}
	return name
}
