package main

import (
	"time"
)

// Config is the whole configuration and its manual: the key in the YAML file, the default
// and what it means stand in the tags of each field. `config schema`, `init`, the table in the
// README and the checks of unknown keys and variables are made from it (fields.go), so
// that nothing has to be said twice.
//
// Where a value comes from, later ones winning: the default, the file, the environment
// variable DESTRING_ and the key in capitals (DESTRING_KAFKA_BROKERS), --set key=value.
type Config struct {
	Environment string `key:"environment" doc:"Where this relay stands: prod, staging, … Published as service.environment."`
	Name        string `key:"name" doc:"Name of this relay, published as observer.name. The host's name when empty."`
	Zone        string `key:"zone" default:"Local" doc:"Time zone of lines and headers that name none: Local, UTC, Europe/Berlin, … A peer may have its own (peers.zone)."`

	Listen  Listen  `key:"listen"`
	Peers   []Peer  `key:"peers" doc:"What is known of single senders."`
	Redact  Redact  `key:"redact"`
	Rules   Rules   `key:"rules"`
	Spool   Spool   `key:"spool"`
	Kafka   Kafka   `key:"kafka"`
	Alerts  Alerts  `key:"alerts"`
	Signals Signals `key:"signals"`
	Metrics Metrics `key:"metrics"`
	Control Control `key:"control"`
	Log     Log     `key:"log"`

	file      string // that it was read from; relative paths in it start at its folder
	maxRecord int    // bytes of a record; 0 is what Kafka takes
}

// Listen is the front door.
type Listen struct {
	SyslogTLS Door  `key:"syslog_tls" doc:"Syslog over TLS (RFC 5425), the worker's target."`
	RELP      Door  `key:"relp" doc:"RELP over TLS: the sender is told when a message is on the disk."`
	Plain     Plain `key:"plain" doc:"Unencrypted inputs, off by default and loopback only."`

	OnFull string        `key:"on_full" default:"shed" one:"shed,block" doc:"When the spool is full: shed plain syslog with a counted gap, or block its sender. RELP senders get no reply in either case."`
	Stall  time.Duration `key:"stall" default:"2s" doc:"With shed: how long reading may pause in one spell of fullness."`

	MaxMessage       Size          `key:"max_message" default:"1MiB" doc:"Longer messages are cut and flagged."`
	MaxConnections   int           `key:"max_connections" default:"10000" doc:"Connections of each listener."`
	PeerConnections  int           `key:"max_connections_per_peer" default:"0" doc:"Connections of one peer to each listener; 0 is no limit."`
	PeerMessages     int           `key:"messages_per_second_per_peer" default:"0" doc:"Messages a second that one peer may send before its reading is slowed; 0 is no limit."`
	PeerBytes        Size          `key:"bytes_per_second_per_peer" default:"0B" doc:"Bytes a second that one peer may send before its reading is slowed; 0B is no limit."`
	PeerWork         Size          `key:"redaction_per_second_per_peer" default:"0B" doc:"Bytes a second that redaction may look at for one peer (a usual line is looked at about ten times) before its reading is slowed, so that lines made to be hard cannot take the processor from others; 0B is no limit."`
	HandshakeTimeout time.Duration `key:"handshake_timeout" default:"10s" doc:"A TLS handshake that takes longer is ended."`
	IdleTimeout      time.Duration `key:"idle_timeout" default:"24h" doc:"A connection without a byte for so long is closed; 0s never closes one. Python's handlers never reconnect, so a short time loses records; dead peers are found by TCP keep-alive anyway."`
	FrameTimeout     time.Duration `key:"frame_timeout" default:"30s" doc:"A message that was begun and not ended in this time is kept as far as it came and the connection closed."`
	DrainTimeout     time.Duration `key:"drain_timeout" default:"5s" doc:"When stopping: how long the sockets are still read."`
}

