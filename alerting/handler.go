package alerting

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// Handler serves the local API over HTTP on a unix socket: whoever may open the socket (0600) may do
// everything. Answers and errors are JSON; every change is audited with who asked for it.
//
//	GET    /v1/alerts?match=level>=high&all=true   []Alert
//	GET    /v1/alerts/{id}                         Alert, with what each sink was told
//	POST   /v1/alerts/{id}/ack                     {"by", "note"}
//	POST   /v1/alerts/{id}/false-positive          {"by"} → Proposal
//	GET    /v1/silences?all=true                   []Silence
//	POST   /v1/silences                            {"match": […] or "alert", "for" or "end", "author", "reason"} → Silence
//	DELETE /v1/silences/{id}                       {"by"}
func (a *Alerter) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"GET /v1/alerts": a.serveList, "GET /v1/alerts/{id}": func(r *http.Request) (any, error) { return a.Show(r.PathValue("id")) },
		"POST /v1/alerts/{id}/ack": a.serveAck, "POST /v1/alerts/{id}/false-positive": a.serveFalsePositive,
		"GET /v1/silences":  func(r *http.Request) (any, error) { return a.Silences(r.FormValue("all") == "true"), nil },
		"POST /v1/silences": a.serveSilence, "DELETE /v1/silences/{id}": a.serveExpire,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { reply(w, r, serve) })
	}
	return mux
}

// badRequest is an error of the one who asked.
type badRequest struct{ error }

func reply(w http.ResponseWriter, r *http.Request, serve func(*http.Request) (any, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	w.Header().Set("Content-Type", "application/json")
	v, err := serve(r)
	if err != nil {
		var bad badRequest
		switch {
		case errors.Is(err, ErrNotFound):
			w.WriteHeader(http.StatusNotFound)
		case errors.As(err, &bad):
			w.WriteHeader(http.StatusBadRequest)
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		v = map[string]string{"error": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(v) // the client is gone when this fails
}

// ask is the body of every request that changes something.
type ask struct {
	By     string    `json:"by,omitempty"`
	Note   string    `json:"note,omitempty"`
	Match  []string  `json:"match,omitempty"`
	Alert  string    `json:"alert,omitempty"`
	For    string    `json:"for,omitempty"` // a Go duration
	End    time.Time `json:"end,omitzero"`
	Author string    `json:"author,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

func asked(r *http.Request) (q ask, err error) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil && !errors.Is(err, io.EOF) {
		return q, badRequest{errors.New("the body is not the JSON object that is wanted: " + strings.TrimPrefix(err.Error(), "json: "))}
	}
	return q, nil
}

func parseMatchers(list []string) (all []Matcher, err error) {
	for _, s := range list {
		m, err := ParseMatcher(s)
		if err != nil {
			return nil, badRequest{err}
		}
		all = append(all, m)
	}
	return all, nil
}

func (a *Alerter) serveList(r *http.Request) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, badRequest{err}
	}
	match, err := parseMatchers(r.Form["match"])
	if err != nil {
		return nil, err
	}
	return a.List(match, r.Form.Get("all") == "true"), nil
}

func (a *Alerter) serveAck(r *http.Request) (any, error) {
	q, err := asked(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, a.Ack(r.PathValue("id"), q.By, q.Note)
}

func (a *Alerter) serveFalsePositive(r *http.Request) (any, error) {
	q, err := asked(r)
	if err != nil {
		return nil, err
	}
	return a.FalsePositive(r.PathValue("id"), q.By)
}

func (a *Alerter) serveSilence(r *http.Request) (any, error) {
	q, err := asked(r)
	if err != nil {
		return nil, err
	}
	match, err := parseMatchers(q.Match)
	if err != nil {
		return nil, err
	}
	s := Silence{Match: match, End: q.End, Author: q.Author, Reason: q.Reason, Alert: q.Alert}
	if q.For != "" {
		d, err := time.ParseDuration(q.For)
		if err != nil || !q.End.IsZero() {
			return nil, badRequest{errors.New(`"for" wants a duration with a unit, as 2h or 30m, and no "end" beside it`)}
		}
		s.End = time.Now().Add(d)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if q.Alert != "" {
		al, err := a.find(q.Alert)
		if err != nil {
			return nil, err
		}
		s.Match = append(s.Match, a.groupMatchers(al)...)
	}
	return a.addSilence(s)
}

func (a *Alerter) serveExpire(r *http.Request) (any, error) {
	q, err := asked(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, a.ExpireSilence(r.PathValue("id"), q.By)
}
