package main

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"destring/rules/redact"
)

// check finds what is wrong with values that are each of their type.
func (l *loader) check(c *Config) {
	l.checkListen(&c.Listen)
	for i, p := range c.Peers {
		if p.Match == "" {
			l.fault("peers", "entry %d: match: must not be empty", i+1)
		}
		l.checkZone("peers", p.Zone)
		if _, err := p.celery(); err != nil {
			l.fault("peers", "entry %d: formats: %s", i+1, err)
		}
	}
	l.checkZone("zone", c.Zone)
	if c.Redact.Profile == "debug" && strings.HasPrefix(strings.ToLower(c.Environment), "prod") {
		l.fault("redact.profile", "debug shows too much for environment %s: use balanced", c.Environment)
	}
	if c.Redact.Profile == "debug" && c.Redact.DebugUntil == "" {
		l.fault("redact.debug_until", "must be set with profile debug: when does the debugging end?")
	}
	l.checkFiles(c)
	for key, text := range map[string]string{"name": c.Name, "environment": c.Environment} {
		if strings.ContainsFunc(text, unicode.IsControl) || len(text) > 255 {
			l.fault(key, "must be at most 255 characters without line feeds and other controls")
		}
	}
	if c.Spool.Dir != "" && len(c.controlSocket()) > maxSocketPath {
		l.fault("control.socket", "%s is longer than %d bytes, which a unix socket may not be: set a shorter path", c.controlSocket(), maxSocketPath)
	}
	l.checkKafka(&c.Kafka)
	l.checkSlack(&c.Alerts.Slack)
	l.checkAlerts(c)
	l.checkAddress("metrics.address", c.Metrics.Address, false)
	l.checkSignals(&c.Signals)
}

func (l *loader) checkZone(key, zone string) {
	if _, err := time.LoadLocation(zone); err != nil {
		l.fault(key, "%q is no time zone: write Local, UTC or a name as Europe/Berlin", zone)
	}
}

func (l *loader) checkListen(n *Listen) {
	doors := 0
	for key, d := range map[string]*Door{"listen.syslog_tls": &n.SyslogTLS, "listen.relp": &n.RELP} {
		if d.Address == "" {
			continue
		}
		doors++
		l.checkAddress(key+".address", d.Address, false)
		if d.CertFile == "" {
			l.fault(key+".cert_file", "must not be empty where there is an address")
		}
		if d.KeyFile == "" {
			l.fault(key+".key_file", "must not be empty where there is an address")
		}
		if d.ClientCAFile == "" && d.ClientAuth != "none" {
			l.fault(key+".client_ca_file", "must not be empty: senders are known by their certificates (client_auth: none lets everybody in)")
		}
	}
	for key, address := range map[string]string{"listen.plain.tcp": n.Plain.TCP, "listen.plain.udp": n.Plain.UDP} {
		if address == "" {
			continue
		}
		doors++
		l.checkAddress(key, address, !n.Plain.AllowPlaintext)
	}
	if n.Plain.Unix != "" {
		doors++
	}
	if a := n.SyslogTLS.Address; a != "" && a == n.RELP.Address && !strings.HasSuffix(a, ":0") {
		l.fault("listen.relp.address", "%s is that of listen.syslog_tls too", a)
	}
	if doors == 0 {
		l.fault("listen.syslog_tls.address", "must not be empty: nothing listens (set listen.syslog_tls.address or DESTRING_LISTEN_SYSLOG_TLS_ADDRESS)")
	}
	if n.MaxMessage < 1<<10 || n.MaxMessage > redact.MaxText {
		l.fault("listen.max_message", "%s is not between 1KiB and %s, the longest text that redaction judges", n.MaxMessage, Size(redact.MaxText))
	}
	if n.MaxConnections < 1 {
		l.fault("listen.max_connections", "must be at least 1")
	}
}

// maxSocketPath is the longest path of a unix socket, sun_path of unix(7) less its NUL.
const maxSocketPath = 107