// Door is one TLS listener.
type Door struct {
	Address      string   `key:"address" doc:"host:port. The listener is off when empty."`
	CertFile     string   `key:"cert_file" doc:"Certificate of this relay and its intermediates, PEM."`
	KeyFile      string   `key:"key_file" doc:"Its private key, PEM. Not readable by others."`
	ClientCAFile string   `key:"client_ca_file" doc:"CAs that sign the senders' certificates, PEM."`
	CRLFile      string   `key:"crl_file" doc:"Revoked senders: CRLs of those CAs, PEM or DER."`
	ClientAuth   string   `key:"client_auth" default:"require" one:"require,optional,none" doc:"Whether senders must show a certificate."`
	Permitted    []string `key:"permitted_peers" doc:"Names (SAN or CN; *.example.org) or SHA-256 fingerprints that may connect. Empty: every certificate of the CA."`
	Framing      string   `key:"framing" default:"auto" one:"auto,octet,lf,nul" doc:"How messages are delimited; auto finds out for each message."`
	Header       string   `key:"header" default:"auto" one:"auto,pri,rfc3164,rfc5424" doc:"The one form of headers that senders use. With line framing and raw line feeds it keeps text of a first message from forging a header; auto learns."`
}

// Plain are inputs without TLS.
type Plain struct {
	TCP            string `key:"tcp" doc:"host:port for syslog over TCP; off when empty."`
	UDP            string `key:"udp" doc:"host:port for syslog over UDP; off when empty."`
	Unix           string `key:"unix" doc:"Path of a unix datagram socket; off when empty."`
	AllowPlaintext bool   `key:"allow_plaintext" default:"false" doc:"Allows addresses that are not loopback. Everybody on the path can read and forge."`
}

// Peer is what is known of a sender, found by its certificate's name.
type Peer struct {
	Match      string   `key:"match" doc:"Name in the certificate; * stands for the left label or for all."`
	Zone       string   `key:"zone" doc:"Time zone of its clock on the wall."`
	Hosts      []string `key:"hosts" doc:"HOSTNAMEs that it may send; others are marked host-mismatch. Empty: every host."`
	OwnNames   bool     `key:"own_names" default:"false" doc:"It may send the names of its certificate as HOSTNAME, and with hosts empty no others."`
	Framing    string   `key:"framing" default:"auto" one:"auto,octet,lf,nul" doc:"How its messages are delimited."`
	Header     string   `key:"header" default:"auto" one:"auto,pri,rfc3164,rfc5424" doc:"The form of its headers."`
	Formats    []string `key:"formats" doc:"Its log formats as Python format strings (worker_log_format, worker_task_log_format), when they are not Celery's own."`
	DateFormat string   `key:"date_format" doc:"The datefmt that goes with formats; Python's own when empty."`
	Transport  string   `key:"transport" default:"auto" one:"auto,raw,rsyslog,backslash" doc:"How its forwarder writes a line feed inside a message: as it is (raw), as #012 (rsyslog), as the two characters \\n (backslash)."`
}

// Redact is the redaction policy.
type Redact struct {
	Profile        string   `key:"profile" default:"balanced" one:"strict,balanced,debug" doc:"strict hides more and gives no fingerprints; debug lets personal data of low severity stand, needs debug_until and is refused where environment is prod."`
	DebugUntil     string   `key:"debug_until" doc:"When the debug profile ends, RFC 3339."`
	Detectors      []string `key:"detectors" doc:"What single detectors do: email=keep, card=drop, password=hash, with mask, hash (a mark with a fingerprint), drop or keep. destring redact --detectors lists them."`
	ShowLast       []string `key:"show_last" doc:"Characters at the end that stay visible, of personal data: card=4."`
	LoosenCritical bool     `key:"loosen_critical" default:"false" doc:"Allows keep for a critical detector. Every value that is kept so is a finding."`
	Allow          []Allow  `key:"allow" doc:"Values that are left as they are, each with an end and a reason."`
	KeyFile        string   `key:"key_file" doc:"Key of the fingerprints, 32 characters or more. Made beside spool.dir at the first start when empty."`
	OldKeyFiles    []string `key:"old_key_files" doc:"Keys before a rotation: fingerprints under them can still be looked up."`
}

