package listener

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// complaints writes log lines about clients: one line per cause and peer in a period,
// however often the peer tries. The next line says how many were left out.
type complaints struct {
	log    *slog.Logger
	period time.Duration

	mu    sync.Mutex
	last  map[complaint]*silence
	swept time.Time // when last was searched for what is over
}

type complaint struct {
	cause reason
	peer  string // certificate name or IP address
}

type silence struct {
	until   time.Time
	skipped int
}

// maxComplaints bounds the memory that many addresses can take. When it is full of causes that are still silent,
// all further peers of one cause share a line.
const maxComplaints = 4096

func newComplaints(log *slog.Logger, period time.Duration) *complaints {
	return &complaints{log: log, period: period, last: map[complaint]*silence{}}
}

// say writes the line unless one about the same cause and peer was written a short while ago.
func (c *complaints) say(level slog.Level, text string, cause reason, peer string, attrs ...slog.Attr) {
	skipped, ok := c.due(complaint{cause, peer}, time.Now())
	if !ok {
		return
	}
	attrs = append(attrs, slog.String("reason", string(cause)), slog.String("peer", peer))
	if remedy := remedies[cause]; remedy != "" {
		attrs = append(attrs, slog.String("remedy", remedy))
	}
	if skipped > 0 {
		attrs = append(attrs, slog.Int("skipped", skipped))
	}
	c.log.LogAttrs(context.Background(), level, text, attrs...)
}

func (c *complaints) due(key complaint, now time.Time) (skipped int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.last[key]
	if s == nil && len(c.last) >= maxComplaints {
		if now.Sub(c.swept) > c.period/8 { // not at each of many new addresses
			c.sweep(now)
			c.swept = now
		}
		if len(c.last) >= maxComplaints {
			key.peer = ""
			s = c.last[key]
		}
	}
	if s == nil {
		s = &silence{}
		c.last[key] = s
	}
	if now.Before(s.until) {
		s.skipped++
		return 0, false
	}
	skipped, s.skipped, s.until = s.skipped, 0, now.Add(c.period)
	return skipped, true
}

// sweep forgets what is no longer silent.
func (c *complaints) sweep(now time.Time) {
	for key, s := range c.last {
		if !now.Before(s.until) {
			delete(c.last, key)
		}
	}
}
