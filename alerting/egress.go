package alerting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Egress is the HTTP client of the sinks. It goes only to hosts that the configuration names,
// by https, or by http to a literal loopback address; it follows no redirect; a name that resolves to
// this machine or to a link-local address (a cloud's metadata service) is not connected to.
// Its errors hold no URL, for a webhook's URL is a secret.
type Egress struct {
	client *http.Client
	hosts  []string
}

// NewEgress makes an Egress for hosts ("hooks.slack.com", "siem.example:8443"). A host without
// port is meant with every port. A proxy is taken from HTTPS_PROXY, as everywhere.
func NewEgress(timeout time.Duration, hosts ...string) *Egress {
	dial := &net.Dialer{Timeout: 5 * time.Second, ControlContext: refuseLocal}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dial.DialContext, TLSHandshakeTimeout: 5 * time.Second,
		ResponseHeaderTimeout: timeout, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10}
	e := &Egress{hosts: hosts}
	e.client = &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return e
}

// loopbackKey marks the context of a request that may go to this machine: its URL says so, or
// the administrator's proxy is there.
type loopbackKey struct{}

// refuseLocal looks at the address that a name was resolved to.
func refuseLocal(ctx context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("unreadable address")
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.IsLoopback() && ctx.Value(loopbackKey{}) != nil {
		return nil
	}
	if ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() {
		return errors.New("the name resolves to this machine or a link-local address")
	}
	return nil
}

// Check says whether e goes to raw, in words that do not repeat it.
func (e *Egress) Check(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("it is no URL") // url.Parse repeats what it could not read
	}
	return e.check(u)
}

func (e *Egress) check(u *url.URL) error {
	switch {
	case u.Host == "" || u.Hostname() == "":
		return errors.New("the URL has no host")
	case u.User != nil:
		return errors.New("the URL holds a user name; give credentials by their own keys")
	case loopback(u):
		if u.Scheme == "http" || u.Scheme == "https" {
			return nil
		}
		return errors.New("the URL is neither http nor https")
	case u.Scheme != "https":
		return errors.New("the URL is not https; http is for a literal loopback address only")
	}
	if slices.ContainsFunc(e.hosts, func(h string) bool { return strings.EqualFold(h, u.Host) || strings.EqualFold(h, u.Hostname()) }) {
		return nil
	}
	return fmt.Errorf("the host %q is not among the allowed ones: %s", u.Hostname(), strings.Join(e.hosts, ", "))
}

// loopback reports whether u names this machine by an address; a name may resolve to anything.
func loopback(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.Unmap().IsLoopback()
}

// Do implements the client that slack-go takes.
func (e *Egress) Do(r *http.Request) (*http.Response, error) {
	if err := e.check(r.URL); err != nil {
		return nil, &DeliveryError{Outcome: Retry, Reason: err.Error()}
	}
	if proxy, err := http.ProxyFromEnvironment(r); loopback(r.URL) || err == nil && proxy != nil {
		r = r.WithContext(context.WithValue(r.Context(), loopbackKey{}, true))
	}
	resp, err := e.client.Do(r)
	if err != nil {
		return nil, WithoutURL(err)
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// maxAnswer bounds what is read of an answer. A page of 50 Slack messages as we write them is 0.4 MiB.
const maxAnswer = 4 << 20

// CloseIdle closes the connections that are kept for later.
func (e *Egress) CloseIdle() { e.client.CloseIdleConnections() }

// WithoutURL turns an error of net/http into a DeliveryError that does not hold the URL, nor
// anything that was read from the other side.
func WithoutURL(err error) *DeliveryError {
	var d *DeliveryError
	var op *net.OpError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &d):
		return d
	case errors.As(err, &dns):
		return &DeliveryError{Outcome: Retry, Reason: "the host name could not be resolved"}
	case errors.As(err, &op) && op.Op == "dial":
		return &DeliveryError{Outcome: Retry, Reason: "no connection: " + innermost(op).Error()}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &DeliveryError{Outcome: Unknown, Reason: "no answer in time"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &DeliveryError{Outcome: Unknown, Reason: "the connection broke before the answer"}
	}
	return &DeliveryError{Outcome: Unknown, Reason: fmt.Sprintf("the request failed: %T", innermost(err))}
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// RetryAfter reads the header of that name: seconds, or a date (RFC 9110 §10.2.3).
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n >= 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return min(at.Sub(now), time.Hour)
	}
	return 0
}