// Allow is one kind of value that is left as it is.
type Allow struct {
	Detector string `key:"detector" doc:"Only of this detector; of every one that is not critical when empty."`
	Value    string `key:"value" doc:"The exact value."`
	Pattern  string `key:"pattern" doc:"Or a regular expression over the whole value."`
	Key      string `key:"key" doc:"Or the name of its key."`
	Task     string `key:"task" doc:"Only in records of this task."`
	Until    string `key:"until" doc:"When the entry ends, RFC 3339 or a date."`
	Reason   string `key:"reason" doc:"Why the value is harmless."`
}

// Rules are the Sigma rules that judge clean records.
type Rules struct {
	Dirs   []string `key:"dirs" doc:"Folders with Sigma rules of yours (.yml), beside those that destring brings along."`
	Enable []string `key:"enable" doc:"Rules that are off by default and are to run, by id or name."`
}

// Spool is the durable store between the door and Kafka.
type Spool struct {
	Dir     string `key:"dir" doc:"Folder of the spool, mode 0700. State of alerts lies in it too."`
	MaxSize Size   `key:"max_size" default:"10GiB" doc:"Bytes that it may take."`
	MinFree Size   `key:"min_free" default:"0B" doc:"Bytes of the file system that it leaves free; 0B is the smaller of 512MiB and a twentieth of it."`
	KeyFile string `key:"key_file" doc:"Master key of its encryption. Made beside spool.dir (never in it) at the first start when empty."`
}

// Kafka is where records go.
type Kafka struct {
	Brokers        []string  `key:"brokers" doc:"host:port of brokers to start with."`
	Topic          string    `key:"topic" default:"celery.logs.v1" doc:"Topic of the log records."`
	AlertsTopic    string    `key:"alerts_topic" default:"celery.alerts.v1" doc:"Topic of the alerts."`
	AuditTopic     string    `key:"audit_topic" default:"celery.audit.v1" doc:"Topic of what the relay says of itself: gaps, decisions."`
	DLQTopic       string    `key:"dlq_topic" default:"celery.dlq.v1" doc:"Topic of records that the broker refused for good."`
	Compression    string    `key:"compression" default:"lz4" one:"none,lz4,zstd" doc:"Of record batches, in the spool and on the wire."`
	Partitions     int       `key:"partitions" default:"6" doc:"Partitions of a topic that destring creates, and until the broker has told the real number."`
	CreateTopics   bool      `key:"create_topics" default:"true" doc:"Creates missing topics: replication min(3, brokers), min.insync.replicas 2 of 3, retention 7 d."`
	AllowPlaintext bool      `key:"allow_plaintext" default:"false" doc:"Allows a broker that is not on loopback without TLS."`
	TLS            KafkaTLS  `key:"tls"`
	SASL           KafkaSASL `key:"sasl"`
}

// KafkaTLS secures the way to the brokers.
type KafkaTLS struct {
	Enabled    bool   `key:"enabled" default:"false" doc:"TLS to the brokers; also on when one of the files is set."`
	CAFile     string `key:"ca_file" doc:"CAs of the brokers, PEM; the system's when empty."`
	CertFile   string `key:"cert_file" doc:"Own certificate for mTLS, PEM."`
	KeyFile    string `key:"key_file" doc:"Its key, PEM."`
	ServerName string `key:"server_name" doc:"Name that the brokers' certificates must have, when it is not the address."`
}

// KafkaSASL says who we are to the brokers.
type KafkaSASL struct {
	Mechanism    string `key:"mechanism" default:"none" one:"none,plain,scram-sha-256,scram-sha-512" doc:"How to log in."`
	Username     string `key:"username" doc:"User."`
	Password     Secret `key:"password" doc:"Password; from the environment only."`
	PasswordFile string `key:"password_file" doc:"File with the password."`
}

