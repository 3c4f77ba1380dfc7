package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// loadPlan is what the loader is to send; it comes as one JSON object on its standard input.
type loadPlan struct {
	Dir         string `json:"dir"` // of ca.pem, worker.pem, worker.key
	Syslog      string `json:"syslog"`
	RELP        string `json:"relp"`
	Connections int    `json:"connections"`
	Messages    int    `json:"messages"` // of all connections
	Chunk       int    `json:"chunk"`    // frames in a write, which is one TLS record if it is short enough
	Rate        int    `json:"rate"`     // messages a second of all connections; 0: as fast as the relay takes them
	Seed        uint64 `json:"seed"`
}

// share is how many messages a connection sends.
func (p *loadPlan) share(connection int) int {
	n := p.Messages / p.Connections
	if connection < p.Messages%p.Connections {
		n++
	}
	return n
}

// loadResult is what the loader did; it is the one line that it prints.
type loadResult struct {
	Sent    int             `json:"sent"`
	Bytes   int64           `json:"bytes"`
	Secrets int             `json:"secrets"`
	Probes  int             `json:"probes"`
	Began   time.Time       `json:"began"`
	Ended   time.Time       `json:"ended"`   // the relay's last close_notify: everything is durable
	Durable []time.Duration `json:"durable"` // of each probe, from its write to the reply
}

// newBenchLoad is the sender of `bench`, a process of its own so that its CPU is not the relay's.
func newBenchLoad() *cobra.Command {
	return &cobra.Command{Use: "bench-load", Hidden: true, Short: "Send the traffic of bench", Args: cobra.NoArgs, Example: "  (called by destring bench)",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var plan loadPlan
			if err := json.NewDecoder(cmd.InOrStdin()).Decode(&plan); err != nil {
				return usageError("bench-load is called by bench: %w", err)
			}
			result, err := plan.send(cmd.Context())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
		}}
}

func (p *loadPlan) tls() (*tls.Config, error) {
	ca, err := os.ReadFile(filepath.Join(p.Dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(p.Dir, "worker.pem"), filepath.Join(p.Dir, "worker.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: []tls.Certificate{cert}}, nil
}

// send sends everything and returns when the relay has said that all of it is durable.
func (p *loadPlan) send(ctx context.Context) (*loadResult, error) {
	config, err := p.tls()
	if err != nil {
		return nil, err
	}
	conns := make([]*tls.Conn, p.Connections)
	for i := range conns {
		if conns[i], err = dialBench(ctx, p.Syslog, config); err != nil {
			return nil, err
		}
		defer conns[i].Close()
	}
	relp, err := dialRELP(ctx, p.RELP, config)
	if err != nil {
		return nil, err
	}
	defer relp.conn.Close()
	result := &loadResult{Began: time.Now()}
	var senders, prober sync.WaitGroup
	var bytes, secrets atomic.Int64
	errs := make(chan error, p.Connections+1)
	for i, conn := range conns {
		senders.Go(func() {
			g := newBenchTraffic(p.Seed, i)
			n, err := p.stream(conn, g, result.Began)
			bytes.Add(n)
			secrets.Add(int64(g.secrets))
			errs <- err
		})
	}
	loaded := make(chan struct{})
	prober.Go(func() {
		var err error
		result.Durable, err = relp.probe(loaded)
		errs <- err
	})
	senders.Wait()
	result.Ended = time.Now()
	close(loaded)
	prober.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return nil, err
		}
	}
	result.Sent, result.Bytes, result.Secrets, result.Probes = p.Messages, bytes.Load(), int(secrets.Load()), len(result.Durable)
	return result, nil
}

func dialBench(ctx context.Context, address string, config *tls.Config) (*tls.Conn, error) {
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("bench: connect to the relay: %w", err)
	}
	return conn.(*tls.Conn), nil
}

// stream sends one connection's share, closes in order and waits for the relay's close_notify, which
// comes when everything is durable.
func (p *loadPlan) stream(conn *tls.Conn, g *benchTraffic, began time.Time) (sent int64, err error) {
	var buf []byte
	for n, share := 0, p.share(g.connection); n < share; {
		buf = buf[:0]
		for range min(p.Chunk, share-n) {
			buf = g.append(buf, time.Now())
			n++
		}
		if p.Rate > 0 {
			due := time.Duration(float64(n) * float64(p.Connections) / float64(p.Rate) * float64(time.Second))
			time.Sleep(time.Until(began.Add(due)))
		}
		if _, err := conn.Write(buf); err != nil {
			return sent, fmt.Errorf("bench: send: %w", err)
		}
		sent += int64(len(buf))
	}
	if err := errors.Join(conn.CloseWrite(), conn.SetReadDeadline(time.Now().Add(2*time.Minute))); err != nil {
		return sent, fmt.Errorf("bench: close: %w", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return sent, fmt.Errorf("bench: the relay did not say that everything is durable: %w", err)
	}
	return sent, nil
}

// relpProbe is a RELP session that sends one message at a time and waits for its reply.
type relpProbe struct {
	conn   *tls.Conn
	in     *bufio.Reader
	number int
}

// probePause is between two probes.
const probePause = 10 * time.Millisecond

func dialRELP(ctx context.Context, address string, config *tls.Config) (*relpProbe, error) {
	conn, err := dialBench(ctx, address, config)
	if err != nil {
		return nil, err
	}
	r := &relpProbe{conn: conn, in: bufio.NewReader(conn)}
	if err := r.command("open", "relp_version=0\nrelp_software=destring-bench\ncommands=syslog\n"); err != nil {
		return nil, err
	}
	return r, nil
}

// probe measures until the load has ended, once at least.
func (r *relpProbe) probe(loaded <-chan struct{}) (took []time.Duration, err error) {
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	for {
		began := time.Now()
		text := fmt.Sprintf("Task shop.tasks.probe[00000000-0000-4000-8000-%012x] received", len(took))
		if err := r.command("syslog", benchMessage(began, "p0-"+strconv.Itoa(len(took)), "celery.worker.strategy", "INFO", "MainProcess", text)); err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
		select {
		case <-loaded:
			return took, nil
		case <-tick.C:
		}
	}
}

// command sends a command and reads its reply, as "7 rsp 6 200 OK\n".
func (r *relpProbe) command(name, data string) error {
	r.number++
	if _, err := fmt.Fprintf(r.conn, "%d %s %d %s\n", r.number, name, len(data), data); err != nil {
		return fmt.Errorf("bench: RELP: %w", err)
	}
	var head [3]string
	for i := range head {
		word, err := r.in.ReadString(' ')
		if err != nil {
			return fmt.Errorf("bench: RELP: %w", err)
		}
		head[i] = strings.TrimSpace(word)
	}
	n, err := strconv.Atoi(head[2])
	if err != nil || n < 3 || n > 4096 {
		return fmt.Errorf("bench: RELP: the reply to %s has no length", name)
	}
	reply := make([]byte, n+1) // and its line feed
	if _, err := io.ReadFull(r.in, reply); err != nil {
		return fmt.Errorf("bench: RELP: %w", err)
	}
	if head[0] != strconv.Itoa(r.number) || !strings.HasPrefix(string(reply), "200") {
		return fmt.Errorf("bench: RELP: %s was refused: %q", name, reply)
	}
	return nil
}
