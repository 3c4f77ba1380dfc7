package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client asks a running Alerter through its Handler on a unix socket: the other side of
// `destring alert` and `destring silence`.
type Client struct{ http *http.Client }

// NewClient makes a Client of the socket at path.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
	}
	return &Client{&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Alerts returns the alerts that all matchers fit.
func (c *Client) Alerts(ctx context.Context, match []string, all bool) (list []*Alert, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/alerts?"+query(match, all), nil, &list)
	return list, err
}

// Alert returns one alert with what each sink was told.
func (c *Client) Alert(ctx context.Context, id string) (a *Alert, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/alerts/"+url.PathEscape(id), nil, &a)
	return a, err
}

// Ack acknowledges an alert.
func (c *Client) Ack(ctx context.Context, id, by, note string) error {
	return c.do(ctx, http.MethodPost, "/v1/alerts/"+url.PathEscape(id)+"/ack", ask{By: by, Note: note}, nil)
}

// FalsePositive reports an alert as one.
func (c *Client) FalsePositive(ctx context.Context, id, by string) (p Proposal, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/alerts/"+url.PathEscape(id)+"/false-positive", ask{By: by}, &p)
	return p, err
}

// Silences returns the silences that hold; all adds the ended ones.
func (c *Client) Silences(ctx context.Context, all bool) (list []Silence, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/silences?"+query(nil, all), nil, &list)
	return list, err
}

// Silence adds a silence for d, of what fits all matchers, of the group of an alert, or both.
func (c *Client) Silence(ctx context.Context, match []string, alert string, d time.Duration, author, reason string) (s Silence, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/silences", ask{Match: match, Alert: alert, For: d.String(), Author: author, Reason: reason}, &s)
	return s, err
}

// Expire ends a silence.
func (c *Client) Expire(ctx context.Context, id, by string) error {
	return c.do(ctx, http.MethodDelete, "/v1/silences/"+url.PathEscape(id), ask{By: by}, nil)
}

func query(match []string, all bool) string {
	q := url.Values{"match": match}
	if all {
		q.Set("all", "true")
	}
	return q.Encode()
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://destring"+path, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return fmt.Errorf("destring is not running, or not for this user: %w", innermost(op))
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var said struct{ Error string }
		if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said); err != nil || said.Error == "" {
			return fmt.Errorf("the local API answers with HTTP status %d", resp.StatusCode)
		}
		if resp.StatusCode == http.StatusNotFound {
			return &remoteError{said.Error, ErrNotFound}
		}
		return &remoteError{said.Error, nil}
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("the local API's answer cannot be read: %w", err)
	}
	return nil
}

// remoteError is what the other side said.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }
