package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"destring/deploy"
)

// object is a document of YAML. at walks it: names are members, numbers entries.
type object map[string]any

func at[T any](t *testing.T, v any, path ...any) T {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				t.Fatalf("%v: there is no entry %d", path, step)
			}
			v = l[step]
		}
	}
	out, ok := v.(T)
	if !ok {
		t.Fatalf("%v is %T (%v)", path, v, v)
	}
	return out
}

// documents reads a YAML file of deploy; a key that stands twice is refused.
func documents(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	text, err := deploy.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc map[string]any
		if err := d.Decode(&doc); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, doc)
	}
}

func schemaFile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is v with the types that a schema knows.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// loadsShipped reads a configuration that we ship as serve would, with files of the right modes where it
// names some.
func loadsShipped(t *testing.T, text string) *Config {
	t.Helper()
	root := t.TempDir()
	text = strings.ReplaceAll(text, "/run/secrets", filepath.Join(root, "secrets"))
	for _, name := range []string{"server.pem", "server.key", "ca.pem", "tls/tls.crt", "tls/tls.key", "tls/ca.crt", "keys/spool.key", "keys/redact.key", "kafka/ca.crt", "kafka/password", "slack/webhook.url"} {
		file := filepath.Join(root, "secrets", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("x"), 0o440)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "destring.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(file, nil, nil)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	checkSchema(t, text, true)
	return c
}

func TestTheComposeFileIsValidAndItsPartsFitTogether(t *testing.T) {
	doc := documents(t, "compose/compose.yaml")[0]
	if err := schemaFile(t, "compose.schema.json").Validate(asJSON(t, doc)); err != nil {
		t.Fatal(err)
	}
	text, err := deploy.Files.ReadFile(path.Join("compose", at[string](t, doc, "configs", "destring", "file")))
	if err != nil {
		t.Fatal(err)
	}
	c := loadsShipped(t, string(text))
	service := at[map[string]any](t, doc, "services", "destring")
	if got := at[string](t, service, "configs", 0, "target"); got != "/etc/destring/destring.yaml" {
		t.Errorf("the image's command reads /etc/destring/destring.yaml, the file is put to %s", got)
	}
	for _, name := range at[[]any](t, service, "secrets") {
		if at[string](t, doc, "secrets", name, "file") == "" || !strings.Contains(string(text), "/run/secrets/"+name.(string)) {
			t.Errorf("secret %v is mounted and not used", name)
		}
	}
	if !strings.HasPrefix(c.Spool.Dir, strings.TrimPrefix(at[string](t, service, "volumes", 0), "state:")) {
		t.Errorf("the spool (%s) is not on the volume", c.Spool.Dir)
	}
	if !at[bool](t, service, "read_only") || at[string](t, service, "cap_drop", 0) != "ALL" || at[string](t, service, "security_opt", 0) != "no-new-privileges:true" {
		t.Error("the container can do more than it needs")
	}
	if listeners := at[string](t, doc, "services", "kafka", "environment", "KAFKA_ADVERTISED_LISTENERS"); !strings.Contains(listeners, "://"+c.Kafka.Brokers[0]) {
		t.Errorf("Kafka is at %s, destring looks for %s", listeners, c.Kafka.Brokers[0])
	}
}

func TestTheKubernetesManifestsAreValid(t *testing.T) {
	schema := schemaFile(t, "kubernetes.schema.json")
	for _, doc := range documents(t, "kubernetes/destring.yaml") {
		if err := schema.Validate(asJSON(t, doc)); err != nil {
			t.Errorf("%v: %v", doc["kind"], err)
		}
		if doc["kind"] != "Namespace" && at[string](t, doc, "metadata", "namespace") != "destring" {
			t.Errorf("%v is in no namespace", doc["kind"])
		}
	}
	// The check itself: what Kubernetes refuses is refused.
	bad := asJSON(t, map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": "x"}, "spec": object{"prots": []any{}}})
	if schema.Validate(bad) == nil {
		t.Error("a key that does not exist was accepted")
	}
}

// manifest is the one document of a kind.
func manifest(t *testing.T, kind string) map[string]any {
	t.Helper()
	all := documents(t, "kubernetes/destring.yaml")
	i := slices.IndexFunc(all, func(d map[string]any) bool { return d["kind"] == kind })
	if i < 0 {
		t.Fatalf("there is no %s", kind)
	}
	return all[i]
}

func TestThePodIsConfinedAndProbed(t *testing.T) {
	pod := at[map[string]any](t, manifest(t, "StatefulSet"), "spec", "template", "spec")
	box := at[map[string]any](t, pod, "containers", 0)
	for name, ok := range map[string]bool{
		"runs as root":                         at[bool](t, pod, "securityContext", "runAsNonRoot") && at[int](t, pod, "securityContext", "runAsUser") != 0,
		"has no seccomp profile":               at[string](t, pod, "securityContext", "seccompProfile", "type") == "RuntimeDefault",
		"can write its root file system":       at[bool](t, box, "securityContext", "readOnlyRootFilesystem"),
		"can gain privileges":                  !at[bool](t, box, "securityContext", "allowPrivilegeEscalation"),
		"keeps capabilities":                   at[string](t, box, "securityContext", "capabilities", "drop", 0) == "ALL",
		"has a token of the API":               !at[bool](t, pod, "automountServiceAccountToken"),
		"gets DESTRING_SERVICE_HOST as a key":  !at[bool](t, pod, "enableServiceLinks"),
		"is killed before it has drained":      at[int](t, pod, "terminationGracePeriodSeconds") >= 20,
		"has no memory limit":                  at[string](t, box, "resources", "limits", "memory") != "",
		"is probed elsewhere than at /readyz":  at[string](t, box, "readinessProbe", "httpGet", "path") == "/readyz",
		"is killed by a probe that wants more": at[string](t, box, "livenessProbe", "httpGet", "path") == "/livez",
	} {
		if !ok {
			t.Errorf("the pod %s", name)
		}
	}
}

func TestTheConfigurationInTheConfigMapFitsPortsAndMounts(t *testing.T) {
	text := at[string](t, manifest(t, "ConfigMap"), "data", "destring.yaml")
	c := loadsShipped(t, text)
	pod := at[map[string]any](t, manifest(t, "StatefulSet"), "spec", "template", "spec")
	box := at[map[string]any](t, pod, "containers", 0)
	ports := map[string]int{}
	for _, p := range at[[]any](t, box, "ports") {
		ports[at[string](t, p, "name")] = at[int](t, p, "containerPort")
	}
	if want := map[string]int{"syslog-tls": 6514, "relp": 2514, "metrics": 9514}; ports["syslog-tls"] != want["syslog-tls"] || ports["relp"] != want["relp"] || ports["metrics"] != want["metrics"] ||
		c.Listen.SyslogTLS.Address != ":6514" || c.Listen.RELP.Address != ":2514" || c.Metrics.Address != ":9514" {
		t.Errorf("ports %v are not those of the configuration", ports)
	}
	volumes := []string{"state"} // by the claim
	for _, v := range at[[]any](t, pod, "volumes") {
		volumes = append(volumes, at[string](t, v, "name"))
		if secret, ok := v.(map[string]any)["secret"]; ok && at[int](t, secret, "defaultMode")&0o007 != 0 {
			t.Errorf("everybody can read secret %v", v)
		}
	}
	var mounts []string
	for _, m := range at[[]any](t, box, "volumeMounts") {
		mounts = append(mounts, at[string](t, m, "mountPath"))
		if !slices.Contains(volumes, at[string](t, m, "name")) {
			t.Errorf("mount %v has no volume", m)
		}
	}
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" ,{}\n\"", r) }) {
		if strings.HasPrefix(line, "/") && !slices.ContainsFunc(mounts, func(m string) bool { return strings.HasPrefix(line, m+"/") }) {
			t.Errorf("%s is on no mount (%v)", line, mounts)
		}
	}
	service, labels := manifest(t, "Service"), at[map[string]any](t, manifest(t, "StatefulSet"), "spec", "template", "metadata", "labels")
	for name, selector := range map[string]map[string]any{"Service": at[map[string]any](t, service, "spec", "selector"), "PodDisruptionBudget": at[map[string]any](t, manifest(t, "PodDisruptionBudget"), "spec", "selector", "matchLabels"),
		"NetworkPolicy": at[map[string]any](t, manifest(t, "NetworkPolicy"), "spec", "podSelector", "matchLabels")} {
		for key, value := range selector {
			if labels[key] != value {
				t.Errorf("%s selects %s=%v, the pod has %v", name, key, value, labels[key])
			}
		}
	}
	for _, p := range at[[]any](t, service, "spec", "ports") {
		if ports[at[string](t, p, "targetPort")] != at[int](t, p, "port") {
			t.Errorf("port %v leads nowhere", p)
		}
	}
}