// checkAddress wants host:port; loopback also wants that nobody else can reach it.
func (l *loader) checkAddress(key, address string, loopback bool) {
	if address == "" {
		return
	}
	host, port, err := net.SplitHostPort(address)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || strconv.FormatUint(n, 10) != port {
		l.fault(key, "%q is no address: write host:port, as 127.0.0.1:6514", address)
		return
	}
	if loopback && !isLoopback(host) {
		l.fault(key, "%s is not loopback and not encrypted: use listen.syslog_tls, or set listen.plain.allow_plaintext if you accept that everybody on the path reads and forges", address)
	}
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

var topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

func (l *loader) checkKafka(k *Kafka) {
	for _, b := range k.Brokers {
		l.checkAddress("kafka.brokers", b, false)
		host, _, _ := net.SplitHostPort(b)
		if !k.AllowPlaintext && !k.secured() && !isLoopback(host) {
			l.fault("kafka.brokers", "%s is not loopback and there is no TLS: set kafka.tls.enabled, or kafka.allow_plaintext if the network is yours alone", b)
		}
	}
	topics := []string{k.Topic, k.AlertsTopic, k.AuditTopic, k.DLQTopic}
	for i, t := range topics {
		switch {
		case t == "" || slices.Contains(topics[:i], t):
			l.fault("kafka.topic", "the four topics must have names, each its own; %q is empty or comes twice", t)
		case !topicName.MatchString(t) || t == "." || t == "..":
			l.fault("kafka.topic", "%q is no name of a topic: Kafka takes letters, digits, dot, underscore and hyphen, 249 at most", t)
		}
	}
	if k.Partitions < 1 || k.Partitions > 10000 {
		l.fault("kafka.partitions", "%d is not between 1 and 10000", k.Partitions)
	}
	if k.SASL.Mechanism != "none" && (k.SASL.Username == "" || k.SASL.Password.Empty() && k.SASL.PasswordFile == "") {
		l.fault("kafka.sasl", "%s needs username and password_file (or DESTRING_KAFKA_SASL_PASSWORD)", k.SASL.Mechanism)
	}
	if (k.TLS.CertFile == "") != (k.TLS.KeyFile == "") {
		l.fault("kafka.tls.cert_file", "cert_file and key_file go together")
	}
}

// secured reports whether the way to the brokers is encrypted.
func (k *Kafka) secured() bool { return k.TLS.Enabled || k.TLS.CAFile != "" || k.TLS.CertFile != "" }

func (l *loader) checkSlack(s *Slack) {
	token, hook := !s.Token.Empty() || s.TokenFile != "", !s.WebhookURL.Empty() || s.WebhookURLFile != ""
	if token && hook {
		l.fault("alerts.slack", "a bot token and a webhook are both set: choose one")
	}
	if token && s.Channel == "" {
		l.fault("alerts.slack.channel", "must not be empty where there is a token")
	}
}

// checkAlerts wants routes to lead somewhere and silences to be whole.
func (l *loader) checkAlerts(c *Config) {
	if _, err := c.routes(); err != nil {
		l.fault("alerts.routes", "%s", err)
	}
	if _, err := c.silences(); err != nil {
		l.fault("alerts.silences", "%s", err)
	}
	w := &c.Alerts.Webhook
	if hasURL, hasKey := !w.URL.Empty() || w.URLFile != "", !w.Secret.Empty() || w.SecretFile != ""; hasURL != hasKey {
		l.fault("alerts.webhook", "the URL and the key of the signature go together")
	}
}

// checkFiles wants each named file to be there, private ones to be private, and no key in the spool.
func (l *loader) checkFiles(c *Config) {
	for key, name := range map[string]string{
		"listen.syslog_tls.cert_file": c.Listen.SyslogTLS.CertFile, "listen.syslog_tls.client_ca_file": c.Listen.SyslogTLS.ClientCAFile, "listen.syslog_tls.crl_file": c.Listen.SyslogTLS.CRLFile,
		"listen.relp.cert_file": c.Listen.RELP.CertFile, "listen.relp.client_ca_file": c.Listen.RELP.ClientCAFile, "listen.relp.crl_file": c.Listen.RELP.CRLFile,
		"kafka.tls.ca_file": c.Kafka.TLS.CAFile, "kafka.tls.cert_file": c.Kafka.TLS.CertFile,
	} {
		if name != "" {
			if _, err := os.Stat(c.path(name)); err != nil {
				l.fault(key, "%s", fileProblem(err))
			}
		}
	}
	for key, name := range c.privateFiles() {
		if name == "" {
			continue
		}
		if err := checkPrivate(c.path(name)); err != nil {
			l.fault(key, "%s", err)
		}
		if c.Spool.Dir != "" && isInside(c.path(name), c.path(c.Spool.Dir)) {
			l.fault(key, "%s lies in spool.dir: whoever copies the spool has the key too; put it elsewhere", name)
		}
	}
}

// privateFiles are the files that nobody else may read. Keys of our own that are missing are made
// at the first start and are not here then.
func (c *Config) privateFiles() map[string]string {
	files := map[string]string{
		"listen.syslog_tls.key_file": c.Listen.SyslogTLS.KeyFile, "listen.relp.key_file": c.Listen.RELP.KeyFile,
		"kafka.tls.key_file": c.Kafka.TLS.KeyFile, "kafka.sasl.password_file": c.Kafka.SASL.PasswordFile,
		"alerts.slack.token_file": c.Alerts.Slack.TokenFile, "alerts.slack.app_token_file": c.Alerts.Slack.AppTokenFile, "alerts.slack.webhook_url_file": c.Alerts.Slack.WebhookURLFile,
		"alerts.webhook.url_file": c.Alerts.Webhook.URLFile, "alerts.webhook.secret_file": c.Alerts.Webhook.SecretFile,
	}
	for key, name := range map[string]string{"spool.key_file": c.Spool.KeyFile, "redact.key_file": c.Redact.KeyFile} {
		if _, err := os.Stat(c.path(name)); name != "" && err == nil {
			files[key] = name
		}
	}
	return files
}

func fileProblem(err error) string {
	if os.IsNotExist(err) {
		return "there is no such file: " + pathOf(err)
	}
	return err.Error()
}

func pathOf(err error) string {
	if p, ok := err.(*fs.PathError); ok {
		return p.Path
	}
	return err.Error()
}

// checkPrivate refuses a file that others can read, or a group that this process is not in: a
// group of its own is how systemd and Kubernetes hand out secrets.
func checkPrivate(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("%s", fileProblem(err))
	}
	mode := info.Mode().Perm()
	if mode&0o007 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o): chmod 0600 %s", name, mode, name)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && mode&0o070 != 0 && !inGroup(int(st.Gid)) {
		return fmt.Errorf("%s can be read by group %d, which this process is not in (mode %04o): chmod 0600 %s", name, st.Gid, mode, name)
	}
	return nil
}

func inGroup(gid int) bool {
	groups, _ := os.Getgroups()
	return gid == os.Getegid() || slices.Contains(groups, gid)
}

// isInside reports whether name lies in dir or below it.
func isInside(name, dir string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
