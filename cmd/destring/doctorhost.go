package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// checkModes looks at who else can read or change the relay's files. That private files are private
// was found out with the configuration.
func (c *Config) checkModes(u *checkup) {
	bad := len(u.Lines)
	if info, err := os.Stat(c.file); err == nil && info.Mode().Perm()&0o022 != 0 {
		u.add(levelWarning, "files", "chmod go-w "+c.file, "%s can be changed by others (mode %04o): who does has the relay", c.file, info.Mode().Perm())
	}
	for _, file := range []string{c.spoolKeyFile(), c.redactKeyFile()} {
		if err := checkPrivate(file); err != nil && c.Spool.Dir != "" {
			if _, missing := os.Stat(file); errors.Is(missing, fs.ErrNotExist) {
				u.add(levelNote, "files", "", "%s is made at the first start", file)
				continue
			}
			u.add(levelFault, "files", "", "%v", err)
		}
	}
	if info, err := os.Stat(c.path(c.Spool.Dir)); err == nil && c.Spool.Dir != "" {
		if info.Mode().Perm()&0o077 != 0 {
			u.add(levelWarning, "files", "chmod 0700 "+c.path(c.Spool.Dir), "spool.dir can be entered by others (mode %04o)", info.Mode().Perm())
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
			u.add(levelNote, "files", "run doctor as that user", "spool.dir belongs to user %d, and this is user %d", st.Uid, os.Geteuid())
		}
	}
	if len(u.Lines) == bad {
		u.add(levelOK, "files", "", "keys, secrets and the spool are for the relay's user alone")
	}
}

// checkDisk looks at the room that the spool may take and the file system has.
func (c *Config) checkDisk(u *checkup) {
	if c.Spool.Dir == "" {
		u.add(levelFault, "spool.dir", "set it", "must not be empty (only serve --stdout does without)")
		return
	}
	dir := existing(c.path(c.Spool.Dir))
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		u.add(levelFault, "spool.dir", "", "%s: %v", dir, err)
		return
	}
	free, floor := Size(int64(st.Bavail)*int64(st.Bsize)), c.Spool.MinFree
	if floor == 0 { // as the spool has it
		floor = Size(min(512<<20, int64(st.Blocks)*int64(st.Bsize)/20))
	}
	switch {
	case free <= floor:
		u.add(levelFault, "spool.dir", "make room, or lower spool.min_free", "the file system of %s has %s free, of which %s must stay so (spool.min_free): nothing can be stored", dir, rough(free), floor)
	case free-floor < c.Spool.MaxSize:
		u.add(levelWarning, "spool.dir", "make room, or lower spool.max_size, so that the quota is one that can be had", "the file system of %s has %s free: spool.max_size %s does not fit", dir, rough(free), c.Spool.MaxSize)
	default:
		u.add(levelOK, "spool.dir", "", "%s free for a quota of %s", rough(free), c.Spool.MaxSize)
	}
}

// existing is path, or the nearest folder above it that is there.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}

// checkRelay asks the running relay, and looks at what it shows at its doors.
func (c *Config) checkRelay(ctx context.Context, u *checkup, now time.Time) {
	if c.Spool.Dir == "" && c.Control.Socket == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var st status
	if err := newControlClient(c.controlSocket()).ask(ctx, http.MethodGet, "/v1/status", nil, &st); err != nil {
		u.add(levelFault, "relay", "start it (systemctl start destring, or destring serve -c "+c.file+"), and run doctor as the relay's user", "%v", err)
		return
	}
	u.add(levelOK, "relay", "", "process %d, up %s, version %s", st.PID, age(now, st.Started), st.Version)
	if own := readBuildInfo().Version; own != st.Version {
		u.add(levelWarning, "relay", "restart it", "it runs version %s, and the binary on the disk is %s", st.Version, own)
	}
	st.examine(u, now)
	for _, d := range []struct {
		name string
		door *Door
	}{{"syslog_tls", &c.Listen.SyslogTLS}, {"relp", &c.Listen.RELP}} {
		if d.door.Address != "" {
			c.checkShown(u, d.name, d.door, st.Listeners[d.name], st.Certificates[d.name])
		}
	}
}

// examine looks at what the relay says of itself.
func (s *status) examine(u *checkup, now time.Time) {
	for part, problem := range s.Problems {
		u.add(levelFault, "relay: "+part, "", "%s", problem)
	}
	if s.Spool.Refusing != "" {
		u.add(levelFault, "spool", "mend the disk and restart the relay", "it takes nothing any more: %s", s.Spool.Refusing)
	}
	if s.Spool.Usage > 0.5 {
		u.add(levelWarning, "spool", "see why its readers are behind, below; or raise spool.max_size", "%.0f %% of its quota is used", 100*s.Spool.Usage)
	} else {
		u.add(levelOK, "spool", "", "%.1f %% of its quota is used (%s)", 100*s.Spool.Usage, rough(Size(s.Spool.Bytes)))
	}
	for _, r := range s.Spool.Readers {
		switch {
		case r.Oldest.After(now.Add(time.Minute)):
			u.add(levelWarning, "spool: "+r.Name, "set the clock right; event times of that while are wrong", "its oldest record is from the future (%s)", r.Oldest.UTC().Format(time.RFC3339))
		case !r.Oldest.IsZero() && now.Sub(r.Oldest) > time.Minute:
			u.add(levelWarning, "spool: "+r.Name, map[bool]string{true: "see the lines of kafka", false: "see the relay's log"}[r.Name == readerKafka], "%d records wait, the oldest for %s", r.Depth, age(now, r.Oldest))
		default:
			u.add(levelOK, "spool: "+r.Name, "", "%d records to read", r.Depth)
		}
	}
	if k := s.Kafka; k != nil && !k.OK {
		level := levelFault
		if now.Sub(k.Since) < 10*time.Second { // just started, or a broker changes hands
			level = levelWarning
		}
		u.add(level, "relay: kafka", k.Remedy, "for %s: %s", age(now, k.Since), k.Problem)
	}
	for _, p := range s.Peers {
		if !p.NotAfter.IsZero() && p.NotAfter.Sub(now) < 3*24*time.Hour {
			u.add(levelWarning, "peer "+p.Name, "renew it there", "its certificate ends %s", day(p.NotAfter))
		}
	}
}

// checkShown compares the certificate that the relay shows with the file: who renews a certificate and
// forgets the reload learns of it before the old one ends. The relay is asked for it, for a
// handshake without a certificate of ours would be one more client refused at its door.
func (c *Config) checkShown(u *checkup, name string, d *Door, address, shown string) {
	subject := "listen." + name
	if address == "" {
		u.add(levelFault, subject, "restart the relay: listeners are opened at the start", "the relay does not listen there")
		return
	}
	pair, err := tls.LoadX509KeyPair(c.path(d.CertFile), c.path(d.KeyFile))
	if err != nil {
		return // said with the certificates
	}
	if shown != fingerprintOf(pair) {
		u.add(levelFault, subject, "destring reload -c "+c.file, "the relay shows another certificate than %s", c.path(d.CertFile))
		return
	}
	u.add(levelOK, subject, "", "listens on %s with the certificate of the file", address)
}
