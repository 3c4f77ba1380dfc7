package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// control is the relay's local API, HTTP over a unix socket of mode 0600: whoever may open it is
// the relay's user or root. It never gives out raw text.
type control struct {
	server *http.Server
	ln     *net.UnixListener
	path   string
}

// maxControlBody bounds what a request may send, in bytes.
const maxControlBody = 1 << 16

// controlSocket is where the socket lies: beside spool.dir unless the configuration says.
func (c *Config) controlSocket() string { return c.besideSpool(c.Control.Socket, "control.sock") }

func newControl(path string, handler http.Handler, log *slog.Logger) (*control, error) {
	if err := removeDeadSocket(path); err != nil {
		return nil, fmt.Errorf("control.socket: %w", err)
	}
	// The socket must never exist with a wider mode: it is made in a folder that only we can
	// enter, and moved to its place when its mode is right.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".control-*")
	if err != nil {
		return nil, fmt.Errorf("control.socket: %w", err)
	}
	defer os.RemoveAll(dir)
	inside := filepath.Join(dir, "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: inside, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control.socket %s: %w (a path may have 107 bytes; set control.socket to a shorter one)", path, err)
	}
	ln.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(inside, 0o600), os.Rename(inside, path)); err != nil {
		return nil, fmt.Errorf("control.socket: %w", errors.Join(err, ln.Close()))
	}
	return &control{ln: ln, path: path, server: &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 1 << 14,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}}, nil
}

// removeDeadSocket takes away what a relay left that was killed.
func removeDeadSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and no socket: take it away or set another path", path)
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return fmt.Errorf("another relay answers on %s", path)
	}
	return os.Remove(path)
}

// Run serves until ctx ends.
func (c *control) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.close() })
	defer stop()
	if err := c.server.Serve(c.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

func (c *control) close() error {
	_ = os.Remove(c.path) // it may be gone with its folder
	_ = c.ln.Close()      // the server has closed it, when it ever served
	return c.server.Close()
}

// routes are the calls of the API.
func (h *house) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/reload", h.serveReload)
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.status()) })
	mux.HandleFunc("GET /v1/tail", h.serveTail)
	h.alertRoutes(mux)
	return http.MaxBytesHandler(mux, maxControlBody)
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// refuse writes an error as JSON.
func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

// controlClient calls a running relay.
type controlClient struct {
	http   http.Client
	socket string
}

func newControlClient(socket string) *controlClient {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &controlClient{socket: socket, http: http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// do calls the API. The answer's body is the caller's to close.
func (c *controlClient) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var send *jsonBody
	if body != nil {
		send = newJSONBody(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://destring"+path, send.reader())
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("no relay answers on %s (is it running, with this configuration, and as this user?): %w", c.socket, errors.Unwrap(err))
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		var said struct {
			Error string `json:"error"`
		}
		if json.NewDecoder(res.Body).Decode(&said) != nil || said.Error == "" {
			said.Error = res.Status
		}
		if res.StatusCode == http.StatusUnprocessableEntity {
			return nil, &refusedError{said.Error}
		}
		return nil, errors.New(said.Error)
	}
	return res, nil
}

// refusedError is what the relay said of a request that it understood and would not follow.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// ask calls the API and reads its answer into v.
func (c *controlClient) ask(ctx context.Context, method, path string, body, v any) error {
	res, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		return fmt.Errorf("the relay's answer cannot be read: %w", err)
	}
	return nil
}
