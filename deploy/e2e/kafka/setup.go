package kafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const logConfig = `Configuration:
  status: "warn"
  Appenders: {Console: {name: C, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: [{ref: C}]}}
`

// certificate makes the key store of the TLS listener, and what clients trust.
func (n *Node) certificate() {
	n.t.Helper()
	n.CAFile = n.file("broker.pem")
	store := n.file("broker.p12")
	n.command("keytool", "-genkeypair", "-alias", "broker", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30",
		"-dname", "CN=localhost", "-ext", "SAN=dns:localhost,ip:127.0.0.1", "-keystore", store, "-storetype", "PKCS12", "-storepass", storePassword)
	n.command("keytool", "-exportcert", "-rfc", "-alias", "broker", "-keystore", store, "-storepass", storePassword, "-file", n.CAFile)
}

const storePassword = "changeit"

// configure writes server.properties. Timestamps of records may be old: time-based
// retention stays off, except for topics that set it.
func (n *Node) configure(controller string, more map[string]string) {
	n.t.Helper()
	scram := "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	properties := map[string]string{
		"process.roles":                                         "broker,controller",
		"node.id":                                               "1",
		"controller.quorum.voters":                              "1@" + controller,
		"listeners":                                             fmt.Sprintf("PLAINTEXT://%s,CONTROLLER://%s,SASL_SSL://%s", n.Addr, controller, n.Secure),
		"advertised.listeners":                                  fmt.Sprintf("PLAINTEXT://%s,SASL_SSL://%s", n.Addr, n.Secure),
		"listener.security.protocol.map":                        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
		"inter.broker.listener.name":                            "PLAINTEXT",
		"controller.listener.names":                             "CONTROLLER",
		"sasl.enabled.mechanisms":                               "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"ssl.keystore.location":                                 n.file("broker.p12"),
		"ssl.keystore.type":                                     "PKCS12",
		"ssl.keystore.password":                                 storePassword,
		"ssl.key.password":                                      storePassword,
		"log.dirs":                                              n.file("data"),
		"num.partitions":                                        "1",
		"default.replication.factor":                            "1",
		"offsets.topic.num.partitions":                          "1",
		"offsets.topic.replication.factor":                      "1",
		"transaction.state.log.num.partitions":                  "1",
		"transaction.state.log.replication.factor":              "1",
		"transaction.state.log.min.isr":                         "1",
		"share.coordinator.state.topic.num.partitions":          "1",
		"share.coordinator.state.topic.replication.factor":      "1",
		"share.coordinator.state.topic.min.isr":                 "1",
		"group.initial.rebalance.delay.ms":                      "0",
		"log.retention.ms":                                      "-1",
		"auto.create.topics.enable":                             "false",
		"delete.topic.enable":                                   "true",
		"log.segment.delete.delay.ms":                           "1000",
		"listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
		"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
		"listener.name.sasl_ssl.plain.sasl.jaas.config": fmt.Sprintf(
			"org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q;", User, Password),
	}
	maps.Copy(properties, more)
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&b, "%s=%s\n", k, properties[k])
	}
	n.write("server.properties", b.String())
	n.write("log4j2.yaml", logConfig)
}

// format makes the empty log folder, with the SCRAM user in its first metadata.
func (n *Node) format() {
	n.t.Helper()
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	n.tool("kafka.tools.StorageTool", "format", "--cluster-id", base64.RawURLEncoding.EncodeToString(id[:]), "--config", n.file("server.properties"),
		"--add-scram", fmt.Sprintf("SCRAM-SHA-256=[name=%s,password=%s]", User, Password),
		"--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", User, Password))
}

func (n *Node) write(name, content string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(content), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

func (n *Node) command(name string, args ...string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