// Alerts are what people are told.
type Alerts struct {
	GroupWait     time.Duration `key:"group_wait" default:"1m" doc:"How long an alert below high gathers matches before it is told. Critical ones never wait."`
	GroupWaitHigh time.Duration `key:"group_wait_high" default:"10s" doc:"The same for high alerts."`
	GroupBy       []string      `key:"group_by" doc:"What makes two matches one alert: rule, task, secret, detector, worker, host, peer, environment. Rule, task and secret when empty."`
	Repeat        time.Duration `key:"repeat" default:"4h" doc:"An alert that goes on is posted again after this, then after twice as long, a day at most."`
	Quiet         time.Duration `key:"quiet" default:"30m" doc:"Without a match for so long an alert is resolved."`
	Storm         int           `key:"storm" default:"10" doc:"So many alerts a minute in a channel become one digest; critical ones are never folded."`
	Format        string        `key:"format" default:"ecs" one:"ecs,ocsf" doc:"What the webhook gets: ECS names or OCSF findings. The Kafka record always has ECS names."`
	DryRun        bool          `key:"dry_run" default:"false" doc:"Say in the log what would be sent, and send nothing."`
	Slack         Slack         `key:"slack"`
	Webhook       Webhook       `key:"webhook"`
	Routes        []Route       `key:"routes" doc:"Which alerts go where, first that fits; every alert to every exit when empty."`
	Silences      []Silence     `key:"silences" doc:"Alerts that are not told for a time."`
}

// Route sends the alerts that fit to exits.
type Route struct {
	Match    []string `key:"match" doc:"Matchers that all must fit: task=billing.*, level>=high, environment=prod. Empty fits everything."`
	To       []string `key:"to" doc:"Exits: slack, webhook, or slack:CHANNEL for another channel by the bot token."`
	Continue bool     `key:"continue" default:"false" doc:"Look at the routes below too."`
}

// Silence keeps alerts that fit from being told.
type Silence struct {
	Match  []string `key:"match" doc:"Matchers that all must fit."`
	Until  string   `key:"until" doc:"When it ends, RFC 3339 or a date."`
	Author string   `key:"author" doc:"Who silences."`
	Reason string   `key:"reason" doc:"Why."`
}

// Slack is where alerts are shown: a bot token and a channel, or an incoming webhook.
type Slack struct {
	WebhookURL     Secret   `key:"webhook_url" doc:"Incoming webhook; from the environment only."`
	WebhookURLFile string   `key:"webhook_url_file" doc:"File with the URL of the incoming webhook."`
	Token          Secret   `key:"token" doc:"Bot token (xoxb-…); from the environment only."`
	TokenFile      string   `key:"token_file" doc:"File with the bot token. Scopes: chat:write, and channels:history to find a message again after a crash."`
	AppToken       Secret   `key:"app_token" doc:"App-level token (xapp-…) for the buttons; from the environment only."`
	AppTokenFile   string   `key:"app_token_file" doc:"File with the app-level token: buttons to acknowledge and silence, by Socket Mode."`
	Users          []string `key:"users" doc:"Ids of those whose clicks count."`
	Channel        string   `key:"channel" doc:"Channel id (better) or name; needed with a token."`
	Mention        []string `key:"mention_critical" doc:"Who is mentioned in critical alerts: ids of groups (S…) or users (U…), here, channel."`
	APIURL         string   `key:"api_url" default:"https://slack.com/api/" doc:"Address of the Slack API; http only to a literal loopback address."`
	Hosts          []string `key:"hosts" doc:"Further hosts that may be posted to, beside Slack's own."`
}

// Webhook is an exit for other systems: JSON, signed with HMAC-SHA-256 and a time stamp.
type Webhook struct {
	URL        Secret `key:"url" doc:"Where alerts are posted; from the environment only."`
	URLFile    string `key:"url_file" doc:"File with the URL. https, or http to a literal loopback address."`
	Secret     Secret `key:"secret" doc:"Key of the signature, 16 characters or more; from the environment only."`
	SecretFile string `key:"secret_file" doc:"File with the key of the signature."`
}

// Metrics is the door for Prometheus and health checks.
type Metrics struct {
	Address string `key:"address" doc:"host:port of /livez, /readyz and /metrics; off when empty. Keep it on loopback or a private network."`
}

// Control is the local API that reload, status, tail, alert and silence use.
type Control struct {
	Socket string `key:"socket" doc:"Path of its unix socket, mode 0600. control.sock beside spool.dir when empty."`
}

// Log is the relay's own log, on standard error.
type Log struct {
	Level  string `key:"level" default:"info" one:"debug,info,warn,error" doc:"Least level that is logged."`
	Format string `key:"format" default:"text" one:"text,json" doc:"Form of the lines."`
}
